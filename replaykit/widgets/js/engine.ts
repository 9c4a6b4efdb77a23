/**
 * One reused rrweb Replayer that plays a recording of any length, segment by segment.
 *
 * Every segment starts with Meta and FullSnapshot, so a seek loads one segment, swaps it into the
 * Replayer in place and replays its start: the cost does not depend on the length. While playing,
 * the next segment is appended before it is needed, so that crossing a boundary rebuilds nothing.
 *
 * This runs inside the sealed frame (frame.ts), or in the page where a host refuses such frames.
 */

import type { Replayer } from "@rrweb/replay";
import type { FromEngine, SegmentSpan, ToEngine } from "./channel.ts";
import { Loaded } from "./engine/loaded.ts";
import type { RecordedEvent } from "./engine/recorded.ts";
import { Shown } from "./engine/shown.ts";
import frameStyle from "./styles/frame.css";
import { segmentAt } from "./tracks.ts";

const TICK_MS = 100;
/** Watched time that is appended ahead, at least one segment. */
const AHEAD_MS = 4000;
/** Played segments leave the Replayer this long after their end (rrweb ends 50 ms late). */
const TRIM_AFTER_MS = 1000;

export interface EngineOptions {
  /** Policy for the inner document: in the page, where no sealed frame stands around it. */
  guard: string | null;
  send(message: FromEngine): void;
}

type Seek = Omit<Extract<ToEngine, { kind: "seek" }>, "kind">;

export class Engine {
  readonly #root: HTMLElement;
  readonly #options: EngineOptions;
  readonly #loaded: Loaded;
  readonly #shown: Shown;
  #startMs = 0;
  #segments: SegmentSpan[] = [];
  #starts: number[] = [];

  /** What the Replayer holds: segments `#base` to `#tail`; -1 when it must be swapped. */
  #base = -1;
  #tail = -1;
  #finished = false;
  /** The last segment held has grown since: what was added to it is not held. */
  #outgrown = false;
  #stalled = false;

