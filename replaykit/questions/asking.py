"""What every question needs: rows, a range, filters, and names that exist."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import timeline
from replaykit.analyses.grid import Calendar
from replaykit.query import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from replaykit.query import Value
    from replaykit.source import Source
    from replaykit.users import Users

#: Up to this many events, the columns of a question are kept in memory.
KEPT_ROWS: Final = 2_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Asking(ABC):
    """Events of one source, narrowed; what each family of questions builds on."""

    source: Source
    span: timeline.Span = timeline.Span()  # noqa: RUF009 - a frozen value
    segment: tuple[pl.Expr, ...] = ()
    people: pl.Series | None = None

    @abstractmethod
    def rows(self, properties: Iterable[str] = ()) -> pl.LazyFrame:
        """Return the rows of this handle's users, before range and filters."""

    @abstractmethod
    def users(self, population: pl.DataFrame, label: str) -> Users:
        """Return the users of a population (`microscope.POPULATION`)."""

    @abstractmethod
    def steps(self, events: Sequence[str | Step]) -> list[Step]:
        """Read steps, and refuse names that the data do not hold."""

    @abstractmethod
    def read(self, *predicates: pl.Expr, **equals: Value) -> tuple[pl.Expr, ...]:
        """Read conditions as `filter` takes them, with public ids translated."""

    @property
    def calendar(self) -> Calendar:
        """The project's zone, and how it counts weeks and quarters."""
        source = self.source
        return Calendar(source.zone, source.week_start, source.quarter_start)

    def _span(self) -> timeline.Span:
        """Return the range, with the moment up to which the data are known."""
        now = self.span.now or self.source.now()
        return replace(self.span, tz=self.source.zone, now=now)

    def _asked(self, steps: Sequence[Step], *more: object) -> pl.LazyFrame:
        """Return the rows of a question, with the properties that it reads."""
        read = names_in(step.predicate() for step in steps) | names_in(self.segment)
        rows = self.rows(read | _named(more))
        # What is small is kept in memory: a click on any point then reads no file.
        return rows.collect().lazy() if self.source.rows <= KEPT_ROWS else rows


def names_in(expressions: Iterable[pl.Expr]) -> set[str]:
    """Return the columns that expressions read."""
    return {name for one in expressions for name in one.meta.root_names()}


def _named(options: object) -> set[str]:
    """Return the columns that options name, as texts or in expressions."""
    if isinstance(options, str):
        return {options}
    if isinstance(options, pl.Expr):
        return set(options.meta.root_names())
    if isinstance(options, Step):
        return set(options.predicate().meta.root_names())
    if isinstance(options, Mapping):
        # Segments by label: their conditions read columns, other words name none.
        parts = [one for one in options.values() if not isinstance(one, str)]
        return {name for one in parts for name in _named(one)}
    if isinstance(options, tuple | list | set | frozenset):
        return {name for one in options for name in _named(one)}
    return set()
