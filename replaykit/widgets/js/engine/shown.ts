/**
 * The one Replayer and the document it builds: swapped from segment to segment in place, scaled
 * into its root, and begun anew where a host moved the frame.
 */

import { Replayer } from "@rrweb/replay";
import { Bridge } from "../bridge.ts";
import { Leap } from "../leap.ts";
import { type Picked, Picker, type PickStep } from "../pick.ts";
import { Drawings } from "./drawings.ts";
import { keepAtNodes } from "./metas.ts";
import { keepOrder } from "./order.ts";
import { oncePerFrame } from "./pointer.ts";
import { CUSTOM, isTouch, type RecordedEvent } from "./recorded.ts";

/** A page at t is made by what came strictly before t, as rrweb has it; the first page is there at 0. */
const FIRST_MS = 0.01;

/**
 * A dialog is shown where the browser would put it, without its way of taking the focus. As of the
 * browser's own styles, the page's win, except that nothing of the page lies above the dialog.
 */
const OPENED = "dialog:is([data-rk-opened=modal],[rr_open_mode=modal])[open]";
const MODAL = [
  `:where(${OPENED}){position:fixed;inset:0;margin:auto;max-width:calc(100% - 6px - 2em);` +
    "max-height:calc(100% - 6px - 2em);overflow:auto;box-shadow:0 0 0 200vmax rgb(0 0 0/.1)}",
  `${OPENED}{z-index:2147483647}`,
];

const SANDBOX = "allow-same-origin";

export interface ShownEvents {
  size(width: number, height: number): void;
  /** The last event that is held has been played. */
  finished(): void;
}

export class Shown {
  readonly #root: HTMLElement;
  readonly #guard: string | null;
  readonly #events: ShownEvents;
  readonly #observer: ResizeObserver;
  readonly #leap = new Leap();
  readonly #picker = new Picker();
  #replayer: Replayer | null = null;
  #bridge: Bridge | null = null;
  #drawings: Drawings | null = null;
  #document: Document | null = null;
  #size = { width: 0, height: 0 };

  /** `guard`: the policy of the inner document where no sealed frame stands around it. */
  constructor(root: HTMLElement, guard: string | null, events: ShownEvents) {
    this.#root = root;
    this.#guard = guard;
    this.#events = events;
    this.#observer = new ResizeObserver(() => this.#fit());
    this.#observer.observe(root);
  }

  get replayer(): Replayer | null {
    return this.#replayer;
  }

  /** Make the document before its first events are here. */
  prepare(): void {
    if (!this.#replayer && this.#root.isConnected) this.#construct();
  }

  /** Events whose pictures are ready to be drawn. */
  async ready(events: RecordedEvent[]): Promise<RecordedEvent[]> {
    if (!this.#replayer) this.#construct();
    await this.#drawings?.decode(events);
    return events;
  }

  /** Hold the events of one segment instead of what was held. */
  swap(events: RecordedEvent[]): void {
    const replayer = this.#replayer ?? this.#construct();
    const { context } = replayer.service.state;
    const bridged = this.#bridge?.over(events) ?? events;
    context.events.length = 0;
    for (const event of bridged) context.events.push(event);
    // Otherwise rrweb would skip what it believes to have played.
    context.lastPlayedEvent = null;
    // The segment says where the pointer is; before it ever moved, it is nowhere.
    const { mouse } = replayer as unknown as { mouse: HTMLElement };
    mouse.style.left = mouse.style.top = "";
    mouse.classList.remove("active", "touch-active");
    if (events.some(isTouch)) mouse.classList.add("touch-device");
  }

  append(events: RecordedEvent[]): void {
    for (const event of events) this.#replayer?.addEvent(event);
  }

  /** Forget events before a time: memory stays flat on a long watch. */
  trim(before: number): boolean {
    const events = this.#replayer?.service.state.context.events;
    if (!events) return false;
    const keep = events.findIndex((event) => event.timestamp >= before);
    // The last event must stay the last: rrweb ends by comparing with it.
    if (keep > 0) events.splice(0, keep);
    return true;
  }

  /** Nothing at or after a time has been played: rrweb can go on from where it is. */
  isBefore(time: number): boolean {
    const last = this.#replayer?.service.state.context.lastPlayedEvent;
    return !last || last.timestamp < this.#baseline(time);
  }

  /** Bring the page to a time of the events held, and play on from there if asked to. */
  show(time: number, playing: boolean, speed: number): boolean {
    const replayer = this.#replayer;
    const first = replayer?.service.state.context.events[0];
    if (!replayer || !first) return false;
    const offset = this.#baseline(time) - first.timestamp;
    // The cursor's trail belongs to the way it came, not to a jump.
    (replayer as unknown as { tailPositions: unknown[] }).tailPositions = [];
    replayer.setConfig({ speed });
    this.#leap.run(() => {
      this.#bridge?.before();
      if (playing) replayer.play(offset);
      else replayer.pause(offset);
    });
    this.#bridge?.after();
    return true;
  }

  /** A jump is a jump: the cursor does not fly across the page to its new place. */
  settleMouse(): void {
    const mouse = this.#replayer?.wrapper.querySelector<HTMLElement>(".replayer-mouse");
    if (!mouse) return;
    mouse.classList.add("rk-still");
    void mouse.offsetWidth;
    mouse.classList.remove("rk-still");
  }

