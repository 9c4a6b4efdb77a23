"""Find the wanted fields of JSON lines, in one pass over the bytes.

A line is taken apart here only where that cannot differ from what the JSON parser of
polars makes of it; any other line (numbers that would be spelled otherwise, keys given
twice, deep nesting, anything that is no JSON) is marked as odd and left to that parser.
So how a line reads does not depend on what stands beside it.
"""

# ruff: noqa: C901, FBT001, FBT003, PLR0912, PLR0915, PLR0917, PLR1714 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import compiled, part
from replaykit.ingest.words_kernel import (
    copy_bytes,
    digits,
    lowest,
    mark_of,
    same_bytes,
    string_stop,
    word_at,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    U8 = NDArray[np.uint8]
    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]
    U64 = NDArray[np.uint64]

#: Set in the length of a value whose text must be rewritten when it is copied.
LOOSE = 1 << 30
#: What a field holds: text, times, or whole numbers.
TEXTUAL, TEMPORAL, NUMERIC = 0, 1, 2
#: No time, and no number of 18 digits.
UNREAD = -(2**62)
#: A field that the line does not have, or has as null.
ABSENT = -1

_SLOTS = 512
_GUESSES = 128
_DEPTH = 32
#: polars keeps the order of so many keys of one object.
_KEYS = 32

_QUOTE = 34
_BACKSLASH = 92
_NEWLINE = 10
_ODD = -1

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
def _hex(data: U8, at: int) -> int:
    """Return the number of four hexadecimal digits, -1 if they are none."""
    value = 0
    for k in range(at, at + 4):
        b = int(data[k])
        if 48 <= b <= 57:
            digit = b - 48
        elif 65 <= b <= 70:
            digit = b - 55
        elif 97 <= b <= 102:
            digit = b - 87
        else:
            return _ODD
        value = value * 16 + digit
    return value


@part
def _string(data: U8, at: int) -> tuple[int, bool]:
    """Return the place of the closing quote (-1: odd), and whether escapes come."""
    escaped = False
    while True:
        at = string_stop(data, at)
        b = data[at]
        if b == _QUOTE:
            return at, escaped
        if b != _BACKSLASH:
            return _ODD, escaped
        escaped = True
        b = data[at + 1]
        if b == 117:  # u
            code = _hex(data, at + 2)
            # What must stay escaped, and halves of pairs, are left to the parser.
            if code < 32 or code == 34 or code == 92 or code == 127:
                return _ODD, escaped
            if 0xD800 <= code < 0xE000:
                return _ODD, escaped
            at += 6
        elif (
            b == 34
            or b == 92
            or b == 47
            or b == 110
            or b == 114
            or b == 116
            or (b == 98 or b == 102)
        ):
            at += 2
        else:
            return _ODD, escaped


@part
def _number(data: U8, at: int) -> int:
    """Return the place after a number, -1 if it might be spelled otherwise."""
    if data[at] == 45:
        at += 1
        if data[at] == 48 and data[at + 1] != 46:
            return _ODD
    first = at
    while 48 <= data[at] <= 57:
        at += 1
    digits = at - first
    if digits == 0 or digits > 18 or (digits > 1 and data[first] == 48):
        return _ODD
    if data[at] == 46:
        zero = digits == 1 and data[first] == 48
        point = at
        at += 1
        while 48 <= data[at] <= 57:
            at += 1
        places = at - point - 1
        if places == 0 or digits + places > 15:
            return _ODD
        if zero and data[point + 1] == 48:
            # Small numbers may be written with an exponent.
            return _ODD
    b = data[at]
    if b == 44 or b == 125 or b == 93 or b == 32 or b == 9 or b == 13 or b == 10:
        return at
    return _ODD


@part
def _trailing(data: U8, at: int) -> bool:
    """Tell whether the zero before `at` is a decimal, which says nothing."""
    at -= 1
    while 48 <= data[at] <= 57:
        at -= 1
    return bool(data[at] == 46)


