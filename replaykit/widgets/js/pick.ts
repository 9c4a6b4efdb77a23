/** The element under a point of the recorded page, and the shortest selector that names it. */

export interface Picked {
  selector: string;
  /** Its place, in shares of the viewport: left, top, width, height. */
  box: [left: number, top: number, width: number, height: number];
}

/** Attributes that people give elements in order to find them again. */
const NAMES = ["data-testid", "data-test", "data-cy", "name", "aria-label"];

/** `x` and `y` are shares of the viewport. */
export function pick(page: Document, x: number, y: number): Picked | null {
  const { clientWidth: width, clientHeight: height } = page.documentElement;
  const view = page.defaultView;
  const across = view?.innerWidth ?? width;
  const down = view?.innerHeight ?? height;
  const found = page.elementFromPoint(x * across, y * down);
  if (!found) return null;
  const box = found.getBoundingClientRect();
  return {
    selector: selectorOf(found),
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
