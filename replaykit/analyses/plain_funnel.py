"""The common funnel, straight from a project's columns.

This order, unique users, steps that are names and no groups: then the numbers of event
names say what a row is, and nothing needs to be sorted, joined or named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from replaykit.analyses.funnel_rows import entering, has_codes
from replaykit.engine import gathered
from replaykit.schema import CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.analyses.funnel_plan import FunnelPlan


def is_plain(plan: FunnelPlan) -> bool:
    """Return whether a funnel is of the common kind."""
    return (
        plan.order == "this"
        and plan.count == "uniques"
        and plan.every is None
        and plan.new_users is None
        and not (plan.hold or plan.groups or plan.exclude)
        and has_codes(plan)
    )


def plain_units(
    lf: pl.LazyFrame, plan: FunnelPlan, codes: Mapping[str, int]
) -> pl.DataFrame | None:
    """Return what `funnel.partial` does, or None where rows are not in order.

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

    bits = np.zeros(max(codes.values(), default=0) + 1, np.uint16)
    for number, step in enumerate(plan.steps):
        for name in step.names:
            if name in codes:
                bits[codes[name]] = 1 << number
    wanted = pl.col(CODE).is_in([int(code) for code in np.flatnonzero(bits)])
    columns = ["user", "time", CODE]
    enters = entering(plan)
    extra = [] if enters is None else [enters.alias("@enters")]
    rows = gathered(lf.filter(wanted).select(*columns, *extra))
    if rows.schema["user"] != pl.Int32:
        return None
    user, code = frozen(rows["user"].to_numpy()), frozen(rows[CODE].to_numpy())
    time = frozen(rows["time"].to_physical().to_numpy())
    if not in_order(user, time, time):
        return None
    may = rows["@enters"].to_numpy() if extra else np.zeros(0, np.bool_)
    users, depths, gaps = plain_times(
        user,
        time,
        code,
        frozen(bits),
        frozen(may),
        plan.unit,
        len(plan.steps),
        plan.window_ticks,
    )
    return pl.DataFrame(
        [
            pl.Series("@user", users),
            pl.Series("@depth", depths),
            *(pl.Series(f"@gap{k}", gap) for k, gap in enumerate(gaps, start=2)),
        ]
    )
