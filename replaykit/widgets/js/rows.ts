/**
 * The rows of a session's table: analytics events, pages and signals in one order of time. Kept by
 * column and made into objects only when drawn, so that a million events stay light.
 */

import { address, elapsed, plural, summary, value } from "./parts/format.ts";
import { MARK_NAMES, type MarkKind } from "./parts/icons.ts";
import { PLACE, type Props, type Session } from "./protocol.ts";
import { Track } from "./tracks.ts";

export interface Row {
  /** Stable within a session: the event's row id, or kind and number. */
  key: string;
  kind: MarkKind;
  t: number;
  name: string;
  note: string;
  props: Props;
  /** Inside the recording and in session: can be seeked to and highlighted. */
  inside: boolean;
  place: number;
  charted: boolean;
}

export interface Filter {
  field: string;
  values: ReadonlySet<string>;
}

/** The kinds in the order in which ties are listed: a page first, then what happened on it. */
const KINDS = ["page", "event", "rage", "dead", "error", "request"] as const;
type Listed = (typeof KINDS)[number];

const EVENT = KINDS.indexOf("event");
const PAGE = KINDS.indexOf("page");

interface Source {
  kind(index: number): number;
  times: readonly number[];
}

/** Merge lists in the order of time; on a tie the earlier list comes first. */
function merge(sources: readonly Source[]) {
  const orders = sources.map(({ times }) => inOrder(times));
  const total = orders.reduce((sum, order) => sum + order.length, 0);
  const kinds = new Uint8Array(total);
  const indexes = new Uint32Array(total);
  const times = new Float64Array(total);
  const next = sources.map(() => 0);
  for (let at = 0; at < total; at += 1) {
    let first = -1;
    let firstT = Number.POSITIVE_INFINITY;
    for (let s = 0; s < sources.length; s += 1) {
      const index = orders[s]?.[next[s] ?? 0];
      const t = index === undefined ? Number.POSITIVE_INFINITY : (sources[s]?.times[index] ?? 0);
      if (index !== undefined && (first < 0 || t < firstT)) {
        first = s;
        firstT = t;
      }
    }
    const index = orders[first]?.[next[first] ?? 0] ?? 0;
    kinds[at] = sources[first]?.kind(index) ?? EVENT;
    indexes[at] = index;
    times[at] = firstT;
    next[first] = (next[first] ?? 0) + 1;
  }
  return { kinds, indexes, times };
}

/** Indexes in ascending order of time, ties as they came; free when they came in order. */
function inOrder(times: readonly number[]): Uint32Array {
  const order = new Uint32Array(times.length);
  let sorted = true;
  for (let i = 0; i < order.length; i += 1) {
    order[i] = i;
    if (i > 0 && (times[i] ?? 0) < (times[i - 1] ?? 0)) sorted = false;
  }
  return sorted ? order : order.sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
}

export class Rows {
  readonly session: Session;
  readonly #kind: Uint8Array;
  readonly #index: Uint32Array;
  /** Times of all rows, ascending. */
  readonly t: Float64Array;

  constructor(session: Session) {
    this.session = session;
    const { events, pages, marks } = session;
    const sources: Source[] = [
      { kind: () => PAGE, times: pages.map((page) => page.t) },
      { kind: () => EVENT, times: events.t },
      {
        kind: (i) => KINDS.indexOf(marks[i]?.kind ?? "error"),
        times: marks.map((mark) => mark.t),
      },
    ];
    const merged = merge(sources);
    this.#kind = merged.kinds;
    this.#index = merged.indexes;
    this.t = merged.times;
  }

  get length(): number {
    return this.t.length;
  }

