"""What a commit will do to one version of the table, worked out before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.store.duplicates import COMPARED, Duplicates, find_duplicates
from replaykit.store.layout import bucket_of
from replaykit.store.people import (
    SEEN,
    Resolution,
    arrival_owner,
    owned,
    resolve,
)
from replaykit.store.staging import hash_probe, id_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from replaykit.store.properties import Registry
    from replaykit.store.snapshot import Snapshot
    from replaykit.store.staging import Stage

#: Tables up to this many rows are kept sorted by every ingest.
SMALL: Final = 300_000
#: Of a partition with this many files, several become one with the next ingest.
FILES: Final = 8


@dataclass(frozen=True, eq=False)
class Plan:
    """The parts of a commit.

    Parameters
    ----------
    head
        The version it is made for.
    registry
        The properties afterwards.
    people
        Who is who afterwards.
    duplicates
        Arriving rows left out and stored rows replaced.
    staged_owner
        `position`, `user`: arriving anonymous rows of shared devices.
    moved
        `stored`, `bucket`, `user`: stored rows that now belong to someone else.
    rewrite
        Partition to those of its files that are read, changed and written as one.
    buckets
        Number of partitions afterwards.
    wishes
        What was asked for.
    """

    head: Snapshot
    registry: Registry
    people: Resolution
    duplicates: Duplicates
    staged_owner: pl.DataFrame
    moved: pl.DataFrame
    rewrite: Mapping[int, Collection[str]]
    buckets: int
    wishes: Wishes


@dataclass(frozen=True)
class Wishes:
    """What a commit is asked to do besides adding rows.

    Parameters
    ----------
    rewrite
        Partitions to sort into one file each.
    promote
        Names of properties that shall get wide columns.
    buckets
        Number of partitions to cut the table into.
    forget
        People whose rows, ids and devices go.
    bury
        Whether earlier versions go at once, with all their files.
    """

    rewrite: frozenset[int] = frozenset()
    promote: tuple[str, ...] = ()
    buckets: int | None = None
    forget: frozenset[int] = frozenset()
    bury: bool = False


def make_plan(head: Snapshot, stage: Stage | None, wishes: Wishes) -> Plan:
    """Work out a commit of the staged rows and of what else is wished for."""
    seen = stage.seen() if stage is not None else pl.DataFrame(schema=SEEN)
    people = resolve(head.people, head.devices, seen, head.catalog.next_user)
    moved, staged_owner = _shared_devices(head, stage, people)
    merged = people.merged.with_columns(
        bucket=bucket_of(pl.col("user"), head.catalog.buckets)
    )
    rewrite = {
        *wishes.rewrite,
        *(user % head.catalog.buckets for user in wishes.forget),
        *merged["bucket"].to_list(),
        *moved["bucket"].to_list(),
    }
    duplicates = _duplicates(head, stage, people, staged_owner)
    rewrite |= set(duplicates.superseded["bucket"].to_list())
    merge: Mapping[int, Collection[str]] = {}
    if stage is not None and stage.rows > len(duplicates.dropped):
        merge = _worth_merging(head, stage.rows)
    registry = head.catalog.registry
    if stage is not None:
        registry = registry.absorb(stage.kinds, stage.narrow, head.declared)
    buckets = wishes.buckets or head.catalog.buckets
    if buckets != head.catalog.buckets:
        rewrite |= set(head.files)
    for name in wishes.promote:
        found = registry.find(name)
        if found is not None and not found.promoted:
            registry = registry.promote(found, head.declared)
            rewrite |= set(head.files)
    return Plan(
        head,
        registry,
        people,
        duplicates,
        staged_owner,
        moved,
        {**merge, **{one: head.files[one] for one in rewrite if one in head.files}},
        buckets,
        wishes,
    )


def _worth_merging(head: Snapshot, arriving: int) -> Mapping[int, Collection[str]]:
    """Return the files, by partition, that shall become one with arriving rows.

    A large partition is not written again for a few of them: its late files become one
    of their own until they are a good part of it. So what each row costs in the end
    does not grow with the table.
    """
    if head.catalog.rows <= SMALL:
        return head.files
    each = arriving / head.catalog.buckets
    found: dict[int, Collection[str]] = {}
    for bucket, files in head.files.items():
        late = head.late(bucket)
        if head.catalog.bucket_rows.get(bucket, 0) <= 2 * each:
            found[bucket] = files
        elif len(files) >= FILES:
            found[bucket] = late or files
    return found


def _shared_devices(
    head: Snapshot, stage: Stage | None, people: Resolution
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return stored rows that change hands, and owners of staged anonymous rows."""
    columns: dict[str, pl.DataType] = {
        "device_id": pl.String(),
        "known": pl.Boolean(),
        "arrival": pl.Int64(),
        "event_id": pl.Int64(),
        "uuid": pl.String(),
        "user": pl.Int32(),
        "stored": pl.Int64(),
        "position": pl.Int64(),
        "bucket": pl.Int32(),
    }
    nothing = pl.DataFrame(schema=columns)
    if stage is None or not len(people.shared):
        return nothing.select("stored", "bucket", "user"), nothing.select(
            "position", "user"
        )
    mine = pl.col("device_id").is_in(people.shared.implode())
    arrival = pl.coalesce("upload_time", "time")
    involved = people.devices.filter(mine)["user"].unique()
    stored = (
        head.rows()
        .filter(mine)
        .select(
            "device_id",
            "known",
            arrival.alias("arrival"),
            "event_id",
            "uuid",
            "user",
            pl.col("row").alias("stored"),
            pl.lit(None, pl.Int64).alias("position"),
            "bucket",
        )
        .collect()
    )
    keys = people.by_key().lazy()
    pieces = [
        piece.filter(mine)
        .join(keys, left_on="person", right_on="key", how="left")
        .with_columns(stored=pl.lit(None, pl.Int64), bucket=pl.lit(None, pl.Int32))
        .select(*columns)
        .collect()
        for piece in stage.pieces()
    ]
    rows = pl.concat([nothing, stored.select(*columns), *pieces])
    canonical = people.people.select(
        "user", now=pl.coalesce("merged_into", "user").cast(pl.Int32)
    )
    rows = (
        rows.join(canonical, on="user", how="left")
        .with_columns(user="now", was="user")
        .with_columns(login=pl.col("known") & pl.col("user").is_in(involved.implode()))
    )
    owners = arrival_owner(rows)
    moved = owners.filter(
        pl.col("stored").is_not_null() & (pl.col("user") != pl.col("was"))
    )
    staged = owners.filter(pl.col("position").is_not_null())
    return moved.select("stored", "bucket", "user"), staged.select("position", "user")


