"""What else a funnel tells, as results: conversion over time, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

import polars as pl

from replaykit import charts, timeline
from replaykit.errors import UnknownPoint, check_option
from replaykit.points import PointKey, SegmentationKey
from replaykit.replies import Point as PointWords
from replaykit.results.opened import Opened
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

    from replaykit.analyses.funnel import FunnelAnswer
    from replaykit.analyses.funnel_measures import TimeToConvert
    from replaykit.points import Group
    from replaykit.questions.asking import Asking
    from replaykit.users import Users


Entered: TypeAlias = Literal["converted", "entered", "dropped"]
"""Which units of an interval a point names."""

ENTERED: Final[tuple[Entered, ...]] = ("converted", "entered", "dropped")


class Entries(Protocol):
    """Units by the interval they enter in."""

    @property
    def table(self) -> pl.DataFrame:
        """One line per interval, group and pair of steps."""
        ...

    def population(
        self, time: datetime, *, step: int | None = None, group: Group = ()
    ) -> pl.DataFrame:
        """Return the units of an interval that reach a step, the last by default."""
        ...

    def between(
        self, time: datetime, first: int, last: int, group: Group = ()
    ) -> pl.DataFrame:
        """Return the units of an interval that reach `first` and not `last`."""
        ...


@dataclass(frozen=True, eq=False)
class _Timed:
    """Conversion over time, with points that carry a chart's keys."""

    found: Entries
    pairs: list[tuple[int, int]]

    @property
    def table(self) -> pl.DataFrame:
        return self.found.table

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the units that enter in an interval and reach the pair's last step."""
        return self.units(key, "converted")

    def units(self, key: SegmentationKey, outcome: Entered) -> pl.DataFrame:
        """Name the units of an interval that enter, convert or drop."""
        check_option("outcome", outcome, ENTERED)
        times = self.table["time"].unique()
        (time,) = times.filter(times.dt.epoch("ms") == key.time_ms)
        first, last = self.pairs[key.event]
        if outcome == "dropped":
            return self.found.between(time, first, last, group=key.group)
        step = first if outcome == "entered" else last
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
        found: Entries,
        steps: tuple[str, ...],
        *,
        by: tuple[str, ...],
        every: timeline.Interval,
        whole: tuple[int, int],
    ) -> ConversionOverTime:
        """Return the result of a measure."""
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
        outcome: Entered = "converted",
    ) -> Opened:
        """Open those who enter in the interval that holds `at`, and convert.

        Parameters
        ----------
        at
            A date or time inside the interval, in the project's zone.
        pair
            A label such as `"Search to Buy"`, the whole funnel by default.
        by
            The value of the grouping, or one value per grouping.
        outcome
            `"converted"`; `"entered"`, all who reached the first step of the pair; or
            `"dropped"`, those of them who did not reach the second.
        """
        label = self.labels[0] if pair is None else pair
        if label not in self.labels:
            raise UnknownPoint(f"No pair {label!r}; there is {', '.join(self.labels)}.")
        moment = timeline.instant(at, self.events.source.zone)
        time_ms = interval_at(self.table["time"], moment, self.every)
        group = group_of(self.table, self.by, by)
        key = SegmentationKey(self.labels.index(label), group, time_ms)
        if outcome == "converted":
            return self.open(key)
        title = f"{outcome.title()}, {self.describe(key).title.partition(', ')[2]}"
        return Opened(self.events.users(self.answer.units(key, outcome), title))

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


