"""Answers as an analyst holds them: a table, a chart, and points that open.

Every result shows itself as one widget: the chart, and below it the people behind the
point that was clicked. In code: `result.point(…).users`, `.replays`, `.watch()`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from replaykit import charts, timeline
from replaykit.bundle import bundle_of_result, table_twin, with_bundle
from replaykit.capsule import saved_form
from replaykit.errors import UnknownPoint, did_you_mean
from replaykit.points import (
    FunnelKey,
    Group,
    JourneyKey,
    Outcome,
    PointKey,
    RetentionKey,
    Return,
    SegmentationKey,
    SessionsKey,
    parse_key,
)
from replaykit.replies import Microscope
from replaykit.replies import Point as PointWords
from replaykit.widgets import View
from replaykit.wording import duration_words, span_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import plotly.graph_objects as go

    from replaykit.analyses.funnel import FunnelAnswer
    from replaykit.analyses.journeys import JourneysAnswer
    from replaykit.analyses.retention import RetentionAnswer
    from replaykit.analyses.segmentation import SegmentationAnswer
    from replaykit.analyses.sessions import SessionsAnswer
    from replaykit.questions import Questions
    from replaykit.replay_list import Replays
    from replaykit.users import Users
    from replaykit.widgets import Player


class Answer(Protocol):
    """What the pure functions of `analyses` return."""

    @property
    def table(self) -> pl.DataFrame:
        """The numbers."""
        ...

    def population(self, key: Any) -> pl.DataFrame:
        """Who stands behind one of them (`microscope.POPULATION`)."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Opened:
    """One number of a result, opened: its users, their replays."""

    users: Users

    @property
    def replays(self) -> Replays:
        """The replays of these users that show the point."""
        return self.users.replays

    def watch(self) -> Player:
        """Open the player on them."""
        return self.users.watch()

    def count(self) -> int:
        """Return the number of users."""
        return self.users.count()

    def __repr__(self) -> str:
        """Say how many, and why."""
        return repr(self.users)


@dataclass(frozen=True, eq=False, repr=False)
class Result(ABC):
    """What all results share: a table, a chart, a widget, and points."""

    events: Questions
    answer: Answer

    @abstractmethod
    def chart(self) -> go.Figure:
        """Return a plain plotly figure of the table, yours to change."""

    @abstractmethod
    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""

    @property
    def table(self) -> pl.DataFrame:
        """The numbers, as documented by the method that asked."""
        return self.answer.table

    def open(self, key: PointKey) -> Opened:
        """Open a point by its key, as a click does."""
        population = self.answer.population(key)
        return Opened(self.events.users(population, self.describe(key).title))

    # ── display ───────────────────────────────────────────────────────────────
    @cached_property
    def _figure(self) -> go.Figure:
        return self.chart()

    def _chart_reply(self) -> dict[str, Any]:
        figure = self._figure.to_plotly_json()
        about = figure["layout"].get("meta") or {}
        return {
            "figure": _plain(figure),
            "title": about.get("title", ""),
            "note": about.get("note", ""),
            "height": figure["layout"].get("height", 360),
        }

    @cached_property
    def _microscope(self) -> Microscope:
        return Microscope(
            self.events.source,
            self._chart_reply,
            lambda key: self.answer.population(parse_key(key)),
            lambda key: self.describe(parse_key(key)),
        )

    @cached_property
    def widget(self) -> View:
        """The widget that this result displays as; one per result."""
        zone = self.events.source.zone
        return View(self._microscope, kind="result", zone=zone)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_bundle(
            self.widget._repr_mimebundle_(**kwargs),
            saved_form(*self._replaykit_share_()),
            self._twin(),
            repr(self),
        )

    def _display_(self) -> View:
        """Show the widget in marimo."""
        return self.widget

    def _keys(self) -> list[str]:
        """Return the keys of the chart's points, each once."""
        return list(dict.fromkeys(_keys_in(self._chart_reply()["figure"]["data"])))

    def _twin(self) -> str:
        about = self._chart_reply()
        head = " · ".join(filter(None, (about["title"], about["note"])))
        return table_twin(head, self.table.columns, self.table.rows())

    def _replaykit_share_(self) -> tuple[Microscope, dict[str, Any]]:
        bundle = bundle_of_result(type(self).__name__, self._microscope, self._keys())
        return self._microscope, bundle

    def __repr__(self) -> str:
        """Show the table."""
        return f"{type(self).__name__}\n{self.table}"


def _keys_in(traces: Sequence[dict[str, Any]]) -> list[str]:
    """Collect the keys that a figure's traces carry, nodes and links included."""
    found: list[str] = []
    for trace in traces:
        parts = [trace, trace.get("node") or {}, trace.get("link") or {}]
        for part in parts:
            found += _strings(part.get("customdata"))
    return found


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list | tuple):
        return [text for item in value for text in _strings(item)]
    return []


