"""The rows that can matter to a funnel, encoded for its kernels.

polars keeps the rows that satisfy a step or break a path, turns steps into bits, and
sorts only where the input is not already in (user, time) order.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.analyses.funnel_blocks import STEP_BITS, Lookup, Rows
from replaykit.analyses.held_rows import together
from replaykit.engine import gathered
from replaykit.errors import UnknownProperty, did_you_mean
from replaykit.schema import CODE, canonical, readable
from replaykit.timeline import bucket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from replaykit.analyses.funnel_plan import Exclusion, FunnelPlan

#: Events that the product makes itself: no act of a user, so they break no path.
GENERATED: Final = ("session_start", "session_end", "[Amplitude] Replay Captured")

_ENTRY_BIT: Final = 15
#: Stands for all events that the funnel does not name.
_OTHER: Final = "\x00"


def encode(
    frame: pl.LazyFrame | pl.DataFrame,
    plan: FunnelPlan,
    *,
    full: bool,
    codes: Mapping[str, int] | None = None,
) -> Rows:
    """Read a frame's rows for a funnel.

    Parameters
    ----------
    frame
        Canonical events in any row order.
    plan
        The funnel's question.
    full
        Whether the rows' own times, ids and grouping values are needed, not just the
        counts.
    codes
        The numbers of all event names in the column `schema.CODE`, where it is.
    """
    lf = canonical(frame)
    check_columns(lf, plan)
    if plan.new_users is not None:
        lf = _with_first_event(lf)
    for name in plan.hold:
        lf = _one_per_item(lf, name)
    if not has_codes(plan):
        lf = _with_steps(lf, plan)
    columns, wanted = _coded(plan, codes) if has_codes(plan) else _tested(plan)
    if plan.every is not None:
        columns["interval"] = bucket(
            pl.col("time"),
            plan.every,
            plan.span.tz,
            week_start=plan.week_start,
            quarter_start=plan.quarter_start,
        )
    values = ["user", "time", *plan.hold]
    if full:
        values += ["row", *plan.by, *(own for _, own in plan.step_by)]
    # Named apart, so that a property may be called like one of our columns.
    chosen = lf.filter(wanted).select(
        *(expr.alias(f"#{name}") for name, expr in columns.items()),
        *(pl.col(name).alias(f"@{name}") for name in dict.fromkeys(values)),
    )
    rows = gathered(chosen)
    # Left out here: a filter on what must be decoded would have all of it decoded.
    held = [f"@{name}" for name in plan.hold]
    if any(rows[name].null_count() for name in held):
        rows = rows.drop_nulls(held)
    return _arrays(rows.rechunk(), plan, codes, full=full)


def has_codes(plan: FunnelPlan) -> bool:
    """Return whether an event's name alone tells what a row is to the funnel."""
    steps = [name for step in plan.steps for name in step.names]
    plain = all(step.is_plain for step in plan.steps)
    plain &= all(out.step.is_plain for out in plan.exclude)
    return plain and len(set(steps)) == len(steps)


def _codes(plan: FunnelPlan) -> dict[str, tuple[int, int, int]]:
    """Return, by event name: its steps, the gaps it is excluded from, exact gaps.

    The last line, of no name, stands for all other events.
    """
    every_gap = sum(1 << k for k in range(1, len(plan.steps)))
    between = every_gap if plan.order == "exact" else 0
    bits = {name: 1 << k for k, step in enumerate(plan.steps) for name in step.names}
    gaps: dict[str, int] = {}
    for out in plan.exclude:
        for name in out.step.names:
            gaps[name] = gaps.get(name, 0) | _gaps(plan, out)
    made = GENERATED if between and plan.exact_scope == "active" else ()
    names = dict.fromkeys([*bits, *gaps, *made])
    return {
        name: (bits.get(name, 0), gaps.get(name, 0), 0 if name in made else between)
        for name in names
    } | {_OTHER: (0, 0, between)}


