/**
 * Choosing an element of the recorded page, to take its selector along: by pointing at it, or by
 * arrows through the tree.
 */

import { el, setAttribute, setText } from "../parts/dom.ts";
import type { Picked, PickStep } from "../pick.ts";
import type { Screen } from "../screen.ts";

export interface Picker {
  start(): void;
  /** Leave without having picked; false when nobody was picking. */
  stop(): boolean;
}

export interface PickerSpec {
  picked(selector: string): void;
  /** For who cannot see the outline. */
  say(text: string): void;
}

const STEPS: Record<string, PickStep> = {
  ArrowUp: "parent",
  ArrowDown: "child",
  ArrowLeft: "previous",
  ArrowRight: "next",
};
const HELP = "Point at an element, or walk by arrows: up is its parent, down its first child";
const KEYS = "↑ parent · ↓ child · ← → siblings · Enter takes · Esc leaves";
/** The outline of what lies outside of the page is shown at its edge. */
const EDGE = 0.985;

type Asked = { x: number; y: number } | { step: PickStep };

export function createPicker(screen: Screen, spec: PickerSpec): Picker {
  const name = el("output");
  const frame = el("div", { class: "rk-pick-box", hidden: true }, name);
  const keys = el("div", { class: "rk-over rk-pick-keys", "aria-hidden": "true" }, KEYS);
  const glass = el("div", { class: "rk-pick", tabindex: 0, role: "application" }, frame, keys);
  setAttribute(glass, "aria-label", HELP);
  let asking = false;
  let next: Asked | null = null;
  let selector = "";
  let before: HTMLElement | null = null;

  async function look(asked: Asked): Promise<void> {
    if (!glass.isConnected) return;
    if (asking) {
      next = asked;
      return;
    }
    asking = true;
    const picked = await screen.pick(asked);
    asking = false;
    if (!glass.isConnected) return;
    selector = picked?.selector ?? "";
    frame.hidden = !picked;
    if (picked) draw(picked);
    if (picked && "step" in asked) spec.say(`${picked.words}, ${picked.selector}`);
    if (next) {
      const last = next;
      next = null;
      await look(last);
    }
  }

  function draw({ box, selector: words }: Picked): void {
    const [x, y, across, down] = box;
    const left = Math.min(Math.max(x, 0), EDGE);
    const top = Math.min(Math.max(y, 0), EDGE);
    const width = Math.max(0.005, Math.min(x + across, 1) - left);
    const height = Math.max(0.005, Math.min(y + down, 1) - top);
    const [l, t, w, h] = [left, top, width, height].map((share) => `${(share * 100).toFixed(2)}%`);
    Object.assign(frame.style, { left: l, top: t, width: w, height: h });
    frame.classList.toggle("is-top", top < 0.1);
    frame.classList.toggle("is-right", left > 0.5);
    setText(name, words);
  }

  function stop(): boolean {
    if (!glass.isConnected) return false;
    glass.remove();
    before?.focus({ preventScroll: true });
    before = null;
    return true;
  }

  function take(): void {
    if (selector === "") return;
    const taken = selector;
    stop();
    spec.picked(taken);
  }

  const at = (event: MouseEvent): Asked => {
    const box = glass.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) / box.width,
      y: (event.clientY - box.top) / box.height,
    };
  };
  glass.addEventListener("pointermove", (event) => void look(at(event)));
  glass.addEventListener("click", async (event) => {
    event.stopPropagation();
    await look(at(event));
    take();
  });
  glass.addEventListener("keydown", (event) => {
    if (event.key === "Tab" || event.metaKey || event.ctrlKey || event.altKey) return;
    // Nothing plays or seeks while somebody walks the page.
    event.preventDefault();
    event.stopPropagation();
    // The first step, wherever it leads, begins at the page's body.
    const step = STEPS[event.key];
    if (step) void look({ step: frame.hidden ? "start" : step });
    else if (event.key === "Enter" || event.key === " ") take();
    else if (event.key === "Escape") stop();
  });

  return {
    start() {
      asking = false;
      next = null;
      selector = "";
      frame.hidden = true;
      const active = (screen.node.getRootNode() as ShadowRoot | Document).activeElement;
      before = active instanceof HTMLElement ? active : null;
      screen.node.append(glass);
      glass.focus({ preventScroll: true });
      spec.say(`${HELP}. Enter copies its selector, Escape leaves.`);
    },
    stop,
  };
}
