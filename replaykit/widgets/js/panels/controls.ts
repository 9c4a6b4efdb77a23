/** The control bar: play, steps, clock, speed, skipping, and what the moment can be taken as. */

import { SPEEDS } from "../clock.ts";
import { button, nameButton, setOff, toggle } from "../parts/buttons.ts";
import { el, fill, setAttribute, setText } from "../parts/dom.ts";
import { elapsed, elapsedTenths, wall } from "../parts/format.ts";
import { icon } from "../parts/icons.ts";
import { type MenuItem, menu } from "../parts/popover.ts";

export interface ControlActions {
  toggle(): void;
  skip(ms: number): void;
  event(by: 1 | -1): void;
  frame(by: 1 | -1): void;
  speed(speed: number): void;
  skipping(): void;
  link(): void;
  html(): void;
  /** Point at an element of the page and copy its selector. */
  pick(): void;
  wide(): void;
  full(): void;
  help(anchor?: HTMLElement): void;
  /** Go to the end of a recording that grows, and play on there. */
  live(): void;
  /** The compact form's way to the full player; null leaves the button out. */
  expand: (() => void) | null;
}

/** Where playing is in a recording that grows, or why it is followed no more. */
export type Live = { behind: boolean; waiting: boolean } | { off: string };

export interface Controls {
  node: HTMLElement;
  setPlaying(playing: boolean): void;
  setTime(t: number, length: number, wallMs: number | null, zone: string): void;
  setSpeed(speed: number): void;
  setSkipping(on: boolean): void;
  setWide(on: boolean): void;
  /** The live marker; null where nothing is followed. */
  setLive(live: Live | null): void;
  /** Show for a moment that the button's act was done. */
  confirm(which: "link" | "html"): void;
  readonly helpAnchor: HTMLElement;
  setEnabled(on: boolean): void;
  /** Why this session cannot be played; null when it can. */
  setUnplayable(reason: string | null): void;
}

const CONFIRM_MS = 1200;
const LIVE = "The newest moment of a recording that still grows";
const WAITING = "The newest moment: waiting for more";

