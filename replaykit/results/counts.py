"""Counts over time, as results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import polars as pl

from replaykit import charts, timeline
from replaykit.analyses.segmentation import summary
from replaykit.errors import UnknownPoint, check_option, did_you_mean
from replaykit.points import (
    PointKey,
    SegmentationKey,
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

    from replaykit.analyses.formulas import FormulasAnswer
    from replaykit.analyses.segmentation import SegmentationAnswer
    from replaykit.analyses.session_formulas import SessionFormulasAnswer
    from replaykit.results.opened import Opened
    from replaykit.users import Users

CountView: TypeAlias = Literal["lines", "bars"]
"""How counts are drawn: over time, or each series' total over the range."""

COUNT_VIEWS: Final[tuple[CountView, ...]] = ("lines", "bars")


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(Result):
    """Counts over time, by series."""

    answer: SegmentationAnswer
    measure: str
    every: timeline.Interval
    past: pl.DataFrame | None = None
    relative: bool = False
    view: CountView = "lines"

    @property
    def table(self) -> pl.DataFrame:
        """The numbers, and with `compare=` those of the earlier range beside them."""
        if self.past is None:
            return self.answer.table
        beside = self.past.select("past_time", "past", "change")
        return pl.concat([self.answer.table, beside], how="horizontal")

    @property
    def total(self) -> pl.DataFrame:
        """The value of each series over the whole range as one interval."""
        return self.answer.total

    @property
    def summary(self) -> pl.DataFrame:
        """Each series in one line, over the points of the table.

        The columns of the series, then `average`, `median`, `change` (the first point
        minus the last) and `sum` Float64 (null where points cannot be added up: a user
        would count once per point).
        """
        return summary(self.answer)

    def drawn(self, view: CountView) -> Segmentation:
        """Draw the same numbers in another way; nothing is asked again.

        Parameters
        ----------
        view
            `"lines"` over time, or `"bars"`: the total of each series over the range.
        """
        check_option("view", view, COUNT_VIEWS)
        return replace(self, view=view)

    def chart(self) -> go.Figure:
        """Return lines over time, the running interval dotted, the past dashed."""
        about: dict[str, Any] = {
            "events": self.answer.events,
            "by": self.answer.groups,
            "measure": self.measure,
            "note": span_words(self.events.span),
            "unit": "% of all series" if self.relative else None,
        }
        if self.view == "bars":
            return charts.totals_chart(self.total, **about)
        return charts.segmentation_chart(self.table, **about, every=self.every)

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
                f"No series of {event!r}. {hint} There is {', '.join(labels)}.".replace(
                    "  ", " "
                )
            )
        group = group_of(self.table, self.answer.groups, by)
        time_ms = -1 if at is None else self._bucket_of(at)
        return self.open(SegmentationKey(labels.index(event), group, time_ms))

    def _bucket_of(self, at: str | date | datetime) -> int:
        zone = self.events.source.zone
        moment = timeline.instant(at, zone)
        return interval_at(self.table["time"], moment, self.every)

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SegmentationKey):
            raise UnknownPoint(f"{key} is no point of a segmentation.")
        event = self.answer.events[key.event]
        return _described(key, event, self.events.source.zone)


@dataclass(frozen=True, eq=False, repr=False)
class Formula(Result):
    """Formulas over time."""

    answer: FormulasAnswer | SessionFormulasAnswer
    every: timeline.Interval
    letters: tuple[str, ...]

    @property
    def total(self) -> pl.DataFrame:
        """The value of each formula over the whole range as one interval."""
        return self.answer.total

    @property
    def texts(self) -> list[str]:
        """The expressions, in the order of the question."""
        return [one.text for one in self.answer.formulas]

    @property
    def groupings(self) -> list[str]:
        """The columns that tell the series of a formula apart."""
        own = ["bucket"] if "bucket" in self.table.columns else []
        return [*self.answer.groups, *own]

    def chart(self) -> go.Figure:
        """Return lines over time, one per formula and group."""
        units = {one.unit for one in self.answer.formulas}
        named = [f"{chr(ord('A') + i)} = {name}" for i, name in enumerate(self.letters)]
        note = " · ".join([*named, span_words(self.events.span)])
        return charts.segmentation_chart(
            self.table.rename({"formula": "event"}),
            events=self.texts,
            by=self.groupings,
            every=self.every,
            measure="formula",
            title="; ".join(self.texts),
            note=note,
            unit=units.pop() if len(units) == 1 else "",
        )

    def point(
        self,
        formula: str | None = None,
        *,
        at: str | date | datetime | None = None,
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open the point of a formula: the users of all its terms, each once.

        Parameters
        ----------
        formula
            Its text; not needed when there is only one.
        at
            A date or time inside the interval, in the project's zone; `None` opens
            the whole range.
        by
            The value of the grouping, or one value per grouping.
        """
        return self.open(self._key(formula, at, by))

    def terms(
        self,
        formula: str | None = None,
        *,
        at: str | date | datetime | None = None,
        by: str | Sequence[str | None] | None = None,
    ) -> dict[str, Users]:
        """Return the users behind each term of a point, by the term's text."""
        found = self.answer.terms(self._key(formula, at, by))
        return {text: self.events.users(part, text) for text, part in found.items()}

    def _key(
        self,
        formula: str | None,
        at: str | date | datetime | None,
        by: str | Sequence[str | None] | None,
    ) -> SegmentationKey:
        if formula is None and len(self.texts) == 1:
            formula = self.texts[0]
        if formula not in self.texts:
            hint = did_you_mean(str(formula), self.texts)
            raise UnknownPoint(
                f"No formula {formula!r}. {hint} There is {'; '.join(self.texts)}."
            )
        time_ms = -1
        if at is not None:
            moment = timeline.instant(at, self.events.source.zone)
            time_ms = interval_at(self.table["time"], moment, self.every)
        group = group_of(self.table, self.groupings, by)
        return SegmentationKey(self.texts.index(formula), group, time_ms)

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SegmentationKey):
            raise UnknownPoint(f"{key} is no point of a formula.")
        return _described(key, self.texts[key.event], self.events.source.zone)


def _described(key: SegmentationKey, name: str, zone: str) -> PointWords:
    group = group_words(key.group)
    when = "whole range"
    arguments = [repr(name)]
    if key.time_ms >= 0:
        when, at = moment_words(key.time_ms, zone)
        arguments.append(f'at="{at}"')
    title = f"{name}, {group}" if key.group else name
    code = f"point = result.point({', '.join(arguments)}{group_code(key.group)})"
    return PointWords(title, when, code)