def _plain(value: Any) -> Any:
    """Turn what plotly holds (tuples, arrays, times) into plain JSON values."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def _interval_at(starts: pl.Series, moment: datetime) -> int:
    """Return the start, in epoch ms, of the interval that holds a moment."""
    known = starts.unique().sort().dt.epoch("ms")
    before = known.filter(known <= moment.timestamp() * 1000)
    if before.is_empty():
        raise UnknownPoint(
            f"{moment:%Y-%m-%d %H:%M} UTC lies before the result's first interval."
        )
    return int(before[-1])


def _group(by: Sequence[str], given: object) -> Group:
    """Read `by=` of `.point(…)`: one value, or one per grouping."""
    if not by:
        return ()
    values = given if isinstance(given, tuple | list) else (given,)
    if len(values) != len(by):
        raise UnknownPoint(
            f"This result is grouped by {', '.join(by)}; by= names one value of each, "
            f"not {given!r}."
        )
    return tuple(None if value is None else str(value) for value in values)


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(Result):
    """Counts over time, by series."""

    answer: SegmentationAnswer
    measure: str
    every: timeline.Interval

    @property
    def total(self) -> pl.DataFrame:
        """The value of each series over the whole range as one interval."""
        return self.answer.total

    def chart(self) -> go.Figure:
        """Return lines over time, the running interval dotted."""
        return charts.segmentation_chart(
            self.table,
            events=self.answer.events,
            by=self.answer.groups,
            measure=self.measure,
            every=self.every,
            note=span_words(self.events.span),
        )

    def point(
        self,
        event: str | None = None,
        *,
        at: str | date | datetime | None = None,
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open the point of an event at an interval, or over the whole range.

        Parameters
        ----------
        event
            Its label; not needed when only one was asked for.
        at
            A date or time inside the interval, in the project's zone; `None` opens
            the whole range.
        by
            The value of the grouping, or one value per grouping.
        """
        labels = self.answer.events
        if event is None and len(labels) == 1:
            event = labels[0]
        if event not in labels:
            hint = did_you_mean(str(event), labels)
            raise UnknownPoint(
                f"No series of {event!r}. {hint} There is {', '.join(labels)}."
            )
        group = _group(self.answer.groups, by)
        time_ms = -1 if at is None else self._bucket_of(at)
        return self.open(SegmentationKey(labels.index(event), group, time_ms))

    def _bucket_of(self, at: str | date | datetime) -> int:
        zone = self.events.source.zone
        return _interval_at(self.table["time"], timeline.instant(at, zone))

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SegmentationKey):
            raise UnknownPoint(f"{key} is no point of a segmentation.")
        event = self.answer.events[key.event]
        group = ", ".join(str(label) for label in key.group)
        zone = self.events.source.zone
        when = "whole range"
        arguments = [repr(event)]
        if key.time_ms >= 0:
            start = pl.Series([key.time_ms]).cast(pl.Datetime("ms", "UTC"))
            local = start.dt.convert_time_zone(zone)[0]
            daily = (local.hour, local.minute) == (0, 0)
            arguments.append(
                f'at="{local:%Y-%m-%d}"' if daily else f'at="{local:%Y-%m-%d %H:%M}"'
            )
            when = f"{local.day} {local:%b %Y}" + ("" if daily else f", {local:%H:%M}")
        if key.group:
            value = key.group[0] if len(key.group) == 1 else key.group
            arguments.append(f"by={value!r}")
        title = f"{event}, {group}" if group else event
        return PointWords(title, when, f"point = result.point({', '.join(arguments)})")


