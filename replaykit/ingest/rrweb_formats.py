"""Decode the many wrappings of rrweb events into plain events.

Plain arrays and JSON lines, rrweb's packer (v1), Amplitude's download files (v2, v3)
and uploads, PostHog's export with compressed mutations, Sentry's segments, and objects
that hold events beside an identity. One bad event is counted and never stops the rest.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_identity import Identity, from_mapping
from replaykit.ingest.rrweb_json import loads

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

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
_TYPES: Final = frozenset(range(7))


@dataclass
class Decoded:
    """Events of one recording found in one file."""

    identity: Identity | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    order: int | None = None


def decode(data: bytes, problems: Counter[str]) -> list[Decoded]:
    """Return the recordings in a file's bytes, events in file order.

    Raises
    ------
    BadRecording
        If nothing in it can be an rrweb event.
    """
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        message = "The file is empty."
        raise BadRecording(message)
    if text[:1] == b"\x78" and len(text) > 2:
        try:
            text = zlib.decompress(text)
        except zlib.error as error:
            message = f"The zlib stream is damaged: {error}."
            raise BadRecording(message) from error
    reader = _Reader(problems)
    try:
        reader.value(loads(text))
    except BadRecording:
        if b"\n" not in text.strip():
            raise
        reader.lines(text)
    return reader.found()


def plain_events(data: bytes, problems: Counter[str]) -> list[dict[str, Any]]:
    """Return the events of a JSON array of events, plain or packed, in its order."""
    reader = _Reader(problems)
    into = Decoded()
    reader.value(loads(data), into)
    return into.events


class _Reader:
    """Takes values apart until events come out."""

    def __init__(self, problems: Counter[str]) -> None:
        self._problems = problems
        self._plain = Decoded()
        self._named: dict[str, Decoded] = {}
        self._several: list[Decoded] = []

    def found(self) -> list[Decoded]:
        """Return what was found; events that name several sessions are told apart."""
        found = [item for item in self._several if item.events]
        if self._plain.events:
            found.extend(_by_session(self._plain))
        found.extend(item for item in self._named.values() if item.events)
        if not found:
            message = (
                "There is no rrweb event in it. replaykit reads rrweb arrays and JSON "
                "lines (plain, .gz, packed) and Amplitude, PostHog and Sentry exports."
            )
            raise BadRecording(message)
        return found

    def lines(self, text: bytes) -> None:
        """Read JSON lines; a line that is not JSON counts as one broken event."""
        lines = text.split(b"\n")
        for number, line in enumerate(lines):
            stripped = line.strip()
            if not stripped:
                continue
            if stripped[:1] == b"\x78" and number == 1:
                # Sentry: one line of headers, then a zlib stream to the end.
                self._compressed(b"\n".join(lines[1:]))
                return
            try:
                value = loads(stripped)
            except BadRecording:
                self._problems["lines that are not JSON"] += 1
                continue
            self.value(value)

    def _compressed(self, data: bytes) -> None:
        try:
            self.value(loads(zlib.decompress(data)))
        except zlib.error as error:
            message = f"The zlib stream is damaged: {error}."
            raise BadRecording(message) from error

    def value(self, value: object, into: Decoded | None = None) -> None:
        """Sort out one parsed value: an event, a packed event, a list, a wrapper."""
        into = self._plain if into is None else into
        if isinstance(value, list) and self._all_events(value):
            into.events.extend(value)
            return
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, dict):
                self._object(item, into)
            elif isinstance(item, list):
                stack.extend(reversed(item))
            elif isinstance(item, str):
                stack.append(self._packed(item))
            elif item is not None:
                self._problems["broken events"] += 1

    def _object(self, item: dict[str, Any], into: Decoded) -> None:
        """Take an event, or what an object holds; anything else is a broken event."""
        if item.get("type") in _TYPES and "timestamp" in item:
            event = _plain_event(item, self._problems)
            if event is not None:
                into.events.append(event)
        elif not self._wrapper(item, into):
            self._problems["broken events"] += 1

    @staticmethod
    def _all_events(items: list[Any]) -> bool:
        """Tell whether a list is what it nearly always is: plain events only."""
        try:
            return all(
                item["type"] in _TYPES
                and isinstance(item["timestamp"], int)
                and "cv" not in item
                for item in items
            )
        except (TypeError, KeyError):
            return False

    def _packed(self, text: str) -> object:
        """Undo a serialised or packed event: first as JSON, then as zlib in latin-1."""
        if text[:1] in {"{", "["}:
            try:
                return loads(text)
            except BadRecording:
                self._problems["broken events"] += 1
                return None
        try:
            return loads(zlib.decompress(text.encode("latin-1")))
        except (UnicodeEncodeError, zlib.error, BadRecording):
            # PostHog's lines pair an event with the name of its window.
            if len(text) > 64 or text[:1] == "x":
                self._problems["broken events"] += 1
        return None

    def _wrapper(self, item: dict[str, Any], into: Decoded) -> bool:
        """Read an object that holds events or recordings; False if it holds neither."""
        if set(item) <= {"segment_id", "segmentId"}:
            into.order = item.get("segment_id", item.get("segmentId"))
            return True
        many = next(
            (item[k] for k in _MANY_KEYS if isinstance(item.get(k), list)), None
        )
        if many is not None:
            for part in many:
                self.value(part)
            return True
        held = _held(item)
        if held is None:
            return False
        inner = item.get("data")
        identity = from_mapping(item)
        if identity is None and isinstance(inner, dict):
            identity = from_mapping(inner) or _posthog(inner)
        if identity is not None:
            fresh = Decoded(identity, order=into.order)
            into = self._named.setdefault(identity.replay_id, fresh)
        self.value(held, into)
        return True


def _held(item: dict[str, Any]) -> object:
    """Return what a wrapper holds: its events, or an object that holds them in turn."""
    for key in _EVENT_KEYS:
        if isinstance(item.get(key), list | str):
            return item[key]
    inner = item.get("data")
    if isinstance(inner, list):
        return inner
    if isinstance(inner, dict) and any(key in inner for key in _EVENT_KEYS):
        return inner
    for key in ("properties", "event", "snapshot", "recording"):
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
    ids = {event.get("sessionId", event.get("session_id")) for event in plain.events}
    if len(ids - {None}) < 2:
        yield plain
        return
    apart: dict[str, Decoded] = {}
    for event in plain.events:
        identity = from_mapping(event)
        if identity is None:
            identity = Identity("events without a session")
        part = apart.setdefault(identity.replay_id, Decoded(identity))
        part.events.append(event)
    yield from apart.values()


def _plain_event(
    event: dict[str, Any], problems: Counter[str]
) -> dict[str, Any] | None:
    """Return the event with PostHog's compressed parts unpacked."""
    timestamp = event["timestamp"]
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        problems["events without a time"] += 1
        return None
    if "cv" not in event:
        return event
    try:
        data = event["data"]
        if isinstance(data, str):
            data = _gunzip(data)
        elif isinstance(data, dict):
            data = {
                key: _gunzip(value)
                if key in _COMPRESSED_MUTATION and isinstance(value, str)
                else value
                for key, value in data.items()
            }
    except (OSError, EOFError, UnicodeEncodeError, zlib.error, BadRecording):
        problems["broken events"] += 1
        return None
    return {"type": event["type"], "data": data, "timestamp": timestamp}


def _gunzip(text: str) -> object:
    return loads(gzip.decompress(text.encode("latin-1")))