export function createControls(act: ControlActions, compact: boolean): Controls {
  const play = button({ label: "Play", icon: "play", kind: "main", key: "space", run: act.toggle });
  const narrow = "rk-hide-narrow";
  const one = (
    label: string,
    name: Parameters<typeof icon>[0],
    key: string,
    run: () => void,
    hide = "",
  ) => button({ label, icon: name, key, class: hide, run });
  const back = one("Back 10 s", "back10", "←", () => act.skip(-10_000));
  const forward = one("Forward 10 s", "fwd10", "→", () => act.skip(10_000));
  const previous = one("Previous event", "prev-event", "[", () => act.event(-1), narrow);
  const next = one("Next event", "next-event", "]", () => act.event(1), narrow);
  const step = one("Step one frame", "step", ".", () => act.frame(1), "rk-hide-mid");
  const now = el("b", {}, "0:00.0");
  const total = el("span", { class: "rk-2" });
  const clock = el("span", { class: "rk-clock" }, now, total);
  const wallClock = el("span", { class: "rk-wall" });
  const liveWord = el("span");
  const live = el(
    "button",
    { type: "button", class: "rk-btn rk-btn-s rk-live", hidden: true },
    el("i", { "aria-hidden": "true" }),
    liveWord,
  );
  live.addEventListener("click", () => {
    if (live.getAttribute("aria-disabled") !== "true") act.live();
  });
  const speed = el("button", {
    type: "button",
    class: "rk-btn rk-speed",
    title: "Speed (- +)",
    "aria-haspopup": "menu",
  });
  const skipping = toggle("Skip inactive", "s", act.skipping);
  skipping.node.classList.add("rk-hide-narrow");
  const link = one("Copy link to this moment", "link", "", act.link, compact ? "" : "rk-hide-mid");
  const html = one(
    "The page at this moment",
    "dom",
    "",
    () => menu(html, "Page", pageItems()),
    "rk-hide-mid",
  );
  const wide = one("Full width", "expand", "w", act.wide, "rk-hide-mid");
  wide.setAttribute("aria-pressed", "false");
  const full = one("Full screen", "full", "f", act.full, "rk-hide-xs");
  const help = button({
    label: "Keys",
    icon: "help",
    key: "?",
    class: "rk-hide-mid",
    run: () => act.help(help),
  });
  const more = button({
    label: "More",
    icon: "more",
    class: "rk-only-narrow",
    run: () => void menu(more, "More", moreItems()),
  });

  let playing = false;
  let skips = true;

  function pageItems(): MenuItem[] {
    return [
      { label: "Copy the page as HTML", icon: "dom", run: act.html },
      { label: "Copy an element's selector\u2026", icon: "search", run: act.pick },
    ];
  }

  function moreItems(): MenuItem[] {
    return [
      { label: "Previous event", icon: "prev-event", right: "[", run: () => act.event(-1) },
      { label: "Next event", icon: "next-event", right: "]", run: () => act.event(1) },
      { label: "Step one frame", icon: "step", right: ".", run: () => act.frame(1) },
      {
        label: skips ? "Show inactive time" : "Skip inactive time",
        icon: "gap",
        right: "s",
        run: act.skipping,
      },
      { label: "Copy link to this moment", icon: "link", run: act.link },
      ...pageItems(),
      { label: "Full width", icon: "expand", right: "w", run: act.wide },
      { label: "Full screen", icon: "full", right: "f", run: act.full },
      { label: "Keys", icon: "help", right: "?", run: () => act.help(more) },
    ];
  }

  speed.addEventListener("click", () => {
    menu(
      speed,
      "Speed",
      SPEEDS.map((value) => ({
        label: `${value}×`,
        checked: speed.dataset.speed === String(value),
        run: () => act.speed(value),
      })),
    );
  });

  const sep = () => el("span", { class: "rk-sep rk-hide-narrow" });
  const node = el("div", { class: "rk-ctl", role: "toolbar", "aria-label": "Playback" });
  if (compact) {
    node.append(play, back, forward, clock, live, el("span", { class: "rk-grow" }), speed, link);
    if (act.expand) {
      node.append(button({ label: "Open in the player", icon: "expand", run: act.expand }));
    }
  } else {
    node.append(play, back, forward, sep(), previous, next, step, clock, live, wallClock);
    node.append(el("span", { class: `rk-grow ${narrow}` }), speed, skipping.node, sep());
    node.append(link, html, wide, full, help, more);
  }
  roving(node);

  return {
    node,
    setPlaying(on) {
      if (on === playing) return;
      playing = on;
      fill(play, icon(on ? "pause" : "play"));
      nameButton(play, on ? "Pause" : "Play", "space");
    },
    setTime(t, length, wallMs, zone) {
      setText(now, compact ? elapsed(t) : elapsedTenths(t));
      setText(total, `/ ${elapsed(length)}`);
      setText(wallClock, wallMs === null ? "\u00a0" : wall(wallMs, zone));
    },
    setSpeed(value) {
      speed.dataset.speed = String(value);
      speed.setAttribute("aria-label", `Speed ${value}×`);
      fill(speed, `${value}×`, compact ? null : icon("down"));
    },
    setSkipping(on) {
      skips = on;
      skipping.set(on);
    },
    setWide(on) {
      wide.setAttribute("aria-pressed", String(on));
    },
    setLive(next) {
      live.hidden = next === null;
      if (!next) return;
      const off = "off" in next ? next.off : null;
      const behind = "behind" in next && next.behind;
      live.classList.toggle("is-behind", behind || off !== null);
      setText(liveWord, off !== null ? "Not live" : behind ? "Go live" : "Live");
      const waiting = "waiting" in next && next.waiting;
      setAttribute(live, "title", waiting ? WAITING : behind ? "Go to the newest moment" : LIVE);
      setOff(live, off);
    },
    confirm(which) {
      const target = which === "link" ? link : html;
      fill(target, icon("check"));
      setTimeout(() => fill(target, icon(which === "link" ? "link" : "dom")), CONFIRM_MS);
    },
    get helpAnchor() {
      return [help, more].find((one) => one.offsetParent !== null) ?? play;
    },
    setUnplayable(reason) {
      setOff(play, reason);
    },
    setEnabled(on) {
      for (const control of node.querySelectorAll("button")) control.disabled = !on;
    },
  };
}

/** One tab stop for a toolbar; Tab moves on, Ctrl-free arrows belong to the clock. */
function roving(node: HTMLElement): void {
  node.addEventListener("focusin", (event) => {
    const target = event.target as HTMLElement;
    for (const control of node.querySelectorAll("button")) {
      control.tabIndex = control === target ? 0 : -1;
    }
  });
  for (const [i, control] of [...node.querySelectorAll("button")].entries()) {
    control.tabIndex = i === 0 ? 0 : -1;
  }
  node.addEventListener("keydown", (event) => {
    // Arrows seek, as everywhere in the player; Home, End and Tab keep their meaning too.
    const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (by === 0) return;
    const all = [...node.querySelectorAll("button")].filter((one) => one.offsetParent !== null);
    const at = all.indexOf(event.target as HTMLButtonElement);
    const next = all[(at + by + all.length) % all.length];
    event.preventDefault();
    event.stopPropagation();
    next?.focus({ preventScroll: true });
  });
}
