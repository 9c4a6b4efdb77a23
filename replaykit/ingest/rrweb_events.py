"""One recorded event: its type and time, and the text of everything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec

from replaykit.ingest.rrweb_json import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from replaykit.ingest.rrweb_elements import Later

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


class Again(Event, gc=False, frozen=True):
    """An edit that was recorded so many times before, within the same millisecond."""

    again: int = 0


#: How the data of edits begin that change more each time they are done: the rules of
#: sheets, and drawing.
_EDIT: Final = re.compile(rb'\{"source": ?[89],')
AnyEvent = TypeVar("AnyEvent", bound="Event | Later")

#: Of what was written twice throughout, half is what came just before. (Recorders too
#: write some events twice, such as one of each frame.)
_STUTTER: Final = 0.4


def counted(events: Iterable[AnyEvent]) -> Iterator[AnyEvent | Again]:
    """Yield events as they came, with edits that are done again told from their copies.

    A script that empties a sheet takes out its first rule over and over, and each time
    the same is recorded. Of the recording's own order only the time stays: an event
    that comes once more where that goes back, or in another file, is a copy.

    Examples
    --------
    >>> edit = {"source": 8, "id": 7, "removes": [{"index": 0}]}
    >>> twice = [event_of({"type": 3, "data": edit, "timestamp": 5})] * 2
    >>> [type(event).__name__ for event in counted(twice)]
    ['Event', 'Again']
    """
    last: float | None = None
    done: dict[bytes, int] = {}
    for event in events:
        if event.timestamp != last:
            last = event.timestamp
            done.clear()
        if isinstance(event, Event) and _EDIT.match(event.data):
            data = bytes(event.data)
            times = done.get(data, 0)
            done[data] = times + 1
            if times:
                yield Again(event.type, event.timestamp, event.data, times)
                continue
        yield event


def stutters(events: Iterable[Event | Later]) -> bool:
    """Tell whether each event comes twice in a row: then none is done again."""
    twice = others = 0
    before: Event | None = None
    for event in events:
        if not isinstance(event, Event) or _EDIT.match(event.data):
            continue
        others += 1
        if (
            before is not None
            and event.timestamp == before.timestamp
            and event == before
        ):
            twice += 1
        before = event
    return twice > others * _STUTTER
