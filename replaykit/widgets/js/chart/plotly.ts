/** One plotly.js per page, whatever the number of charts: asked for once, put nowhere visible. */

import type { Source } from "../kernel.ts";

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

const PAGE_KEY = Symbol.for("replaykit.plotly");
type PageWide = { [PAGE_KEY]?: Promise<Plotly> };

/** The chart library of this page; a failed load is asked for again next time. */
export function loadPlotly(source: Source): Promise<Plotly> {
  const page = globalThis as PageWide;
  const loading = page[PAGE_KEY] ?? fetchPlotly(source);
  page[PAGE_KEY] = loading;
  loading.catch(() => {
    if (page[PAGE_KEY] === loading) delete page[PAGE_KEY];
  });
  return loading;
}

async function fetchPlotly(source: Source): Promise<Plotly> {
  const { buffers } = await source.request("plotly", {});
  const [packed] = buffers;
  if (!packed) throw new Error("The chart library did not come along.");
  const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  const code = await new Response(stream).blob();
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    // A module of its own: nothing lands on `window`, and a host's own plotly is left alone.
    const module = (await import(url)) as { default: Plotly };
    return module.default;
  } finally {
    URL.revokeObjectURL(url);
  }
}
