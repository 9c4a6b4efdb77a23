"""Cohorts: users defined by what they did, had or were.

A definition is a tree of clauses: `&` is and, `|` is or, `~` is did not, `.then(...)`
is a sequence. It holds no users; `members` evaluates it on events, and `population`
also says by which rows each is a member.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.cohort_clauses import (
    Been,
    Clause,
    Cohort,
    Counted,
    During,
    Had,
    Listed,
    Moment,
    Performed,
    When,
    make_moment,
    members_at,
)
from replaykit.analyses.point_users import MOST_ROWS
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, UnknownOption, check_option
from replaykit.query import Step, as_step, check_events
from replaykit.timeline import Span, check_interval, microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from replaykit.analyses.grid import Calendar
    from replaykit.timeline import Interval

COUNTED: Final[tuple[Counted, ...]] = ("rows", "sum", "distinct", "intervals")

WHENS: Final[tuple[When, ...]] = ("last", "any")

_COMPARED: Final = re.compile(r"(>=|<=|!=|>|<|=)\s*(-?\d+(?:\.\d+)?)")
_SIGNS: Final = (">", ">=", "<", "<=", "=", "!=")


def performed(
    step: Step | str,
    times: str = ">= 1",
    *,
    counting: Counted = "rows",
    of: str | pl.Expr | None = None,
    every: Interval = "1d",
    versus: Step | str | None = None,
    during: During = None,
    within: str | None = None,
    at_most: float | None = None,
) -> Performed:
    """Users who performed an event.

    Parameters
    ----------
    step
        The event; `rk.event("Play").nth(3)` is the third time ever.
    times
        How often: `">= 3"`, `"= 1"`. With `versus` only the sign: `">"`.
    counting
        `"rows"`; `"sum"` or `"distinct"` values of the property `of`; `"intervals"`:
        distinct days (or `every`) with a row.
    of, every
        The property; the interval.
    versus
        Compare with the rows of this event instead of a number.
    during
        The time frame: a Span, or the last days, today included: `"7d"`. By default
        the range of the evaluation.
    within
        Only rows so long after the user's first event ever: `"2d"` is 48 hours.
    at_most
        An upper bound beside `times`: `">= 1"` and `at_most=1` are those who did it
        once.

    Examples
    --------
    >>> performed("Play", ">= 3").bound
    3.0
    """
    check_option("counting", counting, COUNTED)
    check_interval(every)
    if within is not None:
        microseconds(within)
    if (of is None) == (counting in {"sum", "distinct"}):
        raise UnknownOption(
            f"counting={counting!r} needs a property: of='price'."
            if of is None
            else f"of={of!r} has no effect on counting={counting!r}."
        )
    if versus is not None:
        if times == ">= 1":
            times = ">"
        check_option("times", times, _SIGNS)
        other = as_step(versus)
        return Performed(
            as_step(step), times, 0.0, versus=other, during=during, within=within
        )
    match = _COMPARED.fullmatch(times.strip()) if isinstance(times, str) else None
    if match is None:
        raise UnknownOption(
            f"times={times!r} is not a comparison. Write '>= 3'; the signs are "
            f"{', '.join(_SIGNS)}."
        )
    sign, bound = match[1], float(match[2])
    if counting != "sum" and _asks_for_none(sign, bound):
        raise BadInput(
            f"times={times!r} asks for users who never did it, and they have no row to "
            "count. Write ~performed(...) for those who did not."
        )
    return Performed(
        as_step(step),
        sign,
        bound,
        counting,
        of,
        every,
        during=during,
        within=within,
        at_most=at_most,
    )


def _asks_for_none(sign: str, bound: float) -> bool:
    """Return whether a comparison means users without a single row."""
    return {
        "=": bound < 1,
        "<": bound <= 1,
        "<=": bound < 1,
        ">=": bound <= 0,
        ">": bound < 0,
        "!=": False,
    }[sign]


def had(condition: pl.Expr, when: When = "last", *, during: During = None) -> Clause:
    """Users who had a property, on their last active event or on any row.

    A missing number counts as 0 most recently.

    Examples
    --------
    >>> isinstance(had(pl.col("plan") == "pro"), Cohort)
    True
    """
    check_option("when", when, WHENS)
    return Had(condition, when, during)


def active(during: During = None) -> Clause:
    """Users with an active event in the time frame.

    Examples
    --------
    >>> isinstance(active() & ~performed("Buy"), Cohort)
    True
    """
    return Been("active", during)


def new(during: During = None) -> Clause:
    """Users whose first event ever, active or not, lies in the time frame.

    Examples
    --------
    >>> isinstance(new("7d"), Cohort)
    True
    """
    return Been("new", during)


def listed(users: pl.DataFrame) -> Cohort:
    """Return a static cohort: these users (`user`), whatever they do.

    Examples
    --------
    >>> isinstance(listed(pl.DataFrame({"user": [1, 2]})), Cohort)
    True
    """
    if "user" not in users.columns:
        raise BadInput(f"A list of users needs a column 'user', not {users.columns}.")
    return Listed(users)


def members(
    frame: Frames,
    cohort: Cohort,
    *,
    span: Span | None = None,
    now: datetime | None = None,
    calendar: Calendar | None = None,
) -> pl.DataFrame:
    """Return the users of a cohort: `user`, in order.

    Parameters
    ----------
    frame
        Canonical events, in any order; the whole table, not only the range.
    cohort
        The definition.
    span
        The time frame of clauses that name none; all times by default.
    now
        What "the last 7 days" ends at; the span's end, or the last event.
    calendar
        The zone of days.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 2, 2],
    ...         "time": [datetime(2026, 3, 1)] * 3,
    ...         "event": ["Play", "Play", "Buy"],
    ...     }
    ... )
    >>> members(frame, performed("Play") & ~performed("Buy"))["user"].to_list()
    [1]
    """
    log = Pieces.of(frame)
    if log.names:
        check_events(cohort.steps, log.names)
    moment = make_moment(log, span=span, now=now, calendar=calendar)
    return members_at(log, cohort, moment)


def population(
    frame: Frames,
    clause: Clause,
    *,
    span: Span | None = None,
    calendar: Calendar | None = None,
    segment: Sequence[pl.Expr] = (),
) -> pl.DataFrame:
    """Return the users of a clause with the rows by which they are members.

    Parameters
    ----------
    frame
        Canonical events, in any order; the whole table, not only the range.
    clause
        A definition made by `performed`, `had`, `active` or `new`.
    span, calendar
        The time frame, and the zone of days.
    segment
        Conditions on the rows that count.

    Returns
    -------
    DataFrame
        `user`; `start` and `end`, the first and the last of the rows; `at`, the first;
        `rows` (the first 200). One line per user.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 2, 2],
    ...         "time": [datetime(2026, 3, 1)] * 3,
    ...         "event": ["Play", "Play", "Buy"],
    ...     }
    ... )
    >>> population(frame, performed("Play"))["rows"].to_list()
    [[0], [1]]
    """
    log = Pieces.of(frame)
    moment = make_moment(log, span=span, calendar=calendar, segment=segment)
    bare = replace(moment, frame=pl.LazyFrame())
    found = log.run(partial(_population, clause=clause, moment=bare))
    return found.sort("user")


def _population(lf: pl.LazyFrame, clause: Clause, moment: Moment) -> pl.DataFrame:
    moment = replace(moment, frame=lf)
    found = clause.users(moment)
    rows = clause.evidence(moment).join(found.lazy(), on="user", how="semi")
    return spans_of(rows.unique(["user", "row"]))


def spans_of(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return users with the rows that count for them, first to last."""
    return (
        rows.select("user", "time", "row")
        .sort("user", "time", "row")
        .group_by("user", maintain_order=True)
        .agg(
            start=pl.col("time").first(),
            end=pl.col("time").last(),
            at=pl.col("time").first(),
            rows=pl.col("row").head(MOST_ROWS),
        )
        .collect()
    )