  /** Stand still; `onward` when playing goes on from here with the same events. */
  pause(onward: boolean): void {
    if (!this.#replayer) return;
    this.#replayer.pause();
    if (!onward) return;
    // rrweb goes on after the last event it played, but dates a mouse move back to its first
    // position and would apply what lay between twice. So it is told the time it has reached.
    const { context } = this.#replayer.service.state;
    const reached = context.baselineTime + context.timer.timeOffset - FIRST_MS;
    const note = { type: CUSTOM, data: { tag: "reached", payload: null }, timestamp: reached };
    context.lastPlayedEvent = note as RecordedEvent;
  }

  setSpeed(speed: number): void {
    this.#replayer?.setConfig({ speed });
  }

  /** A frame that the host moved is empty again; rrweb does not know, so begin anew. */
  forgetMoved(): boolean {
    if (!this.#replayer || this.#replayer.iframe.contentDocument === this.#document) return false;
    this.#replayer.wrapper.remove();
    this.#replayer = null;
    return true;
  }

  html(): string {
    const root = this.#replayer?.iframe.contentDocument?.documentElement;
    return root ? `<!doctype html>\n${root.outerHTML}\n` : "";
  }

  /** The element at a place, in shares of the viewport, or a step from the last one. */
  pick(asked: { x: number; y: number } | { step: PickStep }): Picked | null {
    const page = this.#replayer?.iframe.contentDocument;
    if (!page) return null;
    if ("step" in asked) return this.#picker.step(page, asked.step);
    return this.#picker.at(page, asked.x, asked.y);
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#replayer?.destroy();
    this.#replayer = null;
  }

  /** The time before which everything is on the page. */
  #baseline(time: number): number {
    const first = this.#replayer?.service.state.context.events[0]?.timestamp;
    return first === undefined ? time : Math.max(first + FIRST_MS, time);
  }

  /** With nothing to play yet: rrweb would set the first page's size later, by a timer. */
  #construct(): Replayer {
    const nothing = { type: CUSTOM, data: { tag: "", payload: null }, timestamp: 0 };
    const replayer = new Replayer([nothing, nothing] as RecordedEvent[], {
      root: this.#root,
      triggerFocus: false,
      skipInactive: false,
      showWarning: false,
      showDebug: false,
      // Copying a page of ten thousand nodes and comparing it costs more than changing it.
      useVirtualDom: false,
      insertStyleRules: MODAL,
      mouseTail: { strokeStyle: "#d32f2f", lineWidth: 3, duration: 500 },
    });
    if (replayer.iframe.getAttribute("sandbox") !== SANDBOX) {
      replayer.destroy();
      throw new Error("the replay document is not sandboxed");
    }
    if (this.#guard) guard(replayer.iframe, this.#guard);
    // Only where a policy by hash stands around: drawn from here, the sandbox stays as it is.
    else {
      replayer.config.UNSAFE_replayCanvas = true;
      this.#drawings = new Drawings(replayer);
    }
    oncePerFrame(replayer);
    keepAtNodes(replayer);
    keepOrder(replayer);
    this.#watch(replayer);
    this.#bridge = new Bridge(replayer);
    replayer.on("resize", (size) => {
      const { width, height } = size as { width: number; height: number };
      const same = width === this.#size.width && height === this.#size.height;
      this.#size = { width, height };
      // Every segment says its size; the root's own is watched.
      if (!same) this.#fit();
      this.#events.size(width, height);
    });
    replayer.on("finish", () => this.#events.finished());
    this.#replayer = replayer;
    this.#document = replayer.iframe.contentDocument;
    return replayer;
  }

  /** The recorded document, and those of frames in it as they come. */
  #watch(replayer: Replayer): void {
    this.#leap.watch(replayer.iframe.contentWindow as Window & typeof globalThis);
    const inner = replayer as unknown as {
      attachDocumentToIframe(mutation: unknown, iframe: HTMLIFrameElement): void;
      applySelection(data: { ranges?: unknown[] }): void;
    };
    const select = inner.applySelection.bind(replayer);
    inner.applySelection = (data) => {
      // rrweb takes "nothing is selected" for nothing to do.
      if (data.ranges?.length === 0) unselect(replayer.iframe);
      select(data);
    };
    const attach = inner.attachDocumentToIframe.bind(replayer);
    inner.attachDocumentToIframe = (mutation, iframe) => {
      const page = iframe.contentWindow as (Window & typeof globalThis) | null;
      if (page) this.#leap.watch(page);
      attach(mutation, iframe);
      // A document begins at its top and without sheets, whatever the one before it had.
      if (page) page.document.adoptedStyleSheets = [];
      page?.scrollTo(0, 0);
    };
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
}

function guard(iframe: HTMLIFrameElement, policy: string): void {
  const doc = iframe.contentDocument;
  if (!doc) return;
  const meta = doc.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = policy;
  doc.head.append(meta);
}

/** Select nothing in a frame's document and in those of the frames in it. */
function unselect(frame: HTMLIFrameElement): void {
  const page = frame.contentDocument;
  page?.getSelection()?.removeAllRanges();
  for (const inner of page?.querySelectorAll("iframe") ?? []) unselect(inner);
}
