"""What a measure counts: the tally it needs, and its value per series and interval.

A measure reads a tally (`charted.py`) twice: per interval, and with the whole range as
one interval. A window (rolling, cumulative) is a property of how a tally is read, so
that "distinct users over the last seven days" is exact and not a sum of daily numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.distinct import distinct_rows, expanded, grouped, summed
from replaykit.analyses.distributions import FREQUENCIES, bin_labels, binned
from replaykit.analyses.properties import (
    Grouping,
    find_property,
    nice_bins,
    number,
    tidy,
)
from replaykit.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.charted import Charted

Measure: TypeAlias = Literal[
    "uniques", "totals", "active", "average", "frequency", "property"
]
"""What a segmentation counts."""

MEASURES: Final[tuple[Measure, ...]] = (
    "uniques",
    "totals",
    "active",
    "average",
    "frequency",
    "property",
)

Aggregate: TypeAlias = Literal[
    "sum",
    "average",
    "median",
    "min",
    "max",
    "distribution",
    "distinct",
    "distinct per user",
]
"""What is made of the values of a property."""

AGGREGATES: Final[tuple[Aggregate, ...]] = (
    "sum",
    "average",
    "median",
    "min",
    "max",
    "distribution",
    "distinct",
    "distinct per user",
)

_INTEGER: Final = frozenset({"uniques", "totals"})
_ZERO: Final = frozenset({"uniques", "totals", "sum", "distinct"})


@dataclass(frozen=True, eq=False)
class Spec:
    """A measure with its options, checked."""

    word: str
    prop: Grouping | None = None
    aggregate: str | None = None
    ranges: Sequence[tuple[float, float]] | None = None
    quantile: float | None = None
    expr: pl.Expr | None = None

    @property
    def what(self) -> str:
        """The measure, or the aggregate of a property measure."""
        return self.aggregate or self.word

    @property
    def has_buckets(self) -> bool:
        """Whether one interval has several values, one per bucket."""
        if self.quantile is not None:
            return False
        return self.what in {"frequency", "distribution", "values", "counts"}

    @property
    def in_cells(self) -> bool:
        """Whether users and rows per interval and group are all it needs."""
        return self.what in {"uniques", "totals"} or (
            self.what == "average" and self.prop is None
        )

    @property
    def fill(self) -> int | float | None:
        """The value of an interval without rows."""
        return 0 if self.what in _ZERO or self.has_buckets else None

    @property
    def dtype(self) -> pl.DataType | None:
        """Counts are integers, everything else floats; an expression keeps its own."""
        if self.expr is not None:
            return None
        counts = self.what in _INTEGER | {"distinct"} or self.has_buckets
        return pl.Int64() if counts else pl.Float64()


def tally(charted: Charted, spec: Spec) -> pl.DataFrame:
    """Read the rows once and keep what the measure needs."""
    what = spec.what
    if what in {"uniques", "active"}:
        return charted.distinct()
    rows = pl.len().cast(pl.Int64).alias("n")
    if what == "totals":
        return charted.summed([rows])
    if what in {"average", "frequency", "counts"} and spec.prop is None:
        return charted.summed([rows], users=True)
    if spec.expr is not None:
        return _rows_of(charted, spec.expr)
    prop = spec.prop
    assert prop is not None  # noqa: S101
    if what.startswith("distinct"):
        value = prop.expr.alias("v")
        per_user = what == "distinct per user"
        found = charted.summed([rows], extra=[value], keys=["v"], users=per_user)
        if prop.is_array:
            found = found.explode("v")
        return found
    if prop.is_array:
        lf = charted.log.whole
        inner = lf.select(prop.expr.explode()).collect_schema().dtypes()[0]
        found = charted.summed([rows], extra=[prop.expr.alias("v")], keys=["v"])
        found = found.explode("v").with_columns(v=number(pl.col("v"), inner))
        return (
            found if what in {"median", "distribution", "values"} else _totalled(found)
        )
    value = number(prop.expr, prop.dtype).alias("v")
    if what in {"median", "distribution", "values"}:
        return charted.summed([rows], extra=[value], keys=["v"])
    v = pl.col("v")
    sums = [rows, v.sum().alias("sum"), v.count().cast(pl.Int64).alias("count")]
    return charted.summed(
        [*sums, v.min().alias("min"), v.max().alias("max")], extra=[value]
    )


def _rows_of(charted: Charted, expr: pl.Expr) -> pl.DataFrame:
    """Return the charted rows themselves, with the columns an expression reads."""
    own = ["user", "i", *charted.keys, *charted.hits]
    names = [name for name in dict.fromkeys(expr.meta.root_names()) if name != "user"]
    known = charted.log.schema.names()
    for name in names:
        find_property(name, known)
        if name in own:
            raise BadInput(f"Rename the property {name!r}: a chart uses this name.")
    extra = [pl.col(name) for name in names]
    rows = charted.log.collect(lambda lf: charted.rows(lf, extra))
    return rows.with_columns(n=pl.lit(1, dtype=pl.Int64))


def _totalled(values: pl.DataFrame) -> pl.DataFrame:
    """Turn value counts into sums, counts and extremes."""
    v, n = pl.col("v"), pl.col("n")
    return values.with_columns(
        sum=(v * n).fill_null(0.0),
        count=pl.when(v.is_not_null()).then(n).otherwise(0),
        min=v,
        max=v,
    ).drop("v")


def values(
    spec: Spec,
    lines: pl.DataFrame,
    keys: Sequence[str],
    *,
    points: int,
    window: int | None = None,
    actives: pl.DataFrame | None = None,
    active_keys: Sequence[str] = (),
    groups: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return `keys`, `bucket` (if any), `i`, `value` where there are rows.

    Parameters
    ----------
    spec
        The measure.
    lines
        The tally's lines of one event and segment.
    keys
        The groupings to keep apart.
    points
        Number of intervals, look-back included.
    window
        Every interval also sees this many intervals in all, itself included.
    actives
        The tally of active users, for Active %.
    active_keys
        The groupings that restrict those, too.
    groups
        The groups that the chart shows; some may have no user left here.
    """
    at = [*keys, "i"]
    what = spec.what
    if what == "uniques":
        return users_at(lines, keys, points, window)
    if what == "active":
        assert actives is not None  # noqa: S101
        base = users_at(actives, active_keys, points, window)
        ours = users_at(lines, keys, points, window).rename({"value": "users"})
        return _percent(ours, base, groups, active_keys)
    if what == "totals":
        sums = summed(lines, at, window, points, pl.col("n").sum())
        return sums.rename({"n": "value"})
    if what == "average" and spec.prop is None:
        sums = summed(lines, at, window, points, pl.col("n").sum())
        both = sums.join(users_at(lines, keys, points, window), on=at)
        return both.select(*at, value=pl.col("n") / pl.col("value"))
    if what in {"frequency", "counts"}:
        return _rows_per_user(spec, lines, at, points, window)
    if spec.expr is not None:
        return lines.group_by(at).agg(value=spec.expr)
    return _property_values(spec, lines, keys, points, window)


