"""Which properties questions have used that have no wide column yet.

A question that reads a property from the JSON text leaves a small note in the project,
where it may; the next compaction, or the next ingest of a small table, gives these
properties a wide column. So a project gets fast where it is asked, no question rewrites
anything, and who may only read is no worse off.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import orjson

from replaykit.store.settings import write_whole

if TYPE_CHECKING:
    from replaykit.store.objects import Place
    from replaykit.store.properties import Registry

ASKED: Final = "asked"


def note(folder: Place, name: str) -> None:
    """Note that a question used a property; does nothing where one may not write."""
    digest = blake2b(name.encode(), digest_size=12).hexdigest()
    path = folder / ASKED / f"{digest}.json"
    # Whatever goes wrong here, the question itself must not fail.
    with suppress(Exception):
        if not path.exists():
            write_whole(path, orjson.dumps({"property": name}))


def asked(folder: Place, registry: Registry) -> tuple[str, ...]:
    """Return the noted properties that still lie in the text alone."""
    names: list[str] = []
    notes: list[Place] = list((folder / ASKED).glob("*.json"))
    for path in notes:
        with suppress(OSError, ValueError, KeyError, TypeError):
            name = str(orjson.loads(path.read_bytes())["property"])
            found = registry.find(name)
            if found is not None and not found.promoted:
                names.append(name)
    return tuple(sorted(names))


def settle(folder: Place, registry: Registry) -> None:
    """Delete the notes of properties that have a wide column now."""
    notes: list[Place] = list((folder / ASKED).glob("*.json"))
    for path in notes:
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = registry.find(str(orjson.loads(path.read_bytes())["property"]))
            if found is None or found.promoted:
                path.unlink(missing_ok=True)
