"""Zip archives of many members, whose directory is read once and not per member."""

from __future__ import annotations

import threading
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_latest = threading.local()


def archive_at(path: Path) -> zipfile.ZipFile:
    """Return a zip archive, open: the same one until another is asked for.

    Each thread has its own. A member that is being read stays readable after that.

    Raises
    ------
    zipfile.BadZipFile, OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "two.zip"
    >>> with zipfile.ZipFile(path, "w") as archive:
    ...     archive.writestr("a.json", "[]")
    >>> with archives():
    ...     archive_at(path) is archive_at(path), archive_at(path).read("a.json")
    (True, b'[]')
    """
    found = path.stat()
    state = (path, found.st_ino, found.st_size, found.st_mtime_ns)
    if getattr(_latest, "state", None) != state:
        _close()
        _latest.archive = zipfile.ZipFile(path)
        _latest.state = state
    archive: zipfile.ZipFile = _latest.archive
    return archive


@contextmanager
def archives() -> Iterator[None]:
    """Close what this thread opened, at the end."""
    try:
        yield
    finally:
        _close()


def _close() -> None:
    if getattr(_latest, "state", None) is not None:
        _latest.state = None
        _latest.archive.close()
        del _latest.archive
