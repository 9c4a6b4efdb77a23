"""The files of a commit: every partition it touches, sorted and written."""

from __future__ import annotations

import os
import secrets
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.store.covering import drop_part, write_index
from replaykit.store.heap import Heap
from replaykit.store.layout import PARTITION, bucket_of
from replaykit.store.people import owned
from replaykit.store.rows import give_codes, in_order, to_table, write_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from deltalake.transaction import AddAction

    from replaykit.store.lease import Writer
    from replaykit.store.objects import Place
    from replaykit.store.plan import Plan
    from replaykit.store.staging import Stage

#: Pieces of a stage whose people are looked up together.
_TOGETHER: Final = 64
# Partitions of so many bytes are worth a thread each.
_SMALL: Final = 128 << 20
_WRITERS: Final = min(2, os.cpu_count() or 1)


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

    heap = Heap(writer.scratch, shaped)
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
    before = head.catalog.registry.columns()
    new = {
        name: kind
        for name, kind in plan.registry.columns().items()
        if name not in before
    }
    gone = plan.duplicates.superseded["stored"]
    for bucket in sorted(plan.rewrite):
        rows = _stored(plan, bucket)
        _count(written, bucket, rows, -1)
        kept = rows.filter(
            ~pl.col("row").is_in(gone.implode()),
            ~pl.col("user").is_in(list(plan.wishes.forget)),
        )
        heap.add(kept.with_columns(_new_column(plan, name, new[name]) for name in new))
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
            pl.struct("user", bucket_of(pl.col("user"), plan.buckets).alias(PARTITION)),
            ~pl.col("position").is_in(dropped.implode()).alias("kept"),
        )
        at = 0
        for piece in some:
            rows = piece.collect()
            mine = users[at : at + rows.height]
            at += rows.height
            if stage.spilled:
                fresh = rows.with_columns(mine["user"].struct.field("user"))
                heap.add(shaped(fresh.filter(mine["kept"])))
            else:
                heap.borrow(rows, mine["kept"].arg_true(), mine["user"])


def _write(heap: Heap, plan: Plan, writer: Writer, written: Written) -> None:
    """Sort and write each partition, two at a time where they are small."""
    head = plan.head

    def work(bucket: int, next_row: int) -> tuple[AddAction, pl.DataFrame]:
        ordered = in_order(heap.take(bucket), next_row)
        name = f"part-{writer.id}-{secrets.token_hex(8)}.parquet"
        added = write_part(head.folder, bucket, name, ordered)
        if bucket in alone:
            write_index(head.folder, name, ordered)
        return added, ordered

    heap.settle()
    buckets = heap.buckets
    # Of a partition in several files the order is found by sorting, not read.
    alone = {one for one in buckets if one in plan.rewrite or one not in head.files}
    small = heap.size < _SMALL * max(1, len(buckets))
    waiting: deque[tuple[int, Future[tuple[AddAction, pl.DataFrame]]]] = deque()

    def counted() -> None:
        bucket, done = waiting[0]
        add, ordered = done.result()
        waiting.popleft()
        written.adds.append(add)
        _count(written, bucket, ordered, 1)

    with ThreadPoolExecutor(_WRITERS if small else 1) as pool:
        try:
            for bucket in buckets:
                waiting.append((bucket, pool.submit(work, bucket, written.next_row)))
                written.next_row += heap.fresh[bucket]
                if len(waiting) > (_WRITERS if small else 0):
                    counted()
            while waiting:
                counted()
        finally:
            pool.shutdown(cancel_futures=True)
            # What was written when something else failed is deleted with the rest.
            for _, done in waiting:
                if not done.cancelled() and done.exception() is None:
                    written.adds.append(done.result()[0])


def _new_column(plan: Plan, column: str, dtype: pl.DataType) -> pl.Expr:
    for one in plan.registry.properties:
        if column in dict(one.columns).values():
            had = plan.head.catalog.registry.find(f"{one.owner}.{one.name}")
            value = plan.registry.extracted(column)
            if had is not None and not had.promoted and value is not None:
                return value.alias(column)
    return pl.lit(None, dtype).alias(column)


def _stored(plan: Plan, bucket: int) -> pl.DataFrame:
    """Read a partition that is rewritten, with everything the plan changes in it."""
    head = plan.head
    rows = (
        head.rows([bucket])
        .join(plan.people.merged.lazy(), on="user", how="left", maintain_order="left")
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
    )
    return rows.collect()


def _count(written: Written, bucket: int, rows: pl.DataFrame, sign: int) -> None:
    for name, count in rows["event"].value_counts().iter_rows():
        code, had = written.names[name]
        written.names[name] = (code, had + sign * count)
    for name in written.values:
        if name in rows.columns:
            filled = rows.height - rows[name].null_count()
            written.values[name] += sign * filled
    written.rows += sign * rows.height
    before = written.bucket_rows.get(bucket, 0)
    written.bucket_rows[bucket] = before + sign * rows.height
    if sign < 0 or not rows.height:
        return
    written.users.append(rows["user"].unique())
    first, last = rows.select(
        pl.col("time").min().alias("first"), pl.col("time").max().alias("last")
    ).row(0)
    written.first = first if written.first is None else min(first, written.first)
    written.last = last if written.last is None else max(last, written.last)