def _percent(
    ours: pl.DataFrame,
    base: pl.DataFrame,
    groups: pl.DataFrame | None,
    active_keys: Sequence[str],
) -> pl.DataFrame:
    """Return users as percent of active users, wherever somebody is active."""
    dense, keys = base, []
    if groups is not None:
        keys = groups.columns
        if active_keys:
            dense = groups.join(base, on=list(active_keys))
        else:
            dense = groups.join(base, how="cross")
    joined = dense.join(ours, on=[*keys, "i"], how="left")
    share = 100 * pl.col("users").fill_null(0) / pl.col("value")
    return joined.select(*keys, "i", value=share)


def _rows_per_user(
    spec: Spec,
    lines: pl.DataFrame,
    at: Sequence[str],
    points: int,
    window: int | None,
) -> pl.DataFrame:
    """Return how many users have how many rows."""
    per_user = (
        expanded(lines, window, points)
        .lazy()
        .group_by("user", *at)
        .agg(v=pl.col("n").sum().cast(pl.Float64))
        .collect(engine="streaming")
    )
    counted = per_user.with_columns(n=pl.lit(1, dtype=pl.Int64))
    if spec.quantile is not None:
        return counted.group_by(at).agg(
            value=pl.col("v").quantile(spec.quantile, "linear")
        )
    if spec.what == "counts":
        return _listed(counted.group_by(*at, "v").agg(pl.col("n").sum()), at)
    ranges = spec.ranges if spec.ranges is not None else FREQUENCIES
    return binned(counted, at, ranges, closed=True)


def _property_values(
    spec: Spec,
    lines: pl.DataFrame,
    keys: Sequence[str],
    points: int,
    window: int | None,
) -> pl.DataFrame:
    at = [*keys, "i"]
    what = spec.what
    if what in {"sum", "average", "min", "max"}:
        aggregates = [
            pl.col("sum").sum(),
            pl.col("count").sum(),
            pl.col("min").min(),
            pl.col("max").max(),
        ]
        found = summed(lines, at, window, points, *aggregates)
        count = pl.col("count")
        mean = pl.when(count > 0).then(pl.col("sum") / count)
        return found.select(*at, value=mean if what == "average" else pl.col(what))
    known = expanded(lines.filter(pl.col("v").is_not_null()), window, points)
    if what == "distinct":
        return known.group_by(at).agg(value=pl.col("v").n_unique().cast(pl.Int64))
    if what == "distinct per user":
        pairs = known.select("user", "v", *at).unique()
        return pairs.group_by(at).agg(
            value=pl.len() / pl.col("user").n_unique().cast(pl.Float64)
        )
    counted = known.group_by(*at, "v").agg(pl.col("n").sum())
    if what == "median":
        return weighted_quantile(
            counted, at, 0.5 if spec.quantile is None else spec.quantile
        )
    if what == "values":
        return _listed(counted, at)
    return binned(counted, at, spec.ranges or [], closed=False)


