"""Rows on their way into the table: kept in memory while few, else in scratch files."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.errors import BadInput
from replaykit.schema import INCOMING, Owner, split_column
from replaykit.store.people import merge_seen, person_key, seen_people
from replaykit.store.properties import TEXT, as_kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Above this many bytes rows go to disk: all of them, so that much is free again when
# they are written, or none. What will not fit in the end is not kept that long.
_IN_MEMORY: Final = 1792 << 20
_ON_THE_WAY: Final = 256 << 20
_MERGE_SEEN: Final = 32
#: What each text takes besides its bytes; polars counts these alone.
_VIEW: Final = 16

# How a row is recognised when it arrives again, in the two lowest bits of its key.
BY_CONTENT: Final = 0
BY_INSERT_ID: Final = 1
BY_UUID: Final = 2

_OWNED: Final = tuple(f"{owner}." for owner in TEXT)
# Who did it is compared by person, not by content: ids may be learned later.
_CONTENT: Final = frozenset(INCOMING) - {"amplitude_id", "user_id"}


class Stage:
    """The rows of one ingest, in pieces, with what the commit must know of them all.

    Parameters
    ----------
    scratch
        Folder for pieces that do not fit in memory.
    expected
        About how many bytes of rows there will be; None where nobody knows.
    """

    def __init__(self, scratch: Path, expected: int | None = None) -> None:
        fits = expected is not None and expected <= _IN_MEMORY
        self._most = _IN_MEMORY if fits else _ON_THE_WAY
        self.rows = 0
        #: About how many bytes the rows take in memory.
        self.size = 0
        #: Whether the pieces lie on disk.
        self.spilled = False
        self.kinds: dict[tuple[Owner, str, str], int] = {}
        self.names: dict[str, int] = {}
        #: Properties some rows of which have no column: they must not be promoted now.
        self.narrow: dict[tuple[Owner, str, str], int] = {}
        self._scratch = scratch
        self._pieces: list[pl.DataFrame | Path] = []
        self._in_memory = 0
        self._seen: list[pl.DataFrame] = []

    def add(self, batch: pl.DataFrame) -> None:
        """Take one batch of `schema.INCOMING` rows and property columns."""
        if not batch.height:
            return
        rows = _normal(batch).with_columns(
            position=pl.int_range(self.rows, self.rows + pl.len(), dtype=pl.Int64)
        )
        if rows["person"].null_count():
            raise BadInput(
                "A batch has rows without amplitude_id, user_id and device_id; "
                "a reader must count and leave them out."
            )
        self.rows += rows.height
        for name, count in rows["event"].value_counts().iter_rows():
            self.names[name] = self.names.get(name, 0) + count
        for name in rows.columns:
            kind = kind_of(rows.schema[name])
            filled = rows.height - rows[name].null_count()
            if kind and filled and "." in name:
                owner, bare = split_column(name)
                full = (owner, bare, kind)
                self.kinds[full] = self.kinds.get(full, 0) + filled
        self._seen.append(seen_people(rows))
        if len(self._seen) > _MERGE_SEEN:
            self._seen = [merge_seen(self._seen)]
        if not self.spilled:
            rows = packed(rows)
        self._pieces.append(rows)
        size = size_of(rows)
        self.size += size
        self._in_memory += size
        if self._in_memory > self._most:
            self._most = _ON_THE_WAY
            self._spill()

    def seen(self) -> pl.DataFrame:
        """Return the distinct people and devices of all rows."""
        self._seen = [merge_seen(self._seen)]
        return self._seen[0]

    def pieces(self) -> Iterator[pl.LazyFrame]:
        """Yield the rows piece by piece, in input order."""
        if self.spilled:
            self._spill()
        for piece in self._pieces:
            if isinstance(piece, pl.DataFrame):
                yield piece.lazy()
            else:
                yield pl.scan_ipc(piece)

    def _spill(self) -> None:
        self.spilled = True
        for index, piece in enumerate(self._pieces):
            if isinstance(piece, pl.DataFrame):
                path = self._scratch / f"piece-{index:06}.arrow"
                unpacked(piece).write_ipc(path, compression="lz4")
                self._pieces[index] = path
        self._in_memory = 0


def packed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with a number in place of each text that few rows have alone."""
    few = [
        name
        for name, dtype in rows.schema.items()
        if dtype == pl.String and (name == "event" or name.startswith("builtin."))
    ]
    return rows.with_columns(pl.col(few).cast(pl.Categorical))


