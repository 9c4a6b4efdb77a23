"""Find where each event of a large recording lies, without building the events.

A recording of a gigabyte holds millions of objects, and as Python objects they would
take ten times the room. So a large file is scanned for the places of its elements, the
times are read in batches, and the events are parsed again, a batch at a time, by time.
"""

from __future__ import annotations

import gzip
import mmap
import shutil
import tempfile
import zlib
from array import array
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from replaykit.errors import BadRecording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replaykit.ingest.rrweb_files import RecordingFile

    Parse = Callable[[bytes], list[dict[str, Any]]]

_BLOCK: Final = 8 * 2**20
_BATCH_BYTES: Final = 2 * 2**20
_QUOTE, _BACKSLASH, _NEWLINE = 34, 92, 10
_STEPS: Final = np.zeros(256, dtype=np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1


class Spans:
    """The elements of one large file: where they lie, and when they happened."""

    def __init__(self, file: RecordingFile) -> None:
        """Map the file into memory, unpacked next to the temporary files if it is gzip.

        Raises
        ------
        BadRecording
            If a gzip stream is damaged or cut off.
        """
        self._map = _map(file)
        self._starts = array("q")
        self._ends = array("q")
        self._times: np.ndarray[Any, Any] | None = None

    @property
    def size(self) -> int:
        """Bytes of the unpacked text."""
        return len(self._map)

    def read_times(self, parse: Parse) -> bool:
        """Locate the elements and read their times.

        Returns False if the file is not a plain sequence of events (an array, or one
        per line, each giving one event), so that it has to be read as a whole.
        """
        head = self._map[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
        if head[:1] == b"[":
            found = self._array_elements()
        elif head[:1] == b"{":
            found = self._lines()
        else:
            return False
        for start, end in found:
            self._starts.append(start)
            self._ends.append(end)
        times = array("d")
        for batch, count in self._batches(np.arange(len(self._starts))):
            events = parse(batch)
            if len(events) != count:
                return False
            times.extend(event["timestamp"] for event in events)
        self._times = np.frombuffer(times, dtype=np.float64)
        return len(times) > 0

    @property
    def count(self) -> int:
        """Number of events."""
        return len(self._starts)

    def bounds(self) -> tuple[float, float]:
        """Return the earliest and the latest time."""
        if self._times is None:
            raise BadRecording("The times of this recording have not been read.")
        return float(self._times.min()), float(self._times.max())

    def events(self, parse: Parse) -> Iterator[dict[str, Any]]:
        """Yield the events by time; equal times keep their order in the file."""
        if self._times is None:
            raise BadRecording("The times of this recording have not been read.")
        order = np.argsort(self._times, kind="stable")
        for batch, _ in self._batches(order):
            yield from parse(batch)

    def close(self) -> None:
        """Let the file go."""
        self._map.close()

    def _batches(self, order: np.ndarray[Any, Any]) -> Iterator[tuple[bytes, int]]:
        """Yield JSON arrays of elements in the given order, about 2 MB each."""
        parts: list[bytes] = []
        size = 0
        for at in order.tolist():
            part = self._map[self._starts[at] : self._ends[at]]
            parts.append(part)
            size += len(part)
            if size >= _BATCH_BYTES:
                yield b"[" + b",".join(parts) + b"]", len(parts)
                parts, size = [], 0
        if parts:
            yield b"[" + b",".join(parts) + b"]", len(parts)

    def _lines(self) -> Iterator[tuple[int, int]]:
        start = 0
        while start < self.size:
            end = self._map.find(b"\n", start)
            end = self.size if end < 0 else end
            if self._map[start:end].strip():
                yield start, end
            start = end + 1

    def _array_elements(self) -> Iterator[tuple[int, int]]:
        """Yield the places of the top-level array's objects and strings."""
        at = self._map.find(b"[") + 1
        block = _BLOCK
        while at < self.size:
            window = np.frombuffer(self._map[at : at + block], dtype=np.uint8)
            last = 0
            for start, end in _elements(window):
                yield at + start, at + end
                last = end
            if last:
                at += last
                block = _BLOCK
            elif at + block >= self.size:
                return
            else:  # one element is larger than the block
                block *= 2


def _elements(window: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """Return the complete elements of a stretch that starts between elements."""
    quotes = np.flatnonzero(window == _QUOTE)
    quotes = quotes[~_escaped(window, quotes)]
    marks = np.flatnonzero(_STEPS[window])
    marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    depth = np.cumsum(_STEPS[window[marks]])
    # The stretch lies one level deep: elements are what returns to that level.
    over = np.flatnonzero(depth < 0)
    if len(over):
        marks, depth = marks[: over[0]], depth[: over[0]]
        quotes = (
            quotes[quotes < (marks[-1] if len(marks) else 0)] if len(marks) else quotes
        )
    opens = marks[(depth == 1) & (_STEPS[window[marks]] == 1)]
    closes = marks[(depth == 0) & (_STEPS[window[marks]] == -1)]
    count = min(len(opens), len(closes))
    found = list(
        zip(opens[:count].tolist(), (closes[:count] + 1).tolist(), strict=True)
    )
    return found or _strings(quotes)


def _strings(quotes: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """Return the complete strings of an array of packed events."""
    count = len(quotes) // 2 * 2
    pairs = quotes[:count].reshape(-1, 2)
    return [(start, end + 1) for start, end in pairs.tolist()]


def _escaped(
    window: np.ndarray[Any, Any], quotes: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
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


def _map(file: RecordingFile) -> mmap.mmap:
    with file.open() as packed:
        if packed.read(2) != b"\x1f\x8b" and file.member is None:
            return mmap.mmap(packed.fileno(), 0, access=mmap.ACCESS_READ)
    with tempfile.TemporaryFile() as plain, file.open() as packed:
        try:
            if packed.read(2) == b"\x1f\x8b":
                packed.seek(0)
                with gzip.open(packed) as stream:
                    shutil.copyfileobj(stream, plain, _BLOCK)
            else:
                packed.seek(0)
                shutil.copyfileobj(packed, plain, _BLOCK)
        except EOFError as error:
            message = f"{file.label} is cut off: its gzip stream does not end."
            raise BadRecording(message) from error
        except (OSError, zlib.error) as error:
            raise BadRecording(f"{file.label} is damaged: {error}.") from error
        plain.flush()
        if not plain.tell():
            raise BadRecording(f"{file.label} is empty.")
        return mmap.mmap(plain.fileno(), 0, access=mmap.ACCESS_READ)
