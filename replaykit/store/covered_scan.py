"""Scan a partition in order: numbers from indexes, late rows in their place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from replaykit.store.covering import map_columns
from replaykit.store.late_rows import KEYS, ROW, by_batches, in_one_run, with_late
from replaykit.store.properties import TEXT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from replaykit.store.objects import Place

_LONG: Final = frozenset(TEXT.values())


@dataclass(frozen=True, eq=False)
class Covered:
    """Sorted files of the table, with indexes of some of their columns.

    Parameters
    ----------
    folder
        The project.
    files
        Path, below `events/`, to what the file's index holds.
    heights
        The number of rows of each.
    table
        The scan of the files, one after the other.
    """

    folder: Place
    files: Mapping[str, Collection[str]]
    heights: Sequence[int]
    table: pl.LazyFrame

    @cached_property
    def columns(self) -> frozenset[str]:
        """What all indexes hold."""
        first, *others = self.files.values()
        return frozenset(first).intersection(*others)

    def whole(
        self, names: Sequence[str], predicate: pl.Expr | None, rows: int | None = None
    ) -> pl.DataFrame | None:
        """Return these columns of the rows that a predicate keeps, of the first `rows`.

        None is returned where that is better read in batches.
        """
        found = self._unfiltered(names, predicate, rows)
        return found if predicate is None or found is None else found.filter(predicate)

    def in_one_run(
        self, names: Sequence[str], predicate: pl.Expr | None
    ) -> tuple[pl.DataFrame, bool]:
        """Return the same in the order of all rows, and whether any are tied."""
        rows = self._unfiltered(names, predicate, None)
        if rows is None and ROW in names:
            lazy = self.table if predicate is None else self.table.filter(predicate)
            return in_one_run(lazy.select(names).collect(engine="streaming"))
        if rows is None:
            rows = self.table.select(names).collect(engine="streaming")
        ends = np.cumsum([0, *self.heights])
        if predicate is not None:
            kept = rows.select(predicate).to_series().arg_true()
            rows, ends = rows[kept], np.searchsorted(kept.to_numpy(), ends)
        return in_one_run(rows, ends)

    def _unfiltered(
        self, names: Sequence[str], predicate: pl.Expr | None, rows: int | None
    ) -> pl.DataFrame | None:
        from_table = [name for name in names if name not in self.columns]
        filtered = set() if predicate is None else set(predicate.meta.root_names())
        # A filter on what must be decoded spares the decoding of the rest, and long
        # text is read few rows at a time.
        if not filtered.issubset(self.columns) or not _LONG.isdisjoint(from_table):
            return None
        found = self._mapped(names)
        if found is None:
            return None
        found = found if rows is None else found.head(rows)
        if from_table:
            lazy = self.table.select(from_table).head(found.height)
            found = found.hstack(lazy.collect(engine="streaming"))
        return found.select(names)

    def batches(
        self, names: Sequence[str], predicate: pl.Expr | None, rows: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yield the same, few rows at a time."""
        from_table = [name for name in names if name not in self.columns]
        alone = predicate is not None or not from_table
        mapped = None if alone else self._mapped(names)
        table = self.table if rows is None else self.table.head(rows)
        if mapped is None:
            lazy = table if predicate is None else table.filter(predicate)
            yield from lazy.select(names).collect_batches(engine="streaming")
            return
        at = 0
        for other in table.select(from_table).collect_batches(engine="streaming"):
            yield mapped.slice(at, other.height).hstack(other).select(names)
            at += other.height

    def _mapped(self, names: Collection[str]) -> pl.DataFrame | None:
        held = [name for name in names if name in self.columns]
        return map_columns(self.folder, self.files, held) if held else None


def scan_covered(main: Covered, late: Covered) -> pl.LazyFrame:
    """Scan a partition: a file with an index, and few rows of others in their place.

    Parameters
    ----------
    main
        The file that most rows are in.
    late
        The files of the others; there may be none.
    """
    schema = main.table.collect_schema()

    def batches(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        del batch_size
        names = list(schema) if with_columns is None else with_columns
        if predicate is not None and not predicate.meta.root_names():
            predicate = None if pl.select(predicate).item() else predicate
        if n_rows is None:
            for rows in _ordered(main, late, names, predicate):
                yield rows.select(names)
            return
        left = n_rows
        for rows in _ordered(main, late, names, None, n_rows):
            here = rows.select(names).head(left)
            left -= here.height
            yield here if predicate is None else here.filter(predicate)

    return register_io_source(
        batches,
        schema=schema,
        explain_name="covering index",
        explain_detail=next(iter(main.files)),
    )


def _ordered(
    main: Covered,
    late: Covered,
    names: Sequence[str],
    predicate: pl.Expr | None,
    rows: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield these columns, and those that decide the order, of rows that are kept.

    Where `rows` says of how many rows of the first file, more may follow.
    """
    if not late.files:
        whole = main.whole(names, predicate, rows)
        several = main.batches(names, predicate, rows)
        yield from several if whole is None else iter((whole,))
        return
    names = [*names, *(key for key in KEYS if key not in names)]
    whole = main.whole(names, predicate, rows)
    if whole is not None:
        others, tied = late.in_one_run(names, predicate)
        both, again = with_late(whole, others)
        if ROW in names or not (tied or again):
            yield both
            return
        del both
    # Numbers have to be decoded, which only rows of one moment are worth.
    names = [*names, *(() if ROW in names else (ROW,))]
    others, _ = late.in_one_run(names, predicate)
    whole = None if whole is None else main.whole(names, predicate, rows)
    if whole is None:
        yield from by_batches(main.batches(names, predicate, rows), others)
    else:
        yield with_late(whole, others)[0]
