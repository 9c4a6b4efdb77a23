"""A covering index: the numbers most questions read, mapped instead of decoded.

Beside the sorted file of a large partition lie its numbers, value after value
(`index/PART.COLUMN.DTYPE`), a copy that is never changed: a Parquet file bears a name
of its own and is never changed either. What is missing is read from the table, so that
an index may be deleted at any time, and other engines need not know of it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from replaykit.store.layout import EVENTS, INDEX
from replaykit.store.properties import TEXT
from replaykit.store.settings import write_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replaykit.store.objects import Place

#: What an index holds, as what; a column with a null in it is left out.
COVERED: Final[dict[str, np.dtype[np.generic]]] = {
    "user": np.dtype("<i4"),
    "time": np.dtype("<i8"),
    "event_code": np.dtype("<i2"),
    "active": np.dtype("|u1"),
    "session_id": np.dtype("<i8"),
}
#: Fewer rows are decoded as fast as they are mapped.
WORTH: Final = 20_000
_LONG: Final = frozenset(TEXT.values())


def write_index(folder: Place, part: str, rows: pl.DataFrame) -> None:
    """Write the index of a file of the table, unless it is small or far away.

    Parameters
    ----------
    folder
        The project.
    part
        Name of the file, which need not be part of the table yet.
    rows
        What it holds, in its order.
    """
    for _ in indexing(folder, part, iter((rows,)), rows.height):
        pass


def indexing(
    folder: Place, part: str, stretches: Iterator[pl.DataFrame], count: int
) -> Iterator[pl.DataFrame]:
    """Hand rows on, and write their index meanwhile, unless it is small or far away.

    Parameters
    ----------
    folder, part
        As `write_index` takes them.
    stretches
        What the file holds, in its order.
    count
        How many rows these are.
    """
    if not isinstance(folder, Path) or count < WORTH:
        yield from stretches
        return
    places = {name: folder / INDEX / _file(part, name) for name in COVERED}
    gaps: set[str] = set()
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(write_beside(place))
            for name, place in places.items()
        }
        for rows in stretches:
            for name, file in files.items():
                if rows[name].null_count():
                    gaps.add(name)
                if name not in gaps:
                    numbers = rows[name].to_numpy()
                    numbers.astype(COVERED[name], copy=False).tofile(file)
            yield rows
            del rows
    for name in gaps:
        places[name].unlink(missing_ok=True)


def drop_part(folder: Place, path: str) -> None:
    """Delete a file of the table, and its index if it has one."""
    (folder / EVENTS / path).unlink(missing_ok=True)
    if isinstance(folder, Path):
        for name in COVERED:
            (folder / INDEX / _file(path, name)).unlink(missing_ok=True)


def indexed(folder: Place, heights: Mapping[str, int]) -> dict[str, frozenset[str]]:
    """Return the columns that files of the table have in their indexes.

    Parameters
    ----------
    folder
        The project.
    heights
        Files, below `events/`, and their numbers of rows.
    """
    if not isinstance(folder, Path) or not (folder / INDEX).exists():
        return {}
    with os.scandir(folder / INDEX) as entries:
        sizes = {entry.name: entry.stat().st_size for entry in entries}
    return {
        path: frozenset(
            name
            for name, dtype in COVERED.items()
            if sizes.get(_file(path, name)) == height * dtype.itemsize > 0
        )
        for path, height in heights.items()
    }


def indexed_part(name: str) -> str:
    """Return the file of the table, without its suffix, that an index's is of."""
    return name.partition(".")[0]


def scan_covered(
    folder: Place, path: str, columns: frozenset[str], table: pl.LazyFrame
) -> pl.LazyFrame:
    """Scan a file of the table, its numbers from the index.

    Parameters
    ----------
    folder
        The project.
    path
        The file, below `events/`.
    columns
        What its index holds.
    table
        The scan of the file.
    """
    schema = table.collect_schema()

    def batches(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        del batch_size
        names = list(schema) if with_columns is None else with_columns
        from_index = [name for name in names if name in columns]
        from_table = [name for name in names if name not in columns]
        filtered = set() if predicate is None else set(predicate.meta.root_names())
        if predicate is not None and not filtered and pl.select(predicate).item():
            predicate = None
        # A filter on what must be decoded spares the decoding of the rest, and so does
        # any filter beside text as long as JSON.
        decode = filtered - columns or (
            predicate is not None and not _LONG.isdisjoint(from_table)
        )
        mapped = None if decode or not from_index else _mapped(folder, path, from_index)
        if mapped is None:
            lazy = table if n_rows is None else table.head(n_rows)
            lazy = lazy if predicate is None else lazy.filter(predicate)
            yield from lazy.select(names).collect_batches(engine="streaming")
            return
        mapped = mapped if n_rows is None else mapped.head(n_rows)
        for piece in _beside(mapped, table.select(from_table)):
            rows = piece.select(names)
            if predicate is not None:
                rows = rows.filter(predicate)
            yield rows

    return register_io_source(
        batches, schema=schema, explain_name="covering index", explain_detail=path
    )


def _beside(mapped: pl.DataFrame, table: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Yield mapped columns beside the table's, long ones few rows at a time."""
    names = table.collect_schema().names()
    if not names:
        yield mapped
        return
    lazy = table.head(mapped.height)
    if _LONG.isdisjoint(names):
        yield mapped.hstack(lazy.collect(engine="streaming"))
        return
    at = 0
    for other in lazy.collect_batches(engine="streaming"):
        yield mapped.slice(at, other.height).hstack(other)
        at += other.height


def _mapped(folder: Place, path: str, columns: list[str]) -> pl.DataFrame | None:
    """Map columns of an index into memory; None if one is not there any more."""
    found = []
    for name in columns:
        place = folder / INDEX / _file(path, name)
        try:
            values = np.memmap(str(place), COVERED[name], mode="r")
        except (OSError, ValueError):
            return None
        column = pl.Series(name, values)
        found.append(column.cast(pl.Boolean) if name == "active" else column)
    return pl.DataFrame(found)


def _file(path: str, column: str) -> str:
    return f"{PurePosixPath(path).stem}.{column}.{COVERED[column].name}"
