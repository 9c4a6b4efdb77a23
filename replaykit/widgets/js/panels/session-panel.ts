/** The panel beside the stage: tabs of events, console, network and pages, and their filters. */

import { button, tabs } from "../parts/buttons.ts";
import { el, fill, setText } from "../parts/dom.ts";
import { number, plural } from "../parts/format.ts";
import { icon, type MarkKind } from "../parts/icons.ts";
import { PLACE, type Session } from "../protocol.ts";
import type { Filter, Rows } from "../rows.ts";
import { filterChip } from "./chips.ts";
import { createColumns } from "./columns.ts";
import { createEventsTable } from "./events-table.ts";
import { openFilterMenu } from "./filter-menu.ts";
import { createNotes, type NotesSpec } from "./notes.ts";
import { consoleTab, networkTab, pagesTab, type RecordTab, sideTab } from "./records.ts";

export interface PanelSpec {
  onSeek(t: number): void;
  onLink(t: number): void;
  /** What is shown changed: by search, filter or legend. */
  onShown(shown: Uint32Array, hidden: ReadonlySet<MarkKind>): void;
  /** Where notes are kept, if anywhere. */
  notes: NotesSpec | null;
}

export interface Panel {
  node: HTMLElement;
  set(rows: Rows | null): void;
  move(t: number, follow: boolean | "reveal"): void;
  /** A seek happened: follow the current row again. */
  resumeFollowing(): void;
  setKind(kind: MarkKind, shown: boolean): void;
  select(row: number): void;
  step(by: 1 | -1): void;
  unfoldCurrent(): void;
  neighbour(t: number, by: 1 | -1): number | null;
  readonly current: number | null;
  focusSearch(): void;
  focusNote(): void;
  /** Notes were written elsewhere. */
  refreshNotes(): void;
  /** Esc: fold rows, then clear the search; false when there was nothing to do. */
  dismiss(): boolean;
  destroy(): void;
}

const SEARCH_DELAY_MS = 120;

