/** The two-line list of sessions, users, steps: one tab stop, arrows move, Enter picks. */

import { cut, el, setAttribute } from "../parts/dom.ts";
import { signalMarks, spark } from "../parts/icons.ts";
import type { SignalKind } from "../protocol.ts";

export interface ListItem {
  id: string;
  title: string;
  /** Second line, cut at the end; its full text is its title. */
  note: string;
  signals?: SignalKind[];
  activity?: number[];
  /** Shown greyed, still selectable (expired, not recorded). */
  dim?: boolean;
}

export interface List {
  node: HTMLElement;
  set(items: ListItem[]): void;
  /** Add items at the end (the next page of a long list). */
  append(items: ListItem[]): void;
  setCurrent(id: string | null): void;
  focus(): void;
}

export interface ListSpec {
  label: string;
  onPick(id: string): void;
  /** Called when the end of the list comes near. */
  onEnd?(): void;
}

const NEAR_PX = 200;

export function createList(spec: ListSpec): List {
  const node = el("div", { class: "rk-list", role: "listbox", "aria-label": spec.label });
  const rows = new Map<string, HTMLElement>();
  let current: string | null = null;

  function row(item: ListItem): HTMLElement {
    const made = el(
      "div",
      {
        class: item.dim ? "rk-li is-dim" : "rk-li",
        role: "option",
        tabindex: -1,
        "aria-selected": "false",
        "data-id": item.id,
      },
      cut(item.title, "a"),
      el("span", { class: "b" }, ...signalMarks(item.signals ?? [])),
      cut(item.note, "b"),
    );
    if (item.activity && item.activity.length > 0) {
      made.append(el("span", { class: "b", style: { width: "36px" } }, spark(item.activity, 36)));
    }
    return made;
  }

  function add(items: ListItem[]): void {
    for (const item of items) {
      const made = row(item);
      rows.set(item.id, made);
      node.append(made);
    }
    if (current !== null) setCurrent(current);
    const first = node.firstElementChild;
    if (first && !node.querySelector('[tabindex="0"]')) setAttribute(first, "tabindex", 0);
  }

  function setCurrent(id: string | null): void {
    current = id;
    for (const [other, made] of rows) {
      const on = other === id;
      setAttribute(made, "aria-current", on ? "true" : null);
      setAttribute(made, "aria-selected", String(on));
      if (id !== null && rows.has(id)) setAttribute(made, "tabindex", on ? 0 : -1);
    }
    const now = id === null ? undefined : rows.get(id);
    if (now) scrollInto(now);
  }

  /** scrollIntoView would scroll the notebook too. */
  function scrollInto(made: HTMLElement): void {
    const box = made.getBoundingClientRect();
    const outer = node.getBoundingClientRect();
    if (box.left < outer.left) node.scrollLeft += box.left - outer.left;
    else if (box.right > outer.right) node.scrollLeft += box.right - outer.right;
    if (box.top < outer.top) node.scrollTop += box.top - outer.top;
    else if (box.bottom > outer.bottom) node.scrollTop += box.bottom - outer.bottom;
  }

  node.addEventListener("click", (event) => {
    const id = (event.target as HTMLElement).closest<HTMLElement>(".rk-li")?.dataset.id;
    if (id !== undefined) spec.onPick(id);
  });
  node.addEventListener("keydown", (event) => {
    if (event.shiftKey || event.metaKey || event.ctrlKey || event.altKey) return;
    const at = (event.target as HTMLElement).closest<HTMLElement>(".rk-li");
    if (!at) return;
    const forward = ["ArrowDown", "ArrowRight", "j"].includes(event.key);
    const back = ["ArrowUp", "ArrowLeft", "k"].includes(event.key);
    if (forward || back) {
      const next = forward ? at.nextElementSibling : at.previousElementSibling;
      if (next instanceof HTMLElement) {
        setAttribute(at, "tabindex", -1);
        setAttribute(next, "tabindex", 0);
        next.focus({ preventScroll: true });
        scrollInto(next);
      }
    } else if (event.key === "Enter" || event.key === " ") {
      spec.onPick(at.dataset.id ?? "");
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  if (spec.onEnd) {
    const end = spec.onEnd;
    node.addEventListener(
      "scroll",
      () => {
        const down = node.scrollHeight - node.scrollTop - node.clientHeight;
        const across = node.scrollWidth - node.scrollLeft - node.clientWidth;
        if (down < NEAR_PX && across < NEAR_PX) end();
      },
      { passive: true },
    );
  }

  return {
    node,
    set(items) {
      rows.clear();
      node.replaceChildren();
      add(items);
    },
    append: add,
    setCurrent,
    focus() {
      node.querySelector<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true });
    },
  };
}
