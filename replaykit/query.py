"""What an analyst asks for: events with conditions (`rk.event`), and plain filters.

A `Step` says which rows count: event names, conditions in polars, several of those
joined by OR, and the n-th time a user did it. Every analysis takes names or steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.errors import BadInput, UnknownEvent, check_option, did_you_mean
from replaykit.schema import CODE
from replaykit.timeline import microseconds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime

    Scalar: TypeAlias = str | int | float | bool | date | datetime | None
    Value: TypeAlias = Scalar | Collection[Scalar]

ANY: Final = "*"

Comparison: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]
"""How the number of an occurrence is compared in `Step.nth`."""

Numbering: TypeAlias = Literal["after filters", "before filters"]
"""Whether occurrences are numbered after a step's conditions, or before them."""

COMPARISONS: Final = ("=", "!=", "<", "<=", ">", ">=")
NUMBERINGS: Final = ("after filters", "before filters")


@dataclass(frozen=True, eq=False)
class Alternative:
    """Event names (none = any event) and the conditions their rows must meet."""

    names: tuple[str, ...]
    conditions: tuple[pl.Expr, ...] = ()

    def named(self) -> pl.Expr:
        """Return the condition on the name alone."""
        if not self.names:
            return pl.lit(value=True)
        if len(self.names) == 1:
            return pl.col("event") == self.names[0]
        return pl.col("event").is_in(list(self.names))

    def predicate(self) -> pl.Expr:
        """Return the condition on name and properties; never null."""
        if not self.conditions:
            return self.named()
        # A condition on a missing value is not met.
        met = pl.all_horizontal(self.conditions).fill_null(value=False)
        return self.named() & met if self.names else met


@dataclass(frozen=True, eq=False)
class Nth:
    """Which occurrences of a step count, by their number in a user's history."""

    number: int
    comparison: Comparison = "="
    numbering: Numbering = "after filters"
    look_back: str = "365d"


