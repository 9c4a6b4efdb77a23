"""Conversion drivers: which other events go with converting, and which do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.errors import (
    BadInput,
    UnknownOption,
    UnknownProperty,
    check_option,
    did_you_mean,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.funnel import FunnelAnswer
    from replaykit.query import Step

Tab: TypeAlias = Literal["converted", "dropped"]
"""Whose behaviour is shown: the units that converted, or those that dropped."""

TABS: Final = ("converted", "dropped")


def drivers(
    answer: FunnelAnswer,
    *,
    first: int | str | Step = 1,
    last: int | str | Step | None = None,
    tab: Tab = "converted",
    by: str | Sequence[str] = (),
) -> pl.DataFrame:
    """Correlate every other event between two steps with conversion.

    Each unit that reaches `first` has a window: to its `last` step if it converts,
    else to the end of the funnel's window, bounds included. An event that satisfies a
    step of the funnel is not listed.

    Parameters
    ----------
    answer
        A funnel in this order, of unique users.
    first, last
        The two steps; the whole funnel by default.
    tab
        `"converted"` or `"dropped"`.
    by
        Up to three properties; each combination of values is an event of its own.

    Returns
    -------
    DataFrame
        `event`, the properties, `did_converted`, `did_dropped`, `not_converted`,
        `not_dropped` (units), `correlation` (phi, between doing it and the tab's
        group), `frequency` (mean count over units of the group that did it),
        `did_share` (of the group) and `avg_time` Duration (between the steps, over
        converted units that did it). The strongest correlation stands first.
    """
    check_option("tab", tab, TABS)
    plan = answer.plan
    if plan.order != "this" or plan.count != "uniques":
        raise UnknownOption("drivers needs order='this' and count='uniques'.")
    columns = [by] if isinstance(by, str) else list(by)
    if len(columns) > 3:
        raise BadInput("Events are split by up to three properties.")
    low = plan.step_number(first)
    high = len(plan.steps) if last is None else plan.step_number(last)
    if low >= high:
        raise BadInput(f"Steps {low} and {high}: the first must come before the last.")
    units = _windows(answer, low, high)
    names = answer.log.schema.names()
    for name in columns:
        if name not in names:
            hint = did_you_mean(name, names)
            raise UnknownProperty(f"There is no property {name!r}. {hint}".rstrip())
    other = ~pl.any_horizontal(step.predicate() for step in plan.steps)
    keys = ["event", *columns]
    group = pl.col("converted") == (tab == "converted")
    sums = (
        pl.col("converted").sum().cast(pl.Int64).alias("did_converted"),
        (~pl.col("converted")).sum().cast(pl.Int64).alias("did_dropped"),
        pl.col("times").filter(group).sum().cast(pl.Int64).alias("times"),
        pl.col("spent").filter("converted").sum().alias("spent"),
    )

    def build(lf: pl.LazyFrame) -> pl.LazyFrame:
        return (
            lf.filter(other)
            .select("user", "time", *keys)
            .join(units.lazy(), on="user")
            .filter(pl.col("time").is_between("begin", "until"))
            .group_by("unit", "converted", "spent", *keys)
            .agg(times=pl.len())
            .group_by(keys)
            .agg(sums)
        )

    added = answer.log.collect(build).group_by(keys).agg(pl.all().sum())
    converted, dropped = pl.col("did_converted"), pl.col("did_dropped")
    counted = converted if tab == "converted" else dropped
    did = added.with_columns(
        frequency=pl.when(counted > 0).then(pl.col("times") / counted),
        avg_time=pl.when(converted > 0).then(pl.col("spent") / converted),
    )
    return _correlated(did, units, tab, keys).sort(
        "correlation", *keys, descending=[True] + [False] * len(keys), nulls_last=True
    )


def _windows(answer: FunnelAnswer, low: int, high: int) -> pl.DataFrame:
    plan = answer.plan
    times = pl.col("times").list
    # Times between steps are cut to the resolution, as everywhere in a funnel.
    begin = times.get(low - 1).dt.timestamp("us") // plan.unit
    end = times.get(high - 1, null_on_oob=True).dt.timestamp("us") // plan.unit
    converted = pl.col("depth") >= high
    return (
        answer.units.filter(pl.col("depth") >= low)
        .with_row_index("unit")
        .select(
            "unit",
            "user",
            converted.alias("converted"),
            times.get(low - 1).alias("begin"),
            pl.when(converted)
            .then(times.get(high - 1, null_on_oob=True))
            .otherwise(times.get(0) + pl.duration(microseconds=plan.window))
            .alias("until"),
            ((end - begin) * plan.unit).cast(pl.Duration("us")).alias("spent"),
        )
    )


def _correlated(
    did: pl.DataFrame, units: pl.DataFrame, tab: Tab, keys: list[str]
) -> pl.DataFrame:
    converted = int(units["converted"].sum())
    dropped = units.height - converted
    a, b = pl.col("did_converted"), pl.col("did_dropped")
    c, d = pl.col("not_converted"), pl.col("not_dropped")
    # Products of four counts overflow integers at a few ten thousand users.
    floats = [count.cast(pl.Float64) for count in (a, b, c, d)]
    fa, fb, fc, fd = floats
    spread = ((fa + fb) * (fc + fd) * (fa + fc) * (fb + fd)).sqrt()
    sign = 1 if tab == "converted" else -1
    group, share = (converted, a) if tab == "converted" else (dropped, b)
    return did.with_columns(
        not_converted=converted - a, not_dropped=dropped - b
    ).select(
        *keys,
        "did_converted",
        "did_dropped",
        "not_converted",
        "not_dropped",
        pl.when(spread > 0)
        .then(sign * (fa * fd - fb * fc) / spread)
        .alias("correlation"),
        "frequency",
        (share / group if group else pl.lit(None, pl.Float64)).alias("did_share"),
        "avg_time",
    )
