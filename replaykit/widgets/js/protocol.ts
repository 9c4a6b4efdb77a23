/**
 * What travels between Python and this bundle: small synced traits, and requests with replies.
 * The same requests are answered by the kernel and by a shared page's capsule.
 *
 * `t` is milliseconds from a replay's first event, `*_ms` is a duration or an epoch time.
 * Ids are strings, because they may exceed 2^53.
 */

/** Synced traits, the same names on the Python side. */
export interface Traits {
  kind: "player" | "result" | "home" | "list" | "person" | "mosaic";
  /** IANA name of the project's time zone. */
  zone: string;
  /** Position in the replay: milliseconds from its first event. */
  time_ms: number;
  playing: boolean;
  speed: number;
  /** Replay id, "" when none is open. */
  session: string;
  /** Row id of the event under the playhead, "" when none. */
  event: string;
  /** The playlist of a player. */
  replays: string[];
  /** The charted point this player was opened from, "" when none. */
  point: string;
  /** Nobody acting for longer than this is inactive time. */
  inactive_ms: number;
  /** What was noted while watching, in the order of writing. */
  note_list: Note[];
  /** The recording on screen is looked at again and again, because it still grows. */
  follow: boolean;
}

/** A note on a moment of a replay. */
export interface Note {
  replay: string;
  /** Milliseconds from the replay's first event. */
  t: number;
  text: string;
}

export type TraitName = keyof Traits;

export type SignalKind = "rage" | "dead" | "error" | "request";
export type Status = "ok" | "no_snapshot" | "gaps" | "short" | "expired" | "hidden";
export type Match = "covering" | "overlapping" | "time";
export type Span = [start: number, end: number];
export type Scalar = string | number | boolean | null;
export type Props = Record<string, Scalar | Scalar[]>;

export interface SegmentInfo {
  start: number;
  end: number;
  bytes: number;
  /**
   * How many events at its head were made at ingest and only repeat the state there: playing on
   * from the segment before leaves them out. 0 or absent: a recorded snapshot, played as it is.
   */
  lead?: number;
}

export interface Page {
  t: number;
  url: string;
  title: string;
}

export interface Signal {
  t: number;
  kind: SignalKind;
  label: string;
  count: number;
}

export interface ConsoleLine {
  t: number;
  level: string;
  text: string;
  /** File, line and column as recorded, "" where the recorder did not tell. */
  source?: string;
}

export interface NetworkLine {
  t: number;
  method: string;
  url: string;
  status: number | null;
  duration_ms: number | null;
  /** It failed, by its status or without one. */
  error: boolean;
}

/** A table of another system on the replay's clock; `t` and `state` as those of events. */
export interface SideTable {
  name: string;
  columns: string[];
  t: number[];
  state: number[];
  rows: Scalar[][];
  /** How many lie inside the recording; the first thousands of them travel. */
  total: number;
}

/** Where an event row lies: in the recording, before it, after it, or out of session. */
export const PLACE = { inside: 0, before: 1, after: 2, server: 3 } as const;

/** The analytics events around a replay, by column; sorted by `t`. */
export interface EventColumns {
  id: string[];
  t: number[];
  name: string[];
  props: Props[];
  state: number[];
  charted: number[];
}

export interface Session {
  replay: string;
  user: string;
  country: string | null;
  agent: string | null;
  start_ms: number;
  length_ms: number;
  status: Status;
  status_detail: string | null;
  width: number;
  height: number;
  segments: SegmentInfo[];
  opened_t: number | null;
  because: string | null;
  match: Match | null;
  shift_ms: number;
  pages: Page[];
  inactive: Span[];
  gaps: Span[];
  marks: Signal[];
  console: ConsoleLine[];
  network: NetworkLine[];
  density: number[];
  events: EventColumns;
  tables?: SideTable[];
  warnings: string[];
  /** Its person can be looked up. */
  look_up?: boolean;
  /** Hosts from which this recording may load what it lacks. */
  allow_network?: string[];
}

/** One line of a session list. */
export interface ListRow {
  replay: string;
  user: string;
  start_ms: number;
  length_ms: number;
  country: string | null;
  signals: SignalKind[];
  activity: number[];
  first_page: string;
  status: Status;
}

