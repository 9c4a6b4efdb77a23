/** Geometry of the timeline's lanes. Pure. */

import type { MarkKind } from "../parts/icons.ts";

/** Marks nearer than this stand side by side. */
const APART_PX = 12;
const MOST_SIDE_BY_SIDE = 3;

/** The gravest kind speaks for a crowd. */
const GRAVITY: MarkKind[] = ["error", "rage", "request", "dead", "event", "page", "server"];

export interface Placed {
  row: number;
  kind: MarkKind;
  x: number;
}

export interface Cluster {
  drawn: (Placed & { count: number })[];
}

/**
 * Marks nearer than 12 px stand side by side around their mean; more than three become the
 * gravest one with a count. Input in ascending x.
 */
export function clusters(marks: readonly Placed[]): Cluster[] {
  const groups: Placed[][] = [];
  for (const mark of marks) {
    const last = groups.at(-1);
    const previous = last?.at(-1);
    if (last && previous && mark.x - previous.x < APART_PX) last.push(mark);
    else groups.push([mark]);
  }
  return groups.map((group) => {
    const mean = group.reduce((sum, mark) => sum + mark.x, 0) / group.length;
    if (group.length > MOST_SIDE_BY_SIDE) {
      const gravest = [...group].sort(
        (a, b) => GRAVITY.indexOf(a.kind) - GRAVITY.indexOf(b.kind),
      )[0];
      return { drawn: gravest ? [{ ...gravest, x: mean, count: group.length }] : [] };
    }
    const first = mean - ((group.length - 1) * APART_PX) / 2;
    return { drawn: group.map((mark, i) => ({ ...mark, x: first + i * APART_PX, count: 1 })) };
  });
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STEPS = [
  SECOND,
  2 * SECOND,
  5 * SECOND,
  10 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
];

/** Labels keep at least this distance. */
const LABEL_APART_PX = 96;
const END_APART_PX = 62;

/** Times to label: round steps from 0, and the end; a step too near to the end gives way. */
export function axisTicks(length: number, width: number): number[] {
  const most = Math.max(1, width / LABEL_APART_PX);
  const step = STEPS.find((one) => length / one <= most) ?? 24 * HOUR;
  const ticks: number[] = [];
  const scale = width / Math.max(1, length);
  for (let t = 0; t < length; t += step) {
    if (t > 0 && (length - t) * scale < END_APART_PX) break;
    ticks.push(t);
  }
  ticks.push(length);
  return ticks;
}
