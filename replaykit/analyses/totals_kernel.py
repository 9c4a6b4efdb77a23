"""Follow every attempt through a funnel: each row belongs to at most one path.

The state is, per depth, a queue of open paths, oldest entry in front. A row that can
extend open paths extends the deepest one, oldest entry first; otherwise an entry opens
a path. Paths move from queue to queue in the order of their entries, so a queue is
always sorted and its expired paths are in front. Within one tick, lower steps go first.
"""

# ruff: noqa: C901, PLR0912, PLR0915, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.tick_kernel import STEPS
from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from replaykit.analyses.tick_kernel import I32, I64, U16


@compiled
def all_paths(
    unit: I32,
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32,
    n: int,
    window: int,
) -> tuple[I64, I64, I64]:
    """Return every path: the interval of its entry, its depth, and its rows."""
    total = len(mask)
    size = 0
    for row in range(total):
        size += int(mask[row]) >> 15
    intervals = np.zeros(size, np.int64)
    depths = np.zeros(size, np.int64)
    rows = np.full((size, n), -1, np.int64)
    behind = np.full(size, -1, np.int64)
    # Per depth: the first and last path of the queue, and the first of this tick.
    head = np.full(n + 1, -1, np.int64)
    tail = np.full(n + 1, -1, np.int64)
    new = np.full(n + 1, -1, np.int64)
    made = 0
    start = 0
    while start < total:
        if start == 0 or unit[start] != unit[start - 1]:
            head[:] = -1
            tail[:] = -1
        stop = start + 1
        while stop < total and tick[stop] == tick[start] and unit[stop] == unit[start]:
            stop += 1
        now = tick[start]
        broke = 0
        if len(broken):
            for row in range(start, stop):
                broke |= int(broken[row])
        new[:] = -1
        listed, entries, count = occurrences(mask, kind, start, stop)
        for low in range(n):
            for i in range(count):
                bits = int(mask[listed[i]]) & STEPS
                if bits & -bits != 1 << low:
                    continue
                path = -1
                for depth in range(n - 1, 0, -1):
                    if bits >> depth & 1 == 0:
                        continue
                    while head[depth] >= 0 and (
                        now - tick[rows[head[depth], 0]] > window
                    ):
                        head[depth] = behind[head[depth]]
                    path = head[depth]
                    if path >= 0:
                        if new[depth] == path:
                            new[depth] = behind[path]
                        head[depth] = behind[path]
                        rows[path, depth] = listed[i]
                        break
                if path < 0 and entries[i] >= 0:
                    path = made
                    made += 1
                    rows[path, 0] = entries[i]
                    intervals[path] = bucket[entries[i]] if len(bucket) else 0
                if path < 0:
                    continue
                depths[path] += 1
                deep = depths[path]
                behind[path] = -1
                if deep < n:
                    if head[deep] < 0:
                        head[deep] = path
                    else:
                        behind[tail[deep]] = path
                    tail[deep] = path
                    if new[deep] < 0:
                        new[deep] = path
        for depth in range(1, n):
            if broke >> depth & 1:
                head[depth] = new[depth]
        start = stop
    return intervals[:made], depths[:made], rows[:made]


@part
def occurrences(mask: U16, kind: I32, start: int, stop: int) -> tuple[I64, I64, int]:
    """Return the first row of each occurrence of a tick, its entry row, their number.

    Rows of one event type that satisfy the same steps are one occurrence.
    """
    listed = np.empty(stop - start, np.int64)
    entries = np.empty(stop - start, np.int64)
    count = 0
    for row in range(start, stop):
        bits = int(mask[row]) & STEPS
        if bits == 0:
            continue
        entry = row if int(mask[row]) >> 15 else -1
        found = False
        for i in range(count):
            other = listed[i]
            if int(mask[other]) & STEPS == bits and kind[other] == kind[row]:
                if entries[i] < 0:
                    entries[i] = entry
                found = True
                break
        if not found:
            listed[count] = row
            entries[count] = entry
            count += 1
    return listed, entries, count