@dataclass(frozen=True, eq=False)
class _Binned:
    """How long units took, with points that carry a chart's keys."""

    found: TimeToConvert

    @property
    def table(self) -> pl.DataFrame:
        return self.found.table

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the units whose time lies in a bin, which `time_ms` begins."""
        low = timedelta(milliseconds=key.time_ms)
        rows = self.table.filter(pl.col("low") == low)
        if rows.is_empty():
            raise UnknownPoint(f"No bin begins at {low}; .table lists them.")
        return self.found.within(low, rows["high"][0])


@dataclass(frozen=True, eq=False, repr=False)
class ConversionTimes(Result):
    """How long converted units took; made by `Funnel.time_to_convert`."""

    answer: _Binned
    steps: str

    @classmethod
    def of(cls, events: Asking, found: TimeToConvert, steps: str) -> ConversionTimes:
        """Return the result of a measure."""
        return cls(events, _Binned(found), steps)

    @property
    def table(self) -> pl.DataFrame:
        """The histogram: `low`, `high` Duration, `users`, `share`."""
        return self.answer.table

    @property
    def times(self) -> pl.DataFrame:
        """One line per converted unit: `user` String, held properties, `time`."""
        return self.events.source.named(self.answer.found.values)

    @property
    def median(self) -> timedelta | None:
        """The median over all converted units, inside the bins or not."""
        return _length(self.answer.found.median)

    @property
    def mean(self) -> timedelta | None:
        """The mean over all converted units."""
        return _length(self.answer.found.mean)

    def chart(self) -> go.Figure:
        """Return bars: the units of each bin, the median marked."""
        return charts.times_chart(
            self.table,
            median=self.answer.found.median,
            title=f"Time to convert · {self.steps}",
            note=span_words(self.events.span),
        )

    def point(self, low: str | int, high: str | int | None = None) -> Opened:
        """Open those who took from `low` to less than `high`, such as `"10m"`.

        Without `high`, the bin that begins at `low`.
        """
        begin = _micros(low)
        if high is None:
            return self.open(SegmentationKey(0, (), begin // 1_000))
        end = timedelta(microseconds=_micros(high))
        found = self.answer.found.within(timedelta(microseconds=begin), end)
        return Opened(self.events.users(found, f"took {low} to {high}"))

    def users(self, low: str | int, high: str | int) -> Users:
        """Return those who took from `low` to less than `high`, such as `"10m"`."""
        return self.point(low, high).users

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SegmentationKey):
            raise UnknownPoint(f"{key} is no bin of a time to convert.")
        rows = self.table.filter(pl.col("low") == timedelta(milliseconds=key.time_ms))
        if rows.is_empty():
            raise UnknownPoint(f"{key} is no bin of this time to convert.")
        low, high = _written(rows["low"][0]), _written(rows["high"][0])
        return PointWords(
            f"Took {low} to {high}",
            self.steps,
            f"point = times.point({low!r}, {high!r})",
        )

    def __repr__(self) -> str:
        """Say the median and the mean, and show the histogram."""
        return f"median {self.median} · mean {self.mean}\n{self.table}"


@dataclass(frozen=True, eq=False)
class _Counted:
    """How often units did a step, with points that carry a chart's keys."""

    table: pl.DataFrame
    units: pl.DataFrame
    funnel: FunnelAnswer
    step: int

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the units that did the step so often before the next one."""
        mine = self.units.filter(pl.col("times") == key.time_ms).drop("times")
        if mine.is_empty():
            raise UnknownPoint(f"Nobody did it {key.time_ms} times; .table lists them.")
        chosen = self.funnel.units.join(mine, on=mine.columns, how="semi")
        return self.funnel.windows(chosen, self.funnel.key(self.step + 1))


@dataclass(frozen=True, eq=False, repr=False)
class ConversionFrequency(Result):
    """How often a step was done before the next one; made by `Funnel.frequency`."""

    answer: _Counted
    step: str

    @staticmethod
    def of(funnel: FunnelAnswer, units: pl.DataFrame, step: int) -> _Counted:
        """Return the answer of a measure."""
        counted = units.group_by("times").agg(users=pl.len().cast(pl.Int64))
        table = counted.sort("times").with_columns(
            share=pl.col("users") / max(1, units.height)
        )
        return _Counted(table, units, funnel, step)

    @property
    def units(self) -> pl.DataFrame:
        """One line per unit that reached the next step: `user`, held ones, `times`."""
        return self.events.source.named(self.answer.units)

    @property
    def median(self) -> float | None:
        """The median number of times; None where nobody reached the next step."""
        found = self.answer.units["times"].median()
        return None if found is None else float(str(found))

    def chart(self) -> go.Figure:
        """Return bars: how many units did the step so often."""
        return charts.frequency_chart(
            self.table,
            title=f"{self.step}, times before the next step",
            note=span_words(self.events.span),
        )

    def point(self, times: int) -> Opened:
        """Open those who did the step so often before they reached the next one."""
        return self.open(SegmentationKey(0, (), times))

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, SegmentationKey):
            raise UnknownPoint(f"{key} is no bar of a frequency.")
        word = "time" if key.time_ms == 1 else "times"
        return PointWords(
            f"{self.step}, {key.time_ms} {word}",
            "before the next step",
            f"point = frequency.point({key.time_ms})",
        )


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _micros(bound: str | int) -> int:
    return 0 if bound in (0, "0") else timeline.microseconds(str(bound))


def _written(length: timedelta) -> str:
    """Write a length as durations are written: whole units, the largest that fits.

    Examples
    --------
    >>> _written(timedelta(minutes=90)), _written(timedelta(0))
    ('90m', '0')
    """
    us = length // timedelta(microseconds=1)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if us and us % (size * 1_000_000) == 0:
            return f"{us // (size * 1_000_000)}{unit}"
    return f"{us // 1000}ms" if us else "0"
