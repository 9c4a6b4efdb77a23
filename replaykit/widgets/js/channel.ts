/** What the widget and the replay engine tell each other; the engine may sit in a sealed frame. */

import type { Picked, PickStep } from "./pick.ts";

export interface SegmentSpan {
  /** Milliseconds from the replay's first event. */
  start: number;
  end: number;
  /** Events at its head that only repeat the state; 0 where a new page was recorded. */
  lead: number;
  bytes: number;
}

/** Widget to engine. */
export type ToEngine =
  | { kind: "open"; id: number; start_ms: number; segments: SegmentSpan[] }
  /** The same replay has grown. */
  | { kind: "extend"; segments: SegmentSpan[] }
  | { kind: "segment"; id: number; index: number; bytes: ArrayBuffer | null }
  /** `resume`: from where it was paused, so that nothing is rebuilt. */
  | { kind: "seek"; seq: number; t: number; playing: boolean; speed: number; resume: boolean }
  | { kind: "pause" }
  | { kind: "speed"; speed: number }
  | { kind: "html"; seq: number }
  /** What lies at a point, in shares of the viewport, or beside what was picked last. */
  | { kind: "pick"; seq: number; asked: { x: number; y: number } | { step: PickStep } };

/** Engine to widget. */
export type FromEngine =
  /** The page of the last seek is on screen; playing starts now if it was asked for. */
  | { kind: "at"; seq: number; t: number }
  | { kind: "need"; id: number; index: number }
  /** Playing reached a segment that is not here yet, and went on when it came. */
  | { kind: "stalled"; index: number }
  | { kind: "resumed"; t: number }
  | { kind: "size"; width: number; height: number }
  | { kind: "html"; seq: number; html: string }
  | { kind: "picked"; seq: number; picked: Picked | null }
  | { kind: "failed"; seq: number; index: number; message: string };

/** The first message of a frame: it waits for its program and its port. */
export const HELLO = "replaykit-frame-ready";
/** The program may not run there. */
export const REFUSED = "replaykit-frame-refused";
