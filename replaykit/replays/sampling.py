"""Which sessions a sampled recorder keeps: a pure function of the session id."""

from __future__ import annotations

from typing import Final

_PRIMES: Final = (2654435761, 2246822519, 3266489917, 668265263, 374761393)
_WORD: Final = 0xFFFFFFFF
_BUCKETS: Final = 1_000_000


def xxhash32(data: bytes, seed: int = 0) -> int:
    """Return the 32-bit xxHash of `data`.

    Examples
    --------
    >>> xxhash32(b"")
    46947589
    """
    p1, p2, p3, p4, p5 = _PRIMES
    length = len(data)
    at = 0
    if length >= 16:
        lanes = [seed + p1 + p2, seed + p2, seed, seed - p1]
        while at <= length - 16:
            for lane in range(4):
                word = int.from_bytes(data[at : at + 4], "little")
                mixed = (lanes[lane] + word * p2) & _WORD
                lanes[lane] = (_rotate(mixed, 13) * p1) & _WORD
                at += 4
        value = sum(
            _rotate(lane & _WORD, turn)
            for lane, turn in zip(lanes, (1, 7, 12, 18), strict=True)
        )
    else:
        value = seed + p5
    value = (value + length) & _WORD
    while at + 4 <= length:
        word = int.from_bytes(data[at : at + 4], "little")
        value = (_rotate((value + word * p3) & _WORD, 17) * p4) & _WORD
        at += 4
    for byte in data[at:]:
        value = (_rotate((value + byte * p5) & _WORD, 11) * p1) & _WORD
    value = ((value ^ (value >> 15)) * p2) & _WORD
    value = ((value ^ (value >> 13)) * p3) & _WORD
    return value ^ (value >> 16)


def _rotate(value: int, turn: int) -> int:
    return ((value << turn) | (value >> (32 - turn))) & _WORD


def sample_fraction(session_id: str | int) -> float:
    """Return where in [0, 1) a session falls.

    Examples
    --------
    >>> sample_fraction(1717225200000)
    0.555292
    """
    return xxhash32(str(session_id).encode()) % _BUCKETS / _BUCKETS


def is_sampled(session_id: str | int, rate: float) -> bool:
    """Tell whether a recorder with this sample rate records the session.

    All tabs of a session agree, and a higher rate keeps every session of a lower one.

    Examples
    --------
    >>> is_sampled("checkout-7f3a", 0.25), is_sampled(1717225200000, 0.25)
    (True, False)
    """
    return sample_fraction(session_id) < rate
