"""Where things lie in a project folder, and how the event table is declared.

```
shop.rk/
  project.json              settings (settings.py)
  events/                   the Delta table: _delta_log/ and bucket=N/part-….parquet
  index/part-….COLUMN.DTYPE numbers of large partitions, to be mapped (covering.py)
  catalog/NUMBER.json       what one table version means (catalog.py)
  catalog/*.parquet         people and devices, append-only pieces
  staging/WRITER/           scratch files of a running writer
  writers/WRITER.json       the writers at work, for the sweep (lease.py)
  readers/PROCESS.json      who has it open, for what deletes for good (readers.py)
  recordings/               see recordings.py
```

The commit of the Delta table is the one moment at which anything becomes true: it names
its catalogue file in a `txn` action of the same commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
from deltalake import DeltaTable, Field, Schema
from deltalake.schema import ArrayType, PrimitiveType

from replaykit.store.objects import options_of
from replaykit.store.properties import FIXED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.store.objects import Place

EVENTS: Final = "events"
INDEX: Final = "index"
CATALOG: Final = "catalog"
STAGING: Final = "staging"
WRITERS: Final = "writers"
READERS: Final = "readers"

#: The application id whose transaction number names the catalogue file of a version.
POINTER: Final = "replaykit.catalog"
PARTITION: Final = "bucket"

_DELTA: Final[dict[pl.DataType, str]] = {
    pl.Boolean(): "boolean",
    pl.Int16(): "short",
    pl.Int32(): "integer",
    pl.Int64(): "long",
    pl.Float64(): "double",
    pl.String(): "string",
    pl.Date(): "date",
    pl.Datetime("us", "UTC"): "timestamp",
}


def delta_fields(columns: Mapping[str, pl.DataType]) -> list[Field]:
    """Return Delta's declaration of polars columns."""
    return [
        Field(
            name,
            ArrayType(PrimitiveType("string"), contains_null=True)
            if dtype == pl.List(pl.String)
            else PrimitiveType(_DELTA[dtype]),
        )
        for name, dtype in columns.items()
    ]


def delta_schema(columns: Mapping[str, pl.DataType]) -> Schema:
    """Return the Delta schema of the fixed columns and these wide ones."""
    return Schema(delta_fields({**FIXED, **columns}))


def create_table(folder: Place) -> DeltaTable:
    """Create the empty event table of a new project."""
    return DeltaTable.create(
        str(folder / EVENTS),
        delta_schema({}),
        partition_by=[PARTITION],
        storage_options=options_of(folder),
        name="events",
        configuration={
            # Ids must not stand in the log's statistics; ours hold two integers.
            "delta.dataSkippingStatsColumns": "user,time",
            "delta.checkpointInterval": "20",
            "delta.logRetentionDuration": "interval 30 days",
        },
    )


def bucket_of(user: pl.Expr, buckets: int) -> pl.Expr:
    """Return the partition of a user; numbers are dense, so partitions are even."""
    return (user % buckets).cast(pl.Int32)
