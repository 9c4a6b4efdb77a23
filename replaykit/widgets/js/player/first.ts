/** What the first page of a player need not wait for: it is done when that page is painted. */

export interface First {
  /** Do this when the first page is painted, or soon if it does not come. */
  defer(work: () => void): void;
  /** The page stands and will be painted next. */
  painted(): void;
  /** Do not wait any longer. */
  now(): void;
}

/** A page that takes longer is not waited for. */
const LONGEST_MS = 350;

export function createFirst(signal: AbortSignal): First {
  let waiting: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function now(): void {
    clearTimeout(timer);
    const work = waiting;
    waiting = null;
    if (!signal.aborted) work?.();
  }

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  return {
    defer(work) {
      waiting = work;
      clearTimeout(timer);
      timer = setTimeout(now, LONGEST_MS);
    },
    painted() {
      // A hidden tab paints nothing: there the timer does it.
      if (waiting) requestAnimationFrame(() => setTimeout(now));
    },
    now,
  };
}
