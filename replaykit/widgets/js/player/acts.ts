/** What a player can be taken as (a link, the page's HTML) and how much room it takes. */

import { copyText } from "../copy.ts";
import { KEY_HELP } from "../keys.ts";
import type { Controls } from "../panels/controls.ts";
import { el } from "../parts/dom.ts";
import { popover } from "../parts/popover.ts";

export interface Acts {
  copy(what: "link" | "html", text: string | Promise<string>, said?: string): Promise<void>;
  toggleWide(): void;
  toggleFull(): Promise<void>;
  help(anchor: HTMLElement): void;
}

export function createActs(
  box: HTMLElement,
  player: HTMLElement,
  controls: Controls,
  say: (text: string) => void,
  signal: AbortSignal,
): Acts {
  const isFull = () => (box.getRootNode() as ShadowRoot | Document).fullscreenElement === box;
  document.addEventListener("fullscreenchange", () => box.classList.toggle("is-full", isFull()), {
    signal,
  });

  function toggleWide(): void {
    controls.setWide(player.classList.toggle("is-wide"));
  }

  return {
    async copy(what, text, said) {
      if (!(await copyText(await text, box))) return;
      controls.confirm(what);
      say(said ?? (what === "link" ? "Link copied" : "Page copied as HTML"));
    },
    toggleWide,
    async toggleFull() {
      try {
        if (isFull()) await document.exitFullscreen();
        else await box.requestFullscreen();
      } catch {
        // Refused by the host: full width is the next best.
        toggleWide();
      }
    },
    help(anchor) {
      const list = el("dl", { class: "rk-keys" });
      for (const [keys, words] of KEY_HELP) {
        const names = el("dt");
        for (const key of keys) names.append(el("kbd", {}, key));
        list.append(names, el("dd", {}, words));
      }
      popover(anchor, list, "Keys")?.node.setAttribute("tabindex", "-1");
    },
  };
}
