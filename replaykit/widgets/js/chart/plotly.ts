/** One plotly.js per page, whatever the number of charts: asked for once, put nowhere visible. */

import type { Source } from "../kernel.ts";
import { loadModule } from "../parts/module.ts";

export interface ClickPoint {
  customdata?: unknown;
  curveNumber?: number;
  pointNumber?: number | [number, number];
}

/** The element plotly draws in, with the events it adds. */
export interface PlotElement extends HTMLElement {
  on(event: string, then: (event: { points?: ClickPoint[] }) => unknown): void;
  removeAllListeners(event?: string): void;
}

/** What we use of plotly.js. */
export interface Plotly {
  register(modules: object[]): void;
  react(
    node: HTMLElement,
    data: readonly object[],
    layout: object,
    config: object,
  ): Promise<PlotElement>;
  purge(node: HTMLElement): void;
  Fx: {
    hover(node: HTMLElement, points: { curveNumber: number; pointNumber: number }[]): void;
    unhover(node: HTMLElement): void;
  };
}

/** The chart library of this page. */
export function loadPlotly(source: Source): Promise<Plotly> {
  return loadModule<Plotly>(source, "plotly");
}
