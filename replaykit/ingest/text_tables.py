"""CSV and Parquet exports as text, field by field, to be read as JSON lines are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLES: Final = (".parquet", ".pq", ".csv", ".csv.gz", ".tsv")
_ROWS: Final = 50_000
_STAMP: Final = "%Y-%m-%d %H:%M:%S%.6f"
_PREFIX: Final = "properties."


def text_batches(
    path: Path, fields: tuple[str, ...], what: str
) -> Iterator[pl.DataFrame]:
    """Yield the wanted fields of a table as columns of text; missing ones are null.

    Columns named `properties.NAME` become the JSON object `properties` when the table
    has no such column itself.

    Raises
    ------
    BadInput
        If the file cannot be read as what its name says, or has none of the fields.
    """
    try:
        table = _scan(path)
        schema = table.collect_schema()
        if not set(schema) & set(fields):
            raise BadInput(
                f"{path.name} is not an event export of {what}: it has the columns "
                f"{', '.join(schema)}. For a table of your own name its columns: "
                "user=, time=, event=."
            )
        loose = [name for name in schema if name.startswith(_PREFIX)]
        columns = [
            _as_text(name, schema[name])
            if name in schema
            else pl.lit(None, pl.String).alias(name)
            for name in fields
        ]
        if loose and "properties" not in schema:
            columns[fields.index("properties")] = (
                pl.struct(pl.col(name).alias(name[len(_PREFIX) :]) for name in loose)
                .struct.json_encode()
                .alias("properties")
            )
        yield from table.select(columns).collect_batches(
            chunk_size=_ROWS, maintain_order=True
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise BadInput(
            f"{path.name} cannot be read: {error}. Nothing was ingested."
        ) from error


def _scan(path: Path) -> pl.LazyFrame:
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        return pl.scan_parquet(path)
    separator = "\t" if name.endswith(".tsv") else ","
    return pl.scan_csv(path, separator=separator, infer_schema=False)


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC")
        return column.dt.to_string(_STAMP)
    if isinstance(dtype, pl.Struct):
        return column.struct.json_encode()
    if dtype == pl.Binary:
        return column.cast(pl.String, strict=False)
    if dtype.is_nested():
        return pl.lit(None, pl.String).alias(name)
    return column.cast(pl.String)