@dataclass(frozen=True, eq=False, repr=False)
class Funnel(Result):
    """Who reached each step, and who was lost before it."""

    answer: FunnelAnswer
    steps: tuple[str, ...]
    by: tuple[str, ...]
    within: str
    order: str

    def chart(self) -> go.Figure:
        """Return bars: reached in solid, lost on the way hatched above."""
        window = duration_words(self.within)
        how = {"this": "in this order", "any": "in any order", "exact": "exactly so"}
        title = f"Funnel · {len(self.steps)} steps {how[self.order]}, within {window}"
        return charts.funnel_chart(self.table, by=self.by, title=title)

    def point(
        self,
        step: str | int,
        *,
        outcome: Outcome = "reached",
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open a bar: the units that reached a step, or that were lost before it.

        Parameters
        ----------
        step
            The step's label, or its number from 1.
        outcome
            `"reached"`, or `"dropped"`: reached the step before and not this one.
        by
            The value of the grouping, or one value per grouping; `None` is all groups
            when there is no grouping.
        """
        group = _group(self.by, by) if self.by and by is not None else ()
        return self.open(FunnelKey(self._step(step), outcome, group))

    def reached(self, step: str | int, *, by: str | None = None) -> Users:
        """Return the units that reached a step."""
        return self.point(step, by=by).users

    def converted(self, *, by: str | None = None) -> Users:
        """Return the units that reached the last step."""
        return self.point(len(self.steps), by=by).users

    def dropped(self, *, after: str | int, by: str | None = None) -> Users:
        """Return the units that reached a step and not the next."""
        step = self._step(after)
        if step == len(self.steps):
            raise UnknownPoint(
                f"{self.steps[-1]!r} is the last step; nobody drops after it. "
                "converted() returns those who reached it."
            )
        return self.point(step + 1, outcome="dropped", by=by).users

    def _step(self, step: str | int) -> int:
        if isinstance(step, int):
            if 1 <= step <= len(self.steps):
                return step
            raise UnknownPoint(f"Step {step} of {len(self.steps)}; they count from 1.")
        if self.steps.count(step) == 1:
            return self.steps.index(step) + 1
        if step in self.steps:
            raise UnknownPoint(f"{step!r} is several steps; name one by its number.")
        hint = did_you_mean(step, self.steps)
        raise UnknownPoint(
            f"No step {step!r} in this funnel. {hint} "
            f"Its steps are {', '.join(self.steps)}."
        )

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, FunnelKey):
            raise UnknownPoint(f"{key} is no point of a funnel.")
        label = self.steps[key.step - 1]
        group = f", by={key.group[0]!r}" if key.group else ""
        note = f" · {', '.join(map(str, key.group))}" if key.group else ""
        window = f"within {duration_words(self.within)}"
        span = f"{span_words(self.events.span)}, {window}"
        if key.outcome == "reached":
            code = f"users = funnel.reached({label!r}{group})"
            return PointWords(f"Reached {label}{note}", span, code)
        before = self.steps[key.step - 2]
        code = f"lost = funnel.dropped(after={before!r}{group})"
        return PointWords(f"Dropped after {before}{note}", span, code)


@dataclass(frozen=True, eq=False, repr=False)
class Journeys(Result):
    """The paths that lead from an event, or to it."""

    answer: JourneysAnswer
    title: str
    unit: str

    def map(self, **options: Any) -> pl.DataFrame:
        """Rank whole paths; see `JourneysAnswer.map` for its options."""
        return self.answer.map(**options)

    def chart(self) -> go.Figure:
        """Return the tree as a flow, one column per step."""
        return charts.journeys_tree_chart(
            self.table,
            title=self.title,
            note=span_words(self.events.span),
            unit=self.unit,
            backward=not self.answer.plan.forward,
        )

    def point(self, *path: str) -> Opened:
        """Open the node that a path of labels leads to, the anchor first."""
        rows = self.table.filter(pl.col("path").list.len() == len(path))
        for label, node in zip(rows["path"], rows["node"], strict=True):
            if list(label) == list(path):
                return self.open(JourneyKey(str(node)))
        known = [" > ".join(path) for path in self.table["path"]]
        hint = did_you_mean(" > ".join(path), known)
        raise UnknownPoint(
            f"No path {' > '.join(path)!r} in this tree. {hint}".rstrip()
        )

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, JourneyKey):
            raise UnknownPoint(f"{key} is no point of a tree.")
        found = self.table.filter(pl.col("node").cast(pl.String) == key.node)
        if found.is_empty():
            raise UnknownPoint(f"No node {key.node!r} in this tree.")
        path = found["path"][0].to_list()
        code = f"point = journeys.point({', '.join(map(repr, path))})"
        share = found["share"][0]
        return PointWords(
            " › ".join(path), f"{share:.1%} of all paths" if share else "", code
        )


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
        start = pl.Series([key.time_ms]).cast(pl.Datetime("ms", "UTC"))
        local = start.dt.convert_time_zone(self.events.source.zone)[0]
        group = ", ".join(map(str, key.group))
        title = f"Sessions, {group}" if group else "Sessions"
        by = f", by={key.group[0]!r}" if key.group else ""
        code = f'point = sessions.point(at="{local:%Y-%m-%d}"{by})'
        return PointWords(title, f"{local.day} {local:%b %Y}", code)

    def point(
        self,
        *,
        at: str | date | datetime,
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open the sessions that start in the interval that holds `at`."""
        moment = timeline.instant(at, self.events.source.zone)
        time_ms = _interval_at(self.table["time"], moment)
        return self.open(SessionsKey(_group(self.answer.groups, by), time_ms))


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
