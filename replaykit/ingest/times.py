"""Times as exports write them."""

from __future__ import annotations

from typing import Final

import polars as pl

from replaykit.schema import TIME

_NAIVE: Final = "%Y-%m-%d %H:%M:%S%.f"
_MINUTES: Final = "%Y-%m-%d %H:%M"
_DATE: Final = "%Y-%m-%d"
_WITH_OFFSET: Final = "%Y-%m-%d %H:%M:%S%.f%z"
# Plain numbers: what they count is told by their size, for times of 1973 to 5138.
_MICROS: Final = 100_000_000_000_000
_MILLIS: Final = 100_000_000_000
_SECONDS: Final = 100_000_000

#: Times outside are taken for garbage: nobody tracked, or will track, an event there.
EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 2200


def utc_times(text: pl.Series) -> pl.Series:
    """Read UTC times: `2024-03-01 10:00:00.123`, ISO 8601, or epoch numbers.

    What cannot be read, or lies outside 1970 to 2200, becomes null. Times without a
    zone that were read already are in UTC.

    Examples
    --------
    >>> times = utc_times(pl.Series(["2024-03-01T10:00Z", "1709287200000", "soon"]))
    >>> times.dt.to_string("%H:%M").to_list()
    ['10:00', '10:00', None]
    """
    if text.null_count() == len(text):
        return pl.Series(text.name, [], dtype=TIME).extend_constant(None, len(text))
    if isinstance(text.dtype, pl.Datetime):
        return text.dt.replace_time_zone("UTC")
    plain = text.str.strip_suffix("Z").str.replace("T", " ", literal=True)
    times = plain.str.to_datetime(_NAIVE, time_unit="us", strict=False)
    if times.null_count() > text.null_count():
        dates = plain.str.to_date(_DATE, strict=False).cast(pl.Datetime("us"))
        minutes = plain.str.to_datetime(_MINUTES, time_unit="us", strict=False)
        times = times.fill_null(dates).fill_null(minutes)
    if times.null_count() > text.null_count():
        zoned = plain.str.to_datetime(_WITH_OFFSET, time_unit="us", strict=False)
        times = times.fill_null(zoned.dt.replace_time_zone(None))
    if times.null_count() > text.null_count():
        times = times.fill_null(_from_numbers(plain))
    sane = times.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR - 1)
    return times.set(~sane, None).dt.replace_time_zone("UTC").alias(text.name)


def _from_numbers(text: pl.Series) -> pl.Series:
    number = pl.col("n")
    micros = (
        pl.when(number >= _MICROS)
        .then(number)
        .when(number >= _MILLIS)
        .then(number * 1_000)
        .when(number >= _SECONDS)
        .then(number * 1_000_000)
    )
    return (
        text.cast(pl.Float64, strict=False)
        .to_frame("n")
        .select(micros.cast(pl.Int64, strict=False).cast(pl.Datetime("us")))
        .to_series()
    )
