/** One user's stream beside the player: rows by session, charted ones amber, the current blue. */

import { createTable, GROUP, RULE, type TableContent } from "../panels/table.ts";
import { button, state } from "../parts/buttons.ts";
import { cut, el, fill } from "../parts/dom.ts";
import { failure } from "../parts/failure.ts";
import { elapsed, number, summary, value, wall, wallDay, wallMinute } from "../parts/format.ts";
import { mark } from "../parts/icons.ts";
import { generatedLabel, named } from "../parts/labels.ts";
import type { Props, Stream, StreamSession } from "../protocol.ts";
import { type StreamRow, streamRows } from "./stream-rows.ts";

export interface StreamViewSpec {
  zone: string;
  /** Play a session from its charted moment, or pause it when it is the one playing. */
  onPlay(session: StreamSession): void;
  /** Go to the moment of a row in the recording of its session. */
  onSeek(session: StreamSession, row: string, time_ms: number): void;
  /** More rows of a long stream, from a position on. */
  page(user: string, offset: number): Promise<Stream["rows"]>;
}

/** One row of a stream that is here. */
interface Item {
  id: string;
  time_ms: number;
  name: string;
  props: Props;
  charted: boolean;
  out: boolean;
}

export interface StreamView {
  node: HTMLElement;
  show(stream: Stream): void;
  wait(): void;
  fail(error: unknown): void;
  /** What the player is doing: which replay, whether it runs, the row under its playhead. */
  follow(replay: string | null, playing: boolean, event: string): void;
  destroy(): void;
}

