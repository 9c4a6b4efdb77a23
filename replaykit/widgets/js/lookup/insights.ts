/** A person in small charts; a bar leads to the days that it stands for. */

import { cut, el, setAttribute } from "../parts/dom.ts";
import { elapsed, number, wallDay } from "../parts/format.ts";
import type { Requests } from "../protocol.ts";

type Insights = Requests["insights"]["data"];

export interface InsightsSpec {
  zone: string;
  /** Show the activity of these moments. */
  onRange(from_ms: number, until_ms: number): void;
  /** Show the activity of this event alone. */
  onName(name: string): void;
}

const WIDTHS: Record<string, string> = {
  "1d": "day",
  "1w": "week",
  "1mo": "month",
  "1q": "quarter",
  "1y": "year",
};

export function insights(data: Insights, spec: InsightsSpec): HTMLElement {
  const width = WIDTHS[data.every] ?? data.every;
  const when = (i: number) => wallDay(data.start_ms[i] ?? 0, spec.zone, true);
  const over = (title: string, values: number[], said: (value: number) => string) =>
    chart(
      `${title} per ${width}`,
      values,
      (i) => `${when(i)}: ${said(values[i] ?? 0)}`,
      (i) => spec.onRange(data.start_ms[i] ?? 0, data.end_ms[i] ?? 0),
      [when(0), values.length > 1 ? when(values.length - 1) : ""],
      said,
    );
  const hour = (i: number) => `${String(i).padStart(2, "0")}:00`;
  return el(
    "div",
    { class: "rk-insights" },
    over("Events", data.events, number),
    over("Sessions", data.sessions, number),
    over("Time in sessions", data.usage_ms, elapsed),
    chart(
      "Events by hour of the day",
      data.hours,
      (i) => `${hour(i)}: ${number(data.hours[i] ?? 0)}`,
      null,
      [hour(0), hour(23)],
      number,
    ),
    names(data, spec),
  );
}

function chart(
  title: string,
  values: readonly number[],
  said: (i: number) => string,
  pick: ((i: number) => void) | null,
  [from, until]: readonly [string, string],
  most: (value: number) => string,
): HTMLElement {
  const top = Math.max(0, ...values);
  const bars = values.map((value, i) => {
    const bar = el("i", { class: value > 0 ? "" : "is-none" });
    bar.style.height = `${top > 0 ? Math.max(value > 0 ? 4 : 0, (100 * value) / top) : 0}%`;
    const label = said(i);
    if (!pick || value === 0) return el("span", { title: label }, bar);
    const node = el("button", { type: "button", title: label, "aria-label": label }, bar);
    // One stop for the keyboard: arrows go from bar to bar.
    setAttribute(node, "tabindex", "-1");
    node.addEventListener("click", () => pick(i));
    return node;
  });
  const plot = el("div", { class: "bars" }, ...bars);
  const active = bars.filter((bar) => bar instanceof HTMLButtonElement);
  active[0]?.setAttribute("tabindex", "0");
  plot.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const at = active.indexOf(event.target as HTMLButtonElement);
    const next = active[at + step];
    if (step === 0 || at < 0 || !next) return;
    next.focus();
    event.preventDefault();
  });
  return el(
    "section",
    { class: "rk-insight", "aria-label": title },
    el("h4", {}, title, el("span", { class: "rk-num" }, `most ${most(top)}`)),
    plot,
    el("div", { class: "ends rk-num" }, el("span", {}, from), el("span", {}, until)),
  );
}

function names(data: Insights, spec: InsightsSpec): HTMLElement {
  const top = Math.max(1, ...data.names.map(([, rows]) => rows));
  const rows = data.names.map(([name, count]) => {
    const bar = el("i");
    bar.style.width = `${(100 * count) / top}%`;
    const label = `${name}: ${number(count)}`;
    const node = el(
      "button",
      { type: "button", class: "row", title: label },
      cut(name),
      el("span", { class: "rk-num r" }, number(count)),
      el("span", { class: "track" }, bar),
    );
    node.addEventListener("click", () => spec.onName(name));
    return node;
  });
  const rest = data.other_names > 0 ? `and ${number(data.other_names)} more names` : null;
  return el(
    "section",
    { class: "rk-insight rk-insight-names", "aria-label": "What they did" },
    el("h4", {}, "What they did"),
    ...rows,
    rest && el("p", { class: "rk-2 rk-small" }, rest),
  );
}
