"""What a cohort is made of: clauses, and the moment they are evaluated on."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.grid import Calendar, make_grid
from replaykit.analyses.properties import groupings, number
from replaykit.analyses.segments import first_seen
from replaykit.analyses.session_query import compared
from replaykit.errors import UnknownOption
from replaykit.timeline import Span, instant, microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from replaykit.engine import Pieces
    from replaykit.query import Step
    from replaykit.timeline import Interval

Counted: TypeAlias = Literal["rows", "sum", "distinct", "intervals"]
"""What is compared: rows, the sum of a property, its distinct values, or intervals."""

When: TypeAlias = Literal["last", "any"]
"""Whether a property was had most recently, or at any time."""

_DAYS: Final = re.compile(r"(\d+)d")

#: The time frame of a clause: a range, or "7d" for the last days, today included.
During: TypeAlias = Span | str | None


@dataclass(frozen=True, eq=False)
class Moment:
    """What a definition is evaluated on: the events, the range, filters, and now.

    The frame holds all times and rows, because first use and the n-th time look at
    them; `segment` are conditions on the rows that count.
    """

    frame: pl.LazyFrame
    span: Span
    now: datetime
    calendar: Calendar
    segment: tuple[pl.Expr, ...] = ()

    def rows(self, during: During) -> pl.LazyFrame:
        """Return the rows of a clause's time frame that meet the filters."""
        inside = self.within(during).holds(pl.col("time"))
        return self.frame.filter(inside, *self.segment)

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


class Clause(Cohort):
    """A clause that can show the rows by which a user is a member."""

    @abstractmethod
    def evidence(self, moment: Moment) -> pl.LazyFrame:
        """Return rows that count for the clause, of members and others."""


@dataclass(frozen=True, eq=False)
class Performed(Clause):
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
    at_most: float | None = None

    def then(self, *others: Performed) -> Clause:
        """Return the users who did this and, strictly later, the others in turn.

        Each side must also meet its own count.
        """
        return Chain((self, *others))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The events that the clause names."""
        return (self.step,) if self.versus is None else (self.step, self.versus)

    def rows(self, moment: Moment, step: Step) -> pl.LazyFrame:
        """Return the rows of an event inside the clause's time frame."""
        span = moment.within(self.during)
        lf = moment.frame
        met = step.predicate(since=span.start, segment=moment.segment)
        if step.which is not None:
            lf = lf.with_columns(_met=met)
            met = pl.col("_met")
        rows = lf.filter(span.holds(pl.col("time")), met, *moment.segment)
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
        if self.at_most is not None:
            kept = kept.filter(pl.col("n") <= self.at_most)
        return kept.select("user").collect(engine="streaming")

    def evidence(self, moment: Moment) -> pl.LazyFrame:
        """Return the rows of the event."""
        return self.rows(moment, self.step)

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
class Chain(Clause):
    """Users who did several things in turn; made by `Performed.then`."""

    parts: tuple[Performed, ...]

    def users(self, moment: Moment) -> pl.DataFrame:
        """Return the users who did the last of them in turn."""
        return self._chain(moment)[-1].select("user").unique()

    def evidence(self, moment: Moment) -> pl.LazyFrame:
        """Return the rows of all of them."""
        return pl.concat(self._chain(moment)).lazy()

    def _chain(self, moment: Moment) -> list[pl.DataFrame]:
        """Return the rows of each part that are later than one of the part before."""
        found: list[pl.DataFrame] = []
        for part in self.parts:
            rows = part.rows(moment, part.step).select("user", "time", "row")
            rows = rows.join(part.users(moment).lazy(), on="user", how="semi")
            if found:
                first = found[-1].group_by("user").agg(before=pl.col("time").min())
                later = rows.join(first.lazy(), on="user")
                rows = later.filter(pl.col("time") > pl.col("before")).drop("before")
            found.append(rows.collect())
        return found

    @property
    def steps(self) -> tuple[Step, ...]:
        """The events that they name."""
        return tuple(step for part in self.parts for step in part.steps)


@dataclass(frozen=True, eq=False)
class Had(Clause):
    """Users who had a property; made by `had`."""

    condition: pl.Expr
    when: When
    during: During

    def users(self, moment: Moment) -> pl.DataFrame:
        """Return the users who had it."""
        return self.evidence(moment).select("user").unique().collect()

    def evidence(self, moment: Moment) -> pl.LazyFrame:
        """Return the rows with the property: any, or the last active one."""
        rows = moment.rows(self.during)
        if self.when == "any":
            return rows.filter(self.condition).select("user", "time", "row")
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
            pl.col(name).fill_null(0)
            for name in names
            if schema[name].is_numeric() and name not in _OWN
        ]
        met = last.with_columns(zero).filter(self.condition)
        return met.select("user", "time", "row")


_OWN: Final = frozenset({"user", "time", "row"})


@dataclass(frozen=True, eq=False)
class Been(Clause):
    """Users who were active or new; made by `active` and `new`."""

    word: Literal["active", "new"]
    during: During

    def users(self, moment: Moment) -> pl.DataFrame:
        """Return the users who were."""
        if self.word == "new":
            span = moment.within(self.during)
            firsts = first_seen(moment.frame).filter(span.holds(pl.col("first")))
            return firsts.select("user").collect(engine="streaming")
        rows = self.evidence(moment)
        return rows.select("user").unique().collect(engine="streaming")

    def evidence(self, moment: Moment) -> pl.LazyFrame:
        """Return the active rows, or the first events ever."""
        if self.word == "active":
            return moment.rows(self.during).filter(pl.col("active"))
        first = first_seen(moment.frame)
        rows = moment.frame.join(first, on="user").filter(
            pl.col("time") == pl.col("first")
        )
        return rows.select("user", "time", "row")


@dataclass(frozen=True, eq=False)
class Listed(Cohort):
    """Users on a list; made by `listed`."""

    members: pl.DataFrame

    def users(self, moment: Moment) -> pl.DataFrame:
        """Return the users on the list."""
        dtype = moment.frame.collect_schema()["user"]
        return self.members.select(pl.col("user").cast(dtype)).unique()


def members_at(log: Pieces, cohort: Cohort, moment: Moment) -> pl.DataFrame:
    """Return the users of a cohort, in order; membership is decided user by user."""
    bare = replace(moment, frame=pl.LazyFrame())
    found = log.run(partial(_members, cohort=cohort, moment=bare))
    # Users on a list are members in every piece.
    return found.unique("user").sort("user")


def _members(lf: pl.LazyFrame, cohort: Cohort, moment: Moment) -> pl.DataFrame:
    return cohort.users(replace(moment, frame=lf))


def make_moment(
    log: Pieces,
    *,
    span: Span | None = None,
    now: datetime | None = None,
    calendar: Calendar | None = None,
    segment: Sequence[pl.Expr] = (),
) -> Moment:
    """Return what definitions are evaluated on."""
    span = span or Span(tz=calendar.tz if calendar else "UTC")
    calendar = calendar or Calendar(span.tz)
    if now is None:
        now = span.now or span.end
    if now is None:
        grid = make_grid(log, every="1d", span=span, calendar=calendar)
        now = grid.span.end or instant("1970-01-01")
    return Moment(log.whole, span, instant(now, calendar.tz), calendar, tuple(segment))
