"""Read PostHog's events: batch exports and downloads, JSON lines, CSV or Parquet.

The columns are those of its `events` table: `uuid`, `event`, `distinct_id`,
`timestamp` (UTC), `properties` (JSON), `person_properties`. A row's person is read by
the rules of `spec/model.md` 3: `$device_id` is the device; the distinct id is a user id
once it is no longer the device's own, or as `$user_id` and `$is_identified` say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.ingest.exports import Export, Format, filled_text, json_object
from replaykit.ingest.times import utc_times
from replaykit.schema import session_numbers

if TYPE_CHECKING:
    from replaykit.ingest.files import Paths

SUFFIXES: Final = (
    ".parquet",
    ".csv",
    ".csv.gz",
    ".jsonl",
    ".jsonl.gz",
    ".ndjson",
    ".json",
    ".json.gz",
    ".gz",
    ".zip",
)
_FIELDS: Final = (
    "uuid",
    "id",
    "event",
    "distinct_id",
    "timestamp",
    "properties",
    "person_properties",
    "created_at",
    "_inserted_at",
)
_WITHIN: Final = (
    "distinct_id",
    "$device_id",
    "$user_id",
    "$anon_distinct_id",
    "$is_identified",
    "$session_id",
)
#: PostHog's default properties and what Amplitude, and so this toolkit, call them.
_BUILT_INS: Final = {
    "country": ("$geoip_country_name", "$geoip_country_code"),
    "region": ("$geoip_subdivision_1_name",),
    "city": ("$geoip_city_name",),
    "os_name": ("$os", "$os_name"),
    "os_version": ("$os_version",),
    "device_type": ("$device_type",),
    "device_manufacturer": ("$device_manufacturer",),
    "device_model": ("$device_model", "$device_name"),
    "language": ("$browser_language", "$locale"),
    "version_name": ("$app_version",),
    "library": ("$lib",),
    "ip_address": ("$ip",),
}


def _rows(raw: pl.DataFrame) -> pl.DataFrame:
    inside = {name: f"properties.{name}" for name in _WITHIN}
    raw = raw.with_columns(
        filled_text(("uuid", "id", "event", "distinct_id", *inside.values()))
    )
    distinct = pl.coalesce("distinct_id", inside["distinct_id"])
    own_device = pl.col(inside["$device_id"])
    identified = pl.col(inside["$is_identified"]).str.to_lowercase()
    # Anonymous: the SDK says so, or the distinct id still is the device's.
    anonymous = (identified == "false") | (
        identified.is_null() & (distinct == own_device)
    )
    named = pl.coalesce(
        inside["$user_id"],
        pl.when(~anonymous.fill_null(value=False)).then(distinct),
    )
    device = pl.coalesce(own_device, inside["$anon_distinct_id"])
    raw = raw.with_columns(
        user_id=named, session=session_numbers(raw[inside["$session_id"]])
    )
    raw = raw.with_columns(
        device_id=pl.coalesce(
            device, pl.when(pl.col("user_id").is_null()).then(distinct)
        )
    )
    set_now = pl.col("properties").str.json_path_match("$['$set']")
    person = pl.coalesce(json_object("person_properties"), set_now)
    return raw.with_columns(user_properties=person).select(
        utc_times(raw["timestamp"]).alias("time"),
        "event",
        pl.col("session").alias("session_id"),
        "device_id",
        pl.lit(None, pl.Datetime("us", "UTC")).alias("client_time"),
        "user_id",
        pl.lit(None, pl.Int64).alias("amplitude_id"),
        pl.coalesce(utc_times(raw["_inserted_at"]), utc_times(raw["created_at"])).alias(
            "upload_time"
        ),
        pl.lit(None, pl.Int64).alias("event_id"),
        pl.lit(None, pl.String).alias("insert_id"),
        pl.coalesce("uuid", "id").alias("uuid"),
        json_object("properties").alias("event_properties"),
        json_object("user_properties"),
        pl.lit(None, pl.String).alias("groups"),
    )


FORMAT: Final = Format("PostHog", SUFFIXES, _FIELDS, _rows, _WITHIN, _BUILT_INS)


class PostHogExport(Export):
    """A reader of PostHog's events, to be handed to `EventStore.ingest`.

    Parameters
    ----------
    paths
        Files, folders or patterns: Parquet, CSV, or JSON lines.
    progress
        Show a bar while reading.

    Raises
    ------
    MissingFile
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "events.csv"
    >>> head = "uuid,event,distinct_id,timestamp,properties"
    >>> _ = path.write_text(head + chr(10) + "1,Buy,ana,2026-03-01 09:00:00,{}")
    >>> batch = next(PostHogExport(path, progress=False).batches())
    >>> batch.select("user_id", "event").row(0)
    ('ana', 'Buy')
    """

    def __init__(self, paths: Paths, *, progress: bool = True) -> None:
        super().__init__(FORMAT, paths, progress=progress)
