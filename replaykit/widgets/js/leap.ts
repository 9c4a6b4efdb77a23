/**
 * Jumping across a stretch of a recording without laying the half-built page out on the way.
 *
 * rrweb scrolls as it meets a scroll, which makes the browser lay out everything built so far, once
 * per scroll. In a leap only the last scroll of each part is seen, and only when the page stands.
 *
 * It also takes a class from the root and puts it back, which makes the browser work out the style
 * of every element again. In a leap only where that ends is seen.
 */

type Scrolled = { scrollTo(options?: ScrollToOptions): void };
type Scroll = (this: Scrolled, ...given: [ScrollToOptions?] | [number, number]) => void;

type Tokens = Record<"add" | "remove", (this: DOMTokenList, ...names: string[]) => void>;

/** A page may say that it scrolls smoothly: that is a way to go, and a jump arrives. */
function atOnce([first, top]: Parameters<Scroll>): [ScrollToOptions?] {
  if (typeof first === "number") return [{ left: first, top: top ?? 0, behavior: "instant" }];
  return first ? [{ ...first, behavior: "instant" }] : [];
}

/** What rrweb writes on the root of a page that stands still. */
const PAUSED = "rrweb-paused";

export class Leap {
  readonly #waiting = new Map<Scrolled, () => void>();
  readonly #paused = new Map<DOMTokenList, () => void>();
  #leaping = false;

  /** Take over a recorded document's window: its scrolling, and dialogs that take the focus. */
  watch(page: Window & typeof globalThis): void {
    page.HTMLDialogElement.prototype.showModal = function () {
      this.setAttribute("open", "");
    };
    const waiting = this.#waiting;
    const paused = this.#paused;
    const isLeaping = () => this.#leaping;
    const tokens = page.DOMTokenList.prototype as unknown as Tokens;
    for (const name of ["add", "remove"] as const) {
      const plain = tokens[name];
      tokens[name] = function (this: DOMTokenList, ...given) {
        const later = isLeaping() && given[0] === PAUSED;
        if (!later) plain.apply(this, given);
        else if (this.contains(PAUSED) === (name === "add")) paused.delete(this);
        else paused.set(this, () => plain.apply(this, given));
      };
    }
    const scroll = page.Element.prototype.scrollTo as Scroll;
    for (const [name, side] of [
      ["scrollTop", "top"],
      ["scrollLeft", "left"],
    ] as const) {
      // So a snapshot says how far its parts were scrolled.
      const plain = Object.getOwnPropertyDescriptor(page.Element.prototype, name);
      if (!plain) continue;
      const set = function (this: Element, value: number) {
        scroll.call(this, { [side]: value, behavior: "instant" });
      };
      Object.defineProperty(page.Element.prototype, name, { ...plain, set });
    }
    for (const owner of [page, page.Element.prototype] as Scrolled[]) {
      const plain = owner.scrollTo as Scroll;
      const later: Scroll = function (this: Scrolled, ...given) {
        if (!isLeaping()) {
          plain.apply(this, given);
          return;
        }
        waiting.delete(this);
        waiting.set(this, () => plain.apply(this, atOnce(given)));
      };
      owner.scrollTo = later as Scrolled["scrollTo"];
    }
  }

  /** Run what builds a page; scroll when it stands. */
  run(build: () => void): void {
    this.#leaping = true;
    try {
      build();
    } finally {
      this.#leaping = false;
      for (const write of this.#paused.values()) write();
      this.#paused.clear();
      for (const scroll of this.#waiting.values()) scroll();
      this.#waiting.clear();
    }
  }
}
