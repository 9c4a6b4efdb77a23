"""Events that were never tracked, beside those that were: found in recordings, say.

The joined events are a source of their own, in memory only: the project's tables are
not touched.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.errors import BadInput, UnknownProperty, UnknownUser, did_you_mean
from replaykit.schema import COLUMNS, TIME, session_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replaykit.source import Source

#: Added rows come after all others of the same moment.
FIRST_ROW: Final = 2**48
_SAID: Final = ("user", "time", "session_id")
_NAME: Final = "#event"


def with_events(source: Source, event: str | pl.Series, found: pl.DataFrame) -> Source:
    """Return a source that also holds rows of `found`, as events.

    Parameters
    ----------
    source
        Where the people are known.
    event
        Name of the added events, or one name per row.
    found
        `user` (public ids) and `time` (Datetime, in UTC or with a zone); `session_id`
        or `replay_id`, if there, say the session; all other columns are properties.
        Rows whose user is null are left out.

    Raises
    ------
    UnknownProperty
        If `user` or `time` is missing.
    UnknownUser
        If a user is not known to the source.
    BadInput
        If the name is taken, or a column is of another dtype than the property of the
        same name.
    """
    names = pl.Series([event] if isinstance(event, str) else event, dtype=pl.String)
    rows = _rows(source, names, found)
    mine = {
        name: str(dtype) for name, dtype in rows.schema.items() if name not in COLUMNS
    }
    scanned = source.scan

    def scan(
        properties: Iterable[str] | None,
        users: Iterable[int] | None = None,
        *,
        buckets: Iterable[int] | None = None,
    ) -> pl.LazyFrame:
        # The joined source is one piece, so there are no buckets to choose from.
        del buckets
        asked = None if properties is None else list(properties)
        tracked = scanned(
            None if asked is None else [p for p in asked if p in source.properties],
            users,
        )
        added = rows.lazy()
        if users is not None:
            added = added.filter(pl.col("user").is_in(list(users)))
        if asked is not None:
            added = added.select(*COLUMNS, *(name for name in asked if name in mine))
        return pl.concat([tracked, added], how="diagonal")

    return replace(
        source,
        scan=scan,
        properties={**mine, **source.properties},
        # What is saved with a notebook must bring the added rows along.
        path=None,
        version=None,
        known=None,
        added=source.added + rows.height,
    )


def _rows(source: Source, names: pl.Series, found: pl.DataFrame) -> pl.DataFrame:
    """Return the added rows in canonical columns, then their properties."""
    for name in ("user", "time"):
        if name not in found.columns:
            hint = did_you_mean(name, found.columns)
            raise UnknownProperty(
                f"The frame has no column {name!r}; it has {', '.join(found.columns)}. "
                f"Events need user and time. {hint}".rstrip()
            )
    taken = names.filter(names.is_in(source.names["event"].implode()))
    if len(taken):
        raise BadInput(
            f"There are events named {taken[0]!r} already; choose another name."
        )
    if not isinstance(found.schema["time"], pl.Datetime):
        raise BadInput(f"time is {found.schema['time']}; events need a Datetime.")
    if len(names) not in {1, found.height}:
        raise BadInput(f"The frame has {found.height:,} rows and {len(names):,} names.")
    named = pl.repeat(names[0], pl.len()) if len(names) == 1 else pl.lit(names)
    found = found.with_columns(named.alias(_NAME))
    found = found.filter(pl.col("user").is_not_null() & pl.col("time").is_not_null())
    numbered = found.join(
        source.directory.select(number="user", user="user_id"),
        on="user",
        how="left",
        maintain_order="left",
    )
    unknown = numbered.filter(pl.col("number").is_null())["user"]
    if len(unknown):
        hint = did_you_mean(str(unknown[0]), source.directory["user_id"].head(50_000))
        raise UnknownUser(
            f"{unknown.n_unique():,} users of the frame are not among the "
            f"{source.directory.height:,} of these events, such as {unknown[0]!r}. "
            f"{hint}".rstrip()
        )
    stamp = pl.col("time")
    zone = found.schema["time"].time_zone  # type: ignore[attr-defined]
    stamp = (
        stamp.dt.replace_time_zone("UTC")
        if zone is None
        else stamp.dt.convert_time_zone("UTC")
    )
    first = FIRST_ROW + source.added
    rows = numbered.select(
        pl.col("number").cast(COLUMNS["user"]).alias("user"),
        stamp.cast(TIME),
        pl.col(_NAME).alias("event"),
        pl.lit(value=True).alias("active"),
        _sessions(source, found),
        pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias("row"),
        pl.lit(None, pl.String).alias("device_id"),
        pl.lit(None, TIME).alias("client_time"),
        *(name for name in found.columns if name not in {*COLUMNS, *_SAID, _NAME}),
    )
    shared = [name for name in rows.columns if name in source.properties]
    types = source.scan(shared).collect_schema()
    for name in shared:
        if rows.schema[name] != types[name]:
            try:
                rows = rows.with_columns(pl.col(name).cast(types[name]))
            except pl.exceptions.InvalidOperationError as error:
                raise BadInput(
                    f"Column {name!r} is {rows.schema[name]}, the property of that "
                    f"name is {types[name]}. Rename the column."
                ) from error
    return rows


def _sessions(source: Source, found: pl.DataFrame) -> pl.Series:
    if "session_id" in found.columns:
        return session_numbers(found["session_id"])
    if "replay_id" in found.columns:
        known = source.catalogue.select("replay_id", "session_id")
        joined = found.select("replay_id").join(
            known, on="replay_id", how="left", maintain_order="left"
        )
        return joined["session_id"]
    return pl.Series("session_id", [None] * found.height, dtype=pl.Int64)
