"""Events as others write them down: numbers as text, other units, data as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_events import LATEST
from replaykit.ingest.rrweb_json import loads

#: rrweb's names of the types of events (@rrweb/types, EventType), in their order.
_NAMES: Final = (
    "DomContentLoaded",
    "Load",
    "FullSnapshot",
    "IncrementalSnapshot",
    "Meta",
    "Custom",
    "Plugin",
)
_TYPES: Final[dict[object, int]] = {
    **{str(number): number for number in range(len(_NAMES))},
    **{name: number for number, name in enumerate(_NAMES)},
}


def spelled(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as rrweb writes it; what is none stays as it is.

    Examples
    --------
    >>> spelled({"type": "Load", "timestamp": "5", "data": "{}"})
    {'type': 1, 'timestamp': 5, 'data': {}}
    """
    kind, timestamp = type_of(event), time_of(event["timestamp"])
    if kind is None or timestamp is None:
        return event
    own = {"type": kind, "timestamp": timestamp, "data": data_of(event.get("data"))}
    return {**event, **own}


def type_of(item: dict[str, Any]) -> int | None:
    """Return the type of an event, None if it is no event.

    Examples
    --------
    >>> type_of({"type": "4", "timestamp": 5}), type_of({"type": "page"})
    (4, None)
    """
    if "timestamp" not in item:
        return None
    kind = item.get("type")
    if type(kind) is float and kind.is_integer():
        kind = int(kind)
    if type(kind) is int:
        return kind if 0 <= kind < len(_NAMES) else None
    return _TYPES.get(kind) if isinstance(kind, str) else None


def time_of(value: object) -> int | float | None:
    """Return a time in milliseconds since 1970, None if it is no time.

    rrweb writes milliseconds. What would lie beyond the year 9999 was written in micro-
    or nanoseconds; a text is a number or an ISO date, in UTC if it does not say.

    Examples
    --------
    >>> time_of("1717225200000"), time_of("2024-06-01T07:00:00Z")
    (1717225200000, 1717225200000.0)
    >>> time_of(1717225200000123)
    1717225200000.123
    """
    if isinstance(value, str):
        value = _read(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for _ in range(2):
        if value > LATEST:
            value = value / 1000
    return value


def _read(text: str) -> int | float | None:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000


def data_of(data: object) -> object:
    """Return the data of an event, parsed if they are the text of an object."""
    if isinstance(data, str) and data[:1] == "{":
        try:
            return loads(data)
        except BadRecording:
            return data
    return data
