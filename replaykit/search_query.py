"""A search of replays as the filter bar asks it: JSON in, options and code out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit.errors import BadInput, UnknownProperty, check_option, did_you_mean
from replaykit.schema import BUILT_INS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.source import Source

#: How a property is compared in the filter bar; several values are alternatives.
OPERATORS: Final = ("is", "is not", "contains", ">", ">=", "<", "<=")
_KINDS: Final = ("event", "property", "cohort", "duration", "signal", "url")

#: So many values of a property are suggested, the most frequent first.
MOST_VALUES: Final = 200

_DAYS: Final = re.compile(r"\d+[a-z]+")


def read_query(source: Source, query: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the options of `replays.search` that a query means, as values and code.

    Parameters
    ----------
    source
        Where the properties and their types are known.
    query
        `last` ("30d") or `between` (two dates), and `filters`: a list of objects with
        a `kind` (event, property, cohort, duration, signal, url).

    Raises
    ------
    BadInput, UnknownOption, UnknownProperty
        If it is none.
    """
    options: dict[str, Any] = {}
    code: list[str] = []
    last, between = query.get("last"), query.get("between")
    if isinstance(last, str) and _DAYS.fullmatch(last):
        options["last"] = last
        code.append(f"last={last!r}")
    elif isinstance(between, list) and len(between) == 2:
        options["between"] = (str(between[0]), str(between[1]))
        code.append(f"between={options['between']!r}")
    filters = query.get("filters") or []
    if not isinstance(filters, list) or not all(isinstance(f, dict) for f in filters):
        raise BadInput(f"filters={filters!r} is no list of filters.")
    for one in filters:
        check_option("kind", one.get("kind"), _KINDS)
    of = {kind: [f for f in filters if f["kind"] == kind] for kind in _KINDS}
    _several(options, code, "event", [str(f.get("name")) for f in of["event"]])
    _several(options, code, "signals", [str(f.get("name")) for f in of["signal"]])
    for name, kind in (("cohort", "cohort"), ("url", "url")):
        for one in of[kind][-1:]:
            options[name] = str(one.get("name"))
            code.append(f"{name}={options[name]!r}")
    if of["duration"]:
        low = [str(f["value"]) for f in of["duration"] if f.get("op") != "<="]
        high = [str(f["value"]) for f in of["duration"] if f.get("op") == "<="]
        bounds = (low[-1] if low else None, high[-1] if high else None)
        options["duration"] = bounds if high else bounds[0]
        code.append(f"duration={options['duration']!r}")
    written = [_condition(source, one) for one in of["property"]]
    if written:
        options["where"] = [condition for condition, _ in written]
        texts = [text for _, text in written]
        joined = " & ".join(f"({text})" for text in texts)
        code.append(f"where={texts[0] if len(texts) == 1 else joined}")
    return options, ", ".join(code)


def _several(
    options: dict[str, Any], code: list[str], name: str, given: list[str]
) -> None:
    if given:
        options[name] = given[0] if len(given) == 1 else given
        code.append(f"{name}={options[name]!r}")


def _condition(source: Source, given: Mapping[str, Any]) -> tuple[pl.Expr, str]:
    """Return a filter on a property as a condition, and as it is written."""
    name, word = given.get("name"), given.get("op", "is")
    check_option("op", word, OPERATORS)
    if not isinstance(name, str) or name not in source.properties:
        hint = did_you_mean(str(name), source.properties)
        raise UnknownProperty(f"No property {name!r}. {hint}".rstrip())
    values = given.get("values")
    if not isinstance(values, list) or not values:
        raise BadInput(f"{name} {word} …: name at least one value.")
    column, text = pl.col(name), f"pl.col({name!r})"
    if word == "contains":
        pattern = str(values[0])
        found = column.cast(pl.String).str.contains(f"(?i){re.escape(pattern)}")
        return found, f"{text}.str.contains({'(?i)' + re.escape(pattern)!r})"
    if word in {">", ">=", "<", "<="}:
        bound = _number(name, values[0])
        compared = {
            ">": column > bound,
            ">=": column >= bound,
            "<": column < bound,
            "<=": column <= bound,
        }
        return compared[word], f"{text} {word} {bound!r}"
    return _among(column, text, word, values)


def _among(
    column: pl.Expr, text: str, word: str, values: list[Any]
) -> tuple[pl.Expr, str]:
    """Return that a value is one of some, or none of them; null is the missing one."""
    known = [value for value in values if value is not None]
    parts: list[tuple[pl.Expr, str]] = []
    if len(known) == 1:
        parts.append((column == known[0], f"{text} == {known[0]!r}"))
    elif known:
        parts.append((column.is_in(known), f"{text}.is_in({known!r})"))
    if len(known) < len(values):
        parts.append((column.is_null(), f"{text}.is_null()"))
    if word == "is":
        return _either(parts)
    if len(known) == len(values) == 1:
        return column != known[0], f"{text} != {known[0]!r}"
    if not known:
        return column.is_not_null(), f"{text}.is_not_null()"
    condition, written = _either(parts)
    return ~condition, f"~({written})"


def _either(parts: list[tuple[pl.Expr, str]]) -> tuple[pl.Expr, str]:
    if len(parts) == 1:
        return parts[0]
    (one, first), (other, second) = parts
    return one | other, f"({first}) | ({second})"


def _number(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError as error:
        raise BadInput(f"{name}: {value!r} is no number.") from error
    return int(number) if number.is_integer() else number


def fields_of(source: Source) -> list[dict[str, Any]]:
    """Return what can be filtered by: properties, events and cohorts, with a note."""
    users = set(BUILT_INS)
    properties = [
        {
            "kind": "property",
            "name": name,
            "group": "User property" if name in users else "Property",
            "note": _kind_words(dtype),
        }
        for name, dtype in source.properties.items()
    ]
    events = [
        {"kind": "event", "name": name, "group": "Event", "note": f"{rows:,}"}
        for name, rows in source.names.iter_rows()
    ]
    names = source.cohort_names() if source.cohort_names is not None else []
    cohorts = [
        {"kind": "cohort", "name": name, "group": "Cohort", "note": ""}
        for name in names
    ]
    order = {"User property": 0, "Property": 1}
    properties.sort(key=lambda one: (order[one["group"]], one["name"]))
    return [*properties, *events, *cohorts]


def _kind_words(dtype: str) -> str:
    words = {"String": "text", "Boolean": "yes or no"}
    if dtype.startswith(("Int", "UInt", "Float")):
        return "number"
    return words.get(dtype, dtype.lower())


def values_of(source: Source, name: str) -> list[list[Any]]:
    """Return the values of a property among recorded people, most frequent first.

    Each with the number of events that hold it; null is the missing value.
    """
    if name not in source.properties:
        hint = did_you_mean(name, source.properties)
        raise UnknownProperty(f"No property {name!r}. {hint}".rstrip())
    people = source.catalogue["user"].drop_nulls().unique()
    counts = (
        source.scan([name], people)
        .group_by(name)
        .agg(rows=pl.len())
        .sort(["rows", name], descending=[True, False])
        .head(MOST_VALUES)
        .collect()
    )
    return [[_json(value), rows] for value, rows in counts.iter_rows()]


def _json(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