export interface UserRow {
  user: string;
  country: string | null;
  replays: number;
  first_ms: number;
  signals: SignalKind[];
}

export interface StreamSession {
  session: string | null;
  start_ms: number;
  length_ms: number;
  replay: string | null;
  match: Match | null;
  /** In a shared page: recorded, but the recording did not travel. */
  elsewhere?: boolean;
  at_t: number | null;
  /** Its replay holds the moment that the point opens at. */
  opens?: boolean;
  first_row: number;
  rows: number;
  /** How many of its rows are of the point. */
  charted?: number;
}

/** A user's rows around a point. Of a long one the first page; a later page has no sessions. */
export interface Stream {
  user: string;
  before: number;
  within: number;
  after: number;
  sessions: StreamSession[];
  /** Position of the first charted row. */
  first_charted?: number | null;
  rows: {
    id: string[];
    time_ms: number[];
    name: string[];
    props: Props[];
    charted: number[];
    /** 0 before, 1 within, 2 after the window of the point. */
    place: number[];
    out_of_session: number[];
  };
}

export interface PointAnswer {
  key: string;
  title: string;
  subtitle: string;
  code: string;
  users: number;
  users_with_replays: number;
  replays: number;
}

export interface PlotlyFigure {
  data: Record<string, unknown>[];
  layout: Record<string, unknown>;
}

/** One filter of a search; all of them must hold. */
export type SearchFilter =
  | { kind: "event" | "cohort" | "signal" | "url"; name: string }
  | { kind: "duration"; op: ">=" | "<="; value: string }
  | {
      kind: "property";
      name: string;
      op: "is" | "is not" | "contains" | ">" | ">=" | "<" | "<=";
      values: Scalar[];
    };

export interface SearchQuery {
  last?: string;
  between?: [from: string, until: string];
  filters: SearchFilter[];
}

export interface ActivityParams {
  device?: string;
  only?: string[];
  from_ms?: number;
  until_ms?: number;
}

/** Which replays of a list come first. */
export type Sample = "in order" | "typical" | "unusual";

export interface MosaicTile {
  replay: string;
  user: string;
  country: string | null;
  length_ms: number;
  anchor_t: number;
  signals: SignalKind[];
}

