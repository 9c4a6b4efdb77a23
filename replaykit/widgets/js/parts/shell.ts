/** The root of every widget: a shadow root with our styles, theme and keyboard manners. */

import { styles } from "../styles/index.ts";
import { el } from "./dom.ts";
import { followTheme } from "./theme.ts";

export interface Shell {
  /** The `.rk` root inside the shadow root; popovers are placed in it. */
  root: HTMLElement;
  /** The bordered frame in the root: put the widget's content here. */
  frame: HTMLElement;
}

/** Make a host element a widget root. The signal takes it down again. */
export function shell(host: HTMLElement, label: string, signal: AbortSignal): Shell {
  const shadow = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const frame = el("div", { class: "rk-frame" });
  const root = el(
    "div",
    {
      class: "rk",
      role: "region",
      "aria-label": label,
    },
    frame,
  );
  // JupyterLab's command mode would otherwise act on our keys: dd deletes a cell. It listens
  // before us or after us, as it is set up.
  window.addEventListener(
    "keydown",
    (event) => host.toggleAttribute("data-lm-suppress-shortcuts", !saves(event)),
    { capture: true, signal },
  );
  const style = el("style");
  style.textContent = styles;
  shadow.replaceChildren(style, root);
  for (const type of ["keydown", "keyup", "keypress"] as const) {
    host.addEventListener(type, (event) => saves(event) || event.stopPropagation(), { signal });
  }
  followTheme(root, signal);
  signal.addEventListener("abort", () => shadow.replaceChildren(), { once: true });
  return { root, frame };
}

/** Saving stays the host's: without it the browser would offer to save the page. */
function saves(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "s";
}
