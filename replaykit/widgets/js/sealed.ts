/**
 * The sealed frame: a `data:` document of opaque origin whose policy runs our program alone and
 * refuses every request.
 *
 * A browser takes some fifty milliseconds to start one, a sixth of what a player takes to its
 * first page. So a frame may be started before there is a place for it, and is moved there without
 * being loaded anew, where the browser can.
 */

import { HELLO, REFUSED } from "./channel.ts";
import { el } from "./parts/dom.ts";

/** After its document loaded (or was refused), a frame that can boot says hello at once. */
const BOOT_MS = 2000;
/** No load event at all: a host that swallows the frame. */
const SILENT_MS = 8000;
/** A frame that was started ahead is taken away again when nobody wants it. */
const UNUSED_MS = 10_000;
/** Marks it: one is enough for a page, whoever started it. */
const AHEAD = "data-rk-ahead";

export interface FrameOwner {
  /** Its program runs; again when the host moved the frame, which loads it anew. */
  started(port: MessagePort): void;
  /** This host does not let it run. */
  refused(): void;
}

type Movable = HTMLElement & { moveBefore(node: Node, before: Node | null): void };

let ahead: SealedFrame | null = null;

/** Start a frame that asks nobody, while the host still makes a place for what will use it. */
export function startAhead(): void {
  if (!("moveBefore" in HTMLElement.prototype) || !document.body) return;
  if (document.querySelector(`iframe[${AHEAD}]`)) return;
  const made = new SealedFrame("");
  ahead = made;
  made.wait();
  setTimeout(() => {
    if (ahead !== made) return;
    ahead = null;
    made.end();
  }, UNUSED_MS);
}

/** A frame whose recording may load from these hosts, "" for none. */
export function sealedFrame(hosts: string): SealedFrame {
  const made = ahead;
  if (hosts !== "" || !made) return new SealedFrame(hosts);
  ahead = null;
  return made;
}

export class SealedFrame {
  readonly #node: HTMLIFrameElement;
  readonly #left = new AbortController();
  #owner: FrameOwner | null = null;
  #port: MessagePort | null = null;
  #state: "starting" | "started" | "refused" = "starting";
  #waiting = false;
  #timer = 0;

  constructor(hosts: string) {
    const node = el("iframe", {
      title: "Recorded page",
      tabindex: -1,
      inert: true,
      "aria-hidden": "true",
    });
    node.style.colorScheme = "light";
    node.src = `data:text/html;charset=utf-8,${encodeURIComponent(frameDocument(hosts))}`;
    this.#node = node;
    const { signal } = this.#left;
    node.addEventListener("load", () => this.#expect(BOOT_MS), { signal });
    window.addEventListener(
      "message",
      (event) => {
        // Its origin is "null", so the sender is known by its window.
        if (event.source !== node.contentWindow) return;
        if (event.data === HELLO) this.#start();
        else if (event.data === REFUSED) this.#refuse();
      },
      { signal },
    );
  }

  /** Say who uses it; what has happened already is told at once. */
  own(owner: FrameOwner): void {
    this.#owner = owner;
    if (this.#port) owner.started(this.#port);
    else if (this.#state === "refused") owner.refused();
  }

  /** Start where it is not seen: what is out of sight altogether is given no time. */
  wait(): void {
    this.#waiting = true;
    this.#node.setAttribute(AHEAD, "");
    this.#node.style.cssText +=
      "position:fixed;inset:0 auto auto 0;width:1px;height:1px;border:0;opacity:0;pointer-events:none";
    document.body.append(this.#node);
  }

  /** Stand in a place, from now on or from when the host has put it into its page. */
  stand(place: HTMLElement): void {
    if (!this.#waiting) {
      place.replaceChildren(this.#node);
      whenConnected(place, this.#left.signal, () => {
        if (this.#state === "starting" && this.#timer === 0) this.#expect(SILENT_MS);
      });
      return;
    }
    place.replaceChildren();
    whenConnected(place, this.#left.signal, () => {
      this.#waiting = false;
      this.#node.removeAttribute(AHEAD);
      this.#node.style.cssText = "color-scheme:light";
      (place as Movable).moveBefore(this.#node, null);
    });
  }

  end(): void {
    this.#left.abort();
    clearTimeout(this.#timer);
    this.#port?.close();
    this.#node.remove();
  }

  #expect(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      if (this.#state === "starting" && this.#node.isConnected) this.#refuse();
    }, ms);
  }

  /** Hand the program over. */
  #start(): void {
    clearTimeout(this.#timer);
    this.#state = "started";
    this.#port?.close();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#node.contentWindow?.postMessage(program(), "*", [port2]);
    this.#owner?.started(port1);
  }

  #refuse(): void {
    clearTimeout(this.#timer);
    this.#state = "refused";
    this.#port?.close();
    this.#port = null;
    this.#owner?.refused();
  }
}

/** What a recorded page may use: styles and data: pictures, and the hosts it was given. */
export function allowed(hosts: string): string {
  return (
    `style-src 'unsafe-inline'${hosts}; img-src data: blob:${hosts}; font-src data:${hosts}; ` +
    `media-src data: blob:${hosts}; base-uri 'none'; form-action 'none'`
  );
}

/** Hosts as a policy names them; what is no plain name is left out. */
export function sources(hosts: string[]): string {
  const plain = hosts.filter((host) => /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host));
  return plain.map((host) => ` https://${host}:* http://${host}:*`).join("");
}

/** The text that build.mjs took the hash of. */
function program(): string {
  return `var rkFrame=(${__rkFrame.toString()})()`;
}

/** The sealed document: our scripts by their hashes, and what the recorded page may use. */
function frameDocument(hosts: string): string {
  const policy = `default-src 'none'; script-src ${RK_FRAME_SCRIPTS}; ${allowed(hosts)}`;
  return (
    '<!doctype html><meta charset="utf-8">' +
    `<meta http-equiv="Content-Security-Policy" content="${policy}">` +
    "<style>html,body{margin:0;height:100%;overflow:hidden;background:#fff}" +
    "#root{position:relative;width:100%;height:100%;overflow:hidden}</style>" +
    `<div id="root"></div><script>${RK_FRAME_LOADER}</script>`
  );
}

/** Hosts render before they attach: look at each frame of the page that is drawn. */
function whenConnected(node: HTMLElement, signal: AbortSignal, then: () => void): void {
  if (signal.aborted) return;
  if (node.isConnected) then();
  else requestAnimationFrame(() => whenConnected(node, signal, then));
}