def unpacked(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as they were before `packed`."""
    return rows.with_columns(pl.col(pl.Categorical).cast(pl.String))


def size_of(rows: pl.DataFrame) -> int:
    """Return how many bytes rows take, with the fixed part of each text."""
    texts = sum(dtype == pl.String for dtype in rows.dtypes)
    return int(rows.estimated_size()) + _VIEW * texts * rows.height


def hash_probe() -> str:
    """Return what the hash of this polars gives for fixed values.

    Keys made by another polars may differ; comparing probes tells.
    """
    probe = pl.select(
        pl.lit("replaykit").hash(seed=1).cast(pl.String)
        + "/"
        + pl.lit(1717225200000).hash(seed=1).cast(pl.String)
        + "/"
        + pl.lit(1.5).hash(seed=1).cast(pl.String)
    )
    return str(probe.item())


def _normal(batch: pl.DataFrame) -> pl.DataFrame:
    present = set(batch.columns)
    fixed = [
        pl.col(name).cast(dtype) if name in present else pl.lit(None, dtype).alias(name)
        for name, dtype in INCOMING.items()
    ]
    wide = [
        as_kind(pl.col(name), batch.schema[name]).alias(name)
        for name in batch.columns
        if name.startswith(_OWNED) and kind_of(batch.schema[name])
    ]
    rows = batch.select(*fixed, *wide).with_columns(
        pl.col("active").fill_null(value=True),
        person=person_key(),
        known=pl.col("amplitude_id").is_not_null() | pl.col("user_id").is_not_null(),
        arrival=pl.coalesce("upload_time", "time").dt.epoch("us"),
    )
    return rows.with_columns(key=_key(rows))


def _key(rows: pl.DataFrame) -> pl.Expr:
    known = pl.any_horizontal(pl.col("insert_id", "uuid").is_not_null())
    if rows.select(known.all()).item():
        return id_key()
    filled = [name for name in rows.columns if rows[name].null_count() < rows.height]
    # Text with all properties of its owner says it all; the wide columns beside it may
    # differ from file to file.
    told = tuple(f"{owner}." for owner, text in TEXT.items() if text in filled)
    columns = [
        name
        for name in filled
        if name in _CONTENT or (name.startswith(_OWNED) and not name.startswith(told))
    ]
    by_content = pl.sum_horizontal(
        _value_hash(name, rows.schema[name]) for name in columns
    )
    return id_key().fill_null(_marked(by_content, BY_CONTENT).reinterpret(signed=True))


def id_key() -> pl.Expr:
    """Return the key of a row that has an insert id or a uuid, else null."""
    device = pl.col("device_id").hash(seed=1) * pl.lit(3, pl.UInt64)
    by_insert = pl.col("insert_id").hash(seed=2) ^ device
    by_uuid = pl.col("uuid").hash(seed=3)
    return (
        pl.when(pl.col("insert_id").is_not_null())
        .then(_marked(by_insert, BY_INSERT_ID))
        .when(pl.col("uuid").is_not_null())
        .then(_marked(by_uuid, BY_UUID))
        .reinterpret(signed=True)
    )


def _marked(number: pl.Expr, mark: int) -> pl.Expr:
    return (number & pl.lit(2**64 - 4, pl.UInt64)) | pl.lit(mark, pl.UInt64)


def _value_hash(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if dtype.is_integer() or dtype.is_float():
        # 1 and 1.0 are one value: the dtype depends on the rest of the file.
        value = value.cast(pl.Float64)
    seed = int.from_bytes(blake2b(name.encode(), digest_size=6).digest(), "big")
    hashed = value.hash(seed=seed)
    return pl.when(value.is_not_null()).then(hashed).otherwise(pl.lit(0, pl.UInt64))
