/** The analytics event under the playhead, whatever the table shows; spoken as it changes. */

import { setText } from "../parts/dom.ts";
import { elapsed } from "../parts/format.ts";
import { cursorOf, type Rows } from "../rows.ts";
import { Track } from "../tracks.ts";

export interface Current {
  /** Its row id, "" before the first. */
  readonly id: string;
  set(rows: Rows): void;
  /** Move to a position; returns the row's number. `quiet` while scrubbing. */
  move(t: number, quiet: boolean): number | null;
  /** Times of the events beside a position. */
  neighbour(t: number, by: 1 | -1): number | null;
}

const SAY_EVERY_MS = 1000;

export function createCurrent(live: HTMLElement): Current {
  let rows: Rows | null = null;
  let track = new Track([]);
  let numbers: Uint32Array = new Uint32Array();
  let id = "";
  let lastSaid = Number.NEGATIVE_INFINITY;

  function say(row: number | null): void {
    const now = performance.now();
    if (row === null || !rows || now - lastSaid < SAY_EVERY_MS) return;
    lastSaid = now;
    const made = rows.row(row);
    setText(live, `${made.name} at ${elapsed(made.t)}`);
  }

  return {
    get id() {
      return id;
    },
    set(next) {
      rows = next;
      const events = next.events();
      const found = cursorOf(next, events);
      track = found.track;
      numbers = found.at.map((position) => events[position] ?? 0);
    },
    move(t, quiet) {
      const at = track.move(t);
      const row = at < 0 ? null : (numbers[at] ?? null);
      const key = row === null || !rows ? "" : rows.key(row);
      if (key !== id) {
        id = key;
        if (!quiet) say(row);
      }
      return row;
    },
    neighbour(t, by) {
      const found = by === 1 ? track.next(t) : track.previous(t);
      return found === null ? null : (track.times[found] ?? null);
    },
  };
}
