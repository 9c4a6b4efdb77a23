/** What a point leads on to: another result in the same widget, a cohort, all replays in a row. */

import { codeLine } from "../code-line.ts";
import type { Source } from "../kernel.ts";
import { renderMosaic } from "../mosaic.ts";
import { button } from "../parts/buttons.ts";
import { cut, el, fill } from "../parts/dom.ts";
import { failure } from "../parts/failure.ts";
import { plural } from "../parts/format.ts";
import { createPlayer } from "../player.ts";
import type { Reply, RequestKind, Requests } from "../protocol.ts";
import { renderResult } from "../result.ts";

export type Where = Requests["follow"]["params"]["where"];

export interface Beyond {
  node: HTMLElement;
  follow(where: Where): Promise<void>;
  watchAll(): void;
  sideBySide(): void;
  cohort(suggested: string): void;
  /** Close what is open; false when nothing is. */
  close(): boolean;
  destroy(): void;
}

/** A source whose questions are asked of a result that a point led to. */
export function within(source: Source, name: string): Source {
  return {
    ...passing(source),
    request<K extends RequestKind>(kind: K, params: Requests[K]["params"]): Promise<Reply<K>> {
      // A result may lead to another: the names are the way there, the first one first.
      const { within: further = [] } = params as { within?: string[] };
      return source.request(kind, { ...params, within: [name, ...further] });
    },
  };
}

/** A source whose player shows the replays of a point, and writes no traits. */
function ofPoint(source: Source, key: string, first: string): Source {
  const said: Record<string, unknown> = { point: key, session: first, time_ms: 0, playing: true };
  return {
    ...passing(source),
    get: (name) => (name in said ? said[name] : source.get(name)) as never,
    set: () => {},
    observe: () => {},
  };
}

function passing(source: Source): Source {
  return {
    keeps: source.keeps,
    request: (kind, params) => source.request(kind, params),
    get: (name) => source.get(name),
    set: (values) => source.set(values),
    put: (values) => source.put(values),
    observe: (name, then, signal) => source.observe(name, then, signal),
    onGone: (then, signal) => source.onGone(then, signal),
    ...(source.link && { link: (replay, t) => source.link?.(replay, t) ?? "" }),
  };
}

export function createBeyond(source: Source, key: string, focusBack: () => void): Beyond {
  const node = el("section", { class: "rk-beyond", hidden: true });
  let down: (() => void) | null = null;
  let generation = 0;

  function open(title: string): HTMLElement {
    shut();
    generation += 1;
    const body = el("div");
    const closing = button({ label: "Close", icon: "x", key: "esc", run: () => void close() });
    const head = el(
      "header",
      { class: "rk-head" },
      cut(title, "who"),
      el("span", { class: "rk-grow" }),
      closing,
    );
    fill(node, head, body);
    node.hidden = false;
    closing.focus({ preventScroll: true });
    return body;
  }

  function shut(): void {
    down?.();
    down = null;
    node.hidden = true;
    fill(node);
  }

  function close(): boolean {
    if (node.hidden) return false;
    generation += 1;
    shut();
    focusBack();
    return true;
  }

  async function follow(where: Where): Promise<void> {
    const body = open(TITLES[where]);
    const mine = generation;
    setBusy(body, true);
    try {
      const { data } = await source.request("follow", { key, where });
      if (mine !== generation) return;
      setBusy(body, false);
      const code = codeLine();
      code.set(data.code);
      const host = el("div");
      fill(body, code.node, host);
      down = renderResult(host, within(source, data.within));
    } catch (error) {
      if (mine !== generation) return;
      setBusy(body, false);
      fill(body, failure("This cannot be asked of the point.", error));
    }
  }

  function watchAll(): void {
    const body = open("All replays of this point");
    const mine = generation;
    source.request("playlist", { point: key }).then(
      ({ data }) => {
        if (mine !== generation) return;
        const first = data.rows[0]?.replay ?? "";
        const player = createPlayer(body, ofPoint(source, key, first), {
          compact: false,
          playlist: true,
        });
        down = () => player.destroy();
        player.focus();
      },
      (error: unknown) => {
        if (mine === generation) fill(body, failure("The replays cannot be listed.", error));
      },
    );
  }

  function sideBySide(): void {
    const body = open("Side by side");
    down = renderMosaic(body, ofPoint(source, key, ""), key);
  }

  function cohort(suggested: string): void {
    const body = open("Save as a cohort");
    const input = el("input", { "aria-label": "Name of the cohort", value: suggested });
    input.value = suggested;
    const said = el("div", { class: "rk-cohort-said", role: "status" });
    const save = async () => {
      const mine = generation;
      try {
        const { data } = await source.request("cohort", { key, name: input.value });
        if (mine !== generation) return;
        const code = codeLine();
        code.set(data.code);
        fill(said, el("p", {}, `Saved ${plural(data.users, "user")}.`), code.node);
      } catch (error) {
        if (mine === generation) fill(said, failure("The cohort was not saved.", error));
      }
    };
    const form = el(
      "form",
      { class: "rk-filters" },
      el("label", { class: "rk-field" }, input),
      button({ label: "Save", kind: "main", small: true, run: () => void save() }),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void save();
    });
    fill(body, form, said);
    input.focus({ preventScroll: true });
    input.select();
  }

  return { node, follow, watchAll, sideBySide, cohort, close, destroy: shut };
}

function setBusy(node: HTMLElement, on: boolean): void {
  node.classList.toggle("rk-beyond-wait", on);
  fill(node, on ? el("span", { class: "rk-2 rk-small" }, "Asking\u2026") : null);
}

const TITLES: Record<Where, string> = {
  zoom: "Zoomed in",
  only: "This series alone",
  without: "Without this series",
  journeys: "Journeys of these users",
};
