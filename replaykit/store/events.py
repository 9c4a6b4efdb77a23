"""The event table of a project: open a version, add rows, change how it lies."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import polars as pl
from deltalake.exceptions import DeltaError

from replaykit.errors import BadInput, ReplayKitError, UnknownEvent, did_you_mean
from replaykit.store.asked import asked, settle
from replaykit.store.commit import Outcome, commit
from replaykit.store.layout import create_table
from replaykit.store.lease import writing
from replaykit.store.objects import Place, place
from replaykit.store.plan import Wishes
from replaykit.store.settings import (
    MOST_BUCKETS,
    Settings,
    create_settings,
    read_settings,
    write_settings,
)
from replaykit.store.snapshot import Snapshot
from replaykit.store.staging import Stage, size_of
from replaykit.store.stored_events import StoredEvents

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from replaykit.schema import Owner

Report_co = TypeVar("Report_co", covariant=True)
Report = TypeVar("Report")


class Incoming(Protocol[Report_co]):
    """A reader of some source: batches of rows, and a report at the end."""

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield batches in the shape of `schema.INCOMING`."""
        ...

    def expected(self) -> int | None:
        """Return about how many bytes the rows take in memory, None if unknown."""
        ...

    def narrow(self) -> Mapping[tuple[Owner, str, str], int]:
        """Return (owner, name, kind) of properties that lie in the text alone."""
        ...

    def finished(self, new: int, duplicate: int) -> Report_co:
        """Return the report, given what became of the rows."""
        ...


@dataclass(frozen=True, eq=False)
class EventStore(StoredEvents):
    """One version of a project's events.

    A handle never changes what it reads: `ingest` and `compact` make a new version,
    which `latest()` or `open_store` then see.
    """

    def __repr__(self) -> str:
        """Return where it is and how much it holds."""
        return (
            f"EventStore({str(self.folder)!r}, version {self.version}, "
            f"{self.rows:,} rows, {self.users:,} users)"
        )

    def ingest(self, source: Incoming[Report]) -> Report:
        """Add all rows of a source in one commit, or none.

        Rows already in the table are left out, so the same source twice changes
        nothing. Other writers may commit meanwhile; nothing of either is lost.
        """
        with _said(self.folder), writing(self.folder) as writer:
            stage = Stage(writer.scratch, source.expected())
            for batch in source.batches():
                stage.add(batch)
            stage.narrow.update(source.narrow())
            outcome = commit(self.folder, self.settings, writer, stage, Wishes())
        return source.finished(outcome.new, outcome.duplicate)

    def append(self, *batches: pl.DataFrame) -> Outcome:
        """Add batches of `schema.INCOMING` rows in one commit."""
        with _said(self.folder), writing(self.folder) as writer:
            stage = Stage(writer.scratch, sum(map(size_of, batches)))
            for batch in batches:
                stage.add(batch)
            return commit(self.folder, self.settings, writer, stage, Wishes())

    def compact(self, *, buckets: int | None = None) -> Outcome:
        """Sort every partition that has several files into one.

        Properties that questions had to read from the JSON text get a wide column, and
        large partitions without a covering index get one.

        Parameters
        ----------
        buckets
            Cut the table into so many partitions instead; all of it is rewritten.
        """
        if buckets is not None and not 1 <= buckets <= MOST_BUCKETS:
            raise BadInput(f"buckets={buckets} is not between 1 and {MOST_BUCKETS}.")
        latest = self.latest()
        loose = frozenset(latest.unsorted)
        names = asked(self.folder, latest.snapshot.catalog.registry)
        wishes = Wishes(rewrite=loose, buckets=buckets, promote=names)
        done = self._rewrite(wishes)
        after = self.latest().snapshot
        if names:
            settle(self.folder, after.catalog.registry)
        after.index()
        return done

    def promote(self, name: str) -> Outcome:
        """Give a property a wide column, which makes questions about it fast.

        Parameters
        ----------
        name
            `price`, or `event.price` and `user.price` when it matters whose.
        """
        if self.snapshot.catalog.registry.find(name) is None:
            raise self._unknown(name)
        return self._rewrite(Wishes(promote=(name,)))

    def bury(self, forget: Iterable[int] = ()) -> Outcome:
        """Delete earlier versions at once, and people with all their rows.

        Handles on earlier versions cannot be read afterwards: see `readers.alone`.

        Parameters
        ----------
        forget
            Numbers of people, those merged into them included.
        """
        return self._rewrite(Wishes(forget=frozenset(forget), bury=True))

    def _rewrite(self, wishes: Wishes) -> Outcome:
        with _said(self.folder), writing(self.folder) as writer:
            return commit(self.folder, self.settings, writer, None, wishes)

    def latest(self) -> EventStore:
        """Return a handle on the newest version."""
        return open_store(self.folder)

    def set_inactive(self, *names: str) -> EventStore:
        """Declare which event names are not an act of the user, for all rows."""
        known = self.names["event"].to_list()
        for name in names:
            if name not in known:
                raise UnknownEvent(
                    f"No event is named {name!r}. {did_you_mean(name, known)}".rstrip()
                )
        settings = replace(self.settings, inactive=tuple(names))
        write_settings(self.folder, settings)
        return replace(self, settings=settings)


def create_store(
    path: str | os.PathLike[str] | Place,
    settings: Settings | None = None,
    storage_options: Mapping[str, str] | None = None,
) -> EventStore:
    """Create a project folder with an empty event table.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = create_store(f"{folder}/shop.rk", Settings(tz="Europe/Paris"))
    ...     store.rows, store.settings.tz
    (0, 'Europe/Paris')
    """
    folder = place(path, storage_options)
    made = create_settings(folder, settings or Settings())
    create_table(folder)
    return EventStore(folder, made, Snapshot.load(folder, made.buckets))


def open_store(
    path: str | os.PathLike[str] | Place,
    version: int | None = None,
    storage_options: Mapping[str, str] | None = None,
) -> EventStore:
    """Open a project's events, pinned to a version (default: the latest)."""
    folder = place(path, storage_options)
    settings = read_settings(folder)
    return EventStore(
        folder, settings, Snapshot.load(folder, settings.buckets, version)
    )


@contextmanager
def _said(folder: Place) -> Iterator[None]:
    """Turn failures of disk, polars and Delta into an error with a next move."""
    try:
        yield
    except ReplayKitError:
        raise
    except (OSError, pl.exceptions.PolarsError, DeltaError) as error:
        raise BadInput(
            f"{folder} could not be written: {error}. Nothing was added; see that the "
            "disk has room and may be written, then run it again."
        ) from error