def _listed(counted: pl.DataFrame, at: Sequence[str]) -> pl.DataFrame:
    """Return how often each value occurs, the value as its bucket's label."""
    text = pl.col("v").map_elements(tidy, return_dtype=pl.String)
    return counted.select(*at, bucket=text, value="n")


def weighted_quantile(
    counted: pl.DataFrame, at: Sequence[str], quantile: float
) -> pl.DataFrame:
    """Return the linear-interpolated quantile of values `v` that occur `n` times each.

    Position p = quantile * (rows - 1); the value at a whole position k is the first
    one whose running count exceeds k.
    """
    v, n = pl.col("v"), pl.col("n")
    ordered = counted.sort("v").group_by(at).agg(v, end=n.cum_sum(), rows=n.sum())
    position = quantile * (pl.col("rows") - 1)
    return (
        ordered.with_columns(low=position.floor(), part=position - position.floor())
        .explode("v", "end")
        .group_by(*at, "part")
        .agg(
            low=v.filter(pl.col("end") > pl.col("low")).first(),
            high=v.filter(
                pl.col("end") > pl.min_horizontal(pl.col("low") + 1, pl.col("rows") - 1)
            ).first(),
        )
        .select(
            *at, value=pl.col("low") + (pl.col("high") - pl.col("low")) * pl.col("part")
        )
    )


def users_at(
    lines: pl.DataFrame, keys: Sequence[str], points: int, window: int | None = None
) -> pl.DataFrame:
    """Return the number of distinct users per series and interval.

    With a window, a user seen at i is there until i + window - 1, or until seen again:
    each sighting adds one where it begins and takes one where it ends, and the running
    sum of both is the number of distinct users.
    """
    at = [*keys, "i"]
    pairs = distinct_rows(lines, ["user", *at])
    if window is None:
        return grouped(pairs, at, pl.len().cast(pl.Int64).alias("value"))
    same = pl.all_horizontal(
        pl.col(key) == pl.col(key).shift(-1) for key in ["user", *keys]
    ).fill_null(value=False)
    again = pl.when(same).then(pl.col("i").shift(-1))
    ends = pl.min_horizontal(again, pl.col("i") + window)
    stays = pairs.sort(*keys, "user", "i").with_columns(stop=ends.cast(pl.Int32))
    came = grouped(stays, at, pl.len().cast(pl.Int64).alias("value"))
    left = (
        stays.filter(pl.col("stop") < points)
        .group_by(*keys, i=pl.col("stop"))
        .agg(value=-pl.len().cast(pl.Int64))
    )
    every = pl.DataFrame({"i": pl.Series(range(points), dtype=pl.Int32)})
    dense = pairs.select(keys).unique().join(every, how="cross") if keys else every
    deltas = (
        pl.concat([came, left.select(came.columns)])
        .group_by(at)
        .agg(pl.col("value").sum())
    )
    running = pl.col("value").fill_null(0).cum_sum()
    return (
        dense.join(deltas, on=at, how="left")
        .sort(*keys, "i")
        .with_columns(value=running.over(keys) if keys else running)
        .filter(pl.col("value") > 0)
    )


def buckets_of(spec: Spec, lines: pl.DataFrame) -> list[str]:
    """Return every bucket of a measure that has them, in order."""
    if spec.what == "values":
        found = lines.select(pl.col("v").drop_nulls().unique().sort()).to_series()
        return [tidy(one) for one in found]
    if spec.what == "counts":
        most = lines.group_by("user").agg(pl.col("n").sum())["n"].max()
        return [str(k) for k in range(1, int(str(most or 0)) + 1)]
    ranges = spec.ranges if spec.ranges is not None else FREQUENCIES
    return bin_labels(ranges, closed=spec.what == "frequency")


def with_ranges(spec: Spec, lines: pl.DataFrame) -> Spec:
    """Choose round bins for a distribution that was given none."""
    if spec.what != "distribution" or spec.ranges is not None:
        return spec
    low, high = lines.select(pl.col("v").min(), pl.col("v").max().alias("high")).row(0)
    ranges = [] if low is None else nice_bins(low, high)
    return Spec(spec.word, spec.prop, spec.aggregate, ranges)
