"""Read Amplitude's event export: JSON lines, plain, gzipped, or zipped.

The rules of `spec/model.md` 1: `event_time` as exported, or worked out by the clock
rule when a row has none; -1 is no session; a row needs a time, a type, an identity.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.ingest.exports import (
    TEXTS,
    Export,
    Format,
    filled_text,
    json_object,
)
from replaykit.ingest.times import utc_times
from replaykit.schema import BUILT_INS, TIME, session_numbers

if TYPE_CHECKING:
    from replaykit.ingest.files import Paths

SUFFIXES: Final = (".json", ".json.gz", ".gz", ".zip", ".ndjson", ".jsonl")

_TIMES: Final = (
    "client_event_time",
    "client_upload_time",
    "server_received_time",
    "server_upload_time",
)
_KEPT: Final = ("client_event_time", "server_upload_time")
_IDENTITIES: Final = ("user_id", "device_id", "amplitude_id")
# The upload endpoint spells some fields otherwise than the export.
_ALSO: Final = {"event_time": "time", "$insert_id": "insert_id"}
_FIELDS: Final = (
    "event_type",
    "event_time",
    *_TIMES,
    *_IDENTITIES,
    "session_id",
    "$insert_id",
    "uuid",
    "event_id",
    *TEXTS,
    *BUILT_INS,
    *_ALSO.values(),
)
_NUMERIC: Final = ("location_lat", "location_lng")
_ADJUST_BEYOND: Final = timedelta(seconds=60)


def clock_rule(
    client_event_time: pl.Expr,
    client_upload_time: pl.Expr,
    server_received_time: pl.Expr,
) -> pl.Expr:
    """Return the event time: the client's, corrected when its clock is off.

    The difference of server and client clock at upload is added when it is more than 60
    seconds in either direction; exactly 60 seconds does not adjust. A missing upload
    time is taken as the time of receipt.

    Examples
    --------
    >>> from datetime import datetime
    >>> day = pl.DataFrame({"at": [datetime(2024, 3, 1, 10)]}).with_columns(
    ...     up=pl.col("at"), got=pl.col("at") + pl.duration(seconds=61)
    ... )
    >>> day.select(clock_rule(pl.col("at"), pl.col("up"), pl.col("got"))).item()
    datetime.datetime(2024, 3, 1, 10, 1, 1)
    """
    difference = server_received_time - client_upload_time
    off = difference.abs() > _ADJUST_BEYOND
    return (
        pl.when(off).then(client_event_time + difference).otherwise(client_event_time)
    )


def _rows(raw: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that exported fields mean."""
    raw = raw.with_columns(
        pl.coalesce(name, other).alias(name)
        for name, other in _ALSO.items()
        if raw[other].null_count() < raw.height
    ).with_columns(filled_text(("event_type", "uuid", "$insert_id", *_IDENTITIES)))
    times = [utc_times(raw[name]) for name in ("event_time", *_KEPT)]
    # Only the clock rule needs the other two, and only rows without a time the rule.
    clocks = [name for name in _TIMES if name not in _KEPT]
    if times[0].null_count():
        times += [utc_times(raw[name]) for name in clocks]
    else:
        times += [pl.Series(name, [None], TIME) for name in clocks]
    raw = raw.with_columns(
        one if len(one) == raw.height else one.new_from_index(0, raw.height)
        for one in times
    ).with_columns(
        pl.col("amplitude_id").cast(pl.Int64, strict=False),
        pl.col("event_id").cast(pl.Int64, strict=False),
        session_numbers(raw["session_id"]),
    )
    clock = clock_rule(
        pl.col("client_event_time"),
        pl.col("client_upload_time"),
        pl.col("server_received_time"),
    )
    rows = raw.select(
        time=pl.coalesce("event_time", clock),
        event="event_type",
        session_id="session_id",
        device_id="device_id",
        client_time="client_event_time",
        user_id="user_id",
        amplitude_id="amplitude_id",
        upload_time="server_upload_time",
        event_id="event_id",
        insert_id="$insert_id",
        uuid="uuid",
        **{name: json_object(name) for name in TEXTS},
    )
    return rows.with_columns(_built_in(raw[name]) for name in BUILT_INS)


def _built_in(values: pl.Series) -> pl.Series:
    name = f"builtin.{values.name}"
    if values.name in _NUMERIC:
        return values.cast(pl.Float64, strict=False).alias(name)
    if values.name == "paying":
        return (
            values.str.to_lowercase()
            .replace_strict(
                ["true", "false"], [True, False], default=None, return_dtype=pl.Boolean
            )
            .alias(name)
        )
    return values.alias(name)


FORMAT: Final = Format(
    "Amplitude",
    SUFFIXES,
    _FIELDS,
    _rows,
    times=("event_time", *_KEPT),
    numbers=("session_id", "event_id"),
)


def read(paths: Paths, *, progress: bool = True) -> AmplitudeExport:
    """Return a reader of export files: `AmplitudeExport`."""
    return AmplitudeExport(paths, progress=progress)


class AmplitudeExport(Export):
    """A reader of export files, to be handed to `EventStore.ingest`.

    Parameters
    ----------
    paths
        Files, folders or patterns; `.json`, `.json.gz`, `.zip` of these.
    progress
        Show a bar while reading.

    Raises
    ------
    MissingFile
        If there is no such file.

    Examples
    --------
    >>> import gzip, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> when = '"event_time": "2024-03-01 10:00:00"'
    >>> line = '{"event_type": "Search", "user_id": "ana", %s}' % when
    >>> _ = (folder / "day.json.gz").write_bytes(gzip.compress(line.encode()))
    >>> [batch["event"].to_list() for batch in AmplitudeExport(folder).batches()]
    [['Search']]
    """

    def __init__(self, paths: Paths, *, progress: bool = True) -> None:
        super().__init__(FORMAT, paths, progress=progress)
