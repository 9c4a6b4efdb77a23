"""What one group of people does and another does not, and whether chance explains it.

Shares are compared by Newcombe's hybrid score interval (Newcombe 1998, *Statistics in
Medicine* 17, method 10) and by Fisher's exact test, two-sided; many things are looked
at, so p-values are adjusted by Benjamini and Hochberg (1995): of the lines with
`q_value` up to 0.05, one in twenty is expected to be chance.
"""

from __future__ import annotations

from math import lgamma, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The normal quantile of a 95 % interval.
_Z: Final = 1.959963984540054
#: Tables as likely as the seen one, up to rounding, are as extreme.
_ROUNDING: Final = 1e-7


def contrast(
    facts: pl.DataFrame,
    mine: pl.Series,
    others: pl.Series,
    *,
    at_least: int = 2,
) -> pl.DataFrame:
    """Compare, fact by fact, the shares of two groups of users.

    Parameters
    ----------
    facts
        `user` and any other columns: what a user did. A user counts once per fact, and
        a fact is every distinct combination of the other columns.
    mine, others
        The users of the two groups, those without any fact included. Nobody is in both.
    at_least
        Facts of fewer users, of both groups together, are left out before p-values are
        adjusted.

    Returns
    -------
    DataFrame
        The columns of a fact, then `users`, `other_users` Int64, `share`,
        `other_share`, `points` Float64 (difference in percentage points), `low` and
        `high` (its 95 % interval, same unit), `p_value`, `q_value`. The least likely by
        chance first, then the largest difference.

    Raises
    ------
    BadInput
        If a group is empty, or somebody is in both.

    Examples
    --------
    >>> facts = pl.DataFrame({"user": [1, 1, 2, 3], "what": ["A", "B", "A", "B"]})
    >>> found = contrast(facts, pl.Series([1, 2]), pl.Series([3, 4]))
    >>> found.select("what", "users", "other_users", "points").rows()
    [('A', 2, 0, 100.0), ('B', 1, 1, 0.0)]
    """
    mine, others = (
        one.unique().cast(facts.schema["user"]).alias("user") for one in (mine, others)
    )
    both = mine.filter(mine.is_in(others.implode())).len()
    if both:
        raise BadInput(
            f"{both:,} users are in both groups; compare a set with the rest: "
            "a, and b - a."
        )
    if mine.is_empty() or others.is_empty():
        raise BadInput(
            f"There are {mine.len():,} users on one side and {others.len():,} on the "
            "other; both need somebody."
        )
    n, m = mine.len(), others.len()
    keys = [name for name in facts.columns if name != "user"]
    once = facts.unique()
    sides = pl.concat(
        [
            mine.to_frame().with_columns(own=pl.lit(value=True)),
            others.to_frame().with_columns(own=pl.lit(value=False)),
        ]
    )
    counted = (
        once.join(sides, on="user")
        .group_by(keys)
        .agg(
            users=pl.col("own").sum().cast(pl.Int64),
            other_users=(~pl.col("own")).sum().cast(pl.Int64),
        )
        .filter(pl.col("users") + pl.col("other_users") >= at_least)
    )
    pairs = list(counted.select("users", "other_users").iter_rows())
    bounds = {pair: newcombe(pair[0], n, pair[1], m) for pair in set(pairs)}
    chances = {pair: fisher(pair[0], n, pair[1], m) for pair in set(pairs)}
    p_values = [chances[pair] for pair in pairs]
    share, other = pl.col("users") / n, pl.col("other_users") / m
    return counted.with_columns(
        share=share,
        other_share=other,
        points=100 * (share - other),
        low=pl.Series([100 * bounds[pair][0] for pair in pairs], dtype=pl.Float64),
        high=pl.Series([100 * bounds[pair][1] for pair in pairs], dtype=pl.Float64),
        p_value=pl.Series(p_values, dtype=pl.Float64),
        q_value=pl.Series(benjamini_hochberg(p_values), dtype=pl.Float64),
    ).sort(
        "p_value",
        pl.col("points").abs(),
        *keys,
        descending=[False, True] + [False] * len(keys),
    )


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927).

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson(56, 70)]
    [0.6918, 0.877]
    """
    z2 = _Z * _Z
    centre, spread = 2 * k + z2, _Z * sqrt(z2 + 4 * k * (n - k) / n)
    return (centre - spread) / (2 * (n + z2)), (centre + spread) / (2 * (n + z2))


def newcombe(a: int, n: int, b: int, m: int) -> tuple[float, float]:
    """Return the 95 % interval of `a/n - b/m` by the hybrid score method.

    Examples
    --------
    The first example of the paper, 56 of 70 and 48 of 80:

    >>> [round(bound, 4) for bound in newcombe(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    p, q = a / n, b / m
    (l1, u1), (l2, u2) = wilson(a, n), wilson(b, m)
    low = sqrt((p - l1) ** 2 + (u2 - q) ** 2)
    high = sqrt((u1 - p) ** 2 + (q - l2) ** 2)
    return p - q - low, p - q + high


def fisher(a: int, n: int, b: int, m: int) -> float:
    """Return the two-sided p-value of `a` of `n` beside `b` of `m`.

    It is the probability, with all margins as they are, of every table that is no more
    likely than the seen one (Fisher's exact test).

    Examples
    --------
    The lady who tasted tea, three of four cups told right:

    >>> round(fisher(3, 4, 1, 4), 4)
    0.4857
    """
    did = a + b
    first, last = max(0, did - m), min(did, n)
    counts = range(first, last + 1)
    logs = np.array([_log_choose(n, k) + _log_choose(m, did - k) for k in counts])
    weights = np.exp(logs - logs.max())
    seen = weights[a - first]
    extreme = weights[weights <= seen * (1 + _ROUNDING)].sum()
    return float(min(1.0, extreme / weights.sum()))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that those up to a level hold that share of chance finds.

    Examples
    --------
    >>> [round(q, 3) for q in benjamini_hochberg([0.01, 0.04, 0.03, 0.5])]
    [0.04, 0.053, 0.053, 0.5]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [1.0] * len(p_values)
    least = 1.0
    for rank in range(len(order), 0, -1):
        place = order[rank - 1]
        least = min(least, p_values[place] * len(order) / rank)
        adjusted[place] = least
    return adjusted


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
