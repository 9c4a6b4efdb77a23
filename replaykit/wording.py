"""Numbers, ranges and lengths as a person would write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from replaykit.timeline import Span


def span_words(span: Span) -> str:
    """Name a range by its first and last day in its zone.

    Examples
    --------
    >>> from replaykit.timeline import between
    >>> span_words(between("2026-03-01", "2026-03-31"))
    '1 – 31 Mar 2026'
    >>> span_words(between("2025-12-30", "2026-01-02"))
    '30 Dec 2025 – 2 Jan 2026'
    >>> span_words(between(None, None))
    'all time'
    """
    if span.start is None and span.end is None:
        return "all time"
    zone = ZoneInfo(span.tz)
    first = None if span.start is None else span.start.astimezone(zone)
    instant = timedelta(microseconds=1)
    last = None if span.end is None else (span.end - instant).astimezone(zone)
    if first is None:
        return f"until {_day(last)}"
    if last is None:
        return f"since {_day(first)}"
    if first.date() == last.date():
        return _day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} – {_day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%b} – {_day(last)}"
    return f"{_day(first)} – {_day(last)}"


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.day} {moment:%b %Y}"


def count_words(number: int, noun: str) -> str:
    """Count with a noun.

    Examples
    --------
    >>> count_words(1, "user"), count_words(1200, "user")
    ('1 user', '1,200 users')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def duration_words(text: str) -> str:
    """Spell out a duration as it was asked for.

    Examples
    --------
    >>> duration_words("7d"), duration_words("1d12h"), duration_words("session")
    ('7 days', '1 day 12 hours', 'session')
    """
    parts = re.findall(r"(\d+)(ms|[a-z]+)", text)
    if not parts or "".join(a + b for a, b in parts) != text.replace(" ", ""):
        return text
    return " ".join(
        count_words(int(n), _UNITS[unit]) if unit in _UNITS else n + unit
        for n, unit in parts
    )


_UNITS: Final = {
    "ms": "millisecond",
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
}


def big(number: int) -> str:
    """Shorten a large count.

    Examples
    --------
    >>> big(950), big(83_112), big(4_218_907)
    ('950', '83k', '4.2M')
    """
    for size, letter in ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k")):
        if number >= size:
            unit = 1_000 if letter == "k" else size
            value = number / unit
            return f"{value:.0f}{letter}" if value >= 10 else f"{value:.1f}{letter}"
    return f"{number:,}"


def clock(ms: int) -> str:
    """Write a length as a clock.

    Examples
    --------
    >>> clock(61_250), clock(3_725_000)
    ('1:01', '1:02:05')
    """
    hours, rest = divmod(ms // 1000, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
