/** The axis above the controls: the shared moment, the distances from it, and now. */

import { axisTicks } from "../panels/lanes.ts";
import { cut, el, fill, setAttribute, setText } from "../parts/dom.ts";
import { elapsed, spoken } from "../parts/format.ts";
import { mark } from "../parts/icons.ts";
import type { Span } from "../protocol.ts";
import { share, signed } from "./axis.ts";

export interface SharedTimeline {
  node: HTMLElement;
  set(axis: Span, anchor: string): void;
  draw(u: number): void;
}

const WIDTH = 640;

export function createSharedTimeline(onSeek: (u: number, last: boolean) => void): SharedTimeline {
  let axis: Span = [0, 1];
  let anchor = "";
  const lane = el("div", { class: "rk-lane" });
  const ticks = el("div", { class: "rk-lane rk-lane-axis" });
  const says = el("output");
  const head = el("div", { class: "rk-playhead" }, says);
  const lanes = el(
    "div",
    { class: "rk-lanes", role: "slider", tabindex: 0, "aria-label": "Shared clock" },
    lane,
    ticks,
    head,
  );

  const at = (event: PointerEvent) => {
    const box = lanes.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
    return axis[0] + part * (axis[1] - axis[0]);
  };
  lanes.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    lanes.setPointerCapture(event.pointerId);
    onSeek(at(event), false);
  });
  lanes.addEventListener("pointermove", (event) => {
    if (lanes.hasPointerCapture(event.pointerId)) onSeek(at(event), false);
  });
  lanes.addEventListener("pointerup", (event) => {
    if (lanes.hasPointerCapture(event.pointerId)) onSeek(at(event), true);
  });

  return {
    node: el("div", { class: "rk-time rk-mosaic-time" }, lanes),
    set(next, words) {
      axis = next;
      anchor = words;
      const x = share(axis, 0);
      const line = el("span", { class: "line" });
      line.style.left = `${x}%`;
      const side = x < 25 ? " is-right" : "";
      const tag = el("span", { class: `rk-tag rk-tag-hit${side}` }, mark("event"), cut(words));
      tag.style.left = `${x}%`;
      fill(lane, line, tag);
      const step = axisTicks(axis[1] - axis[0], WIDTH)[1] ?? axis[1] - axis[0];
      const first = Math.ceil(axis[0] / step) * step;
      const drawn: HTMLElement[] = [];
      for (let u = first; u <= axis[1]; u += step) {
        const one = el("span", {}, signed(u, elapsed));
        one.style.left = `${share(axis, u)}%`;
        // Labels keep inside at both ends.
        one.style.transform = `translateX(-${share(axis, u)}%)`;
        drawn.push(one);
      }
      fill(ticks, ...drawn);
      setAttribute(lanes, "aria-label", `Shared clock, from ${words}`);
      setAttribute(lanes, "aria-valuemin", String(Math.round(axis[0])));
      setAttribute(lanes, "aria-valuemax", String(Math.round(axis[1])));
    },
    draw(u) {
      head.style.left = `${share(axis, u)}%`;
      setText(says, signed(u, elapsed));
      setAttribute(lanes, "aria-valuenow", String(Math.round(u)));
      const where = u < 0 ? "before" : "after";
      setAttribute(lanes, "aria-valuetext", `${spoken(Math.abs(u))} ${where} ${anchor}`);
    },
  };
}
