"""Cohorts: users defined by what they did, had or were.

A definition is a tree of clauses: `&` is and, `|` is or, `~` is did not, `.then(...)`
is a sequence. It holds no users; `members` evaluates it on events.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.grid import Calendar, make_grid
from replaykit.analyses.properties import groupings, number
from replaykit.analyses.segments import first_seen
from replaykit.analyses.session_query import compared
from replaykit.errors import BadInput, UnknownOption, check_option
from replaykit.query import Step, as_step, check_events
from replaykit.schema import canonical
from replaykit.timeline import Span, check_interval, instant, microseconds

if TYPE_CHECKING:
    from datetime import datetime

    from replaykit.timeline import Interval

Counted: TypeAlias = Literal["rows", "sum", "distinct", "intervals"]
"""What is compared: rows, the sum of a property, its distinct values, or intervals."""

COUNTED: Final[tuple[Counted, ...]] = ("rows", "sum", "distinct", "intervals")

When: TypeAlias = Literal["last", "any"]
"""Whether a property was had most recently, or at any time."""

WHENS: Final[tuple[When, ...]] = ("last", "any")

_COMPARED: Final = re.compile(r"(>=|<=|!=|>|<|=)\s*(-?\d+(?:\.\d+)?)")
_SIGNS: Final = (">", ">=", "<", "<=", "=", "!=")
_DAYS: Final = re.compile(r"(\d+)d")

#: The time frame of a clause: a range, or "7d" for the last days, today included.
During: TypeAlias = Span | str | None


@dataclass(frozen=True, eq=False)
class Moment:
    """What a definition is evaluated on: the events, the range, and now."""

    frame: pl.LazyFrame
    span: Span
    now: datetime
    calendar: Calendar

    def within(self, during: During) -> Span:
        """Return a clause's time frame."""
        if during is None:
            return self.span
        if isinstance(during, Span):
            return during
        match = _DAYS.fullmatch(during)
        if match is None or int(match[1]) < 1:
            raise UnknownOption(
                f"during={during!r} is not a time frame. Give a Span such as "
                "between('2026-03-01', '2026-03-31'), or the last days: '7d'."
            )
        today = pl.lit(self.now - timedelta(microseconds=1), pl.Datetime("us", "UTC"))
        start = pl.select(self.calendar.start_of(today, "1d")).item()
        days = int(match[1]) - 1
        starts = self.calendar.starts_before(start, "1d", days)
        return Span(starts[0] if starts else start, self.now, self.calendar.tz)


class Cohort(ABC):
    """A definition of users; combine with `&`, `|` and `~`."""

    def __and__(self, other: Cohort) -> Cohort:
        """Return the users in both."""
        return _Combined("and", self, other)

    def __or__(self, other: Cohort) -> Cohort:
        """Return the users in either one."""
        return _Combined("or", self, other)

    def __invert__(self) -> Cohort:
        """Return the users who are not in it."""
        return _Excluded(self)

    @abstractmethod
    def users(self, moment: Moment) -> pl.DataFrame:
        """Return the members: `user`, each once."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The events that the definition names."""
        return ()


@dataclass(frozen=True, eq=False)
class _Combined(Cohort):
    word: Literal["and", "or"]
    left: Cohort
    right: Cohort

    def users(self, moment: Moment) -> pl.DataFrame:
        left, right = self.left.users(moment), self.right.users(moment)
        if self.word == "and":
            return left.join(right, on="user", how="semi")
        return pl.concat([left, right]).unique()

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.left.steps, *self.right.steps)


@dataclass(frozen=True, eq=False)
class _Excluded(Cohort):
    inner: Cohort

    def users(self, moment: Moment) -> pl.DataFrame:
        everyone = moment.frame.select("user").unique().collect(engine="streaming")
        return everyone.join(self.inner.users(moment), on="user", how="anti")

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.inner.steps


@dataclass(frozen=True, eq=False)
class Performed(Cohort):
    """Users who did something so often; made by `performed`."""

    step: Step
    sign: str
    bound: float
    counting: Counted = "rows"
    of: str | pl.Expr | None = None
    every: Interval = "1d"
    versus: Step | None = None
    during: During = None
    within: str | None = None

    def then(self, *others: Performed) -> Cohort:
        """Return the users who did this and, strictly later, the others in turn.

        Each side must also meet its own count.
        """
        return _Sequence((self, *others))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The events that the clause names."""
        return (self.step,) if self.versus is None else (self.step, self.versus)

    def rows(self, moment: Moment, step: Step) -> pl.LazyFrame:
        """Return the rows of an event inside the clause's time frame."""
        span = moment.within(self.during)
        lf = moment.frame
        met = step.predicate(since=span.start)
        if step.which is not None:
            lf = lf.with_columns(_met=met)
            met = pl.col("_met")
        rows = lf.filter(span.holds(pl.col("time")), met)
        if self.within is None:
            return rows
        # Within x days of first use counts from the first event ever, active or not.
        limit = pl.duration(microseconds=microseconds(self.within))
        firsts = first_seen(moment.frame)
        rows = rows.join(firsts, on="user", how="left")
        return rows.filter(pl.col("time") <= pl.col("first") + limit).drop("first")

    def users(self, moment: Moment) -> pl.DataFrame:
        """Return the users who did it so often."""
        rows = self.rows(moment, self.step)
        if self.versus is not None:
            mine = rows.group_by("user").agg(n=pl.len().cast(pl.Int64))
            theirs = (
                self.rows(moment, self.versus)
                .group_by("user")
                .agg(m=pl.len().cast(pl.Int64))
            )
            both = mine.join(theirs, on="user", how="full", coalesce=True)
            n, m = pl.col("n").fill_null(0), pl.col("m").fill_null(0)
            kept = both.filter(compared(n - m, self.sign, 0))
            return kept.select("user").collect(engine="streaming")
        counted = rows.group_by("user").agg(n=self._quantity(moment))
        kept = counted.filter(compared(pl.col("n"), self.sign, self.bound))
        return kept.select("user").collect(engine="streaming")

    def _quantity(self, moment: Moment) -> pl.Expr:
        if self.counting == "rows":
            return pl.len().cast(pl.Int64)
        if self.counting == "intervals":
            return moment.calendar.start_of(pl.col("time"), self.every).n_unique()
        (prop,) = groupings(moment.frame, self.of, word="of")
        if self.counting == "distinct":
            return prop.expr.drop_nulls().n_unique()
        return number(prop.expr, prop.dtype).sum()


