/** Elements without a template language: data only ever becomes text, never markup. */

export type Child = Node | string | number | null | undefined | false;

type Handlers = {
  [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void;
};

export interface Props {
  class?: string;
  /** Custom properties and layout numbers; never colours. */
  style?: Record<string, string>;
  on?: Handlers;
  /** `aria-*`, `role`, `title`, `data-*` …; false and null leave the attribute out. */
  [attribute: string]: unknown;
}

/** Create an element with attributes, listeners and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") node.className = String(value ?? "");
    else if (name === "style") setStyle(node, value as Record<string, string>);
    else if (name === "on") listen(node, value as Handlers);
    else setAttribute(node, name, value);
  }
  append(node, children);
  return node;
}

/** Set or remove one attribute, touching the document only when it changes. */
export function setAttribute(node: Element, name: string, value: unknown): void {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Set an element's text, touching the document only when it changes. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Replace all children. */
export function fill(node: Element, ...children: Child[]): void {
  node.replaceChildren();
  append(node, children);
}

/** A text cut at the end of its box; its full value stands in the title. */
export function cut(text: string, className = "", props: Props = {}): HTMLElement {
  return el("span", { title: text, ...props, class: `rk-cut ${className}`.trim() }, text);
}

function append(node: Element, children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

function setStyle(node: HTMLElement, style: Record<string, string>): void {
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
}

function listen(node: HTMLElement, handlers: Handlers): void {
  for (const [type, handler] of Object.entries(handlers)) {
    node.addEventListener(type, handler as EventListener);
  }
}
