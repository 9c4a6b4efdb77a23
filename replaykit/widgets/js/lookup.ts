/**
 * Look-up: one person by any id. Profile on the left, the stream by session on the right, newest
 * first; a session plays in place, and selected events become a chart below.
 */

import { copyText, replayRef } from "./copy.ts";
import { createInlinePlayer } from "./inline-player.ts";
import type { Source } from "./kernel.ts";
import { type Activity, createActivity } from "./lookup/activity.ts";
import { insights } from "./lookup/insights.ts";
import { createMade } from "./lookup/made.ts";
import { profile } from "./lookup/profile.ts";
import { button, nameButton, state, tabs } from "./parts/buttons.ts";
import { cut, el, fill, setAttribute, setText } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { number, wallDay, wallMinute } from "./parts/format.ts";
import { icon } from "./parts/icons.ts";
import type { ListRow, Requests } from "./protocol.ts";
import { createReplayTable, type ReplayTable } from "./replay-table.ts";

type Person = Requests["person"]["data"];
type Tab = "activity" | "insights" | "replays" | "cohorts";

export function renderLookUp(root: HTMLElement, source: Source): () => void {
  const zone = source.get("zone");
  const stop = new AbortController();
  let person: Person | null = null;
  let replays: ReplayTable | null = null;
  let activity: Activity | null = null;
  let generation = 0;
  let shown: Tab = "activity";
  let figures: HTMLElement | null = null;

  const input = el("input", { "aria-label": "Find a person by any id", spellcheck: "false" });
  const kind = el("span", { class: "rk-tag", role: "status" });
  const linking = button({ label: "Copy the call", icon: "link", run: () => void link() });
  const find = el(
    "form",
    { class: "rk-look-find" },
    el("label", { class: "rk-field" }, icon("search"), input),
    kind,
    el("span", { class: "rk-grow" }),
    linking,
  );
  const side = el("aside", { class: "rk-profile", "aria-label": "Profile" });
  const bar = tabs(
    "About this person",
    [
      { id: "activity", label: "Activity" },
      { id: "insights", label: "Insights" },
      { id: "replays", label: "Session replays" },
      { id: "cohorts", label: "Cohorts" },
    ],
    (id) => select(id as Tab),
  );
  const list = el("div", { class: "rk-look-list", hidden: true });
  const main = el("div", { class: "rk-look-main" }, bar.node, list);
  const made = createMade(source);
  const player = createInlinePlayer(source, {
    onClose: () => activity?.focus(),
    onChange: (replay, running, event) => {
      replays?.setPlaying(replay, running);
      activity?.follow(replay, running, event);
    },
  });
  const below = el("div", { class: "rk-look-below", hidden: true }, player.node);
  const charts = el("div", { class: "rk-look-below", hidden: true }, made.node);
  made.onOpen((open) => {
    charts.hidden = !open;
  });
  const frame = el("div", { class: "rk-look" }, find, side, main, below, charts);
  root.append(frame);

  find.addEventListener("submit", (event) => {
    event.preventDefault();
    void load(input.value);
  });

  async function load(id: string): Promise<void> {
    generation += 1;
    const mine = generation;
    setAttribute(frame, "aria-busy", "true");
    try {
      const { data } = await source.request("person", id === "" ? {} : { id });
      if (stop.signal.aborted || mine !== generation) return;
      show(data);
    } catch (error) {
      if (stop.signal.aborted || mine !== generation) return;
      setText(kind, "no match");
      setAttribute(kind, "class", "rk-tag rk-tag-warn");
      activity?.destroy();
      activity = null;
      list.hidden = false;
      fill(list, failure("Nobody was found.", error));
    } finally {
      if (mine === generation) setAttribute(frame, "aria-busy", null);
    }
  }

  function show(next: Person): void {
    person = next;
    input.value = next.user;
    setText(kind, `matched by ${next.found_by}`);
    setAttribute(kind, "class", "rk-tag");
    fill(side, ...profile(next, zone));
    bar.count("activity", number(next.names.reduce((sum, [, count]) => sum + count, 0)));
    bar.count("replays", number(next.replays.total));
    bar.count("cohorts", number(next.cohorts.filter((one) => one.member).length));
    replays?.destroy();
    replays = null;
    figures = null;
    player.close();
    activity?.destroy();
    activity = createActivity({
      source,
      zone,
      person: next,
      onPlay: (replay, at) => play(replay, at),
      onSeek: (replay, at) => player.seek(replay, at),
      onLink: (replay, at, code) => copyText(replay === null ? code : replayRef(replay, at), main),
      onCreate: (question, rows) => void made.create(question, rows),
    });
    main.append(...activity.nodes);
    bar.select("activity");
    select("activity");
  }

  function select(tab: Tab): void {
    shown = tab;
    for (const node of activity?.nodes ?? []) node.hidden = tab !== "activity";
    if (tab === "activity") activity?.refresh();
    list.hidden = tab === "activity";
    if (tab === "insights") void showInsights();
    if (tab === "replays") showReplays();
    if (tab === "cohorts") showCohorts();
  }

  function showReplays(): void {
    if (!person) return;
    const { total, rows } = person.replays;
    if (total === 0) {
      fill(list, state("film", "No recordings", "This person was never recorded."));
      return;
    }
    if (!replays) {
      replays = createReplayTable({
        label: "Recordings of this person",
        zone,
        newestFirst: true,
        onPlay: (row: ListRow) => play(row.replay, null),
        page: async (offset, limit) => rows.slice(offset, offset + limit),
      });
      replays.set(total, rows);
    }
    fill(list, replays.node);
    replays.setPlaying(player.replay, player.running);
  }

  async function showInsights(): Promise<void> {
    const mine = generation;
    fill(list, figures);
    if (figures) return;
    try {
      const { data } = await source.request("insights", {});
      if (stop.signal.aborted || mine !== generation) return;
      const back = (to: Parameters<Activity["narrow"]>[0]) => {
        bar.select("activity");
        select("activity");
        activity?.narrow(to);
      };
      figures = insights(data, {
        zone,
        onRange: (from_ms, until_ms) => back({ from_ms, until_ms }),
        onName: (name) => back({ name }),
      });
    } catch (error) {
      if (stop.signal.aborted || mine !== generation) return;
      figures = failure("The figures cannot be made.", error);
    }
    if (shown === "insights") fill(list, figures);
  }

  function showCohorts(): void {
    if (!person) return;
    if (person.cohorts.length === 0) {
      const how = "shop.cohorts.save(name, users) keeps one, or More in a microscope.";
      fill(list, state("cohort", "No cohorts", how));
      return;
    }
    const row = ({ name, member }: Person["cohorts"][number]) =>
      el(
        "div",
        { class: "rk-member" },
        icon(member ? "check" : "x", member ? "in it" : "not in it"),
        cut(name, member ? "name" : "rk-2"),
        el("span", { class: "rk-2 rk-small" }, member ? "" : "not in it"),
      );
    fill(list, ...person.cohorts.map(row));
  }

  function play(replay: string, at: number | null): void {
    below.hidden = false;
    const row = person?.replays.rows.find((one) => one.replay === replay);
    const when = row
      ? `Session of ${wallDay(row.start_ms, zone)}, ${wallMinute(row.start_ms, zone)}`
      : "Session";
    void player.play(replay, when, at).finally(() => {
      below.hidden = player.replay === null;
    });
  }

  async function link(): Promise<void> {
    const done = await copyText(person?.code ?? "", find);
    nameButton(linking, done ? "Copied" : "The clipboard is closed");
  }

  root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      if (!activity?.clear() && !made.close() && !player.close()) return;
      below.hidden = player.replay === null;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal: stop.signal },
  );
  void load("");
  return () => {
    stop.abort();
    generation += 1;
    activity?.destroy();
    replays?.destroy();
    made.destroy();
    player.destroy();
    root.replaceChildren();
  };
}
