"""What one tick offers: rows of one moment have no order, and each is used once.

A *tick* is a moment cut to the resolution (a second, or a millisecond). Inside it, rows
of one event type that satisfy the same steps are one *occurrence*. Which steps a path
may take in a tick is a matching of steps to occurrences. Most ticks hold one row, or
rows that satisfy one step each; only funnels whose steps overlap need the matching.

Arrays shared by the kernels, one entry per row, sorted by unit and time:

`tick`
    the moment, in units of the resolution
`mask`
    bit k: the row satisfies step k (from 0); bit 15: it may enter the funnel
`broken`
    bit k: a path that has taken k steps may not pass the row (excluded event, or any
    other event in exact order); empty when nothing breaks a path
`bucket`
    number of the interval an entry belongs to; empty for one interval
`kind`
    number of the event type; None when steps do not overlap, and then the code that
    matches steps is not compiled (numba drops branches that ask for None)

A tick's occurrences stand in `occ`, one line each, `occ[0, 0]` being their number:
step bits, event type, first row, first row that may enter (-1: none).
"""

# ruff: noqa: C901, FBT001, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from replaykit.compiled import part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    I64 = NDArray[np.int64]
    I32 = NDArray[np.int32]
    U16 = NDArray[np.uint16]

ENTRY: Final = 1 << 15
STEPS: Final = (1 << 10) - 1
#: Lines of the scratch table of occurrences.
OCCURRENCES: Final = 12_000
BITS, KIND, ROW, ENTERS = 0, 1, 2, 3
#: A tick long before any other.
NEVER: Final = -(1 << 61)
#: The highest step of some bits; 0 of none. A search bit by bit is hard to predict.
HIGHEST: Final = np.array(
    [max(0, bits.bit_length() - 1) for bits in range(STEPS + 1)], np.int8
)


@part
def may_enter(mask: U16, bucket: I32, row: int, wanted: int) -> bool:
    """Return whether a row is an entry of the wanted interval (-1: of any)."""
    if mask[row] & ENTRY == 0:
        return False
    return wanted < 0 or bucket[row] == wanted


@part
def tick_end(tick: I64, row: int, end: int) -> int:
    """Return the position after the last row of the tick that `row` opens."""
    stop = row + 1
    while stop < end and tick[stop] == tick[row]:
        stop += 1
    return stop


@part
def tick_bits(
    mask: U16, bucket: I32, start: int, stop: int, wanted: int
) -> tuple[int, bool]:
    """Return the steps a tick's rows satisfy, step 0 by entries only, and overlap.

    The second value tells whether some row satisfies several steps, so that the bits
    alone do not say what can be taken together.
    """
    bits = 0
    several = False
    for row in range(start, stop):
        own = int(mask[row]) & STEPS
        if own & (own - 1):
            several = True
        if own & 1 and not may_enter(mask, bucket, row, wanted):
            own &= ~1
        bits |= own
    return bits, several


@part
def gather(
    mask: U16,
    bucket: I32,
    kind: I32,
    start: int,
    stop: int,
    wanted: int,
    n: int,
    occ: I64,
) -> None:
    """List the occurrences of a tick.

    More than n occurrences of one kind are never needed, one of them an entry.
    """
    count = 0
    for row in range(start, stop):
        bits = int(mask[row]) & STEPS
        if bits == 0:
            continue
        enters = may_enter(mask, bucket, row, wanted)
        code = kind[row]
        alike = 0
        alike_entries = 0
        found = -1
        for line in range(1, count + 1):
            if occ[line, BITS] != bits:
                continue
            alike += 1
            if occ[line, ENTERS] >= 0:
                alike_entries += 1
            if occ[line, KIND] == code:
                found = line
                break
        if found >= 0:
            if enters and occ[found, ENTERS] < 0:
                occ[found, ENTERS] = row
            continue
        if alike >= n and not (enters and alike_entries == 0):
            continue
        count += 1
        occ[count, BITS] = bits
        occ[count, KIND] = code
        occ[count, ROW] = row
        occ[count, ENTERS] = row if enters else -1
    occ[0, 0] = count


@part
def fits(occ: I64, line: int, step: int) -> bool:
    """Return whether an occurrence can be taken for a step."""
    if occ[line, BITS] >> step & 1 == 0:
        return False
    return step > 0 or occ[line, ENTERS] >= 0


