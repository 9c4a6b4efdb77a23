/**
 * A `Source` with nobody behind it: the questions of one figure are answered from what travelled
 * with the page (`capsule.py`). Traits live here, so that a link can move a player.
 */

import { RequestError, type Source } from "../kernel.ts";
import {
  capsuleKey,
  type Props,
  type Reply,
  type RequestKind,
  type Requests,
  type Session,
  type Stream,
  type TraitName,
  type Traits,
} from "../protocol.ts";
import type { Blobs } from "./blobs.ts";
import { writeMoment } from "./links.ts";

/** What a figure of the page holds; written by `Capsule.to_dict` in Python. */
export interface Capsule {
  /** A person, or a list, is in a page a player of the recordings. */
  kind: Exclude<Traits["kind"], "person" | "list" | "mosaic">;
  zone: string;
  replies: Record<string, Entry>;
  /** The rows of all streams by id: time, name, properties, out of session. */
  rows: Record<string, [time_ms: number, name: string, props: Props, out: number]>;
  replays: string[];
  /** A chart of the author's own: nothing stands behind its points. */
  plain?: boolean;
}

interface Entry {
  data?: unknown;
  blob?: string;
  said?: Pick<Session, "opened_t" | "match" | "because">;
  charted?: number[];
  buffers?: string[];
}

/** Parameters that only page through a list which travels whole. */
const PAGING = new Set(["offset", "limit"]);

export class PageSource implements Source {
  readonly keeps = false;
  readonly #capsule: Capsule;
  readonly #blobs: Blobs;
  readonly #library: string | null;
  readonly #traits: Traits;
  readonly #listeners = new Map<TraitName, Set<(value: never) => void>>();

  constructor(capsule: Capsule, blobs: Blobs, library: string | null) {
    this.#capsule = capsule;
    this.#blobs = blobs;
    this.#library = library;
    this.#traits = {
      kind: capsule.kind,
      zone: capsule.zone,
      time_ms: 0,
      playing: false,
      speed: 1,
      session: capsule.kind === "player" ? (capsule.replays[0] ?? "") : "",
      event: "",
      replays: capsule.kind === "player" ? capsule.replays : [],
      point: "",
      inactive_ms: 0,
      note_list: [],
      follow: false,
    };
  }

  async request<K extends RequestKind>(kind: K, params: Requests[K]["params"]): Promise<Reply<K>> {
    if (kind === "plotly" && this.#library !== null) {
      return { data: {} as Requests[K]["data"], buffers: [this.#blobs.bytes(this.#library)] };
    }
    const entry = this.#find(kind, params);
    const data = (await this.#data(kind, params, entry)) as Requests[K]["data"];
    const buffers = (entry.buffers ?? []).map((name) => this.#blobs.bytes(name));
    return { data, buffers };
  }

  get<T extends TraitName>(name: T): Traits[T] {
    return this.#traits[name];
  }

  set(values: Partial<Traits>): void {
    Object.assign(this.#traits, values);
  }

  put(values: Partial<Traits>): void {
    this.set(values);
  }

  /** Write traits as somebody else would: the widget hears of it. */
  push(values: Partial<Traits>): void {
    Object.assign(this.#traits, values);
    for (const name of Object.keys(values) as TraitName[]) {
      for (const then of this.#listeners.get(name) ?? []) then(this.#traits[name] as never);
    }
  }

  observe<T extends TraitName>(
    name: T,
    then: (value: Traits[T]) => void,
    signal: AbortSignal,
  ): void {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all);
    all.add(then as (value: never) => void);
    signal.addEventListener("abort", () => all.delete(then as (value: never) => void));
  }

  /** The address of this page at a moment. */
  link(replay: string, t: number | null): string {
    return `${location.href.split("#")[0]}${writeMoment({ replay, t })}`;
  }

  /** What only a kernel can answer. */
  off(kind: RequestKind): string | null {
    if (kind === "growth") return "A shared page holds what it was made with: nothing new comes";
    if (kind === "person") return "Nobody can be looked up in a shared page: open its notebook";
    if (kind === "anatomy")
      return "The report is made from the recording: open the notebook for it";
    return null;
  }

  /** A page is never left by its kernel: it has none. */
  onGone(): void {}

  #find(kind: RequestKind, params: object): Entry {
    const asked = Object.fromEntries(Object.entries(params).filter(([name]) => !PAGING.has(name)));
    const { point: _point, ...alone } = asked as { point?: string };
    const { replies } = this.#capsule;
    const entry =
      replies[capsuleKey(kind === "sessions" ? "home" : kind, asked)] ??
      // A replay opened from another point of the chart: the recording is the same.
      (kind === "session"
        ? (replies[capsuleKey(kind, alone)] ?? this.#anyPoint(alone))
        : undefined);
    if (!entry) throw notHere(kind);
    return entry;
  }

  #anyPoint(params: { replay?: string }): Entry | undefined {
    const end = `"replay":${JSON.stringify(params.replay)}}`;
    const found = Object.entries(this.#capsule.replies).find(
      ([key]) => key.startsWith("session ") && key.endsWith(end),
    );
    return (
      found && { ...found[1], said: { opened_t: null, match: null, because: null }, charted: [] }
    );
  }

  async #data(kind: RequestKind, params: object, entry: Entry): Promise<unknown> {
    switch (kind) {
      case "session":
        return this.#session(entry);
      case "stream":
        return this.#stream(entry.data as Stream);
      case "users":
      case "sessions": {
        const { offset = 0, limit = 100 } = params as { offset?: number; limit?: number };
        const { rows } = entry.data as { rows: unknown[] };
        return { total: rows.length, rows: rows.slice(offset, offset + limit) };
      }
      default:
        return entry.data;
    }
  }

  async #session(entry: Entry): Promise<Session> {
    if (entry.blob === undefined) return entry.data as Session;
    const plain = (await this.#blobs.json(entry.blob)) as Session;
    const charted = new Set(entry.charted ?? []);
    return {
      ...plain,
      ...entry.said,
      events: { ...plain.events, charted: plain.events.id.map((_, i) => Number(charted.has(i))) },
    };
  }

  #stream(stream: Stream): Stream {
    const { id, charted, place } = stream.rows;
    const rows = id.map(
      (one): Capsule["rows"][string] => this.#capsule.rows[one] ?? [0, "", {}, 0],
    );
    return {
      ...stream,
      rows: {
        id,
        charted,
        place,
        time_ms: rows.map((row) => row[0]),
        name: rows.map((row) => row[1]),
        props: rows.map((row) => row[2]),
        out_of_session: rows.map((row) => row[3]),
      },
    };
  }
}

function notHere(kind: RequestKind): RequestError {
  const what = {
    session: "This replay does not travel with the page.",
    segment: "This part of the replay does not travel with the page.",
    point: "The users behind this point do not travel with the page.",
    users: "The users behind this point do not travel with the page.",
    stream: "The events of this user do not travel with the page.",
  } as Partial<Record<RequestKind, string>>;
  return new RequestError(
    "not_here",
    what[kind] ?? "The page does not hold this.",
    "Open the notebook it was made from to see it.",
  );
}
