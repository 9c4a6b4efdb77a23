/**
 * One reused rrweb Replayer that plays a recording of any length, segment by segment.
 *
 * Every segment starts with Meta and FullSnapshot, so a seek loads one segment, swaps it into the
 * Replayer in place and replays its start: the cost does not depend on the length. While playing,
 * the next segment is appended before it is needed, so that crossing a boundary rebuilds nothing.
 *
 * This runs inside the sealed frame (frame.ts), or in the page where a host refuses such frames.
 */

import { Replayer } from "@rrweb/replay";
import { Bridge } from "./bridge.ts";
import { keepDrawing } from "./canvas.ts";
import type { FromEngine, SegmentSpan, ToEngine } from "./channel.ts";
import { Leap } from "./leap.ts";
import { Lru } from "./lru.ts";
import { pick } from "./pick.ts";
import frameStyle from "./styles/frame.css";
import { firstAtOrAfter } from "./tracks.ts";

type Events = ConstructorParameters<typeof Replayer>[0];
type RecordedEvent = Exclude<Events[number], string>;

/** rrweb's numbers that matter here. */
const META = 4;
const INCREMENTAL = 3;
const CUSTOM = 5;
const SOURCE_VIEWPORT = 4;
const SOURCE_CANVAS = 9;
const SOURCE_FONT = 10;

const PARSED_SEGMENTS = 6;
const TICK_MS = 100;
/** Watched time that is appended ahead, at least one segment. */
const AHEAD_MS = 4000;
/** Played segments leave the Replayer this long after their end (rrweb ends 50 ms late). */
const TRIM_AFTER_MS = 1000;
/** A page at t is made by what came strictly before t, as rrweb has it; the first page is there at 0. */
const FIRST_MS = 0.01;
/** A recording may claim any viewport; what it gets stays within what a browser can lay out. */
const LARGEST_VIEWPORT = 16_384;

/** A dialog is shown where the browser would put it, without its way of taking the focus. */
const MODAL =
  "dialog[rr_open_mode=modal][open]{position:fixed;inset:0;margin:auto;z-index:2147483647}";

const SANDBOX = "allow-same-origin";

export interface EngineOptions {
  /** Policy for the inner document: in the page, where no sealed frame stands around it. */
  guard: string | null;
  send(message: FromEngine): void;
}

type Seek = Omit<Extract<ToEngine, { kind: "seek" }>, "kind">;

interface Waiting {
  resolve(bytes: ArrayBuffer): void;
  reject(error: Error): void;
}

export class Engine {
  readonly #root: HTMLElement;
  readonly #options: EngineOptions;
  readonly #observer: ResizeObserver;
  readonly #leap = new Leap();
  readonly #waiting = new Map<number, Waiting>();
  readonly #loading = new Map<number, Promise<RecordedEvent[]>>();
  #parsed = new Lru<number, RecordedEvent[]>(PARSED_SEGMENTS);
  #replayer: Replayer | null = null;
  #bridge: Bridge | null = null;
  #document: Document | null = null;
  #id = 0;
  #startMs = 0;
  #segments: SegmentSpan[] = [];
  #starts: number[] = [];
  #size = { width: 0, height: 0 };

