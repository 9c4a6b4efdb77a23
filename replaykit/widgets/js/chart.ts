/**
 * The chart of a result: plotly draws the very figure that `.chart()` returns, in the host's
 * colours. A click, or Enter on a point walked to with the arrow keys, names the point.
 */

import { paint, readLook } from "./chart/paint.ts";
import { type ClickPoint, loadPlotly, type PlotElement, type Plotly } from "./chart/plotly.ts";
import { type ChartPoint, pointsOf } from "./chart/points.ts";
import type { Source } from "./kernel.ts";
import { button, state } from "./parts/buttons.ts";
import { el, fill, setAttribute, setText } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { menu } from "./parts/popover.ts";
import type { PlotlyFigure, Requests } from "./protocol.ts";

export interface ChartSpec {
  /** A point was chosen; `by` tells whether focus should move on. */
  onPoint(key: string, by: "pointer" | "key"): void;
}

export interface Chart {
  node: HTMLElement;
  /** Show which point is open; "" for none. */
  select(key: string): void;
  /** Give the focus back to the chart's points. */
  focus(): void;
  destroy(): void;
}

/** Height of the head line with title and note. */
const HEAD = 30;
const FALLBACK_HEIGHT = 320;
const NARROWEST = 280;

/** Traces whose points can be drawn around. */
const SELECTABLE = new Set(["scatter", "bar"]);

const CONFIG = {
  displayModeBar: false,
  showTips: false,
  doubleClick: false,
  scrollZoom: false,
  responsive: false,
} as const;

