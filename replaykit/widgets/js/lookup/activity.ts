/**
 * The stream of a person by session, newest first: sessions arrive at once, rows by the page. Rows
 * are picked by their boxes and become a chart; the bar for it stands in place of the foot.
 */

import type { Source } from "../kernel.ts";
import { createTable, GROUP, type TableContent } from "../panels/table.ts";
import { button, check, setOff, state } from "../parts/buttons.ts";
import { chip } from "../parts/chip.ts";
import { daysOf, nextDay, openRange, rangeWords, zonedDayStart } from "../parts/day-range.ts";
import { cut, el, fill, setAttribute, setText } from "../parts/dom.ts";
import { failure } from "../parts/failure.ts";
import {
  elapsed,
  number,
  plural,
  summary,
  value,
  wall,
  wallDay,
  wallTime,
} from "../parts/format.ts";
import { icon, mark } from "../parts/icons.ts";
import { generatedLabel, named } from "../parts/labels.ts";
import { menu } from "../parts/popover.ts";
import type { Requests } from "../protocol.ts";
import { unplayable } from "../replay-table.ts";
import { layOut, type Place } from "./layout.ts";
import type { Question } from "./made.ts";
import { pickedBar } from "./picked.ts";
import { createRowPages } from "./row-pages.ts";

type Person = Requests["person"]["data"];
type Groups = Requests["activity"]["data"];
type Rows = Requests["rows"]["data"];

export interface ActivitySpec {
  source: Source;
  zone: string;
  person: Person;
  onPlay(replay: string, at: number | null): void;
  onSeek(replay: string, at: number): void;
  onLink(replay: string | null, at: number, code: string): void;
  onCreate(question: Question, rows: string[]): void;
}

export interface Activity {
  nodes: HTMLElement[];
  refresh(): void;
  follow(replay: string | null, running: boolean, event: string): void;
  /** Forget what is picked; false when nothing is. */
  clear(): boolean;
  /** Show what lies between two moments alone, or one event alone. */
  narrow(to: { from_ms: number; until_ms: number } | { name: string }): void;
  focus(): void;
  destroy(): void;
}

const MOST = 10;

