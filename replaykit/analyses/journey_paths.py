"""From events to journeys: which rows are nodes, what they are called, which paths.

polars decides what each row is (a node, an anchor, an end) and what it is called; the
kernel cuts the rows of each user into paths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import or_
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import polars as pl

from replaykit.analyses.ordered_rows import by_session, by_time, codes, runs
from replaykit.engine import gathered
from replaykit.errors import (
    BadInput,
    UnknownOption,
    UnknownProperty,
    check_option,
    did_you_mean,
)
from replaykit.query import Step, as_step, check_events, event
from replaykit.schema import canonical, readable
from replaykit.timeline import Span, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from replaykit.engine import Pieces

PathCount: TypeAlias = Literal["users", "paths", "sessions"]
"""`"users"`: the first anchor of each user; `"paths"`: every anchor, each closing the
path before; `"sessions"`: the first anchor of each session."""

COUNTS: Final = ("users", "paths", "sessions")

#: The window word that takes the rows of the anchor's session.
SESSION: Final = "session"

NONE_LABEL: Final = "(none)"


@dataclass(frozen=True, eq=False)
class JourneyPlan:
    """A journey's question in full; made by `read_plan`."""

    start: Step | None
    end: Step | None
    span: Span
    segment: tuple[pl.Expr, ...]
    window: int | None
    count: PathCount
    collapse: bool
    expand: dict[str, tuple[str, ...]]
    custom: dict[str, Step]
    hide: tuple[Step, ...]
    only: tuple[Step, ...]
    exclude: tuple[Step, ...]
    through: tuple[Step, ...]
    inactive: bool

    @property
    def anchor(self) -> Step:
        """The event every path hangs on: the start, or the end of backward journeys."""
        step = self.start if self.start is not None else self.end
        if step is None:  # read_plan refuses this
            raise BadInput("A journey needs start= or end=.")
        return step

    @property
    def ends(self) -> list[Step]:
        """The start and the end, where given."""
        return [step for step in (self.start, self.end) if step is not None]

    @property
    def forward(self) -> bool:
        """Whether paths run forward in time."""
        return self.start is not None

    @property
    def between(self) -> bool:
        """Whether paths run from a start to an end."""
        return self.start is not None and self.end is not None

    def node_step(self, label: str) -> Step:
        """Return the event that a node's label stands for."""
        if label in self.custom:
            return self.custom[label].named(label)
        if not self.expand and not self.custom:
            return as_step(label)
        return event("*", _label(self) == label).named(label)


@dataclass(frozen=True, eq=False)
class Paths:
    """All kept paths: their nodes as positions in `rows`, path after path."""

    plan: JourneyPlan
    rows: pl.DataFrame
    labels: list[str]
    code: NDArray[np.int32]
    nodes: NDArray[np.int64]
    starts: NDArray[np.int64]
    anchors: NDArray[np.int64]
    ended: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """The number of paths: the base of every share."""
        return len(self.anchors)

    def node_at(self, step: int) -> NDArray[np.int64]:
        """Return each path's position of its node at a step (from 0), -1 beyond."""
        at = self.starts[:-1] + step
        inside = at < self.starts[1:]
        found = np.full(self.size, -1, np.int64)
        found[inside] = self.nodes[at[inside]]
        return found


def read_plan(
    *,
    start: str | Step | None,
    end: str | Step | None,
    span: Span | None,
    segment: Sequence[pl.Expr],
    within: str,
    count: PathCount,
    collapse: bool,
    expand: Mapping[str, str | Sequence[str]] | None,
    custom: Mapping[str, str | Step] | None,
    hide: str | Step | Iterable[str | Step],
    only: str | Step | Iterable[str | Step],
    exclude: str | Step | Iterable[str | Step],
    through: str | Step | Iterable[str | Step],
    inactive: bool,
    known: Mapping[str, int] | None,
) -> JourneyPlan:
    """Read and check the options of a journey."""
    if start is None and end is None:
        raise BadInput(
            "A journey needs start=, end= or both: journeys(start='Search')."
        )
    check_option("count", count, COUNTS)
    plan = JourneyPlan(
        start=None if start is None else as_step(start),
        end=None if end is None else as_step(end),
        span=span if span is not None else Span(),
        segment=tuple(segment),
        window=None if within == SESSION else microseconds(within),
        count=count,
        collapse=collapse,
        expand={
            name: (columns,) if isinstance(columns, str) else tuple(columns)
            for name, columns in (expand or {}).items()
        },
        custom={name: as_step(step) for name, step in (custom or {}).items()},
        hide=_steps(hide),
        only=_steps(only),
        exclude=_steps(exclude),
        through=_steps(through),
        inactive=inactive,
    )
    if plan.hide and plan.only:
        raise UnknownOption("hide= and only= exclude each other; give one of them.")
    if plan.custom and plan.collapse:
        raise UnknownOption(
            "custom= events stand in for several others, so they cannot be combined "
            "with collapse=True."
        )
    if len(plan.through) > 16:
        raise BadInput("through= takes up to 16 events.")
    steps = [*plan.ends, *plan.hide, *plan.only, *plan.exclude, *plan.through]
    steps += [*plan.custom.values(), *(as_step(name) for name in plan.expand)]
    check_events(steps, known)
    return plan


