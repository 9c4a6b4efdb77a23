/** Pointing at an element of the recorded page, to take its selector along. */

import { el, setText } from "../parts/dom.ts";
import type { Screen } from "../screen.ts";

export interface Picker {
  start(): void;
  /** Leave without having picked; false when nobody was picking. */
  stop(): boolean;
}

export function createPicker(screen: Screen, onPick: (selector: string) => void): Picker {
  const name = el("output");
  const frame = el("div", { class: "rk-pick-box", hidden: true }, name);
  const glass = el("div", { class: "rk-pick" }, frame);
  let asking = false;
  let next: PointerEvent | null = null;
  let selector = "";

  async function look(event: PointerEvent): Promise<void> {
    if (!glass.isConnected) return;
    if (asking) {
      next = event;
      return;
    }
    asking = true;
    const box = glass.getBoundingClientRect();
    const picked = await screen.pick(
      (event.clientX - box.left) / box.width,
      (event.clientY - box.top) / box.height,
    );
    asking = false;
    selector = picked?.selector ?? "";
    frame.hidden = !picked;
    if (picked) {
      const [left, top, width, height] = picked.box.map((share) => `${(share * 100).toFixed(2)}%`);
      Object.assign(frame.style, { left, top, width, height });
      frame.classList.toggle("is-top", picked.box[1] < 0.1);
      setText(name, selector);
    }
    if (next) {
      const last = next;
      next = null;
      await look(last);
    }
  }

  function stop(): boolean {
    const on = glass.isConnected;
    glass.remove();
    return on;
  }

  glass.addEventListener("pointermove", (event) => void look(event));
  glass.addEventListener("click", async (event) => {
    event.stopPropagation();
    await look(event as PointerEvent);
    if (selector === "") return;
    stop();
    onPick(selector);
  });

  return {
    start() {
      asking = false;
      next = null;
      selector = "";
      frame.hidden = true;
      screen.node.append(glass);
    },
    stop,
  };
}