  /** What the Replayer holds: segments `#base` to `#tail`; -1 when it must be swapped. */
  #base = -1;
  #tail = -1;
  #finished = false;
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
    this.#observer = new ResizeObserver(() => this.#fit());
    this.#observer.observe(root);
  }

  /** What plays, for those who look at the page that it made. */
  get replayer(): Replayer | null {
    return this.#replayer;
  }

  receive(message: ToEngine): void {
    switch (message.kind) {
      case "open":
        this.#open(message.id, message.start_ms, message.segments);
        break;
      case "segment":
        this.#arrived(message.id, message.index, message.bytes);
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
        this.#options.send({ kind: "html", seq: message.seq, html: this.#html() });
        break;
      case "pick": {
        const page = this.#replayer?.iframe.contentDocument;
        const picked = page ? pick(page, message.x, message.y) : null;
        this.#options.send({ kind: "picked", seq: message.seq, picked });
        break;
      }
    }
  }

  destroy(): void {
    this.#stopTimer();
    this.#seq += 1;
    this.#observer.disconnect();
    this.#replayer?.destroy();
    this.#replayer = null;
    this.#root.replaceChildren();
  }

  #open(id: number, startMs: number, segments: SegmentSpan[]): void {
    this.#pause();
    this.#seq += 1;
    this.#id = id;
    this.#startMs = startMs;
    this.#segments = segments;
    this.#starts = segments.map((segment) => segment.start);
    this.#parsed = new Lru(PARSED_SEGMENTS);
    for (const { reject } of this.#waiting.values()) reject(new Error("another replay was opened"));
    this.#waiting.clear();
    this.#loading.clear();
    this.#base = -1;
    this.#tail = -1;
    this.#anchor = 0;
  }

  // ── Segments ────────────────────────────────────────────────────────────────

  #load(index: number): Promise<RecordedEvent[]> {
    const parsed = this.#parsed.get(index);
    if (parsed) return Promise.resolve(parsed);
    const loading = this.#loading.get(index);
    if (loading) return loading;
    const id = this.#id;
    const bytes = new Promise<ArrayBuffer>((resolve, reject) => {
      this.#waiting.set(index, { resolve, reject });
      this.#options.send({ kind: "need", id, index });
    });
    const made = bytes
      .then(inflate)
      .then((events) => {
        const clean = this.#clean(events);
        if (id === this.#id && !clean.some(isWrittenInto)) this.#parsed.set(index, clean);
        return clean;
      })
      .finally(() => {
        if (id === this.#id) this.#loading.delete(index);
      });
    this.#loading.set(index, made);
    return made;
  }

  #arrived(id: number, index: number, bytes: ArrayBuffer | null): void {
    if (id !== this.#id) return;
    const waiting = this.#waiting.get(index);
    this.#waiting.delete(index);
    if (bytes) waiting?.resolve(bytes);
    else waiting?.reject(new Error("the segment could not be loaded"));
  }

  #clean(events: RecordedEvent[]): RecordedEvent[] {
    for (const event of events) {
      if (event.type === META) clampSize(event.data);
      else if (event.type === INCREMENTAL) {
        if (event.data.source === SOURCE_VIEWPORT) clampSize(event.data);
        else if (event.data.source === SOURCE_CANVAS) keepDrawing(event.data);
      }
    }
    if (!this.#options.guard) return events;
    // rrweb builds fonts in its own realm, which here is the page: beyond the policy's reach.
    return events.filter(
      (event) => event.type !== INCREMENTAL || event.data.source !== SOURCE_FONT,
    );
  }

  // ── Position ────────────────────────────────────────────────────────────────

  get #position(): number {
    if (!this.#playing) return this.#anchor;
    return this.#anchor + (performance.now() - this.#anchorNow) * this.#speed;
  }

  #segmentAt(t: number): number {
    return Math.max(0, firstAtOrAfter(this.#starts, t) - 1);
  }

  async #seek({ seq, t, playing, speed, resume }: Seek): Promise<void> {
    const live = this.#segmentAt(this.#position);
    this.#seq = seq;
    this.#pause();
    this.#forgetMoved();
    const index = this.#segmentAt(t);
    const held = this.#base >= 0 && !this.#finished && this.#replayer !== null;
    // Forward inside what the Replayer already shows: only the events between are applied.
    const onward = held && (resume || (index === live && t >= this.#anchor && this.#isAhead(t)));
    try {
      const events = onward ? null : await this.#load(index);
      if (seq !== this.#seq) return;
      if (events) this.#swap(index, events);
      this.#show(resume && onward ? Math.max(t, this.#anchor) : t, playing, speed);
    } catch (error) {
      if (seq === this.#seq) this.#fail(seq, index, error);
      return;
    }
    this.#options.send({ kind: "at", seq, t });
  }

  /** Nothing at or after a position has been played: rrweb can go on from where it is. */
  #isAhead(t: number): boolean {
    const last = this.#replayer?.service.state.context.lastPlayedEvent;
    return !last || last.timestamp < this.#baseline(t);
  }

  /** The time before which everything is on the page at a position. */
  #baseline(t: number): number {
    const first = this.#replayer?.service.state.context.events[0]?.timestamp ?? this.#startMs;
    return Math.max(first + FIRST_MS, this.#startMs + t);
  }

  /** Bring the page to a position of the events held, and play on from there if asked to. */
  #show(t: number, playing: boolean, speed: number): void {
    const replayer = this.#replayer;
    const first = replayer?.service.state.context.events[0];
    if (!replayer || !first) return;
    const offset = this.#baseline(t) - first.timestamp;
    // The cursor's trail belongs to the way it came, not to a jump.
    (replayer as unknown as { tailPositions: unknown[] }).tailPositions = [];
    this.#speed = speed;
    replayer.setConfig({ speed });
    this.#anchor = t;
    this.#anchorNow = performance.now();
    this.#finished = false;
    this.#stalled = false;
    this.#leap.run(() => {
      this.#bridge?.before();
      if (playing) replayer.play(offset);
      else replayer.pause(offset);
    });
    this.#bridge?.after();
    if (playing) {
      this.#playing = true;
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
      this.#extend();
    }
    this.#settleMouse(replayer);
  }

  /** A jump is a jump: the cursor does not fly across the page to its new place. */
  #settleMouse(replayer: Replayer): void {
    const mouse = replayer.wrapper.querySelector<HTMLElement>(".replayer-mouse");
    if (!mouse) return;
    mouse.classList.add("rk-still");
    void mouse.offsetWidth;
    mouse.classList.remove("rk-still");
  }

  #pause(): void {
    this.#anchor = this.#position;
    this.#playing = false;
    this.#stopTimer();
    if (!this.#replayer) return;
    this.#replayer.pause();
    if (this.#base < 0 || this.#finished) return;
    // rrweb goes on after the last event it played, but dates a mouse move back to its first
    // position and would apply what lay between twice. So it is told the time it has reached.
    const { context } = this.#replayer.service.state;
    const reached = context.baselineTime + context.timer.timeOffset - FIRST_MS;
    const note = { type: CUSTOM, data: { tag: "reached", payload: null }, timestamp: reached };
    context.lastPlayedEvent = note as RecordedEvent;
  }

  #setSpeed(speed: number): void {
    this.#anchor = this.#position;
    this.#anchorNow = performance.now();
    this.#speed = speed;
    this.#replayer?.setConfig({ speed });
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
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
    const live = this.#segmentAt(at);
    if (live > this.#tail || (this.#finished && live > this.#base)) {
      void this.#enter(live, at);
      return;
    }
    this.#extend();
    const start = this.#starts[live] ?? 0;
    if (live > this.#base && at - start > TRIM_AFTER_MS * this.#speed) this.#trim(live);
  }

  /** Append the next segments to what is being played, well before they are reached. */
  #extend(): void {
    const next = this.#tail + 1;
    if (this.#tail < 0 || next >= this.#segments.length || this.#loading.has(next)) return;
    const inTail = this.#segmentAt(this.#position) >= this.#tail;
    const ahead = (this.#starts[next] ?? 0) - this.#position;
    if (!inTail && ahead > AHEAD_MS * this.#speed) return;
    const seq = this.#seq;
    this.#load(next).then(
      (events) => {
        if (seq !== this.#seq || !this.#playing || this.#tail !== next - 1) return;
        this.#tail = next;
        const { lead } = this.#segments[next] ?? { lead: 0 };
        for (const event of events.slice(lead)) this.#replayer?.addEvent(event);
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
    const ready = this.#parsed.has(index);
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
      this.#swap(index, events);
      this.#show(t, true, this.#speed);
      if (!ready) this.#options.send({ kind: "resumed", t });
    } catch (error) {
      if (seq === this.#seq) this.#fail(seq, index, error);
    }
  }

  /** Forget events of segments that were played: memory stays flat on a long watch. */
  #trim(live: number): void {
    const events = this.#replayer?.service.state.context.events;
    const start = this.#startMs + (this.#starts[live] ?? 0);
    if (!events) return;
    const keep = events.findIndex((event) => event.timestamp >= start);
    // The last event must stay the last: rrweb ends by comparing with it.
    if (keep > 0) events.splice(0, keep);
    this.#base = live;
  }

  #swap(index: number, events: RecordedEvent[]): void {
    this.#base = index;
    this.#tail = index;
    if (!this.#replayer) {
      this.#construct(events);
      return;
    }
    const { context } = this.#replayer.service.state;
    const bridged = this.#bridge?.over(events) ?? events;
    context.events.length = 0;
    for (const event of bridged) context.events.push(event);
    // Otherwise rrweb would skip what it believes to have played.
    context.lastPlayedEvent = null;
  }

  #construct(events: RecordedEvent[]): void {
    const replayer = new Replayer([...events], {
      root: this.#root,
      triggerFocus: false,
      skipInactive: false,
      showWarning: false,
      showDebug: false,
      // Copying a page of ten thousand nodes and comparing it costs more than changing it.
      useVirtualDom: false,
      insertStyleRules: [MODAL],
      mouseTail: { strokeStyle: "#d32f2f", lineWidth: 3, duration: 500 },
    });
    if (replayer.iframe.getAttribute("sandbox") !== SANDBOX) {
      replayer.destroy();
      throw new Error("the replay document is not sandboxed");
    }
    if (this.#options.guard) guard(replayer.iframe, this.#options.guard);
    // Only where a policy by hash stands around: drawn from here, the sandbox stays as it is.
    else replayer.config.UNSAFE_replayCanvas = true;
    this.#watch(replayer);
    this.#bridge = new Bridge(replayer);
    replayer.on("resize", (size) => {
      const { width, height } = size as { width: number; height: number };
      this.#size = { width, height };
      this.#fit();
      this.#options.send({ kind: "size", width, height });
    });
    replayer.on("finish", () => {
      this.#finished = true;
    });
    this.#replayer = replayer;
    this.#document = replayer.iframe.contentDocument;
  }

  /** The recorded document, and those of frames in it as they come. */
  #watch(replayer: Replayer): void {
    this.#leap.watch(replayer.iframe.contentWindow as Window & typeof globalThis);
    const inner = replayer as unknown as {
      attachDocumentToIframe(mutation: unknown, iframe: HTMLIFrameElement): void;
    };
    const attach = inner.attachDocumentToIframe.bind(replayer);
    inner.attachDocumentToIframe = (mutation, iframe) => {
      const page = iframe.contentWindow as (Window & typeof globalThis) | null;
      if (page) this.#leap.watch(page);
      attach(mutation, iframe);
    };
  }

  /** A frame that the host moved is empty again; rrweb does not know, so begin anew. */
  #forgetMoved(): boolean {
    if (!this.#replayer || this.#replayer.iframe.contentDocument === this.#document) return false;
    this.#replayer.wrapper.remove();
    this.#replayer = null;
    this.#base = -1;
    this.#tail = -1;
    return true;
  }

  /** Scale the recorded viewport into the root, keeping its aspect. */
  #fit(): void {
    const replayer = this.#replayer;
    const { width, height } = this.#size;
    if (!replayer || width === 0 || height === 0) return;
    const box = this.#root.getBoundingClientRect();
    const scale = Math.min(this.#root.clientWidth / width, this.#root.clientHeight / height);
    if (!(scale > 0) || box.width === 0) return;
    replayer.wrapper.style.transform = `scale(${scale})`;
    // Cursor and trail keep the size they have on an unscaled page.
    replayer.wrapper.style.setProperty("--rk-unscale", String(Math.max(1, 0.8 / scale)));
    replayer.config.mouseTail = {
      strokeStyle: "#d32f2f",
      lineWidth: Math.max(3, 2.4 / scale),
      duration: 500,
    };
  }

  #html(): string {
    const root = this.#replayer?.iframe.contentDocument?.documentElement;
    return root ? `<!doctype html>\n${root.outerHTML}\n` : "";
  }

  #fail(seq: number, index: number, error: unknown): void {
    this.#playing = false;
    this.#base = -1;
    const message = error instanceof Error ? error.message : String(error);
    this.#options.send({ kind: "failed", seq, index, message });
  }
}

async function inflate(bytes: ArrayBuffer): Promise<RecordedEvent[]> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return (await new Response(stream).json()) as RecordedEvent[];
}

/** rrweb writes the text of a changed sheet into the snapshot it came from: good for one use. */
function isWrittenInto(event: RecordedEvent): boolean {
  return (
    event.type === INCREMENTAL &&
    event.data.source === 0 &&
    event.data.attributes.some(({ attributes }) => "_cssText" in attributes)
  );
}

function clampSize(data: { width: number; height: number }): void {
  const clamp = (value: number) =>
    Math.min(LARGEST_VIEWPORT, Math.max(1, Number.isFinite(value) ? value : 1));
  data.width = clamp(data.width);
  data.height = clamp(data.height);
}

function guard(iframe: HTMLIFrameElement, policy: string): void {
  const doc = iframe.contentDocument;
  if (!doc) return;
  const meta = doc.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = policy;
  doc.head.append(meta);
}
