/** Address bar, standing notices and the stage: the recorded page, scaled and centred. */

import { button, state } from "../parts/buttons.ts";
import { el, fill, setAttribute, setText } from "../parts/dom.ts";
import { address, bytes, elapsed, plural, wallMinute, wallTime } from "../parts/format.ts";
import { type IconName, icon } from "../parts/icons.ts";
import { popover } from "../parts/popover.ts";
import type { Session, Span } from "../protocol.ts";
import { Screen, type ScreenEvents, type Seal } from "../screen.ts";
import { spanAt, Track } from "../tracks.ts";

/** What the stage shows instead of, or over, the recorded page. */
export type StageState =
  | { kind: "page" }
  | { kind: "loading"; index: number | null }
  | { kind: "failed"; message: string; gone: boolean }
  | { kind: "empty"; icon: IconName; title: string; text: string };

export interface StageSpec {
  screen: Omit<ScreenEvents, "size" | "sealed">;
  onSeek(t: number): void;
  onPlayFrom(t: number): void;
  onRetry(): void;
  /** The button that explains the recording; `off` says why it cannot. */
  report(replay: string, off: string | null): HTMLElement;
  onToggle(): void;
  /** Goes to the next or previous session that can be played; null when there is none. */
  playable(by: 1 | -1): (() => void) | null;
}

export interface Stage {
  node: HTMLElement;
  screen: Screen;
  set(session: Session | null, zone: string): void;
  /** The session has grown: what is shown stays. */
  grow(next: Session): void;
  /** Playing waits at the end of a recording that grows, which was reached at that time. */
  setWaiting(untilMs: number | null): void;
  setState(next: StageState): void;
  move(t: number): void;
  /** The page of the last seek is not on screen yet. */
  setBusy(on: boolean): void;
  /** Playing waits for its page: a thin bar under the address bar. */
  setBuffering(on: boolean): void;
  setGone(): void;
  /** Which sessions there are is known now. */
  refresh(): void;
}

const NO_KERNEL = "The kernel is gone: run the cell again to ask for the report";
const SEALED = "Sealed: no scripts, no network";
const IN_PAGE = "Not sealed here: in the page, scripts off, network off";

