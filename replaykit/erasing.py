"""Deleting for good: a person, or what is past its time, and the proof of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.store.proof import search
from replaykit.wording import count_words

if TYPE_CHECKING:
    from replaykit.saved_cohorts import Cohorts
    from replaykit.source import Source
    from replaykit.store.events import EventStore
    from replaykit.store.recordings import Recordings

_SHOWN: Final = 5


@dataclass(frozen=True)
class Erased:
    """What was deleted, and what reading the whole folder afterwards showed.

    Parameters
    ----------
    what
        What it was about.
    events, recordings, cohorts
        Rows and recordings deleted, and saved lists that held the person.
    searched
        How many ids were looked for afterwards.
    files, read_bytes
        What was read for that, expanded.
    found
        Where one of the ids still stands: in somebody else's rows, for example.
    seconds
        Wall time.
    """

    what: str
    events: int = 0
    recordings: int = 0
    cohorts: int = 0
    searched: int = 0
    files: int = 0
    read_bytes: int = 0
    found: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def proved(self) -> bool:
        """Whether none of the ids stands anywhere in the folder any more."""
        return not self.found

    def _lines(self) -> list[str]:
        gone = [
            count_words(self.events, "event"),
            count_words(self.recordings, "recording"),
        ]
        if self.cohorts:
            gone.append(f"a place in {count_words(self.cohorts, 'saved list')}")
        lines = [f"{self.what}: {', '.join(gone)} deleted ({self.seconds:.1f} s)"]
        if self.searched:
            told = (
                "nothing found"
                if self.proved
                else f"still found in {count_words(len(self.found), 'place')}"
            )
            lines.append(
                f"  looked for {count_words(self.searched, 'id')} in "
                f"{count_words(self.files, 'file')}, {self.read_bytes / 2**20:.1f} MiB "
                f"expanded: {told}"
            )
        lines += [f"    {place}" for place in self.found[:_SHOWN]]
        return lines

    def __repr__(self) -> str:
        """Return the report as text."""
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        head, *rest = map(escape, self._lines())
        return f"<div><p><b>{head}</b></p><p>{'<br>'.join(rest)}</p></div>"


def forget_person(
    source: Source,
    store: EventStore,
    recordings: Recordings,
    cohorts: Cohorts,
    user: int,
) -> Erased:
    """Delete a person everywhere, and prove it by reading the folder."""
    began = time.perf_counter()
    people = store.snapshot.people.filter(
        (pl.col("user") == user) | (pl.col("merged_into") == user)
    )
    numbers = people["user"].to_list()
    name = source.user_ids(pl.Series([user]))[0]
    rows = store.scan((), users=[user]).select("device_id").collect()
    devices = _own_devices(store, rows["device_id"].drop_nulls().unique(), numbers)
    theirs = (pl.col("user") == user) | pl.col("device_id").is_in(devices)
    replays = source.catalogue.filter(theirs.fill_null(value=False))["replay_id"]
    ids = {*devices, *people["user_id"].drop_nulls(), *replays}
    if len(replays):
        recordings.remove(*replays)
    recordings.sweep()
    lists = cohorts.forget(people["user_id"].drop_nulls().to_list())
    store.bury(numbers)
    proof = search(store.folder, ids, people["amplitude_id"].drop_nulls())
    return Erased(
        f"forgot {name!r}",
        rows.height,
        len(replays),
        lists,
        len(ids) + people["amplitude_id"].drop_nulls().n_unique(),
        proof.files,
        proof.read_bytes,
        tuple(proof.found),
        time.perf_counter() - began,
    )


def _own_devices(
    store: EventStore, devices: pl.Series, numbers: list[int]
) -> list[str]:
    """Return the devices that nobody else used."""
    others = (
        store.scan(())
        .filter(
            pl.col("device_id").is_in(devices.implode()),
            ~pl.col("user").is_in(numbers),
        )
        .select(pl.col("device_id").unique())
        .collect(engine="streaming")
        .to_series()
    )
    return devices.filter(~devices.is_in(others.implode())).to_list()


def purge_expired(source: Source, store: EventStore, recordings: Recordings) -> Erased:
    """Delete recordings past their retention, and all that earlier versions left."""
    began = time.perf_counter()
    expired = source.catalogue.filter(status="expired")["replay_id"]
    if len(expired):
        recordings.remove(*expired)
    recordings.sweep()
    store.bury()
    proof = search(store.folder, expired)
    return Erased(
        "purged what is past its time",
        0,
        len(expired),
        0,
        len(expired),
        proof.files,
        proof.read_bytes,
        tuple(proof.found),
        time.perf_counter() - began,
    )
