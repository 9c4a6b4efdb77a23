/** The session strip: the playlist of a player, as a row above it or a column beside it. */

import { button, setOff } from "../parts/buttons.ts";
import { el, setText } from "../parts/dom.ts";
import { elapsed, number, wallDay, wallMinute } from "../parts/format.ts";
import type { ListRow } from "../protocol.ts";
import { createList } from "./list.ts";

export interface Strip {
  node: HTMLElement;
  set(rows: readonly ListRow[], total: number, zone: string): void;
  setCurrent(replay: string | null): void;
  /** The replay before or after the current one that can be played; null at the ends. */
  neighbour(by: 1 | -1): string | null;
  focus(): void;
}

const PLAYABLE = new Set(["ok", "gaps", "short"]);

export function createStrip(onPick: (replay: string) => void): Strip {
  let rows: readonly ListRow[] = [];
  let total = 0;
  let current: string | null = null;
  const list = createList({ label: "Sessions", onPick });
  const place = el("span", { class: "rk-num" });
  const go = (by: 1 | -1) => {
    const next = neighbour(by);
    if (next !== null) onPick(next);
  };
  const previous = button({
    label: "Previous session",
    icon: "prev",
    key: "shift ←",
    run: () => go(-1),
  });
  const next = button({ label: "Next session", icon: "next", key: "shift →", run: () => go(1) });
  const node = el(
    "div",
    { class: "rk-strip" },
    list.node,
    el("div", { class: "rk-strip-nav" }, previous, place, next),
  );

  function neighbour(by: 1 | -1): string | null {
    let at = rows.findIndex((row) => row.replay === current);
    if (at < 0) at = by === 1 ? -1 : rows.length;
    for (at += by; at >= 0 && at < rows.length; at += by) {
      const row = rows[at];
      if (row && PLAYABLE.has(row.status)) return row.replay;
    }
    return null;
  }

  function draw(): void {
    const at = rows.findIndex((row) => row.replay === current);
    setText(place, `${at < 0 ? "–" : number(at + 1)} / ${number(total)}`);
    setOff(previous, neighbour(-1) === null ? "This is the first session" : null);
    setOff(next, neighbour(1) === null ? "This is the last session" : null);
  }

  return {
    node,
    set(nextRows, nextTotal, zone) {
      rows = nextRows;
      total = nextTotal;
      const days = new Set(rows.map((row) => wallDay(row.start_ms, zone)));
      list.set(
        rows.map((row) => {
          const minute = wallMinute(row.start_ms, zone);
          // The day only where it tells sessions apart, without its weekday: the line is short.
          const day = wallDay(row.start_ms, zone).replace(/^\S+ /, "");
          const when = days.size > 1 ? `${day} ${minute}` : minute;
          const words = [when, elapsed(row.length_ms), row.country ?? "(none)"];
          if (!PLAYABLE.has(row.status)) words.splice(1, 1, row.status.replace("_", " "));
          return {
            id: row.replay,
            title: row.user,
            note: words.join(" · "),
            signals: row.signals,
            activity: row.activity,
            dim: !PLAYABLE.has(row.status),
          };
        }),
      );
      list.setCurrent(current);
      draw();
    },
    setCurrent(replay) {
      current = replay;
      list.setCurrent(replay);
      draw();
    },
    neighbour,
    focus: () => list.focus(),
  };
}