@part
def _literal(data: U8, at: int) -> int:
    """Return the place after `true`, `false` or `null`, -1 if it is none of them."""
    a, b, c, d = data[at], data[at + 1], data[at + 2], data[at + 3]
    if a == 116 and b == 114 and c == 117 and d == 101:
        return at + 4
    if a == 110 and b == 117 and c == 108 and d == 108:
        return at + 4
    if a == 102 and b == 97 and c == 108 and d == 115 and data[at + 4] == 101:
        return at + 5
    return _ODD


@part
def _space(data: U8, at: int) -> int:
    while data[at] == 32 or data[at] == 9 or data[at] == 13:
        at += 1
    return at


@part
def _nested(data: U8, at: int, hashes: U64) -> tuple[int, bool]:
    """Return the place after an object or list, and whether its text is loose."""
    loose = False
    # Per level: whether it is an object, and where its keys begin in `hashes`.
    objects = np.empty(_DEPTH, np.uint8)
    bases = np.empty(_DEPTH, np.int64)
    depth = 0
    objects[0] = data[at] == 123
    bases[0] = 0
    keys = 0
    at += 1
    fresh = True
    while True:
        before = at
        at = _space(data, at)
        loose |= at != before
        b = data[at]
        if b == 125 or b == 93:
            # An end may follow an opening or a value, never a comma.
            if (b == 125) != (objects[depth] == 1):
                return _ODD, loose
            keys = bases[depth]
            at += 1
            if depth == 0:
                return at, loose
            depth -= 1
            fresh = False
            continue
        if not fresh:
            if b != 44:
                return _ODD, loose
            at += 1
            before = at
            at = _space(data, at)
            loose |= at != before
            b = data[at]
        fresh = False
        if objects[depth]:
            if b != _QUOTE:
                return _ODD, loose
            at += 1
            key = at
            at = string_stop(data, at)
            if data[at] != _QUOTE:
                return _ODD, loose
            mark = mark_of(data, key, at)
            for k in range(bases[depth], keys):
                if hashes[k] == mark:
                    return _ODD, loose
            if keys - bases[depth] >= _KEYS or keys >= len(hashes):
                return _ODD, loose
            hashes[keys] = mark
            keys += 1
            at += 1
            before = at
            at = _space(data, at)
            loose |= at != before
            if data[at] != 58:
                return _ODD, loose
            at += 1
            before = at
            at = _space(data, at)
            loose |= at != before
            b = data[at]
        if b == _QUOTE:
            at, escaped = _string(data, at + 1)
            loose |= escaped
            if at < 0:
                return _ODD, loose
            at += 1
        elif b == 123 or b == 91:
            depth += 1
            if depth == _DEPTH:
                return _ODD, loose
            objects[depth] = b == 123
            bases[depth] = keys
            at += 1
            fresh = True
        elif b == 45 or 48 <= b <= 57:
            at = _number(data, at)
            if at < 0:
                return _ODD, loose
            if data[at - 1] == 48:
                loose |= _trailing(data, at)
        else:
            at = _literal(data, at)
            if at < 0:
                return _ODD, loose


@part
def _moment(data: U8, at: int, length: int) -> int:
    """Return a time in us since the epoch, `UNREAD` if it is not plainly one.

    Plain is `2026-03-01 10:00:00` with up to six decimals, with a `T` or a `Z` or not.
    """
    if length & LOOSE or length < 19 or data[at - 1] != _QUOTE:
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
def _whole_number(data: U8, at: int, length: int) -> int:
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


