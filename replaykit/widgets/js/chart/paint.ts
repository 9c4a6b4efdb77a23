/**
 * The colours of a figure: the host's tokens instead of the neutral ones of a plain notebook,
 * and amber for the one point that is open. Pure: a figure in, a figure out.
 */

import type { PlotlyFigure } from "../protocol.ts";

/** The tokens a chart is painted with, as plain colours. */
export interface Look {
  text: string;
  text2: string;
  line: string;
  lineStrong: string;
  background: string;
  pop: string;
  hit: string;
  hitLine: string;
  quiet: string;
  soft: string;
  series: string[];
  font: string;
}

type Trace = Record<string, unknown>;
type Layout = Record<string, unknown>;

const CLEAR = "rgba(0,0,0,0)";
/** Series that get a colour of their own: every colour, solid and dashed (charts/look.py). */
const ROUNDS = 2;

const TOKENS = {
  text: "--rk-text",
  text2: "--rk-text-2",
  line: "--rk-line",
  lineStrong: "--rk-line-strong",
  background: "--rk-bg",
  pop: "--rk-bg-pop",
  hit: "--rk-hit",
  hitLine: "--rk-hit-line",
  quiet: "--rk-density",
  soft: "--rk-series-1-soft",
} as const;

/** Read the tokens as they are now under `root`. */
export function readLook(root: HTMLElement, probe: HTMLElement): Look {
  const colour = (token: string) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const plain = Object.fromEntries(
    Object.entries(TOKENS).map(([name, token]) => [name, colour(token)]),
  ) as Record<keyof typeof TOKENS, string>;
  const series = [1, 2, 3, 4, 5, 6].map((n) => colour(`--rk-series-${n}`));
  return { ...plain, series, font: getComputedStyle(root).fontFamily };
}

/** The figure in these colours, with the point of `key` in amber. */
export function paint(figure: PlotlyFigure, look: Look, key: string): PlotlyFigure {
  const shapes: object[] = [];
  const data = figure.data.map((trace) => paintTrace(trace, look, key, shapes));
  const flows = data.some((trace) => trace.type === "sankey");
  return { data, layout: paintLayout(figure.layout, look, shapes, flows) };
}

function paintTrace(trace: Trace, look: Look, key: string, shapes: object[]): Trace {
  const meta = object(trace.meta);
  const place = typeof meta.series === "number" ? meta.series : 0;
  const colour = seriesColour(look, place);
  switch (meta.role) {
    case "line":
    case "dots":
    case "incomplete":
      return paintLine(trace, look, key, colour);
    case "reached":
      return paintBars(trace, look, key, colour, false);
    case "dropped":
      return paintBars(trace, look, key, colour, true);
    case "flow":
      return paintFlow(trace, look, key);
    case "tiles":
      return paintTiles(trace, look, key);
    case "heat":
      return paintHeat(trace, look, key, shapes);
    default:
      return trace;
  }
}

function paintLine(trace: Trace, look: Look, key: string, colour: string): Trace {
  const meta = object(trace.meta);
  const marker = object(trace.marker);
  const size = typeof marker.size === "number" ? marker.size : 6;
  const hits = hitsOf(trace.customdata, key);
  const any = hits.includes(true);
  return {
    ...trace,
    mode: any && meta.role !== "dots" ? "lines+markers" : trace.mode,
    line: { ...object(trace.line), color: colour },
    marker: {
      ...marker,
      color: any ? hits.map((hit) => (hit ? look.hit : colour)) : colour,
      size: any ? hits.map((hit) => (hit ? Math.max(13, size) : size)) : size,
      // With sizes given one by one plotly would see bubbles, and see through them.
      opacity: marker.opacity ?? 1,
      line: any
        ? {
            color: hits.map((hit) => (hit ? look.hitLine : colour)),
            width: hits.map((hit) => (hit ? 3 : 0)),
          }
        : marker.line,
    },
  };
}

