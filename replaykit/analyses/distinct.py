"""Distinct rows and sums of tallies: exact, and cheap where neighbours are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence


def distinct_rows(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return the distinct rows of `keys`, whose first must be `user` and last `i`.

    In data sorted by user and interval, equal rows are neighbours except where a user
    changes group inside an interval: only those rows go through an exact `unique`.
    """
    rows = frame.select(keys)
    outer = ["user", "i"]
    moved = _changed(keys)
    rows = rows.filter(moved)
    order = pl.col("user").cast(pl.Int64) * (1 << 24) + pl.col("i")
    if not rows.select(order).to_series().is_sorted():
        return unique_rows(rows)
    if len(keys) == len(outer):
        return rows
    starts = _changed(outer)
    alone = starts & starts.shift(-1).fill_null(value=True)
    marked = rows.with_columns(_alone=alone)
    mixed = marked.filter(~pl.col("_alone")).drop("_alone")
    if mixed.is_empty():
        return rows
    return pl.concat([marked.filter("_alone").drop("_alone"), unique_rows(mixed)])


def grouped(
    frame: pl.DataFrame, keys: Sequence[str], *aggregates: pl.Expr
) -> pl.DataFrame:
    """Aggregate by keys in the streaming engine, several times faster on text keys."""
    found = frame.lazy().group_by(keys).agg(aggregates)
    return found.collect(engine="streaming")


def unique_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct rows, in any order, by the streaming engine."""
    return frame.lazy().unique().collect(engine="streaming")


def _changed(keys: Sequence[str]) -> pl.Expr:
    return pl.any_horizontal(
        pl.col(key).ne_missing(pl.col(key).shift()) for key in keys
    )


def expanded(frame: pl.DataFrame, window: int | None, points: int) -> pl.DataFrame:
    """Repeat each line in every interval whose window sees it."""
    if window is None:
        return frame
    stop = pl.min_horizontal(pl.col("i") + window, pl.lit(points))
    return frame.with_columns(i=pl.int_ranges("i", stop, dtype=pl.Int32)).explode("i")


def summed(
    lines: pl.DataFrame,
    at: Sequence[str],
    window: int | None,
    points: int,
    *aggregates: pl.Expr,
) -> pl.DataFrame:
    """Aggregate by keys and interval, each interval with all its window sees."""
    found = grouped(lines, at, *aggregates)
    if window is None:
        return found
    return expanded(found, window, points).group_by(at).agg(*aggregates)
