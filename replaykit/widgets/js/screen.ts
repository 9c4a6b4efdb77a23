/**
 * What shows the recording: an engine in a sealed frame where the host allows it (sealed.ts). Where
 * such a frame does not start, the same engine plays in the page behind a policy of its own, and
 * the player says so.
 */

import type { FromEngine, SegmentSpan, ToEngine } from "./channel.ts";
import type { Engine } from "./frame.ts";
import { el } from "./parts/dom.ts";
import type { Picked, PickStep } from "./pick.ts";
import type { Session } from "./protocol.ts";
import { allowed, SealedFrame, sources } from "./sealed.ts";
import type { Segments } from "./segments.ts";
import { segmentAt } from "./tracks.ts";

export type Seal = "starting" | "sealed" | "page";

export interface ScreenEvents {
  /** The page of the newest seek is on screen. */
  at(t: number): void;
  stalled(index: number): void;
  resumed(t: number): void;
  size(width: number, height: number): void;
  failed(index: number, message: string): void;
  sealed(seal: Seal): void;
  /** A segment was asked for and has not arrived yet; null when it has. */
  loading(index: number | null): void;
}

/** A page that is on screen is left alone this long before its neighbours are asked for. */
const AHEAD_AFTER_MS = 60;
/** And this long before the rest of what is watched is, bit by bit. */
const REST_AFTER_MS = 1000;
const REST_EVERY_MS = 50;

interface Position {
  t: number;
  playing: boolean;
  speed: number;
}

export class Screen {
  /** Takes the size of the recorded page; the player's stage centres it. */
  readonly node: HTMLElement;
  readonly #events: ScreenEvents;
  readonly #signal: AbortSignal;
  #frame: SealedFrame | null = null;
  #port: MessagePort | null = null;
  #engine: Engine | null = null;
  #seal: Seal = "starting";
  /** Where the standing frame may load from; a recording that may ask others needs its own. */
  #hosts = "";
  #session: Session | null = null;
  #starts: number[] = [];
  #segments: Segments | null = null;
  #id = 0;
  /** The opening whose first segment was handed over, if it was here. */
  #given = 0;
  #seq = 0;
  /** Questions are numbered downwards, so that they never look like a newer seek. */
  #question = 0;
  #last: Position | null = null;
  /** The segment that is shown or asked for; its neighbours are wanted next. */
  #near = 0;
  #aheadTimer = 0;
  #restTimer = 0;
  /** Somebody moved or played it: it is not just standing there. */
  #watched = false;
  /** What the last seek waits for; meanwhile the newest of all others waits for it. */
  #busy: "" | "fetching" | "building" = "";
  #held = false;
  #pausedAt: number | null = null;
  #asked = new Map<number, (answer: FromEngine) => void>();

