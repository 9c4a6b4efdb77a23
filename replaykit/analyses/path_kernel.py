"""Find each unit's chosen path through the steps, in one pass over its rows.

This order and exact order. The state, per unit, while its ticks pass by:

`latest[k]`
    entry time of the latest-entered path that has taken k steps and may go on; the
    latest entry is enough, because every path has the same window
`alive`
    bit k: `latest[k]` is set. An excluded event clears the depths it breaks, unless
    the path takes a step in that very tick. Exact order is the same with every event
    as an excluded one
`depth`, `end`
    the deepest depth so far, and the tick in which it was first reached

The chosen path is the longest, then the earliest entered, then the earliest at each
later step. Where nothing breaks paths, an entry whose window holds `end` and that is
the first to do so is the earliest, and taking every step as early as possible from
there gives the path. Where events break paths, waiting may help, so a walk backwards
finds the earliest entry that completes, and a walk from it keeps the best path of each
depth.
"""

# ruff: noqa: C901, FBT001, PLR0912, PLR0915, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.broken_kernel import best_from, earliest_entry
from replaykit.analyses.plain_kernel import count_units
from replaykit.analyses.tick_kernel import (
    OCCURRENCES,
    STEPS,
    may_enter,
    take,
    tick_end,
    tick_reach,
)
from replaykit.analyses.unordered_kernel import any_order, any_order_plain
from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from replaykit.analyses.tick_kernel import I32, I64, U16


@part
def deepest(
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32 | None,
    lo: int,
    hi: int,
    wanted: int,
    n: int,
    window: int,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    latest: I64,
    fresh: I64,
    reach: I64,
) -> tuple[int, int, int]:
    """Return the longest depth, the tick of its first completion, and its entry."""
    alive = 0
    depth = 0
    end = 0
    entry = 0
    row = lo
    while row < hi:
        bits = int(mask[row]) & STEPS
        if bits == 0 and alive == 0:
            # Nothing to extend, nothing to break: most rows of exact order.
            row += 1
            continue
        now = tick[row]
        single = row + 1 == hi or tick[row + 1] != now
        if single and bits & (bits - 1) == 0:
            # One row, at most one step: the common case.
            broke = int(broken[row]) if len(broken) else 0
            survives = 0
            if bits == 1:
                if may_enter(mask, bucket, row, wanted):
                    latest[1] = now
                    survives = 2
                    if depth == 0:
                        depth, end, entry = 1, now, now
            elif bits and alive:
                step = 1
                while bits >> step & 1 == 0:
                    step += 1
                if alive >> step & 1 and now - latest[step] <= window:
                    own = latest[step]
                    if broke >> (step + 1) & 1 or alive >> (step + 1) & 1 == 0:
                        latest[step + 1] = own
                    else:
                        latest[step + 1] = max(latest[step + 1], own)
                    survives = 1 << (step + 1)
                    if step + 1 > depth:
                        depth, end, entry = step + 1, now, own
            alive = (alive & ~broke) | survives
            row += 1
        else:
            stop = tick_end(tick, row, hi)
            broke = 0
            if len(broken):
                for other in range(row, stop):
                    broke |= int(broken[other])
            tick_reach(
                mask, bucket, kind, row, stop, wanted, n, occ, used, holder, work, reach
            )
            survives = 0
            for start in range(n):
                if start == 0:
                    own = now
                elif alive >> start & 1 and now - latest[start] <= window:
                    own = latest[start]
                else:
                    continue
                for to in range(start + 1, reach[start] + 1):
                    if survives >> to & 1 == 0 or own > fresh[to]:
                        fresh[to] = own
                    survives |= 1 << to
            for to in range(1, n + 1):
                if survives >> to & 1 == 0:
                    continue
                if broke >> to & 1 or alive >> to & 1 == 0:
                    latest[to] = fresh[to]
                else:
                    latest[to] = max(latest[to], fresh[to])
                if to > depth:
                    depth, end, entry = to, now, fresh[to]
            alive = (alive & ~broke) | survives
            row = stop
        if depth == n:
            return depth, end, entry
    return depth, end, entry


