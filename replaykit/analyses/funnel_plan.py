"""What a funnel is asked: its steps and options, read and checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from replaykit.errors import BadDuration, BadInput, UnknownOption, check_option
from replaykit.query import Step, as_step, check_events
from replaykit.timeline import Span, microseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from replaykit.timeline import Weekday

Order: TypeAlias = Literal["this", "any", "exact"]
"""`"this"`: steps as given, anything between; `"exact"`: nothing between; `"any"`: all
steps inside one window, whichever comes first."""

Count: TypeAlias = Literal["uniques", "totals"]
"""`"uniques"`: one path per user (or user and held value); `"totals"`: every path."""

Resolution: TypeAlias = Literal["1s", "1ms"]
"""How finely times are told apart; rows of one such moment have no order."""

ExactScope: TypeAlias = Literal["active", "all"]
"""Which other events break an exact path: active ones, or all of them."""

NewUsers: TypeAlias = Literal["any day", "first day"]
"""Users whose first event ever lies in the range, entering on any day of it, or on the
calendar day of that first event."""

ORDERS: Final = ("this", "any", "exact")
COUNTS: Final = ("uniques", "totals")
RESOLUTIONS: Final = {"1s": 1_000_000, "1ms": 1_000}
EXACT_SCOPES: Final = ("active", "all")
NEW_USERS: Final = ("any day", "first day")

MOST_STEPS: Final = 10

#: Columns of the answers, which a grouping column must not hide.
_TAKEN: Final = frozenset(
    {"step", "event", "users", "share", "step_share", "dropped_before", "avg_time"}
    | {"median_time", "user", "depth", "times", "rows", "time", "first", "last"}
    | {"entered", "converted", "incomplete", "interval"}
)
_LONGEST: Final = microseconds("366d")


@dataclass(frozen=True, eq=False)
class Exclusion:
    """An event that a path may not pass, between two of its steps (1 = the first).

    Without `last` it is excluded up to the final step.
    """

    event: Step | str
    first: int = 1
    last: int | None = None

    def __post_init__(self) -> None:
        """Read the event."""
        object.__setattr__(self, "event", as_step(self.event))

    @property
    def step(self) -> Step:
        """The excluded event."""
        return as_step(self.event)


Excluded: TypeAlias = Step | str | Exclusion


@dataclass(frozen=True, eq=False)
class FunnelPlan:
    """A funnel's question in full; made by `read_plan`."""

    steps: tuple[Step, ...]
    window: int
    order: Order
    span: Span
    segment: tuple[pl.Expr, ...]
    by: tuple[str, ...]
    step_by: tuple[tuple[int, str], ...]
    hold: tuple[str, ...]
    exclude: tuple[Exclusion, ...]
    count: Count
    unit: int
    exact_scope: ExactScope
    new_users: NewUsers | None
    every: str | None = None
    week_start: Weekday = "monday"
    quarter_start: int = 1

    @property
    def window_ticks(self) -> int:
        """The window in units of the resolution."""
        return self.window // self.unit

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the grouping columns, in the order of a point's key."""
        return (*self.by, *(name for _, name in self.step_by))

    @property
    def labels(self) -> list[str]:
        """What the steps are called."""
        return [step.label for step in self.steps]

    def step_number(self, which: int | str | Step) -> int:
        """Return a step's number (from 1) by number, label or the step itself."""
        if isinstance(which, int):
            if 1 <= which <= len(self.steps):
                return which
            raise BadInput(
                f"There is no step {which}; the funnel has {len(self.steps)}: "
                f"{', '.join(self.labels)}."
            )
        if isinstance(which, Step):
            for number, step in enumerate(self.steps, start=1):
                if step is which:
                    return number
        label = which.label if isinstance(which, Step) else which
        found = [i for i, own in enumerate(self.labels, start=1) if own == label]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(
                f"{label!r} is step {' and '.join(map(str, found))}; name the step "
                "by its number."
            )
        raise BadInput(
            f"{label!r} is not a step of this funnel; its steps are "
            f"{', '.join(self.labels)}."
        )


