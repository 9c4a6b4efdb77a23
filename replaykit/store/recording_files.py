"""One recording in one immutable file: pieces of deflated JSON, then an index.

A segment is text in several parts. Long parts (style sheets, inlined pictures, what
did not change on a page) that come again are stored once: every piece is a raw deflate
stream of its own that ends on a byte, so a segment is read by joining pieces, without
packing anything again.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, TypeAlias

import orjson

from replaykit.errors import BadRecording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAGIC: Final = b"RKREC\x01\n\x00"
_TAIL: Final = struct.Struct("<QQ8s")
#: Parts at least this long are looked up among those already written.
SHARED_FROM: Final = 4_096
#: Texts at least this long (style sheets, inlined pictures) may be another file's too.
ACROSS_FROM: Final = 8_192
_LEVEL: Final = 5
#: The largest prime below 2**16, by which Adler-32 counts.
_ADLER: Final = 65_521
_HEADER: Final = b"\x78\x9c"
_EMPTY_FINAL_BLOCK: Final = b"\x03\x00"
_CLOSING: Final = len(_EMPTY_FINAL_BLOCK) + 4


_BLOCK: Final = 2**20
_CHANGED: Final = "A stored recording is not as it was when it was written."
_NO_STATE: Final = "It is not known how to go on with a stored recording."

#: Where a piece lies, in this file or in another one by its name, and how long it is.
Piece: TypeAlias = "tuple[int | str, int]"


class Stored(NamedTuple):
    """Where a part lies, and the checksum of its text."""

    place: Piece
    checksum: int


@dataclass(frozen=True)
class SegmentEntry:
    """Where a segment's pieces lie, its checksum, and what its writer noted."""

    pieces: tuple[Piece, ...]
    checksum: int
    note: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Bytes of the joined stream."""
        return sum(size for _, size in self.pieces) + len(_HEADER) + _CLOSING


@dataclass(frozen=True)
class Index:
    """What stands at the end of a recording's file."""

    segments: tuple[SegmentEntry, ...]
    asides: tuple[SegmentEntry, ...]
    summary: tuple[int, int]
    note: Mapping[str, Any]
    #: Where it says how to go on with the recording, if it does.
    state: tuple[int, int] | None = None
    #: A digest of all that going on with it relies on.
    seal: str = ""


@dataclass(frozen=True)
class Reopened:
    """The last segment of a recording that is gone on with."""

    note: Mapping[str, Any]
    text: bytes
    #: Its pieces but the last, which is written anew, and of how much text they are.
    pieces: tuple[Piece, ...]
    length: int


