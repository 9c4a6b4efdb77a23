"""The five questions: each reads rows, calls a pure function, and returns a result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import timeline
from replaykit.analyses import funnel as _funnel
from replaykit.analyses import journeys as _journeys
from replaykit.analyses import retention as _retention
from replaykit.analyses import segmentation as _segmentation
from replaykit.analyses import sessions as _sessions
from replaykit.analyses.funnel_plan import Exclusion
from replaykit.query import Step, as_step
from replaykit.results import Funnel, Journeys, Retention, Segmentation, Sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.funnel_plan import (
        Count,
        ExactScope,
        Excluded,
        NewUsers,
        Order,
        Resolution,
    )
    from replaykit.analyses.journey_paths import PathCount
    from replaykit.analyses.measures import Aggregate, Measure
    from replaykit.analyses.properties import Bins, By, Items
    from replaykit.analyses.retention import RetentionMeasure
    from replaykit.analyses.return_index import Counting
    from replaykit.analyses.session_query import Edge, ValuesOf
    from replaykit.analyses.session_rules import LengthFrom, SessionRule
    from replaykit.analyses.session_values import SessionMeasure
    from replaykit.source import Source
    from replaykit.users import Users
#: Up to this many events, the columns of a question are kept in memory.
KEPT_ROWS: Final = 2_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Questions(ABC):
    """What can be asked of events; `Events` is what it is asked of."""

    source: Source
    span: timeline.Span = timeline.Span()  # noqa: RUF009 - a frozen value
    segment: tuple[pl.Expr, ...] = ()
    people: pl.Series | None = None

    @abstractmethod
    def rows(self, properties: Iterable[str] = ()) -> pl.LazyFrame:
        """Return the rows of this handle's users, before range and filters."""

    @abstractmethod
    def users(self, population: pl.DataFrame, label: str) -> Users:
        """Return the users of a population (`microscope.POPULATION`)."""

    @abstractmethod
    def steps(self, events: Sequence[str | Step]) -> list[Step]:
        """Read steps, and refuse names that the data do not hold."""

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
            project's zone, `value`, `incomplete` Boolean. Rules:
            `spec/segmentation.md`.

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
        >>> names = {"user": "uid", "time": "ts", "event": "name", "session": "visit"}
        >>> events = rk.events(log, **names)
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

    def journeys(
        self,
        *,
        start: str | Step | None = None,
        end: str | Step | None = None,
        within: str = "1d",
        count: PathCount = "users",
        depth: int | None = 5,
        top: int | None = 5,
        below: float | None = None,
        collapse: bool = False,
        expand: Mapping[str, str | Sequence[str]] | None = None,
        custom: Mapping[str, str | Step] | None = None,
        hide: str | Step | Sequence[str | Step] = (),
        only: str | Step | Sequence[str | Step] = (),
        exclude: str | Step | Sequence[str | Step] = (),
        through: str | Step | Sequence[str | Step] = (),
        inactive: bool = False,
    ) -> Journeys:
        """Follow what users do after `start`, before `end`, or between the two.

        Range and filters of this handle bind the anchor: the first `start` (or `end`)
        of each user. Its path are the rows that follow within the window, in time
        order. Shares are of all paths, never of the step before.

        Parameters
        ----------
        start, end
            An event, or a step made by `rk.event`; with both, a path ends at `end`.
        within
            Time after (before) the anchor, or `"session"`.
        count
            `"users"`, `"paths"` (every anchor) or `"sessions"`.
        depth, top, below
            Steps of the tree; children per node and least share, the rest is `Other`.
        collapse
            Neighbours with one label become one node.
        expand
            `{event: property}`: a node per value.
        custom
            `{label: event}`: nodes that stand in for several events.
        hide, only, exclude
            Events not shown; the only ones shown; rows not shown.
        through
            Keep paths in which each of these occurs.
        inactive
            Show inactive events too.

        Returns
        -------
        Journeys
            `.table`: `node`, `parent`, `step`, `path`, `event`, `kind`, `users`,
            `share`. Rules: `spec/journeys.md`.

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
        >>> events.journeys(start="Search").table.select("event", "users").rows()
        [('Search', 2), ('Buy', 1), ('Dropped off', 1), ('Dropped off', 1)]
        """
        named = _steps_in(start, end, hide, only, exclude, through, custom)
        expanded = {} if expand is None else dict(expand)
        self.steps([*expanded])
        answer = _journeys.journeys(
            self._asked(self.steps(named), list(expanded.values())),
            start=start,
            end=end,
            span=self._span(),
            segment=self.segment,
            within=within,
            count=count,
            depth=depth,
            top=top,
            below=below,
            collapse=collapse,
            expand=expand,
            custom=custom,
            hide=hide,
            only=only,
            exclude=exclude,
            through=through,
            inactive=inactive,
        )
        return Journeys(self, answer, _journey_title(start, end), count)

    def retention(
        self,
        *,
        start: str | Step | None = None,
        back: str | Step | None = None,
        measure: RetentionMeasure = "on",
        every: timeline.Interval = "1d",
        counting: Counting = "24 hours",
        brackets: Sequence[tuple[int, int]] | None = None,
        depth: int | None = None,
    ) -> Retention:
        """Count the users of each cohort who come back after their start.

        Range and filters of this handle bind the start. Who starts in several
        intervals is in several cohorts; a return is not earlier than the start.

        Parameters
        ----------
        start
            What puts a user into a cohort; by default the first event of new users.
        back
            What counts as a return; by default any active event.
        measure
            `"on"`, `"on or after"`, `"on or before"` an index; `"custom"` brackets.
        every
            Interval of cohorts and indices.
        counting
            `"24 hours"`: a day is 24 hours from the hour of the start. `"calendar"`:
            differences of dates.
        brackets
            For `"custom"`: `[(first, end), …]`, `end` not included.
        depth
            How many indices; by default all that have begun.

        Returns
        -------
        Retention
            `.table`: `cohort`, `time`, `offset`, `users`, `returned`, `value`
            (percent), `incomplete`. Rules: `spec/retention.md`.

        Raises
        ------
        UnknownEvent, UnknownOption
            With what exists, and the nearest match.

        Examples
        --------
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "uid": ["ana", "ana", "ben"],
        ...         "ts": [datetime(2026, 3, day) for day in (1, 2, 1)],
        ...         "name": ["Sign up", "Buy", "Sign up"],
        ...     }
        ... )
        >>> events = rk.events(log, user="uid", time="ts", event="name")
        >>> found = events.retention(start="Sign up", back="Buy")
        >>> found.table.filter(cohort="all")["returned"].to_list()
        [0, 1]
        """
        named = [one for one in (start, back) if one is not None]
        answer = _retention.retention(
            self._asked(self.steps(named)),
            start,
            back,
            measure=measure,
            every=every,
            counting=counting,
            brackets=brackets,
            depth=depth,
            span=self._span(),
            tz=self.source.zone,
            segment=self.segment or None,
            week_start=self.source.week_start,
        )
        return Retention(self, answer, every)

    def _span(self) -> timeline.Span:
        """Return the range, with the moment up to which the data are known."""
        return replace(self.span, now=self.span.now or self.source.now())

    def _asked(self, steps: Sequence[Step], *more: object) -> pl.LazyFrame:
        """Return the rows of a question, with the properties that it reads."""
        read = names_in(step.predicate() for step in steps) | names_in(self.segment)
        rows = self.rows(read | _named(more))
        # What is small is kept in memory: a click on any point then reads no file.
        return rows.collect().lazy() if self.source.rows <= KEPT_ROWS else rows


def names_in(expressions: Iterable[pl.Expr]) -> set[str]:
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


def _steps_in(*options: object) -> list[str | Step]:
    """Return the events that options name, alone, in lists or as values of a dict."""
    found: list[str | Step] = []
    for one in options:
        if isinstance(one, str | Step):
            found.append(one)
        elif isinstance(one, Mapping):
            found += _steps_in(*one.values())
        elif isinstance(one, Iterable):
            found += _steps_in(*one)
    return found


def _journey_title(start: str | Step | None, end: str | Step | None) -> str:
    labels = [None if one is None else as_step(one).label for one in (start, end)]
    match labels:
        case [str() as first, str() as last]:
            return f"Journeys from {first} to {last}"
        case [str() as first, None]:
            return f"Journeys from {first}"
        case [_, last]:
            return f"Journeys to {last}"
    return "Journeys"