def _duplicates(
    head: Snapshot,
    stage: Stage | None,
    people: Resolution,
    staged_owner: pl.DataFrame,
) -> Duplicates:
    if stage is None:
        nothing = pl.DataFrame(schema=COMPARED)
        return Duplicates(nothing["position"], nothing.select("stored", "bucket"))
    into = people.merged.lazy()

    def keys(condition: pl.Expr) -> pl.Series:
        pieces = [piece.select("key").filter(condition) for piece in stage.pieces()]
        nothing = pl.LazyFrame(schema={"key": pl.Int64})
        return pl.concat([nothing, *pieces]).collect(engine="streaming")["key"]

    def arriving(wanted: pl.DataFrame) -> pl.DataFrame:
        rows = pl.concat(
            piece.select("key", "arrival", "position", "person")
            for piece in stage.pieces()
        )
        again = (
            rows.join(wanted.lazy(), on="key", how="semi")
            .collect(engine="streaming")
            .lazy()
            .rename({"key": "mark"})
        )
        return (
            owned(people, staged_owner, again)
            .select(
                pl.col("mark").alias("key"),
                "arrival",
                "user",
                "position",
                pl.lit(None, pl.Int64).alias("stored"),
                pl.lit(None, pl.Int32).alias("bucket"),
            )
            .collect()
        )

    def stored(wanted: pl.DataFrame) -> pl.DataFrame:
        if not head.files:
            return pl.DataFrame(schema=COMPARED)
        return (
            _keyed(head)
            .join(wanted.lazy(), on="key", how="semi")
            .join(into, on="user", how="left")
            .select(
                "key",
                pl.coalesce("upload_time", "time").alias("arrival"),
                pl.coalesce("into", "user").cast(pl.Int32).alias("user"),
                pl.lit(None, pl.Int64).alias("position"),
                pl.col("row").alias("stored"),
                "bucket",
            )
            .collect(engine="streaming")
        )

    return find_duplicates(keys, arriving, stored, stage.rows)


def _keyed(head: Snapshot) -> pl.LazyFrame:
    rows = head.rows()
    if head.catalog.hash_probe in ("", hash_probe()):
        return rows
    # Another polars made the keys: make those that ids give again.
    return rows.with_columns(key=id_key().fill_null(pl.col("key")))
