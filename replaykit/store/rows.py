"""Rows as the table keeps them: from a batch, in order, numbered, in a Parquet file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import orjson
import polars as pl
from deltalake.transaction import AddAction

from replaykit.schema import split_column
from replaykit.store.layout import EVENTS, PARTITION, bucket_of
from replaykit.store.objects import streamed, write_parquet
from replaykit.store.properties import FIXED, KINDS, TEXT, from_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from replaykit.schema import Owner
    from replaykit.store.objects import Place
    from replaykit.store.properties import Registry

# More takes half as long again to write, and saves nothing on such columns.
_LEVEL: Final = 1
# One person's history should not cost the decoding of a whole partition.
_ROW_GROUP: Final = 128 * 1024
_NO_CODE: Final = -1
#: Columns whose range stands in the table's log: integers, never an id.
_RANGED: Final = ("user", "time")


def to_table(
    rows: pl.DataFrame,
    registry: Registry,
    codes: Mapping[str, tuple[int, int]],
    buckets: int,
    narrow: Collection[tuple[Owner, str]] = (),
) -> pl.DataFrame:
    """Return staged rows (with `user`) in the columns of the table; `row` is null.

    Parameters
    ----------
    rows
        A piece of a stage.
    registry, codes, buckets
        The table's properties, event codes and number of partitions.
    narrow
        Properties for which a reader made no column everywhere: where a piece has none,
        a wide column is filled from the text.
    """
    names = list(codes)
    numbers = [code if code >= 0 else None for code, _ in codes.values()]
    wide: list[pl.Expr] = []
    have: set[str] = set()
    rest: dict[Owner, list[tuple[str, str]]] = {}
    for column in rows.columns:
        if "." not in column:
            continue
        owner, name = split_column(column)
        found = registry.find(f"{owner}.{name}")
        if found is None:
            continue
        if not found.promoted:
            if column == f"{owner}.{name}":
                rest.setdefault(owner, []).append((name, column))
            continue
        for kind, target in found.columns:
            if KINDS[kind] == rows.schema[column]:
                wide.append(pl.col(column).alias(target))
                have.add(target)
    missing = _missing(registry, have, narrow)
    text = [
        pl.coalesce(
            TEXT[owner],
            pl.struct(
                pl.col(column).alias(name) for name, column in columns
            ).struct.json_encode(),
        ).alias(TEXT[owner])
        for owner, columns in rest.items()
    ]
    micros = [
        pl.col(name).dt.epoch("us") for name in ("time", "client_time", "upload_time")
    ]
    return (
        rows.with_columns(text)
        .with_columns(
            *micros,
            *wide,
            *missing,
            bucket_of(pl.col("user"), buckets).alias(PARTITION),
            pl.lit(None, pl.Int64).alias("row"),
            pl.col("event")
            .replace_strict(names, numbers, return_dtype=pl.Int16)
            .alias("event_code"),
        )
        .select(*FIXED, *registry.columns(), "position")
    )


def _missing(
    registry: Registry, have: Collection[str], narrow: Collection[tuple[Owner, str]]
) -> list[pl.Expr]:
    """Return the wide columns that a piece lacks: from the text, or null."""
    missing: list[pl.Expr] = []
    for one in registry.properties:
        for kind, target in one.columns:
            if target in have:
                continue
            if (one.owner, one.name) in narrow and one.kind == kind:
                value = from_text(TEXT[one.owner], one.name, kind)
            else:
                value = pl.lit(None, KINDS[kind])
            missing.append(value.alias(target))
    return missing


def give_codes(
    names: Mapping[str, tuple[int, int]], arriving: Mapping[str, int]
) -> dict[str, tuple[int, int]]:
    """Return event names with (code, rows so far), new names after the known ones."""
    codes = dict(names)
    limit = 2**15
    for name in sorted(arriving, key=lambda name: (-arriving[name], name)):
        if name not in codes:
            code = len(codes) if len(codes) < limit else _NO_CODE
            codes[name] = (code, 0)
    return codes


def in_order(held: list[pl.DataFrame], next_row: int) -> tuple[pl.DataFrame, int]:
    """Sort rows by (user, time) and the tie rule, and number those without a number.

    Returns the rows and the next number.

    The rows are taken out of the list, so that they and their sorted copy need not both
    stay in memory.

    Rows of one user and instant are ordered by `event_id` when they share a device,
    else by `server_upload_time`, then by input order (`spec/model.md` 1). Afterwards
    (time, row) gives this order.
    """
    arrival = pl.coalesce("upload_time", "time")
    late = [pl.col("event_id"), arrival, *map(pl.col, ("uuid", "row", "position"))]
    # Ties are few, and put in order by themselves.
    ordered = held.pop().sort("user", "time", maintain_order=True)
    same = (pl.col("user") == pl.col("user").shift()) & (
        pl.col("time") == pl.col("time").shift()
    )
    tied = same.fill_null(value=False)
    ties = ordered.select(
        at=pl.int_range(pl.len()), tied=tied | tied.shift(-1, fill_value=False)
    ).filter("tied")["at"]
    if len(ties):
        # Devices of one instant stay together, the earliest upload first.
        group = ordered[ties].with_columns(
            _device=arrival.min().over("user", "time", "device_id")
        )
        order = group.with_columns(_at=pl.int_range(pl.len())).sort(
            "user", "time", "_device", "device_id", *late, nulls_last=True
        )["_at"]
        places = pl.int_range(ordered.height, eager=True).scatter(
            ties, ties.gather(order)
        )
        ordered = ordered[places]
    fresh = ordered["row"].is_null()
    count = int(fresh.sum())
    numbers = pl.int_range(next_row, next_row + count, dtype=pl.Int64, eager=True)
    row = ordered["row"].scatter(fresh.arg_true(), numbers)
    if len(ties) and count < ordered.height:
        # Numbers rise inside a tie also where it spans ingests.
        sorted_rows = pl.DataFrame({"at": ties, "row": row.gather(ties)}).with_columns(
            run=ordered.select(new=~tied)["new"].cum_sum().gather(ties)
        )
        row = row.scatter(ties, sorted_rows.sort("run", "row")["row"])
    return ordered.with_columns(row=row).drop("position"), next_row + count


def write_part(
    folder: Place, bucket: int, name: str, stretches: Iterator[pl.DataFrame]
) -> AddAction:
    """Write one sorted file of a partition and return the action that adds it.

    Parameters
    ----------
    folder, bucket, name
        The project, the partition, and how the file is called.
    stretches
        The rows, in order, a stretch of users at a time; there must be one.
    """
    place = folder / EVENTS / f"{PARTITION}={bucket}"
    place.mkdir(parents=True, exist_ok=True)
    path = place / name
    rows = 0
    low: dict[str, int] = {}
    high: dict[str, int] = {}

    def counted() -> Iterator[pl.DataFrame]:
        nonlocal rows
        for stretch in stretches:
            rows += stretch.height
            for column in _RANGED:
                first, last = stretch.select(
                    low=pl.col(column).min(), high=pl.col(column).max()
                ).row(0)
                low[column] = min(first, low.get(column, first))
                high[column] = max(last, high.get(column, last))
            yield stretch.drop(PARTITION)
            del stretch

    size = write_parquet(
        path,
        streamed(counted()),
        compression="zstd",
        compression_level=_LEVEL,
        row_group_size=_ROW_GROUP,
    )
    stats = {"numRecords": rows, "minValues": low, "maxValues": high}
    return AddAction(
        path=f"{place.name}/{name}",
        size=size,
        partition_values={PARTITION: str(bucket)},
        modification_time=time.time_ns() // 1_000_000,
        data_change=True,
        stats=orjson.dumps(stats).decode(),
    )
