/**
 * The sealed frame: a `data:` document of opaque origin whose policy runs our program alone and
 * refuses every request. The document is small and is handed its program when it stands.
 */

import { HELLO, REFUSED } from "./channel.ts";
import { el } from "./parts/dom.ts";

/** After its document loaded (or was refused), a frame that can boot says hello at once. */
const BOOT_MS = 2000;
/** No load event at all: a host that swallows the frame. */
const SILENT_MS = 8000;

export interface FrameOwner {
  /** Its program runs; again when the host moved the frame, which loads it anew. */
  started(port: MessagePort): void;
  /** This host does not let it run. */
  refused(): void;
}

export class SealedFrame {
  readonly #node: HTMLIFrameElement;
  readonly #left = new AbortController();
  readonly #owner: FrameOwner;
  #port: MessagePort | null = null;
  #state: "starting" | "started" | "refused" = "starting";
  #timer = 0;

  /** A frame whose recording may load from these hosts, "" for none. */
  constructor(hosts: string, owner: FrameOwner) {
    this.#owner = owner;
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

  /** Stand in a place; the host may put it into its page later. */
  stand(place: HTMLElement): void {
    place.replaceChildren(this.#node);
    whenConnected(place, this.#left.signal, () => {
      if (this.#state === "starting" && this.#timer === 0) this.#expect(SILENT_MS);
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
    this.#owner.started(port1);
  }

  #refuse(): void {
    clearTimeout(this.#timer);
    this.#state = "refused";
    this.#port?.close();
    this.#port = null;
    this.#owner.refused();
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
