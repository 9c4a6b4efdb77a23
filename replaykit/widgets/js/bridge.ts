/**
 * Bridges from the page that stands to the keyframe a jump leads to. Where two pages share their
 * nodes, only what differs is changed, so that the browser lays out and paints little; see
 * difference.ts for what is never taken over.
 */

import type { Replayer } from "@rrweb/replay";
import { difference, type SnapshotNode, type Standing } from "./difference.ts";
import { Changes } from "./touched.ts";

type Events = ConstructorParameters<typeof Replayer>[0];
type RecordedEvent = Exclude<Events[number], string>;

const META = 4;
const SNAPSHOT = 2;
const INCREMENTAL = 3;

type Mirror = ReturnType<Replayer["getMirror"]>;

interface Snapshot {
  node: SnapshotNode;
  initialOffset: { left: number; top: number };
}

export class Bridge {
  readonly #replayer: Replayer;
  readonly #changes = new Changes();
  #keyframe: SnapshotNode | null = null;
  #bridge: { event: RecordedEvent; to: SnapshotNode } | null = null;
  #settle: (() => void) | null = null;

  constructor(replayer: Replayer) {
    this.#replayer = replayer;
    replayer.on("event-cast", (cast) => {
      const event = cast as RecordedEvent;
      if (event === this.#bridge?.event) this.#stand(this.#bridge.to);
      else if (event.type === SNAPSHOT) this.#stand((event.data as unknown as Snapshot).node);
      else this.#changes.note(event);
    });
  }

  /** A segment's events, its keyframe exchanged for what differs where that will do. */
  over(events: RecordedEvent[]): RecordedEvent[] {
    this.#bridge = null;
    const [meta, snapshot, ...rest] = events;
    const page = this.#replayer.iframe.contentDocument;
    if (!this.#keyframe || meta?.type !== META || snapshot?.type !== SNAPSHOT || !page) {
      return this.#anew(events);
    }
    const { node: to, initialOffset } = snapshot.data as unknown as Snapshot;
    // What the segment re-emits first counts as done to the page: it must not be done twice.
    for (const event of rest) {
      if (event.timestamp > snapshot.timestamp) break;
      if (event.type === INCREMENTAL && event.data.source !== 3) this.#changes.note(event);
    }
    const mirror = this.#replayer.getMirror();
    const data = difference(this.#keyframe, to, this.#changes, standing(mirror));
    if (!data) return this.#anew(events);
    for (const { id } of data.removes) forgetShadows(mirror, mirror.getNode(id));
    const { scrolled } = this.#changes;
    const put = [...scrolled].map((id) => mirror.getNode(id));
    this.#settle = () => {
      for (const node of put) if (node?.nodeType === 1) (node as Element).scrollTo(0, 0);
      page.defaultView?.scrollTo(initialOffset);
      page.getSelection()?.removeAllRanges();
      for (const node of page.querySelectorAll(".\\:hover")) node.classList.remove(":hover");
    };
    const event = { type: INCREMENTAL, data, timestamp: snapshot.timestamp } as never;
    this.#bridge = { event, to };
    return [meta, event, ...rest];
  }

  /** Before the events of a bridge are applied: what no event undoes. */
  before(): void {
    this.#settle?.();
  }

  /** After it: nothing of the way is to be seen. */
  after(): void {
    if (!this.#settle) return;
    this.#settle = null;
    for (const moving of this.#replayer.iframe.contentDocument?.getAnimations() ?? []) {
      if ("transitionProperty" in moving) moving.finish();
    }
  }

  #anew(events: RecordedEvent[]): RecordedEvent[] {
    // Opening a document anew leaves these in it; the segment says again which there are.
    const page = this.#replayer.iframe.contentDocument;
    if (page) page.adoptedStyleSheets = [];
    page?.fonts.clear();
    return events;
  }

  #stand(keyframe: SnapshotNode): void {
    this.#keyframe = keyframe;
    this.#changes.clear();
  }
}

/** The page that stands, by what rrweb knows of it; other nodes are nobody's business. */
function standing(mirror: Mirror): Standing {
  const known = (node: Node | null): Node | null => {
    let one = node;
    while (one && mirror.getId(one) <= 0) one = one.nextSibling;
    return one;
  };
  return {
    // From sibling to sibling: a list of children is an object that the browser keeps.
    holds(id, nodes) {
      const parent = mirror.getNode(id);
      if (!parent) return false;
      let here: Node | null = parent.firstChild;
      for (const { id: wanted } of nodes) {
        const node = mirror.getNode(wanted);
        if (here !== node) here = known(here);
        if (!here || here !== node) return false;
        here = here.nextSibling;
      }
      return known(here) === null;
    },
    children(id) {
      const parent = mirror.getNode(id);
      if (!parent) return null;
      const ids = [];
      for (let here = known(parent.firstChild); here; here = known(here.nextSibling)) {
        ids.push(mirror.getId(here));
      }
      return ids;
    },
  };
}

/** What is taken out is built anew later, shadows too: those rrweb would not forget with it. */
function forgetShadows(mirror: Mirror, top: Node | null): void {
  if (top?.nodeType !== 1) return;
  for (const { shadowRoot } of [top as Element, ...(top as Element).querySelectorAll("*")]) {
    for (const child of shadowRoot?.childNodes ?? []) {
      forgetShadows(mirror, child);
      mirror.removeNodeFromMap(child);
    }
  }
}
