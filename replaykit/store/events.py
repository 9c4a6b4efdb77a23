"""The event table of a project: open a version, read it, add to it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

import polars as pl
from deltalake.exceptions import DeltaError

from replaykit.errors import (
    BadInput,
    ReplayKitError,
    UnknownEvent,
    UnknownProperty,
    did_you_mean,
)
from replaykit.schema import CODE, COLUMNS, TIME
from replaykit.store.asked import asked, note, settle
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
from replaykit.store.snapshot import Parallel, Snapshot
from replaykit.store.staging import Stage, size_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

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
class EventStore:
    """One version of a project's events.

    A handle never changes what it reads: `ingest` and `compact` make a new version,
    which `latest()` or `open_store` then see.
    """

    folder: Place
    settings: Settings
    snapshot: Snapshot

    def __repr__(self) -> str:
        """Return where it is and how much it holds."""
        return (
            f"EventStore({str(self.folder)!r}, version {self.version}, "
            f"{self.rows:,} rows, {self.users:,} users)"
        )

    # ── what is there ─────────────────────────────────────────────────────────
    @property
    def version(self) -> int:
        """The Delta version this handle is pinned to."""
        return int(self.snapshot.table.version())

    @property
    def rows(self) -> int:
        """Number of rows, from the catalogue."""
        return self.snapshot.catalog.rows

    @property
    def users(self) -> int:
        """Number of people, from the catalogue."""
        return self.snapshot.catalog.users

    @property
    def first(self) -> datetime | None:
        """Time of the earliest event, from the catalogue."""
        return _moment(self.snapshot.catalog.first)

    @property
    def last(self) -> datetime | None:
        """Time of the latest event, from the catalogue."""
        return _moment(self.snapshot.catalog.last)

    @cached_property
    def names(self) -> pl.DataFrame:
        """Event names, the busiest first.

        `event`, `code` (null beyond 32,767 names), `rows`, `active`.
        """
        names = self.snapshot.catalog.names
        table = pl.DataFrame(
            {
                "event": list(names),
                "code": [code if code >= 0 else None for code, _ in names.values()],
                "rows": [rows for _, rows in names.values()],
            },
            schema={"event": pl.String, "code": pl.Int16, "rows": pl.Int64},
        )
        return (
            table.filter(pl.col("rows") > 0)
            .with_columns(active=~pl.col("event").is_in(list(self.settings.inactive)))
            .sort(pl.col("rows"), "event", descending=[True, False])
        )

    @property
    def codes(self) -> dict[str, int] | None:
        """The number of each event name; None where one has none (beyond 32,767)."""
        codes = {
            name: code
            for name, (code, rows) in self.snapshot.catalog.names.items()
            if rows > 0
        }
        return None if any(code < 0 for code in codes.values()) else codes

    @cached_property
    def properties(self) -> dict[str, str]:
        """Every readable property and its kind.

        Kinds: `boolean`, `integer`, `float`, `string`, `time`, `date`, `list` of text.
        An event property owns its bare name; a property hidden behind another of the
        same name is listed as `user.NAME` (`event.NAME` behind a canonical column).
        """
        return self.snapshot.catalog.registry.readable()

    @cached_property
    def directory(self) -> pl.DataFrame:
        """Everyone: `user`, `user_id` (the public id), `amplitude_id`, `device_id`.

        The public id is the user id; of the anonymous, the Amplitude id or device id.
        """
        return self.snapshot.people.filter(pl.col("merged_into").is_null()).select(
            "user",
            pl.coalesce("user_id", pl.col("amplitude_id").cast(pl.String), "device_id"),
            "amplitude_id",
            "device_id",
        )

    @cached_property
    def merged(self) -> pl.DataFrame:
        """People who turned out to be others: `user` (who they are), `kind`, `id`."""
        kinds = {"a": "canonical id", "u": "user id", "d": "device id"}
        gone = self.snapshot.people.filter(pl.col("merged_into").is_not_null())
        return gone.select(
            pl.col("merged_into").alias("user"),
            kind=pl.col("key").str.head(1).replace_strict(kinds),
            id=pl.col("key").str.slice(1),
        ).sort("user", "kind", "id")

    @cached_property
    def devices(self) -> pl.DataFrame:
        """`device_id`, `user`: which named person was seen on which device."""
        people = self.snapshot.people.select("user", "merged_into")
        return (
            self.snapshot.devices.join(people, on="user", how="left")
            .select("device_id", pl.coalesce("merged_into", "user").alias("user"))
            .unique()
            .sort("device_id", "user")
        )

    @property
    def buckets(self) -> list[int]:
        """The partitions that hold rows."""
        return list(self.snapshot.files)

    @property
    def is_sorted(self) -> bool:
        """Whether every partition is one file sorted by (user, time, row)."""
        return not self.unsorted

    @property
    def unsorted(self) -> list[int]:
        """The partitions that wait for compaction; scans of them sort late rows in."""
        files = self.snapshot.files
        return [bucket for bucket, parts in files.items() if len(parts) > 1]

    @property
    def mapped(self) -> bool:
        """Whether questions find their numbers in covering indexes."""
        return self.snapshot.mapped

    @cached_property
    def _asked(self) -> set[str]:
        return set()

    # ── read ──────────────────────────────────────────────────────────────────
    def scan(
        self,
        properties: Iterable[str] | None = None,
        *,
        buckets: Iterable[int] | None = None,
        users: Iterable[int] | None = None,
        mapped: bool = False,
    ) -> pl.LazyFrame:
        """Scan the canonical event frame, each user's rows together and in order.

        Nothing is read before the frame is collected, and then only the columns used;
        a property without a wide column is extracted from JSON text, which is slower.

        Parameters
        ----------
        properties
            Names to add to the canonical columns: `price`, or `event.price` and
            `user.price` when it matters whose; `None` adds every one of `properties`.
            `schema.CODE` adds the numbers of event names.
        buckets
            Only these partitions.
        users
            Only these people (numbers), reading only their partitions.
        mapped
            Take the numbers of these partitions from the covering index where there is
            one; whoever collects the scan and does not see it reads the table.
        """
        registry = self.snapshot.catalog.registry
        code: list[pl.Expr] = []
        extra: list[pl.Expr] = []
        for name in self.properties if properties is None else properties:
            if name in COLUMNS:
                continue
            if name == CODE:
                code = [pl.col("event_code").alias(CODE)]
                continue
            found = registry.find(name)
            if found is None:
                raise self._unknown(name)
            if not found.promoted and properties is not None:
                self._noted(name)
            extra.append(found.values().alias(name))
        wanted: list[int] | None = None
        if users is not None:
            wanted = sorted(set(users))
            theirs = {user % self.snapshot.catalog.buckets for user in wanted}
            among = theirs if buckets is None else theirs & set(buckets)
            buckets = [bucket for bucket in self.buckets if bucket in among]
        # Of a few narrow columns, reading the filtered ones first only costs.
        parallel: Parallel = "auto" if extra or users is not None else "row_groups"
        physical = self._physical(
            self.buckets if buckets is None else list(buckets),
            parallel,
            mapped=mapped and users is None and buckets is not None,
        )
        if wanted is not None:
            physical = physical.filter(pl.col("user").is_in(wanted))
        return physical.select(
            "user",
            pl.col("time").cast(TIME),
            "event",
            self._active(),
            "session_id",
            "row",
            "device_id",
            pl.col("client_time").cast(TIME),
            *code,
            *extra,
        )

    def _noted(self, name: str) -> None:
        if name not in self._asked:
            self._asked.add(name)
            note(self.folder, name)

    def _unknown(self, name: str) -> UnknownProperty:
        message = (
            f"No event has a property {name!r}; .properties lists all "
            f"{len(self.properties)}. {did_you_mean(name, self.properties)}"
        )
        return UnknownProperty(message.rstrip())

    def _physical(
        self, buckets: list[int], parallel: Parallel, *, mapped: bool
    ) -> pl.LazyFrame:
        snapshot = self.snapshot
        apart = set(snapshot.files if mapped else self.unsorted)
        # Runs of sorted partitions are one scan, so that files are read in parallel.
        tidy = [bucket for bucket in buckets if bucket not in apart]
        scans = [snapshot.rows(tidy, parallel=parallel)] if tidy or not buckets else []
        scans += [
            snapshot.in_order(bucket, parallel, mapped=mapped)
            for bucket in buckets
            if bucket in apart
        ]
        return scans[0] if len(scans) == 1 else pl.concat(scans)

    def _active(self) -> pl.Expr:
        inactive = list(self.settings.inactive)
        if not inactive:
            return pl.col("active")
        if self.codes is None:
            return pl.col("active") & ~pl.col("event").is_in(inactive)
        # Numbers are at hand where texts would have to be decoded.
        numbers = [self.codes[name] for name in inactive if name in self.codes]
        return pl.col("active") & ~pl.col("event_code").is_in(numbers)

    # ── write ─────────────────────────────────────────────────────────────────
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


def _moment(micros: int | None) -> datetime | None:
    if micros is None:
        return None
    moment: datetime = pl.Series([micros]).cast(TIME).item()
    return moment
