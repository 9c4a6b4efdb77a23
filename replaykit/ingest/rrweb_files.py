"""Find recording files: paths, folders, globs, archives; open them unpacked."""

from __future__ import annotations

import glob
import gzip
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final

from replaykit.errors import BadRecording, MissingFile, as_path
from replaykit.ingest.archives import archive_at

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Endings of the files that may hold recordings.
RECORDING_FILES: Final = (
    ".json",
    ".jsonl",
    ".ndjson",
    ".gz",
    ".zip",
    ".rrweb",
    ".zlib",
)
#: An archive member that unpacks to more is refused: a trap, or a mistake.
_LARGEST_MEMBER: Final = 8 * 2**30
_BLOCK: Final = 2**20
_GZIP: Final = b"\x1f\x8b"
#: A gzip may unpack to this many bytes, …
_HARMLESS: Final = 256 * 2**20
#: … or to so many times its size: text seldom shrinks to less than a hundredth.
_MOST: Final = 300


@dataclass(frozen=True)
class RecordingFile:
    """One file, or one member of a zip archive."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> Path:
        """Path whose name and folder may tell whose recording it is."""
        return self.path if self.member is None else Path(PurePosixPath(self.member))

    @property
    def label(self) -> str:
        """What a report calls the file."""
        return str(self.path) if self.member is None else f"{self.path}!{self.member}"

    def digest(self) -> str:
        """Return a digest of the bytes as they lie on disk."""
        if self.member is not None:
            return sha256(self._stored()).hexdigest()
        digest = sha256()
        with self.path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def read(self) -> bytes:
        """Return the content, unpacked if it is gzip.

        Raises
        ------
        MissingFile
            If the file went away.
        BadRecording
            If it is damaged, for example a gzip that was cut off.
        """
        data = self._stored()
        if data[:2] != _GZIP:
            return data
        plain = io.BytesIO()
        self._unpack(io.BytesIO(data), plain)
        return plain.getvalue()

    def mapped(self) -> memoryview:
        """Return the content without reading it; what is packed goes to a file first.

        Raises
        ------
        BadRecording
            If it is damaged or empty.
        """
        with self.open() as stored:
            packed = stored.read(2) == _GZIP
            stored.seek(0)
            if not packed and self.member is None:
                return memoryview(mmap(stored.fileno(), 0, access=ACCESS_READ))
            with tempfile.TemporaryFile() as plain:
                if packed:
                    self._unpack(stored, plain)
                else:
                    shutil.copyfileobj(stored, plain, _BLOCK)
                plain.flush()
                if not plain.tell():
                    raise BadRecording(f"{self.label} is empty.")
                return memoryview(mmap(plain.fileno(), 0, access=ACCESS_READ))

    def _unpack(self, packed: IO[bytes], plain: IO[bytes]) -> None:
        """Unpack a gzip stream; a trap is refused before it fills a disk."""
        try:
            with gzip.open(packed) as stream:
                size = 0
                while block := stream.read(_BLOCK):
                    size += len(block)
                    if size > _HARMLESS and size > _MOST * packed.tell():
                        message = (
                            f"{self.label} unpacks to more than {_MOST} times its "
                            "size; it is refused."
                        )
                        raise BadRecording(message)
                    plain.write(block)
        except EOFError as error:
            message = f"{self.label} is cut off: its gzip stream does not end."
            raise BadRecording(message) from error
        except (OSError, zlib.error) as error:
            raise BadRecording(f"{self.label} is damaged: {error}.") from error

    def open(self) -> IO[bytes]:
        """Open the content as it lies on disk."""
        if self.member is None:
            return self.path.open("rb")
        return archive_at(self.path).open(self.member)

    def is_large(self, limit: int) -> bool:
        """Tell whether the content, unpacked, is larger than `limit` bytes."""
        if self.member is not None:
            size = archive_at(self.path).getinfo(self.member).file_size
        else:
            size = self.path.stat().st_size
        if size > limit:
            return True
        # Recordings seldom shrink to less than a fiftieth; gzip notes the size (modulo
        # 4 GiB) in its last four bytes, but only of its last part.
        with self.open() as file:
            packed = file.read(2) == _GZIP
        return packed and size * 8 > limit

    def _stored(self) -> bytes:
        try:
            if self.member is None:
                return self.path.read_bytes()
            archive = archive_at(self.path)
            if archive.getinfo(self.member).file_size > _LARGEST_MEMBER:
                message = f"{self.label} unpacks to more than 8 GiB; it is refused."
                raise BadRecording(message)
            return archive.read(self.member)
        except FileNotFoundError as error:
            message = f"{str(self.path)!r} does not exist any more."
            raise MissingFile(message) from error
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            message = f"{self.label} cannot be read: {error}."
            raise BadRecording(message) from error


def find(source: str | Path | Iterable[str | Path]) -> list[RecordingFile]:
    """List the recording files that a path, folder, glob or list of them names.

    Raises
    ------
    MissingFile
        If a path does not exist or a pattern matches nothing.
    """
    if isinstance(source, str | os.PathLike):
        return list(_find_one(source))
    if not isinstance(source, Iterable):
        source = [as_path("source", source)]
    return [file for item in source for file in _find_one(as_path("source", item))]


def _find_one(source: str | Path) -> Iterator[RecordingFile]:
    text = os.fspath(source)
    path = Path(text).expanduser()
    if path.is_dir():
        found = [item for item in sorted(path.rglob("*")) if _is_recording(item)]
        if not found:
            message = (
                f"The folder {text!r} holds no recordings: no file that ends in "
                f"{', '.join(RECORDING_FILES)}."
            )
            raise MissingFile(message)
    elif path.exists():
        found = [path]
    else:
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207 - absolute patterns
        found = sorted(Path(match) for match in matches)
        found = [item for item in found if item.is_file()]
        if not found:
            message = (
                f"No file or folder {text!r}. Give a path, a folder, or a pattern such "
                "as 'recordings/*.json.gz'."
            )
            raise MissingFile(message)
    for item in found:
        if zipfile.is_zipfile(item):
            yield from _members(item)
        else:
            yield RecordingFile(item)


def _is_recording(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.is_file() and not hidden and path.name.lower().endswith(RECORDING_FILES)


def _members(path: Path) -> Iterator[RecordingFile]:
    names = sorted(archive_at(path).namelist())
    for name in names:
        plain = PurePosixPath(name)
        if name.endswith("/") or plain.name.startswith(".") or "__MACOSX" in name:
            continue
        if plain.name.lower().endswith(RECORDING_FILES):
            yield RecordingFile(path, name)
