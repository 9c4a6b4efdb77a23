/** Conversion drivers: which events go with converting, or with being lost. */

import { codeLine } from "../code-line.ts";
import type { Source } from "../kernel.ts";
import { createTable } from "../panels/table.ts";
import { cut, el, fill } from "../parts/dom.ts";
import { failure } from "../parts/failure.ts";
import { number } from "../parts/format.ts";
import type { Requests } from "../protocol.ts";

type Row = Requests["drivers"]["data"]["rows"][number];

export interface Drivers {
  node: HTMLElement;
  destroy(): void;
}

export function createDrivers(source: Source, key: string): Drivers {
  let rows: Row[] = [];
  let closed = false;
  const code = codeLine();
  const table = createTable({
    label: "Conversion drivers",
    cols: "minmax(0,1.6fr) 88px minmax(60px,1fr) 76px",
    rowHeight: 24,
    head: head(),
    onPick: (index) => table.setCurrent(index, false),
  });
  const foot = el("div", { class: "rk-foot" });
  const node = el("div", { class: "rk-drivers" }, code.node, table.node, foot);

  function build(index: number): HTMLElement {
    const row = rows[index];
    if (!row) return el("div", { class: "rk-tr" });
    const strength = Math.min(1, Math.abs(row.correlation ?? 0));
    const bar = el("i", {
      class: (row.correlation ?? 0) < 0 ? "is-against" : "",
      style: { width: `${Math.round(strength * 100)}%` },
    });
    return el(
      "div",
      { class: "rk-tr" },
      cut(row.event, "name"),
      el("span", { class: "r" }, share(row.did_share)),
      el("span", { class: "rk-drive", title: decimal(row.correlation) }, bar),
      el("span", { class: "r" }, decimal(row.frequency)),
    );
  }

  source.request("drivers", { key }).then(
    ({ data }) => {
      if (closed) return;
      rows = data.rows;
      code.set(data.code);
      table.set({ count: rows.length, build });
      fill(foot, `${number(data.total)} events, strongest correlation first`);
    },
    (error: unknown) => {
      if (!closed) fill(node, failure("The drivers cannot be found.", error));
    },
  );
  return {
    node,
    destroy() {
      closed = true;
      table.destroy();
    },
  };
}

function head(): HTMLElement {
  const names: [string, string][] = [
    ["event", ""],
    ["did it", "r"],
    ["correlation", ""],
    ["times", "r"],
  ];
  return el(
    "div",
    { class: "rk-tr rk-th", role: "row" },
    ...names.map(([name, side]) => el("span", { role: "columnheader", class: side }, name)),
  );
}

function share(value: number | null): string {
  return value === null ? "" : `${(value * 100).toFixed(1)} %`;
}

function decimal(value: number | null): string {
  return value === null ? "" : value.toFixed(2);
}
