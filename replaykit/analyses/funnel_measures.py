"""What else a funnel tells: when, how fast, how often, and whether better by chance.

Every measure starts from the chosen paths of a `FunnelAnswer`, except conversion over
time, which searches again with the entries of each interval.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.analyses.funnel import partial
from replaykit.analyses.funnel_rows import encode
from replaykit.analyses.funnel_units import units_of, walk_block
from replaykit.analyses.properties import number
from replaykit.errors import BadInput, UnknownPoint, UnknownProperty, did_you_mean
from replaykit.timeline import check_interval, microseconds, next_bucket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from replaykit.analyses.funnel import FunnelAnswer
    from replaykit.analyses.funnel_plan import FunnelPlan
    from replaykit.query import Step
    from replaykit.timeline import Weekday

#: Widths of automatic bins, and how many of them fit on a screen.
_WIDTHS: Final = ("1s", "10s", "1m", "10m", "1h")
_MOST_BINS: Final = 150


@dataclass(frozen=True, eq=False)
class OverTime:
    """Conversion per interval of the entry.

    Attributes
    ----------
    table
        One line per interval, group and pair of steps: `time` Datetime (the interval's
        start), the grouping columns, `first` and `last` Int64 (the steps), `entered`
        (units that reach `first`), `converted` (that reach `last`), `share`,
        `median_time` Duration (between the two, of those converted) and `incomplete`
        Boolean (whether entries may still convert).
    answer
        The funnel.
    plan
        The funnel's question, with intervals.
    """

    table: pl.DataFrame
    answer: FunnelAnswer
    plan: FunnelPlan

    @cached_property
    def units(self) -> pl.DataFrame:
        """One line per unit and `interval` it enters in, as `FunnelAnswer.units`."""
        return units_of(self.answer.log, self.plan)

    def population(
        self,
        time: datetime,
        *,
        outcome: str = "reached",
        step: int | str | Step | None = None,
        group: Sequence[str | None] = (),
    ) -> pl.DataFrame:
        """Return the units of one interval; see `FunnelAnswer.population`."""
        same = [
            pl.col(name).eq_missing(pl.lit(value, pl.String))
            for name, value in zip(self.plan.groups, group, strict=False)
        ]
        inside = self.units.filter(pl.col("interval") == time, *same)
        if inside.is_empty():
            raise UnknownPoint(f"Nobody enters in the interval of {time}.")
        last = len(self.answer.plan.steps) if step is None else step
        key = self.answer.key(last, outcome, group)
        return self.answer.windows(inside, key)

    def between(
        self, time: datetime, first: int, last: int, group: Sequence[str | None] = ()
    ) -> pl.DataFrame:
        """Return the units of an interval that reach step `first` and not `last`.

        Their window runs from the entry to the end of the funnel's window, and opens
        at the last step they reached.
        """
        parts = [
            self.population(time, outcome="dropped", step=k, group=group)
            for k in range(first + 1, last + 1)
        ]
        return pl.concat(parts)


def over_time(
    answer: FunnelAnswer,
    every: str = "1d",
    *,
    pairs: bool = False,
    between: tuple[int | str | Step, int | str | Step] | None = None,
    now: datetime | None = None,
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> OverTime:
    """Count conversion per interval of the entry.

    The search runs once per unit and interval, with the entries of that interval only:
    a unit appears in every interval it enters in, and a later row may serve several.

    Parameters
    ----------
    answer
        The funnel.
    every
        A calendar interval such as `"1d"`, in the zone of the funnel's range.
    pairs
        Whether every neighbouring pair of steps is listed, beside the whole funnel.
    between
        Two steps, the earlier one first, instead of the whole funnel.
    now
        The end of the data: intervals whose entries may still convert after it are
        incomplete.
    week_start, quarter_start
        The project's calendar.
    """
    plan = replace(
        answer.plan,
        every=check_interval(every),
        week_start=week_start,
        quarter_start=quarter_start,
    )
    units = answer.log.run(
        functools.partial(partial, plan=plan, codes=answer.log.codes)
    )
    n = len(plan.steps)
    steps = [(1, n) if between is None else _pair(plan, *between)]
    if pairs:
        steps = list(dict.fromkeys([*steps, *((k, k + 1) for k in range(1, n))]))
    groups = list(plan.groups)
    tables = []
    depth = pl.col("@depth")
    for first, last in steps:
        found = units.group_by("@interval", *groups).agg(
            pl.lit(first, pl.Int64).alias("first"),
            pl.lit(last, pl.Int64).alias("last"),
            (depth >= first).sum().cast(pl.Int64).alias("entered"),
            (depth >= last).sum().cast(pl.Int64).alias("converted"),
            spent(first, last).filter(depth >= last).median().alias("median_time"),
        )
        tables.append(found)
    table = pl.concat(tables).rename({"@interval": "time"})
    until = next_bucket(
        pl.col("time"),
        every,
        plan.span.tz,
        week_start=week_start,
        quarter_start=quarter_start,
    )
    moment = now if now is not None else plan.span.now
    late = until.dt.convert_time_zone("UTC") + pl.duration(microseconds=plan.window)
    table = table.with_columns(
        share=pl.when(pl.col("entered") > 0).then(
            pl.col("converted") / pl.col("entered")
        ),
        median_time=_duration(pl.col("median_time"), plan),
        incomplete=pl.lit(value=False) if moment is None else late > moment,
    )
    order = ["time", *groups, "first", "last"]
    columns = [*order, "entered", "converted", "share", "median_time", "incomplete"]
    return OverTime(table.sort(order).select(columns), answer, plan)


@dataclass(frozen=True, eq=False)
class TimeToConvert:
    """How long converted units took.

    Attributes
    ----------
    table
        The histogram: `low` and `high` Duration of a bin `[low, high)`, `users` and
        `share` (of the units inside the bins).
    values
        `user`, the held properties and `time` Duration, one line per converted unit.
    median, mean
        Over all converted units, inside the bins or not; None where nobody converted.
    """

    table: pl.DataFrame
    values: pl.DataFrame
    median: float | None
    mean: float | None
    answer: FunnelAnswer
    first: int
    last: int

    def population(self, low: str | int, high: str | int) -> pl.DataFrame:
        """Return the units of a bin `[low, high)`; see `FunnelAnswer.population`."""
        us = (timedelta(microseconds=_micros(one)) for one in (low, high))
        return self.within(*us)

    def within(self, low: timedelta, high: timedelta) -> pl.DataFrame:
        """Return the units that took from `low` to less than `high`."""
        plan = self.answer.plan
        ticks = pl.element().dt.timestamp("us") // plan.unit
        if plan.order == "any":
            ticks = ticks.cum_max()
        moments = pl.col("times").list.eval(ticks).list
        time = (moments.get(self.last - 1) - moments.get(self.first - 1)) * plan.unit
        units = self.answer.units.filter(pl.col("depth") >= self.last)
        us = timedelta(microseconds=1)
        inside = units.filter(time >= low // us, time < high // us)
        return self.answer.windows(inside, self.answer.key(self.last))


def time_to_convert(
    answer: FunnelAnswer,
    *,
    first: int | str | Step = 1,
    last: int | str | Step | None = None,
    bins: tuple[str | int, str | int, str] | None = None,
) -> TimeToConvert:
    """Measure how long units take from one step to a later one.

    Parameters
    ----------
    answer
        The funnel.
    first, last
        The steps; the whole funnel by default.
    bins
        `(lowest, highest, size)` such as `(0, "10m", "2m")`. By default the smallest
        of 1 s, 10 s, 1 min, 10 min and 1 h that gives at most 150 bins over the window.
    """
    plan = answer.plan
    low_step, high_step = _pair(plan, first, last)
    values = answer.paths.filter(pl.col("@depth") >= high_step).select(
        pl.col("@user").alias("user"),
        *(pl.col(f"@{name}").alias(name) for name in plan.hold),
        (spent(low_step, high_step) * plan.unit).cast(pl.Duration("us")).alias("time"),
    )
    if bins is None:
        size = next(
            (
                width
                for width in map(microseconds, _WIDTHS)
                if plan.window <= width * _MOST_BINS
            ),
            microseconds(_WIDTHS[-1]),
        )
        low, high = 0, -(-(plan.window + 1) // size) * size
    else:
        low, high, size = _micros(bins[0]), _micros(bins[1]), microseconds(bins[2])
        if high <= low:
            raise BadInput(f"bins={bins!r}: the highest value is not above the lowest.")
        high = low + -(-(high - low) // size) * size
    starts = pl.DataFrame({"low": pl.int_range(low, high, size, eager=True)})
    micros = values["time"].dt.total_microseconds()
    counted = (
        pl.DataFrame({"low": (micros - low) // size * size + low})
        .group_by("low")
        .agg(users=pl.len().cast(pl.Int64))
    )
    table = starts.join(counted, on="low", how="left", maintain_order="left")
    users = pl.col("users").fill_null(0)
    table = table.select(
        pl.col("low").cast(pl.Duration("us")),
        (pl.col("low") + size).cast(pl.Duration("us")).alias("high"),
        users,
        pl.when(users.sum() > 0).then(users / users.sum()).alias("share"),
    )
    seconds = micros / 1_000_000
    return TimeToConvert(
        table,
        values,
        seconds.median() if len(seconds) else None,  # type: ignore[arg-type] # float
        seconds.mean() if len(seconds) else None,  # type: ignore[arg-type] # float
        answer,
        low_step,
        high_step,
    )


def frequency(answer: FunnelAnswer, step: int | str | Step = 1) -> pl.DataFrame:
    """Count how often units performed a step before they reached the next one.

    Occurrences of the step between the path's own and the path's next step, both
    moments included, so that the least is 1. Columns: `user`, the held properties and
    `times` Int64, one line per unit that reached the next step.
    """
    plan = answer.plan
    place = plan.step_number(step)
    if place == len(plan.steps):
        raise BadInput("frequency counts a step before the next one: not the last.")
    if plan.count == "totals":
        raise BadInput("frequency needs count='uniques': a row has one path in totals.")
    return answer.log.run(functools.partial(_occurrences, plan=plan, place=place))


def _occurrences(lf: pl.LazyFrame, plan: FunnelPlan, place: int) -> pl.DataFrame:
    """Return what `frequency` does, of one piece."""
    frame = encode(lf, plan, full=False)
    rows = frame.whole
    _, depths, paths = walk_block(rows, plan)
    lines = np.flatnonzero(depths > place)
    own, following = paths[lines, place - 1], paths[lines, place]
    seen = np.flatnonzero(rows.mask >> (place - 1) & 1)
    # Rows of one event type in one tick are one occurrence.
    occurrences = (
        frame.frame.select(event="#event")[rows.places(seen)]
        .with_columns(unit=pl.Series(rows.unit[seen]), tick=pl.Series(rows.tick[seen]))
        .unique()
    )
    counted = (
        pl.DataFrame(
            {
                "line": np.arange(len(lines)),
                "unit": rows.unit[own],
                "low": rows.tick[own],
                # In any order the next step may come first; then this one counts once.
                "high": np.maximum(rows.tick[own], rows.tick[following]),
            }
        )
        .join(occurrences, on="unit")
        .filter(pl.col("tick").is_between("low", "high"))
        .group_by("line")
        .agg(times=pl.len().cast(pl.Int64))
        .sort("line")
    )
    names = ["user", *plan.hold]
    at = rows.places(own)
    named = [frame.frame[f"@{name}"].gather(at).alias(name) for name in names]
    return pl.DataFrame([*named, counted["times"]])


def property_at_end(answer: FunnelAnswer, name: str) -> float:
    """Return the sum of a property over the last rows of converting paths.

    Only numbers and numeric text take part.
    """
    names = answer.log.schema.names()
    if name not in names:
        hint = did_you_mean(name, names)
        raise UnknownProperty(f"There is no property {name!r}. {hint}".rstrip())
    ended = answer.units.filter(pl.col("depth") == len(answer.plan.steps))
    rows = ended.select(row=pl.col("rows").list.last())
    values = answer.log.collect(
        lambda lf: lf.select("row", name).join(rows.lazy(), on="row", how="semi")
    )
    # Each path is counted, also those that end at the same row.
    valued = rows.join(values, on="row")
    value = number(pl.col(name), answer.log.schema[name])
    return float(valued.select(value.sum()).item())


def takeaways(answer: FunnelAnswer) -> dict[str, str | float | None]:
    """Name a funnel's conversion, its largest drop-off and its slowest step.

    The drop-off is by count, the slowest step by median time. Groups are looked at
    together.
    """
    plan = answer.plan
    paths, depth = answer.paths, pl.col("@depth")
    numbers = range(1, len(plan.steps) + 1)
    counts = [paths.filter(depth >= k).height for k in numbers]
    medians = [
        paths.filter(depth >= k).select(spent(k - 1, k).median()).item()
        for k in numbers[1:]
    ]
    drops = [before - after for before, after in pairwise(counts)]
    slow = [(time, -k) for k, time in enumerate(medians) if time is not None]
    return {
        "conversion": counts[-1] / counts[0] if counts[0] else None,
        "largest_drop": plan.labels[int(np.argmax(drops)) + 1] if counts[0] else None,
        "dropped": float(max(drops)),
        "slowest": plan.labels[1 - max(slow)[1]] if slow else None,
    }


def spent(first: int, last: int) -> pl.Expr:
    """Return the ticks between two steps, from what `funnel.partial` returns."""
    return pl.sum_horizontal(pl.col(f"@gap{k}") for k in range(first + 1, last + 1))


def _pair(
    plan: FunnelPlan, first: int | str | Step, last: int | str | Step | None
) -> tuple[int, int]:
    low = plan.step_number(first)
    high = len(plan.steps) if last is None else plan.step_number(last)
    if low >= high:
        raise BadInput(f"Steps {low} and {high}: the first must come before the last.")
    return low, high


def _duration(ticks: pl.Expr, plan: FunnelPlan) -> pl.Expr:
    return (ticks * plan.unit).round().cast(pl.Int64).cast(pl.Duration("us"))


def _micros(bound: str | int) -> int:
    return 0 if bound in (0, "0") else microseconds(str(bound))
