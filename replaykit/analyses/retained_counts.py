"""How many come back, counted piece by piece in one pass over the rows.

Where nothing is grouped and starts are rows of an event, a cell of the table is a count
of users that a small kernel keeps (`stamp_kernel.retained`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from replaykit.engine import gathered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.retention_query import RetentionQuery

_MEASURES: Final = ("on", "on or after", "on or before", "custom")


class Counts(NamedTuple):
    """What a table of retention is made of; group columns stand first, if any.

    `cells`: `i`, `k`, `returned`. `overall`: `k`, `returned`, each user once. `sizes`:
    `i`, `users`. `bases`: `last` (the last index that is over for one of a user's
    cohorts), `n`. `everybody`: `users`.
    """

    cells: pl.DataFrame
    overall: pl.DataFrame
    sizes: pl.DataFrame
    bases: pl.DataFrame
    everybody: pl.DataFrame


def counted(
    query: RetentionQuery, measure: str, brackets: Sequence[tuple[int, int]]
) -> Counts | None:
    """Return the counts, or None where the kernel cannot tell them."""
    one = query.segment
    if query.by or one.needs_users or one.kind != "any" or not brackets:
        return None
    if query.start is None or query.start.which or query.back.which:
        return None
    if not query.log.schema["user"].is_integer():
        return None
    bare = replace(query, log=query.log.bare)
    work = partial(_counted, query=bare, measure=measure, brackets=tuple(brackets))
    found = query.log.run(work)
    if found["of"].is_in([_UNTOLD]).any():
        return None
    summed = (
        found.group_by("of", "i", "k").agg(pl.col("n").sum()).filter(pl.col("n") > 0)
    )
    part = {of: summed.filter(pl.col("of") == of) for of in range(4)}
    i, k, n = pl.col("i").cast(pl.Int32), pl.col("k").cast(pl.Int32), pl.col("n")
    bases = part[_KNOWN].select(last=pl.col("i").cast(pl.Int64), n=n)
    return Counts(
        part[_CELLS].select(i, k, returned=n),
        part[_OVERALL].select(k, returned=n),
        part[_SIZES].select(i, users=n),
        bases,
        bases.select(users=n.sum()),
    )


_CELLS: Final = 0
_OVERALL: Final = 1
_SIZES: Final = 2
_KNOWN: Final = 3
_UNTOLD: Final = -1


def _counted(
    lf: pl.LazyFrame,
    query: RetentionQuery,
    measure: str,
    brackets: tuple[tuple[int, int], ...],
) -> pl.DataFrame:
    """Return the counts of one piece: `of` (which of the four), `i`, `k`, `n`."""
    from replaykit.analyses.rows_kernel import in_order  # noqa: PLC0415 - numba
    from replaykit.analyses.stamp_kernel import retained, rising  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    rows = gathered(query.starts_and_returns(lf))
    users = rows["user"].cast(pl.Int32, strict=False)
    if users.null_count():
        return _lines(_UNTOLD, np.zeros((1, 1), np.int64))
    user, code = frozen(users.to_numpy()), frozen(rows["code"].to_numpy())
    time = frozen(rows["time"].to_physical().to_numpy())
    cohort, back = frozen(rows["i"].to_numpy()), frozen(rows["back"].to_numpy())
    if not (in_order(user, time, time) and rising(user, cohort)):
        return _lines(_UNTOLD, np.zeros((1, 1), np.int64))
    last = query.complete()["last"].to_numpy()
    low, high = (np.array(ends, np.int64) for ends in zip(*brackets, strict=True))
    cells, overall, sizes, known = retained(
        user,
        time,
        code,
        cohort,
        back,
        query.rule.size,
        frozen(last),
        frozen(low),
        frozen(high),
        _MEASURES.index(measure),
    )
    return pl.concat(
        [
            _lines(_CELLS, cells),
            _lines(_OVERALL, overall[None, :]),
            _lines(_SIZES, sizes[:, None]),
            # The first place is -1: no index is over.
            _lines(_KNOWN, known[:, None]).with_columns(pl.col("i") - 1),
        ]
    )


def _lines(of: int, counts: np.ndarray) -> pl.DataFrame:
    i, k = np.nonzero(counts)
    if of == _UNTOLD:
        i = k = np.zeros(1, np.int64)
    which = np.full(len(i), of, np.int8)
    return pl.DataFrame({"of": which, "i": i, "k": k, "n": counts[i, k]})
