/** The Console, Network and Pages tabs, what the recording itself holds, and foreign tables. */

import { cut, el } from "../parts/dom.ts";
import { address, duration, elapsed, value } from "../parts/format.ts";
import { mark } from "../parts/icons.ts";
import { PLACE, type Session } from "../protocol.ts";
import { firstAtOrAfter, Track } from "../tracks.ts";
import { createTable, type Table } from "./table.ts";

export interface RecordTab {
  table: Table;
  set(session: Session | null): void;
  move(t: number, follow: boolean | "reveal"): void;
  /** Entries and whether some of them are errors. */
  count(session: Session): { total: number; bad: number };
}

export interface Kind<R extends { t: number }> {
  label: string;
  cols: string;
  of(session: Session): readonly R[];
  cells(record: R, session: Session, index: number): (Node | string)[];
  detail(record: R): Record<string, string>;
  /** What can be done with a record, below what it unfolds to. */
  acts?(record: R): Node[];
  bad(record: R): boolean;
  /** Where a record lies; outside of the recording it is greyed and does not seek. */
  place?(record: R): number;
}

export function recordTab<R extends { t: number }>(
  kind: Kind<R>,
  onSeek: (t: number) => void,
): RecordTab {
  let session: Session | null = null;
  let records: readonly R[] = [];
  let track = new Track([]);
  let first = 0;
  const inside = (record: R) => (kind.place?.(record) ?? PLACE.inside) === PLACE.inside;
  const table = createTable({
    label: kind.label,
    cols: kind.cols,
    onPick(index) {
      const record = records[index];
      if (record && inside(record)) onSeek(Math.max(0, record.t));
    },
    unfold(index) {
      const record = records[index];
      if (!record) return null;
      const node = el("dl", { class: "rk-props is-long" });
      for (const [name, text] of Object.entries(kind.detail(record))) {
        node.append(el("dt", {}, name), el("dd", {}, text));
      }
      if (kind.acts) node.append(el("dd", { class: "acts" }, ...kind.acts(record)));
      return node;
    },
  });
  return {
    table,
    set(next) {
      const grown = next !== null && next.replay === session?.replay;
      session = next;
      records = next ? kind.of(next) : [];
      const within = records.filter(inside);
      first = within[0] ? records.indexOf(within[0]) : 0;
      track = new Track(within.map((record) => record.t));
      table.set({
        count: records.length,
        grown,
        build(index) {
          const record = records[index];
          const out = record && !inside(record);
          const node = el("div", { class: out ? "rk-tr is-out" : "rk-tr" });
          if (record && session) {
            const time = el("span", { class: "t" }, elapsed(record.t));
            node.append(time, ...kind.cells(record, session, index));
          }
          return node;
        },
      });
    },
    move(t, follow) {
      const at = track.move(t);
      table.setCurrent(at < 0 ? null : first + at, follow);
    },
    count(of) {
      const all = kind.of(of);
      return { total: all.length, bad: all.filter((record) => kind.bad(record)).length };
    },
  };
}

const blank = () => el("span");

export function consoleTab(onSeek: (t: number) => void): RecordTab {
  const bad = (level: string) => level === "error" || level === "assert";
  return recordTab(
    {
      label: "Console",
      cols: "38px 12px 40px minmax(0, 1fr) fit-content(32%)",
      of: (session) => session.console,
      cells: (line) => [
        bad(line.level) ? mark("error", "error") : blank(),
        cut(line.level, "d rk-mono"),
        cut(line.text, "rk-mono"),
        cut(shortPlace(line.source ?? ""), "r d rk-mono", { title: line.source || null }),
      ],
      detail: (line) => ({
        [line.level]: line.text,
        ...(line.source ? { source: line.source } : {}),
      }),
      bad: (line) => bad(line.level),
    },
    onSeek,
  );
}

/** The file and the line, without its folders and the column. */
function shortPlace(source: string): string {
  const [, file, line] = /([^/]*?):(\d+)(?::\d+)?$/.exec(source) ?? [];
  return file === undefined ? source : `${file.replace(/[?#].*/, "")}:${line}`;
}

export function networkTab(onSeek: (t: number) => void): RecordTab {
  return recordTab(
    {
      label: "Network",
      cols: "38px 12px minmax(0, 1fr) 34px 58px",
      of: (session) => session.network,
      cells: (line) => [
        line.error ? mark("request", "failed") : blank(),
        cut(`${line.method} ${address(line.url).path}`, "rk-mono", {
          title: `${line.method} ${line.url}`,
        }),
        el("span", { class: "r" }, line.status === null ? "–" : String(line.status)),
        el("span", { class: "r d" }, duration(line.duration_ms)),
      ],
      detail: (line) => ({
        method: line.method,
        url: line.url,
        status: line.status === null ? "(none)" : String(line.status),
        duration: duration(line.duration_ms) || "(unknown)",
      }),
      bad: (line) => line.error,
    },
    onSeek,
  );
}

export function pagesTab(onSeek: (t: number) => void): RecordTab {
  return recordTab(
    {
      label: "Pages",
      cols: "38px 12px minmax(0, 1fr) 44px 30px",
      of: (session) => session.pages,
      cells: (page, session, index) => {
        const end = session.pages[index + 1]?.t ?? session.length_ms;
        const { t } = session.events;
        const events = firstAtOrAfter(t, end) - firstAtOrAfter(t, page.t);
        return [
          mark("page", "page"),
          cut(address(page.url).path, "name", { title: page.url }),
          el("span", { class: "r d", title: "Time on page" }, elapsed(end - page.t)),
          el("span", { class: "r d", title: "Events on page" }, String(events)),
        ];
      },
      detail: (page) => ({ url: page.url, title: page.title }),
      bad: () => false,
    },
    onSeek,
  );
}

/** Cells that a row shows; all of them stand in what it unfolds to. */
const SIDE_CELLS = 2;

/** A table of another system: the first columns in a row, all of them below it. */
export function sideTab(name: string, onSeek: (t: number) => void): RecordTab {
  const of = (session: Session) => session.tables?.find((one) => one.name === name);
  return recordTab(
    {
      label: name,
      cols: "48px minmax(0, 1.6fr) minmax(0, 1fr)",
      of(session) {
        const { columns = [], rows = [], t = [], state = [] } = of(session) ?? {};
        return rows.map((cells, i) => ({ columns, cells, t: t[i] ?? 0, place: state[i] ?? 0 }));
      },
      cells: ({ cells }) => {
        const said = cells.filter((cell) => cell !== null).slice(0, SIDE_CELLS);
        return said.map((cell, i) => cut(value(cell), i === 0 ? "name" : "d"));
      },
      detail: ({ columns, cells }) =>
        Object.fromEntries(columns.map((column, i) => [column, value(cells[i])])),
      bad: () => false,
      place: (record) => record.place,
    },
    onSeek,
  );
}
