/**
 * The microscope: what stands behind one point of a chart. Opens under the chart in the same
 * widget: users, their streams around the window, and the replay beside them on one clock.
 */

import { codeLine } from "./code-line.ts";
import type { Source } from "./kernel.ts";
import { createBeyond } from "./microscope/beyond.ts";
import { createDrivers, type Drivers } from "./microscope/drivers.ts";
import { createPeople } from "./microscope/people.ts";
import { saveUsers } from "./microscope/save-users.ts";
import { firstPlayable } from "./microscope/stream-rows.ts";
import { createStreamView } from "./microscope/stream-view.ts";
import { createWatch } from "./microscope/watch.ts";
import { button, check, setOff, tabs } from "./parts/buttons.ts";
import { cut, el, fill, setAttribute, setText } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { number, plural } from "./parts/format.ts";
import { MARK_NAMES, mark } from "./parts/icons.ts";
import { menu } from "./parts/popover.ts";
import type { ListRow, PointAnswer, SignalKind, StreamSession } from "./protocol.ts";
import { createReplayTable, type ReplayTable, unplayable } from "./replay-table.ts";

export interface MicroscopeSpec {
  source: Source;
  key: string;
  onClose(): void;
}

export interface Microscope {
  node: HTMLElement;
  focus(): void;
  destroy(): void;
}

type Tab = "users" | "streams" | "replays" | "drivers";

/** Signals by which the users of a point are narrowed. */
const SIGNALS: readonly SignalKind[] = ["rage", "dead", "error", "request"];

export function createMicroscope(spec: MicroscopeSpec): Microscope {
  const { source, key } = spec;
  const zone = source.get("zone");
  const stop = new AbortController();
  const closing = button({ label: "Close", icon: "x", key: "esc", run: () => spec.onClose() });
  const title = cut("", "who");
  const users = el("span", { class: "rk-2 rk-small rk-num dot" });
  const subtitle = cut("", "rk-2 rk-small rk-num dot rk-hide-narrow");
  const saving = button({
    label: "CSV",
    icon: "down-file",
    text: true,
    small: true,
    kind: "line",
    class: "rk-hide-narrow",
    run: () => void save(),
  });
  setAttribute(saving, "title", "Download the users of this point");
  const beyond = createBeyond(source, key, () => more.focus({ preventScroll: true }));
  const watching = button({
    label: "Watch all",
    icon: "film",
    text: true,
    small: true,
    kind: "line",
    class: "rk-hide-narrow",
    run: () => beyond.watchAll(),
  });
  const more = button({ label: "More", icon: "more", run: () => openMore() });
  const head = el(
    "header",
    { class: "rk-head" },
    el("span", { class: "rk-swatch rk-swatch-hit" }),
    title,
    users,
    subtitle,
    el("span", { class: "rk-grow" }),
    watching,
    saving,
    more,
    closing,
  );
  const code = codeLine();
  const body = el("div", { class: "rk-scope-rest" });
  const node = el(
    "section",
    { class: "rk-scope", "aria-label": "Microscope", "aria-busy": "true" },
    head,
    code.node,
    body,
    beyond.node,
  );
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !beyond.close()) return;
    event.preventDefault();
    event.stopPropagation();
  });

  function openMore(): void {
    const off = (fits: boolean, why: string) => (fits ? null : why);
    const timed = /^(seg|sessions)\|.*\|\d+$/.test(key);
    const series = /^seg\||^sessions\|[^|]|^funnel\|\d+\|\w+\|./.test(key);
    menu(more, "More", [
      {
        label: "Watch all replays",
        icon: "film",
        off: watching.getAttribute("aria-disabled") === "true" ? "No replays here" : null,
        run: () => beyond.watchAll(),
      },
      {
        label: "Watch side by side",
        icon: "cols",
        off: watching.getAttribute("aria-disabled") === "true" ? "No replays here" : null,
        run: () => beyond.sideBySide(),
      },
      {
        label: "Journeys of these users",
        icon: "path",
        off: off(!key.startsWith("["), "Open one point for this"),
        run: () => void beyond.follow("journeys"),
      },
      {
        label: "Zoom in",
        icon: "search",
        off: off(timed, "Only a point of an interval has finer steps"),
        run: () => void beyond.follow("zoom"),
      },
      {
        label: "Keep this series alone",
        icon: "check",
        off: off(series, "This chart has no series"),
        run: () => void beyond.follow("only"),
      },
      {
        label: "Leave this series out",
        icon: "x",
        off: off(series, "This chart has no series"),
        run: () => void beyond.follow("without"),
      },
      {
        label: "Save as a cohort",
        icon: "cohort",
        run: () => beyond.cohort(title.textContent ?? ""),
      },
      { label: "Download users (CSV)", icon: "down-file", run: () => void save() },
    ]);
  }
  let inside: { focus(): void; destroy(): void } | null = null;

  async function start(): Promise<void> {
    try {
      const { data } = await source.request("point", { key });
      if (stop.signal.aborted) return;
      setAttribute(node, "aria-busy", null);
      setAttribute(node, "aria-label", `Microscope: ${data.title}`);
      setText(title, data.title);
      setAttribute(title, "title", data.title);
      setText(users, plural(data.users, "user"));
      setText(subtitle, data.subtitle);
      setAttribute(subtitle, "title", data.subtitle);
      code.set(data.code);
      if (data.replays === 0) setOff(watching, "Nobody behind this point was recorded");
      inside = openBody(source, data, zone, body);
    } catch (error) {
      if (stop.signal.aborted) return;
      setAttribute(node, "aria-busy", null);
      fill(body, failure("This point cannot be opened.", error));
    }
  }

  async function save(): Promise<void> {
    setOff(saving, "Collecting the users\u2026");
    try {
      await saveUsers(source, key, title.textContent ?? "users", stop.signal);
      setOff(saving, null);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      setOff(saving, null);
      setAttribute(saving, "title", `Not saved: ${why}`);
    }
  }

  void start();
  return {
    node,
    focus: () => closing.focus({ preventScroll: true }),
    destroy() {
      stop.abort();
      inside?.destroy();
      beyond.destroy();
    },
  };
}

