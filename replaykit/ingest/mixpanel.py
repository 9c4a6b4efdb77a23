"""Read Mixpanel's raw event export: JSON lines of `event` and `properties`.

Everything but the name stands in `properties`: `time` (seconds since the epoch, UTC),
`distinct_id`, `$insert_id`, and in projects of the simplified identity `$device_id` and
`$user_id`. A person is read from these by the rules of `spec/model.md` 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.ingest.exports import Export, Format, filled_text, json_object
from replaykit.ingest.times import utc_times
from replaykit.schema import session_numbers

if TYPE_CHECKING:
    from replaykit.ingest.files import Paths

SUFFIXES: Final = (".json", ".json.gz", ".gz", ".zip", ".ndjson", ".jsonl", ".txt")
_WITHIN: Final = (
    "time",
    "distinct_id",
    "$device_id",
    "$user_id",
    "$anon_id",
    "$identified_id",
    "$insert_id",
    "$session_id",
    "mp_processing_time_ms",
)
#: Mixpanel's default properties and what Amplitude, and so this toolkit, call them.
_BUILT_INS: Final = {
    "country": ("mp_country_code",),
    "region": ("$region",),
    "city": ("$city",),
    "os_name": ("$os",),
    "os_version": ("$os_version",),
    "device_type": ("$device",),
    "device_brand": ("$brand",),
    "device_manufacturer": ("$manufacturer",),
    "device_model": ("$model",),
    "device_carrier": ("$carrier",),
    "version_name": ("$app_version_string", "$app_version"),
    "library": ("mp_lib", "$lib"),
}
#: How a distinct id is written that is only a device's.
_DEVICE: Final = "$device:"


def _rows(raw: pl.DataFrame) -> pl.DataFrame:
    raw = raw.rename(
        {name: name.removeprefix("properties.") for name in raw.columns}
    ).with_columns(filled_text(("event", *_WITHIN)))
    distinct = pl.col("distinct_id")
    anonymous = distinct.str.starts_with(_DEVICE)
    device = pl.coalesce(
        "$device_id",
        "$anon_id",
        pl.when(anonymous).then(distinct.str.strip_prefix(_DEVICE)),
    ).str.strip_prefix(_DEVICE)
    named = pl.coalesce(
        "$user_id", "$identified_id", pl.when(~anonymous).then(distinct)
    )
    raw = raw.with_columns(device_id=device).with_columns(
        # Before a login the distinct id is the device's.
        user_id=pl.when(named.ne_missing(pl.col("device_id"))).then(named),
        session=session_numbers(raw["$session_id"]),
    )
    return raw.select(
        utc_times(raw["time"]).alias("time"),
        "event",
        pl.col("session").alias("session_id"),
        "device_id",
        pl.lit(None, pl.Datetime("us", "UTC")).alias("client_time"),
        "user_id",
        pl.lit(None, pl.Int64).alias("amplitude_id"),
        utc_times(raw["mp_processing_time_ms"]).alias("upload_time"),
        pl.lit(None, pl.Int64).alias("event_id"),
        pl.col("$insert_id").alias("insert_id"),
        pl.lit(None, pl.String).alias("uuid"),
        json_object("properties").alias("event_properties"),
        pl.lit(None, pl.String).alias("user_properties"),
        pl.lit(None, pl.String).alias("groups"),
    )


FORMAT: Final = Format(
    "Mixpanel", SUFFIXES, ("event", "properties"), _rows, _WITHIN, _BUILT_INS
)


class MixpanelExport(Export):
    """A reader of Mixpanel's raw export, to be handed to `EventStore.ingest`.

    Parameters
    ----------
    paths
        Files, folders or patterns; JSON lines, plain, gzipped or zipped.
    progress
        Show a bar while reading.

    Raises
    ------
    MissingFile
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> who = '{"time": 1772355600, "distinct_id": "7"}'
    >>> line = '{"event": "Buy", "properties": %s}' % who
    >>> _ = (folder / "day.json").write_text(line)
    >>> batch = next(MixpanelExport(folder, progress=False).batches())
    >>> batch.select("user_id", "event").row(0)
    ('7', 'Buy')
    """

    def __init__(self, paths: Paths, *, progress: bool = True) -> None:
        super().__init__(FORMAT, paths, progress=progress)
