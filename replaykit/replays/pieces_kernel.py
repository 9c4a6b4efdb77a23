"""Find the small parts of a snapshot's text, in one pass over the bytes."""

# ruff: noqa: C901, PLR0912, PLR0915, PLR0917, PLR1714, SIM109, SIM110 - one loop

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    U8 = NDArray[np.uint8]
    I64 = NDArray[np.int64]

#: What cannot be cut: the parser is to read all of it.
WHOLE = -1
#: Nested deeper than this, a text is left whole.
_DEPTH = 10_000

_OPEN, _CLOSE, _LIST, _LIST_END = 123, 125, 91, 93
_QUOTE, _BACKSLASH, _COMMA, _BLANK, _PARENTHESIS = 34, 92, 44, 32, 40
_U, _SLASH = 117, 47
_PLUS, _MINUS, _POINT, _NINE, _E, _LARGE_E = 43, 45, 46, 57, 101, 69
#: What is open: something that does not matter, a part of the page, its children.
_ANYTHING, _PART, _CHILD_LIST = 0, 1, 2
#: `"node":` and `"childNodes":`, after what a key follows.
NODE = np.frombuffer(b'"node":', np.uint8)
CHILDREN = np.frombuffer(b'"childNodes":', np.uint8)


@part
def _after(data: U8, at: int, key: U8) -> bool:
    """Tell whether a key stands before a value, with a blank or none between."""
    start = at - len(key)
    if start > 0 and data[at - 1] == _BLANK:
        start -= 1
    before = start - 1
    if before > 0 and data[before] == _BLANK:
        before -= 1
    if before < 0 or (data[before] != _COMMA and data[before] != _OPEN):
        return False
    for place in range(len(key)):
        if data[start + place] != key[place]:
            return False
    return True


@compiled
def pieces(
    data: U8, node: U8, children: U8, shortest: int, longest: int, found: I64
) -> int:
    """Find the largest parts of a page that are no longer than so many bytes.

    A part is an object in a list under the key `childNodes`, in an object which is such
    a part's holder in turn or the value of `node` in the outermost object. Parts are
    found in the order in which they stand.

    Parameters
    ----------
    data
        JSON that a parser took: one object.
    node, children
        The two keys with their quotes and the colon.
    shortest, longest
        The length of a part, in bytes.
    found
        Filled with five numbers for each part: where it begins and ends, where the only
        list of children in it begins and ends (the same twice if there is not just
        one), and 1 if it holds a parenthesis, or what is not as a browser writes it:
        blanks between values, numbers with more than digits, needless escapes.

    Returns
    -------
    The number of parts, or `WHOLE` if the text is not as this kernel knows it.
    """
    begins = np.empty(_DEPTH, np.int64)
    kinds = np.zeros(_DEPTH, np.uint8)
    odd_before = np.empty(_DEPTH, np.int64)
    lists = np.zeros(_DEPTH, np.int64)
    list_begin = np.zeros(_DEPTH, np.int64)
    list_end = np.zeros(_DEPTH, np.int64)
    depth = -1
    odd = 0
    count = 0
    at = 0
    end = len(data)
    while at < end:
        byte = data[at]
        if byte == _QUOTE:
            if depth >= 0 and kinds[depth] == _CHILD_LIST:
                return WHOLE
            at += 1
            while at < end and data[at] != _QUOTE:
                if data[at] == _BACKSLASH:
                    at += 1
                    odd += at < end and (data[at] == _U or data[at] == _SLASH)
                elif data[at] == _PARENTHESIS:
                    odd += 1
                at += 1
        elif byte == _OPEN or byte == _LIST:
            kind = _ANYTHING
            holder = kinds[depth] if depth >= 0 else _ANYTHING
            if holder == _CHILD_LIST:
                if byte == _LIST:
                    return WHOLE
                kind = _PART
            elif byte == _LIST:
                if holder == _PART and _after(data, at, children):
                    kind = _CHILD_LIST
            elif depth == 0 and data[begins[0]] == _OPEN and _after(data, at, node):
                kind = _PART
            depth += 1
            if depth == _DEPTH:
                return WHOLE
            begins[depth] = at
            kinds[depth] = kind
            odd_before[depth] = odd
            lists[depth] = 0
        elif byte == _CLOSE or byte == _LIST_END:
            if depth < 0:
                return WHOLE
            begin = begins[depth]
            kind = kinds[depth]
            length = at + 1 - begin
            if kind == _CHILD_LIST:
                lists[depth - 1] += 1
                list_begin[depth - 1] = begin
                list_end[depth - 1] = at + 1
            elif (
                kind == _PART
                and depth
                and kinds[depth - 1] == _CHILD_LIST
                and shortest <= length <= longest
            ):
                while count and found[count - 1, 0] > begin:
                    count -= 1
                if count == len(found):
                    return WHOLE
                found[count, 0] = begin
                found[count, 1] = at + 1
                found[count, 2] = list_begin[depth] if lists[depth] == 1 else begin
                found[count, 3] = list_end[depth] if lists[depth] == 1 else begin
                found[count, 4] = odd > odd_before[depth]
                count += 1
            depth -= 1
        elif byte <= _BLANK:
            odd += 1
        elif byte != _COMMA:
            if depth >= 0 and kinds[depth] == _CHILD_LIST:
                return WHOLE
            odd += (
                byte == _POINT
                or byte == _MINUS
                or byte == _PLUS
                or byte == _LARGE_E
                or (byte == _E and data[at - 1] <= _NINE)
            )
        at += 1
    return count if depth == -1 else WHOLE
