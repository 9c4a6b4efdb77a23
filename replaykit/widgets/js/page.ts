/**
 * A shared page: the figures of a notebook come alive over what travels with the page. No kernel,
 * no network; each figure is started when it comes near the screen.
 */

import { createChart } from "./chart.ts";
import { renderHome } from "./home.ts";
import { Blobs } from "./page/blobs.ts";
import { addCopyButtons } from "./page/code.ts";
import { followContents } from "./page/contents.ts";
import { type Moment, readMoment } from "./page/links.ts";
import { type Capsule, PageSource } from "./page/source.ts";
import { button } from "./parts/buttons.ts";
import { el } from "./parts/dom.ts";
import { shell } from "./parts/shell.ts";
import { createPlayer, type PlayerHandle } from "./player.ts";
import { renderResult } from "./result.ts";
import { addViewStyles, styled } from "./styled.ts";

/** What the page holds; written by `document.py`. */
interface Index {
  /** The blob of each figure's ready answers. */
  figures: string[];
  /** The blob of the chart library, when there is a chart. */
  library: string | null;
  /** The figures that can play each replay. */
  replays: Record<string, string[]>;
}

/** A figure that lives: it may hold a player that a link can move. */
interface Live {
  source: PageSource;
  goTo: ((moment: Moment) => void) | null;
}

/** Start a figure this far before it is seen. */
const NEAR = "600px";

class Page {
  readonly #index: Index;
  readonly #blobs: Blobs;
  readonly #live = new Map<HTMLElement, Promise<Live | null>>();
  readonly #stop = new AbortController();
  /** Players that a link opened for a figure which has none of its own. */
  readonly #beside = new Map<HTMLElement, { box: HTMLElement; player: PlayerHandle }>();

  constructor(index: Index) {
    this.#index = index;
    this.#blobs = new Blobs(document);
  }

  start(): void {
    const { signal } = this.#stop;
    document.documentElement.classList.add("rk-running");
    addCopyButtons(document);
    if (Object.keys(this.#index.replays).length > 0 && !framesWork()) sayNoReplays();
    followContents(document, signal);
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          watcher.unobserve(target);
          void this.#wake(target as HTMLElement);
        }
      },
      { rootMargin: NEAR },
    );
    for (const figure of this.#figures()) watcher.observe(figure);
    addEventListener("hashchange", () => void this.#follow(), { signal });
    void this.#follow();
  }

  #figures(): HTMLElement[] {
    return [...document.querySelectorAll<HTMLElement>("[data-rk-figure]")];
  }

  /** Bring a figure to life once; on failure its script-free twin comes back. */
  #wake(figure: HTMLElement): Promise<Live | null> {
    const known = this.#live.get(figure);
    if (known) return known;
    const made = this.#mount(figure).catch((error: unknown) => {
      figure.classList.add("is-static");
      console.error("replaykit: a figure cannot be shown.", error);
      return null;
    });
    this.#live.set(figure, made);
    return made;
  }

  async #mount(figure: HTMLElement): Promise<Live> {
    const blob = figure.dataset["rkFigure"] ?? "";
    const capsule = (await this.#blobs.json(blob)) as Capsule;
    const source = new PageSource(capsule, this.#blobs, this.#index.library);
    const host = el("div");
    figure.replaceChildren(host);
    const { frame } = shell(host, NAMES[capsule.kind], this.#stop.signal);
    // From here on the widget says how high it is.
    requestAnimationFrame(() => figure.classList.add("is-live"));
    switch (capsule.kind) {
      case "player": {
        const player = createPlayer(frame, source, { compact: false, playlist: true });
        return { source, goTo: (moment) => void load(player, moment) };
      }
      case "home":
        styled(renderHome)(frame, source);
        return { source, goTo: null };
      case "result":
        if (capsule.plain) {
          addViewStyles(frame);
          frame.append(createChart(source, { onPoint: () => {} }).node);
        } else styled(renderResult)(frame, source);
        return { source, goTo: null };
    }
  }

  /** Open the replay that the address names, in the figure that shows it, and go there. */
  async #follow(): Promise<void> {
    const moment = readMoment(location.hash);
    if (!moment) return;
    const blobs = this.#index.replays[moment.replay] ?? [];
    const able = this.#figures().filter((one) => blobs.includes(one.dataset["rkFigure"] ?? ""));
    const figure = able.find((one) => one.classList.contains("rk-fig-player")) ?? able[0];
    if (!figure) return;
    figure.scrollIntoView({ block: "start" });
    const live = await this.#wake(figure);
    if (!live) return;
    if (live.goTo) live.goTo(moment);
    else this.#openBeside(figure, live.source, moment);
    // The figures above may have grown while they woke.
    const place = this.#beside.get(figure)?.box ?? figure;
    requestAnimationFrame(() => place.scrollIntoView({ block: "start" }));
  }

  /** A chart or a list has the replay but no player on the screen: put one under it. */
  #openBeside(figure: HTMLElement, source: PageSource, moment: Moment): void {
    const open = this.#beside.get(figure);
    if (open) {
      void load(open.player, moment);
      return;
    }
    const stop = new AbortController();
    const host = el("div");
    const box = el("div", { class: "rk-fig rk-fig-player" }, host);
    figure.after(box);
    const { frame } = shell(host, NAMES.player, stop.signal);
    const player = createPlayer(frame, source, { compact: false, synced: false });
    const close = () => {
      player.destroy();
      stop.abort();
      box.remove();
      this.#beside.delete(figure);
    };
    const shut = button({ label: "Close", icon: "x", run: close });
    frame.prepend(
      el(
        "header",
        { class: "rk-head" },
        "Opened by a link",
        el("span", { class: "rk-grow" }),
        shut,
      ),
    );
    this.#beside.set(figure, { box, player });
    void load(player, moment);
  }
}

/**
 * Some mail viewers put a page into a sandbox of its own, where no frame in it can be reached:
 * then charts, users and event tables work, but no recorded page can be drawn.
 */
function framesWork(): boolean {
  const probe = el("iframe", { sandbox: "allow-same-origin", hidden: true });
  document.body.append(probe);
  const works = probe.contentDocument !== null;
  probe.remove();
  return works;
}

function sayNoReplays(): void {
  const text =
    "This viewer does not let the recorded pages be drawn; charts, users and event tables work. Save the file and open it in a browser to watch the replays.";
  document
    .querySelector(".rk-doc > header")
    ?.append(el("p", { class: "rk-warning", role: "status" }, text));
}

const NAMES = {
  player: "Session replay",
  result: "Chart",
  home: "Session replays",
} as const;

function load(player: PlayerHandle, { replay, t }: Moment): Promise<void> {
  // The player itself says when it cannot.
  return player.load(replay, t === null ? {} : { at: t }).catch(() => undefined);
}

const index = document.getElementById("rk-page");
if (index) new Page(JSON.parse(index.textContent ?? "") as Index).start();