  constructor(events: ScreenEvents, signal: AbortSignal) {
    this.#events = events;
    this.#signal = signal;
    // To the reader of the screen, the recorded page is one picture.
    this.node = el("div", { class: "page", role: "img", "aria-label": "Recorded page" });
    this.#startSealed();
    signal.addEventListener("abort", () => this.#destroy(), { once: true });
  }

  get seal(): Seal {
    return this.#seal;
  }

  open(session: Session, segments: Segments): void {
    this.#session = session;
    this.#starts = session.segments.map(({ start }) => start);
    this.#segments = segments;
    this.#last = null;
    this.#watched = false;
    this.#pausedAt = null;
    const hosts = sources(session.allow_network ?? []);
    if (hosts === this.#hosts) {
      this.#sendOpen();
      return;
    }
    this.#hosts = hosts;
    if (this.#engine) this.#startInPage();
    else this.#startSealed();
  }

  /** The session that is open has grown. */
  extend(session: Session, segments: Segments): void {
    this.#segments?.close();
    this.#session = session;
    this.#starts = session.segments.map(({ start }) => start);
    this.#segments = segments;
    this.#send({ kind: "extend", segments: spans(session) });
    if (this.#busy === "") this.#lookFurther();
  }

  seek(position: Position): void {
    const resume = position.playing && position.t === this.#pausedAt;
    this.#watched ||= position.playing || this.#last !== null;
    this.#last = position;
    const { t } = position;
    // What is here need not wait for what has to come from far away.
    const near = this.#busy === "fetching" && this.#segments?.has(segmentAt(this.#starts, t));
    if (this.#busy !== "" && !near && !resume) {
      this.#held = true;
      return;
    }
    this.#sendSeek(resume);
  }

  pause(t: number): void {
    this.#pausedAt = t;
    if (this.#last) this.#last = { ...this.#last, t, playing: false };
    this.#send({ kind: "pause" });
  }

  setSpeed(speed: number): void {
    if (this.#last) this.#last = { ...this.#last, speed };
    this.#send({ kind: "speed", speed });
  }

  /** Where a frame that the host reloads has to continue. */
  remember(t: number): void {
    if (this.#last) this.#last = { ...this.#last, t };
  }

  /** The recorded document at the position, as HTML. */
  html(): Promise<string> {
    return this.#ask((seq) => ({ kind: "html", seq })).then((answer) =>
      answer.kind === "html" ? answer.html : "",
    );
  }

  /** The element at a point of the page, in shares of its size, or a step from the last. */
  pick(asked: { x: number; y: number } | { step: PickStep }): Promise<Picked | null> {
    return this.#ask((seq) => ({ kind: "pick", seq, asked })).then((answer) =>
      answer.kind === "picked" ? answer.picked : null,
    );
  }

  #ask(message: (seq: number) => ToEngine): Promise<FromEngine> {
    this.#question -= 1;
    const seq = this.#question;
    return new Promise((resolve) => {
      this.#asked.set(seq, resolve);
      this.#send(message(seq));
    });
  }

  // ── Sealed frame ───────────────────────────────────────────────────────────

  #startSealed(): void {
    this.#frame?.end();
    this.#port = null;
    this.#seal = "starting";
    this.#frame = new SealedFrame(this.#hosts, {
      started: (port) => {
        if (this.#seal !== "page") this.#connect(port);
      },
      refused: () => this.#startInPage(),
    });
    this.#frame.stand(this.node);
  }

  /** Also when the frame was loaded anew: everything is told again. */
  #connect(port: MessagePort): void {
    this.#port = port;
    port.onmessage = (event: MessageEvent<FromEngine>) => this.#receive(event.data);
    this.#setSeal("sealed");
    this.#sendOpen();
    this.#sendSeek();
  }

  // ── Fallback ───────────────────────────────────────────────────────────────

