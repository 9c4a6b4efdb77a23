"""The most frequent exact sequences: every run of n events in a row counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.analyses.ordered_rows import by_session, by_time, codes, runs
from replaykit.errors import BadInput, check_option
from replaykit.schema import canonical

if TYPE_CHECKING:
    from replaykit.timeline import Span

WITHIN: Final = ("session", "user")
_WIDEST: Final = 2**62


def sequences(
    frame: pl.LazyFrame | pl.DataFrame,
    length: int = 5,
    *,
    within: str = "session",
    span: Span | None = None,
    inactive: bool = False,
    top: int | None = 100,
) -> pl.DataFrame:
    """Count every sequence of events that directly follow each other.

    Parameters
    ----------
    frame
        Canonical events (`replaykit.schema`), in any row order.
    length
        Events in a sequence; sequences overlap, each event begins one.
    within
        `"session"`: inside one session, whatever happens in others (rows without a
        session are left out); `"user"`: over all rows of a user.
    span
        The date range of the rows.
    inactive
        Whether inactive events count.
    top
        How many sequences; None for all.

    Returns
    -------
    DataFrame
        `path` List(String) and `times` Int64; most frequent first, ties by labels.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 1],
    ...         "event": ["Search", "Search", "Buy"],
    ...         "time": [datetime(2026, 3, 1, hour) for hour in (10, 11, 12)],
    ...     }
    ... )
    >>> sequences(frame, 2, within="user").rows()
    [(['Search', 'Buy'], 1), (['Search', 'Search'], 1)]
    """
    from replaykit.analyses.compiled import frozen  # noqa: PLC0415 - numba
    from replaykit.analyses.rows_kernel import packed  # noqa: PLC0415 - numba

    check_option("within", within, WITHIN)
    if length < 1:
        raise BadInput(f"length={length!r}: a sequence holds at least one event.")
    lf = canonical(frame)
    if not inactive:
        lf = lf.filter("active")
    if span is not None:
        lf = lf.filter(span.holds(pl.col("time")))
    columns = [
        pl.col("user").alias("@user"),
        pl.col("time").alias("@time"),
        pl.col("row").alias("@row"),
        pl.col("event").cast(pl.Categorical).alias("@label"),
    ]
    keys = ["@user"]
    if within == "session":
        lf = lf.filter(pl.col("session_id").is_not_null())
        columns.append(pl.col("session_id").alias("@session"))
        keys.append("@session")
    rows = lf.select(columns).collect(engine="streaming")
    rows = by_session(rows) if within == "session" else by_time(rows)
    labels, code = codes(rows["@label"])
    base = max(len(labels), 1)
    if base**length >= _WIDEST:
        raise BadInput(
            f"Sequences of {length} among {base:,} event names are too many to count; "
            "ask for shorter ones, or keep fewer events."
        )
    found = packed(frozen(runs(rows, keys)), frozen(code), length, base)
    counted = (
        pl.DataFrame({"packed": found})
        .group_by("packed")
        .agg(times=pl.len().cast(pl.Int64))
    )
    if top is not None and counted.height > top:
        # Most sequences are rare: only those that can be among the first are sorted.
        least = counted["times"].top_k(max(top, 1)).min()
        counted = counted.filter(pl.col("times") >= least)
    counted = counted.sort("times", "packed", descending=[True, False])
    if top is not None:
        counted = counted.head(top)
    # Codes follow the labels' order, so packed numbers do too.
    numbers = counted["packed"].to_numpy()
    digits = numbers[:, None] // base ** np.arange(length - 1, -1, -1) % base
    names = pl.Series(labels, dtype=pl.String).gather(digits.ravel())
    path = names.reshape((-1, length)).arr.to_list() if len(names) else names
    return pl.DataFrame(
        {"path": path, "times": counted["times"]},
        schema={"path": pl.List(pl.String), "times": pl.Int64},
    )
