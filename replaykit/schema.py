"""The canonical event frame: its columns, dtypes, and how a table becomes one."""

from __future__ import annotations

from typing import Final

import polars as pl

from replaykit.errors import UnknownProperty, did_you_mean

TIME: Final = pl.Datetime("us", "UTC")

#: The columns every analysis may rely on after `canonical`.
COLUMNS: Final[dict[str, pl.DataType]] = {
    "user": pl.Int32(),
    "time": TIME,
    "event": pl.String(),
    "active": pl.Boolean(),
    "session_id": pl.Int64(),
    "row": pl.Int64(),
    "device_id": pl.String(),
    "client_time": TIME,
}

_REQUIRED: Final = ("user", "time", "event")


def canonical(frame: pl.LazyFrame | pl.DataFrame) -> pl.LazyFrame:
    """Return the frame with every canonical column present and cast.

    A missing `active` is true, a missing `session_id`, `device_id` or `client_time`
    is null, a missing `row` is the position in the input. Naive times are read as
    UTC; properties pass through untouched. Row order is kept.

    Parameters
    ----------
    frame
        Needs `user` (any dtype; integers stay as they are), `time` (Date, Datetime of
        any unit or zone) and `event`.

    Raises
    ------
    UnknownProperty
        If `user`, `time` or `event` is missing.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {"user": [1], "time": [datetime(2026, 3, 1)], "event": ["Search"]}
    ... )
    >>> canonical(frame).collect().columns[:4]
    ['user', 'time', 'event', 'active']
    """
    lf = frame.lazy()
    schema = lf.collect_schema()
    for name in _REQUIRED:
        if name not in schema:
            hint = did_you_mean(name, schema.names())
            raise UnknownProperty(
                f"The frame has no column {name!r}; it has {', '.join(schema.names())}. "
                f"{hint} An event frame needs user, time and event.".replace("  ", " ")
            )
    if "row" not in schema:
        lf = lf.with_row_index("row")
    casts: list[pl.Expr] = [
        _as_time(pl.col("time"), schema["time"]),
        pl.col("event").cast(pl.String),
        pl.col("row").cast(pl.Int64),
    ]
    for name in ("active", "session_id", "device_id", "client_time"):
        dtype = COLUMNS[name]
        if name not in schema:
            value = pl.lit(True) if name == "active" else pl.lit(None, dtype=dtype)  # noqa: FBT003
            casts.append(value.alias(name))
        elif name == "client_time":
            casts.append(_as_time(pl.col(name), schema[name]))
        elif name == "active":
            casts.append(pl.col(name).cast(pl.Boolean).fill_null(value=True))
        elif schema[name] != dtype:
            casts.append(pl.col(name).cast(dtype))
    lf = lf.with_columns(casts)
    properties = [name for name in schema if name not in COLUMNS]
    return lf.select(*COLUMNS, *properties)


def _as_time(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return column.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
