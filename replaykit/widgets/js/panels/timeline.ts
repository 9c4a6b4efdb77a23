/** The timeline: signal, density, event, page and axis lanes in percent of the session. */

import { el, fill, setAttribute, setText } from "../parts/dom.ts";
import { address, elapsed, spoken } from "../parts/format.ts";
import { type MarkKind, mark } from "../parts/icons.ts";
import { PLACE, type Session, type Span } from "../protocol.ts";
import type { Rows } from "../rows.ts";
import { Track } from "../tracks.ts";
import { axisTicks, type Cluster, clusters } from "./lanes.ts";
import { createLegend } from "./legend.ts";
import { fillPreview } from "./preview.ts";

export interface TimelineSpec {
  /** Without legend and with less room around. */
  compact: boolean;
  onSeek(t: number, final: boolean): void;
  /** A click on a mark: seek there and select its row. */
  onMark(row: number): void;
  onLegend(kind: MarkKind, shown: boolean): void;
}

export interface Timeline {
  node: HTMLElement;
  set(rows: Rows | null, zone: string): void;
  /** Which rows are drawn as marks: those the table shows. */
  setShown(shown: Uint32Array, hidden: ReadonlySet<MarkKind>): void;
  move(t: number): void;
  setCurrent(row: number | null): void;
  setInactive(inactive: readonly Span[]): void;
  focus(): void;
  destroy(): void;
}

const SVG = "http://www.w3.org/2000/svg";
const DENSITY_HEIGHT = 26;
/** An axis label this near to the playhead's or the pointer's label gives way. */
const LABEL_PX = 34;

