"""The files of a commit: every partition it touches, sorted and written."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.store.layout import EVENTS, PARTITION, bucket_of
from replaykit.store.rows import give_codes, in_order, to_table, write_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deltalake.transaction import AddAction

    from replaykit.store.lease import Writer
    from replaykit.store.objects import Place
    from replaykit.store.plan import Plan
    from replaykit.store.staging import Stage

_IN_MEMORY: Final = 384 << 20


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
            (folder / EVENTS / add.path).unlink(missing_ok=True)


class _Heap:
    """Rows by partition, in memory while few, else in scratch files."""

    def __init__(self, writer: Writer) -> None:
        self._scratch = writer.scratch
        self._parts: dict[int, list[pl.DataFrame | Path]] = {}
        self._in_memory = 0

    def add(self, rows: pl.DataFrame) -> None:
        for (bucket,), part in rows.partition_by(
            PARTITION, as_dict=True, maintain_order=True
        ).items():
            self._parts.setdefault(bucket, []).append(part)
        self._in_memory += int(rows.estimated_size())
        if self._in_memory > _IN_MEMORY:
            self._spill()

    def buckets(self) -> Iterator[tuple[int, list[pl.DataFrame]]]:
        for bucket in sorted(self._parts):
            parts = self._parts.pop(bucket)
            frames = [
                part if isinstance(part, pl.DataFrame) else pl.read_parquet(part)
                for part in parts
            ]
            # Columns stand in another order in files of an earlier schema.
            rows = [pl.concat([frame.select(frames[0].columns) for frame in frames])]
            # Whoever takes a partition is the only one to hold it.
            files = [part for part in parts if not isinstance(part, pl.DataFrame)]
            frames.clear()
            parts.clear()
            yield bucket, rows
            for file in files:
                file.unlink(missing_ok=True)

    def _spill(self) -> None:
        for bucket, parts in self._parts.items():
            frames = [part for part in parts if isinstance(part, pl.DataFrame)]
            if not frames:
                continue
            path = self._scratch / f"bucket-{bucket}-{secrets.token_hex(8)}.parquet"
            pl.concat(
                [frame.select(frames[0].columns) for frame in frames]
            ).write_parquet(path, compression="lz4", statistics=False)
            old = [part for part in parts if not isinstance(part, pl.DataFrame)]
            self._parts[bucket] = [*old, path]
        self._in_memory = 0


def write_files(plan: Plan, stage: Stage | None, writer: Writer) -> Written:
    """Write the files of a commit; nobody sees them before it is made."""
    head = plan.head
    buckets = plan.buckets
    codes = give_codes(head.catalog.names, stage.names if stage is not None else {})
    heap = _Heap(writer)
    if stage is not None:
        keys = plan.people.by_key().lazy()
        dropped = plan.duplicates.dropped
        for piece in stage.pieces():
            rows = (
                piece.filter(~pl.col("position").is_in(dropped.implode()))
                .join(
                    keys,
                    left_on="person",
                    right_on="key",
                    how="left",
                    maintain_order="left",
                )
                .join(
                    plan.staged_owner.lazy(),
                    on="position",
                    how="left",
                    suffix="_owner",
                    maintain_order="left",
                )
                .with_columns(user=pl.coalesce("user_owner", "user"))
                .collect()
            )
            narrow = {(owner, name) for owner, name, _ in stage.narrow}
            heap.add(to_table(rows, plan.registry, codes, buckets, narrow))
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
        for bucket, held in heap.buckets():
            fresh = int(held[0]["row"].null_count())
            ordered = in_order(held, written.next_row)
            name = f"part-{writer.id}-{secrets.token_hex(8)}.parquet"
            written.adds.append(write_part(head.folder, bucket, name, ordered))
            written.next_row += fresh
            _count(written, bucket, ordered, 1)
    except BaseException:
        written.delete(head.folder)
        raise
    return written


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
