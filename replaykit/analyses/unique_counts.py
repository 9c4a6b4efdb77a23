"""Distinct users per interval and group, counted piece by piece in one pass.

Where every user is in one piece, distinct users of pieces add up; inside a piece a
stamp per cell tells whom it has counted (`stamp_kernel.distinct_users`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from replaykit.analyses.charted import Charted

#: Cells kept per piece; with more, distinct rows are cheaper.
_MOST_CELLS: Final = 4_000_000


class Uniques(NamedTuple):
    """Distinct users: `points` (keys, `i`, `value`) and `totals` (keys, `value`)."""

    points: pl.DataFrame
    totals: pl.DataFrame


def unique_counts(charted: Charted) -> Uniques | None:
    """Return distinct users of the one event and segment of a chart.

    None where users must be known one by one, or where a user's rows are apart.
    """
    if charted.hits or charted.needs_users or len(charted.keys) > 1:
        return None
    if any(one.is_array for one in charted.by):
        return None
    if not charted.log.schema["user"].is_integer():
        return None
    work = partial(_counted, charted=replace(charted, log=charted.log.bare))
    found = charted.log.run(work)
    if found["value"].null_count():
        return None
    keys = charted.keys
    summed = found.group_by(*keys, "i").agg(pl.col("value").sum())
    return Uniques(
        summed.filter(pl.col("i") >= 0),
        summed.filter(pl.col("i") < 0).select(*keys, "value"),
    )


def _counted(lf: pl.LazyFrame, charted: Charted) -> pl.DataFrame:
    """Return keys, `i` (-1: the whole range) and `value`; null if it cannot be told."""
    from replaykit.analyses.stamp_kernel import (  # noqa: PLC0415 - numba
        distinct_users,
        together,
    )
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    keys = charted.keys
    named = dict.fromkeys(keys, pl.String())
    kinds = pl.Schema({**named, "i": pl.Int32(), "value": pl.Int64()})
    rows = charted.changes(lf).with_columns(pl.col(keys).cast(pl.Categorical))
    found = rows.collect(engine="streaming")
    users = found["user"].cast(pl.Int32, strict=False)
    labels = pl.Series(dtype=pl.String)
    group = np.zeros(0, np.int32)
    if keys:
        distinct = found[keys[0]].unique()
        labels = distinct.cast(pl.String)
        codes = distinct.to_physical().to_numpy()
        place = np.zeros(int(codes.max()) + 1 if len(codes) else 1, np.int32)
        place[codes] = np.arange(len(codes), dtype=np.int32)
        group = place[found[keys[0]].to_physical().to_numpy()]
    points = len(charted.grid.starts)
    groups = max(1, len(labels)) if keys else 1
    user = frozen(users.to_numpy()) if not users.null_count() else None
    if user is None or points * groups > _MOST_CELLS or not together(user):
        untold = {name: [None] for name in kinds}
        return pl.DataFrame(untold, schema=kinds)
    counts, totals = distinct_users(
        user, frozen(found["i"].to_numpy()), frozen(group), points, groups
    )
    where = np.nonzero(counts)
    some = np.flatnonzero(totals)
    own = [labels.gather(np.concatenate((where[0], some))).alias(key) for key in keys]
    return pl.DataFrame(
        [
            *own,
            pl.Series("i", np.concatenate((where[1], np.full(len(some), -1)))),
            pl.Series("value", np.concatenate((counts[where], totals[some]))),
        ]
    ).cast(kinds)
