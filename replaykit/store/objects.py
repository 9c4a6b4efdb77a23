"""Object storage as a place for a project: used as a `Path` is, object by object.

Only what a project needs of a path is here. An object appears whole or not at all; a
conditional put, of which only one of several writers succeeds, stands in for a link.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias, cast

import polars as pl
from polars.io.plugins import register_io_source

from replaykit.errors import BadInput

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

# Told to the HTTP client here; deltalake and polars take it among the rest.
_CLIENT: Final = ("allow_http", "allow_invalid_certificates", "timeout", "proxy_url")
#: Read at once where a recording is opened: its index stands at the end.
_AHEAD: Final = 256 * 1024
#: Rows of a frame that are handed on at once.
_MORSEL: Final = 128 * 1024


@dataclass(frozen=True)
class Stat:
    """What `Path.stat` says that a project asks for."""

    st_size: int
    st_mtime: float


@dataclass(frozen=True)
class ObjectPath:
    """A place in object storage: everything under a URL such as `s3://bucket/shop.rk`.

    Parameters
    ----------
    url
        The URL of the project.
    options
        Endpoint, region, credentials, as deltalake, polars and obstore name them.
    key
        Where below the URL, without a leading slash.
    """

    url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    key: str = ""
    store: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, url: str, options: Mapping[str, str] | None = None) -> ObjectPath:
        """Connect to a project's place.

        Raises
        ------
        BadInput
            If the package that speaks to object storage is missing, or the URL or an
            option is wrong.
        """
        try:
            from obstore.store import from_url  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise BadInput(
                f"{url} lies in object storage, which needs the package obstore: "
                'pip install "replaykit[cloud]".'
            ) from error
        given = {name.lower(): value for name, value in (options or {}).items()}
        client = {}
        for name in list(given):
            bare = name.removeprefix("aws_")
            if bare in _CLIENT:
                value = given.pop(name)
                client[bare] = value.lower() == "true" if bare != "timeout" else value
        plain = url.rstrip("/")
        try:
            store = from_url(plain, config=given, client_options=client)
        except Exception as error:
            raise BadInput(f"{url} cannot be reached: {error}") from error
        return cls(plain, dict(options or {}), store=store)

    # ── names ─────────────────────────────────────────────────────────────────
    def __truediv__(self, name: str) -> ObjectPath:
        """Return a place below this one."""
        key = f"{self.key}/{name}".lstrip("/")
        return ObjectPath(self.url, self.options, key, self.store)

    def __str__(self) -> str:
        """Return the URL."""
        return f"{self.url}/{self.key}" if self.key else self.url

    @property
    def name(self) -> str:
        """The last part."""
        return str(self).rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return Path(self.name).stem

    @property
    def suffix(self) -> str:
        """The suffix of the last part."""
        return Path(self.name).suffix

    @property
    def parent(self) -> ObjectPath:
        """The place above."""
        above = self.key.rpartition("/")[0]
        return ObjectPath(self.url, self.options, above, self.store)

    # ── what is there ─────────────────────────────────────────────────────────
    def exists(self) -> bool:
        """Say whether there is an object, or anything below."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Say whether there is an object."""
        if not self.key:
            return False
        try:
            self.store.head(self.key)
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Say whether anything lies below."""
        return next(self._below(), None) is not None

    def stat(self) -> Stat:
        """Return size and time of an object."""
        found = self.store.head(self.key)
        return Stat(int(found["size"]), found["last_modified"].timestamp())

    def iterdir(self) -> Iterator[ObjectPath]:
        """Yield all objects below."""
        yield from self._below()

    def rglob(self, pattern: str) -> Iterator[ObjectPath]:
        """Yield all objects below whose name matches."""
        yield from (one for one in self._below() if fnmatchcase(one.name, pattern))

    def glob(self, pattern: str) -> Iterator[ObjectPath]:
        """Yield the objects whose path below this one matches, part by part."""
        depth = pattern.count("/")
        start = len(self.key) + 1 if self.key else 0
        for one in self._below():
            rest = one.key[start:]
            if rest.count("/") == depth and all(
                fnmatchcase(part, like)
                for part, like in zip(rest.split("/"), pattern.split("/"), strict=True)
            ):
                yield one

    def _below(self) -> Iterator[ObjectPath]:
        prefix = f"{self.key}/" if self.key else None
        for page in self.store.list(prefix=prefix):
            for entry in page:
                key = str(entry["path"])
                yield ObjectPath(self.url, self.options, key, self.store)

    # ── read and write ────────────────────────────────────────────────────────
    def mkdir(self, **_: bool) -> None:
        """Do nothing: object storage has no folders."""

    def read_bytes(self) -> bytes:
        """Return an object's content."""
        return bytes(self.store.get(self.key).bytes())

    def read_range(self, at: int, size: int) -> bytes:
        """Return a piece of an object."""
        if size <= 0:
            return b""
        return bytes(self.store.get_range(self.key, start=at, length=size))

    def put(self, content: bytes | Path) -> None:
        """Write an object, whole or not at all; of a file its content."""
        self.store.put(self.key, content)

    def create(self, content: bytes) -> bool:
        """Write an object unless there is one; say whether it was written."""
        from obstore.exceptions import AlreadyExistsError  # noqa: PLC0415 - an extra

        try:
            self.store.put(self.key, content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Delete an object."""
        try:
            self.store.delete(self.key)
        except FileNotFoundError:
            if not missing_ok:
                raise


Place: TypeAlias = Path | ObjectPath
"""Where a project, or a part of it, lies."""


class ObjectFile(io.RawIOBase):
    """An object as a file that is read in pieces."""

    def __init__(self, path: ObjectPath) -> None:
        """Look at the object; raises `FileNotFoundError` if there is none."""
        self._path = path
        self._size = path.stat().st_size
        self._at = 0
        start = max(0, self._size - _AHEAD)
        self._tail = (start, path.read_range(start, self._size - start))

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(f"{self._path}: a place before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Read from the place on."""
        rest = max(0, self._size - self._at)
        wanted = rest if size < 0 else min(size, rest)
        start, tail = self._tail
        if self._at >= start:
            piece = tail[self._at - start : self._at - start + wanted]
        else:
            piece = self._path.read_range(self._at, wanted)
        self._at += len(piece)
        return piece


def place(
    path: str | os.PathLike[str] | Place, options: Mapping[str, str] | None
) -> Place:
    """Return where a project lies: a folder, or a URL of object storage."""
    if isinstance(path, ObjectPath):
        return path
    if isinstance(path, str) and "://" in path:
        return ObjectPath.open(path, options)
    if options:
        raise BadInput(
            f"storage_options= are for object storage; {path} is a folder. Give "
            "a URL such as 's3://bucket/shop.rk'?"
        )
    return Path(path).expanduser().resolve()


def options_of(path: Place) -> dict[str, str] | None:
    """Return what polars and deltalake need to read there; None for a folder."""
    return dict(path.options) if isinstance(path, ObjectPath) else None


def open_file(path: Place) -> BinaryIO:
    """Open a file or an object for reading in pieces."""
    if isinstance(path, ObjectPath):
        return cast("BinaryIO", ObjectFile(path))
    return path.open("rb")


def read_parquet(path: Place) -> pl.DataFrame:
    """Read a small Parquet file whole."""
    if isinstance(path, ObjectPath):
        return pl.read_parquet(io.BytesIO(path.read_bytes()))
    return pl.read_parquet(path)


def streamed(frames: Iterator[pl.DataFrame]) -> pl.LazyFrame:
    """Return frames under one another, to be read once; each is made when it is due.

    Parameters
    ----------
    frames
        Frames of one schema; there must be one.
    """
    first = next(frames)
    held = [first]

    def source(*_: object) -> Iterator[pl.DataFrame]:
        while held:
            # In pieces, so that several threads may work on a large one.
            yield from held.pop().iter_slices(_MORSEL)
            held.extend(islice(frames, 1))

    schema = first.schema
    del first
    return register_io_source(source, schema=schema)


def write_parquet(
    path: Place,
    frame: pl.DataFrame | pl.LazyFrame,
    **how: Any,  # noqa: ANN401
) -> int:
    """Write a Parquet file as polars is told to; return its size."""
    if isinstance(path, ObjectPath):
        with tempfile.TemporaryDirectory(prefix="replaykit-") as scratch:
            local = Path(scratch) / path.name
            write_parquet(local, frame, **how)
            path.put(local)
            return local.stat().st_size
    frame.lazy().sink_parquet(path, **how)
    return path.stat().st_size
