/**
 * Segments outside the frame: compressed bytes, the wanted one asked for at once, its neighbours
 * together once nothing else is wanted. Of a replay that is watched the rest follows, from near to
 * far, until all of it is here or the room is taken: then a seek there is one that waits for nobody,
 * also while the kernel is busy or gone, and what is held no longer grows.
 */

import type { Source } from "./kernel.ts";
import { Lru } from "./lru.ts";
import type { Session } from "./protocol.ts";

/** Twenty minutes of a very busy page, so that playing on adds little; beyond it the least used is forgotten. */
const CAPACITY_BYTES = 6 * 1024 * 1024;

/** Neighbours in the order in which playing and stepping want them. */
const NEIGHBOURS = [1, -1, 2, 3] as const;
/** One message of them stays below this, the first of them aside: a host takes its time. */
const AHEAD_BYTES = 512 * 1024;
/** And one of the rest below this: whatever else travels waits for no more. */
const REST_BYTES = 256 * 1024;
/** The kernel answers with no more than these at once. */
const MOST = 8;

/** Shared by all views of a page: a view that the host rebuilds finds its bytes again. */
const held = new Lru<string, Uint8Array>(CAPACITY_BYTES);

export class Segments {
  readonly #source: Source;
  readonly #session: Session;
  readonly #identity: string;
  readonly #whole: boolean;
  readonly #pending = new Map<number, Promise<Uint8Array>>();
  readonly #followed = new Set<number>();
  #closed = false;

  /** `whole`: what is not wanted yet may follow. */
  constructor(source: Source, session: Session, whole: boolean) {
    this.#source = source;
    this.#session = session;
    this.#whole = whole;
    this.#identity = `${session.replay} ${session.start_ms}`;
  }

  has(index: number): boolean {
    return held.has(this.#key(index));
  }

  /** The bytes of a segment that is here. */
  held(index: number): Uint8Array | undefined {
    return held.get(this.#key(index));
  }

  /** The deflated bytes of a segment. */
  get(index: number): Promise<Uint8Array> {
    const here = held.get(this.#key(index));
    if (here) return Promise.resolve(here);
    const pending = this.#pending.get(index);
    if (!pending) return this.#ask(index);
    // What was asked for together may fail together: what is wanted is asked for alone then.
    return pending.catch(() => this.#pending.get(index) ?? this.#ask(index));
  }

  #ask(index: number): Promise<Uint8Array> {
    const { replay } = this.#session;
    const asked = this.#source
      .request("segment", { replay, index })
      .then(({ buffers }) => this.#keep(index, buffers[0]))
      .finally(() => this.#pending.delete(index));
    this.#pending.set(index, asked);
    return asked;
  }

  /** Ask for what lies around a segment, unless something is on its way already. */
  ahead(index: number): void {
    if (this.#closed || this.#pending.size > 0) return;
    const neighbours = NEIGHBOURS.map((step) => index + step);
    void this.#fetch(this.#missing(neighbours, AHEAD_BYTES));
  }

  /** Ask for what is nearest of the rest; resolves with whether there may be more of it. */
  async more(index: number): Promise<boolean> {
    if (this.#closed || !this.#whole) return false;
    if (this.#pending.size > 0) return true;
    const { segments } = this.#session;
    const here = segments.reduce((sum, { bytes }, one) => sum + (this.has(one) ? bytes : 0), 0);
    // Each once: what has been forgotten since was not worth its room.
    const rest = fromNearToFar(index, segments.length).filter((one) => !this.#followed.has(one));
    const indexes = this.#missing(rest, Math.min(REST_BYTES, CAPACITY_BYTES - here));
    if (here + this.#weight(indexes) > CAPACITY_BYTES) return false;
    for (const one of indexes) this.#followed.add(one);
    return this.#fetch(indexes);
  }

  #weight(indexes: number[]): number {
    return indexes.reduce((sum, one) => sum + (this.#session.segments[one]?.bytes ?? 0), 0);
  }

  /** The first of these that are not here, as many as one message takes. */
  #missing(wanted: Iterable<number>, most: number): number[] {
    const indexes: number[] = [];
    let weight = 0;
    for (const index of wanted) {
      const bytes = this.#session.segments[index]?.bytes;
      if (bytes === undefined || this.has(index)) continue;
      weight += bytes;
      if (indexes.length === MOST || (weight > most && indexes.length > 0)) break;
      indexes.push(index);
    }
    return indexes;
  }

  /** Whether they came. */
  async #fetch(indexes: number[]): Promise<boolean> {
    if (indexes.length === 0) return false;
    const { replay } = this.#session;
    const asked = this.#source.request("segments", { replay, indexes });
    const all = indexes.map((one, at) => {
      const kept = asked
        .then(({ buffers }) => this.#keep(one, buffers[at]))
        .finally(() => this.#pending.delete(one));
      this.#pending.set(one, kept);
      return kept;
    });
    // Asked for again, and reported, when it is really wanted.
    const came = await Promise.allSettled(all);
    return came.every(({ status }) => status === "fulfilled");
  }

  close(): void {
    this.#closed = true;
  }

  #key(index: number): string {
    // With its own extent, so that what a recording had before it grew stays of use.
    const { start, end, bytes } = this.#session.segments[index] ?? {};
    return `${this.#identity} ${index} ${start} ${end} ${bytes}`;
  }

  #keep(index: number, bytes: Uint8Array | undefined): Uint8Array {
    if (!bytes) throw new Error(`Segment ${index} came without its bytes.`);
    // A copy: the host's view may keep a whole message alive.
    const own = bytes.slice();
    held.set(this.#key(index), own, own.byteLength);
    return own;
  }
}

function fromNearToFar(index: number, count: number): number[] {
  const all = Array.from({ length: count }, (_, one) => one);
  return all.sort((one, other) => Math.abs(one - index) - Math.abs(other - index));
}
