"""Find the replays of a person that show a set of events (`spec/replay.md` 3)."""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

Match = Literal["covering", "overlapping", "time"]
"""How a replay fits: of the same session and spanning all of the events; of the same
session and showing part of them; or of the same person, another or no session, and
spanning all of them."""

_ORDER: Final = {"covering": 0, "overlapping": 1, "time": 2}


def match(
    queries: pl.DataFrame, catalogue: pl.DataFrame, *, time_based: bool = True
) -> pl.DataFrame:
    """Join each query to the replays that show it, best match first.

    A session is a person and a session id; ids of different people have nothing to do
    with each other. Bounds count: a replay that ends with the last event covers it.

    Parameters
    ----------
    queries
        Columns `user`, `session_id` (null = no session), `first`, `last` (times of the
        first and last event), and any others, which are kept.
    catalogue
        Columns `replay_id`, `user`, `session_id`, `start`, `end`, and any others.
        Replays of unknown people match nothing.
    time_based
        Offer replays of other sessions that span the events.

    Returns
    -------
    DataFrame
        One row per query and replay: the query's columns, the catalogue's, and `match`.
        In the order of the queries; covering ones latest start first, then
        overlapping and time-based ones earliest start first.

    Examples
    --------
    >>> from datetime import datetime
    >>> times = [datetime(2026, 3, 1, 14, minute) for minute in (0, 2, 6, 10)]
    >>> replays = pl.DataFrame({"replay_id": ["d/1"], "user": [1], "session_id": [1],
    ...                         "start": [times[0]], "end": [times[3]]})
    >>> queries = pl.DataFrame({"user": [1], "session_id": [1],
    ...                         "first": [times[1]], "last": [times[2]]})
    >>> match(queries, replays)["match"].to_list()
    ['covering']
    """
    same = (pl.col("session_id") == pl.col("_session")).fill_null(value=False)
    spans = (pl.col("start") <= pl.col("first")) & (pl.col("end") >= pl.col("last"))
    touches = (pl.col("start") <= pl.col("last")) & (pl.col("end") >= pl.col("first"))
    kind = (
        pl.when(same & spans)
        .then(pl.lit("covering"))
        .when(same & touches)
        .then(pl.lit("overlapping"))
        .when(~same & spans & pl.lit(time_based))
        .then(pl.lit("time"))
    )
    rank = pl.col("match").replace_strict(_ORDER, return_dtype=pl.Int8)
    start = pl.col("start").dt.epoch("us")
    return (
        queries.lazy()
        .rename({"session_id": "_session"})
        .with_row_index("_query")
        .join(catalogue.lazy(), on="user", how="inner")
        .with_columns(match=kind)
        .drop_nulls("match")
        .with_columns(
            _rank=rank,
            _by=pl.when(pl.col("match") == "covering").then(-start).otherwise(start),
        )
        .sort("_query", "_rank", "_by", "replay_id")
        .drop("_query", "_rank", "_by", "_session")
        .collect()
    )
