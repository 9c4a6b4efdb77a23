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

    from replaykit.analyses.retention import RetentionAnswer


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
