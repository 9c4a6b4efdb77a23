"""Properties as groupings and as numbers: labels, `(none)`, arrays and bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.errors import BadInput, UnknownProperty, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

NONE: Final = "(none)"
OTHER: Final = "other"

Items: TypeAlias = Literal["all", "unique"]
"""How an array counts: every item, or a row once per distinct item."""

ITEMS: Final[tuple[Items, ...]] = ("all", "unique")

By: TypeAlias = str | pl.Expr | Sequence[str | pl.Expr] | None
"""What to group by: a property, an expression, or several of them."""

Bins: TypeAlias = tuple[float, float, float] | Sequence[tuple[float, float]]
"""`(min, max, size)`, or the bins themselves as `[(low, high), ...]`."""

#: Names of result columns; a property of the same name is shown as "by NAME".
RESERVED: Final = frozenset(
    {"event", "segment", "bucket", "time", "value", "incomplete", "user", "i", "n"}
)

#: Up to five properties on an event, two on the segment (`spec/model.md` 5).
MOST_GROUPINGS: Final = 5


@dataclass(frozen=True, eq=False)
class Grouping:
    """One property to group by: the result's column, and where its value comes from."""

    name: str
    expr: pl.Expr
    dtype: pl.DataType

    @property
    def is_array(self) -> bool:
        """Whether a row holds several values."""
        return isinstance(self.dtype, pl.List | pl.Array)


def groupings(frame: pl.LazyFrame, by: By, *, word: str = "by") -> tuple[Grouping, ...]:
    """Resolve what to group by against the frame's columns.

    Raises
    ------
    UnknownProperty
        If the frame has no such column; the nearest names are given.
    """
    if by is None:
        return ()
    asked = [by] if isinstance(by, str | pl.Expr) else list(by)
    if len(asked) > MOST_GROUPINGS:
        raise BadInput(
            f"{word}= takes up to {MOST_GROUPINGS} properties; {len(asked)} were given."
        )
    schema = frame.collect_schema()
    found = []
    for one in asked:
        if isinstance(one, pl.Expr):
            expr, name = one, one.meta.output_name()
            dtype = frame.select(one).collect_schema().dtypes()[0]
        elif isinstance(one, str):
            column = find_property(one, schema)
            expr, name, dtype = pl.col(column), one, schema[column]
        else:
            raise BadInput(
                f"{word}={one!r} is not a property. Give a name such as 'country', "
                "a polars expression, or a list of them."
            )
        found.append(Grouping(f"by {name}" if name in RESERVED else name, expr, dtype))
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise BadInput(f"{word}= names a property twice: {', '.join(names)}.")
    return tuple(found)


def find_property(name: str, known: Iterable[str]) -> str:
    """Return the column of a property; `user.plan` is also found as `plan`."""
    names = list(known)
    if name in names:
        return name
    bare = name.removeprefix("user.").removeprefix("event.")
    if bare in names:
        return bare
    hint = did_you_mean(name, names)
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    raise UnknownProperty(
        f"No property named {name!r}. {hint} Known are {listed}.".replace("  ", " ")
    )


def label(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return values as text: whole floats without a point, null as `(none)`."""
    if dtype.is_float():
        whole = expr.is_finite() & (expr == expr.round()) & (expr.abs() < 1e15)
        whole_text = expr.cast(pl.Int64, strict=False).cast(pl.String)
        text = pl.when(whole).then(whole_text).otherwise(expr.cast(pl.String))
    elif isinstance(dtype, pl.String):
        text = expr
    else:
        text = expr.cast(pl.String)
    return text.fill_null(NONE)


def rest_label(kept: pl.DataFrame) -> str:
    """Return what the groups beyond the kept ones are called together.

    "other", unless that is the very name of a kept group.
    """
    taken = (OTHER,) * kept.width in kept.rows()
    return f"({OTHER})" if taken else OTHER


def cut_to_top(
    lines: pl.DataFrame, keys: Sequence[str], kept: pl.DataFrame
) -> pl.DataFrame:
    """Relabel the groups that are not among the kept ones as "other"."""
    rest = rest_label(kept)
    marked = lines.join(
        kept.unique().with_columns(_kept=pl.lit(value=True)),
        on=list(keys),
        how="left",
        maintain_order="left",
    )
    return marked.with_columns(
        pl.when("_kept").then(key).otherwise(pl.lit(rest)).alias(key) for key in keys
    ).drop("_kept")


def number(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return values as floats: numbers and numeric text, anything else is null."""
    if not (dtype.is_numeric() or isinstance(dtype, pl.String)):
        return pl.lit(None, dtype=pl.Float64)
    value = expr.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def as_ranges(bins: Bins, *, word: str = "bins") -> list[tuple[float, float]]:
    """Return the bins as (low, high) pairs in order.

    Raises
    ------
    BadInput
        If a bin is empty, reversed or overlaps another, or there are too many.
    """
    given = list(bins)
    if len(given) == 3 and all(isinstance(one, int | float) for one in given):
        low, high, size = (float(one) for one in given)  # type: ignore[arg-type]
        if not (size > 0 and high > low and (high - low) / size <= 10_000):
            raise BadInput(
                f"{word}={bins!r} makes no bins. Give (min, max, size) with min < max, "
                "a size above zero and at most 10,000 bins."
            )
        count = math.ceil((high - low) / size - 1e-9)
        return [(low + k * size, min(low + (k + 1) * size, high)) for k in range(count)]
    ranges: list[tuple[float, float]] = []
    for one in given:
        if not isinstance(one, Sequence) or len(one) != 2:
            raise BadInput(
                f"{word}={bins!r} is not a list of bins. Give (min, max, size) or "
                "pairs such as [(0, 10), (10, 50)]."
            )
        ranges.append((float(one[0]), float(one[1])))
    if not ranges:
        raise BadInput(f"{word}= holds no bin.")
    return ranges


def tidy(value: float) -> str:
    """Write a number without a needless point.

    Examples
    --------
    >>> tidy(10.0), tidy(0.25)
    ('10', '0.25')
    """
    if math.isinf(value):
        return "inf"
    return str(int(value)) if float(value).is_integer() else f"{value:.12g}"


def nice_bins(low: float, high: float, most: int = 10) -> list[tuple[float, float]]:
    """Return at most about `most` round, equal bins that hold every value.

    Examples
    --------
    >>> nice_bins(3, 30)[0]
    (0.0, 5.0)
    """
    if high <= low:
        high = low + 1
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(
        step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9)
    )
    first = math.floor(low / size)
    last = math.floor(high / size) + 1
    return [(k * size, (k + 1) * size) for k in range(first, last)]


def half_open(ranges: Sequence[tuple[float, float]]) -> list[str]:
    """Return the labels of bins `[low, high)`."""
    return [f"[{tidy(low)}, {tidy(high)})" for low, high in ranges]
