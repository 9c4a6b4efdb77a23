"""Find the wanted fields of JSON lines, in one pass over the bytes.

A line is taken apart here only where that cannot differ from what the JSON parser of
polars makes of it; any other line (numbers that would be spelled otherwise, keys given
twice, deep nesting, anything that is no JSON) is marked as odd and left to that parser.
So how a line reads does not depend on what stands beside it.
"""

# ruff: noqa: C901, PLR0912, PLR0915, PLR0917, PLR1714 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import compiled
from replaykit.ingest.json_kernel import (
    DEPTH,
    KEYS,
    QUOTE,
    after_space,
    literal_end,
    nested_end,
    number_end,
    string_end,
    trailing_zero,
)
from replaykit.ingest.typed_kernel import LOOSE, UNREAD, moment, whole_number
from replaykit.ingest.words_kernel import mark_of, same_bytes, string_stop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    U8 = NDArray[np.uint8]
    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]

#: What a field holds: text, times, or whole numbers.
TEXTUAL, TEMPORAL, NUMERIC = 0, 1, 2
#: A field that the line does not have, or has as null.
ABSENT = -1

_SLOTS = 512
_GUESSES = 128
_NEWLINE = 10


@compiled
def line_ends(data: U8) -> int:
    """Return how many lines end in some bytes."""
    found = 0
    for at in range(len(data)):
        found += data[at] == _NEWLINE
    return found


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
    hashes = np.empty(DEPTH * KEYS, np.uint64)
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
        at = after_space(data, at)
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
            at = after_space(data, at)
            b = data[at]
            if b == 125 and fresh:
                at += 1
                break
            fresh = False
            if b != QUOTE:
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
                if data[at] != QUOTE:
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
            at = after_space(data, at + 1)
            if data[at] != 58:
                good = False
                break
            at = after_space(data, at + 1)
            b = data[at]
            begin = at
            flag = 0
            if b == QUOTE:
                begin = at + 1
                at, escaped = string_end(data, begin)
                end = at
                flag = LOOSE if escaped else 0
                at = at + 1 if at >= 0 else at
            elif b == 123 or b == 91:
                at, loose = nested_end(data, at, hashes)
                end = at
                flag = LOOSE if loose else 0
            elif b == 45 or 48 <= b <= 57:
                at = number_end(data, at)
                end = at
                if at > 0 and data[at - 1] == 48 and trailing_zero(data, at):
                    flag = LOOSE
            else:
                at = literal_end(data, at)
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
                            value = moment(data, begin, length)
                        else:
                            value = whole_number(data, begin, length)
                        values[slots_of[found], row] = value
                        read[found] = value != UNREAD
            at = after_space(data, at)
            if data[at] == 44:
                at += 1
                # A comma is not an end.
                at = after_space(data, at)
                if data[at] != QUOTE:
                    good = False
                continue
            if data[at] == 125:
                at += 1
                break
            good = False
        if good:
            at = after_space(data, at)
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
