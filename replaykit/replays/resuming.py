"""Go on with a stored recording where it ended, at the cost of what is new.

Beside its segments a recording's file keeps how things stood when they were written.
What comes after everything stored, be it a piece or the end of a file that grew, is
then read on from the last keyframe. Whatever else comes, and whatever does not match,
is read anew together with what is stored, with the same result.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

# The decoder reads these from the annotations of `Saved`.
from replaykit.ingest.rrweb import Chunk  # noqa: TC001
from replaykit.replays.reassemble import Original  # noqa: TC001
from replaykit.replays.reopening import ReducerState  # noqa: TC001
from replaykit.replays.summary import Observed  # noqa: TC001
from replaykit.replays.taken import Cleaned  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.ingest.rrweb import RawRecording
    from replaykit.ingest.rrweb_elements import Later
    from replaykit.ingest.rrweb_events import Event

#: Of what is saved, and of all that it depends on: what is saved under another number
#: is read anew.
VERSION: Final = 2
#: More blocks than this are not kept: a file that grew so often is read anew once.
_MOST_BLOCKS: Final = 1_000
#: Nor are the times of more chunks than this, where they have no number.
_MOST_CHUNKS: Final = 250
#: Events that are hashed at a time.
_HASHED: Final = 8_192


@dataclass(frozen=True)
class Block:
    """A stretch of events as they were read: how many, and a digest of them."""

    events: int
    digest: bytes


@dataclass(frozen=True)
class Ended:
    """What going on at the end of a recording takes, beside its last segment."""

    observed: Observed
    reducer: ReducerState
    #: Of the sanitiser: frames that say what they were -> the style they had.
    labelled: dict[int, str | None]


@dataclass(frozen=True)
class Saved:
    """How things stood when a recording was stored."""

    version: int
    #: What else the result depended on, such as files that stand in for pictures.
    salt: str
    #: All events that were read, in order; None if that is not known.
    blocks: list[Block] | None
    chunks: list[Chunk]
    #: What was wrong with files.
    problems: dict[str, int]
    #: How many events came twice.
    copies: int
    #: Events as they came, where what is stored does not tell that.
    originals: list[Original]
    cleaned: Cleaned
    #: None if the page's state cannot be told again.
    ended: Ended | None

    def knows(self, raw: RawRecording, salt: str, *, whole: bool) -> bool:
        """Tell whether nothing but its events could be new in what was read.

        `whole` says that all that is stored is in it.
        """
        problems = Counter(self.problems) if whole else Counter()
        numbers = {chunk.number for chunk in self.chunks}
        return (
            salt == self.salt
            and raw.problems == problems
            and all(chunk.number in numbers for chunk in raw.chunks)
        )

    def pack(self) -> bytes:
        """Return it as bytes."""
        try:
            ended = _encode(self.ended)
        except (TypeError, ValueError):  # something odd that a page or an event held
            ended = _encode(None)
        kept = _encode(replace(self, ended=None))
        return zlib.compress(_encode(_Packed(msgspec.Raw(kept), msgspec.Raw(ended))), 1)


class _Packed(msgspec.Struct):
    """Two parts, one of which is of use without the other."""

    kept: msgspec.Raw
    ended: msgspec.Raw


_encode: Final = msgspec.json.Encoder().encode
_unpack: Final = msgspec.json.Decoder(_Packed).decode
_kept: Final = msgspec.json.Decoder(Saved).decode
_ended: Final = msgspec.json.Decoder(Ended | None).decode


def unpack(packed: bytes | None) -> Saved | None:
    """Return what `Saved.pack` packed; None if it is anything else.

    Examples
    --------
    >>> unpack(b"?") is None
    True
    """
    try:
        parts = _unpack(zlib.decompress(packed or b""))
        saved = _kept(parts.kept)
    except (zlib.error, msgspec.DecodeError):
        return None
    if saved.version != VERSION:
        return None
    try:
        return replace(saved, ended=_ended(parts.ended))
    except msgspec.DecodeError:
        return saved


@dataclass
class Reading:
    """What was read of a recording's files, now and before."""

    salt: str
    blocks: list[Block] | None
    chunks: list[Chunk]
    problems: Counter[str]

    @classmethod
    def of(cls, raw: RawRecording, salt: str) -> Reading:
        """Start with what has been read now."""
        chunks = _told_apart(raw.chunks)
        return cls(salt, _blocks(raw.found), chunks, Counter(raw.problems))

    def after(self, saved: Saved | None) -> Reading:
        """Return it together with what was read before."""
        if saved is None:
            return replace(self, blocks=None)
        chunks = _told_apart(saved.chunks + self.chunks)
        problems = Counter(saved.problems) + self.problems
        return Reading(self.salt, None, chunks, problems)

    def instead_of(self, saved: Saved | None) -> Reading:
        """Return it as what has all that was read before, and more."""
        known = [] if saved is None else saved.chunks
        return replace(self, chunks=_told_apart(known + self.chunks))


def grown(raw: RawRecording, saved: Saved | None) -> int | None:
    """Return how many events a file begins with that are exactly what is stored.

    None if it does not begin so, or nobody knows.
    """
    if saved is None or saved.blocks is None:
        return None
    done = 0
    for block in saved.blocks:
        if _blocks(raw.found[done : done + block.events]) != [block]:
            return None
        done += block.events
    return done or None


def following(
    raw: RawRecording,
    saved: Saved,
    salt: str,
    new: Sequence[int],
    *,
    whole: bool,
) -> Reading | None:
    """Return what was read if all that is new in it is later than what is stored.

    `new` are the places of that; `whole` says that what is stored is in it as well.
    None if anything else is the case, or if there is no going on from where the
    recording ended.
    """
    if saved.salt != salt or saved.ended is None:
        return None
    if not new or raw.found[new[0]].timestamp <= saved.ended.reducer.last:
        return None
    blocks = saved.blocks
    fresh = _blocks([raw.found[place] for place in new])
    if blocks is None or fresh is None:
        blocks = None
    elif len(blocks) < _MOST_BLOCKS:
        blocks = [*blocks, *fresh]
    else:
        blocks = _blocks(raw.found) if whole else None
    chunks = _told_apart(saved.chunks + raw.chunks)
    problems = raw.problems if whole else Counter(saved.problems) + raw.problems
    return Reading(salt, blocks, chunks, Counter(problems))


def _blocks(found: Sequence[Event | Later]) -> list[Block] | None:
    """Return all events as one block; None if one cannot be written."""
    digest = sha256()
    try:
        for at in range(0, len(found), _HASHED):
            digest.update(_encode(found[at : at + _HASHED]))
    except (TypeError, ValueError):
        return None
    return [Block(len(found), digest.digest()[:16])]


def _told_apart(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks once each, as long as they grew."""
    apart: dict[tuple[int | None, float], Chunk] = {}
    for chunk in sorted(chunks, key=lambda chunk: chunk.first):
        key = (chunk.number, chunk.first if chunk.number is None else 0)
        known = apart.setdefault(key, chunk)
        apart[key] = known._replace(last=max(known.last, chunk.last))
    others = [chunk for chunk in apart.values() if chunk.number is None]
    numbered = [chunk for chunk in apart.values() if chunk.number is not None]
    if len(others) > _MOST_CHUNKS:
        last = max(chunk.last for chunk in others[:-1])
        others[:-1] = [others[0]._replace(last=last)]
    return [*numbered, *others]
