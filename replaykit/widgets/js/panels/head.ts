/** The head of a player: who, from where, and why this moment; and what it can be taken as. */

import { button, setOff } from "../parts/buttons.ts";
import { cut, el, fill } from "../parts/dom.ts";
import { elapsed, plural, wall } from "../parts/format.ts";
import { type MenuItem, menu, popover } from "../parts/popover.ts";
import type { Session } from "../protocol.ts";
import type { Seal } from "../screen.ts";

export interface HeadSpec {
  onLink(): void;
  /** Look the person up; null where nothing ever is. */
  onLookUp: ((user: string) => void) | null;
  /** Why nobody can be looked up here; null when they can. */
  lookUpOff(): string | null;
  /** Autoplay of the next session; null where there is only one. */
  autoplay(): boolean | null;
  onAutoplay(on: boolean): void;
  /** The threshold of inactive time. */
  inactiveMs(): number;
  onInactive(ms: number): void;
  seal(): Seal;
  onOpened(t: number): void;
  /** Whether a recording that grows is followed, and why that cannot be. */
  following(): { on: boolean; off: string | null };
  onFollow(on: boolean): void;
}

export interface Head {
  node: HTMLElement;
  set(session: Session | null, zone: string): void;
}

const NO_PEOPLE = "Only a project looks people up: shop.user(id)";
const THRESHOLDS = [10_000, 30_000, 60_000, 300_000];

export function createHead(spec: HeadSpec): Head {
  const node = el("header", { class: "rk-head" });
  let session: Session | null = null;
  let zone = "UTC";
  const link = button({ label: "Copy link to this replay", icon: "link", run: spec.onLink });
  const person = button({
    label: "Look up this user",
    icon: "user",
    run: () => session && spec.onLookUp?.(session.user),
  });
  const more = button({
    label: "More about this session",
    icon: "more",
    run: () => void menu(more, "More", items()),
  });

  function items(): MenuItem[] {
    const made: MenuItem[] = [
      { label: "About this recording", icon: "help", run: () => void about() },
      { label: "Copy link to this replay", icon: "link", run: spec.onLink },
    ];
    const autoplay = spec.autoplay();
    if (autoplay !== null) {
      made.push({
        label: "Play the next session at the end",
        checked: autoplay,
        run: () => spec.onAutoplay(!autoplay),
      });
    }
    const { on, off } = spec.following();
    made.push({
      label: "Follow as it grows",
      checked: on && off === null,
      off,
      run: () => spec.onFollow(!on),
    });
    const now = spec.inactiveMs();
    // What the kernel set is one of the choices too.
    for (const ms of [...new Set([...THRESHOLDS, now])].sort((a, b) => a - b)) {
      made.push({
        label: `Inactive after ${elapsed(ms)}`,
        checked: ms === now,
        run: () => spec.onInactive(ms),
      });
    }
    return made;
  }

  function about(): void {
    if (!session) return;
    const list = el("dl", { class: "rk-kv rk-about" });
    const add = (name: string, text: string) =>
      list.append(el("dt", {}, name), el("dd", { title: text }, text));
    add("replay", session.replay);
    add("start", wall(session.start_ms, zone));
    add("length", elapsed(session.length_ms));
    add("viewport", `${session.width} × ${session.height}`);
    add("segments", String(session.segments.length));
    if (session.match) add("match", session.match);
    add("frame", spec.seal() === "page" ? "in the page, network off" : "sealed");
    const box = el("div", { class: "rk-about-box" }, list);
    if (session.warnings.length > 0) {
      box.append(el("h4", {}, plural(session.warnings.length, "note")));
      for (const warning of session.warnings) box.append(el("p", {}, warning));
    }
    popover(more, box, "About this recording");
  }

  return {
    node,
    set(next, nextZone) {
      session = next;
      zone = nextZone;
      if (next) setOff(person, spec.lookUpOff() ?? (next.look_up ? null : NO_PEOPLE));
      if (!next) {
        fill(node, el("span", { class: "who rk-cut rk-2" }, "\u00a0"));
        return;
      }
      const small = "rk-2 rk-small rk-hide-narrow dot rk-cut";
      fill(
        node,
        cut(next.user || "(no user)", "who"),
        next.country === null ? null : el("span", { class: small }, next.country),
        next.agent === null ? null : el("span", { class: small, title: next.agent }, next.agent),
        reason(next),
        el("span", { class: "rk-grow" }),
        spec.onLookUp || spec.lookUpOff() ? person : null,
        link,
        more,
      );
    },
  };

  function reason(of: Session): HTMLElement | null {
    if (of.opened_t === null && of.because === null) return null;
    const at = of.opened_t;
    const words = [at === null ? null : `opened at ${elapsed(at)}`, of.because].filter(Boolean);
    const tag = el(
      "button",
      { type: "button", class: "rk-tag rk-tag-hit", title: `${words.join(" · ")} (go there)` },
      el("span", { class: "rk-cut" }, words.join(" · ")),
    );
    tag.addEventListener("click", () => {
      if (at !== null) spec.onOpened(at);
    });
    return tag;
  }
}
