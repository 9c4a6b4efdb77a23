"""Funnel: count the users who reach each step, within a window that opens at the first.

`funnel` answers; `partial` and `combine` are the same question cut into pieces that
hold whole users. Measures that build on the chosen paths are in `funnel_measures`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.funnel_plan import (
    Count,
    ExactScope,
    Excluded,
    Exclusion,
    FunnelPlan,
    NewUsers,
    Order,
    Resolution,
    read_plan,
)
from replaykit.analyses.funnel_rows import encode
from replaykit.analyses.funnel_units import groups_of, units_of, walk
from replaykit.analyses.plain_funnel import is_plain, plain_units
from replaykit.engine import Engine, Frames, Pieces
from replaykit.errors import UnknownPoint
from replaykit.points import FunnelKey, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from replaykit.query import Step
    from replaykit.timeline import Span

__all__ = [
    "Count",
    "ExactScope",
    "Exclusion",
    "FunnelAnswer",
    "NewUsers",
    "Order",
    "Resolution",
    "combine",
    "funnel",
    "partial",
]


@dataclass(frozen=True, eq=False)
class FunnelAnswer:
    """The answer to `funnel`.

    Attributes
    ----------
    table
        One line per group and step: `step` Int64, `event` String, the grouping columns
        (String; null is "(none)"), `users` Int64 (units that reach the step), `share`
        (of step 1), `step_share` (of the step before), `dropped_before` (units of the
        step before minus this one), `avg_time` and `median_time` Duration (since the
        step before, over the units that reach the step).
    plan
        The question.
    log
        The events that were asked.
    paths
        What `partial` returns: depth and times of every unit's chosen path.
    """

    table: pl.DataFrame
    plan: FunnelPlan
    log: Pieces
    paths: pl.DataFrame

    @cached_property
    def units(self) -> pl.DataFrame:
        """One line per unit that enters.

        `user`, the held properties, the grouping columns, `depth` Int64, `times`
        List(Datetime) and `rows` List(Int64) of the chosen path. With totals a unit is
        a path.
        """
        return units_of(self.log, self.plan)

    @cached_property
    def recorded(self) -> FunnelAnswer | None:
        """The same funnel of those alone who were ever recorded, for its points.

        Whose path is chosen depends on nobody else, so their units are the same as
        here; None where asking them alone would save nothing.
        """
        rows = None if self.log.recorded is None else self.log.recorded()
        return None if rows is None else replace(self, log=rows)

    def users_at(self, key: FunnelKey) -> int | None:
        """Return how many users a point names, where the table tells it."""
        plan = self.plan
        if plan.count != "uniques" or plan.hold or plan.every is not None:
            return None
        if len(key.group) not in {0, len(plan.groups)}:
            return None
        groups = plan.groups if key.group else ()
        same = [
            pl.col(name).eq_missing(pl.lit(value, pl.String))
            for name, value in zip(groups, key.group, strict=True)
        ]
        column = "users" if key.outcome == "reached" else "dropped_before"
        line = self.table.filter(pl.col("step") == plan.step_number(key.step), *same)
        return None if line.is_empty() else int(line[column].sum())

    def key(
        self,
        step: int | str | Step,
        outcome: str = "reached",
        group: Sequence[str | None] = (),
    ) -> FunnelKey:
        """Return the key of a point.

        `"reached"` are the units that reach the step; `"dropped"` those that reach the
        step before and not this one.
        """
        word: Final = "dropped" if outcome == "dropped" else "reached"
        return FunnelKey(self.plan.step_number(step), word, tuple(group))

    def population(self, key: FunnelKey | str) -> pl.DataFrame:
        """Return the units of a point with their windows.

        Columns: `user` Int32, `start` and `end` Datetime (the window), `at` (the moment
        to watch) and `rows` List(Int64), the path's rows up to the step.

        Units that reached a step: the window runs from the path's first moment to that
        step, and `at` is the entry. Units that dropped: from the entry to the end of
        the funnel's window, and `at` is the last step they reached.
        """
        if isinstance(key, str):
            read = parse_key(key)
            if not isinstance(read, FunnelKey):
                raise UnknownPoint(f"{key!r} is not a point of a funnel.")
            key = read
        return self.windows(self._of_group(key), key)

    def windows(self, units: pl.DataFrame, key: FunnelKey) -> pl.DataFrame:
        """Return those of some units that a key means, with their windows."""
        step = self.plan.step_number(key.step)
        if key.outcome == "dropped" and step == 1:
            raise UnknownPoint("Nobody drops before step 1: it is the entry.")
        if key.outcome == "reached":
            units = units.filter(pl.col("depth") >= step)
            taken = step
            at = pl.col("times").list.get(0)
            end = pl.col("times").list.head(taken).list.max()
        else:
            units = units.filter(pl.col("depth") == step - 1)
            taken = step - 1
            at = pl.col("times").list.get(taken - 1)
            window = pl.duration(microseconds=self.plan.window)
            end = pl.col("times").list.get(0) + window
        return units.select(
            "user",
            pl.col("times").list.head(taken).list.min().alias("start"),
            end.alias("end"),
            at.alias("at"),
            pl.col("rows").list.head(taken),
        )

    def _of_group(self, key: FunnelKey) -> pl.DataFrame:
        if not key.group:
            return self.units
        groups = self.plan.groups
        if len(key.group) != len(groups):
            named = ", ".join(groups) or "nothing"
            raise UnknownPoint(
                f"The point names {len(key.group)} groups; the funnel is grouped by "
                f"{named}."
            )
        same = [
            pl.col(name).eq_missing(pl.lit(value, pl.String))
            for name, value in zip(groups, key.group, strict=True)
        ]
        if self.table.filter(same).is_empty():
            raise UnknownPoint(f"The funnel has no group {key.group!r}.")
        return self.units.filter(same)


def funnel(
    frame: Frames,
    steps: Sequence[str | Step],
    *,
    within: str = "1d",
    order: Order = "this",
    span: Span | None = None,
    segment: Sequence[pl.Expr] = (),
    by: str | Sequence[str] | None = None,
    by_step: Mapping[int, str] | tuple[int, str] | None = None,
    hold: str | Sequence[str] | None = None,
    exclude: Excluded | Sequence[Excluded] | None = None,
    count: Count = "uniques",
    resolution: Resolution = "1s",
    exact_scope: ExactScope = "active",
    new_users: NewUsers | None = None,
    known: Mapping[str, int] | None = None,
    engine: Engine = "scan",
) -> FunnelAnswer:
    """Count the users who reach each step, within a window that opens at their first.

    A user enters with a row of the first step inside the range and the segment; later
    steps may fall after the range. Of all paths of a user the longest counts, then the
    earliest entered, then the earliest at each later step. Times are cut to the
    resolution; rows of one such moment have no order, and rows of one event type in it
    that satisfy the same steps count once.

    Parameters
    ----------
    frame
        Canonical events (`replaykit.schema`), in any row order; or several such frames
        that hold whole users.
    steps
        2 to 10 event names or `rk.event(...)`.
    within
        Time allowed from the entry to the last step, bound included; up to 366 days.
    order
        `"this"`, `"any"` or `"exact"`.
    span
        The date range of the entry.
    segment
        Conditions on the entry's row.
    by
        Properties whose value at the entry's row makes the groups.
    by_step
        `(step, property)`: the value at that step's row; units short of it are
        "did not reach step".
    hold
        Properties that must be the same at every step. Each value of a user is a unit;
        rows without the property are ignored; array items are values of their own.
    exclude
        Events (or `Exclusion(event, first, last)`) that a path may not pass.
    count
        `"uniques"` or `"totals"`.
    resolution
        `"1s"` or `"1ms"`.
    exact_scope
        Which other events break an exact path: `"active"` or `"all"`.
    new_users
        `"any day"` or `"first day"`: only users whose first event lies in the range.
    known
        Event names and their numbers of rows, to name the nearest one in errors.
    engine
        How several frames are run: `"scan"`, `"threads"` or an executor.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 2],
    ...         "event": ["Search", "Buy", "Search"],
    ...         "time": [datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 11)] * 1
    ...         + [datetime(2026, 3, 1, 12)],
    ...     }
    ... )
    >>> funnel(frame, ["Search", "Buy"]).table["users"].to_list()
    [2, 1]
    """
    plan = read_plan(
        steps,
        within=within,
        order=order,
        span=span,
        segment=segment,
        by=by,
        by_step=by_step,
        hold=hold,
        exclude=exclude,
        count=count,
        resolution=resolution,
        exact_scope=exact_scope,
        new_users=new_users,
        known=known,
    )
    log = Pieces.of(frame, engine)
    paths = log.run(functools.partial(partial, plan=plan, codes=log.codes))
    return FunnelAnswer(combine([paths], plan), plan, log, paths)


def partial(
    frame: pl.LazyFrame | pl.DataFrame,
    plan: FunnelPlan,
    codes: Mapping[str, int] | None = None,
) -> pl.DataFrame:
    """Return what one piece of the users adds: one line per unit.

    `@user` and the held properties, the grouping columns, `@depth`, `@gap2`, `@gap3`…
    (ticks since the step before) and, where the plan has intervals, `@interval`.
    Pieces that hold whole users are joined by `combine`. `codes` are the numbers of all
    event names in the column `schema.CODE`, where the frame has it.
    """
    if codes is not None and is_plain(plan):
        found = plain_units(frame.lazy(), plan, codes)
        if found is not None:
            return found
    rows = encode(frame, plan, full=bool(plan.groups), codes=codes)
    intervals, depths, paths, gaps = walk(rows, plan)
    first = paths[0]
    columns = groups_of(rows.frame, plan, paths, depths)
    columns += [rows.frame[f"@{name}"].gather(first) for name in ("user", *plan.hold)]
    columns.append(pl.Series("@depth", depths, pl.Int64))
    if rows.intervals is not None:
        columns.append(rows.intervals.gather(intervals))
    columns += [pl.Series(f"@gap{k}", gap) for k, gap in enumerate(gaps[1:], start=2)]
    return pl.DataFrame(columns)


def combine(parts: Iterable[pl.DataFrame], plan: FunnelPlan) -> pl.DataFrame:
    """Return the funnel's table from the partial answers of all pieces."""
    return _table(pl.concat(list(parts)), plan)


