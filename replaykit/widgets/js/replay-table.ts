/** The table of sessions with a recording: the home list, and the replays of a charted point. */

import { createTable, type Table } from "./panels/table.ts";
import { button, setOff } from "./parts/buttons.ts";
import { cut, el, setAttribute } from "./parts/dom.ts";
import { elapsed, wall, wallDay, wallMinute } from "./parts/format.ts";
import { type IconName, icon, signalMarks, spark } from "./parts/icons.ts";
import type { ListRow, Status } from "./protocol.ts";

export interface ReplayTableSpec {
  label: string;
  zone: string;
  /** Rows come newest first; else they stand in the order of their point. */
  newestFirst?: boolean;
  onPlay(row: ListRow, play: HTMLElement | null): void;
  /** Fetch a page of rows; the table asks only for what is scrolled to. */
  page(offset: number, limit: number): Promise<ListRow[]>;
}

export interface ReplayTable {
  node: HTMLElement;
  /** Show a new list: its length and the rows that are already here, from the first. */
  set(total: number, rows: readonly ListRow[]): void;
  /** Which replay is open in the player beside it, and whether it runs. */
  setPlaying(replay: string | null, running: boolean): void;
  focus(): void;
  destroy(): void;
}

export const LIST_ROW = 28;
const PAGE = 100;
const COLS = "var(--rk-replay-cols)";

/** Tags of a status, and why it cannot be played. */
const STATUS: Record<Status, { tag: string; icon?: IconName; tone?: string; off?: string }> = {
  ok: { tag: "" },
  gaps: { tag: "gaps", icon: "gap" },
  short: { tag: "short" },
  no_snapshot: { tag: "no snapshot", icon: "broken", tone: "rk-tag-error" },
  expired: { tag: "expired", icon: "expired", off: "Its retention period is over" },
  hidden: { tag: "hidden", off: "Hidden in this project" },
};

/** Why a replay cannot be played, or null when it can. */
export function unplayable(status: Status): string | null {
  return STATUS[status]?.off ?? null;
}

export function createReplayTable(spec: ReplayTableSpec): ReplayTable {
  let rows: (ListRow | undefined)[] = [];
  let open: string | null = null;
  let running = false;
  let generation = 0;
  const asked = new Set<number>();

  const table: Table = createTable({
    label: spec.label,
    cols: COLS,
    rowHeight: LIST_ROW,
    head: head(spec.newestFirst === true),
    onPick: (index) => table.setCurrent(index, false),
    onEnter: (index) => {
      const row = rows[index];
      if (row && unplayable(row.status) === null) spec.onPlay(row, null);
    },
  });
  table.node.classList.add("rk-home");

  function ask(index: number): void {
    const page = Math.floor(index / PAGE);
    if (asked.has(page)) return;
    asked.add(page);
    const mine = generation;
    spec.page(page * PAGE, PAGE).then(
      (found) => {
        if (mine !== generation) return;
        found.forEach((row, i) => {
          rows[page * PAGE + i] = row;
        });
        table.refresh();
      },
      () => {
        // Scrolling there again asks again.
        if (mine === generation) asked.delete(page);
      },
    );
  }

  function build(index: number): HTMLElement {
    const row = rows[index];
    if (!row) {
      ask(index);
      const wait = el("span", { class: "rk-2" }, "\u2026");
      return el("div", { class: "rk-tr is-list", "aria-busy": "true" }, wait);
    }
    const off = unplayable(row.status);
    const current = row.replay === open;
    const runs = current && running;
    const play = button({
      label: runs ? "Playing" : "Play",
      icon: runs ? "pause" : "play",
      text: true,
      small: true,
      kind: current ? "main" : "line",
      run: () => spec.onPlay(row, play),
    });
    setAttribute(play, "tabindex", -1);
    if (off !== null) setOff(play, off);
    const node = el(
      "div",
      { class: current ? "rk-tr is-list is-playing" : "rk-tr is-list" },
      el(
        "span",
        { class: "rk-num rk-cut", title: wall(row.start_ms, spec.zone) },
        el("span", { class: "day" }, `${wallDay(row.start_ms, spec.zone)}, `),
        wallMinute(row.start_ms, spec.zone),
      ),
      cut(row.user, "name"),
      el("span", { class: "r" }, elapsed(row.length_ms)),
      row.country === null ? cut("(none)", "rk-2") : cut(row.country),
      el("span", {}, spark(row.activity, 92)),
      el("span", { class: "sg" }, ...signalMarks(row.signals)),
      el("span", { class: "pg" }, cut(row.first_page, "rk-mono rk-2"), tag(row.status)),
      play,
    );
    if (current) setAttribute(node, "aria-selected", "true");
    return node;
  }

  return {
    node: table.node,
    set(total, first) {
      generation += 1;
      asked.clear();
      rows = [...first];
      rows.length = total;
      for (let page = 0; (page + 1) * PAGE <= first.length; page += 1) asked.add(page);
      table.set({ count: total, build });
      table.node.scrollTop = 0;
    },
    setPlaying(replay, runs) {
      if (replay === open && runs === running) return;
      open = replay;
      running = runs;
      table.refresh();
    },
    focus: table.focus,
    destroy() {
      generation += 1;
      table.destroy();
    },
  };
}

function head(newestFirst: boolean): HTMLElement {
  const names = ["user", "length", "country", "activity", "signals", "first page", ""];
  return el(
    "div",
    { class: "rk-tr rk-th", role: "row" },
    newestFirst
      ? el(
          "span",
          { class: "sort", role: "columnheader", "aria-sort": "descending" },
          "start \u2193",
        )
      : el("span", { role: "columnheader" }, "start"),
    ...names.map((name) =>
      el("span", { role: "columnheader", class: name === "length" ? "r" : "" }, name),
    ),
  );
}

function tag(status: Status): HTMLElement | null {
  const known = STATUS[status];
  if (!known || known.tag === "") return null;
  const kind = ["rk-tag", known.tone].filter(Boolean).join(" ");
  return el("span", { class: kind }, known.icon ? icon(known.icon) : null, known.tag);
}
