"""Where events fall in a replay, and which one is under the playhead."""

from __future__ import annotations

from bisect import bisect_right
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Place = Literal["within", "before", "after"]
"""Events before the first or after the last recorded moment are listed, not played."""


def offset_ms(event_time_ms: float, start_ms: float, shift_ms: float = 0) -> float:
    """Return an event's position: its time minus the first recorded timestamp.

    Examples
    --------
    >>> offset_ms(1719842461250, 1719842400000)
    61250
    """
    return event_time_ms - start_ms - shift_ms


def place(offset: float, length_ms: float) -> Place:
    """Tell where an offset lies; both ends of the replay belong to it.

    Examples
    --------
    >>> place(-1, 10), place(10, 10), place(11, 10)
    ('before', 'within', 'after')
    """
    if offset < 0:
        return "before"
    return "after" if offset > length_ms else "within"


def clock(offset: float) -> str:
    """Write an offset as the player's clock does: whole seconds, not rounded up.

    Examples
    --------
    >>> clock(61250), clock(600000), clock(3_723_000)
    ('1:01', '10:00', '1:02:03')
    """
    seconds = int(offset // 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"


def current(offsets: Sequence[float], position_ms: float, length_ms: float) -> int:
    """Return the index of the event under the playhead, or -1.

    It is the last one at or before the position, the last in order among equals; events
    outside the replay are never highlighted.

    Parameters
    ----------
    offsets
        Ascending.
    position_ms
        Where the player is.
    length_ms
        Length of the replay.

    Examples
    --------
    >>> current([-2500, 0, 61250], 61249, 600_000)
    1
    """
    if position_ms < 0:
        return -1
    at = bisect_right(offsets, min(position_ms, length_ms)) - 1
    return at if at >= 0 and offsets[at] >= 0 else -1


def clock_shift(pairs: Iterable[tuple[float, float]]) -> float:
    """Return the constant by which adjusted event times differ from the recorder's.

    Parameters
    ----------
    pairs
        (`event_time`, `client_event_time`) of the session's events, in ms.

    Examples
    --------
    >>> clock_shift([(1_000, 900), (2_000, 1_900), (9_000, 3_000)])
    100
    """
    shifts = [adjusted - client for adjusted, client in pairs]
    return median(shifts) if shifts else 0
