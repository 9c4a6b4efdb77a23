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

from typing import TYPE_CHECKING, Final

import numpy as np

from replaykit.analyses.compiled import compiled
from replaykit.analyses.tick_kernel import (
    OCCURRENCES,
    STEPS,
    assign,
    first_rows,
    gather,
    may_enter,
    plain_reaches,
    reaches,
    tick_bits,
    tick_end,
)
from replaykit.analyses.unordered_kernel import any_order, any_order_plain

if TYPE_CHECKING:
    from replaykit.analyses.tick_kernel import I32, I64, U16

#: No depth: a unit without an entry.
NOTHING: Final = 0


@compiled
def tick_reach(
    mask: U16,
    bucket: I32,
    kind: I32,
    start: int,
    stop: int,
    wanted: int,
    n: int,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    reach: I64,
) -> bool:
    """Write how deep each depth gets in this tick; return whether steps overlap.

    `reach[0]` is the depth of a path that enters here.
    """
    bits, several = tick_bits(mask, bucket, start, stop, wanted)
    if not several:
        plain_reaches(bits, n, reach)
        return False
    gather(mask, bucket, kind, start, stop, wanted, n, occ)
    reaches(occ, n, used, holder, work, reach)
    return True


@compiled
def take(
    mask: U16,
    bucket: I32,
    start: int,
    stop: int,
    wanted: int,
    steps: int,
    several: bool,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    rows: I64,
) -> None:
    """Write the rows of the steps (bits) that a path takes in this tick."""
    if several:
        assign(occ, steps, used, holder, work, rows)
    else:
        first_rows(mask, bucket, start, stop, wanted, steps, rows)


@compiled
def deepest(
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32,
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


@compiled
def greedy(
    tick: I64,
    mask: U16,
    bucket: I32,
    kind: I32,
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
                mask, bucket, row, stop, wanted, steps, several, occ, used, holder,
                work, rows,
            )  # fmt: skip
            at = to
        row = stop


@compiled
def earliest_entry(
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32,
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


@compiled
def earlier(left: I64, right: I64, depth: int, tick: I64) -> bool:
    """Return whether the first path's times come before the second's."""
    for step in range(depth):
        one, two = tick[left[step]], tick[right[step]]
        if one != two:
            return bool(one < two)
    return False


@compiled
def best_from(
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32,
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
) -> None:
    """Write the path of one entry whose later steps come earliest, step by step.

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
                        mask, bucket, row, stop, wanted, steps, several, occ, used,
                        holder, work, trial,
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
        row = stop


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


@compiled
def chosen_paths(
    unit: I32,
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32,
    n: int,
    window: int,
    unordered: bool,
) -> tuple[I64, I64, I64]:
    """Return, per unit with an entry: its interval, its depth, and its path's rows.

    A unit is searched once per interval it enters in, with the entries of that
    interval only. Rows that a path does not reach are -1.
    """
    size = count_units(unit, mask, bucket)
    intervals = np.zeros(size, np.int64)
    depths = np.zeros(size, np.int64)
    rows = np.full((size, n), -1, np.int64)
    scratch = OCCURRENCES if len(kind) else 64
    occ = np.zeros((scratch, 4), np.int64)
    used = np.zeros(scratch, np.int64)
    holder = np.zeros(scratch, np.int64)
    work = np.zeros((4, scratch), np.int64)
    latest = np.zeros(n + 2, np.int64)
    fresh = np.zeros(n + 2, np.int64)
    reach = np.zeros(n + 2, np.int64)
    paths = np.zeros((n + 2, n + 2), np.int64)
    fresh_paths = np.zeros((n + 2, n + 2), np.int64)
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
            intervals[line] = max(wanted, 0)
            own = rows[line]
            if unordered and len(broken) == 0 and len(kind) == 0:
                depths[line] = any_order_plain(
                    tick, mask, bucket, lo, hi, wanted, n, window, own
                )
            elif unordered:
                depths[line] = any_order(
                    tick, mask, broken, bucket, kind, lo, hi, wanted, n, window, occ,
                    used, holder, work, own,
                )  # fmt: skip
            else:
                depth, end, entry = deepest(
                    tick, mask, broken, bucket, kind, lo, hi, wanted, n, window, occ,
                    used, holder, work, latest, fresh, reach,
                )  # fmt: skip
                depths[line] = depth
                if len(broken) == 0 or depth == 1:
                    greedy(
                        tick, mask, bucket, kind, lo, hi, wanted, depth, end - window,
                        occ, used, holder, work, reach, own,
                    )  # fmt: skip
                else:
                    while tick[lo] < end - window:
                        lo += 1
                    while hi > lo and tick[hi - 1] > entry + window:
                        hi -= 1
                    first = earliest_entry(
                        tick, mask, broken, bucket, kind, lo, hi, wanted, depth,
                        window, occ, used, holder, work, latest, fresh, reach,
                    )  # fmt: skip
                    best_from(
                        tick, mask, broken, bucket, kind, first, hi, wanted, depth,
                        window, occ, used, holder, work, reach, paths, fresh_paths,
                        own,
                    )  # fmt: skip
            line += 1
        start = stop
    return intervals, depths, rows


@compiled
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
