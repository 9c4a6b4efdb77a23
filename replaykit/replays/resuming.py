"""Go on with a stored recording where it ended, at the cost of what is new.

Beside its segments a recording's file keeps how things stood when they were written. A
piece that comes after everything stored, or a file that only grew, is then read on from
the last keyframe. Whatever else comes, and whatever does not match, is read anew as a
whole, with the same result.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from replaykit.ingest.rrweb import Chunk

# The decoder reads these from the annotations of `Saved`.
from replaykit.replays.reopening import ReducerState  # noqa: TC001
from replaykit.replays.sanitise import Cleaned  # noqa: TC001
from replaykit.replays.summary import Observed  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.ingest.rrweb import RawRecording
    from replaykit.ingest.rrweb_elements import Later
    from replaykit.ingest.rrweb_events import Event

#: Of what is saved, and of all that it depends on: what is saved under another number
#: is read anew.
VERSION: Final = 1
#: More blocks than this are not kept: a file that grew so often is read anew once.
_MOST_BLOCKS: Final = 1_000
#: Events that are hashed at a time.
_HASHED: Final = 8_192


@dataclass(frozen=True)
class Block:
    """A stretch of events as they were read: how many, and a digest of them."""

    events: int
    digest: bytes


@dataclass(frozen=True)
class Saved:
    """How things stood when a recording was stored."""

    version: int
    #: What else the result depended on, such as files that stand in for pictures.
    salt: str
    #: All events that were read, in order; None if that is not known.
    blocks: list[Block] | None
    chunks: list[Chunk]
    #: What was wrong with files, and with events of which nothing is stored.
    problems: dict[str, int]
    lost: dict[str, int]
    start: int | float
    last: int | float
    #: How many events there were, also those of which nothing is stored.
    events: int
    cleaned: Cleaned
    observed: Observed
    #: None if the page's state cannot be told again.
    reducer: ReducerState | None

    def pack(self) -> bytes | None:
        """Return it as bytes; None if something odd in it cannot be written."""
        try:
            return zlib.compress(_encode(self), 1)
        except (TypeError, ValueError):
            return None


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Saved).decode


def unpack(packed: bytes | None) -> Saved | None:
    """Return what `Saved.pack` packed; None if it is anything else.

    Examples
    --------
    >>> unpack(b"?") is None
    True
    """
    try:
        saved = _decode(zlib.decompress(packed or b""))
    except (zlib.error, msgspec.DecodeError):
        return None
    return saved if saved.version == VERSION else None


@dataclass
class Reading:
    """What was read of a recording's files, now and before."""

    salt: str
    blocks: list[Block] | None
    chunks: list[Chunk]
    problems: Counter[str]
    #: How many of the events that were read now are stored already.
    stored: int = 0

    @classmethod
    def of(cls, raw: RawRecording, salt: str) -> Reading:
        """Start with what has been read now."""
        chunks = _numbered(raw.chunks)
        return cls(salt, _blocks(raw.found), chunks, Counter(raw.problems))

    def after(self, saved: Saved | None) -> Reading:
        """Return it together with what was read before."""
        if saved is None:
            return replace(self, blocks=None)
        chunks = _numbered(saved.chunks + self.chunks)
        problems = Counter(saved.problems) + self.problems
        return Reading(self.salt, None, chunks, problems)


def following(
    raw: RawRecording, saved: Saved | None, salt: str, *, whole: bool
) -> Reading | None:
    """Return what was read if all that is new in it is later than what is stored.

    `whole` says that what is stored should be in it as well. None if anything else is
    the case, or if there is no going on from where the recording ended.
    """
    if saved is None or saved.salt != salt or saved.reducer is None:
        return None
    blocks = saved.blocks
    done = _stored(raw.found, blocks) if whole else 0
    found = raw.found[done:]
    if done is None or not found or found[0].timestamp <= saved.reducer.last:
        return None
    fresh = _blocks(found)
    if blocks is None or fresh is None:
        blocks = None
    elif len(blocks) < _MOST_BLOCKS:
        blocks = [*blocks, *fresh]
    else:
        blocks = _blocks(raw.found) if whole else None
    if whole:
        chunks = _numbered(raw.chunks)
        return Reading(salt, blocks, chunks, Counter(raw.problems), done)
    return replace(Reading.of(raw, salt).after(saved), blocks=blocks)


def _stored(found: Sequence[Event | Later], blocks: list[Block] | None) -> int | None:
    """Return how many events these blocks are; None if they are not the first ones."""
    done = 0
    for block in blocks or ():
        if _blocks(found[done : done + block.events]) != [block]:
            return None
        done += block.events
    return done or None


def _blocks(found: Sequence[Event | Later]) -> list[Block] | None:
    """Return all events as one block; None if one cannot be written."""
    digest = sha256()
    try:
        for at in range(0, len(found), _HASHED):
            digest.update(_encode(found[at : at + _HASHED]))
    except (TypeError, ValueError):
        return None
    return [Block(len(found), digest.digest()[:16])]


def _numbered(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks once each; one for all if some have no number."""
    if all(chunk.number is not None for chunk in chunks):
        return list(dict.fromkeys(chunks))
    first = min(chunk.first for chunk in chunks)
    return [Chunk(None, first, max(chunk.last for chunk in chunks))]
