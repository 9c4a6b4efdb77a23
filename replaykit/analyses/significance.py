"""Whether one conversion is better than another by more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.analyses.funnel import FunnelAnswer

#: Enough data to say so: users, and conversions and non-conversions, per variant.
ENOUGH_USERS: Final = 30
ENOUGH_OUTCOMES: Final = 5
LEVEL: Final = 0.95


@dataclass(frozen=True)
class Significance:
    """A variant compared with a baseline.

    `improvement` is relative to the baseline's conversion; `significance` is 1 minus
    the two-tailed p-value; `significant` asks for 95 % and enough data; the sign of
    `difference` says which one is better. None where it cannot be computed.
    """

    conversion: float | None
    difference: float | None
    improvement: float | None
    t: float | None
    p_value: float | None
    significance: float | None
    significant: bool


def significance(
    entered: int, converted: int, *, base_entered: int, base_converted: int
) -> Significance:
    """Compare two conversions by Welch's t-test on outcomes of 0 and 1.

    Examples
    --------
    >>> better = significance(1000, 130, base_entered=1000, base_converted=100)
    >>> round(better.improvement, 2), round(better.p_value, 4), better.significant
    (0.3, 0.0355, True)
    """
    for n, k in ((entered, converted), (base_entered, base_converted)):
        if not 0 <= k <= n:
            raise BadInput(f"{k} conversions of {n} users are not possible.")
    if not entered or not base_entered:
        return Significance(None, None, None, None, None, None, significant=False)
    variant, base = converted / entered, base_converted / base_entered
    difference = variant - base
    improvement = difference / base if base else None
    t, p_value = _welch(entered, variant, base_entered, base)
    sure = None if p_value is None else 1 - p_value
    enough = all(
        n >= ENOUGH_USERS and k >= ENOUGH_OUTCOMES and n - k >= ENOUGH_OUTCOMES
        for n, k in ((entered, converted), (base_entered, base_converted))
    )
    return Significance(
        variant,
        difference,
        improvement,
        t,
        p_value,
        sure,
        significant=enough and sure is not None and sure >= LEVEL,
    )


def improvements(
    variants: Mapping[str, FunnelAnswer], baseline: str | None = None
) -> pl.DataFrame:
    """Compare the conversion of funnels, one per variant, with a baseline.

    Parameters
    ----------
    variants
        A funnel per variant, of unique users.
    baseline
        The variant to compare with; the first by default.

    Returns
    -------
    DataFrame
        One line per variant: `variant`, `entered`, `converted`, `conversion`,
        `difference`, `improvement`, `t`, `p_value`, `significance` and `significant`;
        null on the baseline's line.
    """
    return compared(
        {name: outcome(answer) for name, answer in variants.items()}, baseline
    )


def compared(
    counts: Mapping[str, tuple[int, int]], baseline: str | None = None
) -> pl.DataFrame:
    """Compare conversions given as `(entered, converted)`; see `improvements`."""
    if not counts:
        raise BadInput("There are no variants to compare.")
    base = next(iter(counts)) if baseline is None else baseline
    if base not in counts:
        raise BadInput(f"{base!r} is not a variant; they are {', '.join(counts)}.")
    lines = []
    for name, (entered, converted) in counts.items():
        found = significance(
            entered,
            converted,
            base_entered=counts[base][0],
            base_converted=counts[base][1],
        )
        own = name != base
        lines.append(
            {
                "variant": name,
                "entered": entered,
                "converted": converted,
                "conversion": found.conversion,
                "difference": found.difference if own else None,
                "improvement": found.improvement if own else None,
                "t": found.t if own else None,
                "p_value": found.p_value if own else None,
                "significance": found.significance if own else None,
                "significant": found.significant if own else None,
            }
        )
    return pl.DataFrame(lines, schema=_SCHEMA)


_SCHEMA: Final = {
    "variant": pl.String(),
    "entered": pl.Int64(),
    "converted": pl.Int64(),
    "conversion": pl.Float64(),
    "difference": pl.Float64(),
    "improvement": pl.Float64(),
    "t": pl.Float64(),
    "p_value": pl.Float64(),
    "significance": pl.Float64(),
    "significant": pl.Boolean(),
}


def outcome(answer: FunnelAnswer) -> tuple[int, int]:
    """Return how many users of a funnel entered and converted."""
    if answer.plan.count != "uniques":
        raise BadInput("Significance compares unique users: count='uniques'.")
    if answer.plan.groups:
        raise BadInput("Significance compares whole funnels: leave by= out.")
    users = answer.table["users"]
    return int(users[0]), int(users[-1])


def _welch(
    n: int, rate: float, base_n: int, base: float
) -> tuple[float | None, float | None]:
    """Return Welch's t and its two-tailed p-value."""
    if n < 2 or base_n < 2:
        return None, None
    one = rate * (1 - rate) / (n - 1)
    two = base * (1 - base) / (base_n - 1)
    if one + two == 0:
        return None, None
    t = (rate - base) / math.sqrt(one + two)
    freedom = (one + two) ** 2 / (one**2 / (n - 1) + two**2 / (base_n - 1))
    return t, incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function.

    The tail of Student's t is one of its values. Lentz's continued fraction.

    Examples
    --------
    >>> round(incomplete_beta(2, 3, 0.5), 6)
    0.6875
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
    )
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    result = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d or tiny)
            c = 1 + term / c or tiny
            result *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * result / a
