"""Find the files of a source and read them in blocks of whole lines.

Files are read as a stream, whatever their size. Everything that can go wrong with a
file (missing, cut off, not what its name says, blown up on purpose) becomes an error
that names the file, the place in it and what to do.
"""

from __future__ import annotations

import glob as globbing
import gzip
import os
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

import numpy as np

from replaykit.errors import BadInput, MissingFile, as_path, did_you_mean
from replaykit.ingest.archives import archive_at

try:
    # Expands three times as fast as zlib; without it one only waits longer.
    from isal import igzip, isal_zlib
except ImportError:  # pragma: no cover - a platform without a wheel
    _expander: Any = gzip.GzipFile
    _isal_error: Any = zlib.error
else:
    _expander = igzip.IGzipFile
    _isal_error = isal_zlib.IsalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: A file, a folder, a pattern, or several of these.
    Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

#: Bytes of a block: what is done once per block should not count.
_BLOCK: Final = 32 << 20
_READ: Final = 256 << 10
#: Lines of a block: each takes some room, however short it is.
_LINES: Final = 100_000
#: Stands behind the lines of a block, so that a reader may look ahead.
PADDING: Final = b"\n" * 32
#: A single event larger than this is no event.
LONGEST_LINE: Final = 64 << 20
# Over hundreds of megabytes no text compresses better, unless it is made to.
_BOMB_RATIO: Final = 200
_BOMB_BYTES: Final = 256 << 20
_LISTED: Final = 8
_DAMAGED: Final[tuple[type[Exception], ...]] = (
    gzip.BadGzipFile,
    zlib.error,
    _isal_error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Block:
    """Whole lines of a file.

    Parameters
    ----------
    data
        The lines, each with its end, and `PADDING`.
    first_line
        The number of the first.
    ends
        How many there are.
    """

    data: bytes | bytearray
    first_line: int
    ends: int


@dataclass(frozen=True)
class Member:
    """One stream of text: a file, or an entry of a zip file."""

    path: Path
    entry: str | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return (
            self.path.name if self.entry is None else f"{self.path.name}:{self.entry}"
        )


def as_list(paths: Paths) -> list[str]:
    """Return paths as texts; one path alone becomes a list of one.

    Raises
    ------
    BadInput
        If one of them is no path.

    Examples
    --------
    >>> as_list(Path("a")), as_list(["a", Path("b")])
    (['a'], ['a', 'b'])
    """
    if isinstance(paths, str | os.PathLike) or not isinstance(paths, Iterable):
        return [as_path("path", paths)]
    return [as_path("path", one) for one in paths]


def find_files(paths: Paths, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files meant by paths, folders and patterns, sorted, each once.

    Parameters
    ----------
    paths
        A file, a folder (searched in depth for `suffixes`), a pattern with `*`, or
        several of these.
    suffixes
        Endings looked for in folders.

    Raises
    ------
    MissingFile
        If a path does not exist or a pattern or folder has no file.
    """
    given = as_list(paths)
    found: dict[Path, None] = {}
    for one in given:
        for path in _expand(Path(one).expanduser(), suffixes):
            found.setdefault(path.resolve(), None)
    if not given:
        raise MissingFile("No file was given. Name files, a folder or a pattern.")
    return sorted(found)


def _expand(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    listed = ", ".join(f"*{suffix}" for suffix in suffixes)
    if path.is_dir():
        inside = [
            one
            for one in sorted(path.rglob("*"))
            if one.is_file() and one.name.lower().endswith(suffixes)
        ]
        if not inside:
            raise MissingFile(f"The folder {path} holds no file like {listed}.")
        return inside
    if path.exists():
        return [path]
    if any(sign in str(path) for sign in "*?["):
        matches = [
            Path(one)
            # `Path.glob` takes no absolute pattern.
            for one in sorted(globbing.glob(str(path), recursive=True))  # noqa: PTH207
        ]
        files = [one for one in matches if one.is_file()]
        if not files:
            raise MissingFile(f"No file matches {path}. {_beside(path)}".rstrip())
        return files
    raise MissingFile(f"There is no file {path}. {_beside(path)}".rstrip())


def _beside(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {folder} does not exist either."
    names = sorted(one.name for one in folder.iterdir())
    hint = did_you_mean(path.name, names)
    if hint:
        return hint
    if not names:
        return f"The folder {folder} is empty."
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{folder} holds {', '.join(names[:_LISTED])}{more}."


def members(path: Path) -> list[Member]:
    """Return the streams in a file: itself, or the entries of a zip file."""
    if _magic(path)[:2] != b"PK":
        return [Member(path)]
    with _named_errors(Member(path), lambda: 0):
        entries = [
            Member(path, info.filename)
            for info in archive_at(path).infolist()
            if not info.is_dir()
            and info.filename.lower().endswith((".json", ".json.gz", ".gz", ".ndjson"))
            and not info.filename.startswith("__MACOSX/")
        ]
    if not entries:
        raise BadInput(f"{path} is a zip file without any .json or .json.gz in it.")
    return sorted(entries, key=lambda member: member.entry or "")


def blocks(
    member: Member, progress: Callable[[int], object], size: int = _BLOCK
) -> Iterator[Block]:
    """Read a stream as blocks of whole lines.

    Parameters
    ----------
    member
        What to read.
    progress
        Told how many more bytes of the file on disk were read.
    size
        About how many bytes a block shall have.

    Raises
    ------
    BadInput
        If the stream is cut off, damaged, or expands beyond reason.
    """
    line = 1
    rest = bytearray()
    for data in _filled(member, progress, rest, size):
        cut = data.rfind(b"\n") + 1
        rest[:] = memoryview(data)[cut:]
        if (data.find(b"\n") if cut else len(data)) > LONGEST_LINE:
            raise BadInput(
                f"{member.name} has a line {line:,} of more than "
                f"{LONGEST_LINE >> 20} MiB. An export has one event per line; "
                "is this another kind of file?"
            )
        if not cut:
            continue
        data[cut:] = PADDING
        for part, ends in _stretches(data, cut):
            yield Block(part, line, ends)
            line += ends
    if rest.strip():
        yield Block(b"".join((rest, b"\n", PADDING)), line, 1)


def _stretches(data: bytearray, end: int) -> Iterator[tuple[bytearray, int]]:
    """Cut lines into stretches of at most `_LINES`, each with its number of lines."""
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba
    from replaykit.ingest.lines_kernel import line_ends  # noqa: PLC0415 - numba

    ends = line_ends(frozen(np.frombuffer(data, np.uint8, end)))
    if ends <= _LINES:
        yield data, ends
        return
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8, end) == ord("\n")) + 1
    start = 0
    for first in range(0, ends, _LINES):
        last = min(first + _LINES, ends)
        after = int(breaks[last - 1])
        yield data[start:after] + PADDING, last - first
        start = after


def _filled(
    member: Member, progress: Callable[[int], object], rest: bytearray, size: int
) -> Iterator[bytearray]:
    """Yield what stands in `rest` then, with more of the stream behind it."""
    expanded = before = 0
    with (
        member.path.open("rb") as raw,
        _named_errors(member, lambda: expanded),
        _opened(member, raw) as (stream, read),
    ):
        while True:
            data = bytearray(rest)
            most = len(rest) + size
            # Grown where it lies: memory is not touched before something is in it.
            while (room := most - len(data)) > 0 and (
                part := stream.read(min(_READ, room))
            ):
                data += part
            expanded += len(data) - len(rest)
            at = read()
            progress(at - before)
            before = at
            if len(data) == len(rest):
                break
            if expanded > _BOMB_BYTES and expanded > _BOMB_RATIO * max(at, 1):
                raise BadInput(
                    f"{member.name} expands to more than {_BOMB_RATIO} times its "
                    f"size ({expanded >> 20} MiB so far). No export does; it is "
                    "refused. Expand it by hand if you trust it."
                )
            yield data


@contextmanager
def _opened(
    member: Member, raw: IO[bytes]
) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """Open a stream, with what tells how many bytes of the file were read for it."""
    if member.entry is not None:
        archive = archive_at(member.path)
        file = archive.fp or raw
        start = archive.getinfo(member.entry).header_offset
        with archive.open(member.entry) as entry:
            packed = cast("zipfile.ZipExtFile", entry).peek(2)[:2] == b"\x1f\x8b"
            with _expander(fileobj=entry) if packed else nullcontext(entry) as plain:
                yield cast("IO[bytes]", plain), lambda: file.tell() - start
        return
    if _magic(member.path)[:2] == b"\x1f\x8b" or (
        member.path.name.lower().endswith(".gz") and not member.path.stat().st_size
    ):
        with _expander(fileobj=raw) as plain:
            if not member.path.stat().st_size:
                raise EOFError
            yield cast("IO[bytes]", plain), raw.tell
        return
    yield raw, raw.tell


@contextmanager
def _named_errors(member: Member, at: Callable[[], int]) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise BadInput(
            f"{member.name} is cut off after {at():,} expanded bytes. Nothing was "
            "ingested; download the file again or leave it out."
        ) from error
    except _DAMAGED as error:
        raise BadInput(
            f"{member.name} is damaged after {at():,} expanded bytes ({error}). "
            "Nothing was ingested; download the file again or leave it out."
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        # Encrypted entries, and compressions that the standard library lacks.
        raise BadInput(
            f"{member.name} cannot be read: {error}. Unpack it by hand first."
        ) from error
    except PermissionError as error:
        raise BadInput(f"{member.path} may not be read: {error.strerror}.") from error


def _magic(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
