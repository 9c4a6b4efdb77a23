/**
 * Jumping across a stretch of a recording without laying the half-built page out on the way.
 *
 * rrweb scrolls as it meets a scroll, which makes the browser lay out everything built so far, once
 * per scroll. In a leap only the last scroll of each part is seen, and only when the page stands.
 */

type Scrolled = { scrollTo(options?: ScrollToOptions): void };
type Scroll = (this: Scrolled, ...given: [ScrollToOptions?] | [number, number]) => void;

export class Leap {
  readonly #waiting = new Map<Scrolled, () => void>();
  #leaping = false;

  /** Take over a recorded document's window: its scrolling, and dialogs that take the focus. */
  watch(page: Window & typeof globalThis): void {
    page.HTMLDialogElement.prototype.showModal = function () {
      this.setAttribute("open", "");
    };
    const waiting = this.#waiting;
    const isLeaping = () => this.#leaping;
    for (const owner of [page, page.Element.prototype] as Scrolled[]) {
      const plain = owner.scrollTo as Scroll;
      const later: Scroll = function (this: Scrolled, ...given) {
        if (!isLeaping()) {
          plain.apply(this, given);
          return;
        }
        waiting.delete(this);
        waiting.set(this, () => plain.apply(this, given));
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
      for (const scroll of this.#waiting.values()) scroll();
      this.#waiting.clear();
    }
  }
}
