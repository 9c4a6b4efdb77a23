"""What else a funnel tells, as results: conversion over time, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from replaykit import charts, timeline
from replaykit.errors import UnknownPoint
from replaykit.points import PointKey, SegmentationKey
from replaykit.replies import Point as PointWords
from replaykit.results.result import (
    Opened,
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

    from replaykit.analyses.funnel_measures import OverTime, TimeToConvert
    from replaykit.questions.asking import Asking
    from replaykit.users import Users


@dataclass(frozen=True, eq=False)
class _Timed:
    """Conversion over time, with points that carry a chart's keys."""

    found: OverTime
    pairs: list[tuple[int, int]]

    @property
    def table(self) -> pl.DataFrame:
        return self.found.table

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the units that enter in an interval and reach the pair's last step."""
        times = self.table["time"].unique()
        (time,) = times.filter(times.dt.epoch("ms") == key.time_ms)
        step = self.pairs[key.event][1]
        return self.found.population(time, step=step, group=key.group)


@dataclass(frozen=True, eq=False, repr=False)
class ConversionOverTime(Result):
    """Conversion per interval of the entry; made by `Funnel.over_time`."""

    answer: _Timed
    steps: tuple[str, ...]
    by: tuple[str, ...]
    every: timeline.Interval

    @classmethod
    def of(
        cls,
        events: Asking,
        found: OverTime,
        steps: tuple[str, ...],
        by: tuple[str, ...],
        every: timeline.Interval,
    ) -> ConversionOverTime:
        """Return the result of a measure."""
        whole = (1, len(steps))
        rest = set(found.table.select("first", "last").unique().rows()) - {whole}
        return cls(events, _Timed(found, [whole, *sorted(rest)]), steps, by, every)

    @property
    def labels(self) -> list[str]:
        """The pairs of steps, by their labels: the whole funnel first."""
        return [
            f"{self.steps[first - 1]} to {self.steps[last - 1]}"
            for first, last in self.answer.pairs
        ]

    def chart(self) -> go.Figure:
        """Return a line of percents per pair of steps and group."""
        pairs = pl.DataFrame(
            self.answer.pairs,
            schema={"first": pl.Int64, "last": pl.Int64},
            orient="row",
        ).with_columns(event=pl.Series(self.labels))
        table = self.table.join(pairs, on=["first", "last"], maintain_order="left")
        return charts.segmentation_chart(
            table.with_columns(value=100 * pl.col("share")),
            events=self.labels,
            by=self.by,
            every=self.every,
            title="Conversion by the time of the first step",
            note=span_words(self.events.span),
            unit="%",
        )

    def point(
        self,
        *,
        at: str | date | datetime,
        pair: str | None = None,
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open those who enter in the interval that holds `at`, and convert.

        `pair` is a label such as `"Search to Buy"`, the whole funnel by default.
        """
        label = self.labels[0] if pair is None else pair
        if label not in self.labels:
            raise UnknownPoint(f"No pair {label!r}; there is {', '.join(self.labels)}.")
        moment = timeline.instant(at, self.events.source.zone)
        time_ms = interval_at(self.table["time"], moment, self.every)
        group = group_of(self.table, self.by, by)
        return self.open(SegmentationKey(self.labels.index(label), group, time_ms))

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SegmentationKey):
            raise UnknownPoint(f"{key} is no point of conversion over time.")
        when, at = moment_words(key.time_ms, self.events.source.zone)
        label = self.labels[key.event]
        group = group_code(key.group)
        title = f"Converted, {label}"
        title += f" · {group_words(key.group)}" if key.group else ""
        code = f'point = result.point(at="{at}", pair={label!r}{group})'
        return PointWords(title, f"entered {when}", code)


@dataclass(frozen=True, eq=False, repr=False)
class ConversionTimes:
    """How long converted units took; made by `Funnel.time_to_convert`."""

    events: Asking
    found: TimeToConvert

    @property
    def table(self) -> pl.DataFrame:
        """The histogram: `low`, `high` Duration, `users`, `share`."""
        return self.found.table

    @property
    def times(self) -> pl.DataFrame:
        """One line per converted unit: `user` String, held properties, `time`."""
        return self.events.source.named(self.found.values)

    @property
    def median(self) -> timedelta | None:
        """The median over all converted units, inside the bins or not."""
        return _length(self.found.median)

    @property
    def mean(self) -> timedelta | None:
        """The mean over all converted units."""
        return _length(self.found.mean)

    def users(self, low: str | int, high: str | int) -> Users:
        """Return those who took from `low` to less than `high`, such as `"10m"`."""
        took = f"took {low} to {high}"
        return self.events.users(self.found.population(low, high), took)

    def __repr__(self) -> str:
        """Say the median and the mean, and show the histogram."""
        return f"median {self.median} · mean {self.mean}\n{self.table}"


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
