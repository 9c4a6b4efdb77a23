/** The users of a point, fetched page by page: as the list beside a stream, and as a table. */

import type { Source } from "../kernel.ts";
import { createList } from "../panels/list.ts";
import { createTable } from "../panels/table.ts";
import { state } from "../parts/buttons.ts";
import { cut, el, fill, setText } from "../parts/dom.ts";
import { failure } from "../parts/failure.ts";
import { number, plural, wall, wallDay, wallMinute } from "../parts/format.ts";
import { signalMarks } from "../parts/icons.ts";
import type { SignalKind, UserRow } from "../protocol.ts";
import { LIST_ROW } from "../replay-table.ts";

export interface People {
  /** The narrow list of the streams tab. */
  list: HTMLElement;
  /** The wide table of the users tab. */
  table: HTMLElement;
  /** Load the first page of another choice of users. */
  choose(withReplays: boolean, signals: readonly SignalKind[]): void;
  setCurrent(user: string): void;
  destroy(): void;
}

export interface PeopleSpec {
  source: Source;
  key: string;
  zone: string;
  onPick(user: string, from: "list" | "table"): void;
  /** The first page of a choice is here. */
  onFirst(rows: readonly UserRow[], total: number): void;
}

const PAGE = 100;

export function createPeople(spec: PeopleSpec): People {
  const stop = new AbortController();
  let rows: UserRow[] = [];
  let total = 0;
  let withReplays = false;
  let signals: readonly SignalKind[] = [];
  let choice = 0;
  let loading = false;
  let current: string | null = null;

  const list = createList({
    label: "Users",
    onPick: (user) => spec.onPick(user, "list"),
    onEnd: () => void more(),
  });
  const table = createTable({
    label: "Users of this point",
    cols: "var(--rk-people-cols)",
    rowHeight: LIST_ROW,
    head: head(),
    onPick: (index) => table.setCurrent(index, false),
    onEnter: (index) => pickRow(index),
  });
  table.node.classList.add("rk-people");
  const foot = el("div", { class: "rk-foot" });
  const message = el("div", { class: "rk-scope-message", hidden: true });
  const column = el("div", { class: "rk-scope-users" }, message, list.node, foot);

  function pickRow(index: number): void {
    const row = rows[index];
    if (row) spec.onPick(row.user, "table");
  }

  function build(index: number): HTMLElement {
    const row = rows[index];
    if (!row) {
      void more();
      return el("div", { class: "rk-tr is-list", "aria-busy": "true" }, "\u2026");
    }
    const when = `${wallDay(row.first_ms, spec.zone)}, ${wallMinute(row.first_ms, spec.zone)}`;
    const open = el("button", { type: "button", class: "rk-btn rk-btn-s rk-btn-line" }, "Stream");
    open.tabIndex = -1;
    open.addEventListener("click", () => pickRow(index));
    return el(
      "div",
      { class: "rk-tr is-list" },
      cut(row.user, "name"),
      row.country === null ? cut("(none)", "rk-2") : cut(row.country),
      el("span", { class: "r" }, number(row.replays)),
      el("span", { class: "rk-num rk-cut", title: wall(row.first_ms, spec.zone) }, when),
      el("span", { class: "sg" }, ...signalMarks(row.signals)),
      open,
    );
  }

  async function more(): Promise<void> {
    if (loading || (rows.length > 0 && rows.length >= total)) return;
    loading = true;
    const mine = choice;
    const offset = rows.length;
    try {
      const { data } = await spec.source.request("users", {
        key: spec.key,
        with_replays: withReplays,
        offset,
        limit: PAGE,
        ...(signals.length > 0 && { signals: [...signals] }),
      });
      if (stop.signal.aborted || mine !== choice) return;
      total = data.total;
      // A page that brings nothing would be asked for for ever.
      if (data.rows.length === 0) total = rows.length;
      rows = [...rows, ...data.rows];
      take(data.rows, offset === 0);
    } catch (error) {
      if (stop.signal.aborted || mine !== choice) return;
      if (offset === 0) say(failure("The users cannot be listed.", error));
      else setText(foot, "the rest needs the kernel");
    } finally {
      if (mine === choice) loading = false;
    }
  }

  function take(fresh: readonly UserRow[], first: boolean): void {
    const items = fresh.map((row) => ({
      id: row.user,
      title: row.user,
      note: noteOf(row, spec.zone),
      signals: row.signals,
      dim: row.replays === 0,
    }));
    if (first) list.set(items);
    else list.append(items);
    if (current !== null) list.setCurrent(current);
    if (first) {
      table.set({ count: total, build });
      say(total === 0 ? nobody(withReplays) : null);
      spec.onFirst(rows, total);
    } else table.refresh();
    setText(foot, total === 0 ? "0 users" : `1\u2013${number(rows.length)} of ${number(total)}`);
  }

  function say(child: HTMLElement | null): void {
    message.hidden = child === null;
    list.node.hidden = child !== null;
    fill(message, child);
  }

  return {
    list: column,
    table: table.node,
    choose(on, kinds) {
      withReplays = on;
      signals = kinds;
      choice += 1;
      rows = [];
      total = 0;
      loading = false;
      list.set([]);
      table.set({ count: 0, build });
      say(null);
      setText(foot, "");
      void more();
    },
    setCurrent(user) {
      current = user;
      list.setCurrent(user);
    },
    destroy() {
      stop.abort();
      table.destroy();
    },
  };
}

function head(): HTMLElement {
  const names = ["user", "country", "replays", "when", "signals", ""];
  const cells = names.map((name) =>
    el("span", { role: "columnheader", class: name === "replays" ? "r" : "" }, name),
  );
  return el("div", { class: "rk-tr rk-th", role: "row" }, ...cells);
}

function noteOf(row: UserRow, zone: string): string {
  const parts = [row.country, row.replays > 0 ? plural(row.replays, "replay") : "not recorded"];
  const [, ...date] = wallDay(row.first_ms, zone).split(" ");
  return [...parts, date.join(" ")].filter(Boolean).join(" \u00b7 ");
}

function nobody(withReplays: boolean): HTMLElement {
  return withReplays
    ? state(
        "film",
        "No recordings",
        "Nobody here was recorded. Switch the box off to read streams.",
      )
    : state("user", "Nobody", "No user belongs to this point.");
}
