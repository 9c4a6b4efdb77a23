/** Looking up the person on screen: their profile and stream, under the player. */

import type { Source } from "../kernel.ts";
import { button } from "../parts/buttons.ts";
import { cut, el } from "../parts/dom.ts";
import type { RequestKind, Requests } from "../protocol.ts";

/** Draws a person's view into a host; returns what takes it down. */
export type PersonView = (host: HTMLElement, source: Source) => () => void;

export interface LookUp {
  open(user: string): void;
  /** False when nothing was open. */
  close(): boolean;
}

export function createLookUp(box: HTMLElement, source: Source, view: PersonView): LookUp {
  let taken: (() => void) | null = null;
  let before: HTMLElement | null = null;

  function close(): boolean {
    if (!taken) return false;
    taken();
    taken = null;
    before?.focus({ preventScroll: true });
    return true;
  }

  return {
    open(user) {
      const active = (box.getRootNode() as ShadowRoot | Document).activeElement;
      close();
      before = active instanceof HTMLElement ? active : null;
      const shut = button({ label: "Close", icon: "x", run: () => void close() });
      const head = el(
        "header",
        { class: "rk-head" },
        cut(user, "who"),
        el("span", { class: "rk-grow" }),
        shut,
      );
      const host = el("div");
      const label = "User look-up";
      const region = el("section", { class: "rk-player-look", "aria-label": label }, head, host);
      // What is typed and pressed in it is not the player's.
      region.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "Escape" && !event.defaultPrevented) close();
      });
      box.append(region);
      const stop = view(host, about(source, user));
      taken = () => {
        stop();
        region.remove();
      };
      shut.focus({ preventScroll: true });
      region.scrollIntoView({ block: "nearest" });
    },
    close,
  };
}

/** The same source, asked about one person. */
function about(source: Source, user: string): Source {
  const request = <K extends RequestKind>(kind: K, params: Requests[K]["params"]) =>
    source.request(
      kind,
      kind === "views" || kind === "plotly" ? params : { ...params, person: user },
    );
  return new Proxy(source, {
    get(target, name) {
      if (name === "request") return request;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
