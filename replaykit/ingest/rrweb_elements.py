"""Take a file's text apart into its events without building what is in them.

A recording of a gigabyte holds millions of objects, and as Python objects they would
take ten times the room. So the events of a plain recording are read as places in the
file's text, and whatever is wrapped or packed is unwrapped one event at a time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
import numpy as np

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_events import Event
from replaykit.ingest.rrweb_json import Json, loads, mended

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: Text of a file, in memory or mapped into it.
Text: TypeAlias = "bytes | memoryview | msgspec.Raw"

#: What may stand before JSON: a byte order mark and spaces.
BEFORE: Final = b"\xef\xbb\xbf \t\r\n"
#: What may stand around a line: spaces, a comma, the mark of JSON text sequences.
_AROUND: Final = b", \t\r\x1e"
#: Between two arrays of one file there is no more than that.
_LONGEST_GAP: Final = 4096
_BLOCK: Final = 8 * 2**20
_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
_STEPS: Final = np.zeros(256, dtype=np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1


_Name: TypeAlias = str | int | msgspec.UnsetType | None


class Seen(Event, gc=False, frozen=True):
    """An event with what tells that it needs more than reading, where it has that."""

    cv: msgspec.Raw | msgspec.UnsetType | None = msgspec.UNSET
    sessionId: _Name = msgspec.UNSET  # noqa: N815 - the recorder's spelling
    session_id: _Name = msgspec.UNSET

    @property
    def marked(self) -> bool:
        """Whether there is any of that."""
        return not self.cv is self.sessionId is self.session_id is msgspec.UNSET

    @property
    def session(self) -> str | int | None:
        """The session it names."""
        return self.sessionId or self.session_id or None

    def bare(self) -> Event:
        """Return the event alone."""
        return Event(self.type, self.timestamp, self.data)


#: What the fast parser raises on a text that it does not take.
REFUSED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
#: What it says of half a character.
_HALVES: Final = re.compile("surrogate|truncated")
_SEEN: Final = msgspec.json.Decoder(list[Seen])
_SEEN_ONE: Final = msgspec.json.Decoder(Seen)
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
#: If none of so many events has its data as text, no event has.
_FIRST: Final = 5
#: Longer values of a wrapper are no identity.
_SHORT: Final = 1_000


def plain_events(text: Text) -> list[Event] | None:
    """Return the events of a plain array or of JSON lines; None if it is neither.

    Events that are packed, compressed in part, or of several sessions are not plain.
    """
    view, first = _start(text)
    try:
        if first == b"[":
            seen = _SEEN.decode(view)
        elif first == b"{":
            seen = _SEEN_ONE.decode_lines(view)
        else:
            return None
    except REFUSED as error:
        whole = mended(bytes(view)) if _HALVES.search(str(error)) else None
        return None if whole is None else plain_events(whole)
    none = msgspec.UNSET  # as `marked` has it, without a call for each event
    marked = [e for e in seen if not e.cv is e.sessionId is e.session_id is none]
    if any(_is_text(event.data) for event in seen[:_FIRST]):
        return None
    if not marked:
        return list(seen)
    sessions = {event.session for event in marked} - {None}
    if len(sessions) > 1 or any(event.cv for event in marked):
        return None
    return [event.bare() for event in seen]


def plain_event(element: Text) -> Event | None:
    """Return one event if there is nothing to unpack in it."""
    try:
        seen = _SEEN_ONE.decode(memoryview(element))
    except REFUSED:
        return None
    if _is_text(seen.data):
        return None
    if not seen.marked:
        return seen
    return None if seen.cv or seen.session is not None else seen.bare()


def _is_text(data: msgspec.Raw) -> bool:
    """Tell whether data are the text of JSON, and not JSON."""
    return bytes(memoryview(data)[:1]) == b'"'


def fields(text: Text) -> dict[str, Any] | None:
    """Return an object's short values parsed and its long ones as text.

    None if the text is no object.

    Examples
    --------
    >>> found = fields(b'{"id": "a", "events": [' + b"1," * 900 + b"1]}")
    >>> found["id"], type(found["events"]).__name__
    ('a', 'Raw')
    """
    view, first = _start(text)
    if first != b"{":
        return None
    try:
        found = _FIELDS.decode(view)
    except REFUSED:
        return None
    return {
        key: value if len(memoryview(value)) > _SHORT else loads(bytes(value))
        for key, value in found.items()
    }


def elements(text: Text, problems: Counter[str]) -> Iterator[Text]:
    """Yield the elements of an array, or the lines of a text.

    Where the text is damaged or ends early, what is whole is still found, and the
    damage is counted.
    """
    view, first = _start(text)
    if first != b"[":
        yield from _lines(view)
        return
    try:
        found = _ELEMENTS.decode(view)
    except REFUSED:
        yield from _lines(view) if _is_lines(view) else _scanned(view, problems)
        return
    yield from found


def parse(element: Text) -> Json:
    """Parse one element.

    Raises
    ------
    BadRecording
        If it is not JSON.
    """
    return loads(bytes(element))


def _start(text: Text) -> tuple[memoryview, bytes]:
    """Return the text without what may stand before JSON, and its first character."""
    view = memoryview(text)
    head = bytes(view[:4096])
    skipped = len(head) - len(head.lstrip(BEFORE))
    return view[skipped:], head[skipped : skipped + 1]


def _is_lines(view: memoryview) -> bool:
    """Tell whether a text that starts with an array has one on each line."""
    line, newline, rest = bytes(view[:_BLOCK]).partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        loads(line)
    except BadRecording:
        return False
    return True


def _lines(view: memoryview) -> Iterator[bytes]:
    rest = b""
    for at in range(0, len(view), _BLOCK):
        lines = (rest + bytes(view[at : at + _BLOCK])).split(b"\n")
        rest = lines.pop()
        yield from (line for item in lines if (line := item.strip(_AROUND)))
    if line := rest.strip(_AROUND):
        yield line


# -- arrays that no strict parser takes


def _scanned(view: memoryview, problems: Counter[str]) -> Iterator[bytes]:
    """Yield the elements of an array by counting brackets outside of strings."""
    at, block = 1, _BLOCK
    while at < len(view):
        part = bytes(view[at : at + block])
        window = np.frombuffer(part, dtype=np.uint8)
        found, closed = _places(window)
        yield from (part[start:end] for start, end in found)
        if closed is not None:
            at = _next_array(view, at + closed)
            if at < 0:
                return
            block = _BLOCK
        elif found:
            at += found[-1][1]
            block = _BLOCK
        elif at + block >= len(view):
            break
        else:  # one element is longer than the block
            block *= 2
    rest = bytes(view[at:]).strip(b", \t\r\n")
    if rest:
        try:
            parse(rest)
        except BadRecording:
            problems["events cut off at the end"] += 1
            return
        yield rest
    problems["arrays without an end"] += 1


def _next_array(view: memoryview, end: int) -> int:
    """Return where the elements of another array begin behind one; -1 if none does."""
    head = bytes(view[end + 1 : end + 1 + _LONGEST_GAP])
    rest = head.lstrip(_AROUND + b"\n")
    return end + 2 + len(head) - len(rest) if rest[:1] == b"[" else -1


def _places(window: NDArray[np.uint8]) -> tuple[list[tuple[int, int]], int | None]:
    """Return where whole elements lie, and where the array ends in this stretch."""
    quotes = np.flatnonzero(window == _QUOTE)
    quotes = quotes[~_escaped(window, quotes)]
    marks = np.flatnonzero((_STEPS[window] != 0) | (window == _COMMA))
    marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    depth = np.cumsum(_STEPS[window[marks]])
    over = np.flatnonzero(depth < 0)
    closed = None
    if len(over):
        closed = int(marks[over[0]])
        marks, depth = marks[: over[0] + 1], depth[: over[0] + 1]
    ends = marks[((depth == 0) & (window[marks] == _COMMA)) | (depth < 0)].tolist()
    found = []
    start = 0
    for end in ends:
        if window[start:end].tobytes().strip():
            found.append((start, end))
        start = end + 1
    return found, closed


def _escaped(window: NDArray[np.uint8], quotes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which quotes follow an odd number of backslashes."""
    escaped = np.zeros(len(quotes), dtype=bool)
    after = np.flatnonzero((quotes > 0) & (window[quotes - 1] == _BACKSLASH))
    for at in after.tolist():
        position = int(quotes[at]) - 1
        run = 0
        while position >= 0 and window[position] == _BACKSLASH:
            run += 1
            position -= 1
        escaped[at] = run % 2 == 1
    return escaped


class Later(msgspec.Struct, gc=False, frozen=True):
    """An event that is unpacked only when its turn comes."""

    type: int
    timestamp: int | float
    element: Any
