"""Rows that came later than a partition's sorted file, put among its rows.

Every file is sorted by itself, so nothing is sorted again: places are looked up, and a
column is copied stretch by stretch around what came late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: What the order of rows is decided by, but for rows of one moment.
KEYS: Final = ("user", "time")
#: What it is decided by among those.
ROW: Final = "row"


class _Keys(NamedTuple):
    user: NDArray[np.int32]
    time: NDArray[np.int64]
    row: NDArray[np.int64]

    @classmethod
    def of(cls, rows: pl.DataFrame) -> _Keys:
        from replaykit.compiled import frozen  # noqa: PLC0415 - numba

        return cls(
            frozen(rows["user"].to_numpy()),
            frozen(rows["time"].to_numpy()),
            frozen(rows[ROW].to_numpy() if ROW in rows else np.empty(0, np.int64)),
        )


def in_one_run(
    rows: pl.DataFrame, ends: NDArray[np.int64] | None = None
) -> tuple[pl.DataFrame, bool]:
    """Put rows of files, each in order, in order; say whether any are tied.

    Parameters
    ----------
    rows
        `KEYS`, where it matters which of one moment is first also `ROW`, and others.
    ends
        Where each file's rows begin, and where the last one's end; with numbers it can
        be told from the rows.
    """
    from replaykit.store.place_kernel import find_runs, merged_order  # noqa: PLC0415

    keys = _Keys.of(rows)
    order, tied = merged_order(*keys, find_runs(*keys) if ends is None else ends)
    return rows[order], tied


def with_late(rows: pl.DataFrame, late: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """Put late rows among others, all in order; say whether any are tied.

    Parameters
    ----------
    rows, late
        The same columns: `KEYS`, where it matters which row of one moment is first also
        `ROW`, and others.

    Examples
    --------
    >>> rows = pl.DataFrame(
    ...     {"user": [1, 1, 2], "time": [5, 9, 5]}, {"user": pl.Int32, "time": pl.Int64}
    ... )
    >>> late = rows.with_columns(pl.lit(7, pl.Int64).alias("time")).unique()
    >>> with_late(rows, late.sort("user"))[0].rows()
    [(1, 5), (1, 7), (1, 9), (2, 5), (2, 7)]
    """
    at, tied = _places(rows, late)
    return _woven(rows, late, at), tied


def by_batches(
    batches: Iterator[pl.DataFrame], late: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """Yield batches of rows with late rows among them, all in order.

    Parameters
    ----------
    batches, late
        The same columns: `KEYS`, `ROW` and others.
    """
    for rows in batches:
        at, _ = _places(rows, late)
        # What stands after the last row may also stand after the first of the next.
        end = int(np.searchsorted(at, rows.height))
        yield _woven(rows, late[:end], at[:end])
        late = late[end:]
    yield late


def _places(rows: pl.DataFrame, late: pl.DataFrame) -> tuple[NDArray[np.int64], bool]:
    from replaykit.store.place_kernel import places  # noqa: PLC0415 - numba

    return places(*_Keys.of(rows), *_Keys.of(late))


def _woven(
    rows: pl.DataFrame, late: pl.DataFrame, at: NDArray[np.int64]
) -> pl.DataFrame:
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba
    from replaykit.store.place_kernel import weave  # noqa: PLC0415 - numba

    if not late.height:
        return rows
    plain = [
        name
        for name, kind in rows.schema.items()
        if (kind.is_numeric() or kind == pl.Boolean)
        and not rows[name].null_count()
        and not late[name].null_count()
    ]
    columns = [
        pl.Series(
            name,
            weave(frozen(rows[name].to_numpy()), frozen(late[name].to_numpy()), at),
        )
        for name in plain
    ]
    others = [name for name in rows.columns if name not in plain]
    if others:
        here = np.arange(rows.height, dtype=np.uint32)
        there = np.arange(rows.height, rows.height + late.height, dtype=np.uint32)
        both = pl.concat([rows.select(others), late.select(others)])
        order = weave(frozen(here), frozen(there), at)
        columns += both[order].get_columns()
    return pl.DataFrame(columns).select(rows.columns)
