"""Follow one search's ticks through steps in this order.

The state, while ticks pass by:

`latest[k]`
    entry time of the latest-entered path that has taken k steps and may go on; the
    latest entry is enough, because every path has the same window
`alive`
    bit k: `latest[k]` is set. An excluded event clears the depths it breaks, unless
    the path takes a step in that very tick. Exact order is the same with every event
    as an excluded one
`depth`, `end`
    the deepest depth so far, and the tick in which it was first reached
"""

# ruff: noqa: C901, PLR0912, PLR0915, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.tick_kernel import (
    HIGHEST,
    NEVER,
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
def deepest(
    found: I64,
    tick: I64,
    mask: U16,
    broken: U16,
    bucket: I32,
    kind: I32 | None,
    n: int,
    window: int,
    occ: I64,
    used: I64,
    holder: I64,
    work: I64,
    latest: I64,
    fresh: I64,
    reach: I64,
) -> I64:
    """Return each search's longest depth, the tick of its first completion, its entry.

    All searches at once: a call hands over arrays, which takes as long as some rows do.
    """
    reached = np.empty((len(found), 3), np.int64)
    for line in range(len(found)):
        lo, hi, wanted = found[line, 0], found[line, 1], found[line, 2]
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
                # One row, at most one step: no branch depends on which one it is.
                broke = int(broken[row]) if len(broken) else 0
                taken = int(HIGHEST[bits])
                enters = (
                    bits == 1
                    and mask[row] >> 15 != 0
                    and (wanted < 0 or bucket[row] == wanted)
                )
                latest[0] = now if enters else NEVER
                own = latest[taken]
                to = 1 << (taken + 1)
                goes = (
                    bits != 0 and (alive | 1) >> taken & 1 != 0 and now - own <= window
                )
                survives = to if goes else 0
                if goes:
                    alone = broke & to or alive & to == 0
                    latest[taken + 1] = own if alone else max(latest[taken + 1], own)
                    if taken >= depth:
                        depth, end, entry = taken + 1, now, own
                alive = (alive & ~broke) | survives
                row += 1
            else:
                stop = tick_end(tick, row, hi)
                broke = 0
                if len(broken):
                    for other in range(row, stop):
                        broke |= int(broken[other])
                tick_reach(
                    mask,
                    bucket,
                    kind,
                    row,
                    stop,
                    wanted,
                    n,
                    occ,
                    used,
                    holder,
                    work,
                    reach,
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
                break
        reached[line, 0] = depth
        reached[line, 1] = end
        reached[line, 2] = entry
    return reached


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
