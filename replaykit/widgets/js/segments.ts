/**
 * Segments outside the frame: compressed bytes, asked for one at a time, the wanted one first,
 * neighbours while nothing else is wanted, the least used forgotten beyond 64 MB.
 */

import type { Source } from "./kernel.ts";
import { Lru } from "./lru.ts";
import type { Session } from "./protocol.ts";

const CAPACITY_BYTES = 64 * 1024 * 1024;

/** Neighbours in the order in which playing and stepping want them. */
const NEIGHBOURS = [1, 2, -1, 3] as const;

/** Shared by all views of a page: a view that the host rebuilds finds its bytes again. */
const held = new Lru<string, Uint8Array>(CAPACITY_BYTES);

export class Segments {
  readonly #source: Source;
  readonly #session: Session;
  readonly #identity: string;
  readonly #pending = new Map<number, Promise<Uint8Array>>();
  #chain: Promise<unknown> = Promise.resolve();
  #wanted = 0;
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
  async get(index: number): Promise<Uint8Array> {
    this.#wanted = index;
    const bytes = await this.#fetch(index);
    this.#prefetch(index);
    return bytes;
  }

  close(): void {
    this.#closed = true;
  }

  #key(index: number): string {
    // With its own extent, so that what a recording had before it grew stays of use.
    const { start, end, bytes } = this.#session.segments[index] ?? {};
    return `${this.#identity} ${index} ${start} ${end} ${bytes}`;
  }

  #fetch(index: number): Promise<Uint8Array> {
    const here = held.get(this.#key(index));
    if (here) return Promise.resolve(here);
    const pending = this.#pending.get(index);
    if (pending) return pending;
    const asked = this.#ask(index).finally(() => this.#pending.delete(index));
    this.#pending.set(index, asked);
    return asked;
  }

  async #ask(index: number): Promise<Uint8Array> {
    const { replay } = this.#session;
    const reply = await this.#source.request("segment", { replay, index });
    const [bytes] = reply.buffers;
    if (!bytes) throw new Error(`Segment ${index} came without its bytes.`);
    // A copy: the host's view may keep a whole message alive.
    const own = bytes.slice();
    held.set(this.#key(index), own, own.byteLength);
    return own;
  }

  #prefetch(index: number): void {
    this.#chain = this.#chain.then(async () => {
      for (const step of NEIGHBOURS) {
        const next = index + step;
        // Somebody went elsewhere meanwhile: that place's neighbours matter now.
        if (this.#closed || this.#wanted !== index) return;
        if (next < 0 || next >= this.#session.segments.length || this.has(next)) continue;
        try {
          await this.#fetch(next);
        } catch {
          // Asked for again, and reported, when it is really wanted.
          return;
        }
      }
    });
  }
}
