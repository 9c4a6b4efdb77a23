"""Count runs of codes: every few codes in a row, packed into numbers, in hash tables.

`grams` goes through rows in (user, time) order once; its state is a shift register per
session of the user at hand. What it packs is dealt out by hash into `PARTS` parts
before it is counted, so that the table of one part stays in the processor's cache, and
so that a part of several pieces of the data can be counted apart from all others.
"""

# ruff: noqa: C901, PLR0917 - a kernel is one loop over plain arrays

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from replaykit.compiled import compiled, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]

_PART_BITS: Final = 8
PARTS: Final = 1 << _PART_BITS


@compiled
def grams(user: I32, session: I64, code: I32, length: int, bits: int, step: int) -> I64:
    """Return every `length` codes in a row of one user and session.

    A line is one sequence in numbers of `step` codes, the last one full: the oldest
    code is in the highest bits of the first one.

    Parameters
    ----------
    user, session, code
        Rows in (user, time) order; sessions may be empty: then they are all one.
    length
        Codes in a sequence.
    bits, step
        Bits of a code, and codes in a number.
    """
    total = len(user)
    words = (length + step - 1) // step
    masks = np.full(words, (np.int64(1) << bits * step) - 1, np.int64)
    masks[0] = (np.int64(1) << bits * (length - (words - 1) * step)) - 1
    found = np.empty((total, words), np.int64)
    count = 0
    # Sessions of one user, by hash: whose slot it is, its session, codes seen, codes.
    size = 16
    owner = np.full(size, -1, np.int64)
    name = np.empty(size, np.int64)
    held = np.empty(size, np.int64)
    state = np.empty((size, words), np.int64)
    start = 0
    while start < total:
        stop = start + 1
        changes = 1
        while stop < total and user[stop] == user[start]:
            changes += len(session) > 0 and session[stop] != session[stop - 1]
            stop += 1
        if 2 * changes > size:
            while 2 * changes > size:
                size *= 2
            owner = np.full(size, -1, np.int64)
            name = np.empty(size, np.int64)
            held = np.empty(size, np.int64)
            state = np.empty((size, words), np.int64)
        within = 16
        while within < 2 * changes:
            within *= 2
        slot = np.int64(0)
        for row in range(start, stop):
            if row == start or (len(session) and session[row] != session[row - 1]):
                own = session[row] if len(session) else np.int64(0)
                mixed = np.uint64(own) * np.uint64(0x9E3779B97F4A7C15)
                slot = np.int64(mixed >> np.uint64(40)) & (within - 1)
                while owner[slot] == start and name[slot] != own:
                    slot = (slot + 1) & (within - 1)
                if owner[slot] != start:
                    owner[slot] = start
                    name[slot] = own
                    held[slot] = 0
                    state[slot] = 0
            pushed = np.int64(code[row])
            for word in range(words - 1, -1, -1):
                oldest = state[slot, word] >> bits * (step - 1)
                state[slot, word] = (state[slot, word] << bits | pushed) & masks[word]
                pushed = oldest
            held[slot] += 1
            if held[slot] >= length:
                for word in range(words):
                    found[count, word] = state[slot, word]
                count += 1
        start = stop
    return found[:count]


@part
def spread(words: I64, line: int) -> np.int64:
    """Return a hash of a line, at least 0."""
    mixed = np.uint64(0)
    for word in range(words.shape[1]):
        mixed = (mixed ^ np.uint64(words[line, word])) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return np.int64(mixed >> np.uint64(20))


@compiled
def dealt(words: I64) -> tuple[I64, I64]:
    """Return the lines part by part, and where each part starts (one more than parts).

    Parts follow from the lines alone, whatever the piece of the data.
    """
    total = len(words)
    starts = np.zeros(PARTS + 1, np.int64)
    of = np.empty(total, np.uint8)
    for line in range(total):
        of[line] = spread(words, line) & (PARTS - 1)
        starts[of[line] + 1] += 1
    for number in range(PARTS):
        starts[number + 1] += starts[number]
    put = starts.copy()
    found = np.empty_like(words)
    for line in range(total):
        place = put[of[line]]
        put[of[line]] += 1
        for word in range(words.shape[1]):
            found[place, word] = words[line, word]
    return found, starts


@compiled
def counted(words: I64, times: I64, least: int) -> tuple[I64, I64]:
    """Return the distinct lines that occur at least so often, and how often each does.

    `times` are how often each line is to be counted.
    """
    total = len(words)
    size = 16
    while size < 2 * total:
        size *= 2
    table = np.full(size, -1, np.int32)
    # By the first line of those that are the same.
    sums = np.zeros(total, np.int64)
    for line in range(total):
        slot = spread(words, line) >> _PART_BITS & (size - 1)
        first = table[slot]
        while first >= 0:
            same = True
            for word in range(words.shape[1]):
                same &= words[first, word] == words[line, word]
            if same:
                break
            slot = (slot + 1) & (size - 1)
            first = table[slot]
        if first < 0:
            first = line
            table[slot] = line
        sums[first] += times[line]
    count = 0
    for line in range(total):
        count += sums[line] >= least
    found = np.empty((count, words.shape[1]), np.int64)
    often = np.empty(count, np.int64)
    count = 0
    for line in range(total):
        if sums[line] >= least:
            for word in range(words.shape[1]):
                found[count, word] = words[line, word]
            often[count] = sums[line]
            count += 1
    return found, often
