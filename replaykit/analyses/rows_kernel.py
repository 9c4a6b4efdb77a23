"""Single passes over rows: do they need sorting, what is each of them."""

# ruff: noqa: C901, FBT001, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from numpy.typing import NDArray


@part
def rises(
    unit: NDArray[np.int32], first: NDArray[np.int64], second: NDArray[np.int64]
) -> bool:
    """Return whether rows stand by (unit, first, second), as a file's mostly do.

    Written without a branch, so that several rows are compared at once.
    """
    bad = False
    for row in range(1, len(unit)):
        same = unit[row] == unit[row - 1]
        tied = first[row] == first[row - 1]
        back = (first[row] < first[row - 1]) | (tied & (second[row] < second[row - 1]))
        bad |= (unit[row] < unit[row - 1]) | (same & back)
    return not bad


@compiled
def in_order(
    unit: NDArray[np.int32], first: NDArray[np.int64], second: NDArray[np.int64]
) -> bool:
    """Return whether each unit stands in one run, in (first, second) order.

    Units themselves may come in any order, as they do when files follow each other. A
    unit that comes back after another one is not in order.
    """
    total = len(unit)
    if total == 0 or (unit[0] >= 0 and rises(unit, first, second)):
        return True
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


@compiled
def tied(user: NDArray[np.int32], time: NDArray[np.int64]) -> bool:
    """Return whether a row and the one before are of one user and one moment."""
    found = False
    for row in range(1, len(user)):
        found |= (user[row] == user[row - 1]) & (time[row] == time[row - 1])
    return found


@part
def cut(time: int, unit: int) -> int:
    """Cut a time to the resolution; a division by a constant is several times faster.

    Both units that there are, in microseconds, are written out.
    """
    if unit == 1_000_000:
        return time // 1_000_000
    return time // 1_000


@compiled
def block_ends(unit: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    """Return where blocks of whole units end, each of at least `size` rows."""
    ends = np.empty(len(unit) // size + 1, np.int64)
    count = 0
    row = size
    while row < len(unit):
        if unit[row] == unit[row - 1]:
            row += 1
            continue
        ends[count] = row
        count += 1
        row += size
    ends[count] = len(unit)
    return ends[: count + 1]


@compiled
def decode(
    time: NDArray[np.int64],
    code: NDArray[np.int16],
    bits: NDArray[np.uint16],
    enters: NDArray[np.bool_],
    unit: int,
    tick: NDArray[np.int64],
    mask: NDArray[np.uint16],
) -> None:
    """Write each row's tick and steps (bit 15: may enter).

    `bits` is looked up by the event's code. A step-0 row may enter where `enters` says
    so; where that is empty, every one may.
    """
    for row in range(len(code)):
        own = bits[code[row]]
        if own & 1 and (len(enters) == 0 or enters[row]):
            own |= 1 << 15
        mask[row] = own
        tick[row] = cut(time[row], unit)


@compiled
def unfold(
    tick: NDArray[np.int64],
    place: NDArray[np.int64],
    start: int,
    paths: NDArray[np.int64],
    unordered: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each step of paths stands, and the ticks since the step before.

    Both are a line per step. `place` tells where a row stands, counted from `start`;
    empty: at its own number. Where steps may come in any order, what counts is when all
    of 1..k were done. Beyond a path's depth (row -1), a place is -1 and a gap 0.
    """
    n = paths.shape[1]
    places = np.empty((n, len(paths)), np.int64)
    gaps = np.empty((n, len(paths)), np.int64)
    for line in range(len(paths)):
        before = tick[paths[line, 0]]
        for step in range(n):
            row = paths[line, step]
            if row < 0:
                places[step, line] = -1
                gaps[step, line] = 0
                continue
            places[step, line] = start + (place[row] if len(place) else row)
            now = max(tick[row], before) if unordered else tick[row]
            gaps[step, line] = now - before
            before = now
    return places, gaps


@compiled
def session_order(
    user: NDArray[np.int32], session: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the order that puts each session's rows together; empty if they are.

    Rows are in (user, time) order. Only users whose sessions interleave are sorted.
    """
    total = len(user)
    order = np.empty(0, np.int64)
    start = 0
    while start < total:
        stop = start + 1
        changes = 0
        while stop < total and user[stop] == user[start]:
            if session[stop] != session[stop - 1]:
                changes += 1
            stop += 1
        if changes > 1:
            heads = np.empty(changes + 1, np.int64)
            heads[0] = session[start]
            count = 1
            for row in range(start + 1, stop):
                if session[row] != session[row - 1]:
                    heads[count] = session[row]
                    count += 1
            heads.sort()
            twice = False
            for line in range(1, count):
                twice = twice or heads[line] == heads[line - 1]
            if twice:
                if len(order) == 0:
                    order = np.arange(total)
                inside = np.argsort(session[start:stop], kind="mergesort")
                order[start:stop] = inside + start
        start = stop
    return order


@compiled
def pauses(
    user: NDArray[np.int32], time: NDArray[np.int64], gap: int
) -> NDArray[np.int64]:
    """Return where a user begins, or goes on after a pause longer than `gap`."""
    total = len(user)
    many = min(total, 1)
    for row in range(1, total):
        many += (user[row] != user[row - 1]) | (time[row] - time[row - 1] > gap)
    # One more than there are: every row is written, and most of them over again.
    found = np.zeros(many + 1, np.int64)
    count = min(total, 1)
    for row in range(1, total):
        # Written without a branch: which rows they are cannot be predicted.
        found[count] = row
        count += (user[row] != user[row - 1]) | (time[row] - time[row - 1] > gap)
    return found[:many]


@compiled
def number_runs(
    user: NDArray[np.int32], session: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Give a number to each run of one user (and one session, where there are any)."""
    total = len(user)
    numbers = np.empty(total, np.int32)
    number = 0
    for row in range(total):
        if row and (
            user[row] != user[row - 1]
            or (len(session) and session[row] != session[row - 1])
        ):
            number += 1
        numbers[row] = number
    return numbers
