"""One recorded event: its type and time, and the text of everything else."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from replaykit.ingest.rrweb_json import dumps, loads

# rrweb event types (@rrweb/types, EventType).
FULL_SNAPSHOT: Final = 2
INCREMENTAL: Final = 3
META: Final = 4
CUSTOM: Final = 5
PLUGIN: Final = 6

#: Times beyond the years 1 and 9999 are no times, in ms since 1970.
EARLIEST: Final = -62_135_596_800_000
LATEST: Final = 253_402_300_799_000
_NULL: Final = msgspec.Raw(b"null")


_encode = msgspec.json.Encoder().encode


class Event(msgspec.Struct, gc=False, frozen=True):
    """One rrweb event whose `data` is still JSON text.

    Most of a recording is pointer moves and typing that nothing here changes. As text
    they take no more memory than their file, and are written out as they came in.
    """

    type: Annotated[int, msgspec.Meta(ge=0, le=6)]
    timestamp: (
        Annotated[int, msgspec.Meta(ge=EARLIEST, le=LATEST)]
        | Annotated[float, msgspec.Meta(ge=EARLIEST, le=LATEST)]
    )
    data: msgspec.Raw = _NULL

    def text(self) -> bytes:
        """Return the event's JSON.

        Examples
        --------
        >>> event_of({"type": 4, "data": {"href": "/"}, "timestamp": 5}).text()
        b'{"type":4,"timestamp":5,"data":{"href":"/"}}'
        """
        return _encode(self)


def array_of(events: list[Event]) -> bytes:
    """Return the JSON array of events.

    Examples
    --------
    >>> array_of([event_of({"type": 0, "data": {}, "timestamp": 5})])
    b'[{"type":0,"timestamp":5,"data":{}}]'
    """
    return _encode(events)


def event_of(event: dict[str, Any]) -> Event:
    """Turn an event that is a dict into text; the dict is left as it is.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it has no type or no time.
    """
    kind, timestamp = event["type"], event["timestamp"]
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        raise TypeError
    if (
        not EARLIEST <= timestamp <= LATEST
        or type(kind) is not int
        or not 0 <= kind <= 6
    ):
        raise ValueError
    data = event.get("data")
    return Event(kind, timestamp, _NULL if data is None else msgspec.Raw(dumps(data)))


def dict_of(event: Event) -> dict[str, Any]:
    """Return an event as rrweb's Replayer takes it.

    Examples
    --------
    >>> dict_of(event_of({"type": 1, "data": {}, "timestamp": 5}))
    {'type': 1, 'data': {}, 'timestamp': 5}
    """
    data = loads(bytes(event.data))
    return {"type": event.type, "data": data, "timestamp": event.timestamp}
