/** Elements of the recorded page, and the shortest selector that names each. */

export interface Picked {
  selector: string;
  /** What it is, in words: its name and the begin of its text. */
  words: string;
  /** Its place, in shares of the viewport: left, top, width, height. */
  box: [left: number, top: number, width: number, height: number];
}

/** Attributes that people give elements in order to find them again. */
const NAMES = ["data-testid", "data-test", "data-cy", "name", "aria-label"];

/** A step of who walks the tree; `start` is the page's body. */
export type PickStep = "start" | "parent" | "child" | "previous" | "next";

/** Elements that show nothing of their own. */
const UNSEEN = /^(?:head|script|style|noscript|template|link|meta|title|base|source|track)$/;
const LONGEST_WORDS = 60;

/** Picks elements of one page after the other, by their place or from the last one picked. */
export class Picker {
  #last: Element | null = null;

  /** `x` and `y` are shares of the viewport. */
  at(page: Document, x: number, y: number): Picked | null {
    const { across, down } = viewport(page);
    this.#last = page.elementFromPoint(x * across, y * down);
    return this.#last && picked(this.#last);
  }

  /** One step through the tree; where there is nobody, it stays. */
  step(page: Document, step: PickStep): Picked | null {
    const from = this.#last?.ownerDocument === page && this.#last.isConnected ? this.#last : null;
    const found = from && step !== "start" ? neighbour(from, step) : page.body;
    this.#last = found ?? from ?? page.documentElement;
    return this.#last && picked(this.#last);
  }
}

function neighbour(from: Element, step: PickStep): Element | null {
  if (step === "parent") return from.parentElement;
  if (step === "child") return firstSeen(from.firstElementChild, (one) => one.nextElementSibling);
  return step === "next"
    ? firstSeen(from.nextElementSibling, (one) => one.nextElementSibling)
    : firstSeen(from.previousElementSibling, (one) => one.previousElementSibling);
}

function firstSeen(from: Element | null, on: (one: Element) => Element | null): Element | null {
  for (let at = from; at; at = on(at)) {
    if (!UNSEEN.test(at.localName) && at.getClientRects().length > 0) return at;
  }
  return null;
}

function viewport(page: Document): { across: number; down: number } {
  const { clientWidth, clientHeight } = page.documentElement;
  const view = page.defaultView;
  return { across: view?.innerWidth ?? clientWidth, down: view?.innerHeight ?? clientHeight };
}

function picked(element: Element): Picked {
  const { across, down } = viewport(element.ownerDocument);
  const box = element.getBoundingClientRect();
  const text = (element.textContent ?? "").replace(/\s+/g, " ").trim();
  const said = text.length > LONGEST_WORDS ? `${text.slice(0, LONGEST_WORDS)}…` : text;
  return {
    selector: selectorOf(element),
    words: said === "" ? element.localName : `${element.localName} “${said}”`,
    box: [box.left / across, box.top / down, box.width / across, box.height / down],
  };
}

/** From the element up to the root, until what is written names one element alone. */
export function selectorOf(element: Element): string {
  let path = "";
  for (let at: Element | null = element; at; at = at.parentElement) {
    for (const own of ownNames(at)) {
      const tried = path === "" ? own : `${own} > ${path}`;
      if (names(element, tried)) return tried;
    }
    const step = place(at);
    path = path === "" ? step : `${step} > ${path}`;
    if (names(element, path)) return path;
  }
  return path;
}

function names(element: Element, selector: string): boolean {
  const found = element.ownerDocument.querySelectorAll(selector);
  return found.length === 1 && found[0] === element;
}

function ownNames(element: Element): string[] {
  const tag = CSS.escape(element.localName);
  const made = element.id ? [`#${CSS.escape(element.id)}`] : [];
  for (const name of NAMES) {
    const given = element.getAttribute(name);
    if (given) made.push(`${tag}[${name}="${CSS.escape(given)}"]`);
  }
  // The player's own marks (":hover") are no classes of the page.
  const classes = [...element.classList].filter((one) => !one.startsWith(":"));
  if (classes.length > 0) made.push(tag + classes.map((one) => `.${CSS.escape(one)}`).join(""));
  return [...made, tag];
}

function place(element: Element): string {
  const same = [...(element.parentElement?.children ?? [])].filter(
    (one) => one.localName === element.localName,
  );
  const tag = CSS.escape(element.localName);
  return same.length > 1 ? `${tag}:nth-of-type(${same.indexOf(element) + 1})` : tag;
}
