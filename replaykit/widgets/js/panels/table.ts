/**
 * The one table of every widget: virtual rows of a shared grid, one tab stop, keyboard, a current
 * row that playback moves, rows that unfold. It knows nothing about what its rows mean.
 */

import { el, setAttribute } from "../parts/dom.ts";
import { Heights } from "./heights.ts";

/** Height of a row, of a group head and of a rule between rows (tokens --rk-row …). */
export const ROW = 24;
export const GROUP = 28;
export const RULE = 20;

export interface TableContent {
  count: number;
  /** Height of rows that are not `rowHeight` (groups, rules). */
  heights?: ReadonlyMap<number, number>;
  /** Build the element of a row: `.rk-tr`, `.rk-tr-group` or `.rk-tr-rule`. */
  build(index: number): HTMLElement;
  /** The same rows as before and more: what is unfolded stays so. */
  grown?: boolean;
  /** Rows that cannot be picked (rules, groups) are stepped over. */
  pickable?(index: number): boolean;
}

export interface TableSpec {
  label: string;
  /** `grid-template-columns` of its rows. */
  cols: string;
  rowHeight?: number;
  /** A sticky head row (`.rk-tr.rk-th`). */
  head?: HTMLElement;
  /** A click on a row, or a step onto it by key. */
  onPick(index: number, by: "pointer" | "key"): void;
  /** Enter on a row that does not unfold. */
  onEnter?(index: number): void;
  /** What a row unfolds to, on double click or Enter; null when it does not. */
  unfold?(index: number): HTMLElement | null;
}

export interface Table {
  node: HTMLElement;
  set(content: TableContent): void;
  /** Rebuild what is on screen, keeping position and unfolded rows. */
  refresh(): void;
  setColumns(cols: string, head?: HTMLElement): void;
  /**
   * Mark the current row. `true` keeps it at 40 % of the height (playing), "reveal" brings it there
   * when it changes and is out of view; neither once somebody scrolled by hand.
   */
  setCurrent(index: number | null, follow: boolean | "reveal"): void;
  /** Follow again after somebody scrolled by hand. */
  resumeFollowing(): void;
  /** Step to the next (1) or previous (-1) row that can be picked, and pick it. */
  step(by: 1 | -1): void;
  reveal(index: number): void;
  toggle(index: number): void;
  foldAll(): boolean;
  readonly current: number | null;
  focus(): void;
  destroy(): void;
}

const OVERSCAN = 6;
const HOLD_MS = 700;
let tables = 0;

