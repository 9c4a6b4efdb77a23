"""What one version of the event table means: codes, properties, people, counts.

Each commit writes one small immutable JSON file and names it inside the commit itself,
so that a reader who is pinned to a version sees the codes and people of that version.
People and devices are kept in append-only Parquet pieces that the file lists.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import orjson
import polars as pl

from replaykit.errors import NotAProject
from replaykit.store.layout import CATALOG
from replaykit.store.objects import read_parquet, write_parquet
from replaykit.store.people import DEVICES, PEOPLE
from replaykit.store.properties import Registry
from replaykit.store.settings import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.store.objects import Place

# Pieces are merged into one when there are more than this many.
_PIECES: Final = 8


@dataclass(frozen=True)
class Catalog:
    """The meaning of one table version.

    Parameters
    ----------
    buckets
        Number of partitions; a user lies in partition `user % buckets`.
    next_user, next_row
        The first numbers not yet given away.
    rows, users
        How many rows and people the table holds.
    first, last
        Earliest and latest event time, microseconds since the epoch.
    names
        Event name to (code, rows); the code is -1 when the 32,767 codes are used up.
    registry
        The properties.
    people, devices
        Files of the pieces, oldest first.
    bucket_rows
        Partition to number of rows.
    retired
        Files no longer in the table that readers of earlier versions may still read:
        path to epoch seconds of the commit that dropped it.
    hash_probe
        What polars hashed a fixed word to when keys were made.
    history
        Numbers of the catalogues of earlier versions that readers may still hold.
    """

    buckets: int
    next_user: int = 0
    next_row: int = 0
    rows: int = 0
    users: int = 0
    first: int | None = None
    last: int | None = None
    names: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    registry: Registry = field(default_factory=Registry)
    people: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    bucket_rows: Mapping[int, int] = field(default_factory=dict)
    retired: Mapping[str, int] = field(default_factory=dict)
    hash_probe: str = ""
    history: tuple[int, ...] = ()

    def write(self, folder: Place) -> int:
        """Write the catalogue and return the number that names it."""
        raw = {
            "buckets": self.buckets,
            "next_user": self.next_user,
            "next_row": self.next_row,
            "rows": self.rows,
            "users": self.users,
            "first": self.first,
            "last": self.last,
            "names": {name: list(pair) for name, pair in self.names.items()},
            "properties": self.registry.to_json(),
            "people": list(self.people),
            "devices": list(self.devices),
            "bucket_rows": {str(key): rows for key, rows in self.bucket_rows.items()},
            "retired": dict(self.retired),
            "hash_probe": self.hash_probe,
            "history": list(self.history),
        }
        # Never reused: nanoseconds, and a random part against writers of one instant.
        number = time.time_ns() // 1_000_000 * 1_000_000 + secrets.randbelow(1_000_000)
        write_whole(folder / CATALOG / f"{number}.json", orjson.dumps(raw))
        return number

    def discard(self, folder: Place, number: int, before: Catalog) -> None:
        """Delete what was written for this catalogue, whose commit was refused.

        Parameters
        ----------
        folder
            The project.
        number
            The number of this catalogue.
        before
            The catalogue it was made from.
        """
        kept = {*before.people, *before.devices}
        for name in (f"{number}.json", *self.people, *self.devices):
            if name not in kept:
                (folder / CATALOG / name).unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Place, number: int) -> Catalog:
        """Read the catalogue with this number."""
        path = folder / CATALOG / f"{number}.json"
        try:
            raw = orjson.loads(path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError) as error:
            raise NotAProject(
                f"{path} is missing or damaged, so this version of the event table "
                "cannot be read. Restore the folder from a copy, or ingest again."
            ) from error
        return cls(
            buckets=raw["buckets"],
            next_user=raw["next_user"],
            next_row=raw["next_row"],
            rows=raw["rows"],
            users=raw["users"],
            first=raw["first"],
            last=raw["last"],
            names={name: (code, rows) for name, (code, rows) in raw["names"].items()},
            registry=Registry.from_json(raw["properties"]),
            people=tuple(raw["people"]),
            devices=tuple(raw["devices"]),
            bucket_rows={int(key): rows for key, rows in raw["bucket_rows"].items()},
            retired=raw["retired"],
            hash_probe=raw["hash_probe"],
            history=tuple(raw["history"]),
        )

    def files(self, folder: Place, number: int) -> set[str]:
        """Return the catalogue files that this version and its history need.

        Parameters
        ----------
        folder
            The project.
        number
            The number of this catalogue.
        """
        needed = {f"{number}.json", *self.people, *self.devices}
        for earlier in self.history:
            if (folder / CATALOG / f"{earlier}.json").exists():
                other = Catalog.read(folder, earlier)
                needed.update((f"{earlier}.json", *other.people, *other.devices))
        return needed

    def read_people(self, folder: Place) -> pl.DataFrame:
        """Return everyone: `people.PEOPLE`, one row per number, latest state."""
        pieces = [read_parquet(folder / CATALOG / name) for name in self.people]
        everyone = pl.concat([pl.DataFrame(schema=PEOPLE), *pieces])
        if len(pieces) < 2:
            # Nobody is in one piece twice, and looking takes the longest.
            return everyone
        return everyone.unique("user", keep="last", maintain_order=True)

    def read_devices(self, folder: Place) -> pl.DataFrame:
        """Return which user ids were seen on which device: `people.DEVICES`."""
        pieces = [read_parquet(folder / CATALOG / name) for name in self.devices]
        pairs = pl.concat([pl.DataFrame(schema=DEVICES), *pieces])
        return pairs if len(pieces) < 2 else pairs.unique(maintain_order=True)

    def with_people(
        self, folder: Place, people: pl.DataFrame, devices: pl.DataFrame
    ) -> Catalog:
        """Return the catalogue with new or changed people and devices written down."""
        changed = self
        if people.height:
            if len(self.people) >= _PIECES:
                people = pl.concat([self.read_people(folder), people]).unique(
                    "user", keep="last", maintain_order=True
                )
                changed = replace(changed, people=())
            name = _write_piece(folder, "people", people)
            changed = replace(changed, people=(*changed.people, name))
        if devices.height:
            if len(self.devices) >= _PIECES:
                devices = pl.concat([self.read_devices(folder), devices]).unique()
                changed = replace(changed, devices=())
            name = _write_piece(folder, "devices", devices)
            changed = replace(changed, devices=(*changed.devices, name))
        return changed


def _write_piece(folder: Place, kind: str, frame: pl.DataFrame) -> str:
    (folder / CATALOG).mkdir(exist_ok=True)
    name = f"{kind}-{secrets.token_hex(8)}.parquet"
    write_parquet(folder / CATALOG / name, frame, compression="zstd")
    return name
