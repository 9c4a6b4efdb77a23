"""Inline cohorts: whose users a chart keeps, said where the chart is asked for.

"During" is one set of users for the whole chart; "in each" is a set per interval, and
rows count only in intervals whose set holds their user (`spec/cohorts.md` 2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses import cohorts
from replaykit.analyses.cohort_clauses import make_moment, members_at
from replaykit.analyses.grid import Calendar, make_grid
from replaykit.analyses.segments import Segment
from replaykit.analyses.session_query import compared
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, UnknownOption, check_option
from replaykit.query import Step, as_step

if TYPE_CHECKING:
    from replaykit.timeline import Interval, Span

Scope: TypeAlias = Literal["during", "in each"]
"""One set of users for the whole chart, or one per interval of it."""

SCOPES: Final[tuple[Scope, ...]] = ("during", "in each")


@dataclass(frozen=True, eq=False)
class InlineCohort:
    """Users who did something so often, as a segment of a chart; see `performed`."""

    step: Step
    at_least: float = 1
    at_most: float | None = None
    scope: Scope = "during"
    rolling: int | None = None
    offset: int = 0

    def segment(
        self,
        frame: Frames,
        *,
        every: Interval,
        span: Span,
        calendar: Calendar,
    ) -> Segment:
        """Return the users, for a chart of these intervals."""
        return inline_cohort(
            frame,
            self.step,
            f">= {self.at_least:.12g}",
            at_most=self.at_most,
            scope=self.scope,
            rolling=self.rolling,
            offset=self.offset,
            every=every,
            span=span,
            calendar=calendar,
        )


def performed(
    event: str | Step,
    *,
    at_least: float = 1,
    at_most: float | None = None,
    scope: Scope = "during",
    rolling: int | None = None,
    offset: int = 0,
) -> InlineCohort:
    """Name a segment: users who did something so often, in a range or in each interval.

    For `segments=` of counts over time and formulas. The condition reads all rows of
    the events asked, whatever their filters; only the range is the chart's.

    Parameters
    ----------
    event
        A name, or a step made by `rk.event`.
    at_least, at_most
        How many times, bounds included.
    scope
        `"during"`: one set of users for the range. `"in each"`: a set per interval of
        the chart; rows count only in intervals whose set holds their user.
    rolling
        The condition looks at so many intervals that end at the point (days with
        `"during"`).
    offset
        Moves that window back; 1 leaves out the point's own interval. The charted
        events stay where they are.

    Examples
    --------
    >>> import polars as pl
    >>> import replaykit as rk
    >>> log = pl.DataFrame(
    ...     {
    ...         "user": ["ana", "ana", "ben"],
    ...         "time": ["2026-03-01 09:00", "2026-03-01 10:00", "2026-03-01 11:00"],
    ...         "event": ["Play"] * 3,
    ...     }
    ... )
    >>> often = rk.performed("Play", at_least=2, scope="in each")
    >>> found = rk.events(log).segmentation("Play", segments={"often": often})
    >>> found.table["value"].to_list()
    [1]
    """
    check_option("scope", scope, SCOPES)
    if at_least < 1:
        raise BadInput(
            f"at_least={at_least!r}: users who did not do it are a difference, "
            "events.everyone() - events.users_who(…)."
        )
    if at_most is not None and at_most < at_least:
        raise BadInput(f"at_least={at_least!r} is more than at_most={at_most!r}.")
    _check_window(scope, rolling, offset)
    return InlineCohort(as_step(event), at_least, at_most, scope, rolling, offset)


def _check_window(scope: Scope, rolling: int | None, offset: int) -> None:
    if offset < 0 or (rolling is not None and rolling < 1):
        raise UnknownOption("rolling= is 1 or more intervals, offset= 0 or more.")
    if scope == "during" and rolling is None and offset:
        raise UnknownOption("offset= has no effect without rolling= or 'in each'.")


def inline_cohort(
    frame: Frames,
    step: Step | str,
    times: str = ">= 1",
    *,
    at_most: float | None = None,
    scope: Scope = "during",
    rolling: int | None = None,
    offset: int = 0,
    every: Interval = "1d",
    span: Span | None = None,
    calendar: Calendar | None = None,
) -> Segment:
    """Return the segment of users who performed an event, for use in a chart.

    Parameters
    ----------
    frame
        Canonical events; the whole table, as the condition may look before the range.
    step, times, at_most
        The event and how often, such as `">= 2"`, and a bound beside it.
    scope
        `"during"`: one set of users for the range. `"in each"`: one per interval; rows
        count only in intervals whose set holds their user.
    rolling
        Look at so many intervals ending at the point (days, with `"during"`).
    offset
        Move that window back by so many; 1 leaves out the point's own.
    every, span, calendar
        Those of the chart.

    Examples
    --------
    >>> from datetime import datetime
    >>> day = [datetime(2026, 3, 1)] * 3
    >>> frame = pl.DataFrame({"user": [1, 1, 2], "time": day, "event": ["Play"] * 3})
    >>> inline_cohort(frame, "Play", ">= 2").users["user"].to_list()
    [1]
    """
    check_option("scope", scope, SCOPES)
    clause = cohorts.performed(step, times, at_most=at_most)
    log = Pieces.of(frame)
    _check_window(scope, rolling, offset)
    if scope == "during" and rolling is None:
        moment = make_moment(log, span=span, calendar=calendar)
        return Segment(users=members_at(log, clause, moment))
    size = rolling or 1
    grid = make_grid(log, every=every, span=span, calendar=calendar)
    unit = every if scope == "in each" else "1d"
    wide = make_grid(
        log,
        every=unit,
        span=replace(grid.span, start=grid.starts[0], end=grid.ends[-1]),
        calendar=calendar,
        lookback=size - 1 + offset,
    )
    time = pl.col("time")
    inside = (wide.holds(time), clause.step.predicate())
    counts = log.collect(
        lambda lf: (
            lf.filter(*inside).group_by("user", i=wide.index(time)).agg(n=pl.len())
        )
    )
    reach = pl.int_ranges(
        pl.col("i") + offset, pl.col("i") + offset + size, dtype=pl.Int32
    )
    seen = (
        counts.lazy()
        .with_columns(i=reach)
        .explode("i")
        .group_by("user", "i")
        .agg(pl.col("n").sum().cast(pl.Int64))
    )
    kept = seen.filter(compared(pl.col("n"), clause.sign, clause.bound))
    if at_most is not None:
        kept = kept.filter(pl.col("n") <= at_most)
    # The unit that ends a point: its own interval, or the last day of it.
    last = grid.ends.to_frame("t").select(
        i=wide.index(pl.col("t") - pl.duration(microseconds=1))
    )
    points = last.with_columns(time=grid.starts).lazy()
    users = kept.join(points, on="i").select("user", "time").collect(engine="streaming")
    return Segment(users=users)