function paintBars(trace: Trace, look: Look, key: string, colour: string, hatched: boolean): Trace {
  const hits = hitsOf(trace.customdata, key);
  const marker = object(trace.marker);
  const line = {
    color: hits.map((hit) => (hit ? look.hitLine : colour)),
    width: hits.map((hit) => (hit ? 2 : hatched ? 1 : 0)),
  };
  if (!hatched) {
    return { ...trace, marker: { ...marker, line, color: pick(hits, look.hit, colour) } };
  }
  return {
    ...trace,
    marker: {
      ...marker,
      line,
      // One colour, not one per bar: plotly would draw the hatch in it.
      color: colour,
      pattern: {
        ...object(marker.pattern),
        fillmode: "replace",
        fgcolor: pick(hits, look.hitLine, fade(colour, 0.45)),
        bgcolor: pick(hits, look.hit, CLEAR),
        solidity: hits.map((hit) => (hit ? 0.35 : 0.25)),
      },
    },
  };
}

function paintFlow(trace: Trace, look: Look, key: string): Trace {
  const node = object(trace.node);
  const link = object(trace.link);
  const nodes = places(node.customdata, object(trace.meta).nodes);
  const ends = places(link.customdata, object(trace.meta).links);
  const on = hitsOf(node.customdata, key);
  const along = hitsOf(link.customdata, key);
  return {
    ...trace,
    textfont: { ...object(trace.textfont), color: look.text, shadow: "none" },
    node: {
      ...node,
      // Plotly outlines all nodes or none, so the open one is filled with the strong amber.
      color: nodes.map((place, i) => (on[i] ? look.hitLine : seriesColour(look, place))),
      line: { color: CLEAR, width: 0 },
      hovertemplate: object(trace.meta).node_hovers ?? node.hovertemplate,
    },
    link: {
      ...link,
      hovertemplate: object(trace.meta).link_hovers ?? link.hovertemplate,
      color: ends.map((place, i) =>
        along[i] ? fade(look.hitLine, 0.7) : fade(seriesColour(look, place), 0.28),
      ),
    },
  };
}

function paintTiles(trace: Trace, look: Look, key: string): Trace {
  const hits = hitsOf(trace.customdata, key);
  const tiles = places(trace.customdata, object(trace.meta).nodes);
  const colors = tiles.map((place, i) => (hits[i] ? look.hit : seriesColour(look, place)));
  const color = colors.map((ground) => legible(ground, look.background));
  return {
    ...trace,
    // To plotly the text of the root is outside, though it stands on its tile.
    insidetextfont: { ...object(trace.insidetextfont), color },
    outsidetextfont: { ...object(trace.outsidetextfont), color },
    root: { ...object(trace.root), color: colors[0] ?? look.quiet },
    marker: {
      ...object(trace.marker),
      colors,
      line: {
        color: hits.map((hit) => (hit ? look.hitLine : look.background)),
        width: hits.map((hit) => (hit ? 2 : 1)),
      },
    },
  };
}

/** Heat cells have no outline of their own: the open one gets a frame drawn over it. */
function paintHeat(trace: Trace, look: Look, key: string, shapes: object[]): Trace {
  const x = Array.isArray(trace.x) ? (trace.x as number[]) : [];
  const rows = Array.isArray(trace.customdata) ? (trace.customdata as unknown[][]) : [];
  rows.forEach((row, j) => {
    const i = key === "" ? -1 : row.indexOf(key);
    const at = x[i];
    if (at === undefined) return;
    shapes.push({
      type: "rect",
      x0: at - 0.5,
      x1: at + 0.5,
      y0: j - 0.5,
      y1: j + 0.5,
      line: { color: look.hitLine, width: 3 },
    });
  });
  return trace;
}

