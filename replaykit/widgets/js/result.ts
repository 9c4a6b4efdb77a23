/** A result in its cell: the chart, and the microscope that opens under it. */

import { type Chart, createChart } from "./chart.ts";
import type { Source } from "./kernel.ts";
import { createMicroscope, type Microscope } from "./microscope.ts";
import { el } from "./parts/dom.ts";

/** Show a result in `root`; returns what takes it down again. */
export function renderResult(root: HTMLElement, source: Source): () => void {
  const stop = new AbortController();
  const under = el("div");
  let scope: Microscope | null = null;
  let open = "";

  const chart: Chart = createChart(source, {
    onPoint(key, by) {
      if (key !== open) show(key);
      if (by === "key") scope?.focus();
    },
  });

  function show(key: string): void {
    scope?.destroy();
    open = key;
    chart.select(key);
    scope = createMicroscope({ source, key, onClose: close });
    under.replaceChildren(scope.node);
  }

  function close(): void {
    scope?.destroy();
    scope = null;
    open = "";
    under.replaceChildren();
    chart.select("");
    chart.focus();
  }

  root.append(chart.node, under);
  root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || scope === null) return;
      event.preventDefault();
      event.stopPropagation();
      close();
    },
    { signal: stop.signal },
  );
  return () => {
    stop.abort();
    scope?.destroy();
    chart.destroy();
    root.replaceChildren();
  };
}
