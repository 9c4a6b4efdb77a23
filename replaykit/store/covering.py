"""A covering index: the numbers most questions read, mapped instead of decoded.

Beside the sorted files of a large partition lie their numbers, value after value
(`index/PART.COLUMN.DTYPE`), a copy that is never changed: a Parquet file bears a name
of its own and is never changed either. What is missing is read from the table, so that
an index may be deleted at any time, and other engines need not know of it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.store.layout import EVENTS, INDEX
from replaykit.store.settings import write_beside

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

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
    """Hand rows on, and write their index meanwhile, unless they are few or far away.

    Parameters
    ----------
    folder, part
        As `write_index` takes them.
    stretches
        What the file holds, in its order.
    count
        How many rows the partition holds, with these.
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
    sizes: dict[str, dict[str, int]] = {}
    with os.scandir(folder / INDEX) as entries:
        for entry in entries:
            part, _, column = entry.name.partition(".")
            sizes.setdefault(part, {})[column] = entry.stat().st_size
    nothing: dict[str, int] = {}
    return {
        path: frozenset(
            name
            for name, dtype in COVERED.items()
            if there.get(f"{name}.{dtype.name}") == height * dtype.itemsize > 0
        )
        for path, height in heights.items()
        for there in (sizes.get(_part(path), nothing),)
    }


def indexed_part(name: str) -> str:
    """Return the file of the table, without its suffix, that an index's is of."""
    return name.partition(".")[0]


def map_columns(
    folder: Place, paths: Collection[str], columns: Iterable[str]
) -> pl.DataFrame | None:
    """Map columns of indexes into memory; None if one is not there any more.

    Parameters
    ----------
    folder, paths
        The project, and files of the table, below `events/`; of several, rows are
        copied under one another.
    columns
        Which of those that their indexes hold.
    """
    found = []
    for name in columns:
        try:
            pieces = [
                _mapped(f"{folder}/{INDEX}/{_file(path, name)}") for path in paths
            ]
        except (OSError, ValueError):
            return None
        dtype = COVERED[name]
        values = [np.frombuffer(piece, dtype) for piece in pieces]
        column = pl.Series(name, values[0] if len(values) == 1 else np.concat(values))
        found.append(column.cast(pl.Boolean) if name == "active" else column)
    return pl.DataFrame(found)


def _mapped(path: str) -> mmap:
    file = os.open(path, os.O_RDONLY)
    try:
        return mmap(file, 0, access=ACCESS_READ)
    finally:
        os.close(file)


def _file(path: str, column: str) -> str:
    return f"{_part(path)}.{column}.{COVERED[column].name}"


def _part(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".parquet")
