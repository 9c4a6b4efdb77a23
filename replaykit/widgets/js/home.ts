/**
 * The home list and the search of replays: the sessions captured lately, narrowed by a range and
 * by filters, each one Play away; and the call that makes the same list.
 */

import { codeLine } from "./code-line.ts";
import { createFilters } from "./filters.ts";
import { createInlinePlayer } from "./inline-player.ts";
import type { Source } from "./kernel.ts";
import { button, state } from "./parts/buttons.ts";
import { type DayRange, openRange, rangeWords } from "./parts/day-range.ts";
import { el, fill, setAttribute, setText } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { number, wallDay, wallMinute } from "./parts/format.ts";
import { icon } from "./parts/icons.ts";
import type { ListRow, Requests, SearchQuery } from "./protocol.ts";
import { createReplayTable, LIST_ROW, type ReplayTable } from "./replay-table.ts";

const RANGES = [7, 30, 60, 90] as const;
/** Rows on screen; longer lists scroll inside. */
const VISIBLE = 15;
const PAGE = 100;

/** Show the list in `root`, `first` its range ("" is all); returns what takes it down again. */
export function renderHome(root: HTMLElement, source: Source, first = "7d"): () => void {
  const zone = source.get("zone");
  const stop = new AbortController();
  const whole = first === "";
  let last: string | null = first;
  let range: DayRange | null = null;
  let table: ReplayTable | null = null;
  let generation = 0;

  const title = el("h3", { class: "rk-cut" });
  const span = el("span", { class: "rk-2 rk-small rk-num" });
  const facts = el("dl", { class: "rk-facts", hidden: whole });
  const ranges = RANGES.map((days) => {
    const node = el("button", { type: "button" }, `${days} d`);
    node.addEventListener("click", () => choose(last === `${days}d` && whole ? "" : `${days}d`));
    return { last: `${days}d`, node };
  });
  const seg = el("div", { class: "rk-seg", role: "group", "aria-label": "Range" });
  seg.append(...ranges.map((one) => one.node));
  const calendar = button({
    label: "Days",
    icon: "cal",
    text: true,
    small: true,
    kind: "line",
    class: "rk-days",
    run: () => openRange(calendar, range, (next) => choose(next === null ? first : null, next)),
  });
  const filters = createFilters(source, () => void load());
  const clearing = button({
    label: "Clear",
    kind: "quiet",
    small: true,
    run: () => filters.clear(),
  });
  const said = el("span", { class: "rk-small rk-2 rk-num rk-cut", role: "status" });
  const code = codeLine();
  const list = el("div", { class: "rk-home-list" });
  const foot = el("div", { class: "rk-foot" });
  const player = createInlinePlayer(source, {
    onClose: () => table?.focus(),
    onChange: (replay, running) => table?.setPlaying(replay, running),
  });
  root.append(
    el("div", { class: "rk-title" }, title, span),
    facts,
    el(
      "div",
      { class: "rk-filters", role: "search", "aria-label": "Search replays" },
      seg,
      calendar,
      ...filters.nodes,
      clearing,
      el("span", { class: "rk-grow" }),
      said,
    ),
    code.node,
    list,
    foot,
    player.node,
  );

  function choose(nextLast: string | null, nextRange: DayRange | null = null): void {
    last = nextLast;
    range = nextRange;
    void load();
  }

  function query(): SearchQuery {
    return {
      ...(last ? { last } : {}),
      ...(range ? { between: [range.from, range.until] } : {}),
      filters: filters.list,
    };
  }

  async function load(): Promise<void> {
    generation += 1;
    const mine = generation;
    for (const one of ranges) setAttribute(one.node, "aria-pressed", String(one.last === last));
    calendar.replaceChildren(icon("cal"), range ? rangeWords(range) : "Days");
    calendar.classList.toggle("is-on", range !== null);
    clearing.hidden = filters.list.length === 0;
    setAttribute(list, "aria-busy", "true");
    // A list without filters needs no search, and a shared page can show it.
    const plain = filters.list.length === 0 && last !== null;
    try {
      const found = plain ? await home(last ?? "") : await search(0, PAGE);
      if (stop.signal.aborted || mine !== generation) return;
      setAttribute(list, "aria-busy", null);
      show(found);
    } catch (error) {
      if (stop.signal.aborted || mine !== generation) return;
      setAttribute(list, "aria-busy", null);
      table?.destroy();
      table = null;
      fill(list, failure("The sessions cannot be listed.", error));
      fill(foot);
    }
  }

  async function home(wanted: string) {
    const { data } = await source.request("home", { last: wanted });
    setText(title, data.title);
    setAttribute(title, "title", data.title);
    setText(span, [data.zone, data.span].filter(Boolean).join(" \u00b7 "));
    fill(
      facts,
      ...data.facts.map((fact) =>
        el("div", {}, el("dt", {}, fact.label), el("dd", {}, fact.value)),
      ),
    );
    const call = whole ? "replays" : "shop.replays";
    return { ...data, code: wanted ? `${call}.search(last="${wanted}")` : call };
  }

  async function search(offset: number, limit: number): Promise<Requests["search"]["data"]> {
    const { data } = await source.request("search", { query: query(), offset, limit });
    return data;
  }

  function show(found: { total: number; rows: ListRow[]; code: string }): void {
    code.set(found.code);
    setText(said, `${number(found.total)} sessions with a replay`);
    if (found.total === 0) {
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
        newestFirst: !whole,
        onPlay: play,
        page,
      });
      fill(list, table.node);
    }
    const rows = Math.min(VISIBLE, found.total) + 1;
    table.node.style.height = `${rows * LIST_ROW + 2}px`;
    table.set(found.total, found.rows);
    table.setPlaying(player.replay, player.running);
    fill(
      foot,
      el("span", {}, `${number(found.total)} sessions`),
      el("span", { class: "rk-grow" }),
      el(
        "span",
        { class: "rk-hide-narrow" },
        `${whole ? "" : "newest first \u00b7 "}\u2191 \u2193 row \u00b7 enter plays`,
      ),
    );
  }

  async function page(offset: number, limit: number): Promise<ListRow[]> {
    if (filters.list.length > 0 || last === null) return (await search(offset, limit)).rows;
    const { data } = await source.request("sessions", { offset, limit, last });
    return data.rows;
  }

  /** Why the list is empty, and the one step that helps. */
  function empty(): HTMLElement {
    const filtered = filters.list.length > 0;
    const longer = ranges[ranges.findIndex((one) => one.last === last) + 1];
    const step = filtered
      ? button({ label: "Clear the filters", kind: "line", run: () => filters.clear() })
      : longer && last
        ? button({
            label: `Look at the last ${longer.node.textContent}`,
            kind: "line",
            run: () => choose(longer.last),
          })
        : null;
    const why = filtered
      ? "No session passes all the filters."
      : last
        ? `Nothing was recorded in the last ${last.replace("d", " d")}.`
        : "Nothing was recorded then.";
    const node = state("film", "No sessions here", why, "", step);
    node.style.margin = "24px auto";
    return node;
  }

  function play(row: ListRow): void {
    const when = `${wallDay(row.start_ms, zone)}, ${wallMinute(row.start_ms, zone)}`;
    void player.play(row.replay, `Session of ${when}`, null);
  }

  root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !player.close()) return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal: stop.signal },
  );
  void load();
  return () => {
    stop.abort();
    generation += 1;
    table?.destroy();
    player.destroy();
    root.replaceChildren();
  };
}
