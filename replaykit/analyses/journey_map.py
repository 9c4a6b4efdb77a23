"""Rank whole paths: the journey map, and how alike two paths are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.errors import BadInput, check_option

if TYPE_CHECKING:
    from collections.abc import Sequence

Ordering: TypeAlias = Literal["frequency", "time", "similarity", "length"]
"""What paths are ranked by: how many took it, its mean duration, how like the reference
it is, or its number of nodes."""

ORDERINGS: Final = ("frequency", "time", "similarity", "length")


def rank_paths(
    paths: pl.DataFrame,
    *,
    total: int,
    converted: bool | None,
    order: Ordering,
    descending: bool,
    ideal: Sequence[str] | None,
    steps: int | None,
    top: int | None,
) -> pl.DataFrame:
    """Return one line per distinct sequence of labels, ranked."""
    check_option("order", order, ORDERINGS)
    if steps is not None and steps < 1:
        raise BadInput(f"steps={steps!r}: a path shows at least one node.")
    if converted is not None:
        paths = paths.filter(pl.col("converted") == converted)
    if steps is not None:
        paths = paths.with_columns(pl.col("path").list.head(steps))
    rows = (
        paths.group_by("path")
        .agg(
            users=pl.len().cast(pl.Int64),
            avg_time=pl.col("time").mean(),
        )
        .with_columns(
            share=pl.col("users") / total,
            text=pl.col("path").list.join("\x1f"),
        )
        .sort("users", "avg_time", "text", descending=[True, False, False])
    )
    reference = list(ideal) if ideal is not None else _first(rows)
    alike = [similarity(path, reference) for path in rows["path"].to_list()]
    rows = rows.with_columns(similarity=pl.Series(alike, dtype=pl.Float64))
    by = {
        "frequency": pl.col("users"),
        "time": pl.col("avg_time"),
        "similarity": pl.col("similarity"),
        "length": pl.col("path").list.len(),
    }[order]
    ranked = rows.sort(by, "avg_time", "text", descending=[descending, False, False])
    if top is not None:
        ranked = ranked.head(top)
    return ranked.select("path", "users", "share", "avg_time", "similarity")


def _first(rows: pl.DataFrame) -> list[str]:
    return [] if rows.is_empty() else rows["path"][0].to_list()


def similarity(left: Sequence[str], right: Sequence[str]) -> float:
    """Return 1 minus the edit distance over the length of the longer sequence.

    Examples
    --------
    >>> similarity(["Start", "Browse", "Buy"], ["Start", "Buy"])
    0.6666666666666667
    """
    if not left and not right:
        return 1.0
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, start=1):
        diagonal, row[0] = row[0], i
        for j, two in enumerate(right, start=1):
            change = diagonal + (one != two)
            diagonal = row[j]
            row[j] = min(row[j] + 1, row[j - 1] + 1, change)
    return 1 - row[-1] / max(len(left), len(right))