@dataclass(frozen=True, eq=False)
class Step:
    """Rows that count as one thing: made by `event`, joined by `|`.

    Examples
    --------
    >>> (event("Search") | event("Browse", category="shoes")).label
    'Search or Browse'
    """

    alternatives: tuple[Alternative, ...]
    name: str | None = None
    which: Nth | None = None

    def __or__(self, other: Step | str) -> Step:
        """Return a step that either one satisfies."""
        second = as_step(other)
        if self.which is not None or second.which is not None:
            raise BadInput(
                "A step that counts occurrences (.nth) cannot be joined by |. "
                "Join first, then number: (a | b).nth(2)."
            )
        return Step((*self.alternatives, *second.alternatives))

    def __str__(self) -> str:
        """Return the label."""
        return self.label

    def __repr__(self) -> str:
        """Show what the step stands for."""
        return f"event({self.label!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """Event names the step may match; empty when it matches any event."""
        if any(not part.names for part in self.alternatives):
            return ()
        found = (name for part in self.alternatives for name in part.names)
        return tuple(dict.fromkeys(found))

    @property
    def label(self) -> str:
        """What tables and charts call the step: its names, or the name it was given."""
        if self.name is not None:
            return self.name
        return " or ".join(self.names) or "Any event"

    @property
    def is_plain(self) -> bool:
        """Whether the event name alone decides."""
        return self.which is None and not any(
            part.conditions or not part.names for part in self.alternatives
        )

    def named(self, name: str) -> Step:
        """Return the same step under another label.

        Examples
        --------
        >>> event("Buy", country="DE").named("Buy in Germany").label
        'Buy in Germany'
        """
        return replace(self, name=name)

    def nth(
        self,
        number: int,
        comparison: Comparison = "=",
        *,
        numbering: Numbering = "after filters",
        look_back: str = "365d",
    ) -> Step:
        """Return the step for a user's n-th occurrence only.

        Rows are numbered per user in time order at full resolution, looking back at
        most `look_back` before the start of the date range.

        Parameters
        ----------
        number
            1 is the first time.
        comparison
            `"<="` keeps all occurrences up to `number`, and so on.
        numbering
            `"after filters"` numbers the rows that meet the step's conditions and the
            segment; `"before filters"` numbers all rows of its events.
        look_back
            How long before the range numbering begins, such as `"30d"`; a year of 365
            days by default.

        Examples
        --------
        >>> event("Buy").nth(1).label
        'Buy'
        """
        check_option("comparison", comparison, COMPARISONS)
        check_option("numbering", numbering, NUMBERINGS)
        if number < 1:
            raise BadInput(f"nth({number!r}): occurrences are counted from 1.")
        microseconds(look_back)
        return replace(self, which=Nth(number, comparison, numbering, look_back))

    def predicate(
        self,
        *,
        since: datetime | None = None,
        segment: Sequence[pl.Expr] = (),
        codes: Mapping[str, int] | None = None,
    ) -> pl.Expr:
        """Return the condition that a row of a canonical frame satisfies the step.

        Parameters
        ----------
        since
            Start of the date range: occurrences are numbered from a year before it.
        segment
            Conditions that are part of the filters when `nth` numbers after them. They
            do not filter otherwise.
        codes
            The numbers of all event names in the column `schema.CODE`, if it is there.

        Examples
        --------
        >>> frame = pl.DataFrame({"event": ["Buy", "Play"], "price": [5, None]})
        >>> step = event("Buy", pl.col("price") > 3)
        >>> frame.select(step.predicate().alias("met"))["met"].to_list()
        [True, False]
        """
        if codes is not None and self.is_plain:
            own = [codes[name] for name in self.names if name in codes]
            if len(own) == 1:
                return pl.col(CODE) == own[0]
            return pl.col(CODE).is_in(pl.Series(own, dtype=pl.Int16).implode())
        met = pl.any_horizontal(part.predicate() for part in self.alternatives)
        if len(self.alternatives) == 1:
            met = self.alternatives[0].predicate()
        if self.which is None:
            return met
        if self.which.numbering == "before filters":
            base = pl.any_horizontal(part.named() for part in self.alternatives)
        else:
            base = pl.all_horizontal(met, *segment).fill_null(value=False)
        if since is not None:
            back = pl.duration(microseconds=microseconds(self.which.look_back))
            base = base & (pl.col("time") >= since - back)
        number = base.cast(pl.Int64).cum_sum().over("user", order_by=["time", "row"])
        return met & base & _compare(number, self.which)


def _compare(number: pl.Expr, which: Nth) -> pl.Expr:
    wanted = which.number
    return {
        "=": number == wanted,
        "!=": number != wanted,
        "<": number < wanted,
        "<=": number <= wanted,
        ">": number > wanted,
        ">=": number >= wanted,
    }[which.comparison]


def event(name: str, /, *more: str | pl.Expr, **equals: Value) -> Step:
    """Name the rows that count: an event, or several, and conditions on them.

    Parameters
    ----------
    name
        An event name; `"*"` is any event.
    more
        Further names (any of them counts) and polars conditions (all must hold). A
        condition on a missing value does not hold.
    **equals
        `column=value`: equal; None means missing; a list, tuple or set means one of.

    Examples
    --------
    >>> event("Add to cart", pl.col("price") > 20, platform="web")
    event('Add to cart')
    >>> event("Search", "Browse").names
    ('Search', 'Browse')
    """
    names = [name, *(item for item in more if isinstance(item, str))]
    for given in names:
        if not isinstance(given, str):
            raise BadInput(
                f"event({given!r}): the first argument is an event name, or '*' for "
                "any event; conditions come after it."
            )
    wanted = () if ANY in names else tuple(dict.fromkeys(names))
    exprs = [item for item in more if not isinstance(item, str)]
    return Step((Alternative(wanted, tuple(conditions(*exprs, **equals))),))


def as_step(given: Step | str) -> Step:
    """Return a step from a step or an event name.

    Examples
    --------
    >>> as_step("Search")
    event('Search')
    """
    if isinstance(given, Step):
        return given
    if isinstance(given, str):
        return event(given)
    raise BadInput(
        f"{given!r} is not an event. Give a name such as 'Search', or "
        "rk.event('Search', pl.col('price') > 20)."
    )


def conditions(*exprs: object, **equals: Value) -> list[pl.Expr]:
    """Return filter conditions spelled like `polars.DataFrame.filter`.

    Parameters
    ----------
    exprs
        Polars conditions.
    **equals
        `column=value`: equal; None means missing; a list, tuple or set means one of
        (a None among them means missing too).

    Examples
    --------
    >>> frame = pl.DataFrame({"plan": ["pro", None, "free"]})
    >>> frame.filter(conditions(plan=["pro", None]))["plan"].to_list()
    ['pro', None]
    """
    found: list[pl.Expr] = []
    for expr in exprs:
        if not isinstance(expr, pl.Expr):
            raise BadInput(
                f"{expr!r} is not a condition. Write pl.col('price') > 20, or "
                "platform='web'."
            )
        found.append(expr)
    found += [_equals(pl.col(name), value) for name, value in equals.items()]
    return found


def _equals(column: pl.Expr, value: Value) -> pl.Expr:
    if value is None:
        return column.is_null()
    if isinstance(value, pl.Expr):
        return column == value
    if isinstance(value, (list, tuple, set, frozenset, pl.Series)):
        values = list(value)
        known = [item for item in values if item is not None]
        # Ors of == keep polars' own casting rules between numbers and strings.
        hits = [column == item for item in known]
        if len(known) < len(values):
            hits.append(column.is_null())
        if not hits:
            return pl.lit(value=False)
        if len(hits) > _FEW and len(known) == len(values):
            return column.is_in(known)
        return pl.any_horizontal(hits)
    return column.eq(value)


_FEW: Final = 8


def check_events(
    steps: Iterable[Step], known: Mapping[str, int] | None, *, where: str = ""
) -> None:
    """Raise `UnknownEvent` when a step names an event that `known` does not hold.

    Parameters
    ----------
    steps
        The steps to check.
    known
        Event name to number of rows; None skips the check.
    where
        What the message says about the range, such as `"between a and b"`.

    Examples
    --------
    >>> check_events([event("Serch")], {"Search": 20})
    Traceback (most recent call last):
    replaykit.errors.UnknownEvent: no event named 'Serch'. Did you mean 'Search' (20 events)? events.names lists the one there is.
    """  # noqa: E501 - the message is one line
    if known is None:
        return
    for step in steps:
        for name in step.names:
            if name in known:
                continue
            hint = did_you_mean(name, known, limit=1)
            if hint:
                nearest = hint[len("Did you mean '") : -len("'?")]
                hint = f"Did you mean {nearest!r} ({known[nearest]:,} events)? "
            listed = "the one there is" if len(known) == 1 else f"all {len(known):,}"
            place = f" {where}" if where else ""
            raise UnknownEvent(
                f"no event named {name!r}{place}. {hint}events.names lists {listed}."
            )
