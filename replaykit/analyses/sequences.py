"""The most frequent exact sequences: every run of n events in a row counts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import polars as pl

from replaykit.analyses.ordered_rows import by_session, by_time, runs
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, check_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.timeline import Span

SequenceWithin: TypeAlias = Literal["session", "user"]
"""`"session"`: sequences inside one session; `"user"`: over all rows of a user."""

WITHIN: Final = ("session", "user")
_WIDEST: Final = 2**62


def sequences(
    frame: Frames,
    length: int = 5,
    *,
    within: SequenceWithin = "session",
    span: Span | None = None,
    segment: Sequence[pl.Expr] = (),
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
    segment
        Conditions on the rows.
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
    check_option("within", within, WITHIN)
    if length < 1:
        raise BadInput(f"length={length!r}: a sequence holds at least one event.")
    log = Pieces.of(frame)
    kept = [*segment, *([] if inactive else [pl.col("active")])]
    if span is not None:
        kept.append(span.holds(pl.col("time")))
    if within == "session":
        kept.append(pl.col("session_id").is_not_null())
    labels = sorted(log.names)
    if len(labels) ** length >= _WIDEST:
        present = log.collect(lambda lf: lf.filter(*kept).select("event").unique())
        labels = present["event"].unique().sort().to_list()
    base = max(len(labels), 1)
    if base**length >= _WIDEST:
        raise BadInput(
            f"Sequences of {length} among {base:,} event names are too many to count; "
            "ask for shorter ones, or keep fewer events."
        )
    work = partial(_counted, kept=kept, within=within, length=length, labels=labels)
    counted = log.ask(work, _added)
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


def _added(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if len(parts) == 1:
        return parts[0]
    return pl.concat(parts).group_by("packed").agg(pl.col("times").sum())


def _counted(
    lf: pl.LazyFrame,
    kept: Sequence[pl.Expr],
    within: str,
    length: int,
    labels: Sequence[str],
) -> pl.DataFrame:
    """Return how often each sequence of one piece occurs: `packed`, `times`.

    A sequence is one number, its events the digits.
    """
    from replaykit.analyses.compiled import frozen  # noqa: PLC0415 - numba
    from replaykit.analyses.rows_kernel import packed  # noqa: PLC0415 - numba

    code = pl.col("event").cast(pl.Enum(labels)).to_physical()
    columns = [
        pl.col("user").alias("@user"),
        pl.col("time").alias("@time"),
        pl.col("row").alias("@row"),
        code.cast(pl.Int32).alias("@code"),
    ]
    keys = ["@user"]
    if within == "session":
        columns.append(pl.col("session_id").alias("@session"))
        keys.append("@session")
    rows = lf.filter(*kept).select(columns).collect(engine="streaming")
    rows = by_session(rows) if within == "session" else by_time(rows)
    numbers = packed(
        frozen(runs(rows, keys)),
        frozen(rows["@code"].to_numpy()),
        length,
        max(len(labels), 1),
    )
    return (
        pl.DataFrame({"packed": numbers})
        .group_by("packed")
        .agg(times=pl.len().cast(pl.Int64))
    )
