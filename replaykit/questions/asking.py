"""What every question needs: rows, a range, filters, and names that exist."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import (
    TYPE_CHECKING,
    Concatenate,
    Final,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
    runtime_checkable,
)

import polars as pl

from replaykit import timeline
from replaykit.analyses.grid import Calendar
from replaykit.analyses.inline_cohorts import InlineCohort
from replaykit.analyses.segments import MOST_SEGMENTS, Segment, Segments, UserKind
from replaykit.engine import Pieces
from replaykit.errors import BadInput, UnknownOption
from replaykit.query import Step
from replaykit.questions.kept import keep, kept, key_of
from replaykit.results.opened import Call
from replaykit.schema import CODE, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from replaykit.cohort_rules import Rule
    from replaykit.query import Value
    from replaykit.source import Source
    from replaykit.users import Users

#: Up to this many events, the columns of a question are kept once a point is opened.
KEPT_ROWS: Final = 2_000_000


@runtime_checkable
class Named(Protocol):
    """Users, as a segment takes them."""

    @property
    def within(self) -> Asking:
        """The events they were found in."""
        ...

    @property
    def population(self) -> pl.DataFrame:
        """The people, and why they are here (`watchlists.POPULATION`)."""
        ...


_P = ParamSpec("_P")
_Asking = TypeVar("_Asking", bound="Asking")
_Result = TypeVar("_Result")

#: What a segment may be: conditions on rows, a set of users, a kind of user, or
#: users who did something in each interval.
Part: TypeAlias = pl.Expr | Sequence[pl.Expr] | Named | UserKind | InlineCohort


def remembered(
    question: Callable[Concatenate[_Asking, _P], _Result],
) -> Callable[Concatenate[_Asking, _P], _Result]:
    """Let a question remember what was asked (`Result.asked`), and what it answered.

    Asked again of the same state of the data, it is not read again; the result is
    another one all the same, with a widget of its own.
    """

    @wraps(question)
    def ask(self: _Asking, /, *data: _P.args, **options: _P.kwargs) -> _Result:
        key = key_of(question.__qualname__, self, data, options)
        known = cast("_Result | None", kept(self, key))
        result = (
            keep(self, key, question(self, *data, **options))
            if known is None
            else known
        )
        call = Call(question.__name__, data, dict(options))
        # Beside the fields: how a result was asked for is no part of what it is.
        result.__dict__["asked"] = call
        return result

    return ask


@dataclass(frozen=True, eq=False, repr=False)
class Asking(ABC):
    """Events of one source, narrowed; what each family of questions builds on."""

    source: Source
    span: timeline.Span = timeline.Span()  # noqa: RUF009 - a frozen value
    segment: tuple[pl.Expr, ...] = ()
    people: pl.Series | None = None
    recent: str | None = None

    @abstractmethod
    def rows(
        self, properties: Iterable[str] = (), *, buckets: Iterable[int] | None = None
    ) -> pl.LazyFrame:
        """Return the rows of this handle's users, before range and filters."""

    @abstractmethod
    def users(
        self, population: pl.DataFrame, label: str, rule: Rule | None = None
    ) -> Users:
        """Return the users of a population (`watchlists.POPULATION`)."""

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

    def narrowed(self, label: str, part: Part) -> Self:
        """Return the same events narrowed to a segment: its conditions, or its users.

        A kind of user narrows nothing here; the question knows what it means.
        """
        if isinstance(part, str):
            return self
        if isinstance(part, Named):
            self.check_source(label, part)
            mine = part.population["user"].unique().sort()
            if self.people is not None:
                mine = mine.filter(mine.is_in(self.people.implode()))
            return replace(self, people=mine)
        if isinstance(part, InlineCohort):
            if part.scope == "in each" or part.rolling is not None:
                raise UnknownOption(
                    f"The users of segment {label!r} differ from interval to interval, "
                    "which only counts over time can chart. Use scope='during'."
                )
            rows = self.pieces(names_in([part.step.predicate()]))
            chosen = part.segment(
                rows, every="1d", span=self._span(), calendar=self.calendar
            )
            assert chosen.users is not None  # noqa: S101 - one set during the range
            return replace(self, people=chosen.users["user"].sort())
        conditions = [part] if isinstance(part, pl.Expr) else list(part)
        return replace(self, segment=(*self.segment, *self.read(*conditions)))

    def segments_of(
        self, given: Mapping[str, Part] | None, every: timeline.Interval
    ) -> Segments:
        """Join the filters of this handle with each named segment."""
        if given is None:
            return self.segment or None
        check_segments(given)
        return {
            label: self._segment(label, part, every) for label, part in given.items()
        }

    def _segment(self, label: str, part: Part, every: timeline.Interval) -> Segment:
        if isinstance(part, Named):
            self.check_source(label, part)
            return Segment(self.segment, users=part.population.select("user").unique())
        if isinstance(part, str):
            return Segment(self.segment, kind=part)
        if isinstance(part, InlineCohort):
            (step,) = self.steps([part.step])
            rows = self.pieces(names_in([step.predicate()]))
            chosen = part.segment(
                rows, every=every, span=self._span(), calendar=self.calendar
            )
            return replace(chosen, where=self.segment)
        conditions = [part] if isinstance(part, pl.Expr) else list(part)
        return Segment((*self.segment, *self.read(*conditions)))

    def check_source(self, label: str, part: Named) -> None:
        """Refuse users of other events than these."""
        if part.within.source is not self.source:
            raise BadInput(f"The users of segment {label!r} are of another source.")

    def _span(self) -> timeline.Span:
        """Return the range, with the moment up to which the data are known."""
        now = self.span.now or self.source.now()
        return replace(self.span, tz=self.source.zone, now=now)

    def _asked(self, steps: Sequence[Step], *more: object) -> Pieces:
        """Return the rows of a question, with the properties that it reads."""
        read = names_in(step.predicate() for step in steps) | names_in(self.segment)
        return self.pieces(read | _named(more))

    def pieces(self, read: set[str]) -> Pieces:
        """Return the rows of this handle's users with these properties, in pieces."""
        source, known = self.source, self.source.known
        if known is None:
            return Pieces(canonical(self.rows(read)), source.engine)
        coded = {*read, *(() if known.codes is None else (CODE,))}

        def cut(pieces: int) -> list[pl.LazyFrame]:
            every = -(-len(known.buckets) // pieces) if pieces else 1
            return [
                canonical(self.rows(coded, buckets=known.buckets[at : at + every]))
                for at in range(0, len(known.buckets), every)
            ]

        # Of some users only, the catalogue knows neither the range nor the names.
        all_users = self.people is None
        return Pieces(
            canonical(self.rows(coded)),
            source.engine,
            cut if len(known.buckets) > 1 else None,
            source.edges if all_users else None,
            dict(source.names.iter_rows()) if all_users else None,
            known.codes,
            small=source.rows <= KEPT_ROWS,
            mapped=known.mapped and len(known.buckets) > 1,
            recorded=lambda: self._recorded(read),
        )

    def _recorded(self, read: set[str]) -> Pieces | None:
        """Return the rows of those who were recorded, if they are at hand."""
        rows, known = self.source.recorded_events(read), self.source.known
        if rows is None or known is None:
            return None
        if self.people is not None:
            rows = rows.filter(pl.col("user").is_in(self.people.implode()))
        return Pieces(canonical(rows), codes=known.codes)


def check_segments(segments: Mapping[str, Part]) -> None:
    """Refuse no segment at all, and more than a chart takes."""
    if not segments:
        raise BadInput("segments={} names no segment; leave it out for all users.")
    if len(segments) > MOST_SEGMENTS:
        raise BadInput(
            f"{len(segments)} segments were given; a chart takes up to "
            f"{MOST_SEGMENTS}. Use by= for many groups."
        )


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
