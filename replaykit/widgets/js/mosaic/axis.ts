/** The axis that tiles share: it counts from the moment that all of them hold. Pure. */

import type { Span } from "../protocol.ts";

/** How much is shown around the shared moment: before and after it, in milliseconds. */
export type Around = readonly [before: number, after: number];

export const AROUND: readonly { label: string; of: Around }[] = [
  { label: "20 s before to 40 s after", of: [20_000, 40_000] },
  { label: "1 min before to 2 min after", of: [60_000, 120_000] },
  { label: "5 min before to 10 min after", of: [300_000, 600_000] },
  { label: "all of them, whole", of: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] },
];

interface Placed {
  length_ms: number;
  anchor_t: number;
}

/** Where the axis begins and ends, from the shared moment: no further than any tile reaches. */
export function axisOf(tiles: readonly Placed[], [before, after]: Around): Span {
  const most = Math.max(0, ...tiles.map((tile) => tile.anchor_t));
  const rest = Math.max(1000, ...tiles.map((tile) => tile.length_ms - tile.anchor_t));
  return [-Math.min(before, most), Math.min(after, rest)];
}

/** Where a tile is when the shared clock says `u`: in it, before its start, or past its end. */
export function placeOf(tile: Placed, u: number): { t: number; state: "in" | "before" | "over" } {
  const t = tile.anchor_t + u;
  if (t < 0) return { t: 0, state: "before" };
  return t > tile.length_ms ? { t: tile.length_ms, state: "over" } : { t, state: "in" };
}

/** A place on the axis in percent. */
export function share([start, end]: Span, u: number): number {
  return Math.min(100, Math.max(0, (100 * (u - start)) / (end - start)));
}

/** A distance from the shared moment with its sign: +0:08, −0:12, 0:00. */
export function signed(u: number, say: (ms: number) => string): string {
  return `${u >= 1000 ? "+" : ""}${u <= -1000 ? say(u) : say(Math.abs(u))}`;
}
