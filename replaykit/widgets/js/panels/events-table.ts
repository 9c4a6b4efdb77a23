/** The Events tab: rows of analytics events, pages and signals, searched, filtered, unfolded. */

import { button } from "../parts/buttons.ts";
import { cut, el } from "../parts/dom.ts";
import { elapsed, value } from "../parts/format.ts";
import { MARK_NAMES, mark } from "../parts/icons.ts";
import { menu } from "../parts/popover.ts";
import { PLACE } from "../protocol.ts";
import { cursorOf, type Row, type Rows } from "../rows.ts";
import { firstAtOrAfter, lastAtOrBefore, Track } from "../tracks.ts";
import { createTable, RULE, type Table } from "./table.ts";

export interface EventsTableSpec {
  onSeek(t: number): void;
  onFilter(field: string, item: string): void;
  onColumn(field: string): void;
  onLink(t: number): void;
}

export interface EventsTable {
  table: Table;
  set(rows: Rows | null, shown: Uint32Array): void;
  setColumns(columns: readonly string[]): void;
  move(t: number, follow: boolean | "reveal"): void;
  /** The row under the playhead, as a row number; null before the first. */
  readonly current: number | null;
  /** Select a row by its number, without seeking. */
  select(row: number): void;
  /** Times of the next (1) or previous (-1) row that can be seeked to. */
  neighbour(t: number, by: 1 | -1): number | null;
}

/** A column that is not a property: the page the visitor was on. */
export const PAGE_COLUMN = "page";