@compiled
def scan(
    data: U8,
    names: U8,
    name_at: I32,
    starts: I32,
    lengths: I32,
    kinds: U8,
    slots_of: I32,
    values: I64,
    read: U8,
    lines: I32,
    ends: I32,
    odd: U8,
) -> tuple[int, int]:
    """Take lines apart; return the number of rows, and how many of them are odd.

    Parameters
    ----------
    data
        Whole lines, each with a newline at its end, and `files.PADDING`.
    names, name_at
        The wanted keys, one after the other and padded, and where each begins.
    starts, lengths
        Field by row: where a value stands, and how long it is; a text without its
        quotes, an object or list with its brackets.
    kinds
        By field: `TEXTUAL`, `TEMPORAL` or `NUMERIC`.
    slots_of, values
        By field: the row of `values` where those of a field that is no text stand.
    read
        By field: whether all its values could; it begins as true.
    lines, ends
        By row: where its line begins and ends.
    odd
        By row: whether the line must be read by the parser.
    """
    fields = len(name_at) - 1
    size = len(data) - 24
    slots = np.full(_SLOTS, -1, np.int32)
    for f in range(fields):
        mark = mark_of(names, name_at[f], name_at[f + 1])
        slot = np.int64(mark & np.uint64(_SLOTS - 1))
        while slots[slot] >= 0:
            slot = (slot + 1) & (_SLOTS - 1)
        slots[slot] = f
    hashes = np.empty(_DEPTH * _KEYS, np.uint64)
    # Keys mostly come in the order of the line before: where the n-th stood there, how
    # long it was with its quote, and which field it is.
    guess_at = np.zeros(_GUESSES, np.int64)
    guess_size = np.zeros(_GUESSES, np.int64)
    guess_field = np.zeros(_GUESSES, np.int64)
    seen = np.full(fields, -1, np.int64)
    row = 0
    strange = 0
    at = 0
    while at < size:
        line = at
        at = _space(data, at)
        if data[at] == _NEWLINE:
            at += 1
            continue
        for f in range(fields):
            lengths[f, row] = ABSENT
        good = data[at] == 123
        at += 1
        fresh = True
        number = 0
        while good:
            at = _space(data, at)
            b = data[at]
            if b == 125 and fresh:
                at += 1
                break
            fresh = False
            if b != _QUOTE:
                good = False
                break
            at += 1
            key = at
            size_of = guess_size[number]
            if size_of and same_bytes(data, key, data, guess_at[number], size_of):
                at += size_of - 1
                found = guess_field[number]
            else:
                at = string_stop(data, at)
                if data[at] != _QUOTE:
                    good = False
                    break
                found = -1
                mark = mark_of(data, key, at)
                slot = np.int64(mark & np.uint64(_SLOTS - 1))
                while slots[slot] >= 0:
                    f = slots[slot]
                    begin = name_at[f]
                    count = name_at[f + 1] - begin
                    if count == at - key and same_bytes(data, key, names, begin, count):
                        found = f
                        break
                    slot = (slot + 1) & (_SLOTS - 1)
                guess_at[number] = key
                guess_size[number] = at + 1 - key
                guess_field[number] = found
            number = min(number + 1, _GUESSES - 1)
            at = _space(data, at + 1)
            if data[at] != 58:
                good = False
                break
            at = _space(data, at + 1)
            b = data[at]
            begin = at
            flag = 0
            if b == _QUOTE:
                begin = at + 1
                at, escaped = _string(data, begin)
                end = at
                flag = LOOSE if escaped else 0
                at = at + 1 if at >= 0 else at
            elif b == 123 or b == 91:
                at, loose = _nested(data, at, hashes)
                end = at
                flag = LOOSE if loose else 0
            elif b == 45 or 48 <= b <= 57:
                at = _number(data, at)
                end = at
                if at > 0 and data[at - 1] == 48 and _trailing(data, at):
                    flag = LOOSE
            else:
                at = _literal(data, at)
                end = at
            if at < 0:
                good = False
                break
            if found >= 0:
                if seen[found] == row:
                    good = False
                    break
                seen[found] = row
                if b != 110:
                    starts[found, row] = begin
                    length = (end - begin) | flag
                    lengths[found, row] = length
                    if kinds[found] and read[found]:
                        if kinds[found] == TEMPORAL:
                            value = _moment(data, begin, length)
                        else:
                            value = _whole_number(data, begin, length)
                        values[slots_of[found], row] = value
                        read[found] = value != UNREAD
            at = _space(data, at)
            if data[at] == 44:
                at += 1
                # A comma is not an end.
                at = _space(data, at)
                if data[at] != _QUOTE:
                    good = False
                continue
            if data[at] == 125:
                at += 1
                break
            good = False
        if good:
            at = _space(data, at)
            good = data[at] == _NEWLINE
        if not good:
            at = line
            while data[at] != _NEWLINE:
                at += 1
            for f in range(fields):
                lengths[f, row] = ABSENT
            strange += 1
        lines[row] = line
        ends[row] = at
        odd[row] = not good
        row += 1
        at += 1
    return row, strange


