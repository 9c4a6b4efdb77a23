/** The home list: the sessions captured lately, each one Play away. */

import type { Source } from "./kernel.ts";
import { button, state } from "./parts/buttons.ts";
import { el, fill, setAttribute, setText } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { number, wallDay, wallMinute } from "./parts/format.ts";
import { createPlayer, type PlayerHandle } from "./player.ts";
import type { ListRow, Requests } from "./protocol.ts";
import { createReplayTable, LIST_ROW, type ReplayTable } from "./replay-table.ts";

const RANGES = [7, 30, 60, 90] as const;
/** Rows on screen; longer lists scroll inside. */
const VISIBLE = 15;

/** Show the home list in `root`; returns what takes it down again. */
export function renderHome(root: HTMLElement, source: Source): () => void {
  const zone = source.get("zone");
  const stop = new AbortController();
  let last = `${RANGES[0]}d`;
  let table: ReplayTable | null = null;
  let player: PlayerHandle | null = null;
  let open: string | null = null;
  let running = false;
  let generation = 0;

  const opened = el("span", { class: "who rk-cut" });
  const title = el("h3", { class: "rk-cut" });
  const span = el("span", { class: "rk-2 rk-small rk-num" });
  const facts = el("dl", { class: "rk-facts" });
  const ranges = RANGES.map((days) => {
    const node = el("button", { type: "button" }, `${days} d`);
    node.addEventListener("click", () => void load(`${days}d`));
    return { last: `${days}d`, node };
  });
  const seg = el("div", { class: "rk-seg", role: "group", "aria-label": "Range" });
  seg.append(...ranges.map((range) => range.node));
  const said = el("span", { class: "rk-small rk-2 rk-num rk-cut", role: "status" });
  const list = el("div", { class: "rk-home-list" });
  const foot = el("div", { class: "rk-foot" });
  const stage = el("div", { class: "rk-home-player", hidden: true });
  root.append(
    el("div", { class: "rk-title" }, title, span),
    facts,
    el("div", { class: "rk-filters" }, seg, el("span", { class: "rk-grow" }), said),
    list,
    foot,
    stage,
  );

  async function load(wanted: string): Promise<void> {
    last = wanted;
    generation += 1;
    const mine = generation;
    for (const range of ranges) {
      setAttribute(range.node, "aria-pressed", String(range.last === wanted));
    }
    setAttribute(list, "aria-busy", "true");
    try {
      const { data } = await source.request("home", { last: wanted });
      if (stop.signal.aborted || mine !== generation) return;
      setAttribute(list, "aria-busy", null);
      show(data);
    } catch (error) {
      if (stop.signal.aborted || mine !== generation) return;
      setAttribute(list, "aria-busy", null);
      table?.destroy();
      table = null;
      fill(list, failure("The sessions cannot be listed.", error));
      fill(foot);
    }
  }

  function show(data: Requests["home"]["data"]): void {
    setText(title, data.title);
    setAttribute(title, "title", data.title);
    setText(span, [data.zone, data.span].filter(Boolean).join(" \u00b7 "));
    fill(
      facts,
      ...data.facts.map((fact) =>
        el("div", {}, el("dt", {}, fact.label), el("dd", {}, fact.value)),
      ),
    );
    setText(said, `${number(data.total)} sessions with a replay`);
    if (data.total === 0) {
      table?.destroy();
      table = null;
      fill(list, empty());
      fill(foot);
      return;
    }
    if (!table) {
      table = createReplayTable({
        label: "Captured sessions",
        zone,
        newestFirst: true,
        onPlay: play,
        page,
      });
      fill(list, table.node);
    }
    const rows = Math.min(VISIBLE, data.total) + 1;
    table.node.style.height = `${rows * LIST_ROW + 2}px`;
    table.set(data.total, data.rows);
    fill(
      foot,
      el("span", {}, `${number(data.total)} sessions`),
      el("span", { class: "rk-grow" }),
      el(
        "span",
        { class: "rk-hide-narrow" },
        "newest first \u00b7 \u2191 \u2193 row \u00b7 enter plays",
      ),
    );
  }

  async function page(offset: number, limit: number): Promise<ListRow[]> {
    const { data } = await source.request("sessions", { offset, limit, last });
    return data.rows;
  }

  /** Why the list is empty, and the one step that helps. */
  function empty(): HTMLElement {
    const longer = ranges[ranges.findIndex((range) => range.last === last) + 1];
    const step = longer
      ? button({
          label: `Look at the last ${longer.node.textContent}`,
          kind: "line",
          run: () => void load(longer.last),
        })
      : null;
    const why = `Nothing was recorded in the last ${last.replace("d", " d")}.`;
    const node = state("film", "No sessions here", why, "", step);
    node.style.margin = "24px auto";
    return node;
  }

  function play(row: ListRow): void {
    if (player && row.replay === open) {
      if (running) player.pause();
      else player.play();
      return;
    }
    open = row.replay;
    running = false;
    table?.setPlaying(open, running);
    const one = player ?? openStage();
    setText(opened, `Session of ${wallDay(row.start_ms, zone)}, ${wallMinute(row.start_ms, zone)}`);
    one.load(row.replay, { play: true }).catch((error: unknown) => {
      if (!stop.signal.aborted) fill(stage, failure("This session cannot be opened.", error));
    });
    one.focus();
  }

  function openStage(): PlayerHandle {
    const shut = button({ label: "Close", icon: "x", key: "esc", run: closePlayer });
    const host = el("div");
    const head = el("header", { class: "rk-head" }, opened, el("span", { class: "rk-grow" }), shut);
    fill(stage, head, host);
    stage.hidden = false;
    const made = createPlayer(host, source, { compact: false });
    made.onChange((change) => {
      running = change.playing;
      table?.setPlaying(open, running);
    });
    player = made;
    return made;
  }

  function closePlayer(): void {
    player?.destroy();
    player = null;
    stage.hidden = true;
    fill(stage);
    open = null;
    running = false;
    table?.setPlaying(open, running);
    table?.focus();
  }

  root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || player === null) return;
      event.preventDefault();
      event.stopPropagation();
      closePlayer();
    },
    { signal: stop.signal },
  );
  void load(last);
  return () => {
    stop.abort();
    generation += 1;
    table?.destroy();
    player?.destroy();
    root.replaceChildren();
  };
}