export function createPanel(spec: PanelSpec): Panel {
  const hidden = new Set<MarkKind>();
  let filters: Filter[] = [];
  let search = "";
  let rows: Rows | null = null;
  let shown: Uint32Array = new Uint32Array();
  let tab = "events";
  let position = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const events = createEventsTable({
    onSeek: spec.onSeek,
    onLink: spec.onLink,
    onFilter: (field, item) => addFilter(field, [item]),
    onColumn: (field) => columns.add(field),
  });
  const columns = createColumns((names) => events.setColumns(names));
  const records: Record<string, RecordTab> = {
    console: consoleTab(spec.onSeek),
    network: networkTab(spec.onSeek),
    pages: pagesTab(spec.onSeek),
  };
  const notes = spec.notes && createNotes(spec.notes, refreshNotes);
  if (notes) records.notes = notes.tab;

  const bar = tabs(
    "Session panels",
    [
      { id: "events", label: "Events" },
      { id: "console", label: "Console" },
      { id: "network", label: "Network" },
      { id: "pages", label: "Pages" },
      ...(notes ? [{ id: "notes", label: "Notes" }] : []),
    ],
    (id) => {
      tab = id;
      showTab();
    },
  );
  const input = el("input", {
    placeholder: "Search events and properties",
    "aria-label": "Search events and properties",
    spellcheck: "false",
    autocomplete: "off",
  });
  const field = el("label", { class: "rk-field" }, icon("search"), input, el("kbd", {}, "/"));
  const columnsButton = button({
    label: "Property columns",
    icon: "cols",
    run: (event) => columns.open(event.currentTarget as HTMLElement),
  });
  const add = el(
    "button",
    { type: "button", class: "rk-chip rk-chip-add", "aria-haspopup": "dialog" },
    icon("plus"),
    "Filter",
  );
  add.addEventListener("click", () => {
    if (rows) openFilterMenu(add, rows.fields(), addFilter);
  });
  const chips = el("span", { class: "rk-chips" });
  const filterBar = el("div", { class: "rk-filters" }, field, columnsButton, add, chips);
  const body = el("div", { class: "rk-panel-body", role: "tabpanel" });
  const count = el("span");
  const shift = el("span", { title: "Median of event time \u2212 client time over the session" });
  const server = el("span");
  const foot = el(
    "div",
    { class: "rk-foot" },
    count,
    el("span", { class: "rk-grow" }),
    shift,
    server,
  );
  const node = el(
    "section",
    { class: "rk-panel", "aria-label": "Session events" },
    bar.node,
    filterBar,
    body,
    foot,
  );

  const activeTable = () => (tab === "events" ? events.table : records[tab]?.table);

  /** `quiet`: more of the same came, so that a reader who scrolled away stays there. */
  function showTab(quiet = false): void {
    filterBar.hidden = tab !== "events";
    if (tab === "notes" && notes) filterBar.after(notes.bar);
    else notes?.bar.remove();
    body.setAttribute("aria-label", tab);
    const table = activeTable();
    const empty = emptyText();
    fill(body, empty ? null : (table?.node ?? null), empty);
    table?.refresh();
    if (!quiet) table?.resumeFollowing();
    if (tab !== "events") records[tab]?.move(position, "reveal");
    drawFoot();
  }

  function emptyText(): HTMLElement | null {
    if (!rows) return null;
    if (tab === "events" && shown.length > 0) return null;
    if (tab !== "events" && (records[tab]?.count(rows.session).total ?? 0) > 0) return null;
    const words: Record<string, string> = {
      events: rows.length > 0 ? "No event matches" : "No events in this session",
      console: "Nothing was written to the console, or it was not recorded",
      network: "No requests were recorded",
      pages: "No page was recorded",
      notes: "Nothing was noted on this replay yet",
    };
    const word = words[tab] ?? "No row belongs to this session";
    const clear = button({ label: "Show all events", kind: "line", small: true, run: clearAll });
    const all = tab === "events" && rows.length > 0;
    return el("div", { class: "rk-empty" }, el("p", {}, word), all ? clear : null);
  }

  function clearAll(): void {
    filters = [];
    search = "";
    input.value = "";
    // The legend stays as it was set: it is one switch for timeline and table.
    for (const kind of [...hidden]) hidden.delete(kind);
    update();
  }

  function update(quiet = false): void {
    if (!rows) return;
    shown = rows.select(hidden, filters, search);
    events.set(rows, shown);
    drawChips();
    drawFoot();
    if (tab === "events") showTab(quiet);
    spec.onShown(shown, hidden);
  }

  function drawFoot(): void {
    if (!rows) {
      setText(count, "");
      return;
    }
    const all = rows.length;
    if (tab === "events") {
      setText(
        count,
        shown.length === all
          ? plural(all, "event")
          : `${number(shown.length)} of ${plural(all, "event")}`,
      );
    } else {
      setText(count, plural(records[tab]?.count(rows.session).total ?? 0, "entry", "entries"));
    }
  }

  function refreshNotes(): void {
    if (!rows || !notes) return;
    notes.tab.set(rows.session);
    drawCounts(rows.session);
    if (tab === "notes") showTab();
  }

  /** A tab for each foreign table; ids that no own tab has. */
  function addSideTabs(session: Session): void {
    for (const { name } of session.tables ?? []) {
      const id = `table ${name}`;
      records[id] ??= sideTab(name, spec.onSeek);
      bar.add({ id, label: name });
    }
  }

  function drawCounts(session: Session): void {
    bar.count("events", number(rows?.length ?? 0));
    for (const [id, record] of Object.entries(records)) {
      const { total, bad } = record.count(session);
      bar.count(id, number(bad > 0 && id === "console" ? bad : total), bad > 0 && id === "console");
    }
    const seconds = session.shift_ms / 1000;
    const sign = seconds > 0 ? "+" : seconds < 0 ? "\u2212" : "";
    setText(shift, seconds === 0 ? "" : `clock shift ${sign}${Math.abs(seconds).toFixed(1)} s`);
    const servers = session.events.state.filter((state) => state === PLACE.server).length;
    setText(server, servers > 0 ? `${number(servers)} server-side` : "");
  }

  function drawChips(): void {
    const made = filters.map((filter) =>
      filterChip(filter, () => {
        filters = filters.filter((one) => one !== filter);
        update();
        add.focus({ preventScroll: true });
      }),
    );
    fill(chips, ...made);
  }

  function addFilter(name: string, values: string[]): void {
    filters = [
      ...filters.filter((one) => one.field !== name),
      { field: name, values: new Set(values) },
    ];
    update();
  }

  // ── Wiring ───────────────────────────────────────────────────────────────────

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      search = input.value;
      update();
    }, SEARCH_DELAY_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      events.table.focus();
    } else if (event.key === "Escape" && input.value !== "") {
      input.value = "";
      search = "";
      update();
    } else if (event.key === "Escape") {
      events.table.focus();
    }
    event.stopPropagation();
  });
  const observer = new ResizeObserver(() => columns.fit(node.clientWidth));
  observer.observe(node);

  return {
    node,
    set(next) {
      const grown = next !== null && next.session.replay === rows?.session.replay;
      rows = next;
      if (!grown) shown = new Uint32Array();
      columns.set(next);
      if (!next) {
        events.set(null, shown);
        for (const record of Object.values(records)) record.set(null);
        for (const id of ["events", ...Object.keys(records)]) bar.count(id, "");
        setText(shift, "");
        setText(server, "");
        showTab();
        return;
      }
      addSideTabs(next.session);
      for (const record of Object.values(records)) record.set(next.session);
      drawCounts(next.session);
      update(grown);
      if (tab !== "events") showTab(grown);
    },
    move(t, follow) {
      position = t;
      events.move(t, tab === "events" ? follow : false);
      if (tab !== "events") records[tab]?.move(t, follow);
      if (tab === "notes") notes?.move();
    },
    resumeFollowing: () => activeTable()?.resumeFollowing(),
    setKind(kind, on) {
      if (on) hidden.delete(kind);
      else hidden.add(kind);
      update();
    },
    select: (row) => events.select(row),
    step: (by) => activeTable()?.step(by),
    unfoldCurrent() {
      const table = activeTable();
      if (table && table.current !== null) table.toggle(table.current);
    },
    neighbour: (t, by) => events.neighbour(t, by),
    get current() {
      return events.current;
    },
    focusSearch() {
      bar.select("events");
      tab = "events";
      showTab();
      input.focus({ preventScroll: true });
      input.select();
    },
    focusNote() {
      if (!notes) return;
      bar.select("notes");
      tab = "notes";
      showTab();
      notes.focus();
    },
    refreshNotes,
    dismiss() {
      if (activeTable()?.foldAll()) return true;
      if (search === "" && filters.length === 0) return false;
      search = "";
      input.value = "";
      filters = [];
      update();
      return true;
    },
    destroy() {
      observer.disconnect();
      clearTimeout(timer);
      events.table.destroy();
      for (const record of Object.values(records)) record.table.destroy();
    },
  };
}
