/** The sessions of a player: its strip, the neighbours of the current one, autoplay. */

import type { Source } from "../kernel.ts";
import { createStrip, type Strip } from "../panels/strip.ts";

export interface Playlist {
  /** Ask for the list, and show its strip when it holds several. */
  open(point: string | undefined): Promise<void>;
  setCurrent(replay: string | null): void;
  /** The playable replay before or after the current one; null at the ends. */
  neighbour(by: 1 | -1): string | null;
  /** Null where there is only one. */
  readonly autoplay: boolean | null;
  setAutoplay(on: boolean): void;
}

export function createPlaylist(
  source: Source,
  zone: () => string,
  show: (strip: HTMLElement) => void,
  pick: (replay: string) => void,
  signal: AbortSignal,
): Playlist {
  let strip: Strip | null = null;
  let current: string | null = null;
  let autoplay = false;
  return {
    async open(point) {
      const expected = source.get("replays")?.length ?? 0;
      // Its place is kept from the start.
      if (!strip && expected > 1) {
        strip = createStrip(pick);
        strip.set([], expected, zone());
        show(strip.node);
      }
      let reply: Awaited<ReturnType<typeof source.request<"playlist">>>;
      try {
        reply = await source.request("playlist", point ? { point } : {});
      } catch {
        // The strip is an aid: the replay itself says what is wrong.
        return;
      }
      if (signal.aborted) return;
      const { rows, total } = reply.data;
      if (rows.length < 2) {
        strip?.node.remove();
        strip = null;
        return;
      }
      if (!strip) {
        strip = createStrip(pick);
        show(strip.node);
      }
      strip.set(rows, total, zone());
      strip.setCurrent(current);
    },
    setCurrent(replay) {
      current = replay;
      strip?.setCurrent(replay);
    },
    neighbour: (by) => strip?.neighbour(by) ?? null,
    get autoplay() {
      return strip ? autoplay : null;
    },
    setAutoplay(on) {
      autoplay = on;
    },
  };
}
