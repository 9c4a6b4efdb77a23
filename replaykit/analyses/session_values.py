"""The numbers of a count of sessions: per interval, and over the whole range."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.measures import bin_labels, grouped
from replaykit.analyses.properties import Bins, as_ranges
from replaykit.errors import UnknownOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.session_query import SessionsQuery

SessionMeasure: TypeAlias = Literal[
    "total",
    "length",
    "average length",
    "length distribution",
    "time per user",
    "per user",
    "events",
    "events per session",
    "events distribution",
]
"""What is counted of sessions; the last three count an event inside them."""

SESSION_MEASURES: Final[tuple[SessionMeasure, ...]] = (
    "total",
    "length",
    "average length",
    "length distribution",
    "time per user",
    "per user",
    "events",
    "events per session",
    "events distribution",
)

_EDGES_S: Final = (0, 3, 10, 30, 60, 180, 600, 1800, 3600, 86400)
_LENGTHS: Final = tuple(pairwise(_EDGES_S))
_COUNTS: Final = (*((k, k) for k in range(1, 11)), (11, float("inf")))
_PER_USER: Final = ("time per user", "per user")
IN_SESSION: Final = ("events", "events per session", "events distribution")
DISTRIBUTIONS: Final = ("length distribution", "events distribution")


def session_ranges(
    measure: SessionMeasure, bins: Bins | None
) -> Sequence[tuple[float, float]]:
    """Return the buckets of a distribution: seconds, or counts of events."""
    if measure not in DISTRIBUTIONS:
        if bins is not None:
            raise UnknownOption(
                f"bins= has no effect on measure={measure!r}. Use a distribution."
            )
        return ()
    if bins is not None:
        return as_ranges(bins)
    return _LENGTHS if measure == "length distribution" else _COUNTS


def session_values(
    query: SessionsQuery,
    measure: SessionMeasure,
    ranges: Sequence[tuple[float, float]],
    formed: pl.DataFrame,
    keys: Sequence[str],
    *,
    sums: pl.DataFrame,
    whole: bool,
) -> pl.DataFrame:
    """Return `segment_at`, keys, `bucket_at` (distributions), `i` and `value`.

    `sums` are those of `formed` per interval (`session_sums`).
    """
    if whole:
        zero = pl.lit(0, dtype=pl.Int32).alias("i")
        sums = sums.with_columns(zero)
        if measure in DISTRIBUTIONS:
            formed = formed.with_columns(zero)
    at = ["segment_at", *keys, "i"]
    points = [0] if whole else query.grid.labels()["i"].to_list()
    if keys:
        series = sums.select(at[:-1]).unique()
    else:
        series = pl.DataFrame(
            {"segment_at": pl.Series(range(len(query.segments)), dtype=pl.Int32)}
        )
    dense = series.join(
        pl.DataFrame({"i": pl.Series(points, dtype=pl.Int32)}), how="cross"
    )
    if measure in DISTRIBUTIONS:
        return _distributed(measure, ranges, formed, dense, at)
    found = dense.join(sums.group_by(at).agg(pl.all().sum()), on=at, how="left")
    n, seconds = pl.col("n").fill_null(0), pl.col("length").fill_null(0) / 1e6
    if measure in _PER_USER:
        users = pl.concat(
            [
                query.active_users(k, whole=whole).with_columns(
                    segment_at=pl.lit(k, dtype=pl.Int32)
                )
                for k in range(len(query.segments))
            ]
        )
        found = found.join(users, on=["segment_at", "i"], how="left")
    value = {
        "total": n,
        "length": seconds,
        "average length": pl.when(n > 0).then(seconds / n),
        "time per user": seconds / pl.col("users"),
        "per user": n / pl.col("users"),
        "events": pl.col("_counted").fill_null(0),
        "events per session": pl.when(n > 0).then(pl.col("_counted") / n),
    }[measure]
    return found.select(*at, value=value)


def session_sums(
    query: SessionsQuery, formed: pl.DataFrame, keys: Sequence[str]
) -> pl.DataFrame:
    """Return sessions `n`, `length` and `_counted` per segment, group and interval."""
    sums = [pl.len().cast(pl.Int64).alias("n"), pl.col("length").sum()]
    if query.counting is not None:
        sums.append(pl.col("_counted").sum())
    return grouped(formed, ["segment_at", *keys, "i"], *sums)


def _distributed(
    measure: SessionMeasure,
    ranges: Sequence[tuple[float, float]],
    formed: pl.DataFrame,
    dense: pl.DataFrame,
    at: Sequence[str],
) -> pl.DataFrame:
    parts = []
    for k in range(len(ranges)):
        inside = formed.filter(in_bucket(measure, ranges, k))
        count = inside.group_by(at).agg(value=pl.len().cast(pl.Int64))
        part = dense.join(count, on=list(at), how="left")
        parts.append(
            part.with_columns(
                pl.col("value").fill_null(0), bucket_at=pl.lit(k, dtype=pl.Int32)
            )
        )
    return pl.concat(parts)


def in_bucket(
    measure: SessionMeasure, ranges: Sequence[tuple[float, float]], k: int
) -> pl.Expr:
    """Return the condition that a session is in the k-th bucket."""
    low, high = ranges[k]
    if measure == "events distribution":
        return pl.col("_counted").is_between(low, high)
    return (pl.col("length") / 1e6).is_between(low, high, closed="left")


def named_series(
    query: SessionsQuery,
    found: pl.DataFrame,
    ranks: pl.DataFrame | None,
    buckets: Sequence[str],
) -> pl.DataFrame:
    """Turn positions into labels, groups in the order of their size."""
    keys = [f"b{k}" for k in range(len(query.by))]
    order = ["segment_at"]
    if ranks is not None:
        found = found.join(ranks.with_row_index("rank"), on=list(keys), how="left")
        order.append("rank")
    columns = [
        pl.col(key).alias(one.name) for key, one in zip(keys, query.by, strict=True)
    ]
    if list(query.segments) != [""]:
        labels = pl.Series(list(query.segments), dtype=pl.String)
        columns.append(pl.lit(labels).gather(pl.col("segment_at")).alias("segment"))
    if buckets:
        names = pl.Series(buckets, dtype=pl.String)
        columns.append(pl.lit(names).gather(pl.col("bucket_at")).alias("bucket"))
        order.append("bucket_at")
    return found.sort(*order, "i").select(*columns, "i", "value")


def bucket_labels(
    measure: SessionMeasure, ranges: Sequence[tuple[float, float]]
) -> list[str]:
    """Return the labels of a distribution's buckets, in order."""
    return bin_labels(ranges, closed=measure == "events distribution")
