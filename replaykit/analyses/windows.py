"""Rolling windows, rolling averages and cumulative counts, as an option of a chart.

A number counts intervals of the chart, the current one included; the first points reach
back before the range (`spec/formulas.md` 1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from replaykit.errors import UnknownOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.grid import Grid

_FORM: Final = re.compile(r"(rolling|rolling average) (\d{1,4})")


@dataclass(frozen=True)
class Window:
    """What each point sees of the intervals before it."""

    kind: Literal["none", "rolling", "rolling average", "cumulative"] = "none"
    size: int = 1
    cohort: Literal["after", "before"] = "after"

    @property
    def lookback(self) -> int:
        """How many intervals before the range take part."""
        return self.size - 1 if self.kind.startswith("rolling") else 0

    def width(self, points: int) -> int | None:
        """Return how many intervals a point joins; None when each stands alone."""
        if self.kind == "rolling":
            return self.size
        return points if self.kind == "cumulative" else None


def as_window(over: str | None) -> Window:
    """Return the window that words name.

    Examples
    --------
    >>> as_window("rolling 7").lookback
    6
    """
    if over is None:
        return Window()
    if over == "cumulative":
        return Window("cumulative")
    match = _FORM.fullmatch(over) if isinstance(over, str) else None
    if match is None or int(match[2]) < 1:
        raise UnknownOption(
            f"over={over!r} is not an option. over is 'rolling 7', 'rolling average 7' "
            "(any number of intervals) or 'cumulative'."
        )
    size = int(match[2])
    if match[1] == "rolling":
        return Window("rolling", size)
    return Window("rolling average", size)


def rolling_average(
    dense: pl.DataFrame, keys: Sequence[str], grid: Grid, size: int
) -> pl.DataFrame:
    """Return the mean of the last `size` point values, in place of `value`.

    `dense` holds every interval of the grid, look-back included. An interval without
    rows counts as 0; a weekday that is left out adds 0 and shrinks the divisor.
    """
    left_out = [i for i in range(grid.lookback, len(grid.starts)) if not grid.shown[i]]
    counts = ~pl.col("i").is_in(left_out)
    value = pl.when(counts).then(pl.col("value").fill_null(0)).otherwise(0)
    total = value.cast(pl.Float64).rolling_sum(size, min_samples=1)
    divisor = counts.cast(pl.Float64).rolling_sum(size, min_samples=1)
    if keys:
        total, divisor = total.over(keys), divisor.over(keys)
    mean = pl.when(divisor > 0).then(total / divisor)
    return dense.sort(*keys, "i").with_columns(value=mean)
