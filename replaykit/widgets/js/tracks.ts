/**
 * Streams that move with the clock: sorted times with a moving pointer. A step forward while
 * playing costs nothing; a jump costs one binary search.
 */

/** Index of the last time <= t (ties: the last of them), or -1. */
export function lastAtOrBefore(times: ArrayLike<number>, t: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? Number.POSITIVE_INFINITY) <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Index of the first time >= t, or `times.length`. */
export function firstAtOrAfter(times: ArrayLike<number>, t: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? Number.POSITIVE_INFINITY) < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Which segment shows t, by their starts: a page at t is made by what came strictly before. */
export function segmentAt(starts: ArrayLike<number>, t: number): number {
  return Math.max(0, firstAtOrAfter(starts, t) - 1);
}

/** How far the pointer walks before it searches instead. */
const WALK = 16;

export class Track {
  readonly times: ArrayLike<number>;
  #at = -1;

  /** Times in ascending order. */
  constructor(times: ArrayLike<number>) {
    this.times = times;
  }

  /** The pointer: index of the highlighted entry, -1 before the first. */
  get at(): number {
    return this.#at;
  }

  /** Move to a position; returns the index of the last entry at or before it, or -1. */
  move(t: number): number {
    let at = this.#at;
    for (let steps = 0; steps < WALK; steps += 1) {
      const here = at < 0 ? Number.NEGATIVE_INFINITY : (this.times[at] ?? Number.NaN);
      const next = this.times[at + 1] ?? Number.POSITIVE_INFINITY;
      if (here > t) at -= 1;
      else if (next <= t) at += 1;
      else {
        this.#at = at;
        return at;
      }
    }
    this.#at = lastAtOrBefore(this.times, t);
    return this.#at;
  }

  /** Index of the first entry strictly after a position, or null. */
  next(t: number): number | null {
    const index = lastAtOrBefore(this.times, t) + 1;
    return index < this.times.length ? index : null;
  }

  /** Index of the last entry strictly before a position, or null. */
  previous(t: number): number | null {
    const index = firstAtOrAfter(this.times, t) - 1;
    return index >= 0 ? index : null;
  }

  /** Up to `count` entries nearest to a position, nearest first. */
  nearest(t: number, count: number): number[] {
    let after = firstAtOrAfter(this.times, t);
    let before = after - 1;
    const found: number[] = [];
    while (found.length < count && (before >= 0 || after < this.times.length)) {
      const left = before >= 0 ? t - (this.times[before] ?? 0) : Number.POSITIVE_INFINITY;
      const right =
        after < this.times.length ? (this.times[after] ?? 0) - t : Number.POSITIVE_INFINITY;
      if (right < left) {
        found.push(after);
        after += 1;
      } else {
        found.push(before);
        before -= 1;
      }
    }
    return found;
  }
}

/** The span that holds a position, or null; spans are sorted and do not overlap. */
export function spanAt<S extends readonly [number, number]>(
  spans: readonly S[],
  t: number,
): S | null {
  for (const span of spans) {
    if (span[0] > t) return null;
    if (t < span[1]) return span;
  }
  return null;
}

/** The stretches of more than a threshold; one of exactly so long does not count. */
export function longerThan<S extends readonly [number, number]>(
  spans: readonly S[],
  ms: number,
): S[] {
  return spans.filter(([start, end]) => end - start > ms);
}
