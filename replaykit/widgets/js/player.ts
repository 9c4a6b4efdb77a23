/** The session replay player, as a part: home, microscope and shared page embed it too. */

import type { Source } from "./kernel.ts";

export interface PlayerOptions {
  /** The small form beside a stream: no session strip, no event panel, no legend. */
  compact: boolean;
  /** Read and write the player's traits (position, speed, …) on the source. Default: true. */
  synced?: boolean;
  /** "Open in the player" of the compact form; the button is left out without it. */
  onExpand?(replay: string, t: number): void;
}

export interface LoadOptions {
  /** The charted point this replay belongs to. */
  point?: string;
  /** Where to start, in milliseconds from the replay's first event. Default: where the point is. */
  at?: number;
  play?: boolean;
}

export interface PlayerChange {
  replay: string;
  t: number;
  time_ms: number;
  playing: boolean;
  /** Row id of the event under the playhead, "" when none. */
  event: string;
}

export interface PlayerHandle {
  node: HTMLElement;
  load(replay: string, options?: LoadOptions): Promise<void>;
  seek(t: number): void;
  play(): void;
  pause(): void;
  /** Position, playing state or current event changed (about 10 times a second while playing). */
  onChange(then: (change: PlayerChange) => void): () => void;
  focus(): void;
  destroy(): void;
}

/** What `createPlayer` is; index.ts, home and microscope call it with their source. */
export type CreatePlayer = (
  host: HTMLElement,
  source: Source,
  options: PlayerOptions,
) => PlayerHandle;