def _coded(
    plan: FunnelPlan, codes: Mapping[str, int] | None
) -> tuple[dict[str, pl.Expr], pl.Expr]:
    """Return columns and filter where names decide.

    Their numbers stand in the table, or strings are compared once.
    """
    names = list(_codes(plan))[:-1]
    if codes is None:
        code = pl.col("event").cast(pl.Enum(names), strict=False).to_physical()
        code = code.cast(pl.Int16).fill_null(len(names))
        named = pl.col("event").is_in(names)
    else:
        code = pl.col(CODE)
        named = pl.col(CODE).is_in([codes[name] for name in names if name in codes])
    columns = {"event": code}
    enters = entering(plan)
    if enters is not None:
        columns["enters"] = enters
    if plan.order == "exact":
        if plan.exact_scope == "active":
            columns["active"] = pl.col("active")
        return columns, pl.lit(value=True)
    return columns, named


def _with_steps(lf: pl.LazyFrame, plan: FunnelPlan) -> pl.LazyFrame:
    """Add a column per step: whether the row satisfies it.

    Occurrences are numbered over all rows, before any is left out.
    """
    return lf.with_columns(
        step.predicate(since=plan.span.start, segment=plan.segment).alias(f"#{k}")
        for k, step in enumerate(plan.steps)
    )


def _tested(plan: FunnelPlan) -> tuple[dict[str, pl.Expr], pl.Expr]:
    """Return columns and filter where conditions decide."""
    met = [pl.col(f"#{k}") for k in range(len(plan.steps))]
    enters = entering(plan)
    entry = met[0] if enters is None else met[0] & enters
    bits = [_when(one, 1 << k) for k, one in enumerate(met)]
    columns = {
        "mask": reduce(or_, [*bits, _when(entry, 1 << _ENTRY_BIT)]),
        "event": pl.col("event"),
    }
    wanted = reduce(or_, met)
    broken = [_when(out.step.predicate(), _gaps(plan, out)) for out in plan.exclude]
    if plan.order == "exact":
        acts = pl.lit(value=True)
        if plan.exact_scope == "active":
            acts = pl.col("active") & ~pl.col("event").is_in(list(GENERATED))
        broken.append(_when(acts, sum(1 << k for k in range(1, len(plan.steps)))))
    if broken:
        columns["broken"] = reduce(or_, broken)
        wanted = wanted | (columns["broken"] != 0)
    return columns, wanted


def _gaps(plan: FunnelPlan, out: Exclusion) -> int:
    return sum(1 << k for k in range(out.first, out.last or len(plan.steps)))


def _arrays(
    frame: pl.DataFrame,
    plan: FunnelPlan,
    codes: Mapping[str, int] | None,
    *,
    full: bool,
) -> Rows:
    frame, unit = _sorted(frame, plan, full=full)
    kind = np.zeros(0, np.int32)
    several = False
    if "#mask" in frame.columns:
        steps = pl.col("#mask") & STEP_BITS
        several = frame.select((steps & (steps - 1) != 0).any()).item()
    if plan.count == "totals" or several:
        kind = _kinds(frame["#event"])
    intervals = None
    buckets = np.zeros(0, np.int32)
    if "#interval" in frame.columns:
        intervals = frame["#interval"].unique().sort().alias("@interval")
        places = intervals.search_sorted(frame["#interval"])
        buckets = places.cast(pl.Int32).to_numpy()
    return Rows(
        frame=frame,
        unit=unit,
        bucket=buckets,
        kind=kind,
        intervals=intervals,
        lookup=None if "#mask" in frame.columns else _lookup(plan, codes),
        resolution=plan.unit,
        unordered=plan.order == "any",
    )


