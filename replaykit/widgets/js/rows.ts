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

export class Rows {
  readonly session: Session;
  readonly #kind: Uint8Array;
  readonly #index: Uint32Array;
  /** Times of all rows, ascending. */
  readonly t: Float64Array;

  constructor(session: Session) {
    this.session = session;
    const { events, pages, marks } = session;
    const total = events.t.length + pages.length + marks.length;
    const order = new Uint32Array(total);
    const kinds = new Uint8Array(total);
    const indexes = new Uint32Array(total);
    const times = new Float64Array(total);
    let at = 0;
    const add = (kind: number, index: number, t: number) => {
      order[at] = at;
      kinds[at] = kind;
      indexes[at] = index;
      times[at] = t;
      at += 1;
    };
    for (const [i, page] of pages.entries()) add(PAGE, i, page.t);
    for (const [i, t] of events.t.entries()) add(EVENT, i, t);
    for (const [i, mark] of marks.entries()) add(KINDS.indexOf(mark.kind), i, mark.t);
    order.sort(
      (a, b) => (times[a] ?? 0) - (times[b] ?? 0) || (kinds[a] ?? 0) - (kinds[b] ?? 0) || a - b,
    );
    this.#kind = kinds.map((_, i) => kinds[order[i] ?? 0] ?? 0);
    this.#index = indexes.map((_, i) => indexes[order[i] ?? 0] ?? 0);
    this.t = times.map((_, i) => times[order[i] ?? 0] ?? 0);
  }

  get length(): number {
    return this.t.length;
  }

  kind(i: number): MarkKind {
    const kind: Listed = KINDS[this.#kind[i] ?? 0] ?? "event";
    return kind === "event" && this.place(i) === PLACE.server ? "server" : kind;
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
    const name = signal?.label || MARK_NAMES[kind][0];
    return { ...common, name, note, props: { [MARK_NAMES[kind][0]]: name, count } };
  }

  /** What screen readers hear of a mark: error at 4:07. */
  spoken(i: number): string {
    return `${MARK_NAMES[this.kind(i)][0]} at ${elapsed(this.t[i] ?? 0)}`;
  }

  /** Row numbers that pass: kinds switched on, all filters, and the search words. */
  select(hidden: ReadonlySet<MarkKind>, filters: readonly Filter[], search: string): Uint32Array {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const found = new Uint32Array(this.length);
    let count = 0;
    for (let i = 0; i < this.length; i += 1) {
      const kind = this.kind(i);
      if (hidden.has(kind === "server" ? "event" : kind)) continue;
      if ((filters.length > 0 || words.length > 0) && !this.#passes(i, filters, words)) continue;
      found[count] = i;
      count += 1;
    }
    return found.slice(0, count);
  }

  #passes(i: number, filters: readonly Filter[], words: readonly string[]): boolean {
    const row = this.row(i);
    for (const { field, values } of filters) {
      const has = field === EVENT_FIELD ? row.name : value(row.props[field]);
      if (!values.has(has)) return false;
    }
    if (words.length === 0) return true;
    const text = [row.name, ...Object.entries(row.props).flat().map(String)]
      .join(" ")
      .toLowerCase();
    return words.every((word) => text.includes(word));
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
  const times = Float64Array.from(positions, (position) => rows.t[shown[position] ?? 0] ?? 0);
  return { track: new Track(times), at: positions };
}