def _table(units: pl.DataFrame, plan: FunnelPlan) -> pl.DataFrame:
    groups = list(plan.groups)
    asked = []
    for number, label in enumerate(plan.labels, start=1):
        reached = units.lazy().filter(pl.col("@depth") >= number)
        gap = pl.lit(0) if number == 1 else pl.col(f"@gap{number}")
        measured = [
            pl.len().cast(pl.Int64).alias("users"),
            (gap.mean() * plan.unit).alias("avg_time"),
            (gap.median() * plan.unit).alias("median_time"),
        ]
        found = (
            reached.group_by(groups).agg(measured)
            if groups
            else reached.select(measured)
        )
        asked.append(found.with_columns(step=pl.lit(number), event=pl.lit(label)))
    # All steps at once: each of them is one thread's work.
    steps = pl.collect_all(asked)
    if not groups:
        table = pl.concat(steps)
    else:
        entered = steps[0].select(*groups, pl.col("users").alias("#entered"))
        order = entered.sort(
            "#entered", *groups, descending=[True] + [False] * len(groups)
        )
        order = order.with_row_index("#place").drop("#entered")
        numbers = pl.DataFrame(
            {"step": range(1, len(plan.steps) + 1), "event": plan.labels},
            schema={"step": pl.Int32, "event": pl.String},
        )
        table = (
            order.join(numbers, how="cross")
            .join(
                pl.concat(steps).drop("event"),
                on=[*groups, "step"],
                how="left",
                nulls_equal=True,
            )
            .sort("#place", "step")
        )
    before = pl.col("users").shift(1)
    first = pl.col("users").first()
    over: list[str | pl.Expr] = [*groups] or [pl.lit(0)]
    return table.with_columns(pl.col("users").fill_null(0)).select(
        pl.col("step").cast(pl.Int64),
        "event",
        *groups,
        "users",
        _ratio(pl.col("users"), first).over(over).alias("share"),
        pl.when(pl.col("step") == 1)
        .then(_ratio(pl.col("users"), pl.col("users")))
        .otherwise(_ratio(pl.col("users"), before))
        .over(over)
        .alias("step_share"),
        (before - pl.col("users")).over(over).fill_null(0).alias("dropped_before"),
        *(
            pl.col(name).round().cast(pl.Int64).cast(pl.Duration("us"))
            for name in ("avg_time", "median_time")
        ),
    )


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)