export function createActivity(spec: ActivitySpec): Activity {
  const { source, zone, person } = spec;
  const stop = new AbortController();
  let groups: Groups | null = null;
  let places: Place[] = [];
  const rows = createRowPages(
    (offset, limit) =>
      source.request("rows", { ...params(), offset, limit }).then(({ data }) => data),
    () => table.refresh(),
  );
  const picked = new Map<string, string>();
  let raw = false;
  let device: string | null = null;
  let range: { from: string; until: string } | null = null;
  let names: { how: "highlight" | "only"; of: Set<string> } = { how: "highlight", of: new Set() };
  let replay: string | null = null;
  let running = false;
  let generation = 0;

  const table = createTable({
    label: "Activity",
    cols: "20px 66px 12px minmax(0,1.3fr) minmax(0,1fr) 24px",
    onPick: (index) => {
      const place = places[index];
      if (place?.kind !== "row") return;
      table.setCurrent(index, false);
      const row = rows.at(place.row);
      const of = replayOf(place.group);
      if (row && of && of.replay === replay) spec.onSeek(of.replay, row.time_ms - of.start_ms);
    },
    unfold: (index) => {
      const place = places[index];
      return place?.kind === "row" ? unfolded(place.row) : null;
    },
  });
  const foot = el("div", { class: "rk-foot" });
  const picking = el("div", { class: "rk-picked", hidden: true, role: "group" });
  const deviceButton = el("button", { type: "button", class: "rk-chip" });
  const rangeButton = button({
    label: "all time",
    icon: "cal",
    text: true,
    small: true,
    kind: "line",
    run: () =>
      openRange(rangeButton, range, (next) => {
        range = next;
        void load();
      }),
  });
  const chips = el("div", { class: "rk-chips" });
  const add = button({
    label: "Events",
    icon: "plus",
    text: true,
    small: true,
    class: "rk-chip rk-chip-add",
    run: () => chooseEvents(),
  });
  const views = (["Info", "Raw"] as const).map((label) => {
    const node = el("button", { type: "button" }, label);
    node.addEventListener("click", () => setRaw(label === "Raw"));
    return node;
  });
  const filters = el(
    "div",
    { class: "rk-filters", role: "group", "aria-label": "Filters" },
    rangeButton,
    deviceButton,
    chips,
    add,
    el("span", { class: "rk-grow" }),
    el("div", { class: "rk-seg", role: "group", "aria-label": "View" }, ...views),
  );
  const message = el("div", { class: "rk-scope-message", hidden: true });

  deviceButton.addEventListener("click", () => {
    const choose = (next: string | null) => () => {
      device = next;
      void load();
    };
    menu(deviceButton, "Device", [
      { label: "all devices", checked: device === null, run: choose(null) },
      ...person.devices.map((one) => ({
        label: one,
        checked: device === one,
        run: choose(one),
      })),
    ]);
  });

  function chooseEvents(): void {
    const items = person.names.slice(0, 60).map(([name, count]) => ({
      label: name,
      right: number(count),
      checked: names.of.has(name),
      run: () => {
        if (!names.of.delete(name)) names.of.add(name);
        void changedNames();
      },
    }));
    menu(add, "Events", [
      {
        label: names.how === "only" ? "Highlight these instead" : "Show only these instead",
        run: () => {
          names = { ...names, how: names.how === "only" ? "highlight" : "only" };
          void changedNames();
        },
      },
      ...items,
    ]);
  }

  function changedNames(): Promise<void> | void {
    sayFilters();
    if (names.how === "only") return load();
    if (groups && places.length > 0) table.refresh();
    return load();
  }

  function sayFilters(): void {
    setText(deviceButton, `device: ${device ?? "all"}`);
    rangeButton.replaceChildren(icon("cal"), range ? rangeWords(range) : "all time");
    fill(
      chips,
      ...[...names.of].map((name) =>
        chip("event", names.how === "only" ? "only" : "highlight", name, () => {
          names.of.delete(name);
          void changedNames();
        }),
      ),
    );
  }

  function setRaw(on: boolean): void {
    raw = on;
    views.forEach((node, i) => {
      setAttribute(node, "aria-pressed", String((i === 1) === on));
    });
    table.refresh();
  }

  function params() {
    return {
      ...(device !== null && { device }),
      ...(names.how === "only" && names.of.size > 0 && { only: [...names.of] }),
      ...(range && {
        from_ms: zonedDayStart(range.from, zone),
        until_ms: zonedDayStart(nextDay(range.until), zone),
      }),
    };
  }

  async function load(): Promise<void> {
    generation += 1;
    const mine = generation;
    sayFilters();
    try {
      const { data } = await source.request("activity", params());
      if (stop.signal.aborted || mine !== generation) return;
      groups = data;
      rows.clear();
      const laid = layOut(data);
      places = laid;
      const heights = new Map<number, number>();
      laid.forEach((place, index) => {
        if (place.kind === "group") heights.set(index, GROUP);
      });
      const content: TableContent = {
        count: laid.length,
        heights,
        build,
        pickable: (index) => places[index]?.kind === "row",
      };
      say(
        data.total === 0 ? state("clock", "No events", "Nothing here passes the filters.") : null,
      );
      table.set(content);
      fill(
        foot,
        `${plural(data.total, "event")}, newest session first`,
        el("span", { class: "rk-grow" }),
        el("span", { class: "rk-hide-narrow" }, "boxes pick up to ten events for a chart"),
      );
    } catch (error) {
      if (!stop.signal.aborted && mine === generation)
        say(failure("The stream cannot be read.", error));
    }
  }

  function say(child: HTMLElement | null): void {
    message.hidden = child === null;
    table.node.hidden = child !== null;
    fill(message, child);
  }

  function replayOf(group: number) {
    const id = groups?.replay[group];
    if (!groups || id === null || id === undefined) return null;
    return {
      replay: id,
      start_ms: groups.replay_start_ms[group] ?? 0,
      off: unplayable(groups.status[group] ?? "ok"),
    };
  }

  function build(index: number): HTMLElement {
    const place = places[index];
    if (!place || !groups) return el("div", { class: "rk-tr" });
    return place.kind === "group" ? groupRow(place.group) : eventRow(place.row, place.group);
  }

  function groupRow(group: number): HTMLElement {
    const start = groups?.start_ms[group] ?? 0;
    const end = groups?.end_ms[group] ?? 0;
    const words = [
      `${wallTime(start, zone).slice(0, 5)} \u2013 ${wallTime(end, zone).slice(0, 5)}`,
      elapsed(end - start),
      plural(groups?.rows[group] ?? 0, "event"),
      groups?.device[group] ?? "",
    ];
    const node = el(
      "div",
      { class: "rk-tr-group", title: wall(start, zone) },
      el("b", {}, wallDay(start, zone, true)),
      cut(words.filter(Boolean).join(" \u00b7 "), "rk-2 rk-num"),
      el("span", { class: "rk-grow" }),
    );
    const of = replayOf(group);
    if (!of) {
      node.append(el("span", { class: "rk-tag" }, "not recorded"));
      return node;
    }
    const on = of.replay === replay && running;
    const play = button({
      label: on ? "Playing" : "Play session",
      icon: on ? "pause" : "play",
      text: true,
      small: true,
      kind: on ? "main" : "line",
      run: () => spec.onPlay(of.replay, null),
    });
    if (of.off !== null) setOff(play, of.off);
    node.append(play);
    return node;
  }

  function eventRow(row: number, group: number): HTMLElement {
    const item = rows.at(row);
    if (!item) {
      return el(
        "div",
        { class: "rk-tr", "aria-busy": "true" },
        el("span"),
        el("span", { class: "rk-2" }, "\u2026"),
      );
    }
    const on = picked.has(item.id);
    const classes = ["rk-tr"];
    if (names.how === "highlight" && names.of.has(item.name)) classes.push("is-hit");
    if (on) classes.push("is-picked");
    if (item.out) classes.push("is-out");
    if (!item.active) classes.push("is-inactive");
    const box = check("", (next) => pick(item.id, item.name, next));
    box.set(on);
    box.node.tabIndex = -1;
    setAttribute(box.node, "aria-label", `Pick ${item.name}`);
    const detail = raw ? JSON.stringify(item.props) : note(item);
    const of = replayOf(group);
    const link = button({
      label: "Link to this event",
      icon: "link",
      small: true,
      class: "act",
      run: () =>
        spec.onLink(
          of?.replay ?? null,
          Math.max(0, item.time_ms - (of?.start_ms ?? 0)),
          `${person.code}.event(${JSON.stringify(item.id)})`,
        ),
    });
    link.tabIndex = -1;
    return el(
      "div",
      { class: classes.join(" ") },
      box.node,
      el(
        "span",
        { class: "t", title: wall(item.time_ms, zone) },
        wallTime(item.time_ms, zone).slice(0, 8),
      ),
      mark(item.out ? "server" : "event", item.out ? "Out of session" : "Event"),
      raw ? cut(item.name, "name") : named(item.name, generatedLabel(item.name, item.props)),
      cut(detail, raw ? "d rk-mono" : "d"),
      link,
    );
  }

  function note(item: { out: boolean; active: boolean; props: Rows["props"][number] }): string {
    const words = [item.out && "out of session", !item.active && "inactive", summary(item.props)];
    return words.filter(Boolean).join(" \u00b7 ");
  }

  function unfolded(row: number): HTMLElement | null {
    const item = rows.at(row);
    if (!item) return null;
    const list = el("dl", { class: "rk-props" });
    for (const [name, one] of Object.entries(item.props)) {
      const text = value(one);
      list.append(el("dt", {}, name), el("dd", { title: text }, text));
    }
    return list.childElementCount > 0 ? list : null;
  }

  function pick(id: string, name: string, on: boolean): void {
    if (on && picked.size >= MOST) {
      sayPicked(`${MOST} events at most`);
      table.refresh();
      return;
    }
    if (on) picked.set(id, name);
    else picked.delete(id);
    sayPicked();
    table.refresh();
  }

  function sayPicked(warning = ""): void {
    picking.hidden = picked.size === 0;
    foot.hidden = picked.size > 0;
    fill(
      picking,
      ...pickedBar({
        count: picked.size,
        warning,
        onCreate: (question) => spec.onCreate(question, [...picked.keys()]),
        onClear: () => void clear(),
      }),
    );
  }

  function clear(): boolean {
    if (picked.size === 0) return false;
    picked.clear();
    sayPicked();
    table.refresh();
    return true;
  }

  setRaw(false);
  void load();
  return {
    nodes: [filters, message, table.node, foot, picking],
    refresh() {
      sayPicked();
      message.hidden = message.childElementCount === 0;
      table.node.hidden = !message.hidden;
    },
    follow(nextReplay, nextRunning, event) {
      if (nextReplay !== replay || nextRunning !== running) {
        replay = nextReplay;
        running = nextRunning;
        table.refresh();
      }
      if (event === "") return;
      const row = rows.find(event);
      if (row === null) return;
      const index = places.findIndex((place) => place.kind === "row" && place.row === row);
      if (index >= 0) table.setCurrent(index, "reveal");
    },
    clear,
    narrow(to) {
      if ("name" in to) names = { how: "only", of: new Set([to.name]) };
      else range = daysOf(to.from_ms, to.until_ms, zone);
      void load();
    },
    focus: table.focus,
    destroy() {
      stop.abort();
      table.destroy();
      for (const node of [filters, message, table.node, foot, picking]) node.remove();
    },
  };
}