export function createStage(spec: StageSpec, signal: AbortSignal): Stage {
  const url = el("span", { class: "url rk-cut" });
  const title = el("span", { class: "rk-cut rk-hide-narrow title" });
  const size = el("span", { class: "rk-num rk-hide-narrow", title: "Recorded viewport" });
  const shield = el("span", { class: "rk-shield" });
  const addr = el(
    "div",
    { class: "rk-addr" },
    icon("page"),
    url,
    title,
    el("span", { class: "rk-grow" }),
    size,
    shield,
  );
  const buffering = el("div", { class: "rk-buffer", hidden: true });
  const notices = el("div", { class: "rk-notices" });
  const overlay = el("div", { class: "rk-overlay" });
  const over = el("div", { class: "rk-over rk-gap-pill", hidden: true });
  const wait = el("div", { class: "rk-over rk-gap-pill rk-wait", role: "status", hidden: true });
  const veil = el("div", { class: "rk-veil", hidden: true });
  let pages = new Track([]);
  let session: Session | null = null;
  let zone = "UTC";
  let shownPage = -2;
  let shownGap: Span | null = null;
  let position = 0;
  let current: StageState = { kind: "page" };

  const screen = new Screen(
    {
      ...spec.screen,
      size(width, height) {
        stage.style.setProperty("--ar", String(width / height));
        setText(size, `${Math.round(width)} × ${Math.round(height)}`);
      },
      sealed(seal) {
        drawShield(seal);
      },
    },
    signal,
  );
  const stage = el("div", { class: "rk-stage" }, screen.node, veil, over, wait, overlay);
  const node = el("div", { class: "rk-view" }, addr, buffering, notices, stage);
  stage.addEventListener("click", (event) => {
    if (!(event.target as HTMLElement).closest("button, .rk-state, .rk-over")) spec.onToggle();
  });

  function drawShield(seal: Seal): void {
    const inPage = seal === "page";
    const text = inPage ? IN_PAGE : SEALED;
    fill(shield, icon(inPage ? "shield-half" : "shield", text));
    setAttribute(shield, "title", text);
    notices.querySelector(".is-seal")?.remove();
    if (!inPage) return;
    const why = button({
      label: "Why",
      kind: "quiet",
      small: true,
      run: () => {
        const words =
          "This host refuses data: frames, so the recording plays inside the page. Its scripts " +
          "never run and its requests are refused by a policy of its own document; the sealed " +
          "frame would keep it out of the page altogether.";
        popover(why, el("p", { class: "rk-why" }, words), "Why there is no sealed frame");
      },
    });
    notices.append(
      notice(
        "is-seal",
        "shield-half",
        "No sealed frame here: playing in the page, network off",
        why,
      ),
    );
  }

  function notice(
    className: string,
    name: IconName,
    text: string,
    action: HTMLElement | null,
  ): HTMLElement {
    return el(
      "div",
      { class: `rk-notice ${className}`, role: "status" },
      icon(name),
      el("span", { class: "rk-grow rk-cut", title: text }, text),
      action,
    );
  }

  // ── States ───────────────────────────────────────────────────────────────────

  function draw(): void {
    fill(overlay, content());
    overlay.hidden = overlay.childElementCount === 0;
    const away = !overlay.hidden && current.kind !== "loading";
    // Until a session is known, the page of the one before says nothing.
    const waiting = current.kind === "loading" && (!painted || current.index === null);
    screen.node.style.visibility = away || waiting ? "hidden" : "";
  }

  let painted = false;
  let kernelGone = false;

  function content(): HTMLElement | null {
    if (current.kind === "empty") {
      return state(current.icon, current.title, current.text, "", neighbourButton());
    }
    if (current.kind === "loading" && current.index === null) return asking();
    if (!session) return null;
    if (session.status === "expired" || session.status === "hidden") return expired(session);
    if (session.segments.length === 0) return broken(session, null);
    const first = session.segments[0]?.start ?? 0;
    if (session.status === "no_snapshot" && position < first) return broken(session, first);
    if (current.kind === "failed") return failed(current.message, current.gone);
    if (current.kind === "loading") return loading(session, current.index ?? 0);
    return null;
  }

  function asking(): HTMLElement {
    return withBar(state("film", "Loading the recording", "its events and its timeline first"));
  }

  function loading(of: Session, index: number): HTMLElement {
    const size = of.segments[index]?.bytes ?? 0;
    const title = `Loading ${wallMinute(of.start_ms, zone)}, ${elapsed(of.length_ms)} long`;
    const text = `segment ${index + 1} of ${of.segments.length} · ${bytes(size)}`;
    return withBar(state("film", title, text));
  }

  function withBar(made: HTMLElement): HTMLElement {
    made.append(el("div", { class: "rk-load" }, el("i")));
    return made;
  }

  /** On to the next session that plays, or back to one where that was the last. */
  function neighbourButton(): HTMLElement | null {
    if (kernelGone) return null;
    const next = spec.playable(1);
    const go = next ?? spec.playable(-1);
    if (!go) return null;
    return button({
      label: next ? "Next playable session" : "Previous playable session",
      icon: next ? "next" : "prev",
      text: true,
      kind: "line",
      small: true,
      run: go,
    });
  }

  function broken(of: Session, playableFrom: number | null): HTMLElement {
    const events = plural(of.events.id.length, "event");
    const until = playableFrom === null ? "" : ` before ${elapsed(playableFrom)}`;
    const text =
      of.status_detail ?? `The page cannot be rebuilt${until}. Its ${events} are intact.`;
    const play =
      playableFrom === null
        ? neighbourButton()
        : button({
            label: `Play from ${elapsed(playableFrom)}`,
            icon: "play",
            text: true,
            kind: "main",
            small: true,
            run: () => spec.onPlayFrom(playableFrom),
          });
    const code = el("span", { class: "rk-mono rk-2" }, of.status);
    const report = spec.report(of.replay, kernelGone ? NO_KERNEL : null);
    return state("broken", "This recording has no full snapshot", text, "bad", play, report, code);
  }

  function expired(of: Session): HTMLElement {
    const gone = of.status === "expired";
    const heading = gone ? "This recording has expired" : "This recording is hidden";
    const remain = "Its events and its row in the catalogue remain.";
    const text = [of.status_detail, remain].filter(Boolean).join(" ");
    const next = neighbourButton();
    const code = el("span", { class: "rk-mono rk-2" }, of.status);
    return state(gone ? "expired" : "mask", heading, text, "", next, code);
  }

  function failed(message: string, gone: boolean): HTMLElement {
    const retry = button({
      label: "Try again",
      kind: "line",
      small: true,
      run: spec.onRetry,
    });
    return gone
      ? state(
          "plug",
          "This part is not loaded, and the kernel is gone",
          "What was loaded still plays. Run the cell again to load the rest.",
          "warn",
        )
      : state("broken", "This part of the recording could not be shown", message, "bad", retry);
  }

  // ── Time ─────────────────────────────────────────────────────────────────────

  function drawPage(index: number): void {
    shownPage = index;
    const page = session?.pages[index] ?? session?.pages[0];
    const parts = address(page?.url ?? "");
    fill(url, parts.host === "" ? null : el("i", {}, parts.host), parts.path);
    setAttribute(url, "title", page?.url ?? null);
    setText(title, page?.title ?? "");
    setAttribute(title, "title", page?.title ?? null);
  }

  function drawGap(gap: Span | null): void {
    shownGap = gap;
    veil.hidden = gap === null;
    over.hidden = gap === null;
    if (!gap) return;
    const [from, to] = gap;
    fill(
      over,
      icon("gap"),
      `No data from ${elapsed(from)} to ${elapsed(to)}`,
      button({
        label: `Go to ${elapsed(to)}`,
        kind: "quiet",
        small: true,
        run: () => spec.onSeek(to),
      }),
    );
  }

  drawShield("starting");

  return {
    node,
    screen,
    set(next, nextZone) {
      session = next;
      zone = nextZone;
      painted = false;
      position = 0;
      pages = new Track(next?.pages.map((page) => page.t) ?? []);
      drawPage(next ? 0 : -1);
      drawGap(null);
      if (next) {
        stage.style.setProperty("--ar", String(next.width / Math.max(1, next.height)));
        setText(size, `${next.width} × ${next.height}`);
      } else setText(size, "");
      draw();
    },
    grow(next) {
      session = next;
      pages = new Track(next.pages.map((page) => page.t));
      drawPage(Math.max(0, pages.move(position)));
      drawGap(spanAt(next.gaps, position));
      draw();
    },
    setWaiting(untilMs) {
      if (untilMs !== null && wait.hidden) {
        const until = wallTime(untilMs, zone);
        fill(
          wait,
          icon("clock"),
          "Waiting for more",
          el("span", { class: "rk-2" }, `since ${until}`),
        );
      }
      wait.hidden = untilMs === null;
    },
    setState(next) {
      if (next.kind === "page") painted = true;
      current = next;
      draw();
    },
    move(t) {
      const first = session?.segments[0]?.start ?? 0;
      const crossed = position < first !== t < first;
      position = t;
      if (crossed) draw();
      const page = Math.max(0, pages.move(t));
      if (page !== shownPage) drawPage(page);
      const gap = session ? spanAt(session.gaps, t) : null;
      if (gap !== shownGap) drawGap(gap);
    },
    refresh: draw,
    setBusy(on) {
      setAttribute(stage, "aria-busy", String(on));
    },
    setBuffering(on) {
      buffering.hidden = !on;
    },
    setGone() {
      if (notices.querySelector(".is-gone")) return;
      const text = "Kernel gone: what is loaded plays on. Run the cell again for the rest.";
      notices.append(notice("is-gone", "plug", text, null));
      kernelGone = true;
      draw();
    },
  };
}
