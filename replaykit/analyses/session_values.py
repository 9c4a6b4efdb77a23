"""The numbers of a count of sessions: per interval, and over the whole range."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.distributions import bin_labels
from replaykit.analyses.properties import Bins, as_ranges
from replaykit.analyses.session_sums import ALL
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
PER_USER: Final = ("time per user", "per user")
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
    buckets: int,
    sums: pl.DataFrame,
    keys: Sequence[str],
    *,
    active: pl.DataFrame | None,
    whole: bool,
) -> pl.DataFrame:
    """Return `segment_at`, keys, `bucket_at` (distributions), `i` and `value`.

    `sums` are those of `session_sums` and `active` (measures per user) those of
    `active_users`, both with `segment_at`; `buckets` says how many a distribution has.
    """
    if whole:
        sums = sums.with_columns(pl.lit(0, dtype=pl.Int32).alias("i"))
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
        numbers = pl.DataFrame({"bucket_at": pl.Series(range(buckets), dtype=pl.Int32)})
        dense = dense.join(numbers, how="cross")
        at.append("bucket_at")
    else:
        sums = sums.filter(pl.col("bucket_at") == ALL).drop("bucket_at")
    found = dense.join(sums.group_by(at).agg(pl.all().sum()), on=at, how="left")
    n, seconds = pl.col("n").fill_null(0), pl.col("length").fill_null(0) / 1e6
    if active is not None:
        users = active.filter(pl.col("whole") == whole).drop("whole")
        found = found.join(users, on=["segment_at", "i"], how="left")
    counted = pl.col("_counted")
    value = {
        "total": n,
        "length": seconds,
        "average length": pl.when(n > 0).then(seconds / n),
        "length distribution": n,
        "time per user": seconds / pl.col("users"),
        "per user": n / pl.col("users"),
        "events": counted.fill_null(0),
        "events per session": pl.when(n > 0).then(counted / n),
        "events distribution": n,
    }[measure]
    return found.select(*at, value=value)


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
