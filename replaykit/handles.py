"""Events as an analyst holds them: narrowed by range and filter, ready for a question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from replaykit import microscope, timeline
from replaykit.analyses import funnel as _funnel
from replaykit.analyses import segmentation as _segmentation
from replaykit.analyses import sessions as _sessions
from replaykit.analyses.funnel_plan import Exclusion
from replaykit.errors import UnknownProperty, did_you_mean
from replaykit.query import Step, as_step, check_events, conditions
from replaykit.results import Funnel, Segmentation, Sessions
from replaykit.schema import COLUMNS
from replaykit.users import Users
from replaykit.wording import big, count_words, span_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from replaykit.analyses.funnel_plan import (
        Count,
        ExactScope,
        Excluded,
        NewUsers,
        Order,
        Resolution,
    )
    from replaykit.analyses.measures import Aggregate, Measure
    from replaykit.analyses.properties import Bins, By, Items
    from replaykit.analyses.session_query import Edge, ValuesOf
    from replaykit.analyses.session_rules import LengthFrom, SessionRule
    from replaykit.analyses.session_values import SessionMeasure
    from replaykit.source import Source

#: `user` in an expression is the public id; inside, users are numbered.
_PUBLIC_ID = "user"


@dataclass(frozen=True, eq=False, repr=False)
class Events:
    """Events of one source, narrowed by range, filters and users; nothing is copied.

    Methods return new handles or results. `between` sets the range of a question and
    `filter` its segment: in a funnel and in journeys both bind the first event only, in
    all other questions every event (`spec/model.md` 4).
    """

    source: Source
    span: timeline.Span = timeline.Span()  # noqa: RUF009 - a frozen value
    segment: tuple[pl.Expr, ...] = ()
    people: pl.Series | None = None

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
        """
        return replace(self, span=timeline.between(start, end, self.source.zone))

    def last(
        self, units: str, *, offset: str | None = None, exclude_incomplete: bool = False
    ) -> Events:
        """Keep the last complete units and the running one: `"7d"`, `"4w"`, `"3mo"`."""
        span = timeline.last(
            units,
            self.source.now(),
            self.source.zone,
            offset=offset,
            exclude_incomplete=exclude_incomplete,
        )
        return replace(self, span=span)

    def filter(self, *predicates: pl.Expr, **equals: object) -> Events:
        """Keep rows as polars spells it: `filter(pl.col("price") > 0, platform="web")`.

        A list means any of its values, `None` a missing one. `user` is the public id.
        """
        added = tuple(conditions(*predicates, **equals))
        self._check(_names_in(added))
        return replace(self, segment=(*self.segment, *added))

    # ── look ──────────────────────────────────────────────────────────────────
    @property
    def names(self) -> pl.DataFrame:
        """Event names and their rows, most frequent first: `event`, `rows`."""
        return self.source.names

    def frame(self, *properties: str) -> pl.LazyFrame:
        """Return the rows as a lazy frame: canonical columns and the named properties.

        `user` is the number of the user inside the source; `collect` gives public ids.
        Range, filters and users of this handle are applied.
        """
        lf = self.rows(_names_in(self.segment) | set(properties))
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

    def rows(self, properties: Iterable[str] = ()) -> pl.LazyFrame:
        """Return the rows of this handle's users, before range and filters."""
        named = set(properties)
        self._check(named)
        lf = self.source.scan(sorted(named - set(COLUMNS)))
        if self.people is not None:
            lf = lf.filter(pl.col("user").is_in(self.people.implode()))
        return lf

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
        self._check(_names_in(step.predicate() for step in steps))
        return steps

    # ── ask ───────────────────────────────────────────────────────────────────
    def segmentation(
        self,
        *events: str | Step,
        measure: Measure = "uniques",
        of: str | pl.Expr | None = None,
        aggregate: Aggregate | None = None,
        bins: Bins | None = None,
        every: timeline.Interval = "1d",
        by: By = None,
        segment_by: By = None,
        top: int | None = None,
        over: str | None = None,
        items: Items = "all",
    ) -> Segmentation:
        """Count events over time: who did something, how often, with what values.

        Filters of this handle hold for every event. Users are distinct within each
        interval; the widget's bars and `total` treat the range as one interval.

        Parameters
        ----------
        events
            Names, or steps made by `rk.event`; `"*"` is any event.
        measure
            `"uniques"` users, `"totals"` events, `"active"` percent of active users,
            `"average"` events per user, `"frequency"` users per number of events,
            `"property"` an aggregate of a property.
        of, aggregate
            With `measure="property"`: the property, and `"sum"`, `"average"`, …
        bins
            Of frequency and distributions: `(min, max, size)` or a list of ranges.
        every
            Civil interval in the project's zone: `"1h"`, `"1d"`, `"1w"`, `"1mo"`, …
        by, segment_by
            Properties to group by, of the event or of the segment.
        top
            Keep the largest groups, the rest is `"other"`.
        over
            `"rolling 7"`, `"rolling average 7"` or `"cumulative"`.
        items
            Whether arrays count every item (`"all"`) or each distinct one.

        Returns
        -------
        Segmentation
            `.table`: `event` String, the groupings String, `time` Datetime in the
            project's zone, `value`, `incomplete` Boolean. Rules: `spec/segmentation.md`.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownOption, BadDuration
            With what exists, and the nearest match.

        Examples
        --------
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "uid": ["ana", "ana", "ben"],
        ...         "ts": [datetime(2026, 3, 1, hour) for hour in (9, 10, 11)],
        ...         "name": ["Search", "Buy", "Search"],
        ...     }
        ... )
        >>> events = rk.events(log, user="uid", time="ts", event="name")
        >>> events.segmentation("Search").table["value"].to_list()
        [2]
        """
        steps = self.steps(events)
        answer = _segmentation.segmentation(
            self._asked(steps, by, segment_by, of),
            steps,
            measure=measure,
            of=of,
            aggregate=aggregate,
            bins=bins,
            every=every,
            span=self._span(),
            tz=self.source.zone,
            by=by,
            segment_by=segment_by,
            top=top,
            segments=self.segment or None,
            over=over,
            items=items,
            week_start=self.source.week_start,
        )
        return Segmentation(self, answer, measure, every)

    def funnel(
        self,
        *steps: str | Step,
        within: str = "1d",
        order: Order = "this",
        by: str | Sequence[str] | None = None,
        by_step: tuple[int, str] | None = None,
        hold: str | Sequence[str] | None = None,
        exclude: Excluded | Sequence[Excluded] | None = None,
        count: Count = "uniques",
        resolution: Resolution = "1s",
        exact_scope: ExactScope = "active",
        new_users: NewUsers | None = None,
    ) -> Funnel:
        """Count the users who reach each step, within a window that opens at the first.

        A user enters with the first step inside the range and the filters of this
        handle; later steps may follow after the range. Of all paths of a user the
        longest counts, then the earliest entered. Rows of one second have no order, so
        either order converts.

        Parameters
        ----------
        steps
            2 to 10 names, or steps made by `rk.event`.
        within
            Time from the first step to the last, bound included: `"30m"`, `"7d"`.
        order
            `"this"`: anything may happen between. `"exact"`: nothing else may.
            `"any"`: all steps in any order inside one window.
        by
            Properties of the entry that make groups.
        by_step
            `(step, property)`: the value at that step instead.
        hold
            Properties that stay the same along a path; each value is a unit.
        exclude
            Events that a path may not pass: a name, a step, or
            `Exclusion(event, first, last)`.
        count
            `"uniques"` users, or `"totals"`: every attempt.
        resolution
            `"1s"`, or `"1ms"` to keep the order inside a second.
        exact_scope
            What breaks an exact path: other `"active"` events, or `"all"`.
        new_users
            `"any day"` or `"first day"`: only users new in the range.

        Returns
        -------
        Funnel
            `.table`: `step`, `event`, the groupings, `users`, `share` (of step 1),
            `step_share` (of the step before), `dropped_before`, `avg_time`,
            `median_time`. `.dropped(after=…)`, `.reached(…)`, `.converted()` are the
            users. Rules: `spec/funnel.md`.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownOption, BadDuration
            With what exists, and the nearest match.

        Examples
        --------
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "uid": ["ana", "ana", "ben"],
        ...         "ts": [datetime(2026, 3, 1, hour) for hour in (9, 10, 11)],
        ...         "name": ["Search", "Buy", "Search"],
        ...     }
        ... )
        >>> events = rk.events(log, user="uid", time="ts", event="name")
        >>> checkout = events.funnel("Search", "Buy", within="7d")
        >>> checkout.table["users"].to_list()
        [2, 1]
        >>> list(checkout.dropped(after="Search"))
        ['ben']
        """
        read = self.steps(steps)
        avoided = _excluded(exclude)
        self.steps(avoided)
        answer = _funnel.funnel(
            self._asked([*read, *avoided], by, hold, by_step and by_step[1]),
            read,
            within=within,
            order=order,
            span=self._span(),
            segment=self.segment,
            by=by,
            by_step=by_step,
            hold=hold,
            exclude=exclude,
            count=count,
            resolution=resolution,
            exact_scope=exact_scope,
            new_users=new_users,
        )
        labels = tuple(answer.plan.labels)
        return Funnel(self, answer, labels, tuple(answer.plan.groups), within, order)

    def sessions(
        self,
        *,
        measure: SessionMeasure = "total",
        every: timeline.Interval = "1d",
        by: By = None,
        by_value: Edge = "first",
        values_of: ValuesOf = "session",
        top: int | None = None,
        containing: Step | str | None = None,
        times: str | None = None,
        length: str | None = None,
        first: Mapping[str, object] | None = None,
        last: Mapping[str, object] | None = None,
        counting: Step | str | None = None,
        bins: Bins | None = None,
        rule: SessionRule | None = None,
        length_from: LengthFrom = "client time",
    ) -> Sessions:
        """Count and time the sessions that start in each interval.

        A session is a user's active rows of one session id, after the filters of this
        handle. It belongs to the interval of its start; one longer than a day counts
        nowhere. Lengths are in seconds.

        Parameters
        ----------
        measure
            `"total"`, `"length"`, `"average length"`, `"length distribution"`,
            `"time per user"`, `"per user"`; and with `counting`: `"events"`,
            `"events per session"`, `"events distribution"`.
        every
            Civil interval in the project's zone.
        by, by_value, values_of, top
            Group by a property's first or last value in the session.
        containing, times
            Only sessions with this event, this often (`times="= 1"`).
        length
            Only sessions of this length: `">= 1m"`.
        first, last
            Only sessions whose first or last value of a property is this.
        counting
            The event that the measures of events count.
        bins
            Of distributions: `(min, max, size)` or a list of ranges.
        rule
            A session definition of your own, instead of the ids.
        length_from
            `"client time"`, or `"session id"`: from the start that the id names.

        Returns
        -------
        Sessions
            `.table`: the groupings, `time`, `value`, `incomplete`. Rules:
            `spec/sessions.md`.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownOption
            With what exists, and the nearest match.

        Examples
        --------
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "uid": ["ana", "ana", "ben"],
        ...         "ts": [datetime(2026, 3, 1, 9, minute) for minute in (0, 5, 7)],
        ...         "name": ["Search", "Buy", "Search"],
        ...         "visit": ["a", "a", "b"],
        ...     }
        ... )
        >>> events = rk.events(log, user="uid", time="ts", event="name", session="visit")
        >>> events.sessions(measure="average length").table["value"].to_list()
        [150.0]
        """
        named = [step for step in (containing, counting) if step is not None]
        edges = [*(first or {}), *(last or {})]
        constant = rule.same if rule is not None else None
        answer = _sessions.sessions(
            self._asked(self.steps(named), by, edges, constant),
            measure=measure,
            every=every,
            span=self._span(),
            tz=self.source.zone,
            by=by,
            by_value=by_value,
            values_of=values_of,
            top=top,
            segments=self.segment or None,
            containing=containing,
            times=times,
            length=length,
            first=first,
            last=last,
            counting=counting,
            bins=bins,
            rule=rule,
            length_from=length_from,
            week_start=self.source.week_start,
        )
        return Sessions(self, answer, measure, every)

    def _span(self) -> timeline.Span:
        """Return the range, with the moment up to which the data are known."""
        return replace(self.span, now=self.span.now or self.source.now())

    def _asked(self, steps: Sequence[Step], *more: object) -> pl.LazyFrame:
        """Return the rows of a question, with the properties that it reads."""
        read = _names_in(step.predicate() for step in steps) | _names_in(self.segment)
        return self.rows(read | _named(more))

    # ── people ────────────────────────────────────────────────────────────────
    def users(self, population: pl.DataFrame, label: str) -> Users:
        """Return the users of a population (`microscope.POPULATION`)."""
        return Users(self, population, label)

    def everyone(self) -> Users:
        """Return all users with an event in range, at their first one."""
        return self._whose(self.frame(), "everyone")

    def _whose(self, rows: pl.LazyFrame, label: str) -> Users:
        population = (
            rows.sort("user", "time", "row")
            .group_by("user", maintain_order=True)
            .agg(
                start=pl.col("time").min(),
                end=pl.col("time").max(),
                at=pl.col("time").min(),
                rows=pl.col("row").head(microscope.MOST_CHARTED),
            )
            .collect()
            .select(*microscope.POPULATION)
        )
        return Users(self, population, label)

    def __repr__(self) -> str:
        """Say the range, the size and the zone, from one cached scan."""
        names = self.names
        words = [
            span_words(self.span),
            f"{big(int(names['rows'].sum()))} events",
            f"{big(self.source.directory.height)} users",
            f"{names.height} names",
            self.source.zone,
        ]
        if self.segment:
            words.append(count_words(len(self.segment), "filter"))
        if self.people is not None:
            words.append(f"of {count_words(self.people.len(), 'user')}")
        return " · ".join(words)


def _names_in(expressions: Iterable[pl.Expr]) -> set[str]:
    """Return the columns that expressions read."""
    return {name for one in expressions for name in one.meta.root_names()}


def _named(options: object) -> set[str]:
    """Return the columns that options name, as texts or in expressions."""
    if isinstance(options, str):
        return {options}
    if isinstance(options, pl.Expr):
        return set(options.meta.root_names())
    if isinstance(options, Step):
        return set(options.predicate().meta.root_names())
    if isinstance(options, tuple | list | set | frozenset):
        return {name for one in options for name in _named(one)}
    return set()


def _excluded(exclude: Excluded | Sequence[Excluded] | None) -> list[Step]:
    """Return the events that are excluded, wherever in the path."""
    if exclude is None:
        return []
    given = [exclude] if isinstance(exclude, str | Step | Exclusion) else exclude
    return [one.step if isinstance(one, Exclusion) else as_step(one) for one in given]
