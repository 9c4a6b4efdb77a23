"""Chosen paths of the common question, in one small loop.

This order, steps that do not overlap, nothing that breaks a path, one interval. The
state is that of `path_kernel`; the law tests hold both to the same oracle.
"""

# ruff: noqa: C901, PLR0912, PLR0915 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.compiled import compiled

if TYPE_CHECKING:
    from replaykit.analyses.tick_kernel import I32, I64, U16


@compiled
def count_units(unit: I32, mask: U16, bucket: I32) -> int:
    """Return how many units (of one interval each) have an entry."""
    found = 0
    of = -1
    within = -1
    for row in range(len(mask)):
        if mask[row] >> 15 == 0:
            continue
        own = bucket[row] if len(bucket) else 0
        if unit[row] != of or own != within:
            found += 1
            of, within = unit[row], own
    return found


@compiled
def plain_paths(
    unit: I32, tick: I64, mask: U16, n: int, window: int
) -> tuple[I64, I64, I64]:
    """Return what `chosen_paths` does, for the common question.

    This order, steps that do not overlap, nothing that breaks a path, one interval:
    then a tick is its bits, and the whole search fits one small loop.
    """
    none = np.empty(0, np.int32)
    size = count_units(unit, mask, none)
    depths = np.zeros(size, np.int64)
    rows = np.full((size, n), -1, np.int64)
    latest = np.empty(n + 1, np.int64)
    line = 0
    total = len(mask)
    row = 0
    while row < total:
        start = row
        own = unit[row]
        latest[:] = -(1 << 61)
        depth = 0
        end = 0
        while row < total and unit[row] == own:
            now = tick[row]
            bits = int(mask[row])
            row += 1
            while row < total and tick[row] == now and unit[row] == own:
                bits |= int(mask[row])
                row += 1
            # Deep to shallow: a tick extends what stood before it.
            for taken in range(n - 1, 0, -1):
                if bits >> taken & 1 and now - latest[taken] <= window:
                    to = taken
                    while to < n and bits >> to & 1:
                        to += 1
                        latest[to] = max(latest[to], latest[taken])
                    if to > depth:
                        depth, end = to, now
            if bits >> 15:
                to = 0
                while to < n and bits >> to & 1:
                    to += 1
                    latest[to] = now
                if to > depth:
                    depth, end = to, now
            if depth == n:
                while row < total and unit[row] == own:
                    row += 1
        if depth == 0:
            continue
        # The first entry within the window before `end`; then each step at once.
        at = start
        while mask[at] >> 15 == 0 or tick[at] < end - window:
            at += 1
        depths[line] = depth
        rows[line, 0] = at
        taken = 1
        while taken < depth:
            now = tick[at]
            while at > start and tick[at - 1] == now:
                at -= 1
            while int(mask[at]) >> taken & 1 == 0:
                at += 1
            rows[line, taken] = at
            taken += 1
        line += 1
    return np.zeros(size, np.int64), depths, rows
