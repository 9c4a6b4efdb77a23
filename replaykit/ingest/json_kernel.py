"""Walk over JSON in bytes: where a value ends, and whether it is plainly spelled.

Plain is what cannot read otherwise than the JSON parser of polars reads it.
"""

# ruff: noqa: C901, PLR0912, PLR0915, PLR1714 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import part
from replaykit.ingest.words_kernel import mark_of, string_stop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    U8 = NDArray[np.uint8]
    U64 = NDArray[np.uint64]

QUOTE = 34
BACKSLASH = 92
#: What is left to the parser.
ODD = -1
#: How deep objects and lists are looked into.
DEPTH = 32
#: polars keeps the order of so many keys of one object.
KEYS = 32


@part
def hex_number(data: U8, at: int) -> int:
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
            return ODD
        value = value * 16 + digit
    return value


@part
def string_end(data: U8, at: int) -> tuple[int, bool]:
    """Return the place of the closing quote (-1: odd), and whether escapes come."""
    escaped = False
    while True:
        at = string_stop(data, at)
        b = data[at]
        if b == QUOTE:
            return at, escaped
        if b != BACKSLASH:
            return ODD, escaped
        escaped = True
        b = data[at + 1]
        if b == 117:  # u
            code = hex_number(data, at + 2)
            # What must stay escaped, and halves of pairs, are left to the parser.
            if code < 32 or code == 34 or code == 92 or code == 127:
                return ODD, escaped
            if 0xD800 <= code < 0xE000:
                return ODD, escaped
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
            return ODD, escaped


@part
def number_end(data: U8, at: int) -> int:
    """Return the place after a number, -1 if it might be spelled otherwise."""
    if data[at] == 45:
        at += 1
        if data[at] == 48 and data[at + 1] != 46:
            return ODD
    first = at
    while 48 <= data[at] <= 57:
        at += 1
    digits = at - first
    if digits == 0 or digits > 18 or (digits > 1 and data[first] == 48):
        return ODD
    if data[at] == 46:
        zero = digits == 1 and data[first] == 48
        point = at
        at += 1
        while 48 <= data[at] <= 57:
            at += 1
        places = at - point - 1
        if places == 0 or digits + places > 15:
            return ODD
        if zero and data[point + 1] == 48:
            # Small numbers may be written with an exponent.
            return ODD
    b = data[at]
    if b == 44 or b == 125 or b == 93 or b == 32 or b == 9 or b == 13 or b == 10:
        return at
    return ODD


@part
def trailing_zero(data: U8, at: int) -> bool:
    """Tell whether the zero before `at` is a decimal, which says nothing."""
    at -= 1
    while 48 <= data[at] <= 57:
        at -= 1
    return bool(data[at] == 46)


@part
def literal_end(data: U8, at: int) -> int:
    """Return the place after `true`, `false` or `null`, -1 if it is none of them."""
    a, b, c, d = data[at], data[at + 1], data[at + 2], data[at + 3]
    if a == 116 and b == 114 and c == 117 and d == 101:
        return at + 4
    if a == 110 and b == 117 and c == 108 and d == 108:
        return at + 4
    if a == 102 and b == 97 and c == 108 and d == 115 and data[at + 4] == 101:
        return at + 5
    return ODD


@part
def after_space(data: U8, at: int) -> int:
    """Return the place after spaces, tabs and carriage returns."""
    while data[at] == 32 or data[at] == 9 or data[at] == 13:
        at += 1
    return at


@part
def nested_end(data: U8, at: int, hashes: U64) -> tuple[int, bool]:
    """Return the place after an object or list, and whether its text is loose."""
    loose = False
    # Per level: whether it is an object, and where its keys begin in `hashes`.
    objects = np.empty(DEPTH, np.uint8)
    bases = np.empty(DEPTH, np.int64)
    depth = 0
    objects[0] = data[at] == 123
    bases[0] = 0
    keys = 0
    at += 1
    fresh = True
    while True:
        before = at
        at = after_space(data, at)
        loose |= at != before
        b = data[at]
        if b == 125 or b == 93:
            # An end may follow an opening or a value, never a comma.
            if (b == 125) != (objects[depth] == 1):
                return ODD, loose
            keys = bases[depth]
            at += 1
            if depth == 0:
                return at, loose
            depth -= 1
            fresh = False
            continue
        if not fresh:
            if b != 44:
                return ODD, loose
            at += 1
            before = at
            at = after_space(data, at)
            loose |= at != before
            b = data[at]
        fresh = False
        if objects[depth]:
            if b != QUOTE:
                return ODD, loose
            at += 1
            key = at
            at = string_stop(data, at)
            if data[at] != QUOTE:
                return ODD, loose
            mark = mark_of(data, key, at)
            for k in range(bases[depth], keys):
                if hashes[k] == mark:
                    return ODD, loose
            if keys - bases[depth] >= KEYS or keys >= len(hashes):
                return ODD, loose
            hashes[keys] = mark
            keys += 1
            at += 1
            before = at
            at = after_space(data, at)
            loose |= at != before
            if data[at] != 58:
                return ODD, loose
            at += 1
            before = at
            at = after_space(data, at)
            loose |= at != before
            b = data[at]
        if b == QUOTE:
            at, escaped = string_end(data, at + 1)
            loose |= escaped
            if at < 0:
                return ODD, loose
            at += 1
        elif b == 123 or b == 91:
            depth += 1
            if depth == DEPTH:
                return ODD, loose
            objects[depth] = b == 123
            bases[depth] = keys
            at += 1
            fresh = True
        elif b == 45 or 48 <= b <= 57:
            at = number_end(data, at)
            if at < 0:
                return ODD, loose
            if data[at - 1] == 48:
                loose |= trailing_zero(data, at)
        else:
            at = literal_end(data, at)
            if at < 0:
                return ODD, loose