@part
def _unescaped(data: U8, at: int, out: U8, to: int, text: bool) -> tuple[int, int]:
    """Copy one escape; inside an object or list, what must stay escaped does."""
    b = data[at + 1]
    if b == 117:  # u
        code = _hex(data, at + 2)
        if code < 0x80:
            out[to] = code
            return at + 6, to + 1
        if code < 0x800:
            out[to] = 0xC0 | (code >> 6)
            out[to + 1] = 0x80 | (code & 63)
            return at + 6, to + 2
        out[to] = 0xE0 | (code >> 12)
        out[to + 1] = 0x80 | ((code >> 6) & 63)
        out[to + 2] = 0x80 | (code & 63)
        return at + 6, to + 3
    if b != 47 and not text:
        out[to] = _BACKSLASH
        to += 1
    elif b == 110:
        b = 10
    elif b == 114:
        b = 13
    elif b == 116:
        b = 9
    elif b == 98:
        b = 8
    elif b == 102:
        b = 12
    out[to] = b
    return at + 2, to + 1


@part
def _string_copied(
    data: U8, at: int, end: int, out: U8, to: int, text: bool
) -> tuple[int, int]:
    """Copy up to the end of a string; return the places after it, here and there."""
    while True:
        stop = min(string_stop(data, at), end)
        copy_bytes(out, to, data, at, stop - at)
        to += stop - at
        at = stop
        if at == end or data[at] == _QUOTE:
            return at, to
        at, to = _unescaped(data, at, out, to, text)


@part
def _rewritten(data: U8, at: int, end: int, out: U8, to: int) -> int:
    """Copy a loose value as the parser would spell it; return where the copy ends."""
    if data[at - 1] == _QUOTE:
        return _string_copied(data, at, end, out, to, True)[1]
    while at < end:
        b = data[at]
        if b == _QUOTE:
            out[to] = b
            at, to = _string_copied(data, at + 1, end, out, to + 1, False)
        elif b == 32 or b == 9 or b == 13:
            at += 1
            continue
        elif b == 46:
            last = at
            k = at + 1
            while 48 <= data[k] <= 57:
                if data[k] != 48:
                    last = k
                k += 1
            if last > at:
                copy_bytes(out, to, data, at, last + 1 - at)
                to += last + 1 - at
            at = k
            continue
        out[to] = b
        to += 1
        at += 1
    return to


@compiled
def gather(data: U8, starts: I32, lengths: I32, views: I32, out: U8) -> int:
    """Lay one field out as an Arrow column of string views; return the bytes used.

    Parameters
    ----------
    data, starts, lengths
        One field of what `scan` found.
    views
        The views, four numbers a row.
    out
        The column's longer texts, with room for the padding.
    """
    used = 0
    for row in range(len(starts)):
        length = lengths[row]
        place = row * 4
        views[place] = views[place + 1] = views[place + 2] = views[place + 3] = 0
        if length == ABSENT:
            continue
        at = starts[row]
        count = int(length & (LOOSE - 1))
        if length & LOOSE:
            count = _rewritten(data, at, at + count, out, used) - used
            first = word_at(out, used) & lowest(count)
            second = word_at(out, used + 8) & lowest(count - 8)
        else:
            first = word_at(data, at) & lowest(count)
            second = word_at(data, at + 8) & lowest(count - 8)
            if count > 12:
                copy_bytes(out, used, data, at, count)
        views[place] = count
        views[place + 1] = np.int32(first & np.uint64(0xFFFFFFFF))
        if count > 12:
            views[place + 3] = used
            used += count
        else:
            views[place + 2] = np.int32(first >> np.uint64(32))
            views[place + 3] = np.int32(second)
    return used