export function createEventsTable(spec: EventsTableSpec): EventsTable {
  let rows: Rows | null = null;
  let shown: Uint32Array = new Uint32Array();
  let columns: readonly string[] = [];
  let cursor: ReturnType<typeof cursorOf> = { track: new Track([]), at: new Uint32Array() };
  let before = 0;
  let after = 0;
  let pageTimes: number[] = [];
  let current: number | null = null;
  // A click selects its own row, also where others share its time, until time moves on.
  let chosen: { row: number; t: number } | null = null;

  const beforeRule = () => (before > 0 ? 1 : 0);
  const afterRule = () => (after > 0 ? 1 : 0);
  /** Table index of a position in `shown`: rules stand before both outer blocks. */
  const indexOf = (position: number) =>
    position + beforeRule() + (position >= shown.length - after ? afterRule() : 0);
  const positionOf = (index: number): number | null => {
    if (beforeRule() === 1 && index === 0) return null;
    const inner = index - beforeRule();
    const ruleAt = shown.length - after;
    if (afterRule() === 1 && inner === ruleAt) return null;
    return inner - (afterRule() === 1 && inner > ruleAt ? 1 : 0);
  };
  const rowAt = (index: number): number | null => {
    const position = positionOf(index);
    return position === null ? null : (shown[position] ?? null);
  };

  const table = createTable({
    label: "Session events",
    cols: "",
    onPick(index) {
      const row = rowAt(index);
      if (row === null || !rows) return;
      // Before, after and out of session: listed, selectable, but nowhere to go.
      if (rows.place(row) !== PLACE.inside) {
        table.setCurrent(index, false);
        return;
      }
      const t = Math.max(0, rows.t[row] ?? 0);
      chosen = { row, t };
      spec.onSeek(t);
    },
    unfold(index) {
      const row = rowAt(index);
      return row === null || !rows ? null : unfolded(rows.row(row));
    },
  });

  function unfolded(row: Row): HTMLElement {
    const node = el("dl", { class: row.inside ? "rk-props" : "rk-props is-plain" });
    const entries = Object.entries(row.props);
    for (const [name, item] of entries) {
      node.append(el("dt", {}, name), el("dd", { title: value(item) }, value(item)));
    }
    if (entries.length === 0) node.append(el("dd", { class: "none" }, "No properties"));
    if (row.kind !== "event" && row.kind !== "server") return node;
    const choose = (label: string, run: (name: string) => void, text: (name: string) => string) =>
      button({
        label,
        icon: label === "Add filter" ? "plus" : "cols",
        text: true,
        kind: "quiet",
        small: true,
        run: (event) =>
          void menu(
            event.currentTarget as HTMLElement,
            label,
            entries.map(([name]) => ({ label: text(name), run: () => run(name) })),
          ),
      });
    const links = el("div", { class: "links" });
    if (entries.length > 0) {
      links.append(
        choose(
          "Add filter",
          (name) => spec.onFilter(name, value(row.props[name])),
          (name) => `${name} is ${value(row.props[name])}`,
        ),
        choose("Show as column", spec.onColumn, (name) => name),
      );
    }
    if (row.inside) {
      const link = { label: "Link", icon: "link", text: true, kind: "quiet", small: true } as const;
      links.append(button({ ...link, run: () => spec.onLink(row.t) }));
    }
    node.append(links);
    return node;
  }

  function pageAt(t: number): string {
    const page = rows?.session.pages[lastAtOrBefore(pageTimes, t)];
    if (!page) return "";
    try {
      const url = new URL(page.url);
      return url.pathname;
    } catch {
      return page.url;
    }
  }

  function build(index: number): HTMLElement {
    const number = rowAt(index);
    if (number === null || !rows) {
      const side = index === 0 && beforeRule() === 1 ? "before" : "after";
      return el("div", { class: "rk-tr-rule" }, `${side} the recording`);
    }
    const row = rows.row(number);
    const state = row.inside ? (row.charted ? "rk-tr is-hit" : "rk-tr") : "rk-tr is-out";
    const node = el("div", { class: state });
    if (row.place === PLACE.server) node.title = "Out of session: sent by a server";
    const name = MARK_NAMES[row.kind][0];
    node.append(el("span", { class: "t" }, elapsed(row.t)), mark(row.kind, name));
    node.append(cut(row.name, "name"));
    if (columns.length === 0) node.append(cut(row.note, "d"));
    for (const column of columns) {
      const item = row.props[column];
      const text = column === PAGE_COLUMN ? pageAt(row.t) : value(item);
      node.append(cut(text, typeof item === "number" ? "d r" : "d"));
    }
    return node;
  }

  function isNumeric(column: string): boolean {
    const props = rows?.session.events.props.find((one) => (one[column] ?? null) !== null);
    return typeof props?.[column] === "number";
  }

  function head(): HTMLElement | undefined {
    if (columns.length === 0) return undefined;
    return el(
      "div",
      { class: "rk-tr rk-th", role: "row" },
      el("span", { class: "t sort" }, "time"),
      el("span"),
      el("span", {}, "event"),
      ...columns.map((column) => cut(column, isNumeric(column) ? "r" : "")),
    );
  }

  function layout(): void {
    const hours = (rows?.session.length_ms ?? 0) >= 3_600_000;
    const time = hours ? "50px" : "38px";
    const rest =
      columns.length === 0
        ? "minmax(0, 1.9fr) minmax(0, 1fr)"
        : `minmax(0, 1.5fr) ${columns.map(() => "minmax(0, 1fr)").join(" ")}`;
    table.setColumns(`${time} 12px ${rest}`, head());
  }

  function fillTable(grown: boolean): void {
    const heights = new Map<number, number>();
    if (beforeRule() === 1) heights.set(0, RULE);
    if (afterRule() === 1) heights.set(beforeRule() + shown.length - after, RULE);
    table.set({
      count: shown.length + beforeRule() + afterRule(),
      heights,
      build,
      grown,
      pickable: (index) => rowAt(index) !== null,
    });
  }

  return {
    table,
    get current() {
      return current;
    },
    set(next, nextShown) {
      const other = next !== rows;
      const grown = other && isSame(next, rows) && nextShown.length >= shown.length;
      rows = next;
      shown = nextShown;
      if (other && !grown) chosen = null;
      cursor = next ? cursorOf(next, shown) : { track: new Track([]), at: new Uint32Array() };
      // Rows are numbered in the order of time, so a million of them are not looked at.
      const t = next?.t ?? [];
      const length = next?.session.length_ms ?? 0;
      before = firstAtOrAfter(shown, firstAtOrAfter(t, 0));
      after = shown.length - firstAtOrAfter(shown, lastAtOrBefore(t, length) + 1);
      pageTimes = next?.session.pages.map((page) => page.t) ?? [];
      current = null;
      layout();
      fillTable(grown);
    },
    setColumns(next) {
      columns = next;
      layout();
    },
    move(t, follow) {
      if (chosen && Math.abs(chosen.t - t) > 1) chosen = null;
      let position: number | null = null;
      if (chosen) position = shown.indexOf(chosen.row);
      if (position === null || position < 0) {
        const at = cursor.track.move(t);
        position = at < 0 ? null : (cursor.at[at] ?? null);
      }
      current = position === null ? null : (shown[position] ?? null);
      table.setCurrent(position === null ? null : indexOf(position), follow);
    },
    select(row) {
      chosen = { row, t: Math.max(0, rows?.t[row] ?? 0) };
      const position = shown.indexOf(row);
      if (position < 0) return;
      table.setCurrent(indexOf(position), false);
      table.reveal(indexOf(position));
    },
    neighbour(t, by) {
      const found = by === 1 ? cursor.track.next(t) : cursor.track.previous(t);
      return found === null ? null : (cursor.track.times[found] ?? null);
    },
  };
}

/** The rows of one recording, before and after it grew. */
function isSame(next: Rows | null, rows: Rows | null): boolean {
  return next !== null && next.session.replay === rows?.session.replay;
}