/** Every request: what is asked and what comes back (`buffers` beside `data`). */
export interface Requests {
  session: { params: { replay: string; point?: string }; data: Session };
  segment: { params: { replay: string; index: number }; data: { start: number; end: number } };
  /** Several at once, in the order asked for; a page, whose bytes are at hand, has no answer. */
  segments: { params: { replay: string; indexes: number[] }; data: Record<string, never> };
  /** The recording as it is now, null when it is no longer and has no more segments. */
  growth: {
    params: { replay: string; point?: string; length_ms: number; segments: number };
    data: { session: Session | null };
  };
  /** What one recording is made of, and what is wrong with it; worst first. */
  anatomy: {
    params: { replay: string };
    data: {
      headline: string;
      findings: {
        severity: "broken" | "missing" | "note";
        text: string;
        /** Where it is, null where it is about the whole. */
        t: number | null;
        at: string;
      }[];
      kinds: { kind: string; events: number; bytes: number; share: number }[];
    };
  };
  playlist: { params: { point?: string }; data: { total: number; rows: ListRow[] } };
  /** Replays side by side, and where the moment that they share is in each. */
  mosaic: {
    params: { offset: number; which?: Sample; point?: string };
    data: {
      title: string;
      anchor: string;
      /** They share a moment, not their starts alone. */
      aligned: boolean;
      which: Sample;
      offset: number;
      total: number;
      tiles: MosaicTile[];
    };
  };
  chart: {
    params: Record<string, never>;
    data: { figure: PlotlyFigure; title: string; note: string; height: number };
  };
  point: { params: { key: string }; data: PointAnswer };
  /** Another result that a point leads to; questions with this `within` are asked of it. */
  follow: {
    params: { key: string; where: "zoom" | "only" | "without" | "journeys" };
    data: { within: string; title: string; code: string };
  };
  drivers: {
    params: { key: string };
    data: {
      code: string;
      total: number;
      rows: {
        event: string;
        correlation: number | null;
        did_share: number | null;
        frequency: number | null;
      }[];
    };
  };
  /** Save the users of a point as a cohort of the project. */
  cohort: { params: { key: string; name: string }; data: { users: number; code: string } };
  /** The users of a point with their latest properties; the file is the buffer. */
  csv: { params: { key: string }; data: Record<string, never> };
  users: {
    params: {
      key: string;
      with_replays: boolean;
      offset: number;
      limit: number;
      signals?: SignalKind[];
    };
    data: { total: number; rows: UserRow[] };
  };
  stream: { params: { key: string; user: string; offset?: number }; data: Stream };
  /** Who somebody is, found by any id; without one, the person who is shown. */
  person: {
    params: { id?: string };
    data: {
      /** What pins are kept for. */
      project: string;
      user: string;
      found_by: string;
      code: string;
      totals: [name: string, value: number | null][];
      profile: [name: string, value: Scalar | Scalar[]][];
      devices: string[];
      /** Other identities that turned out to be theirs. */
      merged: [kind: string, id: string][];
      names: [event: string, rows: number][];
      replays: { total: number; rows: ListRow[] };
      cohorts: { name: string; member: boolean }[];
    };
  };
  /** The sessions of their stream, newest first, by column; session null: out of session. */
  activity: {
    params: ActivityParams;
    data: {
      total: number;
      session: (string | null)[];
      device: (string | null)[];
      first_row: number[];
      rows: number[];
      start_ms: number[];
      end_ms: number[];
      replay: (string | null)[];
      replay_start_ms: (number | null)[];
      status: (Status | null)[];
    };
  };
  /** A page of its rows, by column. */
  rows: {
    params: ActivityParams & { offset: number; limit: number };
    data: {
      offset: number;
      id: string[];
      time_ms: number[];
      name: string[];
      active: number[];
      out_of_session: number[];
      props: Props[];
    };
  };
  /** What the small charts of a person draw. */
  insights: {
    params: Record<string, never>;
    data: {
      every: string;
      start_ms: number[];
      end_ms: number[];
      events: number[];
      sessions: number[];
      usage_ms: number[];
      /** Events by the hour of the day. */
      hours: number[];
      names: [event: string, rows: number][];
      other_names: number;
    };
  };
  /** A chart of selected events; questions with this `within` are asked of it. */
  create: {
    params: { question: "segmentation" | "funnel" | "journeys"; rows: string[] };
    data: { within: string; title: string; code: string };
  };
  home: {
    params: { last: string };
    data: {
      title: string;
      zone: string;
      span: string;
      facts: { value: string; label: string }[];
      total: number;
      rows: ListRow[];
    };
  };
  /** The replays that a query finds, newest first, and the call that finds the same. */
  search: {
    params: { query: SearchQuery; offset: number; limit: number };
    data: { total: number; code: string; rows: ListRow[] };
  };
  /** What can be filtered by. */
  fields: {
    params: Record<string, never>;
    data: {
      fields: {
        kind: "property" | "event" | "cohort" | "signal" | "duration" | "url";
        name: string;
        group: string;
        note: string;
      }[];
    };
  };
  /** The values of a property, most frequent first, with the events that hold each. */
  values: { params: { name: string }; data: { values: [value: Scalar, rows: number][] } };
  sessions: {
    params: { offset: number; limit: number; last: string };
    data: { total: number; rows: ListRow[] };
  };
  plotly: { params: Record<string, never>; data: Record<string, never> };
  views: { params: Record<string, never>; data: Record<string, never> };
}

export type RequestKind = keyof Requests;

export interface Reply<K extends RequestKind> {
  data: Requests[K]["data"];
  buffers: Uint8Array[];
}

/** What the kernel sends: exactly one per request. */
export type ReplyMessage =
  | { id: string; ok: true; data: unknown }
  | { id: string; error: { code: string; message: string; hint?: string | null } };

/** The key of a request in a capsule: its kind and its parameters in sorted order. */
export function capsuleKey(kind: RequestKind, params: object): string {
  const sorted = Object.fromEntries(
    Object.entries(params)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return `${kind} ${JSON.stringify(sorted)}`;
}
