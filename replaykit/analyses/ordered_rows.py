"""Rows in the order that path searches read: by user and time, or session by session.

Data on disk usually are in (user, time) order already, and sessions of one user rarely
interleave: both are checked in one pass, and only what is out of order is sorted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from replaykit.engine import gathered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def read_in_order(lf: pl.LazyFrame, columns: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Read `columns` (`@user`, `@time` among them) in (user, time, row) order.

    Row numbers are a good part of what there is to read, and only tell apart what one
    user did in one moment: they are read where that, or the order, asks for them.
    """
    from replaykit.analyses.rows_kernel import in_order, tied  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    chosen = [expr.alias(name) for name, expr in columns.items()]
    rows = gathered(lf.select(chosen))
    if rows.schema["@user"] == pl.Int32:
        user = frozen(rows["@user"].to_numpy())
        time = frozen(rows["@time"].to_physical().to_numpy())
        if in_order(user, time, time) and not tied(user, time):
            return rows
    del rows
    rows = gathered(lf.select(*chosen, pl.col("row").alias("@row")))
    return by_time(rows)


def by_time(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows (`@user`, `@time`, `@row`) in that order."""
    from replaykit.analyses.rows_kernel import in_order  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    if rows.schema["@user"] == pl.Int32:
        user = frozen(rows["@user"].to_numpy())
        time = frozen(rows["@time"].to_physical().to_numpy())
        if in_order(user, time, frozen(rows["@row"].to_numpy())):
            return rows
    return rows.sort("@user", "@time", "@row")


def by_session(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in time order with each session's rows together."""
    from replaykit.analyses.rows_kernel import session_order  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    rows = by_time(rows)
    order = session_order(frozen(runs(rows, ["@user"])), frozen(session_ids(rows)))
    return rows[order] if len(order) else rows


def runs(rows: pl.DataFrame, keys: list[str]) -> NDArray[np.int32]:
    """Give a number to each run of equal keys: `@user`, and `@session` where named."""
    from replaykit.analyses.rows_kernel import number_runs  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    session = session_ids(rows) if "@session" in keys else np.zeros(0, np.int64)
    return number_runs(frozen(user_numbers(rows)), frozen(session))


def user_numbers(rows: pl.DataFrame) -> NDArray[np.int32]:
    """Return users as numbers that differ where one user follows another."""
    user = rows["@user"]
    if user.dtype != pl.Int32:
        change = user.ne_missing(user.shift()).cast(pl.Int32)
        user = change.cum_sum()
    return user.to_numpy()


def session_ids(rows: pl.DataFrame) -> NDArray[np.int64]:
    """Return session ids; rows without one share a number that no session has."""
    return rows["@session"].fill_null(np.iinfo(np.int64).min).to_numpy()


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
