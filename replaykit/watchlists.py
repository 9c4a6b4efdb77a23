"""Which replays show a point, each at its moment and with its reason.

A point is given as a *population*: one row per unit with `user`, the window `start` to
`end`, the moment `at` at which a replay should open, and the `rows` that were charted
(`spec/inspect.md` 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.replays.matching import match
from replaykit.schema import TIME

if TYPE_CHECKING:
    from replaykit.source import Source

POPULATION: Final[dict[str, pl.DataType]] = {
    "user": pl.Int32(),
    "start": TIME,
    "end": TIME,
    "at": TIME,
    "rows": pl.List(pl.Int64()),
}

#: What a recording must be to be played.
PLAYABLE: Final = ("ok", "gaps", "short")


def matched_replays(source: Source, population: pl.DataFrame) -> pl.DataFrame:
    """Return the replays that show the charted rows of a population, best first.

    One row per (unit, session, replay): the catalogue's columns, `match` (`covering`,
    `overlapping`, `time`), `matched_at` (ms from the replay's first event: where to
    open it), `matched_exactly` (false when that moment lies outside the recording and
    its nearest end is given), `matched_because` (ids of the charted rows, as text),
    `unit` (the population's row, oldest moment first) and `holds_moment` (the unit's
    own moment is in it). Rules: `spec/replay.md` 3, `settled.md` 14.
    """
    catalogue = source.catalogue.filter(
        pl.col("user").is_not_null() & pl.col("status").is_in(PLAYABLE)
    )
    oldest_first = population.sort("at", "user", maintain_order=True)
    units = oldest_first.with_row_index("unit").join(catalogue, on="user", how="semi")
    charted = units.select("unit", "user", "at", pl.col("rows").alias("row")).explode(
        "row"
    )
    queries = (
        charted.join(
            # Of all who were recorded, few are behind a point.
            source.recorded_rows.join(charted, on="user", how="semi"),
            on=["user", "row"],
        )
        .sort("time", "row")
        .group_by("unit", "user", "at", "session_id", maintain_order=True)
        .agg(first=pl.col("time").min(), last=pl.col("time").max(), because="row")
    )
    found = match(queries, catalogue)
    inside = pl.col("at").is_between("start", "end")
    moment = pl.when(inside).then("at").otherwise("first")
    clipped = moment.clip(pl.col("start"), pl.col("end"))
    return found.with_columns(
        matched_at=(clipped - pl.col("start")).dt.total_milliseconds(),
        matched_exactly=moment.is_between("start", "end"),
        matched_because=pl.col("because").cast(pl.List(pl.String)),
        holds_moment=inside,
    ).drop("because", "first", "last", "at")


def watchlist(source: Source, population: pl.DataFrame) -> pl.DataFrame:
    """Return each replay once, at its best match, the oldest moments first.

    Of several replays of one unit, the one that holds its moment comes first.
    """
    order = {"covering": 0, "overlapping": 1, "time": 2}
    return (
        matched_replays(source, population)
        .with_columns(rank=pl.col("match").replace_strict(order, return_dtype=pl.Int8))
        .sort(
            "holds_moment",
            "rank",
            "unit",
            "matched_at",
            descending=[True, False, False, False],
        )
        .unique("replay_id", keep="first", maintain_order=True)
        .sort(
            "unit",
            "holds_moment",
            "rank",
            "start",
            descending=[False, True, False, False],
        )
        .drop("rank")
    )
