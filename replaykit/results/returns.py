"""Retention, usage and lifetime value, as results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from replaykit import charts
from replaykit.errors import UnknownPoint, check_option
from replaykit.points import PointKey, RetentionKey, Return, SegmentationKey
from replaykit.replies import Point as PointWords
from replaykit.results.result import Result, group_code, group_of, group_words
from replaykit.wording import span_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go
    import polars as pl

    from replaykit import timeline
    from replaykit.analyses.lifetime_value import ValueAnswer
    from replaykit.analyses.retention import RetentionAnswer
    from replaykit.analyses.usage import UsageAnswer
    from replaykit.questions.asking import Asking
    from replaykit.results.opened import Opened
    from replaykit.users import Users

RetentionView: TypeAlias = Literal["cohorts", "curve", "over time"]
"""How retention is drawn: a heat table, the row of all as a line, or indices as lines
over the cohorts."""

RETENTION_VIEWS: Final[tuple[RetentionView, ...]] = ("cohorts", "curve", "over time")

_WORDS: Final = {
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "q": "quarter",
    "y": "year",
}


def _interval(every: str) -> str:
    return _WORDS.get(every.lstrip("0123456789"), "interval")


@dataclass(frozen=True, eq=False, repr=False)
class Retention(Result):
    """Who came back, by cohort and by time since the start."""

    answer: RetentionAnswer
    every: timeline.Interval
    view: RetentionView = "cohorts"

    @property
    def cohorts(self) -> pl.DataFrame:
        """The groupings, `cohort`, `time`, `users`; "all" counts every starter once."""
        return self.answer.cohorts

    def drawn(self, view: RetentionView) -> Retention:
        """Draw the same cells in another way; nothing is asked again.

        Parameters
        ----------
        view
            `"cohorts"`: a heat table. `"curve"`: the row of all cohorts as a line, one
            per group. `"over time"`: the cohorts over time, a line per index.
        """
        check_option("view", view, RETENTION_VIEWS)
        return replace(self, view=view)

    def chart(self) -> go.Figure:
        """Return a heat table, cohorts down and time since the start across."""
        about: dict[str, Any] = {
            "by": self.answer.groups,
            "title": self._title(),
            "note": span_words(self.events.span),
            "interval": _interval(self.every),
        }
        if self.view == "curve":
            return charts.retention_curve_chart(self.table, **about)
        if self.view == "over time":
            return charts.retention_over_time_chart(
                self.table, **about, every=self.every
            )
        return charts.retention_chart(self.table, **about)

    def _title(self) -> str:
        query = self.answer.query
        start = "new users" if query.start is None else query.start.label
        how = "" if self.answer.measure == "on" else f" · {self.answer.measure}"
        return f"Retention · {start}, back with {query.back.label}{how}"

    def point(
        self,
        *,
        index: int,
        cohort: str = "all",
        outcome: Return = "retained",
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open one cell: those of a cohort who came back, or who did not.

        Parameters
        ----------
        index
            How many intervals after the start; of custom brackets, the position.
        cohort
            As the table writes it: `"2026-03-01"`, or `"all"`.
        outcome
            `"retained"`, or `"lost"`.
        by
            The value of the grouping, or one value per grouping.
        """
        group = group_of(self.table, self.answer.groups, by)
        return self.open(RetentionKey(cohort, index, outcome, group))

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, RetentionKey):
            raise UnknownPoint(f"{key} is no cell of a retention table.")
        word = "came back" if key.outcome == "retained" else "did not come back"
        arguments = f"cohort={key.cohort!r}, index={key.offset}{group_code(key.group)}"
        if key.outcome == "lost":
            arguments += ", outcome='lost'"
        where = f"{key.cohort}, {group_words(key.group)}" if key.group else key.cohort
        return PointWords(
            f"{where}, {word}",
            f"{_interval(self.every)} {key.offset}",
            f"point = retention.point({arguments})",
        )


