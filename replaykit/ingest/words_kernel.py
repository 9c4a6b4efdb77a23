"""Eight bytes at a time, for kernels over bytes: load, store, and find."""

# ruff: noqa: ANN401, ARG001 - the form that numba wants

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import extending, types

from replaykit.compiled import part

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    U8 = NDArray[np.uint8]

_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_QUOTES = np.uint64(0x2222222222222222)
_BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES = np.uint64(0x2020202020202020)
_EVERY = np.uint64(0xFFFFFFFFFFFFFFFF)
_EIGHT = np.uint64(8)
_THREE = np.uint64(3)
_UPPER = np.uint64(0xF0F0F0F0F0F0F0F0)
_THREES = np.uint64(0x3030303030303030)
_SIXES = np.uint64(0x0606060606060606)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


#: A function whose machine code is given; mypy must be told that it stays one.
_intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = extending.intrinsic


def _place(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), ir.IntType(64).as_pointer())


@_intrinsic
def word_at(_typing: Any, array: Any, at: Any) -> Any:
    """Return the eight bytes of an array from `at` on; not checked."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = _place(context, builder, signature.args[0], given[0], given[1])
        return builder.load(place, align=1)

    return types.uint64(array, types.int64), code


@_intrinsic
def put_word(_typing: Any, array: Any, at: Any, word: Any) -> Any:
    """Write eight bytes to an array from `at` on; not checked."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = _place(context, builder, signature.args[0], given[0], given[1])
        builder.store(given[2], place, align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), code


@_intrinsic
def _zeros_below(_typing: Any, word: Any) -> Any:
    """Return the number of zero bits below the lowest set bit; `word` is not 0."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@part
def lowest(count: int) -> np.uint64:
    """Return the mask of the lowest `count` bytes of a word, 0 to 8."""
    if count >= 8:
        return _EVERY
    if count <= 0:
        return np.uint64(0)
    return _EVERY >> np.uint64(64 - 8 * count)


@part
def string_stop(data: U8, at: int) -> int:
    """Return where the plain text of a string ends: a quote, backslash or control.

    Parameters
    ----------
    data, at
        Where to begin; the data end with a control character and seven more bytes.
    """
    while True:
        word = word_at(data, at)
        quotes = word ^ _QUOTES
        slashes = word ^ _BACKSLASHES
        found = (
            ((quotes - _ONES) & ~quotes)
            | ((slashes - _ONES) & ~slashes)
            | ((word - _SPACES) & ~word)
        ) & _HIGH
        if found:
            return int(at + np.int64(_zeros_below(found) >> _THREE))
        at += 8


@part
def digits(word: np.uint64) -> bool:
    """Tell whether all eight bytes are digits."""
    nines = (word + _SIXES) & _UPPER
    return bool((word & _UPPER) == _THREES) and bool(nines == _THREES)


@part
def mark_of(data: U8, at: int, end: int) -> np.uint64:
    """Return a number that differs for different bytes, nearly always."""
    mark = np.uint64(end - at)
    while at < end:
        mark = (mark ^ (word_at(data, at) & lowest(end - at))) * _FACTOR
        mark ^= mark >> np.uint64(29)
        at += 8
    return mark


@part
def same_bytes(data: U8, at: int, others: U8, where: int, count: int) -> bool:
    """Tell whether the next `count` bytes are the same in two places."""
    k = 0
    while k < count:
        differ = word_at(data, at + k) ^ word_at(others, where + k)
        if differ & lowest(count - k):
            return False
        k += 8
    return True


@part
def copy_bytes(out: U8, to: int, data: U8, at: int, count: int) -> None:
    """Copy bytes; up to seven more behind them are written as well."""
    for k in range(0, count, 8):
        put_word(out, to + k, word_at(data, at + k))
