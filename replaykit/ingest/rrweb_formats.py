"""Decode the many wrappings of rrweb events into plain events.

Plain arrays and JSON lines, rrweb's packer (v1), Amplitude's download files (v2, v3)
and uploads, PostHog's export with compressed mutations, Sentry's segments, and objects
that hold events beside an identity. One bad event is counted and never stops the rest.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from msgspec import Raw

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_elements import (
    BEFORE,
    Later,
    Text,
    elements,
    fields,
    parse,
    plain_event,
    plain_events,
)
from replaykit.ingest.rrweb_events import Event, event_of
from replaykit.ingest.rrweb_identity import Identity, from_mapping
from replaykit.ingest.rrweb_json import loads
from replaykit.ingest.rrweb_packing import from_base64, plain_text, unzip
from replaykit.ingest.rrweb_spelling import data_of, time_of, type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Keys under which wrappers keep their events.
_EVENT_KEYS: Final = (
    "events",
    "rrweb_data",
    "rrwebEvents",
    "snapshots",
    "snapshot_data",
    "$snapshot_data",
)
#: Keys under which one object keeps several recordings.
_MANY_KEYS: Final = ("recordings", "sessions", "replays", "results")
_COMPRESSED_MUTATION: Final = ("texts", "attributes", "removes", "adds")
#: Keys under which one object keeps an object that holds its events.
_INNER_KEYS: Final = ("data", "properties", "event", "snapshot", "recording")
_LONG: Final = 64
_SEGMENT: Final = re.compile(rb'\{\s*"segment_?[iI]d"\s*:\s*\d+\s*\}\s*?\n')
#: So many wrappers may lie around an event.
_DEEPEST: Final = 8


@dataclass
class Decoded:
    """Events of one recording found in one file."""

    identity: Identity | None = None
    events: list[Event | Later] = field(default_factory=list)
    order: int | None = None
    #: The session that each event names, if any does; as long as `events` then.
    sessions: list[Identity | None] = field(default_factory=list)


def decode(text: Text, problems: Counter[str], *, later: bool = False) -> list[Decoded]:
    """Return the recordings in a file's text, events in file order.

    With `later`, wrapped events are unpacked a second time when they are needed, and
    not kept in between.

    Raises
    ------
    BadRecording
        If nothing in it can be an rrweb event.
    """
    text = plain_text(text)
    if not bytes(memoryview(text)[:4096]).lstrip(BEFORE):
        raise BadRecording("The file is empty.")
    reader = _Reader(problems, later=later)
    reader.text(text)
    return reader.found()


def unpacked(events: Iterable[Event | Later]) -> Iterator[Event]:
    """Yield the events, those unpacked whose turn it is now."""
    for event in events:
        if isinstance(event, Event):
            yield event
        else:
            reader = _Reader(Counter())
            into = Decoded()
            reader.value(parse(event.element), into)
            yield from unpacked(into.events)


class _Reader:
    """Takes values apart until events come out."""

    def __init__(self, problems: Counter[str], *, later: bool = False) -> None:
        self._problems = problems
        self._later = later
        self._plain = Decoded()
        self._named: dict[str, Decoded] = {}
        #: Events so far, and wrappers around what is being read.
        self._taken = 0
        self._depth = 0

    def found(self) -> list[Decoded]:
        """Return what was found; events that name several sessions are told apart."""
        found = list(_by_session(self._plain)) if self._plain.events else []
        found.extend(item for item in self._named.values() if item.events)
        if not found:
            message = (
                "There is no rrweb event in it. replaykit reads rrweb arrays and JSON "
                "lines (plain, .gz, packed) and Amplitude, PostHog and Sentry exports."
            )
            raise BadRecording(message)
        return found

    def text(self, text: Text, into: Decoded | None = None) -> None:
        """Read an array, an object or lines."""
        into = self._plain if into is None else into
        head = bytes(memoryview(text)[:4096]).lstrip(BEFORE)
        if _SEGMENT.match(head):
            self._sentry(bytes(text).lstrip(BEFORE), into)
            return
        plain = plain_events(text)
        if plain is not None:
            into.events.extend(plain)
            self._taken += len(plain)
            return
        if head[:1] == b"[":
            self._elements(text, into)
            return
        wrapper = fields(text) if head[:1] == b"{" else None
        if wrapper is not None:
            self._object(wrapper, into)
        elif b"\n" in head or len(head) == 4096:
            self._lines(text, into)
        else:
            self.value(loads(head), into)

    def _sentry(self, text: bytes, into: Decoded) -> None:
        """Read a Sentry segment: a line of headers, then an array, perhaps packed."""
        line, _, rest = text.partition(b"\n")
        self.value(loads(line), into)
        if rest.strip():
            self.text(plain_text(rest), into)

    def _elements(self, text: Text, into: Decoded) -> None:
        for element in elements(text, self._problems):
            self._element(element, into, "broken events")

    def _lines(self, text: Text, into: Decoded) -> None:
        """Read JSON lines; a line that is not JSON counts as one broken event."""
        for line in elements(text, self._problems):
            self._element(line, into, "lines that are not JSON")

    def _element(self, element: Text, into: Decoded, problem: str) -> None:
        plain = None if into.sessions else plain_event(element)
        if plain is not None:
            into.events.append(plain)
            self._taken += 1
            return
        before = len(into.events)
        try:
            self.value(parse(element), into)
        except BadRecording as error:
            if "overflows" in str(error):
                raise
            self._problems[problem] += 1
            return
        if self._later and len(into.events) == before + 1:
            event = into.events[-1]
            into.events[-1] = Later(event.type, event.timestamp, element)

    def value(self, value: object, into: Decoded | None = None) -> None:
        """Sort out one parsed value: an event, a packed event, a list, a wrapper."""
        into = self._plain if into is None else into
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, dict):
                self._object(item, into)
            elif isinstance(item, list):
                stack.extend(reversed(item))
            elif isinstance(item, str):
                stack.append(self._packed(item))
            elif isinstance(item, Raw):
                self.text(item, into)
            elif item is not None:
                self._problems["broken events"] += 1

    def _object(self, item: dict[str, Any], into: Decoded) -> None:
        """Take an event, or what an object holds; anything else is a broken event."""
        kind = type_of(item)
        if kind is not None:
            if isinstance(item.get("data"), Raw):  # one event is all of the file
                item = {**item, "data": loads(bytes(item["data"]))}
            event = _plain_event({**item, "type": kind}, self._problems)
            if event is not None:
                self._take(event, item, into)
        elif not self._wrapper(item, into):
            self._problems["broken events"] += 1

    def _take(self, event: Event, item: dict[str, Any], into: Decoded) -> None:
        self._taken += 1
        if "sessionId" in item or "session_id" in item or into.sessions:
            missing = len(into.events) - len(into.sessions)
            into.sessions.extend([None] * missing)
            into.sessions.append(from_mapping(item))
        into.events.append(event)

    def _packed(self, text: str) -> object:
        """Undo a serialised or packed event: as JSON, base64, or zlib in latin-1."""
        if text[:1] in {"{", "["}:
            try:
                return loads(text)
            except BadRecording:
                self._problems["broken events"] += 1
                return None
        try:
            packed = from_base64(text)
            return loads(unzip(text.encode("latin-1")) if packed is None else packed)
        except (UnicodeEncodeError, BadRecording):
            # PostHog's lines pair an event with the name of its window.
            if len(text) > _LONG or text[:1] == "x":
                self._problems["broken events"] += 1
        return None

    def _wrapper(self, item: dict[str, Any], into: Decoded) -> bool:
        """Read an object that holds events or recordings; False if it holds neither."""
        if set(item) <= {"segment_id", "segmentId"}:
            into.order = item.get("segment_id", item.get("segmentId"))
            return True
        item = {k: _opened(v) if k in _INNER_KEYS else v for k, v in item.items()}
        many = next(
            (item[k] for k in _MANY_KEYS if isinstance(item.get(k), list | Raw)), None
        )
        if isinstance(many, Raw):
            for part in elements(many, self._problems):
                self.text(part)
            return True
        if many is not None:
            for part in many:
                self.value(part)
            return True
        held = _held(item)
        inner = item.get("data")
        identity = from_mapping(item)
        if identity is None and isinstance(inner, dict):
            identity = from_mapping(inner) or _posthog(inner)
        if identity is not None:
            fresh = Decoded(identity, order=into.order)
            into = self._named.setdefault(identity.replay_id, fresh)
        if held is None:
            return self._search(item, into)
        self.value(held, into)
        return True

    def _search(self, item: dict[str, Any], into: Decoded) -> bool:
        """Read all that an object holds; False if there was no event in any of it.

        What holds none is what the object says of itself, and no broken event.
        """
        if self._depth == _DEEPEST:
            return False
        self._depth += 1
        taken = self._taken
        for value in item.values():
            if not isinstance(value, dict | list | Raw) and not _is_packed(value):
                continue
            before, counted = self._taken, self._problems.copy()
            try:
                self.value(value, into)
            except BadRecording as error:
                if "overflows" in str(error):
                    raise
            if self._taken == before:
                self._problems.clear()
                self._problems.update(counted)
        self._depth -= 1
        return self._taken > taken


def _is_packed(value: object) -> bool:
    """Tell whether a text may hold an event."""
    return isinstance(value, str) and len(value) >= _LONG and value[0] in '{["xHe'


def _opened(value: object) -> object:
    """Return an inner object that is still text as its fields."""
    if isinstance(value, Raw):
        found = fields(value)
        return value if found is None else found
    return value


def _held(item: dict[str, Any]) -> object:
    """Return what a wrapper holds: its events, or an object that holds them in turn."""
    for key in _EVENT_KEYS:
        if isinstance(item.get(key), list | str | Raw):
            return item[key]
    inner = item.get("data")
    if isinstance(inner, list | Raw):
        return inner
    if isinstance(inner, dict) and any(key in inner for key in _EVENT_KEYS):
        return inner
    for key in _INNER_KEYS[1:]:
        if isinstance(item.get(key), dict):
            return item[key]
    return None


def _posthog(inner: dict[str, Any]) -> Identity | None:
    """Read the identity of a PostHog export, which calls it just `id`."""
    found = inner.get("id")
    if isinstance(found, str) and any(key in inner for key in _EVENT_KEYS):
        return from_mapping({**inner, "session_id": found})
    return None


def _by_session(plain: Decoded) -> Iterator[Decoded]:
    """Split events that carry different session ids."""
    ids = {whose.replay_id for whose in plain.sessions if whose is not None}
    if len(ids) < 2:
        yield plain
        return
    apart: dict[str, Decoded] = {}
    unnamed = Identity("events without a session")
    for event, whose in zip_longest(plain.events, plain.sessions):
        identity = unnamed if whose is None else whose
        part = apart.setdefault(identity.replay_id, Decoded(identity))
        part.events.append(event)
    yield from apart.values()


def _plain_event(event: dict[str, Any], problems: Counter[str]) -> Event | None:
    """Return the event with PostHog's compressed parts unpacked."""
    timestamp = time_of(event["timestamp"])
    if timestamp is None:
        problems["events without a time"] += 1
        return None
    try:
        data = data_of(event.get("data"))
        if "cv" in event:
            if isinstance(data, str):
                data = _gunzip(data)
            elif isinstance(data, dict):
                data = {
                    key: _gunzip(value)
                    if key in _COMPRESSED_MUTATION and isinstance(value, str)
                    else value
                    for key, value in data.items()
                }
        return event_of({**event, "timestamp": timestamp, "data": data})
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error):
        problems["broken events"] += 1
        return None


def _gunzip(text: str) -> object:
    return loads(unzip(text.encode("latin-1"), gzip=True))
