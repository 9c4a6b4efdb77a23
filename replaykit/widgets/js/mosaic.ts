/**
 * Several replays side by side on one clock, which counts from a moment that all of them hold.
 * Every tile is a page of its own; one of them opens in a player below.
 */

import { Clock, SPEEDS } from "./clock.ts";
import { createInlinePlayer } from "./inline-player.ts";
import type { Source } from "./kernel.ts";
import { AROUND, type Around, axisOf, placeOf, signed } from "./mosaic/axis.ts";
import { createTile, type Tile } from "./mosaic/tile.ts";
import { createSharedTimeline } from "./mosaic/timeline.ts";
import { button, nameButton, toggle } from "./parts/buttons.ts";
import { cut, el, fill, setAttribute, setText } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { elapsedTenths, number } from "./parts/format.ts";
import { icon } from "./parts/icons.ts";
import { closePopovers, menu } from "./parts/popover.ts";
import type { Requests, Sample, Span } from "./protocol.ts";

type Page = Requests["mosaic"]["data"];

const SKIP_MS = 10_000;
const SAMPLES: readonly [Sample, string][] = [
  ["in order", "In order"],
  ["typical", "Sampled: typical of all"],
  ["unusual", "Sampled: least alike"],
];

/** Show them in `root`: those of a point, or the widget's own; returns what takes it down. */
export function renderMosaic(root: HTMLElement, source: Source, point?: string): () => void {
  const stop = new AbortController();
  const clock = new Clock(() => performance.now());
  clock.setSkipping(false);
  let page: Page | null = null;
  let tiles: Tile[] = [];
  let leave = new AbortController();
  let axis: Span = [0, 1];
  let around: Around = AROUND[0]?.of ?? [0, 0];
  let looping = false;
  let turn = 0;
  let frame = 0;
  let generation = 0;

  // ── Parts ────────────────────────────────────────────────────────────────────

  const title = cut("", "who");
  const count = el("span", { class: "rk-2 rk-small rk-num dot" });
  const another = button({
    label: "Another few",
    icon: "plus",
    text: true,
    small: true,
    kind: "line",
    run: () => void load((page?.offset ?? 0) + tiles.length),
  });
  const sample = el("button", {
    type: "button",
    class: "rk-btn rk-btn-line rk-btn-s rk-hide-narrow",
    "aria-haspopup": "menu",
  });
  const samples = () =>
    SAMPLES.map(([which, label]) => ({
      label,
      checked: page?.which === which,
      run: () => void load(0, which),
    }));
  sample.addEventListener("click", () => menu(sample, "Which of them", samples()));
  const full = button({ label: "Full screen", icon: "full", key: "f", run: () => fullScreen() });
  const head = el(
    "header",
    { class: "rk-head" },
    title,
    count,
    el("span", { class: "rk-grow" }),
    another,
    sample,
    full,
  );
  const grid = el("div", { class: "rk-mosaic", "aria-busy": "true" });
  const timeline = createSharedTimeline((u, last) => seek(u, last));
  const play = button({ label: "Play all", icon: "play", kind: "main", key: "space", run: run });
  const one = (
    label: string,
    name: "back10" | "fwd10" | "prev-event",
    key: string,
    go: () => void,
  ) => button({ label, icon: name, key, run: go });
  const now = el("b", {}, "0:00.0");
  const from = el("span", { class: "rk-2 rk-cut" });
  const speed = el("button", {
    type: "button",
    class: "rk-btn rk-speed",
    title: "Speed (- +)",
    "aria-haspopup": "menu",
  });
  speed.addEventListener("click", () =>
    menu(
      speed,
      "Speed",
      SPEEDS.map((value) => ({
        label: `${value}\u00d7`,
        checked: clock.speed === value,
        run: () => setSpeed(value),
      })),
    ),
  );
  const loop = toggle("Loop", "l", (on) => {
    looping = on;
    loop.set(on);
  });
  const span = el("button", {
    type: "button",
    class: "rk-btn rk-btn-line",
    "aria-haspopup": "menu",
  });
  span.addEventListener("click", () => {
    const items = AROUND.map(({ label, of }) => ({
      label,
      checked: around === of,
      run: () => setAround(of),
    }));
    // Where there is no room for the other menu, it is in this one.
    menu(span, "How much of each", [...items, ...(sample.offsetParent ? [] : samples())]);
  });
  const controls = el(
    "div",
    { class: "rk-ctl" },
    play,
    one("Back 10 s", "back10", "\u2190", () => seek(position() - SKIP_MS, true)),
    one("Forward 10 s", "fwd10", "\u2192", () => seek(position() + SKIP_MS, true)),
    one("To the shared moment", "prev-event", "[", () => seek(0, true)),
    el("span", { class: "rk-clock" }, now, from),
    el("span", { class: "rk-grow rk-hide-narrow" }),
    speed,
    loop.node,
    span,
  );
  const player = createInlinePlayer(source, {
    onClose: () => {
      for (const tile of tiles) tile.setOpen(false);
      play.focus({ preventScroll: true });
    },
    onChange: () => {},
  });
  const below = el("div", { class: "rk-look-below", hidden: true }, player.node);
  const box = el("div", { tabindex: -1 }, head, grid, timeline.node, controls);
  root.append(box, below);

  // ── Loading ──────────────────────────────────────────────────────────────────

  async function load(offset: number, which?: Sample): Promise<void> {
    generation += 1;
    const mine = generation;
    pause();
    try {
      const order = which ?? page?.which;
      const { data } = await source.request("mosaic", {
        offset,
        ...(order && { which: order }),
        ...(point !== undefined && { point }),
      });
      if (stop.signal.aborted || mine !== generation) return;
      show(data);
    } catch (error) {
      if (stop.signal.aborted || mine !== generation) return;
      setAttribute(grid, "aria-busy", null);
      fill(grid, failure("These replays cannot be shown.", error));
    }
  }

  function show(next: Page): void {
    if (next.tiles.length === 0 && next.total > 0) {
      void load(0);
      return;
    }
    page = next;
    leave.abort();
    leave = new AbortController();
    const { signal } = leave;
    tiles = next.tiles.map((about, i) =>
      createTile(
        source,
        {
          number: next.offset + i + 1,
          about,
          onToggle: run,
          onOpen: () => void open(i),
          onLate: (tile) => void tile.show(position(), clock.running, clock.speed),
        },
        signal,
      ),
    );
    const few = next.tiles.length;
    grid.classList.toggle("is-few", few === 2 || few === 4);
    grid.classList.toggle("is-one", few === 1);
    fill(grid, ...tiles.map((tile) => tile.node));
    setAttribute(grid, "aria-busy", null);
    const last = next.offset + few;
    setText(title, next.title);
    setAttribute(title, "title", next.title);
    setText(count, `${number(next.offset + 1)}\u2013${number(last)} of ${number(next.total)}`);
    another.hidden = next.total <= few;
    const round = last >= next.total;
    fill(another, icon("plus"), round ? "From the first" : `Another ${number(few)}`);
    nameButton(another, round ? "Back to the first ones" : "The next ones");
    const label = SAMPLES.find(([one]) => one === next.which)?.[1] ?? "";
    fill(sample, label, icon("down"));
    setText(from, `from ${next.anchor}`);
    setAttribute(from, "title", `Counted from ${next.anchor}`);
    source.set({ replays: next.tiles.map((tile) => tile.replay) });
    setAround(around, 0);
  }

  function setAround(next: Around, u = position()): void {
    around = next;
    axis = axisOf(page?.tiles ?? [], next);
    const words = AROUND.find(({ of }) => of === next)?.label ?? "";
    fill(span, words, icon("down"));
    clock.load(axis[1] - axis[0]);
    timeline.set(axis, page?.anchor ?? "");
    for (const tile of tiles) tile.setAxis(axis);
    seek(u, true);
  }

  async function open(i: number): Promise<void> {
    const tile = tiles[i];
    if (!tile) return;
    pause();
    below.hidden = false;
    tiles.forEach((other, k) => {
      other.setOpen(k === i);
    });
    await player.play(tile.about.replay, tile.about.user, placeOf(tile.about, position()).t);
    below.hidden = player.replay === null;
  }

  // ── Time ─────────────────────────────────────────────────────────────────────

  /** The distance from the shared moment. */
  function position(): number {
    return axis[0] + clock.position;
  }

  function run(): void {
    if (clock.running) pause();
    else {
      const ended = clock.position >= clock.length;
      if (ended) clock.seek(0);
      clock.play();
      void together();
    }
    drawPlaying();
  }

  function pause(): void {
    turn += 1;
    clock.pause();
    const u = position();
    for (const tile of tiles) tile.pause(u);
    draw();
    drawPlaying();
    told();
  }

  function seek(u: number, last: boolean): void {
    clock.seek(u - axis[0]);
    draw();
    void together();
    if (last) told();
  }

  /** Bring all tiles to the position; those that play start at once when the last is there. */
  async function together(): Promise<void> {
    turn += 1;
    const mine = turn;
    const u = position();
    await Promise.all(tiles.map((tile) => tile.show(u, false, clock.speed)));
    if (mine !== turn || stop.signal.aborted || !clock.running) return;
    await Promise.all(tiles.map((tile) => tile.show(u, true, clock.speed)));
    if (mine !== turn || stop.signal.aborted) return;
    clock.release();
    if (frame === 0) frame = requestAnimationFrame(step);
  }

  function step(): void {
    frame = 0;
    if (stop.signal.aborted || !clock.running) return;
    const tick = clock.tick();
    draw();
    if (tick.kind === "end") {
      pause();
      if (looping) run();
      return;
    }
    const u = position();
    if (clock.state === "playing") for (const tile of tiles) tile.tick(u, clock.speed);
    frame = requestAnimationFrame(step);
  }

  function setSpeed(value: number): void {
    clock.setSpeed(value);
    draw();
    if (clock.running) {
      clock.wait();
      void together();
    }
  }

  function draw(): void {
    const u = position();
    timeline.draw(u);
    for (const tile of tiles) tile.draw(u);
    setText(now, signed(u, elapsedTenths));
    setText(speed, `${clock.speed}\u00d7`);
  }

  function drawPlaying(): void {
    fill(play, icon(clock.running ? "pause" : "play"));
    nameButton(play, clock.running ? "Pause all" : "Play all", "space");
    source.set({ playing: clock.running });
  }

  function told(): void {
    source.set({ time_ms: Math.round(position()) });
  }

  function fullScreen(): void {
    if ((root.getRootNode() as ShadowRoot).fullscreenElement) void document.exitFullscreen();
    else void box.requestFullscreen?.();
  }

  // ── Keys ─────────────────────────────────────────────────────────────────────

  const keys: Record<string, () => void> = {
    " ": run,
    ArrowLeft: () => seek(position() - SKIP_MS, true),
    ArrowRight: () => seek(position() + SKIP_MS, true),
    "[": () => seek(0, true),
    Home: () => seek(axis[0], true),
    End: () => seek(axis[1], true),
    "-": () => setSpeed(clock.stepSpeed(-1)),
    "+": () => setSpeed(clock.stepSpeed(1)),
    f: fullScreen,
    l: () => loop.node.click(),
  };
  root.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (event.key === "Escape") {
        const closed = closePopovers(root.closest(".rk") ?? root) || player.close();
        below.hidden = player.replay === null;
        if (!closed) return;
      } else {
        const act = keys[event.key];
        if (!act || !box.contains(target)) return;
        // A button answers space by itself.
        if (event.key === " " && target.closest("button")) return;
        act();
      }
      event.preventDefault();
      event.stopPropagation();
    },
    { signal: stop.signal },
  );

  draw();
  drawPlaying();
  void load(0);
  return () => {
    stop.abort();
    leave.abort();
    generation += 1;
    turn += 1;
    cancelAnimationFrame(frame);
    player.destroy();
    root.replaceChildren();
  };
}
