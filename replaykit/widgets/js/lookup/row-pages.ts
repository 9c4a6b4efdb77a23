/** The rows of a person's stream as they come, by the page: what is not here is asked for. */

import type { Props, Requests } from "../protocol.ts";

type Rows = Requests["rows"]["data"];

const PAGE = 200;

export interface StreamRow {
  id: string;
  time_ms: number;
  name: string;
  props: Props;
  active: boolean;
  out: boolean;
}

export interface RowPages {
  /** A row by its place; null while it is on its way. */
  at(row: number): StreamRow | null;
  /** The place of a row that is here, by its id. */
  find(id: string): number | null;
  clear(): void;
}

export function createRowPages(
  ask: (offset: number, limit: number) => Promise<Rows>,
  came: () => void,
): RowPages {
  const pages = new Map<number, Rows>();
  const asked = new Set<number>();
  let turn = 0;

  function wish(page: number): void {
    if (asked.has(page)) return;
    asked.add(page);
    const mine = turn;
    ask(page * PAGE, PAGE).then(
      (rows) => {
        if (mine !== turn) return;
        pages.set(page, rows);
        came();
      },
      () => {
        // Asked for again when it is looked at again.
        if (mine === turn) asked.delete(page);
      },
    );
  }

  return {
    at(row) {
      const page = Math.floor(row / PAGE);
      const held = pages.get(page);
      if (!held) {
        wish(page);
        return null;
      }
      const i = row - held.offset;
      const id = held.id[i];
      if (id === undefined) return null;
      return {
        id,
        time_ms: held.time_ms[i] ?? 0,
        name: held.name[i] ?? "",
        props: held.props[i] ?? {},
        active: held.active[i] === 1,
        out: held.out_of_session[i] === 1,
      };
    },
    find(id) {
      for (const page of pages.values()) {
        const at = page.id.indexOf(id);
        if (at >= 0) return page.offset + at;
      }
      return null;
    },
    clear() {
      turn += 1;
      pages.clear();
      asked.clear();
    },
  };
}