def _sorted(
    frame: pl.DataFrame, plan: FunnelPlan, *, full: bool
) -> tuple[pl.DataFrame, NDArray[np.int32]]:
    """Return the rows in (unit, time) order, sorted only where they are not."""
    from replaykit.analyses.rows_kernel import in_order  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    keys = ["@user", *(f"@{name}" for name in plan.hold)]
    moments = ["@time", "@row"] if full else ["@time"]
    if not _fits(frame["@user"]):
        frame = frame.sort(*keys, *moments)
        return frame, _change(frame, keys)
    unit = frame["@user"].cast(pl.Int32).to_numpy()
    first = frame["@time"].to_physical().to_numpy()
    second = frame["@row"].to_numpy() if full else first
    if not in_order(frozen(unit), frozen(first), frozen(second)):
        frame = frame.sort("@user", *moments)
        unit = frame["@user"].cast(pl.Int32).to_numpy()
    return together(frame, unit, keys[1:]) if plan.hold else (frame, unit)


def _fits(user: pl.Series) -> bool:
    """Return whether users are numbers that the kernels can take as they are."""
    if user.dtype == pl.Int32:
        return True
    if not user.dtype.is_integer():
        return False
    low, high = user.min(), user.max()
    return user.is_empty() or (int(str(low)) >= -(2**31) and int(str(high)) < 2**31)


def _lookup(plan: FunnelPlan, codes: Mapping[str, int] | None) -> Lookup:
    """Return what each number of an event says, where names decide."""
    lines = _codes(plan)
    if codes is None:
        found = np.array(list(lines.values()), np.uint16)
    else:
        size = max(codes.values(), default=0) + 1
        found = np.tile(np.array(lines[_OTHER], np.uint16), (size, 1))
        for name, line in lines.items():
            if name in codes:
                found[codes[name]] = line
    bits, gaps, between = found.T
    return Lookup(bits, gaps, gaps | between)


def _kinds(event: pl.Series) -> NDArray[np.int32]:
    """Give a number to each event type."""
    if event.dtype == pl.String:
        event = event.cast(pl.Categorical).to_physical()
    return event.cast(pl.Int32).to_numpy()


def _change(frame: pl.DataFrame, keys: list[str]) -> NDArray[np.int32]:
    """Give a number to the runs of equal keys of a sorted frame."""
    starts = reduce(or_, [pl.col(key).ne_missing(pl.col(key).shift()) for key in keys])
    numbers = frame.select(starts.cum_sum().cast(pl.Int32).alias("n"))
    return numbers["n"].to_numpy()


def entering(plan: FunnelPlan) -> pl.Expr | None:
    """Return the conditions on an entry beside its step."""
    enters = [*plan.segment]
    if plan.span.start is not None or plan.span.end is not None or plan.span.without:
        enters.append(plan.span.holds(pl.col("time")))
    if plan.new_users is not None:
        enters.append(plan.span.holds(pl.col("#first")))
    if plan.new_users == "first day":
        day = bucket(pl.col("time"), "1d", plan.span.tz)
        enters.append(day == bucket(pl.col("#first"), "1d", plan.span.tz))
    return pl.all_horizontal(enters).fill_null(value=False) if enters else None


def _with_first_event(lf: pl.LazyFrame) -> pl.LazyFrame:
    """Add each user's first moment, searched in the whole table."""
    firsts = lf.group_by("user").agg(pl.col("time").min().alias("#first"))
    return lf.join(firsts, on="user", how="left", maintain_order="left")


def _when(condition: pl.Expr, bits: int) -> pl.Expr:
    return pl.when(condition).then(bits).otherwise(0).cast(pl.UInt16)


def _one_per_item(lf: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Make a row of each item of an array, so that each is a value of its own."""
    dtype = lf.collect_schema()[name]
    if isinstance(dtype, pl.Array):
        lf = lf.with_columns(pl.col(name).arr.to_list())
    elif not isinstance(dtype, pl.List):
        return lf
    return lf.with_columns(pl.col(name).list.unique()).explode(name)


def check_columns(lf: pl.LazyFrame, plan: FunnelPlan) -> None:
    """Refuse held properties and groups that the events do not have."""
    names = readable(lf)
    for name in (*plan.hold, *plan.groups):
        if name not in names:
            hint = did_you_mean(name, names)
            raise UnknownProperty(
                f"There is no property {name!r}. {hint} "
                f"The events have {', '.join(names)}.".replace("  ", " ")
            )