export function createStreamView(spec: StreamViewSpec): StreamView {
  let stream: Stream | null = null;
  let rows: StreamRow[] = [];
  /** Rows by page; all pages but the last are as long as the first. */
  let pages = new Map<number, Stream["rows"]>();
  let size = 1;
  const asked = new Set<number>();
  let indexOf = new Map<string, number>();
  let places: number[] = [];
  let replay: string | null = null;
  let playing = false;

  const table = createTable({
    label: "Event stream",
    cols: "36px 12px minmax(0,1fr) minmax(0,.42fr)",
    onPick: (index) => {
      const row = rows[index];
      if (!stream || row?.kind !== "event") return;
      table.setCurrent(index, false);
      table.resumeFollowing();
      const item = itemAt(row.row);
      if (item) spec.onSeek(row.session, item.id, item.time_ms);
    },
    unfold: (index) => {
      const row = rows[index];
      return row?.kind === "event" ? properties(row.row) : null;
    },
  });
  const foot = el("div", { class: "rk-foot" });
  const message = el("div", { class: "rk-scope-message", hidden: true });
  const node = el("div", { class: "rk-scope-stream" }, message, table.node, foot);

  function build(index: number): HTMLElement {
    const row = rows[index];
    if (!stream || !row) return el("div", { class: "rk-tr" });
    switch (row.kind) {
      case "rule":
        return el("div", { class: "rk-tr-rule" }, row.text);
      case "session":
        return sessionRow(row.session, row.end_ms);
      case "event":
        return eventRow(row.row, row.session);
    }
  }

  function sessionRow(session: StreamSession, end_ms: number): HTMLElement {
    const when = `${wallMinute(session.start_ms, spec.zone)} \u00b7 ${elapsed(end_ms - session.start_ms)}`;
    const node = el(
      "div",
      { class: "rk-tr-group", title: wall(session.start_ms, spec.zone) },
      el("b", {}, wallDay(session.start_ms, spec.zone)),
      cut(when, "rk-2 rk-num"),
      el("span", { class: "rk-grow" }),
    );
    if (session.replay === null) {
      const why = session.elsewhere ? "not in this page" : "not recorded";
      node.append(el("span", { class: "rk-tag" }, why));
      return node;
    }
    if (session.match === "overlapping") {
      const title = "The recording covers only part of the charted events";
      node.append(el("span", { class: "rk-tag rk-tag-warn", title }, "partly recorded"));
    }
    const on = session.replay === replay && playing;
    node.append(
      button({
        label: on ? "Playing" : "Play session",
        icon: on ? "pause" : "play",
        text: true,
        small: true,
        kind: on ? "main" : "line",
        run: () => spec.onPlay(session),
      }),
    );
    return node;
  }

  function itemAt(row: number): Item | null {
    const number = Math.floor(row / size);
    const page = pages.get(number);
    if (!page) {
      ask(number);
      return null;
    }
    const i = row - number * size;
    const id = page.id[i];
    if (id === undefined) return null;
    return {
      id,
      time_ms: page.time_ms[i] ?? 0,
      name: page.name[i] ?? "",
      props: page.props[i] ?? {},
      charted: page.charted[i] === 1,
      out: page.out_of_session[i] === 1,
    };
  }

  function ask(number: number): void {
    if (!stream || asked.has(number)) return;
    asked.add(number);
    const mine = stream;
    spec.page(mine.user, number * size).then(
      (page) => {
        if (stream !== mine) return;
        take(number, page);
        table.refresh();
      },
      () => {
        if (stream === mine) asked.delete(number);
      },
    );
  }

  function take(number: number, page: Stream["rows"]): void {
    pages.set(number, page);
    page.id.forEach((id, i) => {
      const index = places[number * size + i];
      if (index !== undefined) indexOf.set(id, index);
    });
  }

  function eventRow(row: number, session: StreamSession): HTMLElement {
    const item = itemAt(row);
    if (!item) {
      const waiting = el("span", { class: "rk-2" }, "\u2026");
      return el("div", { class: "rk-tr", "aria-busy": "true" }, waiting);
    }
    const { out, time_ms: time } = item;
    const classes = ["rk-tr"];
    if (item.charted) classes.push("is-hit");
    if (out) classes.push("is-out");
    const detail = out ? "out of session" : summary(item.props);
    const node = el(
      "div",
      { class: classes.join(" ") },
      el("span", { class: "t", title: wall(time, spec.zone) }, wallMinute(time, spec.zone)),
      mark(out ? "server" : "event", out ? "Out of session" : "Event"),
      named(item.name, generatedLabel(item.name, item.props)),
      cut(detail, "d"),
    );
    if (session.replay === null) node.title = "This session was not recorded";
    return node;
  }

  function properties(row: number): HTMLElement | null {
    const props = Object.entries(itemAt(row)?.props ?? {});
    if (props.length === 0) return null;
    const list = el("dl", { class: "rk-props" });
    for (const [name, item] of props) {
      const text = value(item);
      list.append(el("dt", {}, name), el("dd", { title: text }, text));
    }
    return list;
  }

  function say(child: HTMLElement | null): void {
    message.hidden = child === null;
    table.node.hidden = child !== null;
    fill(message, child);
  }

  return {
    node,
    show(next) {
      stream = next;
      rows = streamRows(next);
      indexOf = new Map();
      pages = new Map();
      places = [];
      asked.clear();
      size = Math.max(1, next.rows.id.length);
      const heights = new Map<number, number>();
      rows.forEach((row, index) => {
        if (row.kind === "session") heights.set(index, GROUP);
        else if (row.kind === "rule") heights.set(index, RULE);
        else places[row.row] = index;
      });
      take(0, next.rows);
      const content: TableContent = {
        count: rows.length,
        heights,
        build,
        pickable: (index) => rows[index]?.kind === "event",
      };
      say(rows.length === 0 ? state("clock", "No events", "This user has no rows here.") : null);
      table.resumeFollowing();
      table.set(content);
      const first = places[next.first_charted ?? next.rows.charted.indexOf(1)] ?? 0;
      if (first > 0) table.reveal(Math.min(rows.length - 1, first + 4));
      fill(
        foot,
        el("span", { class: "rk-swatch rk-swatch-row" }),
        "charted events",
        el("span", { class: "rk-grow" }),
        [
          `${number(next.before)} before`,
          `${number(next.within)} in the window`,
          `${number(next.after)} after`,
        ].join(" \u00b7 "),
      );
    },
    wait() {
      stream = null;
      rows = [];
      table.set({ count: 0, build });
      fill(foot);
      say(null);
    },
    fail(error) {
      stream = null;
      say(failure("This stream cannot be read.", error));
    },
    follow(nextReplay, nextPlaying, event) {
      if (nextReplay !== replay || nextPlaying !== playing) {
        replay = nextReplay;
        playing = nextPlaying;
        table.refresh();
      }
      const index = indexOf.get(event);
      if (index !== undefined) table.setCurrent(index, true);
    },
    destroy: table.destroy,
  };
}