export function createChart(source: Source, spec: ChartSpec): Chart {
  const stop = new AbortController();
  const title = el("h3", { class: "rk-cut" });
  const note = el("span", { class: "rk-2 rk-small rk-num rk-cut" });
  const walker = el("button", { type: "button", class: "rk-walker rk-small" });
  const selecting = button({
    label: "Select",
    text: true,
    small: true,
    kind: "quiet",
    class: "rk-chart-select",
    run: () => {
      if (drag !== null) drawAs(null);
      else
        menu(selecting, "Select points", [
          { label: "In a box", run: () => drawAs("select") },
          { label: "With a lasso", run: () => drawAs("lasso") },
        ]);
    },
  });
  setAttribute(selecting, "title", "Open several points at once");
  const plot = el("div", { class: "rk-plot", style: { height: `${FALLBACK_HEIGHT - HEAD}px` } });
  const probe = el("span", { hidden: true });
  const box = el("div", { class: "rk-chartbox" }, plot);
  const node = el(
    "div",
    { class: "rk-chartpart" },
    el("div", { class: "rk-charthead" }, title, note, selecting, walker),
    box,
    probe,
  );

  let figure: PlotlyFigure | null = null;
  let plotly: Plotly | null = null;
  let drawn: PlotElement | null = null;
  let points: ChartPoint[] = [];
  let at = 0;
  let selected = "";
  let frame = 0;
  let width = 0;
  /** How points are being selected; null when a click opens one. */
  let drag: "select" | "lasso" | null = null;

  async function start(): Promise<void> {
    try {
      const [{ data }, library] = await Promise.all([
        source.request("chart", {}),
        loadPlotly(source),
      ]);
      if (stop.signal.aborted) return;
      plotly = library;
      take(data);
    } catch (error) {
      if (!stop.signal.aborted) fill(plot, failure("The chart cannot be drawn.", error));
    }
  }

  function take(data: Requests["chart"]["data"]): void {
    figure = data.figure;
    points = pointsOf(figure);
    const height = data.height || FALLBACK_HEIGHT;
    plot.style.height = `${height - HEAD}px`;
    setText(title, data.title);
    setAttribute(title, "title", data.title);
    setText(note, data.note);
    setAttribute(note, "title", data.note);
    setAttribute(plot, "role", "img");
    setAttribute(plot, "aria-label", [data.title, data.note].filter(Boolean).join(". "));
    walker.hidden = points.length === 0;
    selecting.hidden = !figure.data.some((trace) =>
      SELECTABLE.has(String(trace.type ?? "scatter")),
    );
    if (figure.data.length === 0) {
      fill(plot, state("trend", "Nothing to draw", "The answer has no rows."));
      return;
    }
    sayPoint();
    schedule();
  }

  function schedule(): void {
    if (frame === 0) frame = requestAnimationFrame(() => void draw());
  }

  async function draw(): Promise<void> {
    frame = 0;
    const root = node.closest<HTMLElement>(".rk");
    if (!figure || !plotly || !root || stop.signal.aborted || figure.data.length === 0) return;
    const outer = box.clientWidth - 2 * Number.parseFloat(getComputedStyle(box).paddingLeft);
    if (outer <= 0) return;
    const meta = figure.layout.meta as { min_width?: number } | undefined;
    width = Math.max(outer, Math.min(meta?.min_width ?? NARROWEST, 1200));
    plot.style.width = width > outer ? `${width}px` : "";
    const painted = paint(figure, readLook(root, probe), selected);
    const height = Number.parseFloat(plot.style.height);
    const layout = { ...painted.layout, width, height, ...(drag && { dragmode: drag }) };
    const made = await plotly.react(plot, painted.data, layout, CONFIG);
    // In a crowded tree the names of thin nodes are marked; they are told on hover only.
    for (const name of plot.querySelectorAll<SVGTextElement>(".sankey-node text")) {
      if (name.textContent?.startsWith("\u2060")) name.style.display = "none";
    }
    if (stop.signal.aborted) {
      plotly.purge(plot);
      return;
    }
    if (drawn === null) listen(made);
    // Its label may stand at a neighbour of the point that the pointer is still on.
    else plotly.Fx.unhover(plot);
    drawn = made;
  }

  function listen(made: PlotElement): void {
    const clicked = (event: { points?: ClickPoint[] }) => {
      const key = event.points?.[0]?.customdata;
      if (typeof key === "string" && key !== "") choose(key, "pointer");
    };
    made.on("plotly_click", clicked);
    made.on("plotly_selected", (event) => {
      const keys = (event?.points ?? []).map((point) => point.customdata);
      const named = new Set(keys.filter((key) => typeof key === "string" && key !== ""));
      if (drag === null || named.size === 0) return;
      drawAs(null);
      const [first] = named;
      const key = named.size === 1 ? String(first) : JSON.stringify([...named]);
      spec.onPoint(key, "pointer");
    });
    made.on("plotly_hover", (event) => {
      const key = event.points?.[0]?.customdata;
      plot.classList.toggle("is-over", typeof key === "string" && key !== "");
    });
    made.on("plotly_unhover", () => plot.classList.remove("is-over"));
    // A click opens the point; plotly's own answer would zoom into the tile.
    for (const tiles of ["plotly_icicleclick", "plotly_sunburstclick"]) {
      made.on(tiles, (event) => {
        clicked(event);
        return false;
      });
    }
  }

  function drawAs(mode: typeof drag): void {
    drag = mode;
    setAttribute(selecting, "aria-pressed", String(mode !== null));
    selecting.classList.toggle("is-on", mode !== null);
    setText(selecting, mode === null ? "Select" : "Draw around points");
    schedule();
  }

  function choose(key: string, by: "pointer" | "key"): void {
    const found = points.findIndex((point) => point.key === key);
    if (found >= 0) at = found;
    sayPoint();
    spec.onPoint(key, by);
  }

  function sayPoint(): void {
    const point = points[at];
    if (!point) return;
    const text = `${point.text} \u00b7 point ${at + 1} of ${points.length}, Enter opens it`;
    setText(walker, text);
    setAttribute(walker, "title", text);
  }

  /** Step along a trace; up and down go to the same place in the next one. */
  function walk(event: KeyboardEvent): number | null {
    const here = points[at];
    if (!here) return null;
    const last = points.length - 1;
    switch (event.key) {
      case "ArrowRight":
        return Math.min(last, at + 1);
      case "ArrowLeft":
        return Math.max(0, at - 1);
      case "Home":
        return 0;
      case "End":
        return last;
      case "ArrowDown":
      case "ArrowUp": {
        const by = event.key === "ArrowDown" ? 1 : -1;
        for (let i = at + by; i >= 0 && i <= last; i += by) {
          const other = points[i];
          if (other && other.trace !== here.trace && other.index === here.index) return i;
        }
        return at;
      }
      default:
        return null;
    }
  }

  function hover(): void {
    const point = points[at];
    if (!plotly || !drawn || !point || point.index < 0) return;
    plotly.Fx.hover(plot, [{ curveNumber: point.trace, pointNumber: point.index }]);
  }

  walker.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.shiftKey) return;
    const next = walk(event);
    if (next === null) return;
    at = next;
    sayPoint();
    hover();
    event.preventDefault();
    event.stopPropagation();
  });
  walker.addEventListener("click", () => {
    const point = points[at];
    if (point) choose(point.key, "key");
  });
  walker.addEventListener("focus", hover);
  walker.addEventListener("blur", () => {
    if (plotly && drawn) plotly.Fx.unhover(plot);
  });

  const observer = new ResizeObserver(() => {
    if (box.clientWidth > 0) schedule();
  });
  observer.observe(box);
  const themes = new MutationObserver(schedule);
  queueMicrotask(() => {
    const root = node.closest<HTMLElement>(".rk");
    if (root) themes.observe(root, { attributes: true, attributeFilter: ["data-rk-theme"] });
  });
  void start();

  return {
    node,
    select(key) {
      if (key === selected) return;
      selected = key;
      schedule();
    },
    focus: () => walker.focus({ preventScroll: true }),
    destroy() {
      stop.abort();
      cancelAnimationFrame(frame);
      observer.disconnect();
      themes.disconnect();
      if (plotly && drawn) {
        drawn.removeAllListeners();
        plotly.purge(plot);
      }
    },
  };
}
