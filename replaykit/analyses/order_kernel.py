"""Check, in one pass, that rows need no sorting."""

# ruff: noqa: C901 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.analyses.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def in_order(
    unit: NDArray[np.int32], first: NDArray[np.int64], second: NDArray[np.int64]
) -> bool:
    """Return whether each unit stands in one run, in (first, second) order.

    Units themselves may come in any order, as they do when files follow each other. A
    unit that comes back after another one is not in order.
    """
    total = len(unit)
    ascending = True
    highest = -1
    for row in range(total):
        if unit[row] < 0:
            return False
        highest = max(highest, unit[row])
        if row == 0:
            continue
        if unit[row] == unit[row - 1]:
            if first[row] < first[row - 1] or (
                first[row] == first[row - 1] and second[row] < second[row - 1]
            ):
                return False
        elif unit[row] < unit[row - 1]:
            ascending = False
    if ascending:
        return True
    if highest > 8 * total + 1_000_000:
        return False
    seen = np.zeros(highest + 1, np.bool_)
    for row in range(total):
        if row and unit[row] == unit[row - 1]:
            continue
        if seen[unit[row]]:
            return False
        seen[unit[row]] = True
    return True
