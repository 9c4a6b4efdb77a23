"""The filter operators of product analytics, as polars conditions.

Polars spells most filters better (`pl.col("price") > 20`). These are for what it has no
word for: `(none)` as a value, case-insensitive text, globs, and arrays, whose negations
read differently (`spec/model.md` 4). A condition adapts to the column's type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.properties import NONE, label
from replaykit.errors import BadInput, check_option

if TYPE_CHECKING:
    from collections.abc import Sequence

Operator: TypeAlias = Literal[
    "is",
    "is not",
    "contains",
    "does not contain",
    "starts with",
    "does not start with",
    "<",
    "<=",
    ">",
    ">=",
    "glob match",
    "glob does not match",
    "set contains",
    "set does not contain",
    "set is",
    "set is not",
]
"""How a property is compared with values; several values are alternatives."""

OPERATORS: Final[tuple[Operator, ...]] = (
    "is",
    "is not",
    "contains",
    "does not contain",
    "starts with",
    "does not start with",
    "<",
    "<=",
    ">",
    ">=",
    "glob match",
    "glob does not match",
    "set contains",
    "set does not contain",
    "set is",
    "set is not",
)

Value: TypeAlias = str | float | bool | None

_NEGATIVE: Final[dict[str, str]] = {
    "is not": "is",
    "does not contain": "contains",
    "does not start with": "starts with",
    "glob does not match": "glob match",
    "set does not contain": "set contains",
    "set is not": "set is",
}


@dataclass(frozen=True)
class Clause:
    """One clause of a filter: a property, an operator, and its alternatives."""

    name: str
    operator: Operator
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        """Check the operator, and that there is something to compare with."""
        check_option("operator", self.operator, OPERATORS)
        if not self.values:
            raise BadInput(f"{self.name} {self.operator} ...: name at least one value.")

    def condition(self) -> pl.Expr:
        """Return the condition on a row; never null."""
        return pl.col(self.name).map_batches(
            _Test(self.operator, self.values),
            return_dtype=pl.Boolean,
            is_elementwise=True,
        )


def where(name: str, operator: Operator, *values: Value) -> pl.Expr:
    """Return one filter clause as a condition.

    Several values are alternatives; a negative operator negates all of them. None (or
    `"(none)"`) is the missing value. On an array, `is` asks for some item among the
    values and `is not` for some item **outside** them; `set contains` and `set is`
    need all values.

    Parameters
    ----------
    name
        The property.
    operator
        One of `OPERATORS`.
    values
        What to compare with. `<` and its like read numeric text as numbers; `contains`
        and `starts with` ignore case; `is` and globs do not.

    Examples
    --------
    >>> frame = pl.DataFrame({"country": ["US", "us", None]})
    >>> frame.filter(where("country", "is not", "US"))["country"].to_list()
    ['us', None]
    """
    return Clause(name, operator, values).condition()


def where_all(*clauses: Clause | tuple[str, Operator, *tuple[Value, ...]]) -> pl.Expr:
    """Return the conjunction of clauses.

    Two `is not` clauses on one property behave like one clause with both values: on an
    array that differs from testing them one by one.

    Examples
    --------
    >>> frame = pl.DataFrame({"tags": [["A", "B"], ["A", "C"]]})
    >>> both = where_all(("tags", "is not", "A"), ("tags", "is not", "B"))
    >>> frame.filter(both)["tags"].to_list()
    [['A', 'C']]
    """
    given = [
        one if isinstance(one, Clause) else Clause(one[0], one[1], tuple(one[2:]))
        for one in clauses
    ]
    merged: dict[str, Clause] = {}
    kept: list[Clause] = []
    for one in given:
        if one.operator != "is not":
            kept.append(one)
        elif one.name in merged:
            values = (*merged[one.name].values, *one.values)
            merged[one.name] = Clause(one.name, "is not", values)
        else:
            merged[one.name] = one
    return pl.all_horizontal(one.condition() for one in (*kept, *merged.values()))


def glob_pattern(glob: str) -> str:
    """Return the regular expression of a glob; it matches the whole value.

    Examples
    --------
    >>> glob_pattern("/org/*/[!a]")
    '(?s)^/org/[^/]*/[^a]$'
    """
    out, at = [], 0
    while at < len(glob):
        character = glob[at]
        if glob.startswith("**", at):
            out.append(".*")
            at += 2
            continue
        if character == "[" and "]" in glob[at + 2 :]:
            end = glob.index("]", at + 2)
            body = glob[at + 1 : end]
            negated = body.startswith("!")
            inside = body[1:] if negated else body
            inside = inside.replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
            out.append(f"[{'^' if negated else ''}{inside}]")
            at = end + 1
            continue
        out.append({"*": "[^/]*", "?": "."}.get(character, re.escape(character)))
        at += 1
    return f"(?s)^{''.join(out)}$"


@dataclass(frozen=True)
class _Test:
    """Evaluates a clause on a column of any type."""

    operator: Operator
    values: tuple[Value, ...]

    def __call__(self, column: pl.Series) -> pl.Series:
        positive = _NEGATIVE.get(self.operator, self.operator)
        values = [None if value == NONE else value for value in self.values]
        dtype = column.dtype
        frame = column.alias("v").to_frame()
        if isinstance(dtype, pl.List | pl.Array):
            lists = frame.select(pl.col("v").cast(pl.List(dtype.inner)))
            inner = dtype.inner if isinstance(dtype.inner, pl.DataType) else pl.String()
            return lists.select(self._of_items(positive, values, inner)).to_series()
        if positive.startswith("set "):
            raise BadInput(
                f"{self.operator!r} compares arrays; {column.name!r} holds single "
                "values. Use 'is'."
            )
        met = _met(pl.col("v"), dtype, positive, values)
        if self.operator in _NEGATIVE:
            met = ~met
        return frame.select(met).to_series()

    def _of_items(
        self, positive: str, values: Sequence[Value], inner: pl.DataType
    ) -> pl.Expr:
        items = pl.col("v")
        empty = items.list.len().fill_null(0) == 0
        if positive.startswith("set "):
            held = [
                _some(items, pl.element().pipe(_met, inner, "is", [value]))
                for value in values
            ]
            met = pl.all_horizontal(held)
            if positive == "set is":
                outside = _some(items, ~pl.element().pipe(_met, inner, "is", values))
                met = met & ~outside
        elif positive == "is":
            among = pl.element().pipe(_met, inner, "is", values)
            none = pl.lit(None in values) & empty
            if self.operator == "is not":
                # Some item outside the values; what holds nothing passes, too.
                return _some(items, ~among) | (empty & ~none)
            return _some(items, among) | none
        else:
            met = _some(items, pl.element().pipe(_met, inner, positive, values))
        return ~met if self.operator in _NEGATIVE else met


def _some(items: pl.Expr, condition: pl.Expr) -> pl.Expr:
    return items.list.eval(condition).list.any().fill_null(value=False)


def _met(
    value: pl.Expr, dtype: pl.DataType, operator: str, wanted: Sequence[Value]
) -> pl.Expr:
    """Return whether a single value meets a positive operator; null fails."""
    known = [one for one in wanted if one is not None]
    tests: list[pl.Expr] = []
    if operator in {"<", "<=", ">", ">="}:
        number = value.cast(pl.Float64, strict=False)
        tests = [_compared(number, operator, _number(one)) for one in known]
    elif operator == "is":
        tests = [_equal(value, dtype, one) for one in known]
        if len(known) < len(wanted):
            tests.append(value.is_null())
    else:
        text = value if isinstance(dtype, pl.String) else label(value, dtype)
        text = pl.when(value.is_not_null()).then(text)
        tests = [_text_test(text, operator, str(one)) for one in known]
    if not tests:
        return pl.lit(value=False)
    return pl.any_horizontal(test.fill_null(value=False) for test in tests)


def _equal(value: pl.Expr, dtype: pl.DataType, one: Value) -> pl.Expr:
    if isinstance(one, bool) and isinstance(dtype, pl.Boolean):
        return value.eq(one)
    if dtype.is_numeric() and isinstance(one, int | float):
        return value.eq(one)
    return label(value, dtype).eq(str(one)) & value.is_not_null()


def _text_test(text: pl.Expr, operator: str, one: str) -> pl.Expr:
    if operator == "contains":
        return text.str.to_lowercase().str.contains(one.lower(), literal=True)
    if operator == "starts with":
        return text.str.to_lowercase().str.starts_with(one.lower())
    return text.str.contains(glob_pattern(one))


def _compared(number: pl.Expr, operator: str, bound: float) -> pl.Expr:
    return {
        "<": number < bound,
        "<=": number <= bound,
        ">": number > bound,
        ">=": number >= bound,
    }[operator]


def _number(value: Value) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise BadInput(
            f"{value!r} is not a number; <, <=, > and >= compare numbers."
        ) from None
