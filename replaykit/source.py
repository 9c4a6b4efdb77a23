"""Where questions read from: a project's tables, or a frame in memory.

A `Source` is what handles and results hold. It is pinned to one state of the data, so
that a chart and the users behind it can never disagree.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from threading import RLock, Timer
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from replaykit.errors import (
    BadInput,
    UnknownReplay,
    UnknownUser,
    as_id,
    did_you_mean,
)
from replaykit.owners import name_sessions, owners, sessions_meanwhile
from replaykit.schema import CODE, REPLAY_ID, session_numbers
from replaykit.timeline import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping

    from replaykit.engine import Engine
    from replaykit.redaction.rules import Redaction
    from replaykit.source_parts import Known, Recordings, Scan
    from replaykit.timeline import Weekday

#: Columns that say where a person is and what they use, shown beside a replay.
_CONTEXT: Final = ("country", "platform", "os_name", "device_family")
#: What a click needs is read so long after the chart was asked for.
_AFTER_CHART_S: Final = 0.3
#: Columns that are kept in memory of people who were recorded.
_NARROW: Final = ("user", "row", "time", "session_id", "active")
#: Up to so many users, their public ids are looked up one by one.
_PAGE: Final = 10_000


@dataclass(frozen=True, eq=False)
class Source:
    """Events, people and recordings, pinned to one state.

    Parameters
    ----------
    scan
        Returns the canonical event frame (`schema.COLUMNS`) with the named properties;
        `None` asks for every property. `users` limits it to these people.
    people
        Returns `user` Int32 and `user_id` String, one row per user.
    properties
        The names that can be filtered and grouped by.
    recordings
        The recordings, or `None` when there are none.
    zone
        IANA name of the project's time zone.
    now
        What "the last seven days" counts from, in UTC.
    path, version
        The project's folder and its table version; `None` for a frame in memory.
    known
        What needs no reading; `None` for a frame in memory.
    engine
        How questions run.
    again
        Returns the newest state of the same, whoever wrote it; `None` where nothing
        can come.
    """

    scan: Scan
    people: Callable[[], pl.DataFrame]
    properties: Mapping[str, str]
    recordings: Recordings | None
    zone: str
    now: Callable[[], datetime]
    title: str = "events"
    path: str | None = None
    version: int | None = None
    retention_days: int | None = None
    retention_before: tuple[tuple[str, int | None], ...] = ()
    week_start: Weekday = "monday"
    #: What was taken out of it (`rk.redact`), so that saved outputs stay without it.
    redaction: Redaction | None = None
    quarter_start: int = 1
    cohort: Callable[[str], pl.Series] | None = None
    keep_cohort: Callable[[str, Any], Any] | None = None
    cohort_names: Callable[[], list[str]] | None = None
    known: Known | None = None
    #: Returns people who turned out to be others: `user` (who they are), `kind`, `id`.
    merged: Callable[[], pl.DataFrame] | None = None
    #: Rows of people as they were read (`events_of`), for one who asks many questions.
    held: dict[int, pl.DataFrame] | None = None
    engine: Engine = "scan"
    again: Callable[[], Source] | None = None
    #: Answers about one person, by any id; None where people are not looked up.
    person: Callable[[str], Any] | None = None
    #: Rows that were added to it (`added_events`), which are numbered on.
    added: int = 0
    #: Addresses of recordings that the catalogue does not list, as they were read.
    addresses: dict[str, list[str]] = field(
        default_factory=dict, init=False, repr=False
    )
    _reading: RLock = field(default_factory=RLock, init=False, repr=False)
    _prepared: list[bool] = field(default_factory=list, init=False, repr=False)

    @cached_property
    def directory(self) -> pl.DataFrame:
        """`user` Int32 and `user_id` String, one row per user."""
        return self.people()

    @cached_property
    def results(self) -> dict[Hashable, object]:
        """Results of questions asked of this state, the latest last."""
        return {}

    @property
    def users(self) -> int:
        """Number of people."""
        return self.directory.height if self.known is None else self.known.users

    @cached_property
    def names(self) -> pl.DataFrame:
        """Event names and their rows: `event`, `rows`, most frequent first."""
        if self.known is not None:
            return self.known.names()
        return (
            self.scan(())
            .group_by("event")
            .agg(rows=pl.len())
            .sort(["rows", "event"], descending=[True, False])
            .collect()
        )

    @cached_property
    def span(self) -> Span:
        """The range from the first event to the last."""
        first, last = self.edges or (None, None)
        # The end of a range is exclusive.
        end = None if last is None else last + timedelta(microseconds=1)
        return Span(first, end, self.zone)

    @cached_property
    def edges(self) -> tuple[datetime, datetime] | None:
        """The times of the first event and of the last; None of no events."""
        if self.known is not None:
            return self.known.edges
        time = pl.col("time")
        edges = self.scan(()).select(first=time.min(), last=time.max()).collect()
        first, last = edges.row(0)
        return None if first is None else (first, last)

    @cached_property
    def rows(self) -> int:
        """Number of events."""
        return int(self.names["rows"].sum())

    @cached_property
    def catalogue(self) -> pl.DataFrame:
        """Return one row per replay, with the person and the country it belongs to.

        A recording knows its device, its session, sometimes its user; the events say
        whose they are (`owners`).
        """
        if self.recordings is None:
            return _EMPTY_CATALOGUE
        catalogue = self._aged(self.recordings.catalogue())
        if catalogue.is_empty():
            return catalogue.with_columns(country=pl.lit(None, pl.String))
        context = [name for name in _CONTEXT if name in self.properties]
        more = [REPLAY_ID] if REPLAY_ID in self.properties else []
        numbers = self._sessions_like(catalogue)
        if numbers is None:
            # With no sessions at all, a recording is the session of what it shows.
            own = session_numbers(catalogue["replay_id"])
            catalogue = catalogue.with_columns(pl.col("session_id").fill_null(own))
        else:
            catalogue = name_sessions(catalogue, numbers)
        rows = self.scan([*context, *more])
        joined = owners(catalogue, rows, self.directory, context)
        joined = sessions_meanwhile(joined, rows)
        if "country" not in joined.columns:
            joined = joined.with_columns(country=pl.lit(None, pl.String))
        return joined.join(
            self.directory.select("user", "user_id"), on="user", how="left"
        ).sort(["start", "replay_id"], descending=[True, False])

    def _sessions_like(self, catalogue: pl.DataFrame) -> pl.Series | None:
        """Return session ids where a recording lacks its own, `None` if there are none.

        Recordings that all know their session need no look at those of the events.
        """
        if self.sessionless:
            return None
        if catalogue["session_id"].null_count() == 0:
            return pl.Series([], dtype=pl.Int64)
        return self.scan(()).select(pl.col("session_id").unique()).collect().to_series()

    @cached_property
    def sessionless(self) -> bool:
        """Whether no event has a session."""
        known = self.scan(()).select(pl.col("session_id").is_not_null().any())
        return not known.collect().item()

    def _aged(self, catalogue: pl.DataFrame) -> pl.DataFrame:
        """Mark what is past its retention: listed, not playable.

        The last day counts, in the project's days (`spec/replay.md` 2). Only a purge
        deletes.
        """
        if self.retention_days is None and not self.retention_before:
            return catalogue
        days = pl.col("ingested").dt.convert_time_zone(self.zone).dt.date()
        today = self.now().astimezone(ZoneInfo(self.zone)).date()
        kept = pl.lit(self.retention_days, pl.Int32)
        # A change is for what is ingested later.
        for until, period in reversed(self.retention_before):
            before = pl.col("ingested") < datetime.fromisoformat(until)
            kept = pl.when(before).then(pl.lit(period, pl.Int32)).otherwise(kept)
        past = days + pl.duration(days=kept) < today
        status = pl.when(past).then(pl.lit("expired")).otherwise("status")
        return catalogue.with_columns(status=status)

    def kept_days(self, ingested: datetime) -> int | None:
        """Return how many days a recording of that moment is kept; None for ever."""
        for until, period in self.retention_before:
            if ingested < datetime.fromisoformat(until):
                return period
        return self.retention_days

    @cached_property
    def recorded(self) -> pl.DataFrame:
        """All rows of everybody who was ever recorded, without their properties.

        `_NARROW` and, where names have numbers, those. A point opens in these rows
        alone: who was not recorded has no replay to find.
        """
        with self._reading:
            if "recorded" in self.__dict__:  # another thread has read them meanwhile
                held: pl.DataFrame = self.__dict__["recorded"]
                return held
            people = self.catalogue["user"].drop_nulls().unique()
            coded = self.known is not None and self.known.codes is not None
            named = CODE if coded else "event"
            rows = self.scan((CODE,) if coded else (), people)
            found = rows.select(*_NARROW, named).collect(engine="streaming")
            self.__dict__["recorded"] = found
            return found

    def prepare(self) -> None:
        """Read what the first click on a chart needs, while somebody looks at it.

        It begins a moment later, beside what else runs, so that the chart comes first.
        """
        if self.recordings is None or "recorded" in self.__dict__ or self._prepared:
            return
        self._prepared.append(True)
        timer = Timer(_AFTER_CHART_S, self._prepare)
        timer.daemon = True
        timer.start()

    def _prepare(self) -> None:
        # Whatever is wrong with the data, the click itself says it.
        with suppress(Exception):
            self.recorded  # noqa: B018 - it is kept

    @cached_property
    def recorded_rows(self) -> pl.DataFrame:
        """`user`, `row`, `time`, `session_id` of everybody who was ever recorded."""
        rows = self.recorded.select("user", "row", "time", "session_id")
        return self.with_sessions(rows)

    def recorded_events(self, read: Collection[str]) -> pl.LazyFrame | None:
        """Return canonical rows of all who were recorded, from memory.

        Parameters
        ----------
        read
            The columns that are asked for; None is returned if others are among them.
        """
        held = {*_NARROW, "event", CODE}
        if self.recordings is None or not held.issuperset(read):
            return None
        rows = self.recorded.lazy()
        if "event" in self.recorded.columns or self.known is None:
            return rows
        names = self.known.codes or {}
        numbers = pl.col(CODE).cast(pl.Int64)
        event = numbers.replace_strict(
            list(names.values()), list(names), default=None, return_dtype=pl.String
        )
        return rows.with_columns(event=event)

    def with_sessions(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give rows the session of the recording that runs meanwhile.

        Only where no event has a session, so that replays can be matched by time.
        """
        if self.recordings is None or not self.sessionless:
            return rows
        running = self.catalogue.drop_nulls("user").select(
            "user", "start", "end", running="session_id"
        )
        found = (
            rows.select("user", "row", "time")
            .sort("time")
            .join_asof(
                running.sort("start"),
                left_on="time",
                right_on="start",
                by="user",
                check_sortedness=False,
            )
            .filter(pl.col("time") <= pl.col("end"))
            .select("user", "row", "running")
        )
        return (
            rows.join(found, on=["user", "row"], how="left", maintain_order="left")
            .with_columns(session_id="running")
            .drop("running")
        )

    def replay(self, replay_id: str) -> dict[str, Any]:
        """Return the catalogue's row of one replay."""
        found = self.catalogue.filter(pl.col("replay_id") == replay_id)
        if found.is_empty():
            known = self.catalogue["replay_id"].to_list()
            hint = did_you_mean(replay_id, known)
            raise UnknownReplay(
                f"No replay {replay_id!r} among {len(known):,}. {hint} "
                "shop.replays lists them.".replace("  ", " ")
            )
        return found.row(0, named=True)

    def cohorts_of(self, user: int) -> list[tuple[str, bool]]:
        """Return the saved cohorts, and whether a user is in each."""
        names, read = self.cohort_names, self.cohort
        if names is None or read is None:
            return []
        return [(name, user in read(name)) for name in names()]

    def members_of(self, cohort: object) -> pl.Series:
        """Return the numbers of the users of a set of users, or of a saved cohort.

        Raises
        ------
        UnknownCohort, BadInput
            If no cohort has that name, or it is no set of users.
        """
        if isinstance(cohort, str) and self.cohort is not None:
            return self.cohort(cohort)
        population = getattr(cohort, "population", None)
        if not isinstance(population, pl.DataFrame):
            raise BadInput(
                f"cohort={cohort!r} is not Users. Write cohort=events.users_who("
                "'Purchase'), any point's users, or the name of a saved cohort of a "
                "project."
            )
        people = population["user"].unique().sort()
        theirs: Source = cohort.within.source  # type: ignore[attr-defined]
        if theirs is self or theirs.directory is self.directory:
            return people
        ids = theirs.user_ids(people).to_frame("user_id")
        return self.directory.join(ids, on="user_id", how="semi")["user"].sort()

    def user_ids(self, users: pl.Series) -> pl.Series:
        """Translate the index of users into their public ids, in the same order."""
        frame = pl.DataFrame({"user": users.cast(pl.Int32)})
        known = self.directory.select("user", "user_id")
        if frame.height < _PAGE:
            # Of a page of users, all others need no place in a join.
            known = known.filter(pl.col("user").is_in(frame["user"].implode()))
        return frame.join(known, on="user", how="left", maintain_order="left")[
            "user_id"
        ]

    def named(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return a table with the public ids of its users."""
        return table.with_columns(self.user_ids(table["user"]).alias("user"))

    def user(self, user_id: str) -> int:
        """Return the index of a public id."""
        user_id = as_id("user", user_id)
        found = self.directory.filter(pl.col("user_id") == user_id)
        if found.is_empty():
            hint = did_you_mean(user_id, self.directory["user_id"].head(50_000))
            raise UnknownUser(
                f"No user {user_id!r} among {self.directory.height:,}. {hint}".rstrip()
            )
        index: int = found["user"][0]
        return index


_EMPTY_CATALOGUE: Final = pl.DataFrame(
    schema={
        "replay_id": pl.String,
        "user": pl.Int32,
        "user_id": pl.String,
        "device_id": pl.String,
        "session_id": pl.Int64,
        "start": pl.Datetime("us", "UTC"),
        "end": pl.Datetime("us", "UTC"),
        "length_ms": pl.Int64,
        "events": pl.Int64,
        "pages": pl.Int32,
        "first_page": pl.String,
        "urls": pl.List(pl.String),
        "rage_clicks": pl.Int32,
        "dead_clicks": pl.Int32,
        "errors": pl.Int32,
        "failed_requests": pl.Int32,
        "status": pl.String,
        "country": pl.String,
        "activity": pl.List(pl.UInt8),
    }
)
