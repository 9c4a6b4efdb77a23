/** Popovers and menus: inside the widget, closed by Esc, by a click elsewhere and by focus leaving. */

import { el, setAttribute } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";

export interface Popover {
  node: HTMLElement;
  close(): void;
}

const GAP = 4;
const open = new WeakMap<Element, Popover>();

/** Show content beside an anchor; a second call on the same anchor closes it. */
export function popover(anchor: HTMLElement, content: HTMLElement, label: string): Popover | null {
  const root = anchor.closest<HTMLElement>(".rk");
  if (!root) return null;
  const current = open.get(root);
  const again = current?.node.dataset.anchor === anchorId(anchor);
  current?.close();
  if (current && again) return null;

  const node = el(
    "div",
    { class: "rk-pop rk-float", role: "dialog", "aria-label": label },
    content,
  );
  node.dataset.anchor = anchorId(anchor);
  root.append(node);
  place(node, anchor, root);
  setAttribute(anchor, "aria-expanded", "true");

  const stop = new AbortController();
  const close = () => {
    if (open.get(root) !== made) return;
    open.delete(root);
    stop.abort();
    const held = node.contains((root.getRootNode() as ShadowRoot).activeElement);
    node.remove();
    setAttribute(anchor, "aria-expanded", "false");
    if (held) anchor.focus({ preventScroll: true });
  };
  const made: Popover = { node, close };
  open.set(root, made);
  const outside = (event: Event) => {
    const path = event.composedPath();
    if (!path.includes(node) && !path.includes(anchor)) close();
  };
  document.addEventListener("pointerdown", outside, { signal: stop.signal, capture: true });
  root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      event.stopImmediatePropagation();
      event.preventDefault();
      close();
    },
    { signal: stop.signal, capture: true },
  );
  return made;
}

/** Close what is open in this widget. */
export function closePopovers(root: Element): boolean {
  const current = open.get(root);
  current?.close();
  return current !== undefined;
}

let anchors = 0;
function anchorId(anchor: HTMLElement): string {
  if (anchor.dataset.anchorId === undefined) {
    anchors += 1;
    anchor.dataset.anchorId = String(anchors);
  }
  return anchor.dataset.anchorId;
}

function place(node: HTMLElement, anchor: HTMLElement, root: HTMLElement): void {
  const outer = root.getBoundingClientRect();
  const at = anchor.getBoundingClientRect();
  const size = node.getBoundingClientRect();
  const below = outer.bottom - at.bottom;
  const above = at.top - outer.top;
  const down = below >= size.height + 2 * GAP || below >= above;
  const room = Math.max(120, (down ? below : above) - 2 * GAP);
  const height = Math.min(size.height, room);
  const top = down ? at.bottom - outer.top + GAP : at.top - outer.top - height - GAP;
  const left = Math.min(
    Math.max(GAP, at.right - outer.left - size.width),
    Math.max(GAP, outer.width - size.width - GAP),
  );
  node.style.maxHeight = `${room}px`;
  node.style.top = `${Math.max(GAP, top)}px`;
  node.style.left = `${left}px`;
}

export interface MenuItem {
  label: string;
  icon?: IconName;
  right?: string;
  checked?: boolean;
  /** Why it is off; shown as its title. */
  off?: string | null;
  run(): void;
}

/** A menu under an anchor: arrows move, Enter picks, typing is not needed. */
export function menu(anchor: HTMLElement, label: string, items: MenuItem[]): Popover | null {
  const list = el("div", { class: "rk-menu", role: "menu" });
  const made: { popover: Popover | null } = { popover: null };
  const nodes = items.map((item) => {
    const choice = item.checked !== undefined;
    const node = el(
      "div",
      {
        class: "it",
        role: choice ? "menuitemradio" : "menuitem",
        tabindex: -1,
        "aria-checked": choice ? String(item.checked) : null,
        "aria-disabled": item.off ? "true" : null,
        title: item.off ?? null,
      },
      choice ? el("span", { class: "tick" }, item.checked ? icon("check") : null) : null,
      item.icon ? icon(item.icon) : null,
      item.label,
      item.right === undefined ? null : el("span", { class: "r" }, item.right),
    );
    const pick = () => {
      if (item.off) return;
      made.popover?.close();
      item.run();
    };
    node.addEventListener("click", pick);
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      pick();
    });
    list.append(node);
    return node;
  });
  made.popover = popover(anchor, list, label);
  if (!made.popover) return null;
  list.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const active = (list.getRootNode() as ShadowRoot).activeElement;
    const now = nodes.indexOf(active as HTMLDivElement);
    nodes[(now + step + nodes.length) % nodes.length]?.focus();
  });
  (nodes.find((_, i) => items[i]?.checked) ?? nodes[0])?.focus({ preventScroll: true });
  return made.popover;
}