@part
def greedy(
    tick: I64,
    mask: U16,
    bucket: I32,
    kind: I32 | None,
    lo: int,
    hi: int,
    wanted: int,
    depth: int,
    earliest: int,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    reach: I64,
    rows: I64,
) -> None:
    """Write the path of the first entry at or after `earliest`, each step at once."""
    row = lo
    while tick[row] < earliest or not may_enter(mask, bucket, row, wanted):
        row += 1
    while row > lo and tick[row - 1] == tick[row]:
        row -= 1
    at = 0
    while at < depth:
        # Rows that cannot be the next step are most of them.
        if at > 0 and int(mask[row]) >> at & 1 == 0:
            row += 1
            continue
        while at > 0 and row > lo and tick[row - 1] == tick[row]:
            row -= 1
        stop = tick_end(tick, row, hi)
        if stop == row + 1:
            rows[at] = row
            at += 1
        else:
            several = tick_reach(
                mask, bucket, kind, row, stop, wanted, depth, occ, used, holder, work,
                reach,
            )  # fmt: skip
            to = reach[at]
            steps = (1 << to) - (1 << at)
            take(
                mask, bucket, kind, row, stop, wanted, steps, several, occ, used,
                holder, work, rows,
            )  # fmt: skip
            at = to
        row = stop


@compiled
def spans(
    unit: I32, tick: I64, mask: U16, bucket: I32, window: int, unordered: bool
) -> I64:
    """Return one line per search: its first row, its end, and its interval.

    A unit is searched once per interval it enters in, with the entries of that
    interval only; the interval is -1 where there are none.
    """
    size = count_units(unit, mask, bucket)
    found = np.empty((size, 3), np.int64)
    line = 0
    total = len(mask)
    start = 0
    while start < total:
        stop = start + 1
        entries = int(mask[start]) >> 15
        while stop < total and unit[stop] == unit[start]:
            entries |= int(mask[stop]) >> 15
            stop += 1
        at = start
        while entries and at < stop:
            # Rows [lo, hi) can matter to the entries of one interval.
            lo, hi, wanted, at = interval_rows(
                tick, mask, bucket, start, at, stop, window, unordered
            )
            if wanted == -2:
                break
            found[line, 0] = lo
            found[line, 1] = hi
            found[line, 2] = wanted
            line += 1
        start = stop
    return found


@compiled
def ordered_paths(
    found: I64,
    tick: I64,
    mask: U16,
    bucket: I32,
    kind: I32 | None,
    rows: I64,
    work: I64,
    n: int,
    window: int,
) -> I64:
    """Write the path of each search in this order; return their depths.

    Rows that a path does not reach stay as they are. `work` is scratch.
    """
    depths = np.empty(len(found), np.int64)
    none = np.empty(0, np.uint16)
    state = np.zeros((3, n + 2), np.int64)
    occ = np.empty((work.shape[1], 4), np.int64)
    for line in range(len(found)):
        lo, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
        depth, end, _ = deepest(
            tick, mask, none, bucket, kind, lo, hi, wanted, n, window, occ, work[4],
            work[5], work, state[0], state[1], state[2],
        )  # fmt: skip
        depths[line] = depth
        greedy(
            tick, mask, bucket, kind, lo, hi, wanted, depth, end - window, occ,
            work[4], work[5], work, state[2], rows[line],
        )  # fmt: skip
    return depths


