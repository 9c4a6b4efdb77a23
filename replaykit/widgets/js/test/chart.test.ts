import { describe, expect, it } from "vitest";
import { type Look, legible, paint } from "../chart/paint.ts";
import { pointsOf, words } from "../chart/points.ts";
import type { PlotlyFigure } from "../protocol.ts";

const look: Look = {
  text: "rgb(0, 0, 0)",
  text2: "rgb(90, 90, 90)",
  line: "rgb(224, 224, 224)",
  lineStrong: "rgb(138, 138, 138)",
  background: "rgb(255, 255, 255)",
  pop: "rgb(255, 255, 255)",
  hit: "rgb(255, 244, 214)",
  hitLine: "rgb(178, 106, 0)",
  quiet: "rgb(180, 188, 198)",
  soft: "rgb(201, 217, 238)",
  series: ["rgb(1, 1, 1)", "rgb(2, 2, 2)"],
  font: "sans-serif",
};

function figure(...data: Record<string, unknown>[]): PlotlyFigure {
  return { data, layout: { title: { text: "x" }, meta: { top: 44 }, xaxis: { ticktext: ["1"] } } };
}

const bars = {
  type: "bar",
  x: [1, 2],
  y: [1, 0.4],
  customdata: ["funnel|1|reached|", "funnel|2|reached|"],
  hovertext: ["<b>10 users</b><br>&lt;b&gt;bob&lt;/b&gt;", "4"],
  meta: { series: 1, role: "reached" },
};

describe("points of a figure", () => {
  it("reads the keys and says them as text", () => {
    expect(pointsOf(figure(bars))).toEqual([
      { key: "funnel|1|reached|", text: "10 users, <b>bob</b>", trace: 0, index: 0 },
      { key: "funnel|2|reached|", text: "4", trace: 0, index: 1 },
    ]);
  });

  it("leaves out what has no key or no height", () => {
    const dropped = { ...bars, y: [null, 0], customdata: [null, "funnel|2|dropped|"] };
    expect(pointsOf(figure(dropped))).toEqual([]);
  });

  it("names a point of a line by series, moment and value", () => {
    const line = {
      type: "scatter",
      name: "Buy",
      x: ["2026-03-01T00:00:00", "2026-03-01T13:00:00"],
      y: [3, 4],
      customdata: ["a", "b"],
    };
    const texts = pointsOf(figure(line)).map((point) => point.text);
    expect(texts).toEqual(["Buy, 2026-03-01, 3", "Buy, 2026-03-01 13:00:00, 4"]);
  });

  it("counts a node and the band that leads to it once", () => {
    const flow = {
      type: "sankey",
      node: { customdata: ["j|1", "j|2"], label: ["A", "B"] },
      link: { customdata: ["j|2"] },
    };
    expect(pointsOf(figure(flow)).map((point) => point.key)).toEqual(["j|1", "j|2"]);
  });

  it("reads the cells of a heat table", () => {
    const heat = { type: "heatmap", customdata: [["r|1", null]], hovertext: [["86 %", ""]] };
    expect(pointsOf(figure(heat))).toEqual([{ key: "r|1", text: "86 %", trace: 0, index: -1 }]);
  });

  it("undoes an entity once", () => {
    expect(words("&amp;lt; &#36;x&#36;")).toBe("&lt; $x$");
  });
});

describe("painting", () => {
  it("writes on each tile in the colour that can be read there", () => {
    const tiles = {
      type: "icicle",
      customdata: ["j|1", "j|2", "j|3"],
      meta: { role: "tiles", nodes: [0, -1, 1] },
    };
    const colours = { ...look, series: ["rgb(59, 111, 182)", "#09a378"] };
    const [painted] = paint(figure(tiles), colours, "j|3").data;
    const color = ["#ffffff", "#161616", "#161616"];
    expect(painted?.insidetextfont).toEqual({ color });
    expect(painted?.outsidetextfont).toEqual({ color });
    expect(painted?.root).toEqual({ color: "rgb(59, 111, 182)" });
  });

  it("reads a ground that lets the page through as it is seen", () => {
    expect(legible("rgba(128, 128, 128, 0.2)", "rgb(255, 255, 255)")).toBe("#161616");
    expect(legible("rgba(128, 128, 128, 0.2)", "rgb(17, 17, 17)")).toBe("#ffffff");
  });

  it("gives a series its token and leaves the figure it was given alone", () => {
    const given = figure(bars);
    const before = structuredClone(given);
    const marker = paint(given, look, "").data[0]?.marker as { color: string[] };
    expect(marker.color).toEqual(["rgb(2, 2, 2)", "rgb(2, 2, 2)"]);
    expect(given).toEqual(before);
  });

  it("turns only the open point amber", () => {
    const painted = paint(figure(bars), look, "funnel|2|reached|").data[0];
    const marker = painted?.marker as { color: string[]; line: { width: number[] } };
    expect(marker.color).toEqual(["rgb(2, 2, 2)", look.hit]);
    expect(marker.line.width).toEqual([0, 2]);
  });

  it("draws a hatch through its own colours", () => {
    const hatched = { ...bars, meta: { series: 0, role: "dropped" }, marker: {} };
    const marker = paint(figure(hatched), look, "funnel|1|reached|").data[0]?.marker as {
      color: string;
      pattern: { fillmode: string; fgcolor: string[]; bgcolor: string[] };
    };
    expect(typeof marker.color).toBe("string");
    expect(marker.pattern.fillmode).toBe("replace");
    expect(marker.pattern.fgcolor).toEqual([look.hitLine, "rgba(1, 1, 1, 0.45)"]);
    expect(marker.pattern.bgcolor[0]).toBe(look.hit);
  });

  it("leaves series beyond the colours quiet", () => {
    const line = { customdata: ["a"], marker: { size: 7 }, meta: { series: 4, role: "line" } };
    const painted = paint(figure(line), look, "").data[0];
    expect(painted?.line).toMatchObject({ color: look.quiet });
  });

  it("joins no dots by a line when one of them is open", () => {
    const dots = { mode: "markers", customdata: ["a", "b"], meta: { series: 0, role: "dots" } };
    const painted = paint(figure(dots), look, "b").data[0];
    expect(painted?.mode).toBe("markers");
    expect(painted?.marker).toMatchObject({ color: [expect.anything(), look.hit] });
  });

  it("frames the open cell of a heat table", () => {
    const heat = { x: [0, 1], customdata: [["a", "b"]], meta: { series: 0, role: "heat" } };
    const { layout } = paint(figure(heat), look, "b");
    expect(layout.shapes).toMatchObject([{ x0: 0.5, x1: 1.5, y0: -0.5, y1: 0.5 }]);
  });

  it("takes the title out, because the widget says it", () => {
    const { layout } = paint(figure(bars), look, "");
    expect(layout.title).toBeUndefined();
    expect((layout.margin as { t: number }).t).toBe(44);
    expect((layout.xaxis as { tickfont: { color: string } }).tickfont.color).toBe(look.text);
  });

  it("leaves a trace of somebody else's as it is", () => {
    const foreign = { type: "bar", x: [1], y: [2], marker: { color: "red" } };
    expect(paint(figure(foreign), look, "").data[0]).toEqual(foreign);
  });
});
