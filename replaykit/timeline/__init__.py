"""Durations, civil intervals, date ranges and time zones, all in one place.

Two ideas of length live here and never mix. A *duration* (`"30m"`, `"7d"`) is elapsed
time: a day is 24 hours. An *interval* (`"1d"`, `"1mo"`) is civil time in a zone: a day
runs from midnight to midnight and has 23 or 25 hours when the clocks change.
"""

from __future__ import annotations

from replaykit.timeline.durations import (
    microseconds,
)
from replaykit.timeline.intervals import (
    WEEKDAYS,
    Interval,
    Weekday,
    bucket,
    buckets,
    check_calendar,
    check_interval,
    next_bucket,
)
from replaykit.timeline.spans import (
    Span,
    between,
    last,
    since,
)
from replaykit.timeline.zones import (
    check_zone,
    instant,
    is_bare_date,
    localize,
)

__all__ = [
    "WEEKDAYS",
    "Interval",
    "Span",
    "Weekday",
    "between",
    "bucket",
    "buckets",
    "check_calendar",
    "check_interval",
    "check_zone",
    "instant",
    "is_bare_date",
    "last",
    "localize",
    "microseconds",
    "next_bucket",
    "since",
]