@compiled
def broken_paths(
    found: I64,
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32 | None,
    rows: I64,
    work: I64,
    n: int,
    window: int,
) -> I64:
    """Write the path of each search where events break paths; return their depths."""
    depths = np.empty(len(found), np.int64)
    state = np.zeros((3, n + 2), np.int64)
    paths = np.zeros((n + 2, n + 2), np.int64)
    fresh_paths = np.zeros((n + 2, n + 2), np.int64)
    occ = np.empty((work.shape[1], 4), np.int64)
    for line in range(len(found)):
        lo, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
        depth, end, entry = deepest(
            tick, mask, broken, bucket, kind, lo, hi, wanted, n, window, occ, work[4],
            work[5], work, state[0], state[1], state[2],
        )  # fmt: skip
        depths[line] = depth
        while tick[lo] < end - window:
            lo += 1
        if depth == 1:
            while tick[lo] < end or not may_enter(mask, bucket, lo, wanted):
                lo += 1
            rows[line, 0] = lo
            continue
        while hi > lo and tick[hi - 1] > entry + window:
            hi -= 1
        first = earliest_entry(
            tick, mask, broken, bucket, kind, lo, hi, wanted, depth, window, occ,
            work[4], work[5], work, state[0], state[1], state[2],
        )  # fmt: skip
        best_from(
            tick, mask, broken, bucket, kind, first, hi, wanted, depth, window, occ,
            work[4], work[5], work, state[2], paths, fresh_paths, rows[line],
        )  # fmt: skip
    return depths


@compiled
def unordered_paths(
    found: I64,
    tick: I64,
    mask: U16,
    bucket: I32,
    rows: I64,
    n: int,
    window: int,
) -> I64:
    """Write the path of each search in any order, where steps do not overlap."""
    depths = np.empty(len(found), np.int64)
    for line in range(len(found)):
        lo, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
        depths[line] = any_order_plain(
            tick, mask, bucket, lo, hi, wanted, n, window, rows[line]
        )
    return depths


@compiled
def unordered_sets(
    found: I64,
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32 | None,
    rows: I64,
    work: I64,
    n: int,
    window: int,
) -> I64:
    """Write the same where steps overlap or events break paths."""
    depths = np.empty(len(found), np.int64)
    occ = np.empty((work.shape[1], 4), np.int64)
    for line in range(len(found)):
        lo, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
        depths[line] = any_order(
            tick, mask, broken, bucket, kind, lo, hi, wanted, n, window, occ, work[4],
            work[5], work, rows[line],
        )  # fmt: skip
    return depths


def chosen_paths(
    unit: I32,
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32,
    n: int,
    window: int,
    *,
    unordered: bool,
) -> tuple[I64, I64, I64]:
    """Return, per unit with an entry: its interval, its depth, and its path's rows.

    A unit is searched once per interval it enters in, with the entries of that
    interval only. Rows that a path does not reach are -1. Each kind of question has a
    kernel of its own, so that only the one that is asked is compiled.
    """
    found = spans(unit, tick, mask, bucket, window, unordered)
    rows = np.full((len(found), n), -1, np.int64)
    overlap = kind if len(kind) else None
    work = np.zeros((6, OCCURRENCES if len(kind) else 64), np.int64)
    if unordered and overlap is None and not len(broken):
        depths = unordered_paths(found, tick, mask, bucket, rows, n, window)
    elif unordered:
        depths = unordered_sets(
            found, tick, mask, broken, bucket, overlap, rows, work, n, window
        )
    elif len(broken):
        depths = broken_paths(
            found, tick, mask, broken, bucket, overlap, rows, work, n, window
        )
    else:
        depths = ordered_paths(
            found, tick, mask, bucket, overlap, rows, work, n, window
        )
    return np.maximum(found[:, 2], 0), depths, rows


@part
def interval_rows(
    tick: I64,
    mask: U16,
    bucket: I32,
    start: int,
    at: int,
    stop: int,
    window: int,
    unordered: bool,
) -> tuple[int, int, int, int]:
    """Return the rows of the next interval with an entry, its number, and what is next.

    The number is -1 where there are no intervals, and -2 at the end.
    """
    if len(bucket) == 0:
        return start, stop, -1, stop
    while at < stop and mask[at] >> 15 == 0:
        at += 1
    if at == stop:
        return 0, 0, -2, stop
    wanted = int(bucket[at])
    first = tick[at]
    last = first
    lo = at
    while at < stop and (mask[at] >> 15 == 0 or bucket[at] == wanted):
        if mask[at] >> 15:
            last = tick[at]
        at += 1
    least = first - window if unordered else first
    while lo > start and tick[lo - 1] >= least:
        lo -= 1
    hi = at
    while hi < stop and tick[hi] <= last + window:
        hi += 1
    return lo, hi, wanted, at
