/** The points of a figure that can be opened: their keys, their words, their place. */

import type { PlotlyFigure } from "../protocol.ts";

export interface ChartPoint {
  key: string;
  /** What a screen reader says, and what stands in the pointer line. */
  text: string;
  trace: number;
  /** Position inside the trace; -1 where plotly cannot hover it from code. */
  index: number;
}

type Trace = Record<string, unknown>;

/** All points with a key, in the order of drawing; links that share a node's key count once. */
export function pointsOf(figure: PlotlyFigure): ChartPoint[] {
  const points: ChartPoint[] = [];
  const seen = new Set<string>();
  const add = (key: unknown, text: string, trace: number, index: number) => {
    if (typeof key !== "string" || key === "" || seen.has(key)) return;
    seen.add(key);
    points.push({ key, text, trace, index });
  };
  figure.data.forEach((trace, t) => {
    if (trace.type === "sankey") {
      const told = list(((trace.meta ?? {}) as Trace).told);
      for (const part of ["node", "link"]) {
        const nodes = (trace[part] ?? {}) as Trace;
        list(nodes.customdata).forEach((key, i) => {
          add(key, words(told[i] ?? list(nodes.label)[i]), t, -1);
        });
      }
      return;
    }
    list(trace.customdata).forEach((key, i) => {
      if (Array.isArray(key)) {
        key.forEach((one, j) => {
          add(one, words(list(list(trace.hovertext)[i])[j]), t, -1);
        });
        return;
      }
      // A bar without a height stands for nothing.
      if (trace.type === "bar" && !list(trace.y)[i]) return;
      add(key, told(trace, i), t, i);
    });
  });
  return points;
}

/** Plotly's markup as plain text: tags dropped, breaks as commas, our entities undone. */
export function words(markup: unknown): string {
  return String(markup ?? "")
    .replace(/<br\s*\/?>/g, ", ")
    .replace(/<[^>]*>/g, "")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&#36;/g, "$")
    .replace(/&amp;/g, "&");
}

function told(trace: Trace, i: number): string {
  const text = list(trace.hovertext)[i] ?? list(trace.text)[i];
  if (text !== undefined) return words(text);
  const x = String(list(trace.x)[i] ?? "")
    .replace(/T00:00:00$/, "")
    .replace("T", " ");
  return [words(trace.name), x, String(list(trace.y)[i] ?? "")].filter(Boolean).join(", ");
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
