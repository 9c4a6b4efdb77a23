"""Find each unit's chosen path in any order: all steps inside one window.

Where steps do not overlap and nothing breaks a path, the state is `seen[k]`, the last
tick of step k: a window that ends now holds steps 0..k when all of them were seen
within it. Otherwise the state is a table over *sets* of steps: `latest[S]` is the
first tick of the latest-begun path that has taken the set S; a tick adds to S any set
of steps that its occurrences can take together.
"""

# ruff: noqa: C901, PLR0912, SIM110, PLR0915, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.tick_kernel import (
    HIGHEST,
    NEVER,
    STEPS,
    gather,
    matches,
    take,
    tick_bits,
    tick_end,
)
from replaykit.compiled import part

if TYPE_CHECKING:
    from replaykit.analyses.tick_kernel import I32, I64, U16


@part
def any_order_plain(
    found: I64,
    tick: I64,
    mask: U16,
    bucket: I32,
    n: int,
    window: int,
    rows: I64,
) -> I64:
    """Write the path of each search where steps do not overlap; return their depths."""
    depths = np.empty(len(found), np.int64)
    seen = np.empty(n, np.int64)
    most = 0
    for line in range(len(found)):
        most = max(most, found[line, 1] - found[line, 0])
    ends = np.empty(most, np.int64)
    for line in range(len(found)):
        lo, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
        for step in range(n):
            seen[step] = NEVER
        best, end = 0, 0
        lowest = n
        for row in range(lo, hi):
            now = tick[row]
            bits = int(mask[row]) & STEPS
            enters = mask[row] >> 15 != 0 and (wanted < 0 or bucket[row] == wanted)
            if bits and (bits != 1 or enters):
                step = int(HIGHEST[bits])
                seen[step] = now
                lowest = min(lowest, step)
            if row + 1 < hi and tick[row + 1] == now:
                continue
            # Only the steps up to the next depth can lead to it.
            if lowest <= best:
                depth = 0
                while depth < n and now - seen[depth] <= window:
                    depth += 1
                if depth > best:
                    best, end = depth, now
                    if best == n:
                        break
            lowest = n
        # The first entry inside the first complete window is the earliest one.
        row = lo
        while (
            tick[row] < end - window
            or mask[row] >> 15 == 0
            or (wanted >= 0 and bucket[row] != wanted)
        ):
            row += 1
        rows[line, 0] = row
        entry = tick[row]
        if best == 1:
            depths[line] = 1
            continue
        # Ends of windows that hold the entry and every step.
        first = row
        while first > lo and tick[first - 1] >= entry - window:
            first -= 1
        last = row
        for step in range(best):
            seen[step] = NEVER
        count = 0
        for at in range(first, hi):
            now = tick[at]
            if now > entry + window:
                break
            last = at + 1
            bits = int(mask[at]) & STEPS
            enters = mask[at] >> 15 != 0 and (wanted < 0 or bucket[at] == wanted)
            if bits and (bits != 1 or enters):
                seen[int(HIGHEST[bits])] = now
            if now < entry or (last < hi and tick[last] == now):
                continue
            depth = 0
            while depth < best and now - seen[depth] <= window:
                depth += 1
            if depth == best:
                ends[count] = now
                count += 1
        low, high = entry, entry
        for step in range(1, best):
            for row in range(first, last):
                if int(mask[row]) >> step & 1 == 0:
                    continue
                now = tick[row]
                at = 0
                above = count
                while at < above:
                    middle = (at + above) // 2
                    if ends[middle] < max(high, now):
                        at = middle + 1
                    else:
                        above = middle
                if at < count and ends[at] <= min(low, now) + window:
                    rows[line, step] = row
                    low, high = min(low, now), max(high, now)
                    break
        depths[line] = best
    return depths


@part
def tick_sets(
    mask: U16,
    bucket: I32,
    kind: I32 | None,
    row: int,
    stop: int,
    wanted: int,
    n: int,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    sets: I64,
) -> tuple[int, bool]:
    """List the sets of steps that a tick can take together; return how many."""
    bits, several = tick_bits(mask, bucket, row, stop, wanted)
    bits &= (1 << n) - 1
    if kind is not None and several:
        gather(mask, bucket, kind, row, stop, wanted, n, occ)
        for line in range(1, occ[0, 0] + 1):
            used[line] = 0
    count = 0
    sub = bits
    while sub:
        fits = True
        if kind is not None and several:
            fits = matches(occ, sub, used, holder, work)
        if fits:
            sets[count] = sub
            count += 1
        sub = (sub - 1) & bits
    return count, several


