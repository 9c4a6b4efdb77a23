"""The canonical event frame: its columns, dtypes, and how a table becomes one."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, Literal, cast

import polars as pl

from replaykit.errors import UnknownProperty, did_you_mean

TIME: Final = pl.Datetime("us", "UTC")

#: The property by which events name their replay (`spec/capture.md` 2).
REPLAY_ID: Final = "[Amplitude] Session Replay ID"

#: The event that says a replay was captured (`spec/replay.md` 1).
CAPTURED: Final = "[Amplitude] Replay Captured"

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

#: Who a property belongs to; `builtin` are the user properties every export has.
Owner = Literal["event", "user", "builtin", "group"]

#: What a reader hands to the store, one row per event, before people are numbered.
#: `time`, `event` and one of the three identities are needed, the rest may be absent.
#: Property columns stand beside these, named `OWNER.NAME` (`event.price`); further ones
#: of a property with values of several kinds are named by `kind_column`.
INCOMING: Final[dict[str, pl.DataType]] = {
    "time": TIME,
    "event": pl.String(),
    "active": pl.Boolean(),
    "session_id": pl.Int64(),
    "device_id": pl.String(),
    "client_time": TIME,
    "user_id": pl.String(),
    "amplitude_id": pl.Int64(),
    "upload_time": TIME,
    "event_id": pl.Int64(),
    "insert_id": pl.String(),
    "uuid": pl.String(),
    "event_properties": pl.String(),
    "user_properties": pl.String(),
    "groups": pl.String(),
}

# No export has this control character in the name of a property.
_KIND_MARK: Final = "\x1f"

#: User properties that stand at the top level of an exported event.
BUILT_INS: Final = (
    "platform",
    "os_name",
    "os_version",
    "device_type",
    "device_family",
    "device_carrier",
    "device_brand",
    "device_manufacturer",
    "device_model",
    "country",
    "region",
    "city",
    "dma",
    "language",
    "version_name",
    "start_version",
    "library",
    "ip_address",
    "location_lat",
    "location_lng",
    "paying",
)

#: The column of a project's own numbers of event names, where a scan is asked for it.
CODE: Final = "@code"

_REQUIRED: Final = ("user", "time", "event")

_OUT_OF_SESSION: Final = -1


def kind_column(name: str, kind: str) -> str:
    """Return the name of a further column of a property, for values of another kind."""
    return f"{name}{_KIND_MARK}{kind}"


def split_column(column: str) -> tuple[Owner, str]:
    """Split the name of an incoming property column into owner and property.

    Examples
    --------
    >>> split_column("event.search term")
    ('event', 'search term')
    >>> split_column(kind_column("user.age", "string"))
    ('user', 'age')
    """
    owner, _, name = column.partition(".")
    return cast("Owner", owner), name.partition(_KIND_MARK)[0]


def session_numbers(sessions: pl.Series) -> pl.Series:
    """Return session ids as Int64: numbers as they are, -1 as null, words by a hash.

    A session id is a start in ms since the epoch or any text (`spec/capture.md` 2).
    Text becomes a negative number below -1 that depends on the text alone, so that
    events and recordings read apart from each other agree.

    Examples
    --------
    >>> session_numbers(pl.Series(["1717225200000", "-1", None])).to_list()
    [1717225200000, None, None]
    >>> session_numbers(pl.Series(["checkout-7f3a"]))[0] < -1
    True
    """
    if sessions.dtype.is_integer():
        numbers = sessions.cast(pl.Int64, strict=False)
        return numbers.set(numbers == _OUT_OF_SESSION, None)
    text = sessions.cast(pl.String)
    numbers = text.cast(pl.Int64, strict=False)
    words = text.filter(numbers.is_null() & text.is_not_null() & (text != ""))
    if len(words):
        distinct = words.unique()
        hashed = pl.Series([_word_number(word) for word in distinct], dtype=pl.Int64)
        numbers = numbers.fill_null(
            text.replace_strict(distinct, hashed, default=None, return_dtype=pl.Int64)
        )
    return numbers.set(numbers == _OUT_OF_SESSION, None).alias(sessions.name)


def _word_number(word: str) -> int:
    number = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
    return -2 - (number >> 2)


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
            message = (
                f"The frame has no column {name!r}; it has {', '.join(schema.names())}."
                f" An event frame needs user, time and event. {hint}"
            )
            raise UnknownProperty(message.rstrip())
    if "row" not in schema:
        lf = lf.with_row_index("row")
    lf = lf.with_columns(_canonical(name, schema.get(name)) for name in COLUMNS)
    properties = [name for name in schema if name not in COLUMNS]
    return lf.select(*COLUMNS, *properties)


def readable(frame: pl.LazyFrame) -> list[str]:
    """Return the columns of a canonical frame that a question may name.

    Examples
    --------
    >>> readable(pl.LazyFrame({"price": [1.5], CODE: [0]}))
    ['price']
    """
    return [name for name in frame.collect_schema() if name != CODE]


def _canonical(name: str, has: pl.DataType | None) -> pl.Expr:
    """Return one canonical column of a frame that has it in this dtype, or not at all.

    What has its dtype is left alone: a cast would keep filters from reaching the scan.
    """
    column, dtype = pl.col(name), COLUMNS[name]
    if name == "row":
        return column if has == dtype else column.cast(dtype)
    if has is None:
        missing = True if name == "active" else None
        return pl.lit(missing, dtype=dtype).alias(name)
    if name == "active":
        return column.cast(dtype).fill_null(value=True)
    if name == "user" or has == dtype:
        return column
    return _as_time(column, has) if dtype == TIME else column.cast(dtype)


def _as_time(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return column.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
