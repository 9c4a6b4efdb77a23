"""Sessions, and the users behind them, added up per interval in one pass."""

# ruff: noqa: PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]
    F64 = NDArray[np.float64]


@part
def interval_of(edges: I64, moment: int) -> int:
    """Return which interval holds a moment; they follow each other without a gap.

    Intervals are about equally long, so that a guess is right or nearly so.
    """
    points = len(edges) - 1
    share = (moment - edges[0]) / (edges[points] - edges[0])
    at = min(max(int(share * points), 0), points - 1)
    while at > 0 and moment < edges[at]:
        at -= 1
    while at + 1 < points and moment >= edges[at + 1]:
        at += 1
    return at


@compiled
def summed_sessions(
    user: I32,
    session: I64,
    start: I64,
    first: I64,
    last: I64,
    edges: I64,
    since: int,
    until: int,
    longest: int,
    low: F64,
    high: F64,
) -> tuple[I64, I64, I64]:
    """Return sessions and their lengths per interval, and sessions per length.

    Parameters
    ----------
    user, session
        Whose each run of rows is, and of which session; the runs of one session follow
        each other, the earliest first.
    start
        When a run begins.
    first, last
        Between what moments it lasts.
    edges
        The starts of the intervals, and the end of the last one.
    since, until
        Sessions that start before or at the end of this range count nowhere.
    longest
        Longer sessions count nowhere.
    low, high
        The ranges of lengths `[low, high)`, in seconds; may be none.
    """
    points = len(edges) - 1
    counts = np.zeros(points, np.int64)
    lengths = np.zeros(points, np.int64)
    cells = np.zeros((points, len(low)), np.int64)
    total = len(start)
    run = 0
    while run < total:
        begun = start[run]
        earliest = first[run]
        latest = last[run]
        own = user[run]
        of = session[run]
        run += 1
        while run < total and user[run] == own and session[run] == of:
            earliest = min(earliest, first[run])
            latest = max(latest, last[run])
            run += 1
        length = latest - earliest
        if begun < since or begun >= until or length > longest:
            continue
        at = interval_of(edges, begun)
        counts[at] += 1
        lengths[at] += length
        for k in range(len(low)):
            cells[at, k] += low[k] <= length / 1e6 < high[k]
    return counts, lengths, cells


@compiled
def users_per_interval(
    user: I32, time: I64, edges: I64, since: int, until: int
) -> tuple[I64, int]:
    """Return the users with a row in each interval, and in the range; rows in order."""
    counts = np.zeros(len(edges) - 1, np.int64)
    whole = 0
    at = -1
    of = -1
    for row in range(len(user)):
        now = time[row]
        if now < since or now >= until:
            continue
        if user[row] == of and now < edges[at + 1]:
            continue
        if user[row] != of:
            of = user[row]
            whole += 1
        at = interval_of(edges, now)
        counts[at] += 1
    return counts, whole
