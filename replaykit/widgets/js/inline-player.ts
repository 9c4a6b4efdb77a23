/** A player that opens in place, under a list: one session at a time, with Close. */

import type { Source } from "./kernel.ts";
import { button } from "./parts/buttons.ts";
import { el, fill, setText } from "./parts/dom.ts";
import { failure } from "./parts/failure.ts";
import { createPlayer, type PlayerHandle } from "./player.ts";

export interface InlinePlayer {
  node: HTMLElement;
  /** What is open, null before the first and after Close. */
  readonly replay: string | null;
  readonly running: boolean;
  /** Open a replay and play it from `at`, or from its start; play or pause the open one. */
  play(replay: string, title: string, at: number | null): Promise<void>;
  /** Go to a moment of the open replay; another replay is left alone. */
  seek(replay: string, at: number): void;
  /** Close it; false when nothing is open. */
  close(): boolean;
  destroy(): void;
}

export interface InlinePlayerSpec {
  onClose(): void;
  onChange(replay: string | null, running: boolean, event: string): void;
}

export function createInlinePlayer(source: Source, spec: InlinePlayerSpec): InlinePlayer {
  const title = el("span", { class: "who rk-cut" });
  const node = el("div", { class: "rk-home-player", hidden: true });
  let player: PlayerHandle | null = null;
  let replay: string | null = null;
  let running = false;
  let closed = false;

  function ready(): PlayerHandle {
    if (player) return player;
    const shut = button({ label: "Close", icon: "x", key: "esc", run: () => void close() });
    const host = el("div");
    fill(
      node,
      el("header", { class: "rk-head" }, title, el("span", { class: "rk-grow" }), shut),
      host,
    );
    node.hidden = false;
    const made = createPlayer(host, source, { compact: false });
    made.onChange((change) => {
      running = change.playing;
      spec.onChange(replay, running, change.event);
    });
    player = made;
    return made;
  }

  function close(): boolean {
    if (player === null) return false;
    player.destroy();
    player = null;
    replay = null;
    running = false;
    node.hidden = true;
    fill(node);
    spec.onChange(null, false, "");
    spec.onClose();
    return true;
  }

  return {
    node,
    get replay() {
      return replay;
    },
    get running() {
      return running;
    },
    async play(wanted, said, at) {
      if (player && wanted === replay && at === null) {
        if (running) player.pause();
        else player.play();
        return;
      }
      replay = wanted;
      running = false;
      spec.onChange(replay, running, "");
      const one = ready();
      setText(title, said);
      // Below a long list it would play unseen; its room is known before its data.
      node.scrollIntoView({ block: "nearest" });
      try {
        await one.load(wanted, { play: true, ...(at === null ? {} : { at }) });
        if (!closed && replay === wanted) one.focus();
      } catch (error) {
        if (!closed && replay === wanted)
          fill(node, failure("This session cannot be opened.", error));
      }
    },
    seek(wanted, at) {
      if (wanted === replay) player?.seek(at);
    },
    close,
    destroy() {
      closed = true;
      player?.destroy();
      player = null;
    },
  };
}
