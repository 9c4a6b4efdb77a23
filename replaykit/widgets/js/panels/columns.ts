/** Which property columns the event table shows: chosen, or those that tell its rows apart. */

import { menu } from "../parts/popover.ts";
import type { Rows } from "../rows.ts";
import { PAGE_COLUMN } from "./events-table.ts";

/** Wider than this, the panel shows property columns by itself. */
const WIDE_PX = 430;
const WIDE_COLUMNS = 3;
const MOST_LISTED = 40;

export interface Columns {
  /** Another session; what was chosen stays. */
  set(rows: Rows | null): void;
  /** The width there is. */
  fit(width: number): void;
  add(name: string): void;
  /** The menu to choose from. */
  open(anchor: HTMLElement): void;
}

export function createColumns(show: (names: string[]) => void): Columns {
  let rows: Rows | null = null;
  let chosen: string[] | null = null;
  let wide = false;

  function properties(): [string, number][] {
    const counts = new Map<string, number>();
    for (const props of rows?.session.events.props ?? []) {
      for (const name of Object.keys(props)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].sort(([, a], [, b]) => b - a);
  }

  /** Whether a property tells the rows of this replay apart. */
  function varies(name: string): boolean {
    const values = new Set<string>();
    for (const props of rows?.session.events.props ?? []) {
      const value = props[name] ?? null;
      if (value !== null) values.add(JSON.stringify(value));
      if (values.size > 1) return true;
    }
    return false;
  }

  function shown(): string[] {
    if (chosen) return chosen;
    if (!wide || !rows) return [];
    const page = rows.session.pages.length > 0 ? [PAGE_COLUMN] : [];
    const telling = properties().filter(([name]) => name !== PAGE_COLUMN && varies(name));
    return [...page, ...telling.map(([name]) => name)].slice(0, WIDE_COLUMNS);
  }

  function choose(names: string[]): void {
    chosen = names;
    show(shown());
  }

  return {
    set(next) {
      rows = next;
      if (next) show(shown());
    },
    fit(width) {
      const now = width >= WIDE_PX;
      if (now === wide) return;
      wide = now;
      show(shown());
    },
    add: (name) => choose([...new Set([...shown(), name])]),
    open(anchor) {
      const now = shown();
      const names = [PAGE_COLUMN, ...properties().map(([name]) => name)];
      menu(
        anchor,
        "Property columns",
        [...new Set(names)].slice(0, MOST_LISTED).map((name) => ({
          label: name,
          checked: now.includes(name),
          run: () =>
            choose(now.includes(name) ? now.filter((one) => one !== name) : [...now, name]),
        })),
      );
    },
  };
}
