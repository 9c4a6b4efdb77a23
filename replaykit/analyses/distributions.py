"""Bins of a distribution: how many lie in each, and what each is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.properties import half_open, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Bins of how often a user did something.
FREQUENCIES: Final = (
    *((k, k) for k in range(1, 6)),
    (6, 10),
    (11, 20),
    (21, 50),
    (51, 100),
    (101, float("inf")),
)


def binned(
    counted: pl.DataFrame,
    at: Sequence[str],
    ranges: Sequence[tuple[float, float]],
    *,
    closed: bool,
) -> pl.DataFrame:
    """Count `n` per bin of `v`: `[low, high]` for whole numbers, `[low, high)` else."""
    parts = []
    for name, (low, high) in zip(
        bin_labels(ranges, closed=closed), ranges, strict=True
    ):
        inside = pl.col("v").is_between(low, high, closed="both" if closed else "left")
        part = counted.filter(inside).group_by(at).agg(value=pl.col("n").sum())
        parts.append(part.with_columns(bucket=pl.lit(name)))
    if not parts:
        nothing = counted.group_by(at).agg(value=pl.col("n").sum()).clear()
        return nothing.with_columns(bucket=pl.lit(None, pl.String))
    return pl.concat(parts)


def bin_labels(ranges: Sequence[tuple[float, float]], *, closed: bool) -> list[str]:
    """Return the labels of bins: "1", "6-10", "101+" or "[0, 10)"."""
    if not closed:
        return half_open(ranges)
    return [
        f"{tidy(low)}+"
        if high == float("inf")
        else tidy(low)
        if low == high
        else f"{tidy(low)}-{tidy(high)}"
        for low, high in ranges
    ]
