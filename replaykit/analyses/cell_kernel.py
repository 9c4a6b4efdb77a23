"""Users and rows per cell of a table of groups and intervals, in one pass.

A user's rows stand together, so a cell that bears the number of the user at hand has
counted them already: a stamp per cell, and nothing is sorted, hashed or joined.
"""

# ruff: noqa: PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]


@compiled
def together(user: I32) -> bool:
    """Return whether each user's rows stand together, whatever the order of users."""
    total = len(user)
    highest = -1
    ascending = True
    for row in range(total):
        if user[row] < 0:
            return False
        if user[row] < highest:
            ascending = False
        highest = max(highest, user[row])
    if ascending:
        return True
    seen = np.zeros(highest + 1, np.bool_)
    for row in range(total):
        if row and user[row] == user[row - 1]:
            continue
        if seen[user[row]]:
            return False
        seen[user[row]] = True
    return True


@compiled
def cells(
    user: I32, time: I64, edges: I64, heads: I64, group: I32, groups: int
) -> tuple[I64, I64, I64]:
    """Count users and rows per (group, interval), and users per group.

    Parameters
    ----------
    user, time
        Rows, each user's together; times of a user best in order.
    edges
        Where intervals start, in order, and where the last one ends. Rows outside do
        not count.
    heads, group
        The rows with which another group begins, the first row among them, and which
        one it is; empty: all rows are of one group.
    groups
        How many groups there are.
    """
    total = len(user)
    points = len(edges) - 1
    users = np.zeros((groups, points), np.int64)
    rows = np.zeros((groups, points), np.int64)
    overall = np.zeros(groups, np.int64)
    stamps = np.full((groups, points), -1, np.int32)
    once = np.full(groups, -1, np.int32)
    scale = points / (edges[points] - edges[0])
    of = 0
    at = np.int64(0)
    low, high = edges[0], edges[1]
    line = 0
    row = 0
    while row < total:
        own = user[row]
        now = time[row]
        if line < len(heads) and heads[line] == row:
            of = group[line]
            line += 1
        until = heads[line] if line < len(heads) else total
        if now < low or now >= high:
            if now < edges[0] or now >= edges[points]:
                row += 1
                continue
            # Near where it would be if all were equally long, and mostly just there.
            at = np.int64(min((now - edges[0]) * scale, points - 1))
            while now < edges[at]:
                at -= 1
            while now >= edges[at + 1]:
                at += 1
            low, high = edges[at], edges[at + 1]
        begin = row
        row += 1
        while row < until and user[row] == own and low <= time[row] < high:
            row += 1
        rows[of, at] += row - begin
        if stamps[of, at] != own:
            stamps[of, at] = own
            users[of, at] += 1
            if once[of] != own:
                once[of] = own
                overall[of] += 1
    return users, rows, overall
