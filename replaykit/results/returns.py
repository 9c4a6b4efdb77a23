"""Retention, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit import charts, timeline
from replaykit.errors import UnknownPoint
from replaykit.points import (
    PointKey,
    RetentionKey,
    Return,
)
from replaykit.replies import Point as PointWords
from replaykit.results.result import Opened, Result
from replaykit.wording import span_words

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import polars as pl

    from replaykit.analyses.retention import RetentionAnswer
    from replaykit.analyses.usage import UsageAnswer
    from replaykit.questions.asking import Asking
    from replaykit.users import Users


@dataclass(frozen=True, eq=False, repr=False)
class Retention(Result):
    """Who came back, by cohort and by time since the start."""

    answer: RetentionAnswer
    every: timeline.Interval

    def chart(self) -> go.Figure:
        """Return a heat table: cohorts down, time since the start across."""
        words = {"h": "hour", "d": "day", "w": "week", "mo": "month"}
        return charts.retention_chart(
            self.table,
            note=span_words(self.events.span),
            interval=words.get(self.every.lstrip("0123456789"), "interval"),
        )

    def point(self, *, cohort: str, index: int, outcome: Return = "retained") -> Opened:
        """Open one cell: those of a cohort who came back, or who did not."""
        return self.open(RetentionKey(cohort, index, outcome))

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, RetentionKey):
            raise UnknownPoint(f"{key} is no cell of a retention table.")
        word = "came back" if key.outcome == "retained" else "did not come back"
        code = f"point = retention.point(cohort={key.cohort!r}, index={key.offset})"
        return PointWords(f"{key.cohort}, {word}", f"interval {key.offset}", code)


@dataclass(frozen=True, eq=False, repr=False)
class Usage:
    """How often users come by; made by `events.usage`."""

    events: Asking
    answer: UsageAnswer

    @property
    def table(self) -> pl.DataFrame:
        """`units`, `users` (median gap at most so many) and `value` (percent)."""
        return self.answer.table

    @property
    def gaps(self) -> pl.DataFrame:
        """One line per kept user: `user` String, `units`, `gaps`, `median`."""
        return self.events.source.named(self.answer.users)

    def over_time(self, within: int) -> pl.DataFrame:
        """Return per interval who comes back at most `within` intervals later.

        Columns: `time`, `users`, `returned`, `value` (percent).
        """
        return self.answer.over_time(within)

    def users(self, units: int) -> Users:
        """Return the users whose median gap is at most so many units."""
        label = f"come by every {units} or sooner"
        return self.events.users(self.answer.population(units), label)

    def __repr__(self) -> str:
        """Show the table."""
        return f"Usage\n{self.table}"
