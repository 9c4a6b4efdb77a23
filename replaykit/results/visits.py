"""Sessions, as results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit import charts, timeline
from replaykit.errors import UnknownPoint
from replaykit.points import (
    PointKey,
    SessionsKey,
)
from replaykit.replies import Point as PointWords
from replaykit.results.result import (
    Result,
    group_code,
    group_of,
    group_words,
    interval_at,
    moment_words,
)
from replaykit.wording import span_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import plotly.graph_objects as go
    import polars as pl

    from replaykit.analyses.sessions import SessionsAnswer
    from replaykit.results.opened import Opened


@dataclass(frozen=True, eq=False, repr=False)
class Sessions(Result):
    """Sessions, counted or timed, over time or by length."""

    answer: SessionsAnswer
    measure: str
    every: timeline.Interval

    @property
    def sessions(self) -> pl.DataFrame:
        """One row per counted session, with the public id of its user."""
        found = self.answer.sessions
        ids = self.events.source.user_ids(found["user"]).alias("user")
        return found.with_columns(ids)

    @property
    def words(self) -> str:
        """Which sessions these are: "sessions with Add to Cart"."""
        query = self.answer.query
        parts = ["sessions"]
        if query.containing is not None:
            parts.append(f"with {query.containing.label}")
        if query.length is not None or query.edges:
            parts.append("that are filtered")
        return " ".join(parts)

    @property
    def left_out(self) -> pl.DataFrame:
        """Sessions longer than a day, which are in no number."""
        return self.events.source.named(self.answer.left_out)

    @property
    def total(self) -> pl.DataFrame:
        """The value of each series over the whole range."""
        return self.answer.total

    def chart(self) -> go.Figure:
        """Return lines over time, or bars by length."""
        return charts.sessions_chart(
            self.table,
            by=self.answer.groups,
            measure=self.measure,
            every=self.every,
            note=span_words(self.events.span),
        )

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SessionsKey):
            raise UnknownPoint(f"{key} is no point of sessions.")
        when, arguments = "whole range", ""
        if key.time_ms >= 0:
            when, at = moment_words(key.time_ms, self.events.source.zone)
            arguments = f', at="{at}"'
        title = f"Sessions, {group_words(key.group)}" if key.group else "Sessions"
        arguments += group_code(key.group)
        code = f"point = sessions.point({arguments.removeprefix(', ')})"
        return PointWords(title, when, code)

    def point(
        self,
        *,
        at: str | date | datetime | None = None,
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open the sessions that start in the interval that holds `at`, or all."""
        group = group_of(self.table, self.answer.groups, by)
        time_ms = -1
        if at is not None:
            moment = timeline.instant(at, self.events.source.zone)
            time_ms = interval_at(self.table["time"], moment, self.every)
        return self.open(SessionsKey(group, time_ms))
