/**
 * Segments outside the frame: compressed bytes, the wanted one asked for at once, its neighbours
 * together once nothing else is wanted, the least used forgotten beyond 64 MB.
 */

import type { Source } from "./kernel.ts";
import { Lru } from "./lru.ts";
import type { Session } from "./protocol.ts";

const CAPACITY_BYTES = 64 * 1024 * 1024;

/** Neighbours in the order in which playing and stepping want them. */
const NEIGHBOURS = [1, -1, 2, 3] as const;
/** One message of neighbours stays below this, the first of them aside: a host takes its time. */
const AHEAD_BYTES = 512 * 1024;

/** Shared by all views of a page: a view that the host rebuilds finds its bytes again. */
const held = new Lru<string, Uint8Array>(CAPACITY_BYTES);

export class Segments {
  readonly #source: Source;
  readonly #session: Session;
  readonly #identity: string;
  readonly #pending = new Map<number, Promise<Uint8Array>>();
  #closed = false;

  constructor(source: Source, session: Session) {
    this.#source = source;
    this.#session = session;
    this.#identity = `${session.replay} ${session.start_ms}`;
  }

  has(index: number): boolean {
    return held.has(this.#key(index));
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
    const { replay, segments } = this.#session;
    const indexes: number[] = [];
    let weight = 0;
    for (const step of NEIGHBOURS) {
      const bytes = segments[index + step]?.bytes;
      if (bytes === undefined || this.has(index + step)) continue;
      weight += bytes;
      if (weight > AHEAD_BYTES && indexes.length > 0) break;
      indexes.push(index + step);
    }
    if (indexes.length === 0) return;
    const asked = this.#source.request("segments", { replay, indexes });
    for (const [at, one] of indexes.entries()) {
      const kept = asked
        .then(({ buffers }) => this.#keep(one, buffers[at]))
        .finally(() => this.#pending.delete(one));
      // Asked for again, and reported, when it is really wanted.
      kept.catch(() => undefined);
      this.#pending.set(one, kept);
    }
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
