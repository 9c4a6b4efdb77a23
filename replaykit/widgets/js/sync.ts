/**
 * The player's traits: position, playing, speed, session and event, written to the source in a
 * throttle and obeyed when somebody else writes them.
 */

import type { Source } from "./kernel.ts";
import type { Traits } from "./protocol.ts";

type Synced = Pick<Traits, "time_ms" | "playing" | "speed" | "session" | "event">;

export interface SyncActions {
  seek(timeMs: number): void;
  playing(on: boolean): void;
  speed(speed: number): void;
  session(replay: string): void;
  replays(): void;
  inactive(): void;
  notes(): void;
  follow(on: boolean): void;
}

/** While playing, 5 times a second; a seek, a pause or a new session at once. */
const EVERY_MS = 200;

export class Sync {
  readonly #source: Source;
  #pending: Partial<Synced> = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(source: Source, act: SyncActions, signal: AbortSignal) {
    this.#source = source;
    source.observe("time_ms", (value) => act.seek(value), signal);
    source.observe("playing", (value) => act.playing(value), signal);
    source.observe("speed", (value) => act.speed(value), signal);
    source.observe("session", (value) => act.session(value), signal);
    source.observe("replays", () => act.replays(), signal);
    source.observe("inactive_ms", () => act.inactive(), signal);
    source.observe("note_list", () => act.notes(), signal);
    source.observe("follow", (value) => act.follow(value), signal);
    signal.addEventListener("abort", () => this.flush(), { once: true });
  }

  /** Write soon: the newest values of the last 200 ms travel together. */
  soon(values: Partial<Synced>): void {
    Object.assign(this.#pending, values);
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, EVERY_MS - (performance.now() - this.#last));
    this.#timer = setTimeout(() => this.flush(), wait);
  }

  /** Write on this side now, and send it with what is written next. */
  here(values: Partial<Synced>): void {
    Object.assign(this.#pending, values);
    this.#source.put(values);
  }

  /** Write now. */
  now(values: Partial<Synced>): void {
    Object.assign(this.#pending, values);
    this.flush();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const values = this.#pending;
    if (Object.keys(values).length === 0) return;
    this.#pending = {};
    this.#last = performance.now();
    this.#source.set(values);
  }
}
