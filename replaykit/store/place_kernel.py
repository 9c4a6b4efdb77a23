"""Put sorted rows of several files in order: merge runs, find places, weave columns."""

# ruff: noqa: PLR0917 - a kernel takes plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


@part
def precedes(user: int, time: int, other: int, moment: int) -> bool:
    """Return whether a row's (user, time) is less than another's."""
    return (user < other) | ((user == other) & (time < moment))


@compiled
def find_runs(
    user: NDArray[np.int32], time: NDArray[np.int64], row: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return where runs of rows in (user, time, row) order begin, and the last ends."""
    total = len(user)
    ends = np.empty(total + 1, np.int64)
    ends[0] = 0
    count = 1
    for here in range(1, total):
        before = here - 1
        same = user[here] == user[before] and time[here] == time[before]
        if precedes(user[here], time[here], user[before], time[before]) or (
            same and row[here] < row[before]
        ):
            ends[count] = here
            count += 1
    ends[count] = total
    return ends[: count + 1]


@compiled
def merged_order(
    user: NDArray[np.int32],
    time: NDArray[np.int64],
    row: NDArray[np.int64],
    runs: NDArray[np.int64],
) -> tuple[NDArray[np.int64], bool]:
    """Return the order of rows that are in order in runs, and whether runs have ties.

    By user, time and `row`; where that is not given, rows of one user and time stay as
    they are. `runs` says where each begins, and where the last one ends.
    """
    total = len(user)
    order = np.arange(total)
    ends = runs.copy()
    many = len(ends) - 1
    other = np.empty(total, np.int64)
    tied = False
    while many > 1:
        count = 0
        for run in range(0, many, 2):
            begin = ends[run]
            middle = ends[run + 1]
            end = ends[min(run + 2, many)]
            left = begin
            right = middle
            for to in range(begin, end):
                first = left == middle
                if left < middle and right < end:
                    one = order[left]
                    two = order[right]
                    first = precedes(user[two], time[two], user[one], time[one])
                    if user[one] == user[two] and time[one] == time[two]:
                        tied = True
                        first = len(row) > 0 and row[two] < row[one]
                if first:
                    other[to] = order[right]
                    right += 1
                else:
                    other[to] = order[left]
                    left += 1
            count += 1
            ends[count] = end
        many = count
        order, other = other, order
    return order, tied


@compiled
def places(
    user: NDArray[np.int32],
    time: NDArray[np.int64],
    row: NDArray[np.int64],
    late_user: NDArray[np.int32],
    late_time: NDArray[np.int64],
    late_row: NDArray[np.int64],
) -> tuple[NDArray[np.int64], bool]:
    """Return how many rows stand before each late one, and whether any are tied.

    Both sides are in order. Late rows come after the rows of the same user and time
    whose `row` is less; where that is not given, after all of them.
    """
    total = len(user)
    found = np.empty(len(late_user), np.int64)
    tied = False
    low = 0
    for late in range(len(late_user)):
        who = late_user[late]
        when = late_time[late]
        # Late rows are near each other: look further and further, then between.
        high = low
        step = 1
        while high < total and precedes(user[high], time[high], who, when):
            low = high + 1
            high += step
            step *= 2
        high = min(high, total)
        while low < high:
            middle = (low + high) // 2
            if precedes(user[middle], time[middle], who, when):
                low = middle + 1
            else:
                high = middle
        while low < total and user[low] == who and time[low] == when:
            tied = True
            if len(row) and row[low] > late_row[late]:
                break
            low += 1
        found[late] = low
    return found, tied


@compiled
def weave(rows: NDArray[T], late: NDArray[T], at: NDArray[np.int64]) -> NDArray[T]:
    """Put late values where `at` says how many of the others stand before each."""
    woven = np.empty(len(rows) + len(late), rows.dtype)
    begin = 0
    for number in range(len(late)):
        end = at[number]
        woven[begin + number : end + number] = rows[begin:end]
        woven[end + number] = late[number]
        begin = end
    woven[begin + len(late) :] = rows[begin:]
    return woven
