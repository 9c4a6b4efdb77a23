"""Users and rows per interval and group, counted piece by piece in one pass.

Where every user is in one piece, distinct users of pieces add up. Labels are made and
compared only where a row's group is another than the row's before: in data sorted by
user, that is seldom for what a user is, and never dearer for what an event is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from replaykit.analyses.properties import cut_to_top, label
from replaykit.engine import gathered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from replaykit.analyses.charted import Charted

#: Cells kept per piece; with more, distinct rows are cheaper.
_MOST_CELLS: Final = 4_000_000
_FIRST: Final = pl.Series([0], dtype=pl.UInt32)


class Cells(NamedTuple):
    """Counts: `points` (keys, `i`, `users`, `n`) and `totals` (keys, `users`, `n`)."""

    points: pl.DataFrame
    totals: pl.DataFrame


def cell_counts(charted: Charted, kept: pl.DataFrame | None = None) -> Cells | None:
    """Return users and rows of the one event and segment of a chart.

    None where users must be known one by one, or where a user's rows are apart.

    Parameters
    ----------
    charted
        The rows and their groups.
    kept
        The groups to tell apart; all others are "other".
    """
    if charted.hits or charted.needs_users or any(one.is_array for one in charted.by):
        return None
    if not charted.log.schema["user"].is_integer():
        return None
    work = partial(_counted, charted=replace(charted, log=charted.log.bare), kept=kept)
    if charted.grid.covers(charted.log.edges):
        work = partial(work, inside=True)
    found = charted.log.run(work)
    if found["n"].null_count():
        return None
    keys = charted.keys
    summed = found.group_by(*keys, "i").agg(pl.col("users", "n").sum())
    return Cells(
        summed.filter(pl.col("i") >= 0),
        summed.filter(pl.col("i") < 0).select(*keys, "users", "n"),
    )


def _counted(
    lf: pl.LazyFrame,
    charted: Charted,
    kept: pl.DataFrame | None,
    *,
    inside: bool = False,
) -> pl.DataFrame:
    """Return keys, `i` (-1: the whole range), `users`, `n`; null if untold."""
    from replaykit.analyses.cell_kernel import cells, together  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    grid, keys = charted.grid, charted.keys
    counts = {"i": pl.Int32(), "users": pl.Int64(), "n": pl.Int64()}
    kinds = pl.Schema({**dict.fromkeys(keys, pl.String()), **counts})
    rows = gathered(charted.moments(lf, inside=inside))
    users = rows["user"].cast(pl.Int32, strict=False)
    heads, group, labels = _groups(rows, charted, kept)
    groups = max(1, labels.height) if keys else 1
    user = frozen(users.to_numpy()) if not users.null_count() else None
    wide = len(grid.starts) * groups > _MOST_CELLS
    if user is None or wide or not together(user):
        return pl.DataFrame({name: [None] for name in kinds}, schema=kinds)
    edges = np.append(grid.starts.to_physical(), grid.ends.to_physical()[-1])
    time = frozen(rows["time"].to_physical().to_numpy())
    seen, often, overall = cells(
        user, time, frozen(edges), frozen(heads), frozen(group), groups
    )
    where = np.nonzero(often)
    some = np.flatnonzero(overall)
    at = np.concatenate((where[1], np.full(len(some), -1)))
    own = labels[np.concatenate((where[0], some))].get_columns() if keys else []
    return pl.DataFrame(
        [
            *own,
            pl.Series("i", at),
            pl.Series("users", np.concatenate((seen[where], overall[some]))),
            pl.Series("n", np.concatenate((often[where], often.sum(axis=1)[some]))),
        ]
    ).cast(kinds)


def _groups(
    rows: pl.DataFrame, charted: Charted, kept: pl.DataFrame | None
) -> tuple[NDArray[np.int64], NDArray[np.int32], pl.DataFrame]:
    """Return the rows with which groups begin, which ones, and each group's labels."""
    keys = charted.keys
    if not keys or rows.is_empty():
        nothing = np.zeros(0, np.int64)
        return nothing, nothing.astype(np.int32), pl.DataFrame(schema=keys)
    moved = rows["@moved"].arg_true()
    heads = moved if len(moved) and moved[0] == 0 else pl.concat([_FIRST, moved])
    named = rows.select(keys)[heads].select(
        label(pl.col(key), one.dtype) for key, one in zip(keys, charted.by, strict=True)
    )
    if kept is not None:
        named = cut_to_top(named, keys, kept)
    number = np.zeros(named.height, np.int64)
    for key in keys:
        codes = named[key].cast(pl.Categorical).to_physical().to_numpy()
        number = _dense(number * (int(codes.max()) + 1) + codes)
    begins = np.empty(int(number.max()) + 1, np.int64)
    begins[number] = np.arange(named.height)
    return heads.to_numpy().astype(np.int64), number.astype(np.int32), named[begins]


def _dense(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers from 0 on without a gap, equal where the given ones are."""
    highest = int(number.max())
    if highest > _MOST_CELLS:
        return np.unique(number, return_inverse=True)[1]
    there = np.zeros(highest + 1, np.bool_)
    there[number] = True
    return (np.cumsum(there) - 1)[number]
