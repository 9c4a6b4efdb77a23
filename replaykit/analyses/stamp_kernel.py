"""Retained users per cell of a table, in one pass: a stamp per cell.

A user's rows stand together, so a cell that bears the number of the user at hand has
counted them already. Nothing is sorted, hashed or joined.
"""

# ruff: noqa: C901, PLR0912, PLR0915, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from replaykit.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]

#: Which columns of retention an index counts in.
ON: Final = 0
OR_AFTER: Final = 1
OR_BEFORE: Final = 2
CUSTOM: Final = 3


@compiled
def retained(
    user: I32,
    time: I64,
    code: I32,
    cohort: I32,
    back: NDArray[np.bool_],
    size: int,
    last: I64,
    low: I64,
    high: I64,
    measure: int,
) -> tuple[I64, I64, I64, I64]:
    """Count who starts in each cohort and comes back at each index.

    Parameters
    ----------
    user, time, code
        Rows in order; codes number their times (`return_index`).
    cohort
        The position of a start's cohort, -1 where a row is no start.
    back
        Whether a row is a return.
    size
        Codes in one index.
    last
        The last index of each cohort that is over for all of it.
    low, high
        The brackets; of all measures but custom ones `[k, k + 1)`.
    measure
        `ON`, `OR_AFTER`, `OR_BEFORE` or `CUSTOM`.

    Returns
    -------
    tuple
        Users who count per (cohort, column); per column, each once, in cohorts whose
        cell is over; users per cohort; and users by the latest index that is over for
        one of their cohorts (from -1 on; those below it are at the first place).
    """
    total = len(user)
    cohorts = len(last)
    columns = len(low)
    cells = np.zeros((cohorts, columns), np.int64)
    overall = np.zeros(columns, np.int64)
    sizes = np.zeros(cohorts, np.int64)
    most = np.int64(0)
    for one in last:
        most = max(most, one)
    known = np.zeros(most + 2, np.int64)
    # Whom, and whose cohort, a column has counted last.
    stamps = np.full(columns, -1, np.int64)
    once = np.full(columns, -1, np.int64)
    stamp = 0
    longest = 0
    run = 0
    for row in range(total):
        run = run + 1 if row and user[row] == user[row - 1] else 1
        longest = max(longest, run)
    later = np.empty(longest, np.int32)
    moment = np.empty(longest, np.int64)
    row = 0
    while row < total:
        begin = row
        own = user[row]
        starts = 0
        returns = 0
        while row < total and user[row] == own:
            starts += cohort[row] >= 0
            if back[row]:
                # Of the returns of one code, the last one is enough.
                if returns == 0 or later[returns - 1] != code[row]:
                    returns += 1
                later[returns - 1] = code[row]
                moment[returns - 1] = time[row]
            row += 1
        stop = row
        if starts == 0:
            continue
        latest = np.int64(-1)
        at = begin
        while at < stop:
            of = cohort[at]
            if of < 0:
                at += 1
                continue
            # All starts of one cohort; rows are in order, so they follow each other.
            sizes[of] += 1
            latest = max(latest, last[of])
            stamp += 1
            nearest = 1 << 40
            farthest = -1
            before = -(1 << 40)
            while at < stop and (cohort[at] < 0 or cohort[at] == of):
                if cohort[at] < 0 or code[at] == before:
                    # Of the starts of one code, the first one is enough.
                    at += 1
                    continue
                before = int(code[at])
                for other in range(returns):
                    if later[other] < before or (
                        later[other] == before and moment[other] < time[at]
                    ):
                        continue
                    index = (int(later[other]) - before) // size
                    nearest = min(nearest, index)
                    farthest = max(farthest, index)
                    first, stop_at = 0, 0
                    if measure == ON and index < columns:
                        first, stop_at = index, index + 1
                    elif measure == CUSTOM:
                        stop_at = columns
                    for k in range(first, stop_at):
                        if low[k] <= index < high[k] and stamps[k] != stamp:
                            stamps[k] = stamp
                            cells[of, k] += 1
                            if high[k] - 1 <= last[of] and once[k] != own:
                                once[k] = own
                                overall[k] += 1
                at += 1
            first, stop_at = 0, 0
            if measure == OR_AFTER:
                stop_at = min(farthest + 1, columns)
            elif measure == OR_BEFORE:
                first, stop_at = nearest, columns
            for k in range(first, stop_at):
                cells[of, k] += 1
                if high[k] - 1 <= last[of] and once[k] != own:
                    once[k] = own
                    overall[k] += 1
        known[latest + 1] += 1
    return cells, overall, sizes, known


@compiled
def rising(user: I32, cohort: I32) -> bool:
    """Return whether each user's cohorts never fall; -1 is none."""
    highest = -1
    for row in range(len(user)):
        if row and user[row] != user[row - 1]:
            highest = -1
        if cohort[row] >= 0:
            if cohort[row] < highest:
                return False
            highest = cohort[row]
    return True
