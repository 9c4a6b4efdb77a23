"""Paths that events can break: find the earliest good entry, and the best path from it.

Where nothing breaks a path, taking every step at once is best. Where an excluded event
does, waiting may help: a step taken in the event's own tick survives it.
"""

# ruff: noqa: C901, PLR0912, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.tick_kernel import (
    STEPS,
    may_enter,
    take,
    tick_end,
    tick_reach,
)
from replaykit.compiled import part

if TYPE_CHECKING:
    from replaykit.analyses.tick_kernel import I32, I64, U16


@part
def straight(
    found: I64,
    reached: I64,
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    window: int,
    rows: I64,
) -> I64:
    """Write paths that take every step at once; return the searches left.

    The first entry that can lead to `end` has the chosen path if taking each step at
    once from there meets nothing that breaks it. If it does not, the next entry is as
    good, unless some other path of this one may have passed what broke it: then, and
    where a tick has several rows, the search is left, and so is one that walks over
    its rows again and again. `reached` is what `deepest` returns.
    """
    left = np.empty(len(found), np.int64)
    count = 0
    for line in range(len(found)):
        row, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
        lo = row
        depth = reached[line, 0]
        first = reached[line, 1] - window
        every = (1 << depth) - 2
        budget = 4 * (hi - lo)
        taken = 0
        while taken < depth:
            while row < hi and (
                tick[row] < first
                or mask[row] >> 15 == 0
                or (wanted >= 0 and bucket[row] != wanted)
            ):
                row += 1
            if row == hi:
                break
            rows[line, 0] = row
            taken = 1
            at = row + 1
            sure = depth == 1 or (
                (row == lo or tick[row - 1] != tick[row])
                and (at == hi or tick[at] != tick[row])
            )
            waits = False
            while sure and taken < depth and at < hi:
                start = at
                bits = 0
                broke = 0
                while at < hi and tick[at] == tick[start]:
                    bits |= int(mask[at])
                    broke |= int(broken[at])
                    at += 1
                budget -= at - start
                if bits >> taken & 1:
                    # A path that lets this step pass goes on beside.
                    waits = waits or broke >> taken & 1 == 0
                    rows[line, taken] = start
                    taken += 1
                    sure = at == start + 1
                elif broke >> taken & 1:
                    broke &= every
                    sure = not waits or (broke == every and bits & every == 0)
                    break
            if not sure or (taken < depth and (budget < 0 or at == hi)):
                taken = 0
                break
            row += 1
        if taken < depth:
            left[count] = line
            count += 1
    return left[:count]


@part
def earliest_entry(
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32 | None,
    lo: int,
    hi: int,
    wanted: int,
    depth: int,
    window: int,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    soonest: I64,
    fresh: I64,
    reach: I64,
) -> int:
    """Walk backwards; return the first row of the tick of the earliest good entry.

    `soonest[k]` is the earliest completion of paths whose next step is k (from 0).
    """
    alive = 0
    best = -1
    stop = hi
    while stop > lo:
        row = stop - 1
        now = tick[row]
        broke = int(broken[row])
        while row > lo and tick[row - 1] == now:
            row -= 1
            broke |= int(broken[row])
        if stop == row + 1:
            bits = int(mask[row]) & STEPS
            for start in range(depth):
                reach[start] = start + (bits >> start & 1)
            if bits & 1 and not may_enter(mask, bucket, row, wanted):
                reach[0] = 0
        else:
            tick_reach(
                mask, bucket, kind, row, stop, wanted, depth, occ, used, holder, work,
                reach,
            )  # fmt: skip
        survives = 0
        for start in range(depth):
            for to in range(start + 1, reach[start] + 1):
                if to == depth:
                    done = now
                elif alive >> to & 1:
                    done = soonest[to]
                else:
                    continue
                if survives >> start & 1 == 0 or done < fresh[start]:
                    fresh[start] = done
                survives |= 1 << start
        for start in range(depth):
            if survives >> start & 1 == 0:
                continue
            if broke >> start & 1 or alive >> start & 1 == 0:
                soonest[start] = fresh[start]
            else:
                soonest[start] = min(soonest[start], fresh[start])
        if survives & 1 and fresh[0] - now <= window:
            best = row
        alive = (alive & ~broke) | survives
        stop = row
    return best


@part
def earlier(left: I64, right: I64, depth: int, tick: I64) -> bool:
    """Return whether the first path's times come before the second's."""
    for step in range(depth):
        one, two = tick[left[step]], tick[right[step]]
        if one != two:
            return bool(one < two)
    return False


@part
def best_from(
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32 | None,
    entry_row: int,
    hi: int,
    wanted: int,
    depth: int,
    window: int,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    reach: I64,
    paths: I64,
    fresh_paths: I64,
    rows: I64,
) -> bool:
    """Write the path of one entry whose later steps come earliest, step by step.

    Returns whether there is one; if not, `rows` stay as they are.

    `paths[k]` is the best path of k steps that may go on. A path that loses at an
    early step never wins by a later one, so one path per depth is enough.
    """
    alive = 0
    found = False
    row = entry_row
    limit = tick[entry_row] + window
    while row < hi and tick[row] <= limit:
        stop = tick_end(tick, row, hi)
        broke = 0
        bits = 0
        for other in range(row, stop):
            broke |= int(broken[other])
            bits |= int(mask[other]) & STEPS
        survives = 0
        if row == entry_row or bits & alive:
            several = tick_reach(
                mask, bucket, kind, row, stop, wanted, depth, occ, used, holder, work,
                reach,
            )  # fmt: skip
            for start in range(depth):
                if start == 0 and row != entry_row:
                    continue
                if start > 0 and alive >> start & 1 == 0:
                    continue
                for to in range(start + 1, reach[start] + 1):
                    trial = fresh_paths[0]
                    for step in range(start):
                        trial[step] = paths[start, step]
                    steps = (1 << to) - (1 << start)
                    take(
                        mask, bucket, kind, row, stop, wanted, steps, several, occ,
                        used, holder, work, trial,
                    )  # fmt: skip
                    if survives >> to & 1 == 0 or earlier(
                        trial, fresh_paths[to], to, tick
                    ):
                        for step in range(to):
                            fresh_paths[to, step] = trial[step]
                    survives |= 1 << to
        if survives >> depth & 1 and (
            not found or earlier(fresh_paths[depth], rows, depth, tick)
        ):
            for step in range(depth):
                rows[step] = fresh_paths[depth, step]
            found = True
        for to in range(1, depth):
            if survives >> to & 1 == 0:
                continue
            if (
                broke >> to & 1
                or alive >> to & 1 == 0
                or earlier(fresh_paths[to], paths[to], to, tick)
            ):
                for step in range(to):
                    paths[to, step] = fresh_paths[to, step]
        alive = (alive & ~broke) | survives
        if alive & ((1 << depth) - 1) == 0:
            # No path goes on.
            break
        row = stop
    return found
