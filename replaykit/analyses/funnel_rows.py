"""The rows that can matter to a funnel, encoded for its kernels.

polars keeps the rows that satisfy a step or break a path, turns steps into bits, and
sorts only where the input is not already in (user, time) order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.errors import UnknownProperty, did_you_mean
from replaykit.schema import canonical
from replaykit.timeline import bucket

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from replaykit.analyses.funnel_plan import FunnelPlan

#: Events that the product makes itself: no act of a user, so they break no path.
GENERATED: Final = ("session_start", "session_end", "[Amplitude] Replay Captured")

_ENTRY_BIT: Final = 15


@dataclass(frozen=True, eq=False)
class Rows:
    """Encoded rows in (unit, time) order, and the frame they stand in."""

    frame: pl.DataFrame
    unit: NDArray[np.int32]
    tick: NDArray[np.int64]
    mask: NDArray[np.uint16]
    broken: NDArray[np.uint16]
    bucket: NDArray[np.int32]
    kind: NDArray[np.int32]
    intervals: pl.Series | None

    @property
    def is_plain(self) -> bool:
        """Whether a row is at most one step, and nothing breaks a path."""
        return not (len(self.broken) or len(self.bucket) or len(self.kind))


def encode(frame: pl.LazyFrame | pl.DataFrame, plan: FunnelPlan, *, full: bool) -> Rows:
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
    """
    lf = canonical(frame)
    _check_columns(lf, plan)
    if plan.new_users is not None:
        lf = _with_first_event(lf)
    for name in plan.hold:
        lf = _one_per_item(lf, name)
    met = [
        step.predicate(since=plan.span.start, segment=plan.segment)
        for step in plan.steps
    ]
    if any(step.which is not None for step in plan.steps):
        # Occurrences are numbered over all rows, before any is left out.
        lf = lf.with_columns(one.alias(f"#{k}") for k, one in enumerate(met))
        met = [pl.col(f"#{k}") for k in range(len(met))]
    broken = _broken(plan)
    wanted = _name_in(plan) if _plain_names(plan) else _any(met)
    if broken is not None:
        wanted = wanted | (broken != 0)
    for name in plan.hold:
        wanted = wanted & pl.col(name).is_not_null()
    columns = _columns(plan, met, broken, full=full)
    # Named apart, so that a property may be called like one of our columns.
    chosen = lf.filter(wanted).select(
        pl.col("user").alias("@user"),
        *(expr.alias(f"@{name}") for name, expr in columns.items()),
    )
    return _arrays(chosen.collect(engine="streaming"), plan, full=full)


