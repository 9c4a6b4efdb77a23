"""Time zones: civil times read in one, and what the clocks jump over."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import polars as pl

from replaykit.errors import BadTime, did_you_mean

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_zone(tz: str) -> str:
    """Return `tz` if it names a time zone, else raise `BadTime` with the nearest one.

    Examples
    --------
    >>> check_zone("Europe/Paris")
    'Europe/Paris'
    """
    zone_of(tz)
    return tz


@lru_cache(maxsize=256)
def zone_of(tz: str) -> zoneinfo.ZoneInfo:
    """Return a time zone by its name; see `check_zone`."""
    try:
        return zoneinfo.ZoneInfo(tz)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        hint = did_you_mean(str(tz), zoneinfo.available_timezones())
        message = (
            f"{tz!r} is not a time zone. {hint} "
            "Zones are IANA names such as 'UTC' or 'Europe/Paris'."
        ).replace("  ", " ")
        raise BadTime(message) from None


def first_instant(civil: datetime, tz: str) -> datetime:
    """Return the first instant of the zone whose civil time is `civil` or later."""
    zone = zone_of(tz)
    local = civil.replace(tzinfo=zone, fold=0)
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == civil:
        return at
    # `civil` was jumped over: find the jump between the two readings of it. Offsets
    # change on whole seconds.
    low = min(at, local.replace(fold=1).astimezone(UTC)) - timedelta(seconds=1)
    high = max(at, local.replace(fold=1).astimezone(UTC)) + timedelta(seconds=1)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).replace(tzinfo=None) >= civil:
            high = middle
        else:
            low = middle
    return high


def localize(expr: pl.Expr, tz: str) -> pl.Expr:
    """Read civil (naive) times in a zone: the earlier of two, forward over a gap.

    A time that the clocks jump over becomes the first instant after the jump.

    Examples
    --------
    >>> frame = pl.DataFrame({"at": [datetime(2024, 3, 10, 2, 30)]})
    >>> frame.select(localize(pl.col("at"), "America/New_York")).item().hour
    3
    """
    check_zone(tz)
    if tz == "UTC":
        return expr.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")

    def read(civil: pl.Series) -> pl.Series:
        read = civil.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null")
        if read.null_count() == civil.null_count():
            return read
        jumped = civil.filter(read.is_null() & civil.is_not_null()).unique()
        instants = [first_instant(at, tz) for at in jumped.to_list()]
        fixed = civil.replace_strict(
            jumped,
            pl.Series(instants, dtype=pl.Datetime("us", "UTC")),
            default=None,
            return_dtype=pl.Datetime("us", "UTC"),
        )
        return read.fill_null(fixed.dt.convert_time_zone(tz))

    return expr.cast(pl.Datetime("us")).map_batches(
        read, return_dtype=pl.Datetime("us", tz), is_elementwise=True
    )


def instant(text: str | date | datetime, tz: str = "UTC") -> datetime:
    """Return a moment as a UTC datetime; a naive time or a bare date is read in `tz`.

    Of a repeated civil time the earlier is taken; a skipped one moves forward.

    Examples
    --------
    >>> instant("2026-03-01", "Europe/Paris").isoformat()
    '2026-02-28T23:00:00+00:00'
    """
    check_zone(tz)
    at: date | datetime
    if isinstance(text, str):
        try:
            at = datetime.fromisoformat(text.strip())
        except ValueError:
            message = (
                f"{text!r} is not a date or time. Write '2026-03-01' or "
                "'2026-03-01 14:30', with an offset if it is not in the project's zone."
            )
            raise BadTime(message) from None
    else:
        at = text
    if isinstance(at, datetime):
        return at.astimezone(UTC) if at.tzinfo else first_instant(at, tz)
    if isinstance(at, date):
        return first_instant(datetime(at.year, at.month, at.day), tz)  # noqa: DTZ001
    message = f"{text!r} is not a date or time; give a string, date or datetime."
    raise BadTime(message)


def is_bare_date(text: object) -> bool:
    """Return whether a bound names a whole day rather than a moment of it.

    Examples
    --------
    >>> is_bare_date("2026-03-31"), is_bare_date("2026-03-31 12:00")
    (True, False)
    """
    if isinstance(text, str):
        return _DATE.fullmatch(text.strip()) is not None
    return isinstance(text, date) and not isinstance(text, datetime)