  #seq = 0;
  #playing = false;
  #speed = 1;
  #anchor = 0;
  #anchorNow = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(root: HTMLElement, options: EngineOptions) {
    this.#root = root;
    this.#options = options;
    const style = document.createElement("style");
    style.textContent = frameStyle;
    root.append(style);
    this.#loaded = new Loaded(options.guard !== null, (id, index) =>
      options.send({ kind: "need", id, index }),
    );
    this.#shown = new Shown(root, options.guard, {
      size: (width, height) => options.send({ kind: "size", width, height }),
      finished: () => {
        this.#finished = true;
      },
    });
  }

  /** What plays, for those who look at the page that it made. */
  get replayer(): Replayer | null {
    return this.#shown.replayer;
  }

  receive(message: ToEngine): void {
    switch (message.kind) {
      case "open":
        this.#open(message.id, message.start_ms, message.segments);
        break;
      case "extend":
        this.#grow(message.segments);
        break;
      case "segment":
        this.#loaded.arrived(message.id, message.index, message.bytes);
        break;
      case "seek":
        void this.#seek(message);
        break;
      case "pause":
        this.#pause();
        break;
      case "speed":
        this.#setSpeed(message.speed);
        break;
      case "html":
        this.#options.send({ kind: "html", seq: message.seq, html: this.#shown.html() });
        break;
      case "pick": {
        const picked = this.#shown.pick(message.asked);
        this.#options.send({ kind: "picked", seq: message.seq, picked });
        break;
      }
    }
  }

  destroy(): void {
    this.#stopTimer();
    this.#seq += 1;
    this.#shown.destroy();
    this.#root.replaceChildren();
  }

  #open(id: number, startMs: number, segments: SegmentSpan[]): void {
    this.#pause();
    this.#seq += 1;
    this.#startMs = startMs;
    this.#segments = segments;
    this.#starts = segments.map((segment) => segment.start);
    this.#loaded.open(id);
    this.#shown.prepare();
    this.#base = -1;
    this.#tail = -1;
    this.#anchor = 0;
  }

  /** Segments were added, and the last of those known may have become longer. */
  #grow(segments: SegmentSpan[]): void {
    for (const [index, was] of this.#segments.entries()) {
      const now = segments[index];
      if (now && now.bytes === was.bytes && now.end === was.end) continue;
      this.#loaded.drop(index);
      if (index === this.#tail) this.#outgrown = true;
    }
    this.#segments = segments;
    this.#starts = segments.map((segment) => segment.start);
    // Ready when playing reaches what was its end.
    if (this.#outgrown && this.#playing) void this.#load(this.#tail).catch(() => undefined);
  }

  // ── Position ────────────────────────────────────────────────────────────────

  get #position(): number {
    if (!this.#playing) return this.#anchor;
    return this.#anchor + (performance.now() - this.#anchorNow) * this.#speed;
  }

  async #seek({ seq, t, playing, speed, resume }: Seek): Promise<void> {
    const live = segmentAt(this.#starts, this.#position);
    this.#seq = seq;
    const index = segmentAt(this.#starts, t);
    try {
      this.#pause();
      this.#forgetMoved();
      const held = this.#base >= 0 && !this.#finished && !this.#outgrown;
      // Forward inside what the Replayer already shows: only the events between are applied.
      const onward =
        held &&
        (resume ||
          (index === live && t >= this.#anchor && this.#shown.isBefore(this.#startMs + t)));
      const events = onward ? null : await this.#load(index);
      if (seq !== this.#seq) return;
      if (events) {
        this.#hold(index);
        this.#shown.swap(events);
      }
      this.#show(resume && onward ? Math.max(t, this.#anchor) : t, playing, speed);
    } catch (error) {
      if (seq === this.#seq) this.#fail(seq, index, error);
      return;
    }
    this.#options.send({ kind: "at", seq, t });
  }

  async #load(index: number): Promise<RecordedEvent[]> {
    return this.#shown.ready(await this.#loaded.load(index));
  }

  #hold(index: number): void {
    this.#base = index;
    this.#tail = index;
    this.#outgrown = false;
  }

  /** Bring the page to a position of the events held, and play on from there if asked to. */
  #show(t: number, playing: boolean, speed: number): void {
    this.#speed = speed;
    this.#anchor = t;
    this.#anchorNow = performance.now();
    this.#finished = false;
    this.#stalled = false;
    if (!this.#shown.show(this.#startMs + t, playing, speed)) return;
    if (playing) {
      this.#playing = true;
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
      this.#extend();
    }
    this.#shown.settleMouse();
  }

  #pause(): void {
    this.#anchor = this.#position;
    this.#playing = false;
    this.#stopTimer();
    this.#shown.pause(this.#base >= 0 && !this.#finished);
  }

  #setSpeed(speed: number): void {
    this.#anchor = this.#position;
    this.#anchorNow = performance.now();
    this.#speed = speed;
    this.#shown.setSpeed(speed);
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #forgetMoved(): boolean {
    const moved = this.#shown.forgetMoved();
    if (moved) this.#hold(-1);
    return moved;
  }

  // ── Playing over boundaries ────────────────────────────────────────────────

  #tick(): void {
    if (!this.#playing) return;
    const at = this.#position;
    if (this.#forgetMoved()) {
      const again = { t: at, playing: true, speed: this.#speed, resume: false };
      void this.#seek({ seq: this.#seq, ...again });
      return;
    }
    const live = segmentAt(this.#starts, at);
    if (live > this.#tail || (this.#finished && (live > this.#base || this.#outgrown))) {
      void this.#enter(live, at);
      return;
    }
    this.#extend();
    const start = this.#starts[live] ?? 0;
    if (live > this.#base && at - start > TRIM_AFTER_MS * this.#speed) {
      if (this.#shown.trim(this.#startMs + start)) this.#base = live;
    }
  }

  /** Append the next segments to what is being played, well before they are reached. */
  #extend(): void {
    const next = this.#tail + 1;
    if (this.#tail < 0 || next >= this.#segments.length || this.#loaded.isLoading(next)) return;
    if (this.#outgrown) return;
    const inTail = segmentAt(this.#starts, this.#position) >= this.#tail;
    const ahead = (this.#starts[next] ?? 0) - this.#position;
    if (!inTail && ahead > AHEAD_MS * this.#speed) return;
    const seq = this.#seq;
    this.#load(next).then(
      (events) => {
        if (seq !== this.#seq || !this.#playing || this.#tail !== next - 1) return;
        this.#tail = next;
        this.#shown.append(events.slice(this.#segments[next]?.lead ?? 0));
        this.#extend();
      },
      // Reported when playing arrives there and it is still missing.
      () => undefined,
    );
  }

  /** Playing arrived in a segment that the Replayer does not hold, or stopped before it. */
  async #enter(index: number, at: number): Promise<void> {
    if (this.#stalled) return;
    const seq = this.#seq;
    const ready = this.#loaded.has(index);
    if (!ready) {
      this.#pause();
      this.#anchor = at;
      this.#stalled = true;
      this.#options.send({ kind: "stalled", index });
    }
    try {
      const events = await this.#load(index);
      if (seq !== this.#seq) return;
      const t = ready ? this.#position : at;
      this.#stopTimer();
      this.#hold(index);
      this.#shown.swap(events);
      this.#show(t, true, this.#speed);
      if (!ready) this.#options.send({ kind: "resumed", t });
    } catch (error) {
      if (seq === this.#seq) this.#fail(seq, index, error);
    }
  }

  #fail(seq: number, index: number, error: unknown): void {
    this.#playing = false;
    this.#base = -1;
    const message = error instanceof Error ? error.message : String(error);
    this.#options.send({ kind: "failed", seq, index, message });
  }
}
