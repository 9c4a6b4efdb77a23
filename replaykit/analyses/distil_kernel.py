"""The rows that matter where events break paths, as few as there can be.

Between two rows that satisfy a step, all other rows break the same paths: they become
one row, which stands for what they break together. Units without an entry are left out
and, where steps have an order, so is what comes before the first entry's tick.
"""

# ruff: noqa: C901, FBT001, PLR0912, PLR0915, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.rows_kernel import cut
from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def distil(
    unit: NDArray[np.int32],
    time: NDArray[np.int64],
    code: NDArray[np.int16],
    bits: NDArray[np.uint16],
    gaps: NDArray[np.uint16],
    either: NDArray[np.uint16],
    most: int,
    enters: NDArray[np.bool_],
    active: NDArray[np.bool_],
    resolution: int,
    unordered: bool,
    place: NDArray[np.int64],
    owner: NDArray[np.int32],
    tick: NDArray[np.int64],
    mask: NDArray[np.uint16],
    broken: NDArray[np.uint16],
) -> int:
    """Write the rows that matter; return how many.

    Parameters
    ----------
    unit, time
        Rows in their order (`in_order`); microseconds.
    code, bits
        The number of each row's event, and the steps that each number satisfies.
    gaps, either, most
        The gaps that each number breaks where the row is inactive, and where it is
        active; all gaps that any breaks.
    enters, active
        What rows may enter, and which are active; empty: all.
    resolution
        Microseconds in a tick.
    unordered
        Whether a path may begin before its entry.
    place, owner, tick, mask, broken
        To be written: each row's place and unit, its tick, the steps that it satisfies
        (bit 15: may enter) and the gaps that it breaks. There must be room for all.
    """
    steps = step_rows(code, bits)
    begin = 0
    count = 0
    entered = False
    last = -1
    for row in steps:
        own = bits[code[row]]
        now = cut(time[row], resolution)
        if last < 0 or unit[row] != unit[last]:
            count = count if entered else begin
            begin = count
            entered = False
        elif not (entered or unordered) and tick[count - 1] != now:
            # What no entry came before leads nowhere.
            count = begin
        acts = len(active) == 0 or active[row]
        broke = either[code[row]] if acts else gaps[code[row]]
        if count > begin and row > last + 1:
            passed = 0
            early = cut(time[last + 1], resolution) == tick[count - 1]
            if early or cut(time[row - 1], resolution) == now:
                # Rows in the tick of a step are of that tick.
                for other in range(last + 1, row):
                    acts = len(active) == 0 or active[other]
                    more = either[code[other]] if acts else gaps[code[other]]
                    then = cut(time[other], resolution)
                    if then == now:
                        broke |= more
                    elif then == tick[count - 1]:
                        broken[count - 1] |= more
                    else:
                        passed |= more
            else:
                for other in range(last + 1, row):
                    acts = len(active) == 0 or active[other]
                    passed |= either[code[other]] if acts else gaps[code[other]]
                    if passed == most:
                        break
            if passed:
                place[count] = last + 1
                owner[count] = unit[row]
                tick[count] = tick[count - 1] + 1
                mask[count] = 0
                broken[count] = passed
                count += 1
        # No branch: which rows enter cannot be predicted.
        enter = own & 1 if len(enters) == 0 else own & enters[row]
        own |= enter << 15
        entered = entered or enter != 0
        place[count] = row
        owner[count] = unit[row]
        tick[count] = now
        mask[count] = own
        broken[count] = broke
        count += 1
        last = row
    return count if entered else begin


@part
def step_rows(code: NDArray[np.int16], bits: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return the rows that satisfy a step."""
    many = 0
    for row in range(len(code)):
        many += bits[code[row]] != 0
    # One more than there are: every row is written, and most of them over again.
    found = np.empty(many + 1, np.int64)
    count = 0
    for row in range(len(code)):
        found[count] = row
        count += bits[code[row]] != 0
    return found[:many]