function paintLayout(layout: Layout, look: Look, shapes: object[], flows: boolean): Layout {
  const meta = object(layout.meta);
  const { title: _title, template, ...rest } = layout;
  const axes = Object.keys({ ...rest, ...object(object(template).layout) }).filter((name) =>
    /^[xy]axis\d*$/.test(name),
  );
  const painted: Layout = {
    ...rest,
    template,
    shapes: [...list(layout.shapes), ...shapes],
    font: { ...object(rest.font), color: look.text, family: look.font },
    paper_bgcolor: CLEAR,
    plot_bgcolor: CLEAR,
    // No boxes to draw; a sankey knows only these two words for it.
    dragmode: flows ? "pan" : false,
    autosize: false,
    hoverlabel: {
      bgcolor: look.pop,
      bordercolor: look.lineStrong,
      font: { color: look.text, family: look.font },
    },
    // The title stands in the widget's own head line.
    margin: { ...object(layout.margin), t: Number(meta.top ?? 16) },
  };
  for (const name of axes) {
    const own = object(rest[name]);
    // Names of steps are content, numbers and dates are scale.
    const named = name.startsWith("x") && own.ticktext !== undefined;
    painted[name] = {
      ...own,
      gridcolor: look.line,
      ...(name.startsWith("x") && { linecolor: look.line }),
      tickfont: {
        ...object(own.tickfont),
        color: named ? look.text : look.text2,
        size: named ? 12 : 11,
      },
    };
  }
  return painted;
}

function seriesColour(look: Look, place: number): string {
  if (place < 0 || place >= look.series.length * ROUNDS) return look.quiet;
  return look.series[place % look.series.length] ?? look.quiet;
}

function places(keys: unknown, series: unknown): number[] {
  const given = list(series);
  return list(keys).map((_, i) => (typeof given[i] === "number" ? given[i] : -1));
}

/** What is open: nothing, a point, or several selected together (a JSON list of keys). */
function keysOf(key: string): Set<unknown> {
  if (key.startsWith("[")) return new Set(JSON.parse(key) as unknown[]);
  return new Set(key === "" ? [] : [key]);
}

function hitsOf(keys: unknown, key: string): boolean[] {
  const open = keysOf(key);
  return list(keys).map((one) => open.has(one));
}

function pick(hits: boolean[], on: string, off: string): string[] {
  return hits.map((hit) => (hit ? on : off));
}

const DARK_TEXT = "#161616";
const LIGHT_TEXT = "#ffffff";

/** The colour of text on a ground, the one with more contrast; `page` shines through it. */
export function legible(ground: string, page: string): string {
  const under = channels(page) ?? [255, 255, 255, 1];
  const [red, green, blue, alpha = 1] = channels(ground) ?? under;
  const seen = [red, green, blue].map((one, i) => one * alpha + (under[i] ?? 255) * (1 - alpha));
  const light = luminance(seen);
  const dark = luminance(channels(DARK_TEXT) ?? []);
  return 1.05 / (light + 0.05) >= (light + 0.05) / (dark + 0.05) ? LIGHT_TEXT : DARK_TEXT;
}

/** Red, green, blue (0 to 255) and alpha of a colour as browsers and Python write it. */
function channels(colour: string): [number, number, number, number] | null {
  const hex = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(colour);
  if (hex) {
    const [red, green, blue] = hex.slice(1).map((one) => Number.parseInt(one, 16));
    return [red ?? 0, green ?? 0, blue ?? 0, 1];
  }
  const parts = colour.startsWith("rgb") ? colour.match(/[\d.]+/g)?.map(Number) : null;
  if (!parts || parts.length < 3) return null;
  const [red, green, blue, alpha] = parts;
  return [red ?? 0, green ?? 0, blue ?? 0, alpha ?? 1];
}

/** Relative luminance as WCAG 2 has it. */
function luminance(rgb: number[]): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((one) => {
    const part = one / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The same colour, seen through. */
function fade(colour: string, alpha: number): string {
  const parts = colour.match(/[\d.]+/g);
  if (!colour.startsWith("rgb") || !parts || parts.length < 3) return colour;
  return `rgba(${parts[0]}, ${parts[1]}, ${parts[2]}, ${alpha})`;
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
