/** What lies under the pointer on the timeline: time, wall clock, page, and the nearest rows. */

import { el, fill } from "../parts/dom.ts";
import { address, elapsed, wallTime } from "../parts/format.ts";
import { type MarkKind, mark } from "../parts/icons.ts";
import type { Rows } from "../rows.ts";
import { lastAtOrBefore } from "../tracks.ts";

const NEAR_MARKS = 3;
/** Rows looked at on either side of the pointer. */
const REACH_ROWS = 40;

/** Fill the preview for a moment. */
export function fillPreview(
  tip: HTMLElement,
  rows: Rows,
  t: number,
  hidden: ReadonlySet<MarkKind>,
  zone: string,
): void {
  const { pages, start_ms } = rows.session;
  const page = pages.findLast((one) => one.t <= t);
  fill(
    tip,
    el(
      "div",
      { class: "top" },
      el("b", {}, elapsed(t)),
      el("span", { class: "rk-2" }, wallTime(start_ms + t, zone)),
    ),
    page ? el("div", { class: "rk-mono rk-cut" }, address(page.url).path) : null,
    ...nearRows(rows, t, hidden).map((row) => previewRow(rows, row, t)),
  );
}

function nearRows(rows: Rows, t: number, hidden: ReadonlySet<MarkKind>): number[] {
  const reach = Math.max(2000, rows.session.length_ms / 40);
  const distance = (row: number) => Math.abs((rows.t[row] ?? 0) - t);
  const near: number[] = [];
  const at = lastAtOrBefore(rows.t, t);
  const end = Math.min(rows.length, at + REACH_ROWS);
  for (let i = Math.max(0, at - REACH_ROWS); i < end; i += 1) {
    const kind = rows.listed(i);
    if (distance(i) <= reach && kind !== "page" && !hidden.has(kind)) near.push(i);
  }
  near.sort((a, b) => distance(a) - distance(b));
  return near.slice(0, NEAR_MARKS).sort((a, b) => a - b);
}

function previewRow(rows: Rows, row: number, t: number): HTMLElement {
  const made = rows.row(row);
  const seconds = Math.round((made.t - t) / 1000);
  const sign = seconds > 0 ? "+" : seconds < 0 ? "\u2212" : "";
  return el(
    "div",
    { class: "ev" },
    mark(made.kind),
    el("span", { class: "rk-cut" }, made.name),
    el("span", { class: "rk-2 rk-num" }, `${sign}${Math.abs(seconds)} s`),
  );
}