def _steps(given: str | Step | Iterable[str | Step]) -> tuple[Step, ...]:
    items = (given,) if isinstance(given, str | Step) else given
    return tuple(as_step(item) for item in items)


def all_paths(log: Pieces, plan: JourneyPlan) -> Paths:
    """Cut canonical events into the paths of a journey, piece by piece."""
    _check_properties(log.whole, plan)
    return log.ask(partial(find_paths, plan=plan), _joined)


def _joined(parts: list[Paths]) -> Paths:
    """Put the paths of several pieces under one another, under common labels."""
    if len(parts) == 1:
        return parts[0]
    labels = sorted({label for part in parts for label in part.labels})
    number = {label: code for code, label in enumerate(labels)}
    code, nodes, starts, anchors = [], [], [np.zeros(1, np.int64)], []
    rows_before = nodes_before = 0
    for part in parts:
        own = np.array([number[label] for label in part.labels], np.int32)
        code.append(own[part.code])
        nodes.append(part.nodes + rows_before)
        anchors.append(part.anchors + rows_before)
        starts.append(part.starts[1:] + nodes_before)
        rows_before += part.rows.height
        nodes_before += len(part.nodes)
    return Paths(
        parts[0].plan,
        pl.concat(part.rows.drop("@label") for part in parts),
        labels,
        np.concatenate(code),
        np.concatenate(nodes),
        np.concatenate(starts),
        np.concatenate(anchors),
        np.concatenate([part.ended for part in parts]),
    )


def find_paths(frame: pl.LazyFrame | pl.DataFrame, plan: JourneyPlan) -> Paths:
    """Cut one piece of canonical events into the paths of a journey."""
    from replaykit.analyses import journey_kernel as kernel  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    rows = _rows(frame, plan)
    flags = rows["@flags"].to_numpy()
    time = rows["@time"].to_physical().to_numpy()
    own = plan.window is None or plan.count == "sessions"
    user = runs(rows, ["@user"])
    sessions = runs(rows, ["@user", "@session"]) if own else user
    key = sessions if plan.window is None else user
    which = {
        "users": kernel.FIRST_OF_USER,
        "paths": kernel.EVERY,
        "sessions": kernel.FIRST_OF_KEY,
    }[plan.count]
    ids = rows["@row"].to_numpy()
    found = kernel.anchors(
        frozen(user), frozen(sessions), frozen(time), frozen(ids), frozen(flags), which
    )
    if plan.window is not None and plan.count == "sessions":
        # Sessions were only needed to pick anchors: paths cross them in time order.
        order = np.lexsort((ids, time, user))
        rows = rows[order]
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        found = place[found]
        flags, time, user = flags[order], time[order], user[order]
        key = user
    labels, code = codes(rows["@label"])
    nodes, starts, anchors, ended = kernel.cut(
        frozen(key),
        frozen(time),
        frozen(flags),
        frozen(code),
        frozen(found),
        plan.forward,
        -1 if plan.window is None else plan.window,
        plan.count == "paths",
        plan.between,
        plan.collapse,
        (1 << len(plan.through)) - 1,
    )
    return Paths(plan, rows, labels, code, nodes, starts, anchors, ended.astype(bool))


