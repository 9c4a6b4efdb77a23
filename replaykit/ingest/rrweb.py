"""Read recordings: files in, one stream of rrweb events per recording out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_events import Event, counted, event_of, stutters
from replaykit.ingest.rrweb_files import RecordingFile, find
from replaykit.ingest.rrweb_formats import Decoded, decode, unpacked
from replaykit.ingest.rrweb_identity import (
    CUSTOM,
    Identity,
    from_events,
    from_name,
    identity,
)
from replaykit.ingest.rrweb_joining import joined
from replaykit.ingest.rrweb_spelling import spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from replaykit.ingest.rrweb_elements import Later

#: Larger files (unpacked) are mapped into memory, not read into it.
LARGE: Final = 32 * 2**20


_SECONDS: Final = (
    "Its times look like seconds since 1970 ({}). rrweb writes milliseconds: multiply "
    "the timestamps by 1000."
)


class Chunk(NamedTuple):
    """A numbered part of a recording, and the times of its first and last event."""

    number: int | None
    first: int | float
    last: int | float


@dataclass
class RawRecording:
    """One recording as read: who, from which files, and its events in time order."""

    identity: Identity
    files: tuple[str, ...]
    digest: str
    #: The events, or where they lie.
    found: Sequence[Event | Later]
    problems: Counter[str] = field(default_factory=Counter)
    #: The files or parts of files they came in.
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def events(self) -> Iterator[Event]:
        """The events, unpacked one by one."""
        return unpacked(self.found)

    @property
    def first(self) -> float:
        """When the first event was."""
        return self.found[0].timestamp

    @property
    def last(self) -> float:
        """When the last event was."""
        return self.found[-1].timestamp


def holes_between(chunks: Iterable[Chunk]) -> list[tuple[float, float]]:
    """Return the times between chunks whose numbers are not consecutive.

    Where one has no number, nothing is known to be missing.

    Examples
    --------
    >>> holes_between([Chunk(0, 0.0, 5.0), Chunk(2, 9.0, 12.0), Chunk(3, 12.0, 15.0)])
    [(5.0, 9.0)]
    """
    numbered: list[tuple[int, Chunk]] = []
    for chunk in chunks:
        if chunk.number is None:
            return []
        numbered.append((chunk.number, chunk))
    numbered.sort(key=itemgetter(0))
    return [
        (earlier.last, later.first)
        for (before, earlier), (after, later) in pairwise(numbered)
        if after > before + 1
    ]


@dataclass
class Unread:
    """A file that is no recording, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Group:
    """Files that hold the same recording, in order."""

    replay_id: str
    files: tuple[tuple[RecordingFile, int | None], ...]
    #: What else the result depends on, such as the files that stand in for pictures.
    salt: str = ""

    @cached_property
    def digest(self) -> str:
        """A digest of all the files' bytes, read when it is first asked for."""
        digest = blake2b(f"{self.replay_id}{self.salt}".encode(), digest_size=16)
        for file, _ in self.files:
            digest.update(file.digest().encode())
        return digest.hexdigest()


def groups(source: str | Path | Iterable[str | Path], *, salt: str = "") -> list[Group]:
    """Find files and put those together whose names say they are one recording.

    Raises
    ------
    MissingFile
        If a path does not exist or a pattern matches nothing.
    """
    together: dict[str, list[tuple[RecordingFile, int | None]]] = {}
    for file in find(source):
        replay_id, chunk = from_name(file.name)
        together.setdefault(replay_id, []).append((file, chunk))
    found: list[Group] = []
    for replay_id, files in together.items():
        unnumbered = any(chunk is None for _, chunk in files)
        if unnumbered and len(files) > 1 and "/" not in replay_id:
            # Equal names in different folders are different recordings, unless they
            # name a device and a session.
            found.extend(
                Group(_apart(replay_id, file, at), ((file, chunk),), salt)
                for at, (file, chunk) in enumerate(files)
            )
            continue
        files.sort(key=lambda pair: (pair[1] or 0, pair[0].label))
        found.append(Group(replay_id, tuple(files), salt))
    return found


