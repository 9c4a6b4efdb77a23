"""A definition of users as plain JSON, and back: how a dynamic cohort is kept.

A definition is a tree: sets joined by `&`, `|` and `-`, whose leaves are a clause
(`spec/cohorts.md` 1) with the range and the filters it was asked with. Conditions are
written operator by operator, so that the file can be read by eye and loading it runs
nothing; a condition with a function in it cannot be saved.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.cohort_clauses import (
    Been,
    Chain,
    Clause,
    Had,
    Performed,
)
from replaykit.errors import BadInput
from replaykit.query import Alternative, Nth, Step
from replaykit.timeline import Span

if TYPE_CHECKING:
    from collections.abc import Callable

Json: TypeAlias = dict[str, Any]
Joint: TypeAlias = Literal["and", "or", "not"]
"""How two sets are joined: those in both, in either, in the first alone."""


@dataclass(frozen=True, eq=False)
class Asked:
    """One clause with what it was asked with; `clause=None` is everybody.

    Attributes
    ----------
    clause
        What makes a member.
    span
        The fixed range, when `recent` is None.
    recent
        The last units, counted anew at each use: `"7d"`.
    segment
        Conditions on the rows that count.
    """

    clause: Clause | None
    span: Span
    recent: str | None = None
    segment: tuple[pl.Expr, ...] = ()


@dataclass(frozen=True, eq=False)
class Joined:
    """Two definitions, joined."""

    joint: Joint
    left: Rule
    right: Rule


Rule: TypeAlias = Asked | Joined


def join(joint: Joint, left: Rule | None, right: Rule | None) -> Rule | None:
    """Join two definitions; of users without one nothing can be defined."""
    return None if left is None or right is None else Joined(joint, left, right)


def write_rule(rule: Rule) -> Json:
    """Return a definition as JSON.

    Raises
    ------
    BadInput
        If a condition cannot be written.
    """
    if isinstance(rule, Joined):
        sides = {"left": write_rule(rule.left), "right": write_rule(rule.right)}
        return {"join": rule.joint, **sides}
    return {
        "clause": None if rule.clause is None else _write_clause(rule.clause),
        "span": _write_span(rule.span),
        "recent": rule.recent,
        "segment": [write_expr(one) for one in rule.segment],
    }


def read_rule(data: Json) -> Rule:
    """Read what `write_rule` wrote."""
    if "join" in data:
        return Joined(data["join"], read_rule(data["left"]), read_rule(data["right"]))
    clause = data["clause"]
    return Asked(
        None if clause is None else _read_clause(clause),
        _read_span(data["span"]),
        data["recent"],
        tuple(read_expr(one) for one in data["segment"]),
    )


def _write_clause(clause: Clause) -> Json:
    match clause:
        case Performed():
            return {"kind": "performed", **_plain_fields(clause)}
        case Chain():
            return {"kind": "then", "parts": [_write_clause(p) for p in clause.parts]}
        case Had():
            condition = write_expr(clause.condition)
            return {"kind": "had", "condition": condition, "when": clause.when}
        case Been():
            return {"kind": clause.word}
        case _:
            raise BadInput(f"A {type(clause).__name__} cannot be saved as a rule.")


def _plain_fields(clause: Performed) -> Json:
    found = {field.name: getattr(clause, field.name) for field in fields(clause)}
    found["step"] = _write_step(clause.step)
    found["versus"] = None if clause.versus is None else _write_step(clause.versus)
    found["of"] = None if clause.of is None else write_expr(_column(clause.of))
    during = clause.during
    found["during"] = _write_span(during) if isinstance(during, Span) else during
    return found


def _column(of: str | pl.Expr) -> pl.Expr:
    return pl.col(of) if isinstance(of, str) else of


def _read_clause(data: Json) -> Clause:
    kind, rest = data["kind"], {k: v for k, v in data.items() if k != "kind"}
    match kind:
        case "performed":
            rest["step"] = _read_step(rest["step"])
            rest["versus"] = rest["versus"] and _read_step(rest["versus"])
            rest["of"] = None if rest["of"] is None else read_expr(rest["of"])
            if isinstance(rest["during"], dict):
                rest["during"] = _read_span(rest["during"])
            return Performed(**rest)
        case "then":
            parts = [_read_clause(part) for part in rest["parts"]]
            return Chain(tuple(p for p in parts if isinstance(p, Performed)))
        case "had":
            return Had(read_expr(rest["condition"]), rest["when"], None)
        case "active" | "new":
            return Been(kind, None)
        case _:
            raise BadInput(f"{kind!r} is no kind of clause.")


def _write_step(step: Step) -> Json:
    which = step.which
    return {
        "names": [list(part.names) for part in step.alternatives],
        "conditions": [
            [write_expr(one) for one in part.conditions] for part in step.alternatives
        ],
        "label": step.name,
        "which": which and [which.number, which.comparison, which.numbering],
    }


def _read_step(data: Json) -> Step:
    pairs = zip(data["names"], data["conditions"], strict=True)
    parts = tuple(
        Alternative(tuple(names), tuple(read_expr(one) for one in conditions))
        for names, conditions in pairs
    )
    which = data["which"]
    return Step(parts, data["label"], which and Nth(*which))


def _write_span(span: Span) -> Json:
    return {
        "start": span.start and span.start.isoformat(),
        "end": span.end and span.end.isoformat(),
        "tz": span.tz,
        "without": list(span.without),
    }


def _read_span(data: Json) -> Span:
    start, end = (
        data[name] and datetime.fromisoformat(data[name]) for name in ("start", "end")
    )
    return Span(start, end, data["tz"], without=tuple(data["without"]))


# ── conditions ────────────────────────────────────────────────────────────────────────

_OPERATORS: Final[dict[str, Callable[..., pl.Expr]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&": operator.and_,
    "|": operator.or_,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "not": operator.invert,
    "is null": lambda x: x.is_null(),
    "is not null": lambda x: x.is_not_null(),
    "is": lambda x, y: x.eq_missing(y),
    "is not": lambda x, y: x.ne_missing(y),
    "in": lambda x, y: x.is_in(y),
    "between": lambda x, low, high: x.is_between(low, high),
    "fill null": lambda x, y: x.fill_null(y),
    "starts with": lambda x, y: x.str.starts_with(y),
    "ends with": lambda x, y: x.str.ends_with(y),
    "contains": lambda x, y: x.str.contains(y, literal=True),
    "matches": lambda x, y: x.str.contains(y),
    "lower": lambda x: x.str.to_lowercase(),
    "all": pl.all_horizontal,
    "any": pl.any_horizontal,
}


def write_expr(expr: pl.Expr) -> Json:
    """Return a condition as JSON, checked by building it again.

    Examples
    --------
    >>> write_expr(pl.col("price") > 20)
    {'op': '>', 'of': [{'column': 'price'}, {'value': 20}]}
    """
    roots = expr.meta.root_names()
    if len(roots) == 1 and expr.meta.eq(pl.col(roots[0])):
        return {"column": roots[0]}
    if not roots:
        return _write_literal(expr)
    children = expr.meta.pop()[::-1]
    for name, made in _OPERATORS.items():
        try:
            same = expr.meta.eq(made(*children))
        except TypeError:
            continue  # another number of operands
        if same:
            return {"op": name, "of": [write_expr(child) for child in children]}
    raise BadInput(
        f"The condition {expr} cannot be saved. Dynamic cohorts keep comparisons, "
        "is_in, is_null, is_between and texts; kind='static' keeps the users as they "
        "are now."
    )


def read_expr(data: Json) -> pl.Expr:
    """Read what `write_expr` wrote.

    Examples
    --------
    >>> frame = pl.DataFrame({"price": [10, 30]})
    >>> frame.filter(read_expr(write_expr(pl.col("price") > 20)))["price"].to_list()
    [30]
    """
    if "column" in data:
        return pl.col(data["column"])
    if "op" in data:
        made = _OPERATORS.get(data["op"])
        if made is None:
            raise BadInput(f"{data['op']!r} is no operator that this replaykit knows.")
        return made(*(read_expr(child) for child in data["of"]))
    return pl.lit(_read_value(data))


def _write_literal(expr: pl.Expr) -> Json:
    value = pl.select(expr.alias("value"))["value"].to_list()
    only = value[0] if len(value) == 1 else value
    return _write_value(only)


def _write_value(value: object) -> Json:
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, timedelta):
        return {"seconds": value.total_seconds()}
    if isinstance(value, list):
        return {"values": [_write_value(one) for one in value]}
    raise BadInput(f"{value!r} cannot be saved in a definition.")


def _read_value(data: Json) -> Any:  # noqa: ANN401 - whatever a condition holds
    if "values" in data:
        return [_read_value(one) for one in data["values"]]
    if "moment" in data:
        return datetime.fromisoformat(data["moment"])
    if "day" in data:
        return date.fromisoformat(data["day"])
    if "seconds" in data:
        return timedelta(seconds=data["seconds"])
    return data["value"]


def columns_of(clause: Clause) -> set[str]:
    """Return the columns that a clause reads."""
    match clause:
        case Performed():
            steps = [clause.step, *([clause.versus] if clause.versus else [])]
            named = [] if clause.of is None else [_column(clause.of)]
            read = [*(step.predicate() for step in steps), *named]
        case Chain():
            return {name for part in clause.parts for name in columns_of(part)}
        case Had():
            read = [clause.condition]
        case _:
            return set()
    return {name for one in read for name in one.meta.root_names()}