@part
def any_order(
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
    rows: I64,
) -> int:
    """Write the chosen path where steps overlap or events break paths."""
    size = 1 << n
    latest = np.zeros(size, np.int64)
    fresh = np.zeros(size, np.int64)
    alive = np.zeros(size, np.bool_)
    renewed = np.zeros(size, np.bool_)
    sets = np.zeros(size, np.int64)
    best, end = 0, 0
    row = lo
    while row < hi and best < n:
        now = tick[row]
        stop = tick_end(tick, row, hi)
        broke = breaks(broken, row, stop)
        count, _ = tick_sets(
            mask, bucket, kind, row, stop, wanted, n, occ, used, holder, work, sets
        )
        for to in range(size):
            renewed[to] = False
        for i in range(count):
            added = sets[i]
            for taken in range(size):
                if taken & added:
                    continue
                if taken == 0:
                    own = now
                elif alive[taken] and now - latest[taken] <= window:
                    own = latest[taken]
                else:
                    continue
                to = taken | added
                if not renewed[to] or own > fresh[to]:
                    fresh[to] = own
                renewed[to] = True
        for to in range(1, size):
            if renewed[to]:
                if broke or not alive[to] or fresh[to] > latest[to]:
                    latest[to] = fresh[to]
                alive[to] = True
            elif broke:
                alive[to] = False
        while best < n and renewed[(1 << (best + 1)) - 1]:
            best, end = best + 1, now
        deeper = best + 1
        while deeper <= n:
            if renewed[(1 << deeper) - 1]:
                best, end = deeper, now
            deeper += 1
        row = stop
    # A path that is complete begins no earlier than one window before `end`, and the
    # chosen one no later than the earliest entry found.
    row = lo
    while tick[row] < end - window:
        row += 1
    found = False
    trial = np.zeros(n, np.int64)
    while row < hi and not (found and tick[row] > tick[rows[0]]):
        stop = tick_end(tick, row, hi)
        if best_begun_at(
            tick, mask, broken, bucket, kind, row, hi, wanted, best, window, occ, used,
            holder, work, sets, trial,
        ) and (not found or sooner(trial, rows, best, tick)):  # fmt: skip
            copy(trial, rows, best)
            found = True
        row = stop
    return best


@part
def copy(given: I64, to: I64, count: int) -> None:
    """Copy the first values, which compiles many times faster than `to[:] = given`."""
    for at in range(count):
        to[at] = given[at]


@part
def breaks(broken: U16, row: int, stop: int) -> bool:
    """Return whether a tick holds an event that no path may pass."""
    if len(broken) == 0:
        return False
    for other in range(row, stop):
        if broken[other]:
            return True
    return False


@part
def sooner(left: I64, right: I64, depth: int, tick: I64) -> bool:
    """Return whether the first path's times come before the second's, step by step."""
    for step in range(depth):
        one, two = tick[left[step]], tick[right[step]]
        if one != two:
            return bool(one < two)
    return False


@part
def sooner_set(left: I64, right: I64, taken: int, tick: I64) -> bool:
    """Return the same for two paths that have taken the same set of steps."""
    for step in range(10):
        if taken >> step & 1:
            one, two = tick[left[step]], tick[right[step]]
            if one != two:
                return bool(one < two)
    return False


@part
def best_begun_at(
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32 | None,
    begin: int,
    hi: int,
    wanted: int,
    n: int,
    window: int,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    sets: I64,
    best: I64,
) -> bool:
    """Write the best path of n steps that begins in one tick, if there is one.

    `paths[S]` is the path, of those that have taken S and may go on, whose times come
    first step by step.
    """
    size = 1 << n
    paths = np.zeros((size, n), np.int64)
    fresh = np.zeros((size, n), np.int64)
    alive = np.zeros(size, np.bool_)
    renewed = np.zeros(size, np.bool_)
    trial = np.zeros(n, np.int64)
    found = False
    row = begin
    while row < hi and tick[row] - tick[begin] <= window:
        stop = tick_end(tick, row, hi)
        broke = breaks(broken, row, stop)
        count, several = tick_sets(
            mask, bucket, kind, row, stop, wanted, n, occ, used, holder, work, sets
        )
        for to in range(size):
            renewed[to] = False
        for i in range(count):
            added = sets[i]
            for taken in range(size):
                if taken & added:
                    continue
                if taken == 0 and row != begin:
                    continue
                if taken and not alive[taken]:
                    continue
                copy(paths[taken], trial, n)
                take(
                    mask, bucket, kind, row, stop, wanted, added, several, occ, used,
                    holder, work, trial,
                )  # fmt: skip
                to = taken | added
                if not renewed[to] or sooner_set(trial, fresh[to], to, tick):
                    copy(trial, fresh[to], n)
                renewed[to] = True
        full = size - 1
        if renewed[full] and (not found or sooner(fresh[full], best, n, tick)):
            copy(fresh[full], best, n)
            found = True
        for to in range(1, size):
            if renewed[to]:
                if broke or not alive[to] or sooner_set(fresh[to], paths[to], to, tick):
                    copy(fresh[to], paths[to], n)
                alive[to] = True
            elif broke:
                alive[to] = False
        row = stop
    return found
