"""Counts over time, as results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from replaykit import charts, timeline
from replaykit.errors import UnknownPoint, did_you_mean
from replaykit.points import (
    PointKey,
    SegmentationKey,
)
from replaykit.replies import Point as PointWords
from replaykit.results.result import Opened, Result, group_of, interval_at
from replaykit.wording import span_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import plotly.graph_objects as go

    from replaykit.analyses.segmentation import SegmentationAnswer


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
        group = group_of(self.answer.groups, by)
        time_ms = -1 if at is None else self._bucket_of(at)
        return self.open(SegmentationKey(labels.index(event), group, time_ms))

    def _bucket_of(self, at: str | date | datetime) -> int:
        zone = self.events.source.zone
        return interval_at(self.table["time"], timeline.instant(at, zone))

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