@part
def matches(occ: I64, wanted: int, used: I64, holder: I64, work: I64) -> bool:
    """Return whether all wanted steps (bits) can take distinct unused occurrences.

    Augmenting paths: a step that finds its occurrences taken asks their holders to
    move. `used[line]` marks lines that are spoken for; `holder` and `work` are scratch.
    """
    count = occ[0, 0]
    for line in range(1, count + 1):
        holder[line] = -1
    held, queue, parent, seen = work[0], work[1], work[2], work[3]
    for step in range(10):
        if wanted >> step & 1 == 0:
            continue
        for line in range(1, count + 1):
            seen[line] = used[line]
        queue[0] = step
        head, tail = 0, 1
        end = 0
        while head < tail and end == 0:
            asking = queue[head]
            head += 1
            for line in range(1, count + 1):
                if seen[line] or not fits(occ, line, asking):
                    continue
                seen[line] = 1
                parent[line] = asking
                if holder[line] < 0:
                    end = line
                    break
                queue[tail] = holder[line]
                tail += 1
        if end == 0:
            return False
        line = end
        while True:
            owner = parent[line]
            before = held[owner]
            holder[line] = owner
            held[owner] = line
            if owner == step:
                break
            line = before
    return True


@part
def assign(occ: I64, wanted: int, used: I64, holder: I64, work: I64, rows: I64) -> None:
    """Write the row of each wanted step: the earliest rows, lower steps first."""
    count = occ[0, 0]
    for line in range(1, count + 1):
        used[line] = 0
    rest = wanted
    for step in range(10):
        if wanted >> step & 1 == 0:
            continue
        rest &= ~(1 << step)
        best = 0
        for line in range(1, count + 1):
            if used[line] or not fits(occ, line, step):
                continue
            row = occ[line, ENTERS] if step == 0 else occ[line, ROW]
            if best:
                other = occ[best, ENTERS] if step == 0 else occ[best, ROW]
                if row >= other:
                    continue
            used[line] = 1
            if matches(occ, rest, used, holder, work):
                best = line
            used[line] = 0
        used[best] = 1
        rows[step] = occ[best, ENTERS] if step == 0 else occ[best, ROW]
    for line in range(1, count + 1):
        used[line] = 0


@part
def first_rows(
    mask: U16,
    bucket: I32,
    start: int,
    stop: int,
    wanted: int,
    steps: int,
    rows: I64,
) -> None:
    """Write the first row of each step (bits) of a tick whose steps do not overlap."""
    left = steps
    for row in range(start, stop):
        bits = int(mask[row]) & left
        if bits & 1 and not may_enter(mask, bucket, row, wanted):
            bits &= ~1
        step = 0
        left &= ~bits
        while bits:
            if bits & 1:
                rows[step] = row
            bits >>= 1
            step += 1
        if left == 0:
            return


@part
def reaches(occ: I64, n: int, used: I64, holder: I64, work: I64, reach: I64) -> None:
    """Write, for each depth, how deep a path of that depth gets inside the tick."""
    for line in range(1, occ[0, 0] + 1):
        used[line] = 0
    for depth in range(n):
        steps = 0
        to = depth
        while to < n:
            steps |= 1 << to
            if not matches(occ, steps, used, holder, work):
                break
            to += 1
        reach[depth] = to


@part
def plain_reaches(bits: int, n: int, reach: I64) -> None:
    """Write the same for a tick whose rows satisfy one step each."""
    to = n
    for depth in range(n - 1, -1, -1):
        if bits >> depth & 1 == 0:
            to = depth
        reach[depth] = to


@part
def tick_reach(
    mask: U16,
    bucket: I32,
    kind: I32 | None,
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
    if kind is not None and several:
        gather(mask, bucket, kind, start, stop, wanted, n, occ)
        reaches(occ, n, used, holder, work, reach)
        return True
    plain_reaches(bits, n, reach)
    return False


@part
def take(
    mask: U16,
    bucket: I32,
    kind: I32 | None,
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
    if kind is not None and several:
        assign(occ, steps, used, holder, work, rows)
        return
    first_rows(mask, bucket, start, stop, wanted, steps, rows)
