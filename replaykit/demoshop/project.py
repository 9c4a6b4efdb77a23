"""`rk.demo()`: the population and the recorded visitors, in one ordinary project."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import __version__
from replaykit.demoshop.population import PROPERTIES, population
from replaykit.demoshop.sample import recorded_events, recorded_replays
from replaykit.demoshop.visitors import NOW, TZ
from replaykit.errors import BadInput
from replaykit.ingest.report import IngestReport
from replaykit.opening import create, open  # noqa: A004
from replaykit.project import Project
from replaykit.schema import BUILT_INS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replaykit.schema import Owner

#: Rises with every change of what the demo holds.
EDITION: Final = 1
#: A demo of the user's cache is named by its size, not by a path of one machine.
ADDRESS: Final = "demo://"
#: What the shop knows of a person rather than of an event.
_OF_USER: Final = ("plan", "channel")
_RETENTION: Final = "90d"


def demo(users: int = 5_000, *, path: str | os.PathLike[str] | None = None) -> Project:
    """Open the demo: a recorded home-goods shop with a few things wrong in it.

    Forty of its visitors were recorded in the last ten days before 31 March 2026; they
    are part of a population with the same stories. The project is built once, in the
    user's cache folder, and opened from there afterwards.

    Parameters
    ----------
    users
        Size of the population, about 42 events each; more make the charts smoother.
    path
        Build it here instead: a folder that does not exist yet, or a demo built before.

    Returns
    -------
    Project
        "Last 7 days" count from 31 March 2026, 18:00 UTC.
    """
    if users < 1:
        raise BadInput(f"users={users!r}: the demo needs at least one person.")
    folder = Path(path) if path is not None else _cache() / f"{_edition(users)}.rk"
    if not (folder / "project.json").exists():
        _build(folder, users)
    opened = open(folder, now=NOW)
    address = f"{ADDRESS}{users}" if path is None else ""
    return Project(opened.folder, NOW, "demo shop", address)


def open_address(address: str) -> Project:
    """Open the demo that a saved notebook names, such as `demo://5000`."""
    return demo(int(address.removeprefix(ADDRESS)))


def _build(folder: Path, users: int) -> None:
    """Make the project beside its place and move it there whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".demo-") as beside:
        made = create(Path(beside) / "shop.rk", tz=TZ, retention=_RETENTION, now=NOW)
        made._store.ingest(_Population(users))  # noqa: SLF001 - its own shape of rows
        made._forget_state()  # noqa: SLF001 - same
        made.add_events(recorded_events(), progress=False)
        made.add_replays(recorded_replays(), progress=False)
        try:
            Path(str(made.folder)).rename(folder)
        except OSError:
            # Somebody else built it meanwhile; theirs is as good.
            if not (folder / "project.json").exists():
                shutil.move(Path(str(made.folder)), folder)


class _Population:
    """The generated events in the shape that the store takes."""

    def __init__(self, users: int) -> None:
        self._users = users
        self._rows = 0

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield all rows; the population is small enough for one batch."""
        frame = pl.LazyFrame(population(self._users, end=NOW)).collect()
        self._rows = frame.height
        yield frame.select(
            "time",
            "event",
            "active",
            "session_id",
            "device_id",
            "client_time",
            "user_id",
            pl.format("population-{}", "row").alias("insert_id"),
            *(pl.col(name).alias(f"{_owner(name)}.{name}") for name in PROPERTIES),
        )

    def expected(self) -> None:
        """Return nothing: the demo is small."""

    def narrow(self) -> dict[tuple[Owner, str, str], int]:
        """Return nothing: every property stays a column."""
        return {}

    def finished(self, new: int, duplicate: int) -> IngestReport:
        """Return the report."""
        return IngestReport("population", rows=self._rows, new=new, duplicate=duplicate)


def _owner(name: str) -> Owner:
    if name in BUILT_INS:
        return "builtin"
    return "user" if name in _OF_USER else "event"


def _edition(users: int) -> str:
    """Name the cached project by everything that it is made of."""
    made_of = hashlib.blake2b(
        f"{__version__} {EDITION} {users}".encode(), digest_size=6
    )
    for part in (recorded_events(), recorded_replays()):
        made_of.update(hashlib.blake2b(part.read_bytes()).digest())
    return f"demo-{users}-{made_of.hexdigest()}"


def _cache() -> Path:
    """Return the user's cache folder for the demo."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "replaykit"
