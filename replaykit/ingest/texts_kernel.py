"""Lay the texts that were found in JSON lines out as an Arrow column."""

# ruff: noqa: FBT001, FBT003, PLR0917, PLR1714 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import compiled, part
from replaykit.ingest.json_kernel import BACKSLASH, QUOTE, hex_number
from replaykit.ingest.lines_kernel import ABSENT
from replaykit.ingest.typed_kernel import LOOSE
from replaykit.ingest.words_kernel import copy_bytes, lowest, string_stop, word_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    U8 = NDArray[np.uint8]
    I32 = NDArray[np.int32]


@part
def _unescaped(data: U8, at: int, out: U8, to: int, text: bool) -> tuple[int, int]:
    """Copy one escape; inside an object or list, what must stay escaped does."""
    b = data[at + 1]
    if b == 117:  # u
        code = hex_number(data, at + 2)
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
        out[to] = BACKSLASH
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
        if at == end or data[at] == QUOTE:
            return at, to
        at, to = _unescaped(data, at, out, to, text)


@part
def _rewritten(data: U8, at: int, end: int, out: U8, to: int) -> int:
    """Copy a loose value as the parser would spell it; return where the copy ends."""
    if data[at - 1] == QUOTE:
        return _string_copied(data, at, end, out, to, True)[1]
    while at < end:
        b = data[at]
        if b == QUOTE:
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
