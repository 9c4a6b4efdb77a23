/** Icons and marks out of our own sprite (16 px strokes, 10 px marks, `currentColor`). */

import type { SignalKind } from "../protocol.ts";
import sprite from "./sprite.svg";

export type IconName =
  | "play"
  | "pause"
  | "back10"
  | "fwd10"
  | "prev-event"
  | "next-event"
  | "step"
  | "prev"
  | "next"
  | "down"
  | "link"
  | "dom"
  | "expand"
  | "full"
  | "more"
  | "help"
  | "search"
  | "plus"
  | "x"
  | "check"
  | "cal"
  | "copy"
  | "cols"
  | "user"
  | "cohort"
  | "funnel"
  | "trend"
  | "path"
  | "page"
  | "shield"
  | "shield-half"
  | "mask"
  | "clock"
  | "film"
  | "broken"
  | "expired"
  | "gap"
  | "down-file"
  | "open"
  | "warn"
  | "plug"
  | "pin";

export type MarkKind = "event" | "page" | "server" | SignalKind;

/** What a mark is called, in the singular and in the plural. */
export const MARK_NAMES: Record<MarkKind, [one: string, many: string]> = {
  event: ["Event", "Events"],
  page: ["Page", "Pages"],
  rage: ["Rage click", "Rage clicks"],
  dead: ["Dead click", "Dead clicks"],
  error: ["Error", "Errors"],
  request: ["Failed request", "Failed requests"],
  server: ["Out of session", "Out of session"],
};

const SVG = "http://www.w3.org/2000/svg";
let symbols: Document | undefined;

function symbol(id: string): Element {
  symbols ??= new DOMParser().parseFromString(sprite, "image/svg+xml");
  const found = symbols.getElementById(id);
  if (!found) throw new Error(`No symbol ${id} in the sprite.`);
  return found;
}

function draw(id: string, className: string, label: string | undefined): SVGSVGElement {
  const source = symbol(id);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("viewBox", source.getAttribute("viewBox") ?? "0 0 16 16");
  if (label === undefined) {
    svg.setAttribute("aria-hidden", "true");
  } else {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  }
  for (const child of source.children) svg.append(document.importNode(child, true));
  return svg;
}

/** A 16 px icon; without a label it is decoration and hidden from screen readers. */
export function icon(name: IconName, label?: string): SVGSVGElement {
  return draw(`i-${name}`, "rk-i", label);
}

/** A 10 px mark of a kind; its shape carries the meaning. */
export function mark(kind: MarkKind, label?: string): SVGSVGElement {
  return draw(`m-${kind}`, `rk-m rk-m-${kind}`, label);
}

/** Marks of a session's signals, gravest first, each named. */
export function signalMarks(signals: readonly SignalKind[]): SVGSVGElement[] {
  const order: SignalKind[] = ["rage", "error", "dead", "request"];
  return order
    .filter((kind) => signals.includes(kind))
    .map((kind) => mark(kind, MARK_NAMES[kind][0]));
}

/** A sparkline of activity values 0..255 as bars, `width` px wide. */
export function spark(activity: readonly number[], width: number): SVGSVGElement {
  const bars = Math.max(1, Math.floor(width / 2));
  let path = "";
  for (let bar = 0; bar < bars; bar += 1) {
    const from = Math.floor((bar * activity.length) / bars);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * activity.length) / bars));
    let most = 0;
    for (let i = from; i < to; i += 1) most = Math.max(most, activity[i] ?? 0);
    if (most === 0) continue;
    const height = Math.max(1.5, (most / 255) * 16).toFixed(1);
    path += `M${bar * 2} 16v-${height}h1.4v${height}z`;
  }
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "rk-spark");
  svg.setAttribute("viewBox", `0 0 ${bars * 2} 16`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}
