"""Read times and whole numbers out of bytes."""

# ruff: noqa: C901, PLR0912 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import part
from replaykit.ingest.json_kernel import QUOTE
from replaykit.ingest.words_kernel import digits, lowest, word_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    U8 = NDArray[np.uint8]

#: Set in the length of a value whose text must be rewritten when it is copied.
LOOSE = 1 << 30
#: No time, and no number of 18 digits.
UNREAD = -(2**62)

_LONGEST = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_BEFORE = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
_ZEROS = np.uint64(0x3030303030303030)
# The marks of `2026-03-` and `01 10:00`, where they stand in a word, and the third.
_DATE_MARKS = np.uint64(0xFF0000FF00000000)
_DATE = np.uint64(0x2D00002D00000000)
_HOUR_MARKS = np.uint64(0x0000FF0000000000)
_HOUR = np.uint64(0x00003A0000000000)
_HOUR_HOLES = np.uint64(0x0000FF0000FF0000)
_SECOND = np.uint64(0x0000000000FFFF00)


@part
def moment(data: U8, at: int, length: int) -> int:
    """Return a time in us since the epoch, `UNREAD` if it is not plainly one.

    Plain is `2026-03-01 10:00:00` with up to six decimals, with a `T` or a `Z` or not.
    """
    if length & LOOSE or length < 19 or data[at - 1] != QUOTE:
        return UNREAD
    if data[at + length - 1] == 90:  # Z
        length -= 1
    if length < 19 or length == 20 or length > 26:
        return UNREAD
    # `2026-03-`, `01 10:00`, `:00`: digits in the places of digits.
    first, middle, third = (
        word_at(data, at),
        word_at(data, at + 8),
        word_at(data, at + 16),
    )
    if (first & _DATE_MARKS) != _DATE or (middle & _HOUR_MARKS) != _HOUR:
        return UNREAD
    if (third & np.uint64(0xFF)) != np.uint64(58):
        return UNREAD
    if data[at + 10] != 32 and data[at + 10] != 84:
        return UNREAD
    if not (
        digits((first & ~_DATE_MARKS) | (_ZEROS & _DATE_MARKS))
        and digits((middle & ~_HOUR_HOLES) | (_ZEROS & _HOUR_HOLES))
        and digits((third & _SECOND) | (_ZEROS & ~_SECOND))
    ):
        return UNREAD
    year = 1000 * int(data[at]) + 100 * int(data[at + 1])
    year += 10 * int(data[at + 2]) + int(data[at + 3]) - 53328
    month = 10 * int(data[at + 5]) + int(data[at + 6]) - 528
    day = 10 * int(data[at + 8]) + int(data[at + 9]) - 528
    hour = 10 * int(data[at + 11]) + int(data[at + 12]) - 528
    minute = 10 * int(data[at + 14]) + int(data[at + 15]) - 528
    second = 10 * int(data[at + 17]) + int(data[at + 18]) - 528
    if year < 1970 or year >= 2200 or month < 1 or month > 12 or day < 1:
        return UNREAD
    if hour > 23 or minute > 59 or second > 59:
        return UNREAD
    leap = (year & 3) == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _LONGEST[month] + (leap and month == 2):
        return UNREAD
    micros = np.int64(0)
    if length > 19:
        if data[at + 19] != 46:
            return UNREAD
        fraction = word_at(data, at + 20)
        kept = lowest(length - 20)
        fraction = (fraction & kept) | (_ZEROS & ~kept)
        if not digits(fraction):
            return UNREAD
        for _ in range(6):
            micros = micros * 10 + np.int64(fraction & np.uint64(15))
            fraction >>= np.uint64(8)
    days = _BEFORE[month] + day - 1 + (leap and month > 2)
    years = year - 1970
    # Every fourth year since 1968 is a leap year, but for 2100.
    days += years * 365 + (years + 1) // 4 - (year > 2100)
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    return int(seconds * 1_000_000 + micros)


@part
def whole_number(data: U8, at: int, length: int) -> int:
    """Return a whole number of at most 18 digits, `UNREAD` if it is not one."""
    negative = length > 0 and data[at] == 45
    digits = length - negative
    if length & LOOSE or digits < 1 or digits > 18:
        return UNREAD
    value = 0
    odd = False
    for k in range(at + length - digits, at + length):
        digit = int(data[k]) - 48
        odd |= digit < 0 or digit > 9
        value = value * 10 + digit
    if odd:
        return UNREAD
    return -value if negative else value
