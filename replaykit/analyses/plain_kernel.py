"""Chosen paths of the common question, in one small loop.

This order, steps that do not overlap, nothing that breaks a path, one interval. The
state is that of `ordered_kernel`; the law tests hold both to the same oracle.
"""

# ruff: noqa: C901, PLR0912, PLR0915, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.rows_kernel import cut
from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from replaykit.analyses.tick_kernel import I32, I64, U16


@part
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


@part
def entry_bits(
    bits: U16, code: NDArray[np.int16], enters: NDArray[np.bool_], row: int
) -> int:
    """Return the step of a row as a bit; none of a first step that may not enter."""
    own = int(bits[code[row]])
    return 0 if own & 1 and len(enters) and not enters[row] else own


@compiled
def plain_times(
    owner: I32,
    time: I64,
    code: NDArray[np.int16],
    bits: U16,
    enters: NDArray[np.bool_],
    unit: int,
    n: int,
    window: int,
    kept: int,
) -> tuple[I64, I64, I64]:
    """Return, of units with an entry: their paths' rows, depths, and ticks between.

    The same search as `plain_paths`, straight from the table's columns: times in
    microseconds, event codes that `bits` translates into steps (one at most per code),
    and whether a row may enter (empty: every row of the first step). The rows of an
    owner stand together, by time. Rows (of the first `kept` steps) and gaps are a line
    per step, zero beyond the depth.
    """
    total = len(owner)
    runs = 0
    for row in range(total):
        runs += row == 0 or owner[row] != owner[row - 1]
    # The number of each code's step, from 0; all rows here are of some step.
    step = np.zeros(len(bits), np.int64)
    for number in range(n):
        for one in range(len(bits)):
            if bits[one] >> number & 1:
                step[one] = number
    paths = np.zeros((kept, runs), np.int64)
    depths = np.empty(runs, np.int64)
    gaps = np.zeros((n - 1, runs), np.int64)
    latest = np.empty(n + 1, np.int64)
    never = -(1 << 61)
    line = 0
    row = 0
    while row < total:
        start = row
        own = owner[row]
        depth = 0
        end = 0
        latest[:] = never
        while row < total and owner[row] == own:
            now = cut(time[row], unit)
            stop = row + 1
            while (
                stop < total
                and time[stop] - time[stop - 1] < unit
                and owner[stop] == own
                and cut(time[stop], unit) == now
            ):
                stop += 1
            if stop == row + 1:
                # One step, most often: no branch that depends on which one it is.
                taken = step[code[row]]
                latest[0] = now if len(enters) == 0 or enters[row] else never
                began = latest[taken]
                began = began if now - began <= window else never
                latest[taken + 1] = max(latest[taken + 1], began)
                if began != never and taken >= depth:
                    depth, end = taken + 1, now
            else:
                mask = 0
                for other in range(row, stop):
                    mask |= entry_bits(bits, code, enters, other)
                # Deep to shallow: a tick extends what stood before it.
                for taken in range(n - 1, -1, -1):
                    began = now if taken == 0 else latest[taken]
                    if mask >> taken & 1 and now - began <= window:
                        to = taken
                        while to < n and mask >> to & 1:
                            to += 1
                            latest[to] = max(latest[to], began)
                        if to > depth:
                            depth, end = to, now
            row = stop
            if depth == n:
                while row < total and owner[row] == own:
                    row += 1
        if depth == 0:
            continue
        # The first entry within the window before `end`; then each step at once.
        at = start
        while (
            entry_bits(bits, code, enters, at) & 1 == 0
            or cut(time[at], unit) < end - window
        ):
            at += 1
        paths[0, line] = at
        depths[line] = depth
        now = cut(time[at], unit)
        for taken in range(1, depth):
            # Rows of one tick have no order: the next step may stand before.
            while at > start and cut(time[at - 1], unit) == now:
                at -= 1
            while step[code[at]] != taken:
                at += 1
            if taken < kept:
                paths[taken, line] = at
            then = cut(time[at], unit)
            gaps[taken - 1, line] = then - now
            now = then
        line += 1
    return paths[:, :line], depths[:line], gaps[:, :line]