function openBody(source: Source, point: PointAnswer, zone: string, body: HTMLElement) {
  let tab: Tab = "streams";
  let shown: string | null = null;
  let total = 0;
  let playlist: ReplayTable | null = null;
  let drivers: Drivers | null = null;
  let withReplays = false;
  const chosen = new Set<SignalKind>();
  const driven = point.key.startsWith("funnel|") && !point.key.startsWith("funnel|1|");

  const watch = createWatch(source, point.key);
  const stream = createStreamView({
    zone,
    onPlay: play,
    onSeek: (session, row, time_ms) => {
      if (session.replay !== null) void watch.goTo(session.replay, row, time_ms);
    },
    async page(user, offset) {
      const { data } = await source.request("stream", { key: point.key, user, offset });
      return data.rows;
    },
  });
  const people = createPeople({
    source,
    key: point.key,
    zone,
    onPick: (user, from) => {
      if (from === "table") select("streams");
      void show(user);
    },
    onFirst: (rows, count) => {
      total = count;
      sayCount();
      const first = rows[0];
      if (first) void show(first.user);
      else stream.wait();
    },
  });

  const bar = tabs(
    "Behind this point",
    [
      { id: "users", label: "Users" },
      { id: "streams", label: "Streams" },
      { id: "replays", label: "Replays" },
      ...(driven ? [{ id: "drivers", label: "Drivers" }] : []),
    ],
    (id) => select(id as Tab),
  );
  const box = check("streams with session replays", (on) => choose(on));
  const counted = el("span", { class: "rk-small rk-2 rk-num rk-cut" });
  const chips = SIGNALS.map((kind) => {
    const node = el(
      "button",
      { type: "button", class: "rk-chip", "aria-pressed": "false" },
      mark(kind, MARK_NAMES[kind][0]),
      el("span", { class: "rk-hide-narrow" }, MARK_NAMES[kind][0]),
    );
    node.addEventListener("click", () => {
      if (!chosen.delete(kind)) chosen.add(kind);
      setAttribute(node, "aria-pressed", String(chosen.has(kind)));
      choose(withReplays);
    });
    return node;
  });
  const filters = el(
    "div",
    { class: "rk-filters", role: "group", "aria-label": "Filters" },
    box.node,
    ...(point.replays > 0 ? chips : []),
    el("span", { class: "rk-grow" }),
    counted,
  );
  const wide = el("div", { class: "rk-scope-wide", hidden: true });
  const grid = el("div", { class: "rk-scope-body" }, people.list, stream.node, wide, watch.node);
  body.append(bar.node, filters, grid);
  if (point.replays === 0) {
    grid.classList.add("is-unrecorded");
    setOff(box.node, "Nobody behind this point was recorded");
  }
  bar.count("users", number(point.users));
  bar.count("replays", number(point.replays));
  if (point.replays > 0) watch.prepare();

  watch.onChange((change) => {
    stream.follow(change.replay, change.playing, change.event);
    playlist?.setPlaying(change.replay, change.playing);
  });

  function choose(on: boolean): void {
    withReplays = on;
    box.set(on);
    bar.count("streams", number(on ? point.users_with_replays : point.users));
    people.choose(on, [...chosen]);
  }

  function sayCount(): void {
    const order = ", oldest first";
    setText(counted, `${number(total)} of ${plural(point.users, "user")}${order}`);
  }

  function select(next: Tab): void {
    tab = next;
    bar.select(next);
    const streams = next === "streams";
    people.list.hidden = !streams;
    stream.node.hidden = !streams;
    wide.hidden = streams;
    grid.classList.toggle("is-wide", !streams);
    filters.hidden = next === "replays" || next === "drivers";
    if (next === "users") fill(wide, people.table);
    if (next === "drivers") {
      drivers ??= createDrivers(source, point.key);
      fill(wide, drivers.node);
    }
    if (next === "replays") void showPlaylist();
  }

  async function show(user: string): Promise<void> {
    if (user === shown) return;
    shown = user;
    people.setCurrent(user);
    stream.wait();
    try {
      const { data } = await source.request("stream", { key: point.key, user });
      if (shown !== user) return;
      stream.show(data);
      stream.follow(watch.replay, watch.playing, "");
      const session = firstPlayable(data);
      // Ready at the charted moment, but nothing moves before somebody says so.
      if (session?.replay) await watch.open(session.replay, options(session, false));
    } catch (error) {
      if (shown !== user) return;
      stream.fail(error);
      shown = null;
    }
  }

  function play(session: StreamSession): void {
    if (session.replay === null) return;
    if (session.replay !== watch.replay) void watch.open(session.replay, options(session, true));
    else if (watch.playing) watch.pause();
    else watch.play();
  }

  async function showPlaylist(): Promise<void> {
    if (playlist) {
      fill(wide, playlist.node);
      return;
    }
    try {
      const { data } = await source.request("playlist", { point: point.key });
      playlist = createReplayTable({
        label: "Replays of this point",
        zone,
        onPlay: playRow,
        page: async (offset, limit) => data.rows.slice(offset, offset + limit),
      });
      playlist.set(data.rows.length, data.rows);
      playlist.setPlaying(watch.replay, watch.playing);
      if (tab === "replays") fill(wide, playlist.node);
    } catch (error) {
      if (tab === "replays") fill(wide, failure("The replays cannot be listed.", error));
    }
  }

  function playRow(row: ListRow): void {
    if (unplayable(row.status) !== null) return;
    if (row.replay === watch.replay && watch.playing) watch.pause();
    else if (row.replay === watch.replay) watch.play();
    else void watch.open(row.replay, { play: true });
  }

  bar.select("streams");
  choose(point.users_with_replays > 0);
  return {
    focus: () => people.list.querySelector<HTMLElement>('[tabindex="0"]')?.focus(),
    destroy() {
      shown = null;
      people.destroy();
      stream.destroy();
      playlist?.destroy();
      drivers?.destroy();
      watch.destroy();
    },
  };
}

function options(session: StreamSession, play: boolean): { at?: number; play: boolean } {
  return session.at_t === null ? { play } : { at: session.at_t, play };
}
