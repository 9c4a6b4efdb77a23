"""Which of many replays to watch: those that stand for the others, or the odd ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from replaykit.analyses.typical import picked

if TYPE_CHECKING:
    from replaykit.analyses.typical import Pick
    from replaykit.source import Source

_CHOSEN = ("stands_for", "affinity")


def pick(source: Source, found: pl.DataFrame, count: int, which: Pick) -> pl.DataFrame:
    """Return the chosen rows of a list of replays, with why; see `Replays.pick`.

    What people did meanwhile are the active events of the replay's person from its
    first moment to its last.
    """
    listed = found.drop(*_CHOSEN, strict=False).unique("replay_id", maintain_order=True)
    running = listed.select("replay_id", "user", "start", "end").drop_nulls("user")
    rows = (
        source.scan((), running["user"].unique())
        .filter("active")
        .select("user", "time", "row", "event")
        .collect()
    )
    meanwhile = (
        running.join(rows, on="user")
        .filter(pl.col("time").is_between("start", "end"))
        .sort("time", "row")
        .select("event", path="replay_id")
    )
    chosen = picked(meanwhile, count, which, of=listed["replay_id"])
    return chosen.rename({"path": "replay_id"}).join(
        listed, on="replay_id", how="left", maintain_order="left"
    )
