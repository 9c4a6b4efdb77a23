"""Which sessions count: their rows, their filters, their groups."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.properties import label
from replaykit.analyses.segments import keep_cohort, members
from replaykit.analyses.session_rules import (
    Cut,
    cut_into_sessions,
    edge_values,
    hits,
    summarised,
)
from replaykit.errors import BadDuration, UnknownOption
from replaykit.timeline import Span, microseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.analyses.grid import Grid
    from replaykit.analyses.properties import Grouping
    from replaykit.analyses.segments import Segment
    from replaykit.analyses.session_rules import LengthFrom, SessionRule
    from replaykit.engine import Pieces
    from replaykit.query import Step

Edge: TypeAlias = Literal["first", "last"]
"""Which of a session's values counts: the first or last that is not null."""

EDGES: Final[tuple[Edge, ...]] = ("first", "last")

ValuesOf: TypeAlias = Literal["session", "matched"]
"""Whose values a group takes: all rows of the session, or those of `containing`."""

VALUES_OF: Final[tuple[ValuesOf, ...]] = ("session", "matched")

_SIGNS: Final = (">=", "<=", "!=", ">", "<", "=")
_COMPARED: Final = re.compile(r"(>=|<=|!=|>|<|=)\s*(\S+)")
_ZERO: Final = re.compile(r"0+(us|ms|[smhdw])?")
_TIME: Final = pl.col("time")
_COUNTS: Final = ("_matched", "_counted")


def compared(value: pl.Expr, sign: str, number: float) -> pl.Expr:
    """Return the condition that a value compares with a number as a sign says."""
    found: pl.Expr = {
        ">=": value.__ge__,
        "<=": value.__le__,
        "!=": value.__ne__,
        ">": value.__gt__,
        "<": value.__lt__,
        "=": value.__eq__,
    }[sign](number)
    return found


def compared_count(word: str, text: str) -> tuple[str, int]:
    """Read a comparison with a number, such as `">= 2"`.

    Examples
    --------
    >>> compared_count("times", "= 1")
    ('=', 1)
    """
    match = _COMPARED.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not match[2].isdigit():
        raise UnknownOption(
            f"{word}={text!r} is not a comparison with a number. Write '>= 2'; the "
            f"comparisons are {', '.join(_SIGNS)}."
        )
    return match[1], int(match[2])


def compared_length(word: str, text: str) -> tuple[str, int]:
    """Read a comparison with a duration, such as `">= 1m"`, in microseconds.

    Examples
    --------
    >>> compared_length("length", ">= 1m")
    ('>=', 60000000)
    """
    match = _COMPARED.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise BadDuration(
            f"{word}={text!r} is not a comparison with a duration. Write '>= 1m'; the "
            f"comparisons are {', '.join(_SIGNS)}."
        )
    # A session of one event has no length, so here zero is a length to compare with.
    zero = _ZERO.fullmatch(match[2])
    return match[1], 0 if zero else microseconds(match[2])


@dataclass(frozen=True, eq=False)
class SessionsQuery:
    """Which sessions count, and how they are grouped; checked options."""

    log: Pieces
    grid: Grid
    segments: Mapping[str, Segment]
    by: tuple[Grouping, ...]
    by_value: Edge
    values_of: ValuesOf
    containing: Step | None
    times: tuple[str, int] | None
    length: tuple[str, int] | None
    edges: tuple[tuple[str, Edge, object], ...]
    counting: Step | None
    rule: SessionRule | None
    length_from: LengthFrom

    @property
    def is_plain(self) -> bool:
        """Whether who, when and (without a rule) the session's id tell all of it."""
        more = (self.containing, self.length, self.counting)
        if self.by or self.edges or any(one is not None for one in more):
            return False
        cut_by_pauses = self.rule is None or self.rule.is_a_pause
        return cut_by_pauses and self.length_from == "client time"

    def rows(self, lf: pl.LazyFrame, segment: int) -> pl.LazyFrame:
        """Return the active rows that sessions are made of."""
        one = list(self.segments.values())[segment]
        span = self.grid.span
        rows = lf.filter(pl.col("active"), *one.where)
        if span.without:
            rows = rows.filter(Span(tz=span.tz, without=span.without).holds(_TIME))
        return rows

    def cut(
        self, lf: pl.LazyFrame, segment: int, users: pl.Series | None = None
    ) -> Cut:
        """Return the rows of all sessions of a segment, session by session.

        With `users`, only of theirs, and with the row ids.
        """
        rows = self.rows(lf, segment)
        extra: list[str | pl.Expr] = [*self._extra()]
        if users is not None:
            rows = rows.filter(pl.col("user").is_in(users.implode()))
        if users is not None or extra:
            extra.append("row")
        extra.append("client_time")
        return cut_into_sessions(rows, self.rule, extra)

    def formed(self, segment: int) -> pl.DataFrame:
        """Return every session of a segment that passes the filters, long ones too.

        Columns: `user`, `session_id`, `start`, `end`, `length` (us), `events`, `i`,
        `b0`.. and `_counted`.
        """
        bare = replace(self, log=self.log.bare)
        found = self.log.run(partial(_formed, query=bare, segment=segment))
        one_segment = list(self.segments.values())[segment]
        if one_segment.needs_users:
            found = keep_cohort(found, one_segment, self.grid)
        if one_segment.kind != "any":
            pairs = members(self.log, self.grid, one_segment.kind)
            found = found.join(pairs, on=["user", "i"], how="semi")
        return found

    def form(self, lf: pl.LazyFrame, segment: int) -> pl.DataFrame:
        """Return what `formed` does for one piece, before sets of users are applied."""
        cut = self.cut(lf, segment)
        found = summarised(cut, self.length_from)
        extra: list[pl.Series] = []
        for k, one in enumerate(self.by):
            value = edge_values(cut, f"b{k}", self.by_value).to_frame()
            extra.append(value.select(label(pl.col(f"b{k}"), one.dtype)).to_series())
        extra += [
            edge_values(cut, f"_edge{k}", edge)
            for k, (_, edge, _) in enumerate(self.edges)
        ]
        extra += [hits(cut, name) for name in _COUNTS if name in cut.frame.columns]
        found = found.with_columns(extra).filter(
            self.grid.holds(pl.col("start")), *self._filters()
        )
        return found.with_columns(i=self.grid.index(pl.col("start")))

    def _extra(self) -> list[pl.Expr]:
        matched = None if self.containing is None else self.containing.predicate()
        extra = []
        for k, one in enumerate(self.by):
            expr = one.expr
            if self.values_of == "matched" and matched is not None:
                expr = pl.when(matched).then(expr)
            extra.append(expr.alias(f"b{k}"))
        extra += [
            pl.col(name).alias(f"_edge{k}") for k, (name, _, _) in enumerate(self.edges)
        ]
        if matched is not None:
            extra.append(matched.alias("_matched"))
        if self.counting is not None:
            extra.append(self.counting.predicate().alias("_counted"))
        return extra

    def _filters(self) -> list[pl.Expr]:
        filters: list[pl.Expr] = []
        if self.times is not None:
            sign, number = self.times
            filters.append(compared(pl.col("_matched"), sign, number))
        if self.length is not None:
            sign, number = self.length
            filters.append(compared(pl.col("length"), sign, number))
        for k, (_, _, value) in enumerate(self.edges):
            edge = pl.col(f"_edge{k}")
            filters.append(edge.is_null() if value is None else edge.eq(value))
        return filters


def _formed(lf: pl.LazyFrame, query: SessionsQuery, segment: int) -> pl.DataFrame:
    return query.form(lf, segment)
