"""The rows of a commit by partition: in memory while few, else in scratch files.

A partition is taken a stretch of users at a time, so that it need not fit in memory.
"""

from __future__ import annotations

import io
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.store.layout import PARTITION, bucket_of
from replaykit.store.staging import size_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_IN_MEMORY: Final = 256 << 20
#: Threads that write.
WRITERS: Final = min(2, os.cpu_count() or 1)
#: Most rows, and about how many bytes of them, that are sorted at once.
_STRETCH: Final = 128 * 1024
_STRETCH_BYTES: Final = 64 << 20

#: The column with the number of a row's stretch, over all partitions.
STRETCH: Final = "stretch"

#: A piece of a stage, the rows of it that belong to a stretch, and everyone's number.
_Slice = tuple[pl.DataFrame, pl.Series, pl.Series]
#: Where in the scratch file of its partition a stretch has rows: offset and length.
_Place = tuple[int, int]


@dataclass(frozen=True)
class Cut:
    """How rows are cut: into partitions, and these into stretches of users.

    Parameters
    ----------
    buckets
        Number of partitions.
    each
        Number of stretches of a partition.
    people
        The first number no person has.
    """

    buckets: int
    each: int
    people: int

    @classmethod
    def of(cls, buckets: int, people: int, rows: int, size: int) -> Cut:
        """Return how to cut so many rows, of about so many bytes in memory."""
        most = max(rows // _STRETCH, size // _STRETCH_BYTES) // buckets + 1
        return cls(buckets, min(most, people // buckets + 1), people)

    def stretch(self, user: pl.Expr) -> pl.Expr:
        """Return the number of a user's stretch; it rises with the user."""
        place = (user // self.buckets).cast(pl.Int64)
        within = place * self.each // (self.people // self.buckets + 1)
        return bucket_of(user, self.buckets).cast(pl.Int64) * self.each + within


class Heap:
    """Rows on their way into the files of a commit.

    Parameters
    ----------
    scratch
        Folder for rows that do not fit in memory.
    cut
        How rows are cut.
    shaped
        Makes staged rows with `user` those of the table.
    """

    def __init__(
        self, scratch: Path, cut: Cut, shaped: Callable[[pl.DataFrame], pl.DataFrame]
    ) -> None:
        self._scratch = scratch
        self.cut = cut
        self._shaped = shaped
        self._waiting: list[pl.DataFrame] = []
        self._parts: dict[int, list[pl.DataFrame | _Place]] = {}
        self._slices: dict[int, list[_Slice]] = {}
        self._files: dict[int, Path] = {}
        self._in_memory = 0
        #: Partition to rows, and to those without a number.
        self.rows: dict[int, int] = {}
        self.fresh: dict[int, int] = {}

    @property
    def buckets(self) -> list[int]:
        """The partitions that have rows."""
        return sorted(self.fresh)

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows as the table has them, which are kept apart from here on."""
        counted = rows.group_by(PARTITION).agg(
            rows=pl.len(), fresh=pl.col("row").null_count()
        )
        for bucket, count, fresh in counted.iter_rows():
            self._counted(bucket, count, fresh)
        self._waiting.append(rows)
        self._in_memory += size_of(rows)
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
            By row of the piece: whose it is, and where it goes (`user`, `stretch`).
        """
        stretches = users.struct.field(STRETCH).gather(kept)
        order = kept.gather(stretches.arg_sort())
        numbers = users.struct.field("user")
        at = 0
        for number, count in stretches.value_counts().sort(STRETCH).iter_rows():
            some = order[at : at + count].sort()
            at += count
            self._slices.setdefault(number, []).append((piece, some, numbers))
            self._counted(number // self.cut.each, count, count)

    def settle(self) -> None:
        """End adding: the rest follows what is on disk, memory is needed to sort."""
        if self._files:
            self._spill()
        else:
            for number, rows in self._cut_up():
                self._parts.setdefault(number, []).append(rows)

    def take(self, bucket: int) -> Iterator[list[pl.DataFrame]]:
        """Yield the rows of a partition and let go of them, by stretches of users.

        Each list has one frame; whoever takes it out is the only one to hold it.
        """
        first = bucket * self.cut.each
        spilled = bucket in self._files
        file = self._files.pop(bucket, self._scratch)
        for number in range(first, first + self.cut.each):
            frames = [
                part if isinstance(part, pl.DataFrame) else _read(file, part)
                for part in self._parts.pop(number, [])
            ]
            frames += self._borrowed(number)
            if not frames:
                continue
            # Columns stand in another order in files of an earlier schema.
            rows = [pl.concat([frame.select(frames[0].columns) for frame in frames])]
            frames.clear()
            yield rows
        if spilled:
            file.unlink(missing_ok=True)

    def _counted(self, bucket: int, rows: int, fresh: int) -> None:
        self.rows[bucket] = self.rows.get(bucket, 0) + rows
        self.fresh[bucket] = self.fresh.get(bucket, 0) + fresh

    def _borrowed(self, number: int) -> list[pl.DataFrame]:
        like: dict[object, list[pl.DataFrame]] = {}
        for piece, some, numbers in self._slices.pop(number, []):
            mine = piece[some].with_columns(user=numbers.gather(some))
            like.setdefault(tuple(mine.schema.items()), []).append(mine)
        return [self._shaped(unpacked(pl.concat(some))) for some in like.values()]

    def _cut_up(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield the rows that wait, by stretch."""
        if not self._waiting:
            return
        columns = self._waiting[0].columns
        held = [rows.select(columns) for rows in self._waiting]
        self._waiting = []
        self._in_memory = 0
        rows = pl.concat(held).with_columns(
            self.cut.stretch(pl.col("user")).alias(STRETCH)
        )
        held.clear()
        rows = rows.sort(STRETCH)
        lengths = rows.drop_in_place(STRETCH).rle().struct.unnest()
        at = 0
        for number, count in lengths.select("value", "len").iter_rows():
            yield number, rows[at : at + count]
            at += count

    def _spill(self) -> None:
        with ThreadPoolExecutor(WRITERS) as pool:
            for number, packed in pool.map(_packed, self._cut_up()):
                bucket = number // self.cut.each
                file = self._files.setdefault(
                    bucket,
                    self._scratch / f"bucket-{bucket}-{secrets.token_hex(8)}.arrow",
                )
                with file.open("ab") as end:
                    place = (end.tell(), len(packed))
                    end.write(packed)
                self._parts.setdefault(number, []).append(place)


def _packed(cut: tuple[int, pl.DataFrame]) -> tuple[int, memoryview]:
    number, rows = cut
    return number, rows.write_ipc(None, compression="lz4").getbuffer()


def _read(file: Path, place: _Place) -> pl.DataFrame:
    offset, length = place
    with file.open("rb") as stored:
        stored.seek(offset)
        return pl.read_ipc(io.BytesIO(stored.read(length)))
