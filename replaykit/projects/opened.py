"""The state that a project was opened in, and what is taken from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from replaykit.engine import Cluster
from replaykit.handles import Events
from replaykit.lookup import Person, find_person
from replaykit.person_answers import LookUp
from replaykit.replay_list import Replays
from replaykit.saved_cohorts import Cohorts
from replaykit.source import Source
from replaykit.source_parts import Known
from replaykit.store.events import EventStore, open_store
from replaykit.store.readers import reading
from replaykit.store.recordings import Recordings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import polars as pl

    from replaykit.engine import Engine
    from replaykit.store.objects import Place
    from replaykit.timeline import Weekday
    from replaykit.users import Users

COHORTS: Final = "cohorts"
RECORDINGS: Final = "replays"


@dataclass(frozen=True, eq=False, repr=False)
class Opened:
    """A folder of events and recordings, as one process has it open.

    Parameters
    ----------
    folder
        Where it lies.
    now
        What "last 7 days" counts from; by default the clock.
    title
        How it is called; by default as the folder is.
    address
        How saved notebooks find it again, if not by its folder.
    engine
        How questions run: on `"threads"`, as one `"scan"`, on an executor or a cluster.
    """

    folder: Place
    now: datetime | None = None
    title: str = ""
    address: str = ""
    engine: Engine = "threads"

    def __post_init__(self) -> None:
        """Note that this process has the project open."""
        reading(self.folder, self)

    @property
    def events(self) -> Events:
        """All events, ready for a question."""
        return Events(self.source)

    @property
    def replays(self) -> Replays:
        """All recordings, newest first; `.search(last="30d", …)` narrows them."""
        return Replays(self.source, self.source.catalogue)

    @property
    def tz(self) -> str:
        """The project's time zone."""
        return self._store.settings.tz

    def user(self, given: str) -> Person:
        """Look a person up by canonical id, device id, user id, or its beginning.

        The result tells their `profile`, `totals`, `stream()` by session, `replays`,
        and is watched by `.watch()`.

        Raises
        ------
        UnknownUser
            If nobody has that id, with the nearest one.
        """
        return find_person(self.source, given)

    @property
    def cohorts(self) -> Cohorts:
        """Saved cohorts: `cohorts.save("Buyers", events.users_who("Buy"))`."""
        return Cohorts(self.folder / COHORTS, self.events)

    def _keep_cohort(self, name: str, users: Users) -> None:
        self.cohorts.save(name, users)

    def _cohort(self, name: str) -> pl.Series:
        return self.cohorts[name].population["user"].unique().sort()

    @cached_property
    def _store(self) -> EventStore:
        return open_store(self.folder)

    @cached_property
    def _recordings(self) -> Recordings:
        return Recordings(self.folder / RECORDINGS)

    @cached_property
    def source(self) -> Source:
        """The state that handles taken now are pinned to."""
        store = self._store
        settings = store.settings
        # A pool of processes has only what the standard library can send.
        mapped = self.engine == "threads" or isinstance(self.engine, Cluster)

        def scan(
            properties: Iterable[str] | None,
            users: Iterable[int] | None = None,
            *,
            buckets: Iterable[int] | None = None,
        ) -> pl.LazyFrame:
            return store.scan(properties, buckets=buckets, users=users, mapped=mapped)

        first, last = store.first, store.last
        return Source(
            scan=scan,
            people=lambda: store.directory,
            properties=store.properties,
            recordings=self._recordings,
            zone=settings.tz,
            now=self._clock(),
            title=self.title or self.folder.name,
            path=self.address or str(self.folder),
            version=store.version,
            retention_days=settings.retention_days,
            retention_before=settings.retention_before,
            week_start=cast("Weekday", settings.week_start),
            quarter_start=settings.quarter_start,
            cohort=self._cohort,
            keep_cohort=self._keep_cohort,
            cohort_names=lambda: self.cohorts.names,
            merged=lambda: store.merged,
            known=Known(
                names=lambda: store.names.select("event", "rows"),
                edges=None if first is None or last is None else (first, last),
                users=store.users,
                buckets=store.buckets,
                codes=store.codes,
                mapped=mapped and store.mapped,
            ),
            engine=self.engine,
            again=lambda: replace(self).source,
            person=self._look_up,
        )

    def _look_up(self, given: str) -> LookUp:
        """Return what answers about a person, for who asks from a player."""
        return LookUp(self.user(given), self.user)

    def _clock(self) -> Callable[[], datetime]:
        fixed = self.now
        return (lambda: datetime.now(UTC)) if fixed is None else (lambda: fixed)

    def _forget_state(self) -> None:
        for name in ("_store", "_recordings", "source", "home", "widget"):
            self.__dict__.pop(name, None)
