"""The units of a funnel: run the kernel, and read what its chosen paths hold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from replaykit.analyses.funnel_rows import encode
from replaykit.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from replaykit.analyses.funnel_blocks import Block, Rows
    from replaykit.analyses.funnel_plan import FunnelPlan
    from replaykit.engine import Pieces

#: The group of users who fall short of the step whose property is grouped by.
SHORT: Final = "did not reach step"


class Walked(NamedTuple):
    """Per unit: its interval, depth, path, and the ticks between its steps.

    `paths` and `gaps` are a line per step: rows of the frame, -1 beyond the depth, and
    the ticks since the step before.
    """

    intervals: NDArray[np.int64]
    depths: NDArray[np.int64]
    paths: NDArray[np.int64]
    gaps: NDArray[np.int64]


def walk(rows: Rows, plan: FunnelPlan) -> Walked:
    """Run the kernel over all rows, a block at a time."""
    from replaykit.analyses.rows_kernel import unfold  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    parts = []
    none = np.zeros(0, np.int64)
    for block in rows.blocks():
        intervals, depths, paths = walk_block(block, plan)
        place = none if block.place is None else block.place
        unfolded = unfold(
            frozen(block.tick), frozen(place), block.start, paths, plan.order == "any"
        )
        parts.append((intervals, depths, *unfolded))
    if len(parts) == 1:
        return Walked(*parts[0])
    joined = zip(*parts, strict=True)
    return Walked(*(np.concatenate(each, axis=-1) for each in joined))


def walk_block(
    rows: Block, plan: FunnelPlan
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Run the kernel: per unit its interval, depth, and its path's rows in a block."""
    from replaykit.analyses.path_kernel import chosen_paths  # noqa: PLC0415 - numba
    from replaykit.analyses.plain_kernel import plain_paths  # noqa: PLC0415 - numba
    from replaykit.analyses.totals_kernel import all_paths  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    arrays = (
        frozen(rows.unit),
        frozen(rows.tick),
        frozen(rows.mask),
        frozen(rows.broken),
        frozen(rows.bucket),
        frozen(rows.kind),
    )
    n = len(plan.steps)
    if plan.count == "totals":
        return all_paths(*arrays, n, plan.window_ticks)
    if plan.order == "this" and rows.is_plain:
        return plain_paths(*arrays[:3], n, plan.window_ticks)
    return chosen_paths(*arrays, n, plan.window_ticks, unordered=plan.order == "any")


def units_of(log: Pieces, plan: FunnelPlan) -> pl.DataFrame:
    """Return one line per unit with its path; see `FunnelAnswer.units`.

    With intervals (`plan.every`) a unit has a line per `interval` it enters in.
    """
    return log.opened.run(partial(find_units, plan=plan, codes=log.codes))


def find_units(
    frame: pl.LazyFrame, plan: FunnelPlan, codes: Mapping[str, int] | None = None
) -> pl.DataFrame:
    """Return what `units_of` does, of one piece."""
    rows = encode(frame, plan, full=True, codes=codes)
    intervals, depths, paths, _ = walk(rows, plan)
    first = paths[0]
    held = [rows.frame[f"@{name}"].gather(first).alias(name) for name in plan.hold]
    groups = groups_of(rows.frame, plan, paths, depths)
    lengths = np.concatenate(([0], np.cumsum(depths)))
    flat = paths.T[paths.T >= 0]
    units = pl.DataFrame(
        [
            rows.frame["@user"].gather(first).alias("user"),
            *held,
            *groups,
            pl.Series("depth", depths, pl.Int64),
            _listed(rows.frame["@time"].gather(flat), lengths).alias("times"),
            _listed(rows.frame["@row"].gather(flat), lengths).alias("rows"),
        ]
    )
    if rows.intervals is not None:
        units = units.with_columns(rows.intervals.gather(intervals).alias("interval"))
    return units


def groups_of(
    frame: pl.DataFrame,
    plan: FunnelPlan,
    paths: NDArray[np.int64],
    depths: NDArray[np.int64],
) -> list[pl.Series]:
    """Return each unit's grouping values: at the entry's row, and at a step's row.

    Parameters
    ----------
    frame
        Rows, with a column `@name` of each property.
    plan
        The funnel's question.
    paths
        A line per step: the row of each unit, of any sign beyond its depth.
    depths
        How many steps each unit reaches.
    """
    columns = [_label(frame[f"@{name}"].gather(paths[0]), name) for name in plan.by]
    for step, name in plan.step_by:
        reached = pl.Series(depths >= step)
        at = np.maximum(paths[step - 1], 0)
        values = _label(frame[f"@{name}"].gather(at), name)
        short = pl.Series(name, [SHORT], dtype=pl.String)
        columns.append(values.zip_with(reached, short))
    return columns


def _label(values: pl.Series, name: str) -> pl.Series:
    if isinstance(values.dtype, pl.List | pl.Array | pl.Struct):
        raise BadInput(
            f"{name!r} holds {values.dtype} values. A funnel's groups need one value "
            "per row; hold the property, or filter by its items."
        )
    return values.cast(pl.String).alias(name)


def _listed(values: pl.Series, offsets: NDArray[np.int64]) -> pl.Series:
    """Cut a flat series into lists at the offsets."""
    numbers = np.arange(len(offsets) - 1, dtype=np.uint32)
    # Known to be sorted, groups are slices and nothing is hashed.
    unit = pl.Series(np.repeat(numbers, np.diff(offsets))).set_sorted()
    return (
        pl.DataFrame([unit.alias("unit"), values.alias("value")])
        .group_by("unit", maintain_order=True)
        .agg("value")["value"]
    )
