"""What one version of the event table holds, and how its rows are scanned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from replaykit.errors import UnknownProperty, did_you_mean
from replaykit.schema import CODE, COLUMNS, TIME
from replaykit.store.asked import note

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from replaykit.store.objects import Place
    from replaykit.store.settings import Settings
    from replaykit.store.snapshot import Parallel, Snapshot


@dataclass(frozen=True, eq=False)
class StoredEvents:
    """One version of a project's events, as it is read.

    Parameters
    ----------
    folder
        The project.
    settings
        Its settings.
    snapshot
        The version.
    """

    folder: Place
    settings: Settings
    snapshot: Snapshot

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


def _moment(micros: int | None) -> datetime | None:
    if micros is None:
        return None
    moment: datetime = pl.Series([micros]).cast(TIME).item()
    return moment
