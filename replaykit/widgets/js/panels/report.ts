/** What one recording is made of and what is wrong with it, under the button that asks. */

import type { Source } from "../kernel.ts";
import { button, setOff } from "../parts/buttons.ts";
import { cut, el } from "../parts/dom.ts";
import { failure } from "../parts/failure.ts";
import { bytes, plural } from "../parts/format.ts";
import { popover } from "../parts/popover.ts";
import type { Requests } from "../protocol.ts";

type Report = Requests["anatomy"]["data"];

const LABEL = "Report on this recording";

/** The button; off with the reason as its title where nobody can answer. */
export function reportButton(
  source: Source,
  replay: string,
  off: string | null,
  onSeek: (t: number) => void,
): HTMLElement {
  let asking = false;
  const node = button({
    label: "Show the report",
    kind: "line",
    small: true,
    run: async () => {
      if (asking) return;
      asking = true;
      node.setAttribute("aria-busy", "true");
      let content: HTMLElement;
      try {
        const reply = await source.request("anatomy", { replay });
        content = written(reply.data, onSeek);
      } catch (error) {
        content = failure("There is no report", error);
      }
      asking = false;
      node.removeAttribute("aria-busy");
      if (node.isConnected) popover(node, content, LABEL);
    },
  });
  setOff(node, off);
  return node;
}

function written(report: Report, onSeek: (t: number) => void): HTMLElement {
  const found = el("dl", { class: "rk-found" });
  for (const { severity, text, t, at } of report.findings) {
    found.append(el("dt", { class: `is-${severity}` }, severity));
    const go =
      t === null ? null : button({ label: at, kind: "quiet", small: true, run: () => onSeek(t) });
    found.append(el("dd", {}, text, go));
  }
  const kinds = el("dl", { class: "rk-kinds rk-num" });
  for (const kind of report.kinds) {
    const size = `${plural(kind.events, "event")} · ${bytes(kind.bytes)}`;
    kinds.append(el("dt", {}, cut(kind.kind)), el("dd", {}, size));
    kinds.append(el("dd", {}, `${kind.share.toFixed(1)} %`));
  }
  return el(
    "div",
    { class: "rk-about-box rk-report", tabindex: 0, role: "document", "aria-label": LABEL },
    el("p", { class: "rk-num rk-2" }, report.headline),
    el("h4", {}, report.findings.length > 0 ? "Found" : "Nothing is missing or odd"),
    report.findings.length > 0 ? found : null,
    report.kinds.length > 0 ? el("h4", {}, "Made of, share of its JSON") : null,
    kinds,
  );
}