  kind(i: number): MarkKind {
    const kind: Listed = KINDS[this.#kind[i] ?? 0] ?? "event";
    return kind === "event" && this.place(i) === PLACE.server ? "server" : kind;
  }

  /** The kind by which legend and filters know a row: out of session is an event too. */
  listed(i: number): MarkKind {
    return KINDS[this.#kind[i] ?? 0] ?? "event";
  }

  place(i: number): number {
    if (this.#kind[i] !== EVENT) return PLACE.inside;
    return this.session.events.state[this.#index[i] ?? 0] ?? PLACE.inside;
  }

  charted(i: number): boolean {
    return this.#kind[i] === EVENT && this.session.events.charted[this.#index[i] ?? 0] === 1;
  }

  key(i: number): string {
    const index = this.#index[i] ?? 0;
    if (this.#kind[i] === EVENT) return this.session.events.id[index] ?? "";
    return `${KINDS[this.#kind[i] ?? 0]}-${index}`;
  }

  /** The analytics event of a row, as its index among the session's events; -1 for others. */
  eventIndex(i: number): number {
    return this.#kind[i] === EVENT ? (this.#index[i] ?? -1) : -1;
  }

  /** The numbers of all rows that are analytics events. */
  events(): Uint32Array {
    const found = new Uint32Array(this.session.events.t.length);
    let count = 0;
    for (let i = 0; i < this.length; i += 1) {
      if (this.#kind[i] !== EVENT) continue;
      found[count] = i;
      count += 1;
    }
    return found;
  }

  row(i: number): Row {
    const index = this.#index[i] ?? 0;
    const shared = { key: this.key(i), kind: this.kind(i), t: this.t[i] ?? 0 };
    const place = this.place(i);
    const common = { ...shared, place, inside: place === PLACE.inside, charted: this.charted(i) };
    if (this.#kind[i] === EVENT) {
      const props = this.session.events.props[index] ?? {};
      const name = this.session.events.name[index] ?? "";
      return { ...common, name, note: summary(props), props };
    }
    if (this.#kind[i] === PAGE) {
      const page = this.session.pages[index];
      const url = page?.url ?? "";
      const title = page?.title ?? "";
      return { ...common, name: address(url).path, note: title, props: { url, title } };
    }
    const signal = this.session.marks[index];
    const kind = signal?.kind ?? "error";
    const count = signal?.count ?? 1;
    const note =
      count > 1 ? plural(count, kind === "rage" || kind === "dead" ? "click" : "time") : "";
    const label = signal?.label || MARK_NAMES[kind][0];
    // "POST /api/coupon 422": the host is the page's own, mostly; the network panel has it all.
    const name = kind === "request" ? label.replace(/https?:\/\/[^/\s]+/, "") : label;
    return { ...common, name, note, props: { [MARK_NAMES[kind][0]]: name, count } };
  }

  /** What screen readers hear of a mark: error at 4:07. */
  spoken(i: number): string {
    return `${MARK_NAMES[this.kind(i)][0]} at ${elapsed(this.t[i] ?? 0)}`;
  }

  /** Row numbers that pass: kinds switched on, all filters, and the search words. */
  select(hidden: ReadonlySet<MarkKind>, filters: readonly Filter[], search: string): Uint32Array {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean).map(containing);
    const found = new Uint32Array(this.length);
    let count = 0;
    for (let i = 0; i < this.length; i += 1) {
      if (hidden.size > 0 && hidden.has(this.listed(i))) continue;
      if ((filters.length > 0 || words.length > 0) && !this.#passes(i, filters, words)) continue;
      found[count] = i;
      count += 1;
    }
    return found.slice(0, count);
  }

  #passes(i: number, filters: readonly Filter[], words: readonly Contains[]): boolean {
    const isEvent = this.#kind[i] === EVENT;
    const index = this.#index[i] ?? 0;
    // A million rows are searched without making a million objects.
    const made = isEvent ? null : this.row(i);
    const name = made?.name ?? this.session.events.name[index] ?? "";
    const props = made?.props ?? this.session.events.props[index] ?? {};
    for (const { field, values } of filters) {
      if (!values.has(field === EVENT_FIELD ? name : value(props[field]))) return false;
    }
    for (const contains of words) {
      if (!contains(name) && !holds(props, contains)) return false;
    }
    return true;
  }

  /** Every filter field with its values and how many rows have each, most frequent first. */
  fields(): Map<string, Map<string, number>> {
    const fields = new Map<string, Map<string, number>>([[EVENT_FIELD, new Map()]]);
    const add = (field: string, item: string) => {
      const counts = fields.get(field) ?? new Map<string, number>();
      counts.set(item, (counts.get(item) ?? 0) + 1);
      fields.set(field, counts);
    };
    for (const [i, name] of this.session.events.name.entries()) {
      add(EVENT_FIELD, name);
      for (const [field, item] of Object.entries(this.session.events.props[i] ?? {})) {
        add(field, value(item));
      }
    }
    return fields;
  }
}

type Contains = (item: unknown) => boolean;

/** Whether a name or value holds a word; what repeats (and most does) is looked at once. */
function containing(word: string): Contains {
  const known = new Map<unknown, boolean>();
  return (item) => {
    let found = known.get(item);
    if (found === undefined) {
      found = String(item).toLowerCase().includes(word);
      if (known.size < MOST_KNOWN) known.set(item, found);
    }
    return found;
  };
}

const MOST_KNOWN = 100_000;

function holds(props: Props, contains: Contains): boolean {
  for (const field in props) if (contains(field) || contains(props[field])) return true;
  return false;
}

/** The filter field that stands for the event's name. */
export const EVENT_FIELD = "event";

/** The rows of a selection that playback highlights, and a track over their times. */
export function cursorOf(rows: Rows, shown: Uint32Array): { track: Track; at: Uint32Array } {
  const at = new Uint32Array(shown.length);
  let count = 0;
  for (let position = 0; position < shown.length; position += 1) {
    if (rows.place(shown[position] ?? 0) !== PLACE.inside) continue;
    at[count] = position;
    count += 1;
  }
  const positions = at.slice(0, count);
  const times = new Float64Array(count);
  for (let i = 0; i < count; i += 1) times[i] = rows.t[shown[positions[i] ?? 0] ?? 0] ?? 0;
  return { track: new Track(times), at: positions };
}
