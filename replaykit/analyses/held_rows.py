"""Rows of one user that hold the same values, put together.

What a user is seldom changes from row to row, and what belongs to a session comes in
runs: values are numbered and sorted a run at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def together(
    rows: pl.DataFrame, user: NDArray[np.int32], held: Sequence[str]
) -> tuple[pl.DataFrame, NDArray[np.int32]]:
    """Return the rows with those of equal held values together, and each one's unit.

    Parameters
    ----------
    rows
        Rows in which every user's stand together; those of one unit keep their order.
    user
        Their users.
    held
        Columns without nulls.
    """
    if rows.is_empty():
        return rows, user
    moved = user[1:] != user[:-1]
    other = np.zeros(len(moved), np.bool_)
    for name in held:
        column = rows[name]
        other |= column.ne_missing(column.shift()).to_numpy()[1:]
    if not np.any(other > moved):
        # One value per user: their units are the users.
        return rows, user
    heads = np.append(0, np.flatnonzero(moved | other) + 1)
    sizes = np.diff(heads, append=rows.height)
    value = np.zeros(len(heads), np.int64)
    for name in held:
        own = _codes(rows[name].gather(heads))
        value = value * (int(own.max()) + 1) + own
        if len(held) > 1:
            value = np.unique(value, return_inverse=True)[1].astype(np.int64)
    owner = np.cumsum(np.append(False, np.diff(user[heads]) != 0))
    unit = owner * (int(value.max()) + 1) + value
    order = np.argsort(unit, kind="stable")
    first = np.append(True, np.diff(unit[order]) != 0)
    if not first.all():
        # Values come back after others: their rows are brought together.
        heads, sizes = heads[order], sizes[order]
        places = np.cumsum(sizes) - sizes
        rows = rows[np.repeat(heads - places, sizes) + np.arange(rows.height)]
    return rows, np.repeat(np.cumsum(first, dtype=np.int32), sizes)


def told_apart(
    rows: pl.DataFrame,
    user: NDArray[np.int32],
    time: NDArray[np.int64],
    names: Sequence[str],
) -> bool:
    """Return whether rows of one user and one moment hold different values."""
    at = np.flatnonzero((user[1:] == user[:-1]) & (time[1:] == time[:-1]))
    if not len(at):
        return False
    columns = [rows[name] for name in names]
    return any(one.gather(at).ne_missing(one.gather(at + 1)).any() for one in columns)


def _codes(values: pl.Series) -> NDArray[np.int64]:
    """Return numbers that are equal where values are."""
    if values.dtype == pl.String:
        codes = values.cast(pl.Categorical).to_physical()
    else:
        codes = values.rank("dense")
    return codes.to_numpy().astype(np.int64)