export function createTable(spec: TableSpec): Table {
  const base = spec.rowHeight ?? ROW;
  tables += 1;
  const prefix = `rk-table-${tables}`;
  const body = el("div", { class: "rk-rows", role: "presentation" });
  const node = el(
    "div",
    { class: "rk-table", role: "grid", tabindex: 0, "aria-label": spec.label },
    body,
  );
  let head = spec.head ?? null;
  if (head) node.prepend(head);
  node.style.setProperty("--cols", spec.cols);

  let content: TableContent = { count: 0, build: () => el("div") };
  const heights = new Heights(0, base);
  const built = new Map<number, HTMLElement>();
  const unfolded = new Map<number, { node: HTMLElement; height: number }>();
  let current: number | null = null;
  let following = true;
  let heldUntil = 0;
  let frame = 0;

  const pickable = (index: number) =>
    index >= 0 && index < content.count && (content.pickable?.(index) ?? true);

  const headHeight = () => (head ? base : 0);

  function layout(): void {
    const different = new Map(content.heights ?? []);
    for (const [index, extra] of unfolded) {
      different.set(index, (different.get(index) ?? base) + extra.height);
    }
    heights.set(content.count, different);
    body.style.height = `${heights.total}px`;
    for (const [index, row] of built) row.style.top = `${heights.top(index)}px`;
    for (const [index, extra] of unfolded) {
      extra.node.style.top = `${heights.top(index + 1) - extra.height}px`;
    }
  }

  function draw(): void {
    frame = 0;
    if (content.count === 0) {
      clear();
      return;
    }
    const top = node.scrollTop - headHeight();
    const from = Math.max(0, heights.at(Math.max(0, top)) - OVERSCAN);
    const to = Math.min(content.count - 1, heights.at(top + node.clientHeight) + OVERSCAN);
    for (const [index, row] of built) {
      if (index >= from && index <= to) continue;
      row.remove();
      built.delete(index);
    }
    for (let index = from; index <= to; index += 1) {
      if (built.has(index)) continue;
      const row = content.build(index);
      row.id = `${prefix}-${index}`;
      row.dataset.index = String(index);
      row.style.top = `${heights.top(index)}px`;
      setAttribute(row, "aria-rowindex", index + 1);
      if (row.classList.contains("rk-tr")) {
        row.setAttribute("role", "row");
        for (const cell of row.children) {
          // A button stays one: as a cell it could not be found by what it is.
          if (!cell.hasAttribute("role") && cell.localName !== "button") {
            cell.setAttribute("role", "gridcell");
          }
        }
      }
      if (index === current) mark(row, true);
      if (unfolded.has(index)) row.setAttribute("aria-expanded", "true");
      built.set(index, row);
      body.append(row);
    }
  }

  function schedule(): void {
    if (frame === 0) frame = requestAnimationFrame(draw);
  }

  function clear(): void {
    for (const row of built.values()) row.remove();
    built.clear();
  }

  function mark(row: HTMLElement, on: boolean): void {
    setAttribute(row, "aria-current", on ? "true" : null);
  }

  function reveal(index: number): void {
    const top = heights.top(index) + headHeight();
    const bottom = top + heights.height(index);
    if (top - headHeight() < node.scrollTop) node.scrollTop = top - headHeight();
    else if (bottom > node.scrollTop + node.clientHeight) {
      node.scrollTop = bottom - node.clientHeight;
    }
    schedule();
  }

  function isVisible(index: number): boolean {
    const top = heights.top(index) - node.scrollTop;
    return top >= 0 && top + heights.height(index) + headHeight() <= node.clientHeight;
  }

  function toggle(index: number): void {
    const open = unfolded.get(index);
    if (open) {
      open.node.remove();
      unfolded.delete(index);
      built.get(index)?.removeAttribute("aria-expanded");
      layout();
      schedule();
      return;
    }
    const extra = spec.unfold?.(index);
    if (!extra) {
      spec.onEnter?.(index);
      return;
    }
    extra.classList.add("rk-unfolded");
    body.append(extra);
    unfolded.set(index, { node: extra, height: extra.offsetHeight });
    built.get(index)?.setAttribute("aria-expanded", "true");
    layout();
    draw();
    reveal(index);
  }

  function setCurrent(index: number | null, follow: boolean | "reveal"): void {
    if (index !== current) {
      const before = current === null ? undefined : built.get(current);
      if (before) mark(before, false);
      current = index;
      const now = index === null ? undefined : built.get(index);
      if (now) mark(now, true);
      setAttribute(node, "aria-activedescendant", index === null ? null : `${prefix}-${index}`);
    } else if (follow !== true) return;
    if (index === null || !follow || !following || node.clientHeight === 0) return;
    if (performance.now() < heldUntil) return;
    if (follow === "reveal" && isVisible(index)) return;
    const target = heights.top(index) - node.clientHeight * 0.4;
    const most = heights.total + headHeight() - node.clientHeight;
    const wanted = Math.round(Math.max(0, Math.min(most, target)));
    if (Math.abs(node.scrollTop - wanted) > 1) node.scrollTop = wanted;
  }

  function step(by: 1 | -1): void {
    let index = current === null ? (by === 1 ? -1 : content.count) : current;
    do index += by;
    while (index >= 0 && index < content.count && !pickable(index));
    if (!pickable(index)) return;
    setCurrent(index, false);
    reveal(index);
    spec.onPick(index, "key");
  }

  const rowOf = (event: Event): number | null => {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    return row && body.contains(row) ? Number(row.dataset.index) : null;
  };

  node.addEventListener("scroll", schedule, { passive: true });
  for (const type of ["wheel", "touchmove"] as const) {
    node.addEventListener(type, () => (following = false), { passive: true });
  }
  node.addEventListener("pointerdown", (event) => {
    // A press beside the rows is the scroll bar.
    if (event.target === node) following = false;
  });
  body.addEventListener("click", (event) => {
    if ((event.target as HTMLElement).closest("button")) return;
    const index = rowOf(event);
    if (index === null || !pickable(index)) return;
    // The row stays under the pointer: the next click may make it a double click.
    heldUntil = performance.now() + HOLD_MS;
    spec.onPick(index, "pointer");
  });
  body.addEventListener("dblclick", (event) => {
    if ((event.target as HTMLElement).closest("button")) return;
    const index = rowOf(event);
    if (index !== null && pickable(index)) toggle(index);
  });
  node.addEventListener("keydown", (event) => {
    if (event.target !== node || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.shiftKey) return;
    const down = event.key === "ArrowDown" || event.key === "j";
    const up = event.key === "ArrowUp" || event.key === "k";
    if (down || up) step(down ? 1 : -1);
    else if (event.key === "Enter" && current !== null) toggle(current);
    else if (event.key === "PageDown" || event.key === "PageUp") {
      following = false;
      node.scrollTop += (event.key === "PageDown" ? 1 : -1) * (node.clientHeight - base);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const observer = new ResizeObserver(schedule);
  observer.observe(node);

  return {
    node,
    set(next) {
      content = next;
      if (!next.grown) {
        for (const extra of unfolded.values()) extra.node.remove();
        unfolded.clear();
      }
      clear();
      setAttribute(node, "aria-rowcount", next.count);
      current = null;
      layout();
      draw();
    },
    refresh() {
      clear();
      layout();
      draw();
    },
    setColumns(cols, nextHead) {
      node.style.setProperty("--cols", cols);
      head?.remove();
      head = nextHead ?? null;
      if (head) node.prepend(head);
      clear();
      layout();
      draw();
    },
    setCurrent,
    resumeFollowing() {
      following = true;
    },
    step,
    reveal,
    toggle,
    foldAll() {
      const some = unfolded.size > 0;
      for (const index of [...unfolded.keys()]) toggle(index);
      return some;
    },
    get current() {
      return current;
    },
    focus: () => node.focus({ preventScroll: true }),
    destroy() {
      observer.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}
