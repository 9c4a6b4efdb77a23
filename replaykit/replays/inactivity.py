"""Inactive periods: stretches in which the visitor did nothing (rrweb's rule)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from replaykit.timeline import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Mouse moves, clicks and touches, scrolls, resizes, inputs. What the page does on its
#: own (mutations, media, canvas) is not activity, and neither is a selection.
FIRST_ACTIVE: Final = 1
LAST_ACTIVE: Final = 5


def is_activity(kind: int, source: int) -> bool:
    """Tell whether an event (rrweb type and incremental source) is the visitor's.

    Examples
    --------
    >>> is_activity(3, 2), is_activity(3, 0), is_activity(4, -1)
    (True, False, False)
    """
    return kind == 3 and FIRST_ACTIVE <= source <= LAST_ACTIVE


def inactive_periods(
    activity_ms: Iterable[float], length_ms: float, *, longer_than: str = "10s"
) -> list[tuple[float, float]]:
    """List the stretches of more than `longer_than` without any activity.

    A stretch runs from the recording's start or an activity to the next activity or the
    recording's end; one of exactly the threshold does not count.

    Parameters
    ----------
    activity_ms
        Times of the visitor's events (see `is_activity`), in ms from the first event,
        ascending.
    length_ms
        Length of the recording.
    longer_than
        The threshold.

    Examples
    --------
    >>> inactive_periods([2_000, 13_000, 14_000], 20_000)
    [(2000, 13000)]
    """
    threshold = microseconds(longer_than) / 1000
    periods: list[tuple[float, float]] = []
    before: float = 0
    for at in activity_ms:
        if at - before > threshold:
            periods.append((before, at))
        before = at
    if length_ms - before > threshold:
        periods.append((before, length_ms))
    return periods
