"""Durations: elapsed time, such as `"30m"` and `"7d"`; a day is 24 hours."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from replaykit.errors import BadDuration

#: Microseconds of each unit.
UNITS_US: Final = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_DURATION: Final = re.compile(r"(?:\d+(?:us|ms|[smhdw]))+")
_DURATION_PART: Final = re.compile(r"(\d+)(us|ms|[smhdw])")
_LONGEST: Final = 200 * 366 * UNITS_US["d"]


def microseconds(text: str | timedelta) -> int:
    """Return the length of an elapsed duration in microseconds.

    A day is 24 hours and a week is 7 days, whatever the clocks do. Months have no fixed
    length and bare numbers have no unit, so both are refused, as is zero.

    Examples
    --------
    >>> microseconds("30m")
    1800000000
    >>> microseconds("1d12h") == microseconds("36h")
    True
    """
    if isinstance(text, timedelta):
        total = text // timedelta(microseconds=1)
    elif isinstance(text, str) and _DURATION.fullmatch(text):
        total = sum(int(n) * UNITS_US[unit] for n, unit in _DURATION_PART.findall(text))
    else:
        message = (
            f"{text!r} is not a duration. Write a number with a unit, such as '30m', "
            "'7d' or '1d12h'; units are us, ms, s, m, h, d (24 hours) and w (7 days)."
        )
        raise BadDuration(message)
    if total <= 0:
        message = f"{text!r} is no time at all; a duration must be longer than zero."
        raise BadDuration(message)
    if total > _LONGEST:
        message = f"{text!r} is longer than 200 years; such a window has no use."
        raise BadDuration(message)
    return total
