"""Rows in the order that path searches read: by user and time, or session by session.

Data on disk usually are in (user, time) order already, and sessions of one user rarely
interleave: both are checked in one pass, and only what is out of order is sorted.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray


def by_time(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows (`@user`, `@time`, `@row`) in that order."""
    from replaykit.analyses.compiled import frozen  # noqa: PLC0415 - numba
    from replaykit.analyses.rows_kernel import in_order  # noqa: PLC0415 - numba

    if rows.schema["@user"] == pl.Int32:
        user = frozen(rows["@user"].to_numpy())
        time = frozen(rows["@time"].to_physical().to_numpy())
        if in_order(user, time, frozen(rows["@row"].to_numpy())):
            return rows
    return rows.sort("@user", "@time", "@row")


def by_session(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in time order with each session's rows together."""
    from replaykit.analyses.compiled import frozen  # noqa: PLC0415 - numba
    from replaykit.analyses.rows_kernel import session_order  # noqa: PLC0415 - numba

    rows = by_time(rows)
    session = rows["@session"].fill_null(np.iinfo(np.int64).min).to_numpy()
    user = runs(rows, ["@user"])
    order = session_order(frozen(user), frozen(session))
    return rows[order] if len(order) else rows


def runs(rows: pl.DataFrame, keys: list[str]) -> NDArray[np.int32]:
    """Give a number to each run of equal keys."""
    change = reduce(or_, [pl.col(key).ne_missing(pl.col(key).shift()) for key in keys])
    first = pl.int_range(pl.len()) == 0
    numbers = (change | first).cum_sum().cast(pl.Int32).alias("n")
    return rows.select(numbers)["n"].to_numpy()


def codes(labels: pl.Series) -> tuple[list[str], NDArray[np.int32]]:
    """Return the distinct labels in order, and each row's place among them.

    Labels are categories, so that only distinct ones are compared as text.
    """
    if labels.is_empty():
        return [], np.zeros(0, np.int32)
    distinct = labels.unique()
    numbers = distinct.to_physical().to_numpy()
    names = distinct.cast(pl.String)
    place = names.rank("ordinal").cast(pl.Int32).to_numpy() - 1
    found = np.zeros(int(numbers.max()) + 1, np.int32)
    found[numbers] = place
    return names.sort().to_list(), found[labels.to_physical().to_numpy()]