@dataclass(frozen=True, eq=False)
class _Units:
    """How often users come by, with points that carry a chart's keys."""

    found: UsageAnswer

    @property
    def table(self) -> pl.DataFrame:
        return self.found.table

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the users whose median gap is at most so many units."""
        return self.found.population(key.time_ms)


@dataclass(frozen=True, eq=False, repr=False)
class Usage(Result):
    """How often users come by; made by `events.usage`."""

    answer: _Units
    every: timeline.Interval

    @classmethod
    def of(cls, events: Asking, found: UsageAnswer, every: timeline.Interval) -> Usage:
        """Return the result of an answer."""
        return cls(events, _Units(found), every)

    @property
    def gaps(self) -> pl.DataFrame:
        """One line per kept user: `user` String, `units`, `gaps`, `median`."""
        return self.events.source.named(self.answer.found.users)

    def over_time(self, within: int) -> pl.DataFrame:
        """Return per interval who comes back at most `within` intervals later.

        Columns: `time`, `users`, `returned`, `value` (percent).
        """
        return self.answer.found.over_time(within)

    def chart(self) -> go.Figure:
        """Return a curve: the percent of users who come by every so many units."""
        return charts.usage_chart(
            self.table,
            title=f"Usage · {self.answer.found.step.label}",
            note=span_words(self.events.span),
            interval=_interval(self.every),
        )

    def point(self, units: int) -> Opened:
        """Open the users whose median gap is at most so many units."""
        return self.open(SegmentationKey(0, (), units))

    def users(self, units: int) -> Users:
        """Return the users whose median gap is at most so many units."""
        return self.point(units).users

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SegmentationKey):
            raise UnknownPoint(f"{key} is no point of a usage interval.")
        return PointWords(
            f"Come by every {key.time_ms} {_interval(self.every)}s or sooner",
            self.answer.found.step.label,
            f"point = usage.point({key.time_ms})",
        )


@dataclass(frozen=True, eq=False)
class _Worth:
    """What users are worth, with points that carry a chart's keys."""

    found: ValueAnswer

    @property
    def table(self) -> pl.DataFrame:
        return self.found.table

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the users of a cohort; a second label, "paying", only those."""
        cohort, *paying = key.group
        return self.found.population(str(cohort), key.event, paying=bool(paying))


@dataclass(frozen=True, eq=False, repr=False)
class LifetimeValue(Result):
    """What users are worth after their first intervals, by cohort of their start."""

    answer: _Worth
    every: timeline.Interval

    @classmethod
    def of(
        cls, events: Asking, found: ValueAnswer, every: timeline.Interval
    ) -> LifetimeValue:
        """Return the result of an answer."""
        return cls(events, _Worth(found), every)

    def chart(self) -> go.Figure:
        """Return the value per user over the intervals, everybody and by cohort."""
        return charts.value_chart(
            self.table,
            title=f"Lifetime value · {self.answer.found.revenue.name} per user",
            note=span_words(self.events.span),
            interval=_interval(self.every),
        )

    def point(
        self, *, intervals: int, cohort: str = "all", paying: bool = False
    ) -> Opened:
        """Open the users of a cohort.

        Parameters
        ----------
        intervals
            How many of the first intervals; `"all"` then are the mature cohorts.
        cohort
            As the table writes it: `"2026-03-01"`, or `"all"`.
        paying
            Only those with revenue in these intervals.
        """
        group = (cohort, "paying") if paying else (cohort,)
        return self.open(SegmentationKey(intervals, group, -1))

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SegmentationKey) or not key.group:
            raise UnknownPoint(f"{key} is no point of a lifetime value.")
        cohort, *paying = key.group
        more = ", paying=True" if paying else ""
        return PointWords(
            f"{cohort}, {'paying users' if paying else 'users'}",
            f"first {key.event} {_interval(self.every)}s",
            f"point = value.point(intervals={key.event}, cohort={cohort!r}{more})",
        )
