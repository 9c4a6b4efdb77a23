/** The legend of the timeline: which kinds there are, and the switch that hides one everywhere. */

import { el, fill, setAttribute } from "../parts/dom.ts";
import { elapsed } from "../parts/format.ts";
import { MARK_NAMES, type MarkKind, mark } from "../parts/icons.ts";
import type { Session, Span } from "../protocol.ts";
import type { Rows } from "../rows.ts";

export interface Legend {
  node: HTMLElement;
  set(rows: Rows, session: Session): void;
  setInactive(inactive: readonly Span[]): void;
  setHidden(hidden: ReadonlySet<MarkKind>): void;
}

const KINDS: MarkKind[] = ["event", "page", "rage", "dead", "error", "request"];
const SVG = "http://www.w3.org/2000/svg";

export function createLegend(onSwitch: (kind: MarkKind, shown: boolean) => void): Legend {
  const chips = el("span", { class: "rk-chips" });
  const inactive = note("Inactive", [
    ["rect", { width: "14", height: "9", class: "idle" }],
    ["path", { d: "M0 9 9 0M5 9l9-9M-4 8l8-8M10 9l4-4", class: "hatch" }],
  ]);
  const lost = note("No data", [["path", { d: "M.5 0v9M13.5 0v9M2 8h10", class: "gap" }]]);
  const node = el(
    "div",
    { class: "rk-legend", role: "toolbar", "aria-label": "Kinds shown in timeline and table" },
    chips,
    el("span", { class: "rk-grow" }),
    inactive.node,
    lost.node,
  );
  let hidden: ReadonlySet<MarkKind> = new Set();

  function chip(kind: MarkKind, count: number): HTMLElement {
    const name = MARK_NAMES[kind][count === 1 ? 0 : 1];
    const made = el(
      "button",
      {
        type: "button",
        class: "rk-chip",
        title: name,
        "aria-label": `${name}, ${count}`,
        "aria-pressed": String(!hidden.has(kind)),
        disabled: count === 0,
        "data-kind": kind,
      },
      mark(kind),
      el("span", {}, name),
      " ",
      el("b", {}, String(count)),
    );
    made.addEventListener("click", () => onSwitch(kind, hidden.has(kind)));
    return made;
  }

  return {
    node,
    set(rows, session) {
      const counts = new Map<MarkKind, number>();
      for (let i = 0; i < rows.length; i += 1) {
        const kind = rows.listed(i);
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
      fill(chips, ...KINDS.map((kind) => chip(kind, counts.get(kind) ?? 0)));
      lost.set(session.gaps);
    },
    setInactive: inactive.set,
    setHidden(next) {
      hidden = next;
      for (const one of chips.querySelectorAll<HTMLElement>("[data-kind]")) {
        setAttribute(one, "aria-pressed", String(!hidden.has(one.dataset.kind as MarkKind)));
      }
    },
  };
}

/** A sum of time beside the kinds, with what it looks like in the lanes. */
function note(name: string, shapes: [string, Record<string, string>][]) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { class: "rk-swatch", viewBox: "0 0 14 9", "aria-hidden": "true" };
  for (const [key, item] of Object.entries(attributes)) svg.setAttribute(key, item);
  for (const [tag, given] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [key, item] of Object.entries(given)) shape.setAttribute(key, item);
    svg.append(shape);
  }
  const sum = el("b");
  const node = el("span", { class: "rk-chip is-note", title: name, hidden: true }, svg);
  node.append(el("span", {}, name), " ", sum);
  return {
    node,
    set(spans: readonly Span[]) {
      const ms = spans.reduce((all, [a, b]) => all + (b - a), 0);
      node.hidden = ms === 0;
      sum.textContent = elapsed(ms);
    },
  };
}