def _apart(replay_id: str, file: RecordingFile, at: int) -> str:
    folder = file.name.parent.name
    return f"{folder}.{replay_id}" if folder and at else replay_id


def read(
    group: Group, *, device: str | None = None, user: str | None = None
) -> Iterator[RawRecording | Unread]:
    """Decode the files of a group into recordings, usually one.

    Events are sorted by (timestamp, file order), and events that several files share
    are one each (`rrweb_joining`). A file that cannot be read is named;
    what the others hold is still used.
    """
    digest = group.digest
    parts: dict[str | None, list[tuple[Decoded, int | None]]] = {}
    problems: Counter[str] = Counter()
    for file, chunk in group.files:
        try:
            large = file.is_large(LARGE)
            text = file.mapped() if large else file.read()
            for found in decode(text, problems, later=large):
                key = found.identity.replay_id if found.identity is not None else None
                order = found.order if found.order is not None else chunk
                parts.setdefault(key, []).append((found, order))
        except BadRecording as error:
            yield Unread(file.label, str(error))
    names = tuple(file.label for file, _ in group.files)
    named_by_file = "/" in group.replay_id
    for key, decoded in parts.items():
        whose = decoded[0][0].identity
        if whose is None or (named_by_file and len(parts) == 1):
            whose = identity(group.replay_id, device=device, user=user)
            if not named_by_file:
                customs = (
                    e for part, _ in decoded for e in part.events if e.type == CUSTOM
                )
                whose = from_events(unpacked(customs)) or whose
        for part, _ in decoded:
            if not stutters(part.events):
                part.events = list(counted(part.events))
            part.events.sort(key=_timestamp)
        chunks = [_chunk(order, part.events) for part, order in decoded]
        events = joined([part.events for part, _ in decoded])
        if _in_seconds(events):
            yield Unread(names[0], _SECONDS.format(events[0].timestamp))
            continue
        own = digest if len(parts) == 1 else _part_digest(digest, key)
        yield RawRecording(whose, names, own, events, problems, chunks)
        problems = Counter()


def _in_seconds(events: Sequence[Event | Later]) -> bool:
    """Tell whether times are fractions of seconds, as of the years 2001 to 2286."""
    first, last = events[0].timestamp, events[-1].timestamp
    in_range = 1e9 <= first <= last < 1e10
    return in_range and any(event.timestamp % 1 for event in events)


def in_memory(whose: Identity, events: Iterable[dict[str, Any]]) -> RawRecording:
    """Wrap events that are dicts, in any order.

    Raises
    ------
    BadRecording
        If none of them has a type and a time.
    """
    problems: Counter[str] = Counter()
    found: list[Event | Later] = []
    digest = blake2b(digest_size=16)
    for event in events:
        try:
            made = event_of(spelled(event))
        except (KeyError, TypeError, ValueError):
            problems["broken events"] += 1
            continue
        found.append(made)
        digest.update(made.text())
    if not found:
        raise BadRecording(f"Replay {whose.replay_id!r} has no events.")
    if not stutters(found):
        found = list(counted(found))
    found.sort(key=_timestamp)
    chunk = Chunk(None, found[0].timestamp, found[-1].timestamp)
    return RawRecording(whose, (), digest.hexdigest(), found, problems, [chunk])


def _part_digest(digest: str, key: str | None) -> str:
    return blake2b(f"{digest} {key}".encode(), digest_size=16).hexdigest()


def _timestamp(event: Event | Later) -> float:
    return event.timestamp


def _chunk(number: object, events: Sequence[Event | Later]) -> Chunk:
    first, last = events[0].timestamp, events[-1].timestamp
    return Chunk(number if type(number) is int else None, first, last)
