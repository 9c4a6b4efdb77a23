"""The files of a commit: every partition it touches, sorted and written."""

from __future__ import annotations

import secrets
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.store.covering import drop_part, indexing
from replaykit.store.heap import STRETCH, WRITERS, Cut, Heap
from replaykit.store.layout import PARTITION, bucket_of
from replaykit.store.people import owned
from replaykit.store.rows import give_codes, in_order, to_table, write_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from deltalake.transaction import AddAction

    from replaykit.store.lease import Writer
    from replaykit.store.objects import Place
    from replaykit.store.plan import Plan
    from replaykit.store.staging import Stage

#: Pieces of a stage whose people are looked up together.
_TOGETHER: Final = 64
#: Partitions of so many stretches are small enough to be written two at a time.
_FEW: Final = 3
#: About how many times the size of its file rows take in memory.
_EXPANDS: Final = 6
#: Rows of a stored partition that are read at once.
_READ: Final = 256 * 1024


@dataclass(eq=False)
class Counted:
    """What the catalogue says of some rows.

    Parameters
    ----------
    rows
        How many there are.
    names
        Event name to rows.
    values
        Wide column to the number of values in it.
    users
        The users, each once in a series.
    first, last
        Their range.
    """

    rows: int = 0
    names: dict[str, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    users: list[pl.Series] = field(default_factory=list)
    first: int | None = None
    last: int | None = None

    def add(self, rows: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
        """Count rows too, and the values in these columns, where they have them.

        Returns the rows.
        """
        if not rows.height:
            return rows
        self.rows += rows.height
        for name, count in rows["event"].value_counts().iter_rows():
            self.names[name] = self.names.get(name, 0) + count
        for name in columns:
            if name in rows.columns:
                filled = rows.height - rows[name].null_count()
                self.values[name] = self.values.get(name, 0) + filled
        self.users.append(rows["user"].unique())
        first, last = rows.select(
            pl.col("time").min().alias("first"), pl.col("time").max().alias("last")
        ).row(0)
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)
        return rows


@dataclass(eq=False)
class Written:
    """Files written for a commit, and what the table holds with them.

    Parameters
    ----------
    next_row
        The first row number not given away.
    names
        Event name to (code, rows).
    bucket_rows
        Partition to rows.
    values
        Wide column to the number of values in it.
    adds
        The actions that add the files.
    users
        The users of each file.
    rows
        Rows of the whole table.
    first, last
        Range of the rows written.
    """

    next_row: int
    names: dict[str, tuple[int, int]]
    bucket_rows: dict[int, int]
    values: dict[str, int]
    adds: list[AddAction] = field(default_factory=list)
    users: list[pl.Series] = field(default_factory=list)
    rows: int = 0
    first: int | None = None
    last: int | None = None

    def without(self, bucket: int, gone: Counted) -> None:
        """Count rows of a partition as no longer there."""
        self._count(bucket, gone, -1)

    def add(self, bucket: int, action: AddAction, new: Counted) -> None:
        """Note a file that was written, and count its rows."""
        self.adds.append(action)
        self._count(bucket, new, 1)
        self.users += new.users
        firsts = [at for at in (self.first, new.first) if at is not None]
        lasts = [at for at in (self.last, new.last) if at is not None]
        self.first, self.last = min(firsts, default=None), max(lasts, default=None)

    def _count(self, bucket: int, counted: Counted, sign: int) -> None:
        for name, count in counted.names.items():
            code, had = self.names[name]
            self.names[name] = (code, had + sign * count)
        for name, count in counted.values.items():
            self.values[name] += sign * count
        self.rows += sign * counted.rows
        before = self.bucket_rows.get(bucket, 0)
        self.bucket_rows[bucket] = before + sign * counted.rows

    def delete(self, folder: Place) -> None:
        """Remove the files again; the commit did not happen."""
        for add in self.adds:
            drop_part(folder, add.path)


def write_files(plan: Plan, stage: Stage | None, writer: Writer) -> Written:
    """Write the files of a commit; nobody sees them before it is made."""
    head = plan.head
    buckets = plan.buckets
    codes = give_codes(head.catalog.names, stage.names if stage is not None else {})
    narrow = {(owner, name) for owner, name, _ in stage.narrow} if stage else set()

    def shaped(rows: pl.DataFrame) -> pl.DataFrame:
        return to_table(rows, plan.registry, codes, buckets, narrow)

    heap = Heap(writer.scratch, _cut(plan, stage), shaped)
    if stage is not None:
        _distribute(plan, stage, heap, shaped)
    written = Written(
        next_row=head.catalog.next_row,
        names=codes,
        bucket_rows=dict(head.catalog.bucket_rows),
        values=dict.fromkeys(plan.registry.columns(), 0)
        | head.catalog.registry.values(),
        rows=head.catalog.rows,
    )
    known = head.catalog.registry.columns()
    new = {
        name: kind
        for name, kind in plan.registry.columns().items()
        if name not in known
    }
    gone = plan.duplicates.superseded["stored"]
    added = [_new_column(plan, name, new[name]) for name in new]
    for bucket in sorted(plan.rewrite):
        for rows in _stored(plan, bucket):
            before = Counted()
            before.add(rows, written.values)
            written.without(bucket, before)
            kept = rows.filter(
                ~pl.col("row").is_in(gone.implode()),
                ~pl.col("user").is_in(list(plan.wishes.forget)),
            )
            heap.add(kept.with_columns(added))
    try:
        _write(heap, plan, writer, written)
    except BaseException:
        written.delete(head.folder)
        raise
    return written


def _distribute(
    plan: Plan,
    stage: Stage,
    heap: Heap,
    shaped: Callable[[pl.DataFrame], pl.DataFrame],
) -> None:
    """Hand the staged rows that are new to the heap, with their people's numbers."""
    dropped = plan.duplicates.dropped
    pieces = list(stage.pieces())
    for start in range(0, len(pieces), _TOGETHER):
        some = pieces[start : start + _TOGETHER]
        who = pl.concat([one.select("person", "position") for one in some])
        users = owned(plan.people, plan.staged_owner, who).collect()
        users = users.select(
            pl.struct("user", heap.cut.stretch(pl.col("user")).alias(STRETCH)),
            ~pl.col("position").is_in(dropped.implode()).alias("kept"),
        )
        at = 0
        for rows in _ahead(some):
            mine = users[at : at + rows.height]
            at += rows.height
            if stage.spilled:
                fresh = rows.with_columns(mine["user"].struct.field("user"))
                heap.add(shaped(fresh.filter(mine["kept"])))
            else:
                heap.borrow(rows, mine["kept"].arg_true(), mine["user"])


def _ahead(pieces: list[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
    """Read pieces, the next one while one is worked on."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(pieces[0].collect)
        for piece in pieces[1:]:
            rows = following.result()
            following = pool.submit(piece.collect)
            yield rows
            del rows
        yield following.result()


def _cut(plan: Plan, stage: Stage | None) -> Cut:
    """Return how the rows of a commit are cut: so that a stretch fits in memory."""
    rows, size = (stage.rows, stage.size) if stage is not None else (0, 0)
    if plan.rewrite:
        files = {path for paths in plan.rewrite.values() for path in paths}
        rows += sum(plan.head.heights[path] for path in files)
        size += _EXPANDS * sum(plan.head.sizes[path] for path in files)
    return Cut.of(plan.buckets, plan.people.next_user, rows, size)


def _write(heap: Heap, plan: Plan, writer: Writer, written: Written) -> None:
    """Sort and write each partition, two at a time where they are small.

    Of a large one the next stretch is sorted while the last is written.
    """
    head = plan.head
    stopped = Event()

    def work(bucket: int, next_row: int) -> tuple[AddAction, Counted]:
        counted = Counted()
        rows = _ordered(heap.take(bucket), next_row, stopped)
        told: Iterator[pl.DataFrame] = (
            counted.add(one, written.values) for one in rows
        )
        name = f"part-{writer.id}-{secrets.token_hex(8)}.parquet"
        kept = set(head.files.get(bucket, ())).difference(plan.rewrite.get(bucket, ()))
        beside = sum(head.heights[path] for path in kept)
        told = indexing(head.folder, name, told, heap.rows[bucket] + beside)
        return write_part(head.folder, bucket, name, told), counted

    heap.settle()
    waiting: deque[tuple[int, Future[tuple[AddAction, Counted]]]] = deque()

    def finished() -> None:
        bucket, done = waiting[0]
        add, counted = done.result()
        waiting.popleft()
        written.add(bucket, add, counted)

    writers = WRITERS if heap.cut.each <= _FEW else 1
    with ThreadPoolExecutor(writers) as pool:
        try:
            for bucket in heap.buckets:
                waiting.append((bucket, pool.submit(work, bucket, written.next_row)))
                written.next_row += heap.fresh[bucket]
                if len(waiting) > writers:
                    finished()
            while waiting:
                finished()
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            # What was written when something else failed is deleted with the rest.
            for _, done in waiting:
                if not done.cancelled() and done.exception() is None:
                    written.adds.append(done.result()[0])


def _ordered(
    stretches: Iterator[list[pl.DataFrame]], next_row: int, stopped: Event
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a partition in order and numbered."""
    for held in stretches:
        if stopped.is_set():
            raise InterruptedError
        rows, next_row = in_order(held, next_row)
        yield rows
        del rows


def _new_column(plan: Plan, column: str, dtype: pl.DataType) -> pl.Expr:
    for one in plan.registry.properties:
        if column in dict(one.columns).values():
            had = plan.head.catalog.registry.find(f"{one.owner}.{one.name}")
            value = plan.registry.extracted(column)
            if had is not None and not had.promoted and value is not None:
                return value.alias(column)
    return pl.lit(None, dtype).alias(column)


def _stored(plan: Plan, bucket: int) -> Iterator[pl.DataFrame]:
    """Read what is rewritten of a partition, with everything the plan changes in it."""
    head = plan.head
    paths = plan.rewrite[bucket]
    stored = head.scan(paths)
    parts = sum(head.heights[path] for path in paths) // _READ + 1
    people = head.catalog.next_user
    for number in range(parts):
        first, last = people * number // parts, people * (number + 1) // parts
        here = pl.col("user").is_between(first, last, closed="left")
        yield (
            (stored.filter(here) if parts > 1 else stored)
            .join(
                plan.people.merged.lazy(), on="user", how="left", maintain_order="left"
            )
            .join(
                plan.moved.lazy().select("stored", mover="user"),
                left_on="row",
                right_on="stored",
                how="left",
                maintain_order="left",
            )
            .with_columns(user=pl.coalesce("mover", "into", "user").cast(pl.Int32))
            .drop("mover", "into")
            .with_columns(
                bucket_of(pl.col("user"), plan.buckets).alias(PARTITION),
                position=pl.lit(None, pl.Int64),
            )
            .collect()
        )