  #startInPage(): void {
    this.#frame?.end();
    this.#frame = null;
    this.#engine?.destroy();
    const root = el("div", { class: "rk-inpage", inert: true });
    this.node.replaceChildren(root);
    const { Engine: InPage } = __rkFrame();
    this.#engine = new InPage(root, {
      guard: `default-src 'none'; ${allowed(this.#hosts)}`,
      send: (message) => this.#receive(message),
    });
    this.#setSeal("page");
    this.#sendOpen();
    this.#sendSeek();
  }

  // ── Messages ───────────────────────────────────────────────────────────────

  #send(message: ToEngine, transfer: Transferable[] = []): void {
    if (this.#engine) this.#engine.receive(message);
    else this.#port?.postMessage(message, transfer);
  }

  #sendOpen(): void {
    if (!this.#session) return;
    this.#id += 1;
    this.#settled();
    const { start_ms } = this.#session;
    this.#send({ kind: "open", id: this.#id, start_ms, segments: spans(this.#session) });
  }

  #sendSeek(resume = false): void {
    if (!this.#last || !this.#session) return;
    this.#seq += 1;
    this.#pausedAt = null;
    this.#busy = "building";
    this.#held = false;
    clearTimeout(this.#aheadTimer);
    clearTimeout(this.#restTimer);
    this.#near = segmentAt(this.#starts, this.#last.t);
    this.#handOver(this.#near);
    // Before the engine finds out that it lacks them; it asks for them all the same.
    this.#segments?.get(this.#near).catch(() => undefined);
    this.#send({ kind: "seek", seq: this.#seq, ...this.#last, resume });
  }

  /** A replay that was just opened: what its first page needs goes along, if it is here. */
  #handOver(index: number): void {
    const bytes = this.#given === this.#id ? null : this.#segments?.held(index);
    this.#given = this.#id;
    if (bytes) this.#sendSegment(this.#id, index, bytes);
  }

  /** The frame takes its copy for good; ours stays for the next time. */
  #sendSegment(id: number, index: number, bytes: Uint8Array | undefined): void {
    const copy = (bytes?.slice().buffer as ArrayBuffer | undefined) ?? null;
    this.#send({ kind: "segment", id, index, bytes: copy }, copy ? [copy] : []);
  }

  /** The engine is done with the last seek. */
  #settled(): void {
    this.#busy = "";
    this.#held = false;
  }

  /** Neighbours are asked for when the page has been painted, so that nothing is in its way. */
  #lookAhead(): void {
    clearTimeout(this.#aheadTimer);
    this.#aheadTimer = window.setTimeout(() => this.#segments?.ahead(this.#near), AHEAD_AFTER_MS);
  }

  /** Then the rest of what is watched, one message at a time and with pauses. */
  #lookFurther(ms = REST_AFTER_MS): void {
    clearTimeout(this.#restTimer);
    if (!this.#watched) return;
    this.#restTimer = window.setTimeout(async () => {
      const segments = this.#segments;
      const began = performance.now();
      const more = await segments?.more(this.#near);
      if (!more || segments !== this.#segments || this.#busy !== "") return;
      // Where the way is long, half of it is left to others.
      this.#lookFurther(Math.max(REST_EVERY_MS, performance.now() - began));
    }, ms);
  }

  #receive(message: FromEngine): void {
    if (this.#signal.aborted) return;
    switch (message.kind) {
      case "need":
        void this.#give(message.id, message.index);
        break;
      case "at":
        if (message.seq !== this.#seq) break;
        if (this.#held) {
          this.#sendSeek();
          break;
        }
        this.#settled();
        this.#events.at(message.t);
        this.#lookAhead();
        this.#lookFurther();
        break;
      case "stalled":
        this.#events.stalled(message.index);
        break;
      case "resumed":
        this.#events.resumed(message.t);
        break;
      case "size":
        this.#events.size(message.width, message.height);
        break;
      case "html":
      case "picked":
        this.#asked.get(message.seq)?.(message);
        this.#asked.delete(message.seq);
        break;
      case "failed":
        if (message.seq !== this.#seq) break;
        if (this.#held) {
          this.#sendSeek();
          break;
        }
        this.#settled();
        this.#events.failed(message.index, message.message);
        break;
    }
  }

  async #give(id: number, index: number): Promise<void> {
    if (id !== this.#id) return;
    const seq = this.#seq;
    // Playing asks for what comes next, also while a seek is on its way.
    const seeking = this.#busy !== "" && index === this.#near;
    if (!this.#segments?.has(index)) {
      if (seeking) this.#busy = "fetching";
      this.#events.loading(index);
    }
    let bytes: Uint8Array | undefined;
    for (let from: Segments | null = null; from !== this.#segments; ) {
      // Asked again where the recording has grown meanwhile.
      from = this.#segments;
      try {
        bytes = await from?.get(index);
      } catch {
        bytes = undefined;
      }
      if (id !== this.#id) break;
    }
    this.#events.loading(null);
    if (id !== this.#id) return;
    this.#sendSegment(id, index, bytes);
    if (seeking) {
      if (seq === this.#seq && this.#busy === "fetching") this.#busy = "building";
    } else if (this.#busy === "") {
      // Played on into it.
      this.#near = index;
      this.#lookAhead();
    }
  }

  #setSeal(seal: Seal): void {
    if (this.#seal === seal) return;
    this.#seal = seal;
    this.#events.sealed(seal);
  }

  #destroy(): void {
    this.#frame?.end();
    clearTimeout(this.#aheadTimer);
    clearTimeout(this.#restTimer);
    this.#engine?.destroy();
    this.#segments?.close();
    this.node.replaceChildren();
  }
}

function spans(session: Session): SegmentSpan[] {
  return session.segments.map(({ start, end, lead, bytes }) => ({
    start,
    end,
    lead: lead ?? 0,
    bytes,
  }));
}
