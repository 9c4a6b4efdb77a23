"""The common funnel, straight from a project's columns.

This order, unique users and steps that are names: then the numbers of event names say
what a row is, and nothing needs to be sorted, joined or named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from replaykit.analyses.funnel_rows import check_columns, entering, has_codes
from replaykit.analyses.funnel_units import groups_of
from replaykit.analyses.held_rows import together, told_apart
from replaykit.engine import gathered
from replaykit.schema import CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from replaykit.analyses.funnel_plan import FunnelPlan


def is_plain(plan: FunnelPlan) -> bool:
    """Return whether a funnel is of the common kind."""
    return (
        plan.order == "this"
        and plan.count == "uniques"
        and plan.every is None
        and plan.new_users is None
        and not plan.exclude
        and has_codes(plan)
    )


def plain_units(
    lf: pl.LazyFrame, plan: FunnelPlan, codes: Mapping[str, int]
) -> pl.DataFrame | None:
    """Return what `funnel.partial` does, or None where rows must be put in order.

    Parameters
    ----------
    lf
        Canonical events with the column `schema.CODE`.
    plan
        A funnel for which `is_plain` holds.
    codes
        The number of each event name.
    """
    from replaykit.analyses.plain_kernel import plain_times  # noqa: PLC0415 - numba
    from replaykit.analyses.rows_kernel import in_order  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    bits = _bits(plan, codes)
    wanted = pl.col(CODE).is_in([int(code) for code in np.flatnonzero(bits)])
    held = [f"@{name}" for name in plan.hold]
    named = dict.fromkeys([*plan.hold, *plan.groups])
    if named:
        check_columns(lf, plan)
        kinds = lf.collect_schema()
        if any(kinds[name].is_nested() for name in plan.hold):
            return None
    enters = entering(plan)
    rows = gathered(
        lf.filter(wanted).select(
            pl.col("user").alias("@user"),
            pl.col("time").alias("@time"),
            pl.col(CODE).alias("#code"),
            *([] if enters is None else [enters.alias("#enters")]),
            *(pl.col(name).alias(f"@{name}") for name in named),
        )
    )
    if rows.schema["@user"] != pl.Int32:
        return None
    # Left out here: a filter on what must be decoded would have all of it decoded.
    if any(rows[name].null_count() for name in held):
        rows = rows.drop_nulls(held)
    rows = rows.rechunk()
    user, time = _moments(rows)
    if not in_order(user, time, time):
        return None
    groups = [f"@{name}" for name in plan.groups]
    if groups and told_apart(rows, user, time, groups):
        return None
    owner = user
    if held:
        rows, owner = together(rows, user, held)
        user, time = _moments(rows)
    may = np.zeros(0, np.bool_) if enters is None else rows["#enters"].to_numpy()
    paths, depths, gaps = plain_times(
        frozen(owner),
        time,
        frozen(rows["#code"].to_numpy()),
        frozen(bits),
        frozen(may),
        plan.unit,
        len(plan.steps),
        plan.window_ticks,
        max(1, *(step for step, _ in plan.step_by), 0),
    )
    return pl.DataFrame(
        [
            *groups_of(rows, plan, paths, depths),
            *(rows[name].gather(paths[0]) for name in ("@user", *held)),
            pl.Series("@depth", depths),
            *(pl.Series(f"@gap{k}", gap) for k, gap in enumerate(gaps, start=2)),
        ]
    )


def _bits(plan: FunnelPlan, codes: Mapping[str, int]) -> NDArray[np.uint16]:
    """Return the step of each event's number, as a bit."""
    bits = np.zeros(max(codes.values(), default=0) + 1, np.uint16)
    for number, step in enumerate(plan.steps):
        for name in step.names:
            if name in codes:
                bits[codes[name]] = 1 << number
    return bits


def _moments(rows: pl.DataFrame) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    time = rows["@time"].to_physical().to_numpy()
    return frozen(rows["@user"].to_numpy()), frozen(time)