@dataclass(frozen=True, eq=False)
class _Sequence(Cohort):
    parts: tuple[Performed, ...]

    def users(self, moment: Moment) -> pl.DataFrame:
        reached: pl.DataFrame | None = None
        for part in self.parts:
            rows = part.rows(moment, part.step).select("user", "time")
            rows = rows.join(part.users(moment).lazy(), on="user", how="semi")
            if reached is not None:
                later = rows.join(reached.lazy(), on="user", suffix="_before")
                rows = later.filter(pl.col("time") > pl.col("time_before"))
            reached = rows.group_by("user").agg(pl.col("time").min()).collect()
        assert reached is not None  # noqa: S101
        return reached.select("user")

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for part in self.parts for step in part.steps)


@dataclass(frozen=True, eq=False)
class _Had(Cohort):
    condition: pl.Expr
    when: When
    during: During

    def users(self, moment: Moment) -> pl.DataFrame:
        rows = moment.frame.filter(moment.within(self.during).holds(pl.col("time")))
        if self.when == "any":
            return rows.filter(self.condition).select("user").unique().collect()
        # Of the last active event; a missing number counts as 0 there.
        schema = moment.frame.collect_schema()
        names = [name for name in self.condition.meta.root_names() if name in schema]
        last = (
            rows.filter(pl.col("active"))
            .select("user", "time", "row", *(n for n in names if n not in _OWN))
            .sort("time", "row")
            .group_by("user")
            .last()
        )
        zero = [
            pl.col(name).fill_null(0) for name in names if schema[name].is_numeric()
        ]
        return last.with_columns(zero).filter(self.condition).select("user").collect()


_OWN: Final = frozenset({"user", "time", "row"})


@dataclass(frozen=True, eq=False)
class _Been(Cohort):
    word: Literal["active", "new"]
    during: During

    def users(self, moment: Moment) -> pl.DataFrame:
        span = moment.within(self.during)
        if self.word == "new":
            firsts = first_seen(moment.frame).filter(span.holds(pl.col("first")))
            return firsts.select("user").collect(engine="streaming")
        rows = moment.frame.filter(pl.col("active"), span.holds(pl.col("time")))
        return rows.select("user").unique().collect(engine="streaming")


@dataclass(frozen=True, eq=False)
class _Listed(Cohort):
    members: pl.DataFrame

    def users(self, moment: Moment) -> pl.DataFrame:
        dtype = moment.frame.collect_schema()["user"]
        return self.members.select(pl.col("user").cast(dtype)).unique()


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


def had(condition: pl.Expr, when: When = "last", *, during: During = None) -> Cohort:
    """Users who had a property, on their last active event or on any row.

    A missing number counts as 0 most recently.

    Examples
    --------
    >>> isinstance(had(pl.col("plan") == "pro"), Cohort)
    True
    """
    check_option("when", when, WHENS)
    return _Had(condition, when, during)


def active(during: During = None) -> Cohort:
    """Users with an active event in the time frame.

    Examples
    --------
    >>> isinstance(active() & ~performed("Buy"), Cohort)
    True
    """
    return _Been("active", during)


def new(during: During = None) -> Cohort:
    """Users whose first event ever, active or not, lies in the time frame.

    Examples
    --------
    >>> isinstance(new("7d"), Cohort)
    True
    """
    return _Been("new", during)


def listed(users: pl.DataFrame) -> Cohort:
    """Return a static cohort: these users (`user`), whatever they do.

    Examples
    --------
    >>> isinstance(listed(pl.DataFrame({"user": [1, 2]})), Cohort)
    True
    """
    if "user" not in users.columns:
        raise BadInput(f"A list of users needs a column 'user', not {users.columns}.")
    return _Listed(users)


def members(
    frame: pl.LazyFrame | pl.DataFrame,
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
    lf = canonical(frame)
    names = lf.group_by("event").agg(rows=pl.len()).collect(engine="streaming")
    known: dict[str, int] = dict(names.iter_rows())
    if known:
        check_events(cohort.steps, known)
    moment = make_moment(lf, span=span, now=now, calendar=calendar)
    return cohort.users(moment).sort("user")


def make_moment(
    frame: pl.LazyFrame,
    *,
    span: Span | None = None,
    now: datetime | None = None,
    calendar: Calendar | None = None,
) -> Moment:
    """Return what definitions are evaluated on."""
    span = span or Span(tz=calendar.tz if calendar else "UTC")
    calendar = calendar or Calendar(span.tz)
    if now is None:
        now = span.now or span.end
    if now is None:
        grid = make_grid(frame, every="1d", span=span, calendar=calendar)
        now = grid.span.end or instant("1970-01-01")
    return Moment(frame, span, instant(now, calendar.tz), calendar)
