"""Find each unit's chosen path through the steps, in one pass over its rows.

What a tick does to the state stands in `ordered_kernel`, `broken_kernel` and
`unordered_kernel`; here are the searches: which rows they read, and what they write.

The chosen path is the longest, then the earliest entered, then the earliest at each
later step. Where nothing breaks paths, an entry whose window holds `end` and that is
the first to do so is the earliest, and taking every step as early as possible from
there gives the path. Where events break paths, that is so if none breaks this one
(`straight`). Otherwise waiting may help, so a walk backwards finds the earliest entry
that completes, and a walk from it keeps the best path of each depth.
"""

# ruff: noqa: FBT001, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.broken_kernel import best_from, earliest_entry, straight
from replaykit.analyses.ordered_kernel import deepest, greedy
from replaykit.analyses.plain_kernel import count_units
from replaykit.analyses.tick_kernel import OCCURRENCES
from replaykit.analyses.unordered_kernel import any_order, any_order_plain
from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from replaykit.analyses.tick_kernel import I32, I64, U16


@compiled
def spans(
    unit: I32, tick: I64, mask: U16, bucket: I32, window: int, unordered: bool
) -> I64:
    """Return one line per search: its first row, its end, and its interval.

    A unit is searched once per interval it enters in, with the entries of that
    interval only; the interval is -1 where there are none.
    """
    size = int(len(unit) > 0)
    for row in range(1, len(unit)):
        size += unit[row] != unit[row - 1]
    if len(bucket):
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
        if entries and len(bucket) == 0:
            found[line, 0] = start
            found[line, 1] = stop
            found[line, 2] = -1
            line += 1
            start = stop
            continue
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
    return found[:line]


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
    none = np.empty(0, np.uint16)
    state = np.zeros((3, n + 2), np.int64)
    occ = np.empty((work.shape[1], 4), np.int64)
    reached = deepest(
        found, tick, mask, none, bucket, kind, n, window, occ, work[4], work[5], work,
        state[0], state[1], state[2],
    )  # fmt: skip
    for line in range(len(found)):
        lo, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
        greedy(
            tick, mask, bucket, kind, lo, hi, wanted, reached[line, 0],
            reached[line, 1] - window, occ, work[4], work[5], work, state[2],
            rows[line],
        )  # fmt: skip
    return reached[:, 0].copy()


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
    state = np.zeros((3, n + 2), np.int64)
    paths = np.zeros((n + 2, n + 2), np.int64)
    fresh_paths = np.zeros((n + 2, n + 2), np.int64)
    occ = np.empty((work.shape[1], 4), np.int64)
    reached = deepest(
        found, tick, mask, broken, bucket, kind, n, window, occ, work[4], work[5], work,
        state[0], state[1], state[2],
    )  # fmt: skip
    left = straight(found, reached, tick, mask, broken, bucket, window, rows)
    for line in left:
        lo, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
        depth, end, entry = reached[line, 0], reached[line, 1], reached[line, 2]
        while tick[lo] < end - window:
            lo += 1
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
    return reached[:, 0].copy()


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
    return any_order_plain(found, tick, mask, bucket, n, window, rows)


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

    The number is -2 at the end.
    """
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
