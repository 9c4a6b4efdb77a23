"""Who is writing: registration of writers, and the sweep of what killed ones left.

A writer registers before it creates its first file and puts its id into the name of
every file. Left-overs are files that no table version names and whose writer is gone.
Only the holder of the lease sweeps, and it lists the files before it asks who is alive
and what is committed, so a file can never look abandoned while its commit is under way.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
from deltalake import DeltaTable

from replaykit.store.catalog import Catalog
from replaykit.store.covering import indexed_part
from replaykit.store.layout import (
    CATALOG,
    EVENTS,
    INDEX,
    POINTER,
    READERS,
    STAGING,
    WRITERS,
)
from replaykit.store.objects import ObjectPath, options_of
from replaykit.store.settings import write_whole, writer_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replaykit.store.objects import Place

_LEASE: Final = "sweep.lease"
# Writers on other machines cannot be asked; a registration not renewed for so long is
# given up.
_GONE_AFTER_S: Final = 24 * 3600
_WRITTEN_WITHIN_S: Final = 60


@dataclass(frozen=True)
class Writer:
    """One writer at work: its id and its scratch folder."""

    id: str
    scratch: Path


@contextmanager
def writing(folder: Place) -> Iterator[Writer]:
    """Register a writer while the block runs, and sweep what earlier ones left."""
    me = secrets.token_hex(8)
    place = folder / WRITERS
    place.mkdir(exist_ok=True)
    note = place / f"{me}.json"
    write_whole(note, registration())
    # Beside object storage, scratch files lie on this machine.
    scratch = (
        Path(tempfile.mkdtemp(prefix="replaykit-"))
        if isinstance(folder, ObjectPath)
        else folder / STAGING / me
    )
    try:
        sweep(folder, me)
        scratch.mkdir(parents=True, exist_ok=True)
        yield Writer(me, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        note.unlink(missing_ok=True)


def sweep(folder: Place, me: str) -> int:
    """Delete what writers that are gone have left; return how many files.

    Returns 0 at once when another writer holds the lease.

    Parameters
    ----------
    folder
        The project.
    me
        Id of the calling writer, which has registered and written nothing yet.
    """
    lease = folder / WRITERS / _LEASE
    if not _take(lease, folder / WRITERS / f"{me}.json"):
        return 0
    try:
        return _sweep(folder, me)
    finally:
        lease.unlink(missing_ok=True)


def _sweep(folder: Place, me: str) -> int:
    # The order of these three steps is what makes the sweep safe (module docstring).
    parts: list[Place] = list((folder / EVENTS).glob("bucket=*/part-*.parquet*"))
    numbers: list[Place] = list((folder / INDEX).glob("part-*"))
    pieces: list[Place] = list((folder / CATALOG).glob("*"))
    scratch: list[Place] = list((folder / STAGING).glob("*"))
    alive = _alive(folder)
    table = DeltaTable(str(folder / EVENTS), storage_options=options_of(folder))
    number = table.transaction_version(POINTER)
    catalog = None if number is None else Catalog.read(folder, number)
    kept = _live_paths(table) | set(() if catalog is None else catalog.retired)
    dust = [
        path
        for path in parts
        if path.name.split("-")[1] not in alive
        and f"{path.parent.name}/{path.name}" not in kept
    ]
    needing = {path.rpartition("/")[2].removesuffix(".parquet") for path in kept}
    dust += [
        path
        for path in numbers
        if path.name.split("-")[1] not in alive
        and indexed_part(path.name) not in needing
    ]
    # Catalogue files do not bear their writer's id: they wait until nobody else writes.
    if alive <= {me}:
        needed = (
            set()
            if catalog is None or number is None
            else catalog.files(folder, number)
        )
        dust += [path for path in pieces if path.name not in needed]
    for path in dust:
        path.unlink(missing_ok=True)
    left = [path for path in scratch if path.name not in alive]
    for path in left:
        shutil.rmtree(str(path), ignore_errors=True)
    return len(dust) + len(left)


def _live_paths(table: DeltaTable) -> set[str]:
    actions = table.get_add_actions(flatten=True)
    return {str(path) for path in actions.column("path").to_pylist()}


def _alive(folder: Place) -> set[str]:
    alive: set[str] = set()
    for path in (folder / WRITERS).glob("*.json"):
        if is_alive(path):
            alive.add(path.stem)
        else:
            path.unlink(missing_ok=True)
    for path in (folder / READERS).glob("*.json"):
        if not is_alive(path):
            path.unlink(missing_ok=True)
    for place in (WRITERS, READERS, INDEX):
        for path in (folder / place).glob(".*"):
            if _is_abandoned(path):
                path.unlink(missing_ok=True)
    return alive


def _is_abandoned(path: Place) -> bool:
    """Say whether whoever was writing this file is gone (`settings.write_whole`)."""
    host, _, rest = path.name.rpartition(".")[2].partition("-")
    pid = rest.partition("-")[0]
    if host != writer_mark().partition("-")[0] or not pid.isdigit():
        return _age_s(path) > _WRITTEN_WITHIN_S
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _age_s(path) > _WRITTEN_WITHIN_S


def is_alive(path: Place) -> bool:
    """Say whether the process that wrote a registration is still there."""
    try:
        written = orjson.loads(path.read_bytes())
        host, pid, born = written["host"], int(written["pid"]), written["born"]
    except FileNotFoundError:
        return False
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        # Just being written, or damaged: believe it for a moment.
        return _age_s(path) < _WRITTEN_WITHIN_S
    if host != socket.gethostname():
        return _age_s(path) < _GONE_AFTER_S
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A process number is used again after a while; its start time tells.
    return born is None or born == _born(pid)


def _age_s(path: Place) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def registration() -> bytes:
    """Return what tells this process from any other."""
    content = {"host": socket.gethostname(), "pid": os.getpid()}
    return orjson.dumps({**content, "born": _born(os.getpid())})


def _born(pid: int) -> str | None:
    with suppress(OSError, IndexError):
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            stat = file.read()
        # The name in parentheses may hold spaces; field 22 is the start time.
        return stat.rpartition(")")[2].split()[19]
    return None


def _take(lease: Place, note: Place) -> bool:
    if isinstance(lease, ObjectPath) or isinstance(note, ObjectPath):
        return _take_object(lease)
    for _ in range(2):
        try:
            # A link appears with its content; a file made and then written could be
            # left empty by a killed writer, and an empty lease names nobody.
            os.link(note, lease)
        except FileExistsError:
            if is_alive(lease):
                return False
            lease.unlink(missing_ok=True)
        except OSError:
            return _take_without_links(lease)
        else:
            return True
    return False


def _take_object(lease: Place) -> bool:
    if not isinstance(lease, ObjectPath):
        return False
    for _ in range(2):
        # Of all who put it on the condition that it is not there, one succeeds.
        if lease.create(registration()):
            return True
        if is_alive(lease):
            return False
        lease.unlink(missing_ok=True)
    return False


def _take_without_links(lease: Path) -> bool:
    # Some network file systems have no links.
    try:
        with lease.open("xb") as file:
            file.write(registration())
    except FileExistsError:
        if not is_alive(lease):
            lease.unlink(missing_ok=True)
        return False
    return True
