/** What a player is asked for, and what it gives to the widget around it. */

import type { PersonView } from "./look-up.ts";

export interface PlayerOptions {
  /** The small form beside a stream: no session strip, no event panel, no legend. */
  compact: boolean;
  /** Read and write the player's traits (position, speed, …) on the source. Default: true. */
  synced?: boolean;
  /** Show the source's playlist and open what its traits say, at the position they say. */
  playlist?: boolean;
  /** "Open in the player" of the compact form; the button is left out without it. */
  onExpand?(replay: string, t: number): void;
  /** Draws the view of a person under the player; without it nobody is looked up. */
  person?: PersonView;
  /** What copying a link copies; by default the reference that `shop.replay(ref)` reads. */
  link?(replay: string, t: number | null): string;
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
  /** Open a replay; rejects when the source cannot give it (the stage says so too). */
  load(replay: string, options?: LoadOptions): Promise<void>;
  seek(t: number): void;
  play(): void;
  pause(): void;
  /** Position, playing state or current event changed (about 10 times a second while playing). */
  onChange(then: (change: PlayerChange) => void): () => void;
  focus(): void;
  destroy(): void;
}
