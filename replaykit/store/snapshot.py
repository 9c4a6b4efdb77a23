"""One version of the event table, as files and catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl
from deltalake import DeltaTable

from replaykit.errors import NotAProject
from replaykit.store.catalog import Catalog
from replaykit.store.covered_scan import Covered, scan_covered
from replaykit.store.covering import COVERED, WORTH, indexed, write_index
from replaykit.store.layout import EVENTS, PARTITION, POINTER
from replaykit.store.objects import options_of
from replaykit.store.properties import FIXED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replaykit.store.objects import Place

Parallel: TypeAlias = Literal["auto", "row_groups"]
"""How a scan reads: the columns of a filter first, or all columns at once."""

#: The files beside a partition's largest may hold this part of its rows before all of
#: the partition is sorted with them.
LATE: Final = 1 / 4
_ORDER: Final = ("user", "time", "row")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A pinned version of the event table of the project in `folder`."""

    folder: Place
    table: DeltaTable
    catalog: Catalog
    number: int | None

    @classmethod
    def load(cls, folder: Place, buckets: int, version: int | None = None) -> Snapshot:
        """Open a version, by default the latest.

        Parameters
        ----------
        folder
            The project.
        buckets
            Partitions of a table that holds nothing yet.
        version
            A Delta version.
        """
        place, options = str(folder / EVENTS), options_of(folder)
        if not DeltaTable.is_deltatable(place, options):
            raise NotAProject(f"{folder} has no event table at {place}.")
        table = DeltaTable(place, version=version, storage_options=options)
        number = table.transaction_version(POINTER)
        catalog = (
            Catalog(buckets=buckets) if number is None else Catalog.read(folder, number)
        )
        return cls(folder, table, catalog, number)

    @cached_property
    def heights(self) -> dict[str, int]:
        """Every file, relative to the table, and its number of rows."""
        actions = self.table.get_add_actions(flatten=True)
        if not actions.num_rows:
            return {}
        paths = map(str, actions.column("path").to_pylist())
        rows = actions.column("num_records").to_pylist()
        # Another engine's file may come without statistics.
        return {path: rows or 0 for path, rows in sorted(zip(paths, rows, strict=True))}

    @cached_property
    def files(self) -> dict[int, list[str]]:
        """Partition to the files in it, in order of name."""
        parts: dict[int, list[str]] = {}
        for path in self.heights:
            bucket = int(path.split("/", 1)[0].removeprefix(f"{PARTITION}="))
            parts.setdefault(bucket, []).append(path)
        return dict(sorted(parts.items()))

    @cached_property
    def indexed(self) -> dict[str, frozenset[str]]:
        """Every file, and the columns in its covering index."""
        return indexed(self.folder, self.heights)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """File to its bytes."""
        actions = self.table.get_add_actions(flatten=True)
        paths = map(str, actions.column("path").to_pylist())
        return dict(zip(paths, actions.column("size_bytes").to_pylist(), strict=True))

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """The physical columns."""
        return {**FIXED, **self.catalog.registry.columns()}

    @cached_property
    def declared(self) -> frozenset[str]:
        """Names of the columns that the Delta table declares."""
        return frozenset(one.name for one in self.table.schema().fields)

    @cached_property
    def people(self) -> pl.DataFrame:
        """Everyone, merged people included."""
        return self.catalog.read_people(self.folder)

    @cached_property
    def devices(self) -> pl.DataFrame:
        """Which person was seen on which device."""
        return self.catalog.read_devices(self.folder)

    def index(self) -> None:
        """Write the covering indexes that sorted partitions lack."""
        for bucket, paths in self.files.items():
            (path, *more) = paths
            if not more and self.heights[path] >= WORTH and not self.indexed.get(path):
                numbers = self.rows([bucket]).select(list(COVERED))
                write_index(self.folder, path, numbers.collect())

    def late(self, bucket: int) -> list[str]:
        """Return the files of a partition beside its largest, if they are small to it.

        None at all is the answer of a partition of one file, and of one that is better
        sorted as a whole.
        """
        _, *late = self._apart(bucket) or [""]
        return late

    def _apart(self, bucket: int) -> list[str]:
        """Return a partition's largest file and its late ones; none to sort it all."""
        paths = sorted(self.files.get(bucket, ()), key=lambda path: -self.heights[path])
        heights = [self.heights[path] for path in paths]
        few = all(heights) and sum(heights[1:]) <= LATE * heights[0]
        return paths if few or len(paths) == 1 else []

    @property
    def mapped(self) -> bool:
        """Whether all partitions, but for few late rows, have a covering index."""
        return bool(self.files) and all(
            any(map(self.indexed.get, self._apart(bucket)[:1])) for bucket in self.files
        )

    def in_order(
        self, bucket: int, parallel: Parallel, *, mapped: bool
    ) -> pl.LazyFrame:
        """Scan the physical rows of a partition in order.

        Parameters
        ----------
        bucket, parallel
            The partition, and how its files are read.
        mapped
            Take numbers from the covering index where there is one. Whoever collects
            the scan where it is not to be seen reads the table.
        """
        apart = self._apart(bucket)
        if not apart:
            return self.rows([bucket], parallel=parallel).sort(_ORDER)
        main, *late = apart
        rows = self.scan([main], parallel=parallel)
        others = self.scan(late, parallel=parallel)
        columns = self.indexed.get(main) if mapped else None
        if columns:
            return scan_covered(
                self._covered([main], rows), self._covered(late, others)
            )
        return rows.merge_sorted(others.sort(_ORDER), key=_ORDER) if late else rows

    def _covered(self, paths: list[str], rows: pl.LazyFrame) -> Covered:
        columns = {path: self.indexed[path] for path in paths}
        return Covered(self.folder, columns, [self.heights[one] for one in paths], rows)

    def rows(
        self,
        buckets: Iterable[int] | None = None,
        *,
        parallel: Parallel = "auto",
    ) -> pl.LazyFrame:
        """Scan the physical rows of some partitions, file by file, in file order."""
        chosen = self.files if buckets is None else buckets
        paths = [path for bucket in chosen for path in self.files.get(bucket, ())]
        return self.scan(paths, parallel=parallel)

    def scan(
        self, paths: Iterable[str], *, parallel: Parallel = "auto"
    ) -> pl.LazyFrame:
        """Scan the physical rows of some files, one after the other."""
        places = [str(self.folder / EVENTS / path) for path in paths]
        if not places:
            return pl.LazyFrame(schema=self.schema)
        stored = {name: kind for name, kind in self.schema.items() if name != PARTITION}
        return pl.scan_parquet(
            places,
            schema=stored,
            hive_partitioning=False,
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
            parallel=parallel,
            storage_options=options_of(self.folder),
        ).with_columns(
            (pl.col("user") % self.catalog.buckets).cast(pl.Int32).alias(PARTITION)
        )
