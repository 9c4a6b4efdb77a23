/** A range of days, chosen in the browser's own calendar. */

import { button } from "./buttons.ts";
import { el } from "./dom.ts";
import { type Popover, popover } from "./popover.ts";

/** Two days as `2026-03-31`, both included. */
export interface DayRange {
  from: string;
  until: string;
}

/** Ask for a range beside an anchor; `null` is all time. */
export function openRange(
  anchor: HTMLElement,
  range: DayRange | null,
  choose: (range: DayRange | null) => void,
): void {
  const held: { popover: Popover | null } = { popover: null };
  const from = el("input", { type: "date", "aria-label": "First day" });
  const until = el("input", { type: "date", "aria-label": "Last day" });
  from.value = range?.from ?? "";
  until.value = range?.until ?? "";
  const done = (next: DayRange | null) => {
    held.popover?.close();
    choose(next);
  };
  const apply = () => {
    const first = from.value || until.value;
    const last = until.value || from.value;
    if (first === "") return;
    done(first <= last ? { from: first, until: last } : { from: last, until: first });
  };
  const form = el(
    "form",
    { class: "rk-range" },
    el("label", { class: "rk-field" }, from),
    el("span", { class: "rk-2" }, "\u2013"),
    el("label", { class: "rk-field" }, until),
    button({ label: "Apply", kind: "main", small: true, run: apply }),
    button({ label: "All time", kind: "quiet", small: true, run: () => done(null) }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  held.popover = popover(anchor, form, "Range of days");
  from.focus({ preventScroll: true });
}

/** 26 Feb – 4 Mar 2026. */
export function rangeWords({ from, until }: DayRange): string {
  const words = (day: string, year: boolean) =>
    new Intl.DateTimeFormat("en-GB", {
      day: "numeric",
      month: "short",
      timeZone: "UTC",
      ...(year && { year: "numeric" }),
    }).format(Date.parse(`${day}T00:00:00Z`));
  if (from === until) return words(from, true);
  return `${words(from, from.slice(0, 4) !== until.slice(0, 4))} \u2013 ${words(until, true)}`;
}

const DAY = 86_400_000;

/** The first moment of a civil day in a zone, in epoch ms. */
export function zonedDayStart(day: string, zone: string): number {
  const utc = Date.parse(`${day}T00:00:00Z`);
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  // The offset may change on that very day: look once more from where the first guess lands.
  let guess = utc;
  for (let i = 0; i < 2; i += 1) {
    const name = format.formatToParts(guess).find((part) => part.type === "timeZoneName")?.value;
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name ?? "") ?? [];
    const offset = sign ? (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) : 0;
    guess = utc - offset * 60_000;
  }
  return guess;
}

/** The civil days of a zone that a stretch of time touches; its end is exclusive. */
export function daysOf(from_ms: number, until_ms: number, zone: string): DayRange {
  const format = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
  return { from: format.format(from_ms), until: format.format(until_ms - 1) };
}

/** The civil day after a day. */
export function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + DAY).toISOString().slice(0, 10);
}