@dataclass
class RecordingWriter:
    """Writes one recording; nothing is complete before `finish`."""

    file: BinaryIO
    #: Puts a text where other recordings find it too; returns its place there.
    share: Callable[[bytes], Piece] | None = None
    #: Other files that this one needs.
    needs: set[str] = field(default_factory=set)
    _at: int = 0
    _segments: list[dict[str, Any]] = field(default_factory=list)
    _asides: list[dict[str, Any]] = field(default_factory=list)
    _shared: dict[bytes, Stored] = field(default_factory=dict)
    #: The parts of the segment before: most are the same objects in the next one.
    _recent: dict[bytes, Stored] = field(default_factory=dict)
    #: Of all that was written before `_latest`, which was written last.
    _before: Any = field(default_factory=sha256)
    _latest: bytes = b""
    _reopened: Reopened | None = None

    def __post_init__(self) -> None:
        """Mark the file as one of ours."""
        self._write(MAGIC)

    def resume(
        self, old: BinaryIO, index: Index, shared: Callable[[str], bytes]
    ) -> Reopened:
        """Go on with an older file: copy all of it but the end of its last segment.

        The next segment that is written is that one, so its parts have to begin with
        the same text. All others stay where they are.

        Raises
        ------
        BadRecording
            If the file has no state, or is not as it was when it was written.
        """
        if index.state is None or not index.segments:
            raise BadRecording(_NO_STATE)
        last = index.segments[-1]
        cut = last.pieces[-1][0]
        if not isinstance(cut, int):
            raise BadRecording(_CHANGED)
        at, size = index.summary
        old.seek(at)
        summary = old.read(size)
        state = read_state(old, index) or b""
        self.file.seek(0)
        self._before, self._latest, self._at = sha256(), b"", 0
        old.seek(0)
        while self._at < cut and (block := old.read(min(_BLOCK, cut - self._at))):
            self._write(block)
        self._before.update(self._latest)
        self._latest = b""
        self._segments = [_entry(entry) for entry in index.segments]
        self._asides = [_entry(entry) for entry in index.asides]
        if self._seal(summary, state) != index.seal:
            raise BadRecording(_CHANGED)
        self._segments.pop()
        text = b""
        for place, piece in zip(
            last.pieces, _pieces(old, last.pieces, shared), strict=True
        ):
            part = zlib.decompressobj(-15).decompress(piece)
            if place is not last.pieces[-1] and len(part) >= SHARED_FROM:
                key = sha256(part).digest()
                self._shared[key] = Stored(place, zlib.adler32(part))
            length = len(text)
            text += part
        if zlib.adler32(text) != last.checksum:
            raise BadRecording(_CHANGED)
        pieces = [piece for entry in index.segments for piece in entry.pieces]
        self.needs = {place for place, _ in pieces if isinstance(place, str)}
        self._reopened = Reopened(last.note, text, last.pieces[:-1], length)
        return self._reopened

    def segment(
        self,
        parts: Sequence[bytes],
        note: Mapping[str, Any],
        *,
        known: int = 0,
        aside: bool = False,
    ) -> int:
        """Write one segment; return the size of the stream that it reads back as.

        Of the first `known` parts, long ones that were written before are not written
        again. What is written `aside` is kept, but has no place among the segments.
        """
        if self._reopened is not None:
            return self._again(self._reopened, b"".join(parts), note)
        pieces: list[Piece] = []
        checksum = 1
        recent: dict[bytes, Stored] = {}
        done = 0
        for at, part in enumerate(parts[:known]):
            if len(part) < SHARED_FROM:
                continue
            if at > done:
                run = b"".join(parts[done:at])
                checksum = zlib.adler32(run, checksum)
                pieces.append(self._deflate(run))
            stored = recent[part] = self._once(part)
            checksum = _joined(checksum, stored.checksum, len(part))
            pieces.append(stored.place)
            done = at + 1
        run = b"".join(parts[done:])
        if run:
            checksum = zlib.adler32(run, checksum)
            pieces.append(self._deflate(run))
        self._recent = recent
        (self._asides if aside else self._segments).append(
            {"pieces": pieces, "checksum": checksum, "note": dict(note)}
        )
        return sum(size for _, size in pieces) + len(_HEADER) + _CLOSING

    def _again(self, last: Reopened, text: bytes, note: Mapping[str, Any]) -> int:
        """Write the end of the segment that was the last one, and is longer now."""
        self._reopened = None
        if text[: last.length] != last.text[: last.length]:
            raise BadRecording(_CHANGED)
        pieces = [*last.pieces, self._deflate(text[last.length :])]
        self._segments.append(
            {"pieces": pieces, "checksum": zlib.adler32(text), "note": dict(note)}
        )
        return sum(size for _, size in pieces) + len(_HEADER) + _CLOSING

    def finish(
        self,
        summary: Mapping[str, Any],
        note: Mapping[str, Any],
        state: bytes | None = None,
    ) -> int:
        """Write summary and index; return the size of the file.

        `state` says how to go on with the recording once there is more of it.
        """
        packed = zlib.compress(orjson.dumps(summary), _LEVEL)
        index = {
            "segments": self._segments,
            "asides": self._asides,
            "summary": (self._at, len(packed)),
            "note": dict(note),
        }
        if state is not None:
            index["state"] = (self._at + len(packed), len(state))
            index["seal"] = self._seal(packed, state)
        self._write(packed)
        self._write(state or b"")
        tail = zlib.compress(orjson.dumps(index), _LEVEL)
        at = self._at
        self._write(tail)
        self._write(_TAIL.pack(at, len(tail), MAGIC))
        return self._at

    def _seal(self, summary: bytes, state: bytes) -> str:
        """Return a digest of everything but the last piece, which has a checksum."""
        digest = self._before.copy()
        for part in (orjson.dumps([self._segments, self._asides]), summary, state):
            digest.update(part)
        return str(digest.hexdigest())

    def _once(self, part: bytes) -> Stored:
        """Return where a long part lies, written on its first appearance."""
        recent = self._recent.get(part)
        if recent is not None:
            return recent
        key = sha256(part).digest()
        known = self._shared.get(key)
        if known is None:
            known = Stored(self._place(part), zlib.adler32(part))
            self._shared[key] = known
        return known

    def _place(self, part: bytes) -> Piece:
        if self.share is None or len(part) < ACROSS_FROM or part[:1] != b'"':
            return self._deflate(part)
        place = self.share(part)
        self.needs.add(str(place[0]))
        return place

    def _deflate(self, data: bytes) -> tuple[int, int]:
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
        place = (self._at, len(packed))
        self._write(packed)
        return place

    def _write(self, data: bytes) -> None:
        self._before.update(self._latest)
        self._latest = data
        self.file.write(data)
        self._at += len(data)


