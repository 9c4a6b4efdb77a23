/** Play, pause, seek and scrub: the clock and the screen, kept on the same moment. */

import { Clock } from "../clock.ts";
import type { Stage } from "../panels/stage.ts";
import type { Session, Span } from "../protocol.ts";

/** When a change is told to the kernel; "here" tells this side alone. */
export type When = "here" | "soon" | "now";

export interface PlaybackSpec {
  /** Draw the moment; `all` also what else moves ten times a second. */
  draw(all: boolean): void;
  changed(when: When): void;
  /** A deliberate move: tables follow the current row again. */
  moved(): void;
  ended(): void;
  /** Playing has caught up with a recording that grows. */
  caughtUp(): void;
}

export interface Playback {
  readonly clock: Clock;
  readonly playable: boolean;
  readonly scrubbing: boolean;
  /** Open a session at a position; `playable` when its page can be shown. */
  open(session: Session, playable: boolean, at: number, play: boolean): void;
  /** The session has grown: what plays goes on, what waited at its end goes on now. */
  extend(session: Session, playable: boolean, skips: readonly Span[]): void;
  /** Ask the screen for the page of the clock's position. */
  request(): void;
  /** The page of the position is on screen. */
  release(): void;
  stalled(): void;
  resumed(t: number): void;
  play(): void;
  pause(): void;
  toggle(): void;
  seek(t: number): void;
  /** Dragging on the timeline: the page follows, and playing goes on when it is let go. */
  scrub(t: number, final: boolean): void;
}

/** Playing may stand still this long before it is said. */
export const PATIENCE_MS = 200;

/** A seek whose page takes longer is told before it. */
const TELL_MS = 250;

export const UNPLAYABLE = "Nothing of this recording can be shown";

export function isPlayable({ segments, status }: Session): boolean {
  return segments.length > 0 && status !== "expired" && status !== "hidden";
}

export function createPlayback(stage: Stage, spec: PlaybackSpec, signal: AbortSignal): Playback {
  const clock = new Clock(() => performance.now());
  let session: Session | null = null;
  let playable = false;
  let frame = 0;
  let waitingSince: number | null = null;
  let scrubbing: { playing: boolean } | null = null;
  let telling: ReturnType<typeof setTimeout> | undefined;

  function request(): void {
    if (!playable) return;
    stage.setBusy(true);
    const first = session?.segments[0]?.start ?? 0;
    const t = Math.max(first, clock.position);
    const playing = clock.running && clock.state !== "edge";
    stage.screen.seek({ t, playing, speed: clock.speed });
    run();
  }

  function run(): void {
    if (frame === 0 && clock.running && clock.state !== "edge") frame = requestAnimationFrame(step);
  }

  function step(): void {
    frame = 0;
    if (signal.aborted) return;
    const tick = clock.tick();
    // The page at the end is the same whether one played or jumped there.
    if (tick.kind !== "none") request();
    spec.draw(tick.kind !== "none");
    if (tick.kind === "edge") {
      stage.setBuffering(false);
      spec.changed("now");
      spec.caughtUp();
      return;
    }
    if (tick.kind === "end") {
      spec.changed("now");
      spec.ended();
      return;
    }
    stage.screen.remember(clock.position);
    buffering();
    run();
  }

  function buffering(): void {
    if (clock.state !== "waiting") {
      waitingSince = null;
      stage.setBuffering(false);
      return;
    }
    waitingSince ??= performance.now();
    stage.setBuffering(performance.now() - waitingSince > PATIENCE_MS);
  }

  /** Show where the clock was put. */
  function settle(): void {
    request();
    spec.draw(true);
    spec.changed("now");
  }

  /**
   * Go where the clock was put. The kernel hears of it when the page is painted: what it answers
   * would be handled before the page otherwise.
   */
  function leap(): void {
    request();
    spec.draw(true);
    spec.changed(scrubbing ? "soon" : "here");
    telling ??= setTimeout(tell, TELL_MS);
  }

  function tell(): void {
    clearTimeout(telling);
    telling = undefined;
    if (!signal.aborted && !scrubbing) spec.changed("now");
  }

  function arrived(): void {
    if (telling === undefined) return;
    // A hidden tab paints nothing: there the timer does it.
    requestAnimationFrame(() =>
      setTimeout(() => {
        if (telling !== undefined) tell();
      }),
    );
  }

  function play(): void {
    if (!playable || clock.running) return;
    const from = clock.position;
    clock.play();
    if (clock.position < from) spec.moved();
    settle();
  }

  function pause(): void {
    if (!clock.running) return;
    clock.pause();
    stage.screen.pause(clock.position);
    stage.setBuffering(false);
    spec.draw(true);
    spec.changed("now");
  }

  signal.addEventListener("abort", () => cancelAnimationFrame(frame), { once: true });

  return {
    clock,
    get playable() {
      return playable;
    },
    get scrubbing() {
      return scrubbing !== null;
    },
    open(next, canPlay, at, andPlay) {
      session = next;
      playable = canPlay;
      clock.seek(at);
      if (playable && andPlay) clock.play();
      request();
    },
    extend(next, canPlay, skips) {
      session = next;
      const first = canPlay && !playable;
      playable = canPlay;
      const waited = clock.extend(next.length_ms, skips);
      if (waited || first) request();
    },
    request,
    release() {
      clock.release();
      arrived();
      run();
    },
    stalled() {
      clock.wait();
      run();
    },
    resumed(t) {
      clock.seek(t);
      clock.release();
      run();
    },
    play,
    pause,
    toggle: () => (clock.running ? pause() : play()),
    seek(t) {
      if (!session) return;
      clock.seek(t);
      spec.moved();
      leap();
    },
    scrub(t, final) {
      if (!session) return;
      scrubbing ??= { playing: clock.running };
      clock.pause();
      clock.seek(t);
      spec.moved();
      if (final) {
        const { playing } = scrubbing;
        scrubbing = null;
        if (playing && playable) clock.play();
      }
      leap();
    },
  };
}
