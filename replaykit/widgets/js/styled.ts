/** Views with their own styles beside those of the player. */

import type { Source } from "./kernel.ts";
import { el } from "./parts/dom.ts";
import { viewStyles } from "./styles/views.ts";

export type Render = (root: HTMLElement, source: Source) => () => void;

/** Put the styles of these views beside those of the player. */
export function addViewStyles(root: HTMLElement): void {
  const style = el("style");
  style.textContent = viewStyles;
  root.closest(".rk")?.before(style);
}

export function styled(render: Render): Render {
  return (root, source) => {
    addViewStyles(root);
    return render(root, source);
  };
}
