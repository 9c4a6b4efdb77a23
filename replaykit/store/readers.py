"""Who has a project open: what deletes bytes at once must not do it under a reader.

A process says that it reads with one small file while it holds the project, where it
may write; a reader without write access cannot be seen, which the documentation says.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import orjson

from replaykit import timeline
from replaykit.errors import InUse
from replaykit.store.layout import READERS, WRITERS
from replaykit.store.lease import is_alive, registration
from replaykit.store.settings import write_whole

if TYPE_CHECKING:
    from replaykit.store.objects import Place

_POLL_S: Final = 0.2


def reading(folder: Place, holder: object) -> None:
    """Note that this process reads the project for as long as `holder` lives."""
    path = folder / READERS / f"{os.getpid()}-{secrets.token_hex(6)}.json"
    try:
        write_whole(path, registration())
    except Exception:  # noqa: BLE001 - a project may be readable only
        return
    # Runs at the latest when the interpreter ends.
    weakref.finalize(holder, _gone, path, os.getpid())


def alone(folder: Place, wait: str | None = None) -> None:
    """Make sure that no other process has the project open.

    Parameters
    ----------
    folder
        The project.
    wait
        How long to wait for others to be done; `None` does not wait.

    Raises
    ------
    InUse
        If others still have it open.
    """
    until = time.monotonic()
    if wait is not None:
        until += timeline.microseconds(wait) / 1_000_000
    while others := _others(folder):
        if time.monotonic() >= until:
            raise InUse(
                f"{folder} is open elsewhere: {', '.join(others)}. Deleting for good "
                "would break what they read; close them (in a notebook: restart the "
                "kernel), or give them time with wait='10m'."
            )
        time.sleep(_POLL_S)


def _others(folder: Place) -> list[str]:
    found: set[str] = set()
    for place in (READERS, WRITERS):
        for path in (folder / place).glob("*.json"):
            if not is_alive(path):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
                continue
            with suppress(OSError, ValueError, KeyError):
                told = orjson.loads(path.read_bytes())
                mine = (told["host"], told["pid"]) == (
                    socket.gethostname(),
                    os.getpid(),
                )
                if not mine:
                    found.add(f"process {told['pid']} on {told['host']}")
    return sorted(found)


def _gone(path: Place, owner: int) -> None:
    # A forked child holds a copy of the object, not of the registration.
    if os.getpid() == owner:
        with suppress(Exception):
            path.unlink(missing_ok=True)
