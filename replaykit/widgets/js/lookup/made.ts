/** The chart made of selected events: its call, copied when it is made, and the result itself. */

import { codeLine } from "../code-line.ts";
import { copyText } from "../copy.ts";
import type { Source } from "../kernel.ts";
import { within } from "../microscope/beyond.ts";
import { button } from "../parts/buttons.ts";
import { el, fill, setText } from "../parts/dom.ts";
import { failure } from "../parts/failure.ts";
import type { Requests } from "../protocol.ts";
import { renderResult } from "../result.ts";

export type Question = Requests["create"]["params"]["question"];

export interface Made {
  node: HTMLElement;
  create(question: Question, rows: string[]): Promise<void>;
  onOpen(then: (open: boolean) => void): void;
  close(): boolean;
  destroy(): void;
}

export function createMade(source: Source): Made {
  const node = el("section", { "aria-label": "Created chart" });
  const title = el("span", { class: "who rk-cut" });
  const copied = el("span", { class: "rk-2 rk-small dot", role: "status" });
  let down: (() => void) | null = null;
  let open = false;
  let generation = 0;
  let say: (open: boolean) => void = () => {};

  function close(): boolean {
    if (!open) return false;
    generation += 1;
    down?.();
    down = null;
    open = false;
    fill(node);
    say(false);
    return true;
  }

  async function create(question: Question, rows: string[]): Promise<void> {
    close();
    generation += 1;
    const mine = generation;
    open = true;
    const shut = button({ label: "Close", icon: "x", key: "esc", run: () => void close() });
    const body = el("div", { class: "rk-beyond-wait" });
    setText(title, "Asking\u2026");
    setText(copied, "");
    const head = el(
      "header",
      { class: "rk-head" },
      title,
      copied,
      el("span", { class: "rk-grow" }),
      shut,
    );
    fill(node, head, body);
    say(true);
    try {
      const { data } = await source.request("create", { question, rows });
      if (mine !== generation) return;
      setText(title, data.title);
      const code = codeLine();
      code.set(data.code);
      const host = el("div");
      body.className = "";
      fill(body, code.node, host);
      down = renderResult(host, within(source, data.within));
      // The call goes on in a cell of its own: it lies on the clipboard already.
      if (await copyText(data.code, node)) setText(copied, "the call is on the clipboard");
    } catch (error) {
      if (mine !== generation) return;
      setText(title, "No chart");
      body.className = "";
      fill(body, failure("This chart cannot be made.", error));
    }
  }

  return {
    node,
    create,
    onOpen(then) {
      say = then;
    },
    close,
    destroy() {
      generation += 1;
      down?.();
    },
  };
}
