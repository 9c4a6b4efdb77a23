"""Events as an analyst holds them: narrowed by range and filter, ready to be asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import timeline
from replaykit.added_events import with_events
from replaykit.errors import BadInput, UnknownProperty, did_you_mean
from replaykit.query import Step, as_step, check_events, conditions
from replaykit.questions import Questions, names_in
from replaykit.schema import CAPTURED, CODE, COLUMNS, REPLAY_ID
from replaykit.users import Users
from replaykit.wording import big, count_words, span_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from replaykit.cohort_rules import Rule
    from replaykit.query import Value
    from replaykit.timeline import Weekday

#: `user` in an expression is the public id; inside, users are numbered.
_PUBLIC_ID = "user"

#: The repr of a narrowed handle counts its rows up to so many events of the source.
MOST_COUNTED: Final = 20_000_000
#: From here on the repr writes counts short.
MANY: Final = 10_000


@dataclass(frozen=True, eq=False, repr=False)
class Events(Questions):
    """Events of one source, narrowed by range, filters and users; nothing is copied.

    Methods return new handles or results. `between` sets the range of a question and
    `filter` its segment: in a funnel and in journeys both bind the first event only, in
    all other questions every event (`spec/model.md` 4).
    """

    # ── narrow ────────────────────────────────────────────────────────────────
    def between(
        self, start: str | date | datetime | None, end: str | date | datetime | None
    ) -> Events:
        """Keep a range; a bare date as its end includes that day.

        Parameters
        ----------
        start, end
            Dates or times, read in the project's zone; `None` leaves a side open. A
            datetime as the end is exclusive.

        Examples
        --------
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ben"],
        ...         "time": ["2026-03-01", "2026-03-02 09:00", "2026-03-02"],
        ...         "event": ["Search", "Buy", "Search"],
        ...         "plan": ["pro", "pro", None],
        ...     }
        ... )
        >>> rk.events(log).between("2026-03-01", "2026-03-01").collect().height
        1
        """
        span = timeline.between(start, end, self.source.zone)
        return replace(self, span=span, recent=None)

    def since(
        self,
        start: str | date | datetime,
        *,
        without: Weekday | Sequence[Weekday] = (),
    ) -> Events:
        """Keep what happened from a moment up to now.

        Parameters
        ----------
        start
            A date or time, read in the project's zone.
        without
            Weekdays that are left out of every number, such as `"saturday"`; their
            points disappear from daily and hourly series.

        Examples
        --------
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana"],
        ...         "time": ["2026-03-01 09:00", "2026-03-02 09:00"],
        ...         "event": ["Search", "Buy"],
        ...     }
        ... )
        >>> events = rk.events(log).since("2026-03-01", without="monday")
        >>> events.collect()["event"].to_list()
        ['Search']
        """
        span = timeline.since(
            start, self.source.now(), self.source.zone, without=_days(without)
        )
        return replace(self, span=span, recent=None)

    def last(
        self,
        units: str,
        *,
        offset: str | None = None,
        exclude_incomplete: bool = False,
        without: Weekday | Sequence[Weekday] = (),
    ) -> Events:
        """Keep the last complete units and the running one: `"7d"`, `"4w"`, `"3mo"`.

        Parameters
        ----------
        units
            A whole number of minutes, hours, days, weeks, months, quarters or years,
            in the project's zone; they are counted back from the project's `now`.
        offset
            Move the same list of units back: `"1d"`.
        exclude_incomplete
            Leave out the running unit; not together with `offset`.
        without
            Weekdays that are left out of every number, such as `"saturday"`.

        Examples
        --------
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {"user": ["ana"], "time": ["2026-03-01 09:00"], "event": ["Search"]}
        ... )
        >>> events = rk.events(log, now=datetime(2026, 3, 3, 12)).last("2d")
        >>> events.segmentation("Search").table["incomplete"].to_list()
        [False, False, True]
        """
        span = timeline.last(
            units,
            self.source.now(),
            self.source.zone,
            offset=offset,
            exclude_incomplete=exclude_incomplete,
            without=_days(without),
            week_start=self.source.week_start,
            quarter_start=self.source.quarter_start,
        )
        moves = offset is None and not exclude_incomplete and not without
        return replace(self, span=span, recent=units if moves else None)

    def filter(
        self,
        *predicates: pl.Expr,
        cohort: Users | str | None = None,
        not_cohort: Users | str | None = None,
        **equals: Value,
    ) -> Events:
        """Keep rows as polars spells it: `filter(pl.col("price") > 0, platform="web")`.

        A list means any of its values, `None` a missing one. `user` is the public id.

        Parameters
        ----------
        predicates
            Conditions that a row meets.
        cohort, not_cohort
            Keep, or leave out, all rows of these users: `Users`, or the name of a saved
            cohort. Conditions choose rows, cohorts choose users.
        equals
            `column=value`.

        Raises
        ------
        UnknownProperty, UnknownCohort
            With what exists, and the nearest match.

        Examples
        --------
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ben"],
        ...         "time": ["2026-03-01", "2026-03-02 09:00", "2026-03-02"],
        ...         "event": ["Search", "Buy", "Search"],
        ...         "plan": ["pro", "pro", None],
        ...     }
        ... )
        >>> list(rk.events(log).filter(plan="pro").everyone())
        ['ana']
        """
        added = self.read(*predicates, **equals)
        narrowed = replace(self, segment=(*self.segment, *added))
        if cohort is not None:
            members = self.source.members_of(cohort)
            narrowed = replace(narrowed, people=_common(self.people, members))
        if not_cohort is not None:
            left_out = self.source.members_of(not_cohort)
            everybody = self.source.directory["user"]
            others = everybody.filter(~everybody.is_in(left_out.implode()))
            narrowed = replace(narrowed, people=_common(narrowed.people, others))
        return narrowed

    def read(self, *predicates: pl.Expr, **equals: Value) -> tuple[pl.Expr, ...]:
        """Read conditions as `filter` takes them, with public ids translated."""
        given = conditions(*predicates, **equals)
        self._check(names_in(given))
        return tuple(self._by_number(one) for one in given)

    def _by_number(self, condition: pl.Expr) -> pl.Expr:
        """Turn a condition on public ids into one on the numbers of users."""
        read = set(condition.meta.root_names())
        if _PUBLIC_ID not in read:
            return condition
        if read != {_PUBLIC_ID}:
            raise BadInput(
                "A condition on user stands alone: write filter(user=…, price=…) or "
                "two conditions instead of one that mixes them."
            )
        people = self.source.directory.select("user", id="user_id")
        meets = people.select(pl.col("id").alias(_PUBLIC_ID)).select(condition)
        chosen = people.filter(meets.to_series().fill_null(value=False))["user"]
        return pl.col(_PUBLIC_ID).is_in(chosen.implode())

    def also(self, event: str | pl.Series, found: pl.DataFrame) -> Events:
        """Add events that were never tracked, such as what recordings show.

        The project's tables are not touched: the added rows are part of this handle
        and of all that is asked of it. A shared page brings them along.

        Parameters
        ----------
        event
            Name of the added events; or a series of names, one per row.
        found
            One row each: `user` (public id) and `time` (Datetime in UTC or with a
            zone). `session_id` or `replay_id`, if there, say the session; every other
            column is a property. Rows without a user are left out. Frames of
            `Replays.read` and `Replays.elements` are such.

        Raises
        ------
        UnknownUser
            If the frame has a user these events do not know.
        BadInput
            If there are events of that name, or a column has another dtype than the
            property of its name.

        Examples
        --------
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ben"],
        ...         "time": ["2026-03-01 09:00", "2026-03-01 10:00"],
        ...         "event": ["Buy", "Buy"],
        ...     }
        ... )
        >>> calls = pl.DataFrame({"user": ["ana"], "time": ["2026-03-01 08:00"]})
        >>> calls = calls.with_columns(pl.col("time").str.to_datetime())
        >>> rk.events(log).also("Called us", calls).funnel(
        ...     "Called us", "Buy", within="1d"
        ... ).table["users"].to_list()
        [1, 1]
        """
        return replace(self, source=with_events(self.source, event, found))

    # ── look ──────────────────────────────────────────────────────────────────
    @property
    def names(self) -> pl.DataFrame:
        """Event names and their rows, most frequent first: `event`, `rows`."""
        return self.source.names

    def top(self, count: int = 10) -> list[str]:
        """Name the active events with most rows in the range, the filters applied.

        Ties stand in the order of their names: `events.segmentation(*events.top(5))`.

        Examples
        --------
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ben"],
        ...         "time": ["2026-03-01", "2026-03-02", "2026-03-02"],
        ...         "event": ["Search", "Buy", "Search"],
        ...     }
        ... )
        >>> rk.events(log).top(1)
        ['Search']
        """
        rows = self.frame().filter("active").group_by("event").agg(rows=pl.len())
        most = rows.sort(["rows", "event"], descending=[True, False]).head(count)
        return most.collect()["event"].to_list()

    def frame(self, *properties: str) -> pl.LazyFrame:
        """Return the rows as a lazy frame: canonical columns and the named properties.

        `user` is the number of the user inside the source; `collect` gives public ids.
        Range, filters and users of this handle are applied.
        """
        lf = self.rows(names_in(self.segment) | set(properties))
        return lf.filter(self.span.holds(pl.col("time")), *self.segment)

    def collect(self, *properties: str) -> pl.DataFrame:
        """Return the rows with public user ids, in the order of user and time.

        Columns: `user` String, `time` Datetime UTC, `event` String, `session_id`
        Int64, `row` Int64, and the named properties (all of them when none is named).
        """
        chosen = properties or tuple(self.source.properties)
        frame = self.frame(*chosen).sort("user", "time", "row").collect()
        return frame.select(
            self.source.user_ids(frame["user"]).alias("user"),
            "time",
            "event",
            "session_id",
            "row",
            *chosen,
        )

    def rows(
        self, properties: Iterable[str] = (), *, buckets: Iterable[int] | None = None
    ) -> pl.LazyFrame:
        """Return the rows of this handle's users, before range and filters.

        `buckets` limits them to these partitions of a project.
        """
        named = set(properties)
        self._check(named - {CODE})
        lf = self.source.scan(sorted(named - set(COLUMNS)), buckets=buckets)
        if self.people is not None:
            lf = lf.filter(pl.col("user").is_in(self.people.implode()))
        return lf

    def check_columns(self, names: Iterable[str]) -> None:
        """Refuse properties that the data do not hold."""
        self._check(names)

    def _check(self, names: Iterable[str]) -> None:
        known = {*COLUMNS, *self.source.properties}
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known)
                raise UnknownProperty(
                    f"No property {name!r}. {hint} There are "
                    f"{', '.join(sorted(self.source.properties))}.".replace("  ", " ")
                )

    def steps(self, events: Sequence[str | Step]) -> list[Step]:
        """Read steps, and refuse names that the data do not hold."""
        steps = [as_step(event) for event in events]
        known: dict[str, int] = dict(self.names.iter_rows())
        bounded = self.span.start is not None or self.span.end is not None
        where = f"in {span_words(self.span)}" if bounded else ""
        check_events(steps, known, where=where)
        self._check(names_in(step.predicate() for step in steps))
        return steps

    # ── people ────────────────────────────────────────────────────────────────
    def users(
        self, population: pl.DataFrame, label: str, rule: Rule | None = None
    ) -> Users:
        """Return the users of a population (`watchlists.POPULATION`)."""
        return Users(self, population, label, rule)

    def captured(self) -> pl.DataFrame:
        """Count captured replays in the range by both rules, and all sessions.

        Returns
        -------
        DataFrame
            `method` String and `value` Int64, four rows: events that say a replay was
            captured; distinct replay ids on them (the current rule); sessions with an
            event that names a replay (the older, approximate rule); all sessions.
            Rules:
            `spec/replay.md` 1.

        Examples
        --------
        >>> import replaykit as rk
        >>> rk.demo().events.captured().columns
        ['method', 'value']
        """
        known = REPLAY_ID in self.source.properties
        names = [REPLAY_ID] if known else []
        rows = self.frame(*names)
        replay = pl.col(REPLAY_ID) if known else pl.lit(None, pl.String)
        said = pl.col("event") == CAPTURED
        visit = pl.struct("user", "session_id")
        inside = pl.col("session_id").is_not_null()
        counts = rows.select(
            said.sum(),
            replay.filter(said).drop_nulls().n_unique(),
            visit.filter(inside & replay.is_not_null()).n_unique().alias("with_id"),
            visit.filter(inside).n_unique().alias("all"),
        ).collect(engine="streaming")
        words = ["captured events", "captured replays"]
        words += ["sessions with a replay id", "sessions"]
        values = pl.Series("value", counts.row(0), dtype=pl.Int64)
        return pl.DataFrame({"method": words, "value": values})

    @cached_property
    def _size(self) -> tuple[int, int, int]:
        """Return the numbers of events, users and names that this handle keeps."""
        bounded = self.span.start is not None or self.span.end is not None
        narrowed = bounded or self.segment or self.people is not None
        if not narrowed or self.source.rows > MOST_COUNTED:
            return self.source.rows, self.source.users, self.names.height
        counts = self.frame().select(
            events=pl.len(),
            users=pl.col("user").n_unique(),
            names=pl.col("event").n_unique(),
        )
        events, users, names = counts.collect().row(0)
        return events, users, names

    def __repr__(self) -> str:
        """Say the range, the size and the zone, from one cached scan."""
        bounded = self.span.start is not None or self.span.end is not None
        events, users, names = self._size
        words = [
            span_words(self.span if bounded else self.source.span),
            count_words(events, "event") if events < MANY else f"{big(events)} events",
            count_words(users, "user") if users < MANY else f"{big(users)} users",
            count_words(names, "name"),
            self.source.zone,
        ]
        if self.segment:
            words.append(count_words(len(self.segment), "filter"))
        return " · ".join(words)


def _days(given: Weekday | Sequence[Weekday]) -> tuple[Weekday, ...]:
    """Return weekdays as a tuple; one alone becomes a tuple of one."""
    return (given,) if isinstance(given, str) else tuple(given)


def _common(people: pl.Series | None, members: pl.Series) -> pl.Series:
    """Return the users, by number and in order, who are in both."""
    members = members.unique().sort()
    if people is None:
        return members
    return people.filter(people.is_in(members.implode()))