export function createTimeline(spec: TimelineSpec): Timeline {
  const stop = new AbortController();
  const { signal } = stop;
  const lane = (name: string) => el("div", { class: `rk-lane rk-lane-${name}` });
  const signals = lane("signal");
  const density = lane("dens");
  const idle = el("div", { class: "rk-idles" });
  const events = lane("event");
  const pages = lane("page");
  const axis = lane("axis");
  const headLabel = el("output");
  const head = el("div", { class: "rk-playhead", "aria-hidden": "true" }, headLabel);
  const hoverLabel = el("output");
  const hover = el("div", { class: "rk-hoverline", hidden: true }, hoverLabel);
  const lanes = el(
    "div",
    {
      class: "rk-lanes",
      role: "slider",
      tabindex: 0,
      "aria-label": "Position",
      "aria-valuemin": 0,
    },
    signals,
    density,
    events,
    pages,
    axis,
    head,
    hover,
  );
  const legend = createLegend(spec.onLegend);
  const tip = el("div", { class: "rk-tip", hidden: true, "aria-hidden": "true" });
  const node = el("div", { class: "rk-time" }, spec.compact ? null : legend.node, lanes, tip);
  if (spec.compact) node.classList.add("is-compact");

  let rows: Rows | null = null;
  let session: Session | null = null;
  let zone = "UTC";
  let length = 1;
  let width = 0;
  let shown: Uint32Array = new Uint32Array();
  let hidden: ReadonlySet<MarkKind> = new Set();
  let position = 0;
  let current: number | null = null;
  let past: SVGElement | null = null;
  let pageTrack = new Track([]);
  let pageNodes: HTMLElement[] = [];
  let labels: { node: HTMLElement; x: number }[] = [];
  let clustersDrawn: Cluster[] = [];
  let eventMarks = new Map<number, SVGElement>();
  let pointerX: number | null = null;
  let dragging = false;

  const xOf = (t: number) => (t / length) * width;
  const percent = (t: number) => `${((t / length) * 100).toFixed(3)}%`;
  const tAt = (x: number) => Math.max(0, Math.min(length, (x / Math.max(1, width)) * length));

  // ── Drawing ──────────────────────────────────────────────────────────────────

  function drawDensity(): void {
    if (!session) return;
    fill(density, idle);
    const values = session.density;
    const bars = () => {
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 ${Math.max(1, values.length * 4)} ${DENSITY_HEIGHT}`);
      svg.setAttribute("preserveAspectRatio", "none");
      svg.setAttribute("aria-hidden", "true");
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", densityPath(values));
      svg.append(path);
      return { svg, path };
    };
    const ahead = bars();
    ahead.path.setAttribute("class", "bars");
    const behind = bars();
    behind.path.setAttribute("class", "bars past");
    density.append(ahead.svg, behind.svg);
    past = behind.svg;
    for (const [a, b] of session.gaps) {
      density.append(
        el("span", {
          class: "rk-gap",
          title: `No data for ${elapsed(b - a)}`,
          style: { left: percent(a), width: percent(b - a) },
        }),
      );
    }
  }

  function drawPages(): void {
    if (!session) return;
    const list = session.pages;
    pageTrack = new Track(list.map((page) => page.t));
    pageNodes = list.map((page, i) => {
      const end = list[i + 1]?.t ?? length;
      const path = address(page.url).path;
      return el(
        "span",
        {
          title: page.title ? `${page.url} · ${page.title}` : page.url,
          style: { left: percent(page.t), width: `calc(${percent(end - page.t)} - 1px)` },
        },
        path,
      );
    });
    fill(pages, ...pageNodes);
  }

  function drawMarks(): void {
    signals.replaceChildren();
    events.replaceChildren();
    eventMarks = new Map();
    if (!rows || !session || width === 0) return;
    const signalRows: { row: number; x: number; kind: MarkKind }[] = [];
    let lastX = Number.NEGATIVE_INFINITY;
    for (const row of shown) {
      const listed = rows.listed(row);
      const t = rows.t[row] ?? 0;
      const x = xOf(t);
      if (listed === "page" || x < 0 || x > width) continue;
      const hit = rows.charted(row);
      // Discs closer than two pixels cannot be told apart; charted ones are always drawn.
      if (listed === "event" && x - lastX < 2 && !hit) continue;
      if (rows.place(row) === PLACE.before || rows.place(row) === PLACE.after) continue;
      const kind = rows.kind(row);
      if (listed === "event") {
        lastX = x;
        const disc = mark(kind);
        disc.style.left = percent(t);
        if (hit) disc.classList.add("is-hit");
        disc.dataset.row = String(row);
        eventMarks.set(row, disc);
        events.append(disc);
      } else signalRows.push({ row, x, kind });
    }
    clustersDrawn = clusters(signalRows);
    for (const cluster of clustersDrawn) drawCluster(cluster);
    drawCurrent();
  }

  function drawCluster(cluster: Cluster): void {
    for (const { row, kind, x, count } of cluster.drawn) {
      const name = count > 1 ? `${rows?.spoken(row)} and ${count - 1} more` : rows?.spoken(row);
      const shape = mark(kind, name);
      shape.style.left = `${x}px`;
      shape.dataset.row = String(row);
      signals.append(shape);
      if (count > 1) {
        signals.append(el("span", { class: "n", style: { left: `${x + 7}px` } }, String(count)));
      }
    }
  }

  function drawAxis(): void {
    labels = [];
    axis.replaceChildren();
    if (!session || width === 0) return;
    for (const t of axisTicks(length, width)) {
      const end = t === length;
      const label = el(
        "span",
        { class: end ? "end" : "", style: { left: percent(t) } },
        elapsed(t),
      );
      labels.push({ node: label, x: xOf(t) });
      axis.append(label);
    }
    giveWay();
  }

  function giveWay(): void {
    const at = xOf(position);
    for (const { node: label, x } of labels) {
      const near = (other: number | null) => other !== null && Math.abs(other - x) < LABEL_PX;
      const off = near(at) || near(pointerX);
      if ((label.style.visibility === "hidden") !== off) {
        label.style.visibility = off ? "hidden" : "";
      }
    }
  }

  function drawCurrent(): void {
    for (const disc of eventMarks.values()) disc.classList.remove("on");
    if (current !== null) eventMarks.get(current)?.classList.add("on");
  }

  function move(t: number): void {
    position = t;
    const x = xOf(t);
    head.style.transform = `translateX(${x.toFixed(1)}px)`;
    // The label stays inside the lanes while the line goes to their edges.
    setText(headLabel, elapsed(t));
    const half = 22;
    const shift = Math.max(half - x, 0) - Math.max(x + half - width, 0);
    headLabel.style.transform = `translateX(calc(-50% + ${shift.toFixed(1)}px))`;
    if (past) past.style.clipPath = `inset(0 ${Math.max(0, width - x).toFixed(1)}px 0 0)`;
    const page = pageTrack.move(t);
    for (const [i, one] of pageNodes.entries()) one.classList.toggle("on", i === page);
    giveWay();
    setAttribute(lanes, "aria-valuenow", Math.round(t));
    const title = session?.pages[page]?.title;
    const words = `${spoken(t)} of ${spoken(length)}${title ? `, ${title}` : ""}`;
    // Once a second is often enough for a screen reader, and not while scrubbing.
    if (!dragging && lanes.getAttribute("aria-valuetext") !== words) {
      lanes.setAttribute("aria-valuetext", words);
    }
  }

  // ── Pointer ──────────────────────────────────────────────────────────────────

  function preview(x: number | null): void {
    pointerX = x;
    giveWay();
    if (x === null || !rows || !session) {
      hover.hidden = true;
      tip.hidden = true;
      return;
    }
    const t = tAt(x);
    hover.hidden = false;
    hover.style.transform = `translateX(${x.toFixed(1)}px)`;
    setText(hoverLabel, elapsed(t));
    fillPreview(tip, rows, t, hidden, zone);
    tip.hidden = false;
    const box = node.getBoundingClientRect();
    const left = lanes.getBoundingClientRect().left - box.left + x;
    const half = tip.offsetWidth / 2;
    tip.style.left = `${Math.max(half + 4, Math.min(box.width - half - 4, left))}px`;
  }

  const xOfEvent = (event: PointerEvent) => {
    const box = lanes.getBoundingClientRect();
    return Math.max(0, Math.min(box.width, event.clientX - box.left));
  };

  lanes.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !session) return;
    const shape = (event.target as Element).closest<SVGElement>(".rk-m[data-row]");
    lanes.focus({ preventScroll: true });
    if (shape) {
      spec.onMark(Number(shape.dataset.row));
      return;
    }
    dragging = true;
    lanes.setPointerCapture(event.pointerId);
    spec.onSeek(tAt(xOfEvent(event)), false);
  });
  lanes.addEventListener("pointermove", (event) => {
    const x = xOfEvent(event);
    preview(x);
    if (dragging) spec.onSeek(tAt(x), false);
  });
  const release = (event: PointerEvent) => {
    if (!dragging) return;
    dragging = false;
    spec.onSeek(tAt(xOfEvent(event)), true);
    if (event.pointerType !== "mouse") preview(null);
  };
  lanes.addEventListener("pointerup", release);
  lanes.addEventListener("pointercancel", release);
  lanes.addEventListener("pointerleave", () => {
    if (!dragging) preview(null);
  });

  const observer = new ResizeObserver(() => {
    if (lanes.clientWidth === width) return;
    width = lanes.clientWidth;
    drawMarks();
    drawAxis();
    move(position);
  });
  observer.observe(lanes);
  signal.addEventListener("abort", () => observer.disconnect());

  return {
    node,
    set(next, nextZone) {
      rows = next;
      session = next?.session ?? null;
      zone = nextZone;
      length = Math.max(1, session?.length_ms ?? 1);
      width = lanes.clientWidth;
      current = null;
      setAttribute(lanes, "aria-valuemax", session?.length_ms ?? 0);
      setAttribute(lanes, "aria-disabled", session ? null : "true");
      if (!session) {
        for (const one of [signals, density, events, pages, axis]) one.replaceChildren();
        return;
      }
      if (next) legend.set(next, session);
      drawDensity();
      drawPages();
      drawAxis();
      move(0);
    },
    setShown(next, nextHidden) {
      shown = next;
      hidden = nextHidden;
      legend.setHidden(hidden);
      pages.style.visibility = hidden.has("page") ? "hidden" : "";
      drawMarks();
    },
    move,
    setCurrent(row) {
      if (row === current) return;
      current = row;
      drawCurrent();
    },
    setInactive(inactive) {
      legend.setInactive(inactive);
      fill(
        idle,
        ...inactive.map(([a, b]) =>
          el("span", {
            class: "rk-idle",
            title: `Inactive ${elapsed(b - a)}`,
            style: { left: percent(a), width: percent(b - a) },
          }),
        ),
      );
    },
    focus: () => lanes.focus({ preventScroll: true }),
    destroy: () => stop.abort(),
  };
}

function densityPath(values: readonly number[]): string {
  let path = "";
  values.forEach((one, i) => {
    if (one <= 0) return;
    const height = Math.max(1.2, (one / 255) * (DENSITY_HEIGHT - 2)).toFixed(1);
    path += `M${i * 4} ${DENSITY_HEIGHT}v-${height}h3v${height}z`;
  });
  return path;
}