def read_index(file: BinaryIO) -> Index:
    """Read the index of a recording's file.

    Raises
    ------
    BadRecording
        If the file is not a whole recording.
    """
    try:
        file.seek(-_TAIL.size, 2)
        at, size, magic = _TAIL.unpack(file.read(_TAIL.size))
        if magic != MAGIC:
            raise ValueError  # noqa: TRY301 - one message for every kind of damage
        file.seek(at)
        raw = orjson.loads(zlib.decompress(file.read(size)))
        segments, asides = (
            tuple(
                SegmentEntry(
                    tuple((piece[0], piece[1]) for piece in entry["pieces"]),
                    entry["checksum"],
                    entry["note"],
                )
                for entry in raw[key]
            )
            for key in ("segments", "asides")
        )
        summary, state = raw["summary"], raw.get("state")
        return Index(
            segments,
            asides,
            (summary[0], summary[1]),
            raw["note"],
            None if state is None else (state[0], state[1]),
            raw.get("seal", ""),
        )
    except (OSError, ValueError, KeyError, struct.error, zlib.error) as error:
        message = (
            "A stored recording is damaged: its index cannot be read. "
            "Remove it (`remove_replays`) and add its files again."
        )
        raise BadRecording(message) from error


def write_shared(file: BinaryIO, text: bytes) -> None:
    """Write a text that several recordings need as a file of its own."""
    writer = RecordingWriter(file)
    writer.segment([text], {}, aside=True)
    writer.finish({}, {"shared": True})


def read_shared(file: BinaryIO) -> bytes:
    """Return the piece that `write_shared` wrote."""
    entry = read_index(file).asides[0]
    return b"".join(_pieces(file, entry.pieces, None))


def read_segment(
    file: BinaryIO,
    entry: SegmentEntry,
    shared: Callable[[str], bytes] | None = None,
) -> bytes:
    """Return a segment as one zlib stream.

    `shared` reads a piece that lies in another file; without it such pieces are left
    out, and what is left is no JSON.
    """
    pieces = _pieces(file, entry.pieces, shared)
    if shared is None and any(isinstance(at, str) for at, _ in entry.pieces):
        inflate = zlib.decompressobj(-15)
        return zlib.compress(b"".join(inflate.decompress(one) for one in pieces))
    return b"".join((_HEADER, *pieces, _closing(entry.checksum)))


def read_summary(file: BinaryIO, index: Index) -> dict[str, Any]:
    """Return the summary that was written with the recording."""
    at, size = index.summary
    file.seek(at)
    summary: dict[str, Any] = orjson.loads(zlib.decompress(file.read(size)))
    return summary


def _entry(entry: SegmentEntry) -> dict[str, Any]:
    return {
        "pieces": entry.pieces,
        "checksum": entry.checksum,
        "note": entry.note,
    }


def read_state(file: BinaryIO, index: Index) -> bytes | None:
    """Return what `finish` was told about going on with the recording."""
    if index.state is None:
        return None
    at, size = index.state
    file.seek(at)
    return file.read(size)


def _pieces(
    file: BinaryIO, pieces: Iterable[Piece], shared: Callable[[str], bytes] | None
) -> Iterable[bytes]:
    for at, size in pieces:
        if isinstance(at, int):
            file.seek(at)
            yield file.read(size)
        elif shared is not None:
            yield shared(at)


def _joined(first: int, second: int, length: int) -> int:
    """Return the Adler-32 checksum of two texts from theirs and the second's length.

    Examples
    --------
    >>> whole = _joined(zlib.adler32(b"page"), zlib.adler32(b" view"), 5)
    >>> whole == zlib.adler32(b"page view")
    True
    """
    low = first & 0xFFFF
    rest = length % _ADLER
    one = (low + (second & 0xFFFF) - 1) % _ADLER
    two = rest * low + (first >> 16) + (second >> 16) - rest
    return (two % _ADLER) << 16 | one


def _closing(checksum: int) -> bytes:
    return _EMPTY_FINAL_BLOCK + struct.pack(">I", checksum)
