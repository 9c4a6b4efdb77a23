"""A few paths that stand for many, and those that are like no other.

A path is described by its steps from one event to the next, the start and the end
included; two paths are as near as these steps are alike (the Hellinger affinity of
their shares, 1 for the same mix of steps and 0 for no step in common). Groups are made
around paths that exist (k-medoids, Kaufman and Rousseeuw 1987): each typical path is
the one nearest to its group's middle, and says how many it stands for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import polars as pl

from replaykit.errors import BadInput, check_option

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pick: TypeAlias = Literal["typical", "unusual"]
"""Paths that stand for most others, or paths that are least like any other."""

PICKS: Final = ("typical", "unusual")

#: Groups settle within a few rounds; more would only move ties about.
_ROUNDS: Final = 25
#: Steps that are told apart, the most frequent ones; the rest is one.
_STEPS: Final = 2_000


def picked(
    paths: pl.DataFrame, count: int, pick: Pick = "typical", *, of: pl.Series
) -> pl.DataFrame:
    """Choose paths that stand for all, or those farthest from all others.

    Parameters
    ----------
    paths
        `path` (what tells them apart) and `event` String, in the order of time.
    count
        How many to choose.
    pick
        `"typical"` or `"unusual"`.
    of
        All paths, those with no event included; each once. Of paths equally good the
        first one here is chosen.

    Returns
    -------
    DataFrame
        `path`; `stands_for` Int64, the number of paths nearest to it, itself included
        (they add up to all); `affinity` Float64: how alike these are to it on average,
        1 being the same. Unusual ones stand for themselves, and `affinity` is that to
        the nearest other path. Typical ones stand in the order of `stands_for`, unusual
        ones least alike first.

    Raises
    ------
    BadInput
        If `count` is below 1.

    Examples
    --------
    >>> walks = {"a": "SVB", "b": "SVB", "c": "SVVB", "d": "HHH"}
    >>> rows = [(path, event) for path, walk in walks.items() for event in walk]
    >>> paths = pl.DataFrame(rows, schema=["path", "event"], orient="row")
    >>> found = picked(paths, 2, of=pl.Series(["a", "b", "c", "d"]))
    >>> found.select("path", "stands_for").rows()
    [('a', 3), ('d', 1)]
    """
    check_option("pick", pick, PICKS)
    if count < 1:
        raise BadInput(f"{count} paths cannot be chosen; ask for 1 or more.")
    if of.is_empty():
        return _table(of, [], [], [])
    vectors = _vectors(paths, of)
    if pick == "unusual":
        return _unusual(vectors, of, count)
    chosen, nearest = _medoids(vectors, min(count, of.len()))
    likeness = np.einsum("ij,ij->i", vectors, vectors[chosen[nearest]])
    sizes = np.bincount(nearest, minlength=len(chosen))
    alike = np.bincount(nearest, weights=likeness, minlength=len(chosen)) / sizes
    order = sorted(range(len(chosen)), key=lambda i: (-sizes[i], chosen[i]))
    return _table(
        of,
        [int(chosen[i]) for i in order],
        [int(sizes[i]) for i in order],
        [float(alike[i]) for i in order],
    )


def _table(
    of: pl.Series, places: list[int], sizes: list[int], alike: list[float]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "path": of[places],
            "stands_for": pl.Series(sizes, dtype=pl.Int64),
            "affinity": pl.Series([round(a, 6) for a in alike], dtype=pl.Float64),
        }
    )


def _vectors(paths: pl.DataFrame, of: pl.Series) -> NDArray[np.float32]:
    """Return the root of each step's share in each path: rows of length one."""
    known = pl.DataFrame({"path": of}).with_row_index("place")
    rows = paths.select("path", "event").join(known, on="path", maintain_order="left")
    before = pl.col("event").shift().over("place", order_by="#")
    moves = rows.with_row_index("#").select("place", before=before, after="event")
    last = rows.group_by("place", maintain_order=True).agg(
        before=pl.col("event").last()
    )
    ends = last.select("place", "before", after=pl.lit(None, pl.String))
    # A path with no event is the step from the start to the end.
    still = known.join(last, on="place", how="anti").select(
        "place",
        before=pl.lit(None, pl.String),
        after=pl.lit(None, pl.String),
    )
    steps = (
        pl.concat([moves, ends, still])
        .group_by("before", "after", "place")
        .agg(times=pl.len())
    )
    totals = (
        steps.group_by("before", "after")
        .agg(pl.col("times").sum())
        .sort("times", "before", "after", descending=[True, False, False])
    )
    numbers = totals.select("before", "after").with_row_index("step")
    numbered = steps.join(numbers, on=["before", "after"], nulls_equal=True)
    columns = min(numbers.height, _STEPS)
    counts = np.zeros((of.len(), columns), dtype=np.float32)
    place = numbered["place"].to_numpy()
    step = np.minimum(numbered["step"].to_numpy(), columns - 1)
    np.add.at(counts, (place, step), numbered["times"].to_numpy())
    shares: NDArray[np.float32] = np.sqrt(counts / counts.sum(axis=1, keepdims=True))
    return shares


def _medoids(
    vectors: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the typical rows, and for every row which is nearest."""
    chosen = [_middle(vectors, np.arange(len(vectors)))]
    best = vectors @ vectors[chosen[0]]
    while len(chosen) < count:
        far = int(np.argmin(best))
        if best[far] >= 1 - 1e-5:
            break
        chosen.append(far)
        best = np.maximum(best, vectors @ vectors[far])
    medoids = np.array(chosen)
    nearest = np.argmax(vectors @ vectors[medoids].T, axis=1)
    for _ in range(_ROUNDS):
        # A group whose middle is that of another one has lost all its members.
        groups = np.unique(nearest)
        moved = np.array(
            [_middle(vectors, np.flatnonzero(nearest == g)) for g in groups]
        )
        if np.array_equal(moved, medoids):
            break
        medoids = moved
        nearest = np.argmax(vectors @ vectors[medoids].T, axis=1)
    return medoids, nearest


def _middle(vectors: NDArray[np.float32], members: NDArray[np.int64]) -> int:
    """Return the member most alike to all members, the first of equals."""
    likeness = vectors[members] @ vectors[members].sum(axis=0)
    best = likeness.max()
    return int(members[np.flatnonzero(likeness >= best - 1e-5 * abs(best))[0]])


def _unusual(vectors: NDArray[np.float32], of: pl.Series, count: int) -> pl.DataFrame:
    """Return the rows least alike to their nearest other row."""
    nearest = np.zeros(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), 1024):
        block = vectors[start : start + 1024] @ vectors.T
        own = np.arange(block.shape[0])
        block[own, start + own] = -1
        nearest[start : start + 1024] = block.max(axis=1, initial=0)
    order = np.argsort(nearest, kind="stable")[:count]
    return _table(
        of,
        [int(i) for i in order],
        [1] * len(order),
        [float(nearest[i]) for i in order],
    )
