"""What a project says about itself: `project.json`, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, Final

import orjson

from replaykit.errors import (
    BadDuration,
    BadInput,
    BadTime,
    MissingFile,
    NotAProject,
    check_option,
)
from replaykit.store.objects import ObjectPath
from replaykit.timeline import WEEKDAYS, check_zone, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from replaykit.store.objects import Place

FORMAT: Final = 1
MOST_BUCKETS: Final = 1024
FILE: Final = "project.json"


@dataclass(frozen=True)
class Settings:
    """The rules of one project; a change never touches stored rows.

    Parameters
    ----------
    tz
        IANA zone of the project: naive input times and intervals are read in it.
    week_start
        The weekday that weeks begin with.
    quarter_start
        The month (1 to 12) that quarter years are counted from.
    retention_days
        How long a recording that is ingested from now on stays playable; `None` is for
        ever.
    retention_before
        Earlier periods, oldest first, each with the moment (ISO 8601, UTC) until which
        it held for what was ingested.
    buckets
        Number of event partitions a new table is cut into by user.
    inactive
        Event names that are not an act of the user, also in rows already stored.
    created
        When the project was created, ISO 8601 in UTC.
    format
        Version of the folder's layout.
    """

    tz: str = "UTC"
    week_start: str = "monday"
    quarter_start: int = 1
    retention_days: int | None = None
    retention_before: tuple[tuple[str, int | None], ...] = ()
    buckets: int = 16
    inactive: tuple[str, ...] = ()
    created: str = ""
    format: int = FORMAT


def create_settings(folder: Place, settings: Settings) -> Settings:
    """Make `folder` a project; it must not be one yet.

    Raises
    ------
    NotAProject
        If the folder already is a project, or holds other files.
    """
    _check(settings)
    if (folder / FILE).exists():
        raise NotAProject(
            f"{folder} already is a project. rk.open({str(folder)!r}) opens it."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotAProject(
            f"{folder} exists and is not empty. Name a folder that does not exist yet."
        )
    folder.mkdir(parents=True, exist_ok=True)
    stamped = replace(settings, created=datetime.now(UTC).isoformat(timespec="seconds"))
    write_settings(folder, stamped)
    return stamped


def read_settings(folder: Place) -> Settings:
    """Read the settings of the project in `folder`.

    Raises
    ------
    MissingFile
        If the folder does not exist.
    NotAProject
        If it is no project, or one of a later format.
    """
    if not folder.exists():
        raise MissingFile(
            f"There is no project at {folder}. rk.create({str(folder)!r}) makes one."
        )
    try:
        raw = orjson.loads((folder / FILE).read_bytes())
    except FileNotFoundError as error:
        raise NotAProject(
            f"{folder} is not a replaykit project: it has no {FILE}."
        ) from error
    except orjson.JSONDecodeError as error:
        raise NotAProject(f"{folder / FILE} is not JSON: {error}.") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("format"), int):
        raise NotAProject(f"{folder / FILE} does not describe a replaykit project.")
    if raw["format"] > FORMAT:
        raise NotAProject(
            f"{folder} has format {raw['format']}, this replaykit reads up to "
            f"{FORMAT}. Update replaykit."
        )
    known = {field.name for field in fields(Settings)}
    values = {name: value for name, value in raw.items() if name in known}
    values["inactive"] = tuple(values.get("inactive", ()))
    before = values.get("retention_before", ())
    values["retention_before"] = tuple((until, days) for until, days in before)
    return Settings(**values)


def write_settings(folder: Place, settings: Settings) -> None:
    """Replace the settings of `folder` in one step."""
    _check(settings)
    write_whole(
        folder / FILE, orjson.dumps(asdict(settings), option=orjson.OPT_INDENT_2)
    )


def write_whole(path: Place, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    if isinstance(path, ObjectPath):
        path.put(content)
        return
    with write_beside(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def write_beside(path: Path) -> Iterator[BinaryIO]:
    """Open a file that stands in the place of `path` once the block has ended well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{writer_mark()}-{secrets.token_hex(6)}")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def writer_mark() -> str:
    """Return what names this process in the name of a file it is writing.

    Examples
    --------
    >>> writer_mark().count("-")
    1
    """
    host = blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()
    return f"{host}-{os.getpid()}"


def _check(settings: Settings) -> None:
    check_zone(settings.tz)
    check_option("week_start", settings.week_start, WEEKDAYS)
    if settings.quarter_start not in range(1, 13):
        raise BadTime(f"quarter_start={settings.quarter_start} is no month (1 to 12).")
    if settings.retention_days is not None and settings.retention_days < 1:
        raise BadTime(
            f"A retention of {settings.retention_days} days keeps nothing. "
            "retention=None keeps everything."
        )
    if settings.buckets not in range(1, MOST_BUCKETS + 1):
        raise BadInput(
            f"buckets={settings.buckets} is not between 1 and {MOST_BUCKETS}."
        )


def whole_days(retention: str) -> int:
    """Read how long recordings are kept, in whole days.

    Raises
    ------
    BadDuration
        If it is no number of whole days.
    """
    days, rest = divmod(microseconds(retention), 86_400_000_000)
    if rest or days < 1:
        raise BadDuration(
            f"retention={retention!r} is not a number of whole days, such as '90d'."
        )
    return days
