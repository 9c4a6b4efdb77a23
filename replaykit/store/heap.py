"""The rows of a commit by partition: in memory while few, else in scratch files."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.store.layout import PARTITION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_IN_MEMORY: Final = 384 << 20

#: A piece of a stage, the rows of it that belong to a partition, and everyone's number.
_Slice = tuple[pl.DataFrame, pl.Series, pl.Series]


class Heap:
    """Rows on their way into the files of a commit.

    Parameters
    ----------
    scratch
        Folder for rows that do not fit in memory.
    shaped
        Makes staged rows with `user` those of the table.
    """

    def __init__(
        self, scratch: Path, shaped: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> None:
        self._scratch = scratch
        self._shaped = shaped
        self._parts: dict[int, list[pl.DataFrame | Path]] = {}
        self._slices: dict[int, list[_Slice]] = {}
        self._in_memory = 0
        self._spilled = False
        #: Partition to rows without a number.
        self.fresh: dict[int, int] = {}
        #: Bytes of all rows.
        self.size = 0

    @property
    def buckets(self) -> list[int]:
        """The partitions that have rows."""
        return sorted({*self._parts, *self._slices})

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows as the table has them, which are kept apart from here on."""
        rows = rows.sort(PARTITION, maintain_order=True)
        at = 0
        for bucket, count in (
            rows[PARTITION].rle().struct.unnest().select("value", "len").iter_rows()
        ):
            part = rows[at : at + count]
            at += count
            self._parts.setdefault(bucket, []).append(part)
            self._counted(bucket, int(part["row"].null_count()))
        size = int(rows.estimated_size())
        self.size += size
        self._in_memory += size
        if self._in_memory > _IN_MEMORY:
            self._spill()

    def borrow(self, piece: pl.DataFrame, kept: pl.Series, users: pl.Series) -> None:
        """Take a piece of a stage that stays in memory: nothing of it is copied yet.

        Parameters
        ----------
        piece
            Staged rows.
        kept
            The rows to take.
        users
            By row of the piece: whose it is, and the partition (`user`, `bucket`).
        """
        buckets = users.struct.field(PARTITION).gather(kept)
        order = kept.gather(buckets.arg_sort())
        numbers = users.struct.field("user")
        at = 0
        for bucket, count in buckets.value_counts().sort(PARTITION).iter_rows():
            some = order[at : at + count].sort()
            at += count
            self._slices.setdefault(bucket, []).append((piece, some, numbers))
            self._counted(bucket, count)
        self.size += int(piece.estimated_size())

    def settle(self) -> None:
        """Let the rest follow what is on disk: memory is needed to sort."""
        if self._spilled:
            self._spill()

    def take(self, bucket: int) -> list[pl.DataFrame]:
        """Return the rows of a partition as the one frame of a list, and let go."""
        parts = self._parts.pop(bucket, [])
        frames = [
            part if isinstance(part, pl.DataFrame) else pl.read_ipc(part)
            for part in parts
        ]
        like: dict[object, list[pl.DataFrame]] = {}
        for piece, some, numbers in self._slices.pop(bucket, []):
            mine = piece[some].with_columns(user=numbers.gather(some))
            like.setdefault(tuple(mine.schema.items()), []).append(mine)
        frames += [self._shaped(pl.concat(some)) for some in like.values()]
        # Columns stand in another order in files of an earlier schema.
        rows = [pl.concat([frame.select(frames[0].columns) for frame in frames])]
        # Whoever takes a partition is the only one to hold it.
        frames.clear()
        files = [part for part in parts if not isinstance(part, pl.DataFrame)]
        parts.clear()
        for file in files:
            file.unlink(missing_ok=True)
        return rows

    def _counted(self, bucket: int, fresh: int) -> None:
        self.fresh[bucket] = self.fresh.get(bucket, 0) + fresh

    def _spill(self) -> None:
        self._spilled = True
        for bucket, parts in self._parts.items():
            frames = [part for part in parts if isinstance(part, pl.DataFrame)]
            if not frames:
                continue
            path = self._scratch / f"bucket-{bucket}-{secrets.token_hex(8)}.arrow"
            pl.concat([frame.select(frames[0].columns) for frame in frames]).write_ipc(
                path, compression="lz4"
            )
            old = [part for part in parts if not isinstance(part, pl.DataFrame)]
            self._parts[bucket] = [*old, path]
        self._in_memory = 0