def read_plan(
    steps: Sequence[str | Step],
    *,
    within: str,
    order: Order,
    span: Span | None,
    segment: Sequence[pl.Expr],
    by: str | Sequence[str] | None,
    by_step: Mapping[int, str] | tuple[int, str] | None,
    hold: str | Sequence[str] | None,
    exclude: Excluded | Sequence[Excluded] | None,
    count: Count,
    resolution: Resolution,
    exact_scope: ExactScope,
    new_users: NewUsers | None,
    known: Mapping[str, int] | None,
) -> FunnelPlan:
    """Read and check the options of a funnel."""
    check_option("order", order, ORDERS)
    check_option("count", count, COUNTS)
    check_option("resolution", resolution, RESOLUTIONS)
    check_option("exact_scope", exact_scope, EXACT_SCOPES)
    if new_users is not None:
        check_option("new_users", new_users, NEW_USERS)
        if span is None or span.start is None:
            raise BadInput(
                "new_users= needs a date range: users are new in the range that holds "
                "their first event."
            )
    if isinstance(steps, str | Step):
        raise BadInput("A funnel needs at least two steps; this is one.")
    read = tuple(as_step(step) for step in steps)
    if not 2 <= len(read) <= MOST_STEPS:
        raise BadInput(f"A funnel has 2 to {MOST_STEPS} steps; {len(read)} were given.")
    exclusions = _exclusions(exclude, len(read), order)
    check_events([*read, *(out.step for out in exclusions)], known)
    window = microseconds(within)
    if window > _LONGEST:
        raise BadDuration(f"within={within!r} is longer than 366 days.")
    unit = RESOLUTIONS[resolution]
    if window < unit:
        raise BadDuration(
            f"within={within!r} is shorter than the resolution of {resolution}."
        )
    if count == "totals" and order == "any":
        raise UnknownOption(
            "count='totals' follows each path from its first step on, so it needs "
            "order='this' or order='exact'."
        )
    if order != "this" and any(step.which is not None for step in read):
        raise UnknownOption("Steps with .nth need order='this'.")
    plan = FunnelPlan(
        steps=read,
        window=window,
        order=order,
        span=span if span is not None else Span(),
        segment=tuple(segment),
        by=_names(by),
        step_by=_step_by(by_step, len(read)),
        hold=_names(hold),
        exclude=exclusions,
        count=count,
        unit=unit,
        exact_scope=exact_scope,
        new_users=new_users,
    )
    _check_groups(plan.groups)
    return plan


def _check_groups(groups: tuple[str, ...]) -> None:
    for name in groups:
        if name in _TAKEN or groups.count(name) > 1:
            raise BadInput(
                f"A group called {name!r} would hide a column of the same name. Copy "
                f"the property under another name first: with_columns(kind={name!r})."
            )


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    names = (given,) if isinstance(given, str) else tuple(given)
    if len(set(names)) < len(names):
        raise BadInput(f"A property is named twice: {', '.join(names)}.")
    return names


def _step_by(
    given: Mapping[int, str] | tuple[int, str] | None, n: int
) -> tuple[tuple[int, str], ...]:
    if given is None:
        return ()
    pairs = (given,) if isinstance(given, tuple) else tuple(given.items())
    for pair in pairs:
        if len(pair) != 2 or not isinstance(pair[0], int) or not 1 <= pair[0] <= n:
            raise BadInput(
                f"by_step={given!r}: give (step, property) with a step from 1 to {n}, "
                "such as (2, 'item')."
            )
    if len(pairs) > 1:
        raise BadInput("by_step= groups by one step; give one (step, property).")
    return pairs


def _exclusions(
    given: Excluded | Sequence[Excluded] | None, n: int, order: Order
) -> tuple[Exclusion, ...]:
    if given is None:
        return ()
    items = (given,) if isinstance(given, str | Step | Exclusion) else tuple(given)
    found = []
    for item in items:
        out = item if isinstance(item, Exclusion) else Exclusion(item)
        last = n if out.last is None else out.last
        if not 1 <= out.first < last <= n:
            raise BadInput(
                f"An exclusion between steps {out.first} and {last} does not fit a "
                f"funnel of {n} steps; give two steps, the earlier one first."
            )
        if order == "any" and (out.first, last) != (1, n):
            raise UnknownOption(
                "order='any' has no step before another, so events are excluded "
                "between all steps only."
            )
        found.append(Exclusion(out.step, out.first, last))
    return tuple(found)