def common_events(
    log: Pieces,
    plan: JourneyPlan,
    share: float,
    keep: Sequence[str],
) -> list[str]:
    """Return the event names that most paths hold: a share of all names, rounded down.

    The score of an event is ln(paths / paths that hold it); the lowest are common, ties
    by name. Anchor, end and the events to keep are not among them.
    """
    if not 0 <= share < 1:
        raise BadInput(
            f"drop_common={share!r} is a share of the event names, from 0 to 1: write "
            "0.2 to leave out the most common fifth."
        )
    found = all_paths(log, replace(plan, expand={}, custom={}, collapse=False))
    paths = np.repeat(np.arange(found.size), np.diff(found.starts))
    names = pl.Series(found.labels, dtype=pl.String).gather(found.code[found.nodes])
    held = pl.DataFrame({"path": paths, "event": names}).unique()
    counted = held.group_by("event").agg(paths=pl.len())
    score = (pl.lit(found.size) / pl.col("paths")).log()
    always = {*keep, *(name for step in plan.ends for name in step.names)}
    ranked = counted.filter(~pl.col("event").is_in(list(always))).sort(score, "event")
    return ranked["event"].head(int(share * ranked.height)).to_list()


def _rows(frame: pl.LazyFrame | pl.DataFrame, plan: JourneyPlan) -> pl.DataFrame:
    """Return the rows that can be part of a path, flagged, labelled and sorted."""
    from replaykit.analyses import journey_kernel as kernel  # noqa: PLC0415 - numba

    lf = canonical(frame)
    anchor = plan.anchor.predicate(since=plan.span.start, segment=plan.segment)
    kept = [anchor]
    flags = [_flag(anchor, kernel.IS_ANCHOR_EVENT)]
    if plan.between and plan.end is not None:
        end = plan.end.predicate()
        kept.append(end)
        flags.append(_flag(end, kernel.END))
    node = _visible(plan) | _any(kept)
    enters = pl.all_horizontal(
        anchor, *plan.segment, plan.span.holds(pl.col("time"))
    ).fill_null(value=False)
    sessions = plan.window is None or plan.count == "sessions"
    wanted = pl.col("@flags") != 0
    if plan.window is None:
        # A session's rows are bounded by the charted period, and rows without a
        # session belong to none.
        wanted &= pl.col("@session").is_not_null() & plan.span.holds(pl.col("@time"))
    elif plan.count == "sessions":
        enters &= pl.col("session_id").is_not_null()
    flags += [_flag(node, kernel.NODE), _flag(enters, kernel.ANCHOR)]
    for number, step in enumerate(plan.through):
        flags.append(_flag(step.predicate(), 1 << (kernel.HELD_FROM + number)))
    columns = {
        "user": pl.col("user"),
        "time": pl.col("time"),
        "row": pl.col("row"),
        "label": _label(plan).cast(pl.Categorical),
        "flags": reduce(or_, flags),
        "session": pl.col("session_id"),
    }
    if not sessions:
        del columns["session"]
    chosen = lf.select(expr.alias(f"@{name}") for name, expr in columns.items())
    rows = gathered(chosen.filter(wanted))
    return by_session(rows) if sessions else by_time(rows)


def _visible(plan: JourneyPlan) -> pl.Expr:
    """Return whether a row is a node, leaving aside anchors and ends."""
    visible = [pl.lit(value=True) if plan.inactive else pl.col("active")]
    if plan.only:
        shown = [step.predicate() for step in plan.only]
        visible.append(_any([*shown, *(s.predicate() for s in plan.custom.values())]))
    visible += [~step.predicate() for step in (*plan.hide, *plan.exclude)]
    return pl.all_horizontal(visible)


def _label(plan: JourneyPlan) -> pl.Expr:
    """Return what a row's node is called."""
    label = pl.col("event")
    for name, columns in plan.expand.items():
        values = pl.concat_str(
            [
                pl.col(column).cast(pl.String).fill_null(NONE_LABEL)
                for column in columns
            ],
            separator=", ",
        )
        shown = pl.format("{}[{}]", pl.col("event"), values)
        label = pl.when(as_step(name).predicate()).then(shown).otherwise(label)
    for name, step in plan.custom.items():
        label = pl.when(step.predicate()).then(pl.lit(name)).otherwise(label)
    return label


def _flag(condition: pl.Expr, bit: int) -> pl.Expr:
    return pl.when(condition).then(bit).otherwise(0).cast(pl.Int32)


def _any(parts: list[pl.Expr]) -> pl.Expr:
    return reduce(or_, parts)


def _check_properties(lf: pl.LazyFrame, plan: JourneyPlan) -> None:
    names = readable(lf)
    for name in (column for columns in plan.expand.values() for column in columns):
        if name not in names:
            hint = did_you_mean(name, names)
            raise UnknownProperty(
                f"There is no property {name!r}. {hint} "
                f"The events have {', '.join(names)}.".replace("  ", " ")
            )
