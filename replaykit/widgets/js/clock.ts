/**
 * The one clock of a player: an explicit state machine over play, pause, seek, wait and end.
 * Pure: time comes in as a function, nothing is drawn here.
 *
 *     empty ── load ──> paused ── play ──> waiting ── release ──> playing ── tick ──> ended
 *
 * `waiting` is playing that stands still until the page for this position is on screen, so that
 * clock and page never disagree. Inactive stretches and gaps are jumped over while playing. A replay
 * that still grows does not end: playing stands at its `edge` until there is more.
 */

import type { Span } from "./protocol.ts";

export type ClockState = "empty" | "paused" | "waiting" | "playing" | "edge" | "ended";

/** What a tick asks of whoever draws: nothing, jump over a stretch, wait for more, or stop. */
export type Tick =
  | { kind: "none" }
  | { kind: "jump"; to: number }
  | { kind: "edge" }
  | { kind: "end" };

export const SPEEDS = [0.5, 1, 2, 4, 8, 16] as const;

/** After a deliberate seek into an inactive stretch, this much of it is shown before jumping on. */
const GRACE_MS = 1000;

/** A jump must be worth its cut. */
const SHORTEST_JUMP_MS = 500;

export class Clock {
  readonly #now: () => number;
  #state: ClockState = "empty";
  #length = 0;
  #skips: Span[] = [];
  #skipping = true;
  #growing = false;
  #speed = 1;
  #anchor = 0;
  #anchorNow = 0;
  #graceUntil = -1;

  constructor(now: () => number) {
    this.#now = now;
  }

  get state(): ClockState {
    return this.#state;
  }

  get length(): number {
    return this.#length;
  }

  get speed(): number {
    return this.#speed;
  }

  get skipping(): boolean {
    return this.#skipping;
  }

  /** Playing in the sense of the button: also while it waits for its page, or for more. */
  get running(): boolean {
    return this.#state === "playing" || this.#state === "waiting" || this.#state === "edge";
  }

  get position(): number {
    if (this.#state !== "playing") return this.#anchor;
    const passed = (this.#now() - this.#anchorNow) * this.#speed;
    return Math.min(this.#length, this.#anchor + Math.max(0, passed));
  }

  /** Open a replay of a length, with the stretches that skipping jumps over. */
  load(length: number, skips: readonly Span[] = []): void {
    this.#length = Math.max(0, length);
    this.setSkips(skips);
    this.#graceUntil = -1;
    this.#hold("paused", 0);
  }

  /** Whether more may come, so that the end is one to wait at. */
  setGrowing(on: boolean): void {
    this.#growing = on;
    if (!on && this.#state === "edge") this.#hold("ended", this.#length);
  }

  /**
   * The replay has grown; the position stays. True when playing waited for it: then it waits for
   * its page now, and goes on once released.
   */
  extend(length: number, skips: readonly Span[] = []): boolean {
    const longer = length > this.#length;
    this.#length = Math.max(this.#length, length);
    this.setSkips(skips);
    if (!longer) return false;
    if (this.#state === "ended") this.#hold("paused", this.#anchor);
    if (this.#state !== "edge") return false;
    this.#hold("waiting", this.#anchor);
    return true;
  }

  close(): void {
    this.#length = 0;
    this.#skips = [];
    this.#hold("empty", 0);
  }

  /** Start; from the end it starts over. Stands still until `release`. */
  play(): void {
    if (this.#state === "empty" || this.running) return;
    if (this.#growing && this.#anchor >= this.#length) {
      this.#hold("edge", this.#length);
      return;
    }
    const from = this.#state === "ended" || this.#anchor >= this.#length ? 0 : this.#anchor;
    this.#hold("waiting", from);
  }

  pause(): void {
    if (this.running) this.#hold("paused", this.position);
  }

  /** Go to a position, clamped to the replay. Playing goes on from there once released. */
  seek(t: number): void {
    if (this.#state === "empty" || Number.isNaN(t)) return;
    const to = Math.max(0, Math.min(this.#length, t));
    this.#graceUntil = to + GRACE_MS;
    this.#hold(this.running ? "waiting" : "paused", to);
  }

  /** Playing stands still (its page is not here yet). */
  wait(): void {
    if (this.#state === "playing") this.#hold("waiting", this.position);
  }

  /** The page of the position is on screen: go on. */
  release(): void {
    if (this.#state !== "waiting") return;
    this.#anchorNow = this.#now();
    this.#state = "playing";
  }

  setSpeed(speed: number): void {
    if (!(speed > 0) || !Number.isFinite(speed)) return;
    const at = this.position;
    this.#speed = speed;
    this.#anchor = at;
    this.#anchorNow = this.#now();
  }

  /** The next speed up (1) or down (-1) among the steps. */
  stepSpeed(by: 1 | -1): number {
    const steps: readonly number[] = SPEEDS;
    const next =
      by === 1
        ? steps.find((speed) => speed > this.#speed)
        : steps.findLast((speed) => speed < this.#speed);
    if (next !== undefined) this.setSpeed(next);
    return this.#speed;
  }

  setSkips(skips: readonly Span[]): void {
    this.#skips = [...skips].sort(([a], [b]) => a - b);
  }

  setSkipping(on: boolean): void {
    this.#skipping = on;
  }

  /** Look at the time: has the end or a stretch to jump over been reached? */
  tick(): Tick {
    if (this.#state !== "playing") return { kind: "none" };
    const at = this.position;
    if (at >= this.#length) {
      this.#hold(this.#growing ? "edge" : "ended", this.#length);
      return { kind: this.#growing ? "edge" : "end" };
    }
    const to = this.jumpFrom(at);
    if (to === null) return { kind: "none" };
    this.#graceUntil = -1;
    this.#hold("waiting", to);
    return { kind: "jump", to };
  }

  /** Where skipping goes from a position, or null when it lies in no inactive stretch. */
  jumpFrom(t: number): number | null {
    if (!this.#skipping || t < this.#graceUntil) return null;
    let to = t;
    // Bands may touch or overlap (a gap inside an inactive stretch): leave all of them at once.
    for (const [start, end] of this.#skips) {
      if (start > to) break;
      if (end > to) to = end;
    }
    return to - t >= SHORTEST_JUMP_MS ? Math.min(to, this.#length) : null;
  }

  #hold(state: ClockState, at: number): void {
    this.#anchor = at;
    this.#anchorNow = this.#now();
    this.#state = state;
  }
}
