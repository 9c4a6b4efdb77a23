/** One replay among several: its page, who it is, and where it is on the shared axis. */

import type { Source } from "../kernel.ts";
import { reportButton } from "../panels/report.ts";
import { createStage } from "../panels/stage.ts";
import { button } from "../parts/buttons.ts";
import { cut, el, fill, setText } from "../parts/dom.ts";
import { elapsed } from "../parts/format.ts";
import { MARK_NAMES, mark, signalMarks } from "../parts/icons.ts";
import { createPatience } from "../player/patience.ts";
import type { MosaicTile, Session, Span } from "../protocol.ts";
import { Segments } from "../segments.ts";
import { placeOf, share, signed } from "./axis.ts";

/** A tile whose page does not come is not waited for any longer: the others go on. */
const WAIT_MS = 4000;

export interface Tile {
  node: HTMLElement;
  about: MosaicTile;
  /** Bring it to a distance from the shared moment; resolves when its page is there. */
  show(u: number, playing: boolean, speed: number): Promise<void>;
  pause(u: number): void;
  /** While playing: begin when its time comes, and say when it is over. */
  tick(u: number, speed: number): void;
  draw(u: number): void;
  setAxis(axis: Span): void;
  setOpen(open: boolean): void;
}

export interface TileSpec {
  number: number;
  about: MosaicTile;
  onToggle(): void;
  onOpen(): void;
  /** It went on after it had waited for a part of its recording. */
  onLate(tile: Tile): void;
}

export function createTile(source: Source, spec: TileSpec, signal: AbortSignal): Tile {
  const { about } = spec;
  const zone = source.get("zone") || "UTC";
  let session: Session | null = null;
  let axis: Span = [0, 1];
  let wanted: { u: number; playing: boolean; speed: number } | null = null;
  let arrived: () => void = () => {};
  let state: "in" | "before" | "over" = "in";

  const stage = createStage(
    {
      screen: {
        at: () => {
          patience.end();
          arrived();
        },
        stalled: () => stage.setBuffering(true),
        resumed: () => {
          stage.setBuffering(false);
          spec.onLate(tile);
        },
        failed: (_index, message) => {
          patience.end();
          stage.setState({ kind: "failed", message, gone: false });
          arrived();
        },
        loading: (index) => patience.segment(index),
      },
      onSeek: () => {},
      onPlayFrom: () => {},
      onRetry: () => void load(),
      onToggle: spec.onToggle,
      report: (replay, off) => reportButton(source, replay, off, () => {}),
      playable: () => null,
    },
    signal,
  );
  const patience = createPatience(stage, signal);
  source.onGone(() => stage.setGone(), signal);

  const said = el("span");
  const veil = el("div", { class: "rk-veil", hidden: true }, said);
  stage.node.querySelector(".rk-stage")?.append(veil);
  const open = button({
    label: `Open ${about.user} in the player`,
    icon: "expand",
    small: true,
    run: spec.onOpen,
  });
  const cap = el(
    "div",
    { class: "cap" },
    el("span", { class: "rk-num rk-2" }, String(spec.number)),
    el("b", { class: "rk-cut", title: about.user }, about.user),
    about.country === null ? null : cut(about.country, "rk-2 rk-hide-narrow"),
    el("span", { class: "rk-grow" }),
    ...signalMarks(about.signals),
    open,
  );
  const now = el("span", { class: "now" });
  const past = el("span", { class: "past" });
  const mini = el("div", { class: "mini" });
  const label = `Replay ${spec.number}: ${about.user}`;
  const node = el("article", { class: "rk-tile", "aria-label": label }, cap, stage.node, mini);

  async function load(): Promise<void> {
    patience.begin();
    try {
      const { data } = await source.request("session", { replay: about.replay });
      if (signal.aborted) return;
      session = data;
      stage.set(data, zone);
      stage.screen.open(data, new Segments(source, data, false));
      drawMarks();
      if (wanted) seek(wanted.u, wanted.playing, wanted.speed);
    } catch (error) {
      if (signal.aborted) return;
      patience.end();
      const text = error instanceof Error ? error.message : String(error);
      stage.setState({ kind: "empty", icon: "broken", title: "Not opened", text });
      arrived();
    }
  }

  function seek(u: number, playing: boolean, speed: number): void {
    if (!session) return;
    const place = placeOf(about, u);
    settle(place.state);
    const first = session.segments[0]?.start ?? 0;
    const t = Math.max(first, place.t);
    stage.screen.seek({ t, playing: playing && place.state === "in", speed });
    stage.move(t);
  }

  /** What stands over the page of a recording that has not begun, or is over. */
  function settle(next: "in" | "before" | "over"): void {
    state = next;
    veil.hidden = next === "in";
    const edge = next === "before" ? -about.anchor_t : about.length_ms - about.anchor_t;
    const words = next === "before" ? "Begins at" : "Ended at";
    setText(said, next === "in" ? "" : `${words} ${signed(edge, elapsed)}`);
  }

  function drawMarks(): void {
    const [from, to] = [-about.anchor_t, about.length_ms - about.anchor_t];
    const line = el("span", { class: "span" });
    line.style.left = `${share(axis, from)}%`;
    line.style.right = `${100 - share(axis, to)}%`;
    past.style.left = line.style.left;
    const anchor = el("span", { class: "anchor" });
    anchor.style.left = `${share(axis, 0)}%`;
    const marks = (session?.marks ?? []).flatMap((one) => {
      const u = one.t - about.anchor_t;
      if (u < axis[0] || u > axis[1]) return [];
      const drawn = mark(one.kind, `${MARK_NAMES[one.kind][0]} at ${signed(u, elapsed)}`);
      drawn.style.left = `${share(axis, u)}%`;
      return [drawn];
    });
    fill(mini, line, past, anchor, ...marks, now);
  }

  const tile: Tile = {
    node,
    about,
    show(u, playing, speed) {
      wanted = { u, playing, speed };
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, WAIT_MS);
        arrived = () => {
          clearTimeout(timer);
          resolve();
        };
        seek(u, playing, speed);
      });
    },
    pause(u) {
      wanted = { u, playing: false, speed: 1 };
      const place = placeOf(about, u);
      stage.screen.pause(place.t);
    },
    tick(u, speed) {
      const place = placeOf(about, u);
      if (place.state !== state) {
        wanted = { u, playing: true, speed };
        if (place.state === "in") seek(u, true, speed);
        else {
          stage.screen.pause(place.t);
          settle(place.state);
        }
      }
      if (place.state !== "in") return;
      stage.screen.remember(place.t);
      stage.move(place.t);
    },
    draw(u) {
      const x = share(axis, u);
      now.style.left = `${x}%`;
      const end = Math.min(x, share(axis, about.length_ms - about.anchor_t));
      past.style.right = `${100 - end}%`;
      past.hidden = end <= share(axis, -about.anchor_t);
    },
    setAxis(next) {
      axis = next;
      drawMarks();
    },
    setOpen: (on) => void node.classList.toggle("is-open", on),
  };
  void load();
  return tile;
}
