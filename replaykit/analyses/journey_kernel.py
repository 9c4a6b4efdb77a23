"""Cut each user's rows into journeys: where a path begins, where it ends.

One pass over rows in (user, window key, time) order. The state is the running path: its
anchor, and the rows it may still take. Backward journeys read the same rows from the
end; `step` is +1 or -1.

`flags`, one number per row:
    bit 0: a node of a path (visible)      bit 1: may anchor a path
    bit 2: is the anchor's event           bit 3: ends a path (between two events)
    bits 8 and up: satisfies the k-th event that a path must hold
"""

# ruff: noqa: C901, FBT001, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from replaykit.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    I64 = NDArray[np.int64]
    I32 = NDArray[np.int32]

NODE: Final = 1
ANCHOR: Final = 2
IS_ANCHOR_EVENT: Final = 4
END: Final = 8
HELD_FROM: Final = 8

#: Which anchors open a path.
FIRST_OF_USER: Final = 0
FIRST_OF_KEY: Final = 1
EVERY: Final = 2


@compiled
def anchors(user: I32, key: I32, time: I64, row: I64, flags: I32, which: int) -> I64:
    """Return the positions of the rows that open a path.

    A user's first row that may anchor, the first of each key (a session), or every one.
    Backward journeys also take the first.
    """
    found = np.empty(len(user), np.int64)
    count = 0
    best = -1
    for at in range(len(user)):
        if best >= 0 and (
            user[at] != user[best] or (which == FIRST_OF_KEY and key[at] != key[best])
        ):
            found[count] = best
            count += 1
            best = -1
        if flags[at] & ANCHOR == 0:
            continue
        if which == EVERY:
            found[count] = at
            count += 1
        elif (
            best < 0
            or time[at] < time[best]
            or (time[at] == time[best] and row[at] < row[best])
        ):
            # Rows of several keys follow each other, so later rows may be earlier.
            best = at
    if best >= 0:
        found[count] = best
        count += 1
    return found[:count]


@compiled
def cut(
    key: I32,
    time: I64,
    flags: I32,
    code: I32,
    found: I64,
    forward: bool,
    window: int,
    every: bool,
    between: bool,
    collapse: bool,
    held: int,
) -> tuple[I64, I64, I64, I64]:
    """Return the nodes of every kept path.

    Parameters are arrays of the rows, the anchors' positions, and the question: the
    window in microseconds (-1: all rows of the key), whether an anchor's event closes
    a path (`every`), whether a path ends at an end event, whether neighbours of one
    label are one node, and the events a path must hold (bits).

    Returns
    -------
    tuple
        Positions of nodes, path after path; where each path starts in them (one more
        than there are paths); each path's anchor; and 1 where it reached its end.
    """
    total = len(key)
    step = 1 if forward else -1
    size = len(found)
    nodes = np.empty(total + size, np.int64)
    starts = np.zeros(size + 1, np.int64)
    kept = np.empty(size, np.int64)
    ended = np.zeros(size, np.int64)
    count = 0
    paths = 0
    for anchor in found:
        begin = count
        holds = 0
        done = 0
        last = -1
        at = anchor
        while 0 <= at < total and key[at] == key[anchor]:
            away = (time[at] - time[anchor]) * step
            if window >= 0 and away > window:
                break
            if every and at != anchor and flags[at] & IS_ANCHOR_EVENT:
                break
            holds |= flags[at] >> HELD_FROM
            if flags[at] & NODE:
                if collapse and last >= 0 and code[last] == code[at]:
                    # One node, timed at its first row; the anchor stays itself.
                    if not forward and count > begin + 1:
                        nodes[count - 1] = at
                else:
                    if count == len(nodes):
                        nodes = np.concatenate((nodes, np.empty_like(nodes)))
                    nodes[count] = at
                    count += 1
                last = at
            if between and at != anchor and flags[at] & END:
                done = 1
                break
            at += step
        if holds & held == held:
            kept[paths] = anchor
            ended[paths] = done
            paths += 1
            starts[paths] = count
        else:
            count = begin
    return nodes[:count], starts[: paths + 1], kept[:paths], ended[:paths]
