/**
 * Everything but the player: charts and their microscope, lists, look-up. Built apart (build.mjs)
 * and loaded when a widget first needs it, so that a player alone stays small; what both sides use
 * is handed over by the player's bundle (`rk:shared`) and stands there once.
 */

import { renderHome } from "./home.ts";
import type { Source } from "./kernel.ts";
import { el } from "./parts/dom.ts";
import type { Traits } from "./protocol.ts";
import { renderResult } from "./result.ts";
import { viewStyles } from "./styles/views.ts";

export type Render = (root: HTMLElement, source: Source) => () => void;
export type ViewKind = Exclude<Traits["kind"], "player">;

/** Put the styles of these views beside those of the player. */
export function addViewStyles(root: HTMLElement): void {
  const style = el("style");
  style.textContent = viewStyles;
  root.closest(".rk")?.before(style);
}

function styled(render: Render): Render {
  return (root, source) => {
    addViewStyles(root);
    return render(root, source);
  };
}

export const views: Record<ViewKind, Render> = {
  result: styled(renderResult),
  home: styled(renderHome),
};