def _columns(
    plan: FunnelPlan, met: list[pl.Expr], broken: pl.Expr | None, *, full: bool
) -> dict[str, pl.Expr]:
    """Return what the kernels, and in full the answer, need of each row."""
    enters = _enters(plan)
    columns = {"tick": pl.col("time").dt.timestamp("us") // plan.unit}
    if _by_name(plan):
        columns["event"] = pl.col("event")
        if enters is not None:
            columns["enters"] = enters
    else:
        entry = met[0] if enters is None else met[0] & enters
        bits = [_when(one, 1 << k) for k, one in enumerate(met)]
        columns["mask"] = reduce(or_, [*bits, _when(entry, 1 << _ENTRY_BIT)])
    if broken is not None:
        columns["broken"] = broken
    if plan.every is not None:
        columns["interval"] = bucket(pl.col("time"), plan.every, plan.span.tz)
    if plan.count == "totals" or not _by_name(plan):
        columns["event"] = pl.col("event")
    values = [*plan.hold]
    if full:
        values += ["time", "row", *plan.by, *(own for _, own in plan.step_by)]
    return columns | {name: pl.col(name) for name in values}


def _arrays(frame: pl.DataFrame, plan: FunnelPlan, *, full: bool) -> Rows:
    from replaykit.analyses.compiled import frozen  # noqa: PLC0415 - numba
    from replaykit.analyses.order_kernel import in_order  # noqa: PLC0415 - numba

    held = [f"@{name}" for name in plan.hold]
    keys = ["@user", *held]
    moments = ["@time", "@row"] if full else ["@tick"]
    integer = frame.schema["@user"].is_integer()
    if held or not integer:
        frame = frame.sort(*keys, *moments)
        unit = _change(frame, keys)
    else:
        unit = frame["@user"].cast(pl.Int32).to_numpy()
        first = frame[moments[0]].to_physical().to_numpy()
        second = frame["@row"].to_numpy() if full else first
        if not in_order(frozen(unit), frozen(first), frozen(second)):
            frame = frame.sort(*keys, *moments)
            unit = frame["@user"].cast(pl.Int32).to_numpy()
    mask = _mask(frame, plan)
    kind = np.zeros(0, np.int32)
    if plan.count == "totals" or not _by_name(plan):
        bits = mask & 0x3FF
        if plan.count == "totals" or np.any(bits & (bits - 1)):
            kind = frame["@event"].rank("dense").cast(pl.Int32).to_numpy()
    intervals = None
    buckets = np.zeros(0, np.int32)
    if "@interval" in frame.columns:
        intervals = frame["@interval"].unique().sort()
        buckets = frame["@interval"].rank("dense").cast(pl.Int32).to_numpy() - 1
    return Rows(
        frame=frame,
        unit=unit,
        tick=frame["@tick"].to_numpy(),
        mask=mask,
        broken=frame["@broken"].to_numpy()
        if "@broken" in frame.columns
        else np.zeros(0, np.uint16),
        bucket=buckets.astype(np.int32, copy=False),
        kind=kind,
        intervals=intervals,
    )


def _change(frame: pl.DataFrame, keys: list[str]) -> NDArray[np.int32]:
    """Give a number to the runs of equal keys of a sorted frame."""
    starts = _any([pl.col(key).ne_missing(pl.col(key).shift()) for key in keys])
    numbers = frame.select(starts.cum_sum().cast(pl.Int32).alias("n"))
    return numbers["n"].to_numpy()


def _any(parts: list[pl.Expr]) -> pl.Expr:
    return reduce(or_, parts)


def _enters(plan: FunnelPlan) -> pl.Expr | None:
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


def _broken(plan: FunnelPlan) -> pl.Expr | None:
    """Return, per row, the depths whose paths may not pass it."""
    parts = []
    n = len(plan.steps)
    for out in plan.exclude:
        gaps = sum(1 << k for k in range(out.first, out.last or n))
        parts.append(_when(out.step.predicate(), gaps))
    if plan.order == "exact":
        gaps = sum(1 << k for k in range(1, n))
        if plan.exact_scope == "all":
            parts.append(pl.lit(gaps, pl.UInt16))
        else:
            acts = pl.col("active") & ~pl.col("event").is_in(list(GENERATED))
            parts.append(_when(acts, gaps))
    return reduce(or_, parts) if parts else None


def _when(condition: pl.Expr, bits: int) -> pl.Expr:
    return pl.when(condition).then(bits).otherwise(0).cast(pl.UInt16)


def _plain_names(plan: FunnelPlan) -> bool:
    return all(step.is_plain for step in plan.steps)


def _by_name(plan: FunnelPlan) -> bool:
    """Return whether an event's name tells which one step it is."""
    names = [name for step in plan.steps for name in step.names]
    return _plain_names(plan) and len(set(names)) == len(names)


def _mask(frame: pl.DataFrame, plan: FunnelPlan) -> NDArray[np.uint16]:
    """Return each row's steps as bits, and whether it may enter."""
    if "@mask" in frame.columns:
        return frame["@mask"].to_numpy()
    # Names become small codes, and codes are looked up: strings are compared once.
    bit = {name: 1 << k for k, step in enumerate(plan.steps) for name in step.names}
    codes = frame["@event"].cast(pl.Enum(list(bit)), strict=False).to_physical()
    found = np.array([*bit.values(), 0], np.uint16)
    mask: NDArray[np.uint16] = found[codes.fill_null(len(bit)).to_numpy()]
    entries = mask & 1
    if "@enters" in frame.columns:
        entries &= frame["@enters"].to_numpy()
    mask |= entries << _ENTRY_BIT
    return mask


def _name_in(plan: FunnelPlan) -> pl.Expr:
    names = {name for step in plan.steps for name in step.names}
    return pl.col("event").is_in(sorted(names))


def _one_per_item(lf: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Make a row of each item of an array, so that each is a value of its own."""
    dtype = lf.collect_schema()[name]
    if isinstance(dtype, pl.Array):
        lf = lf.with_columns(pl.col(name).arr.to_list())
    elif not isinstance(dtype, pl.List):
        return lf
    return lf.with_columns(pl.col(name).list.unique()).explode(name)


def _check_columns(lf: pl.LazyFrame, plan: FunnelPlan) -> None:
    names = lf.collect_schema().names()
    for name in (*plan.hold, *plan.groups):
        if name not in names:
            hint = did_you_mean(name, names)
            raise UnknownProperty(
                f"There is no property {name!r}. {hint} "
                f"The events have {', '.join(names)}.".replace("  ", " ")
            )
