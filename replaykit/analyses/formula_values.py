"""The values of a formula: its terms as columns, and the expression over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.charted import Charted
from replaykit.analyses.formula_language import (
    ANY_ACTIVE,
    LISTS,
    Formula,
    Node,
    Number,
    Term,
    terms_of,
)
from replaykit.analyses.grid import Calendar, Grid, make_grid
from replaykit.analyses.measures import Spec
from replaykit.analyses.series import series
from replaykit.analyses.sessions import sessions
from replaykit.analyses.windows import Window
from replaykit.errors import BadInput
from replaykit.query import Step, event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replaykit.analyses.properties import Grouping
    from replaykit.analyses.segments import Segment
    from replaykit.engine import Pieces
    from replaykit.timeline import Interval, Span

_SIMPLE: Final = {
    "UNIQUES": "uniques",
    "TOTALS": "totals",
    "SEMANTICTOTALS": "totals",
    "AVG": "average",
    "ACTIVE": "active",
    "HIST": "counts",
    "FREQPERCENTILE": "frequency",
}
_OF_PROPERTY: Final = {
    "PROPSUM": "sum",
    "REVENUETOTAL": "sum",
    "PROPAVG": "average",
    "PROPMIN": "min",
    "PROPMAX": "max",
    "PROPCOUNT": "distinct",
    "PROPCOUNTAVG": "distinct per user",
    "PROPHIST": "values",
    "PERCENTILE": "median",
}


@dataclass(frozen=True, eq=False)
class FormulasQuery:
    """What the letters of a formula stand for; checked options."""

    log: Pieces
    events: Mapping[str, Step]
    of: Mapping[str, Grouping]
    segments: Mapping[str, Segment]
    by: tuple[Grouping, ...]
    every: Interval
    span: Span | None
    calendar: Calendar

    def grid(self, lookback: int = 0) -> Grid:
        """Return the intervals, with those before the range that a window needs."""
        return make_grid(
            self.log,
            every=self.every,
            span=self.span,
            calendar=self.calendar,
            lookback=lookback,
        )

    def step(self, letter: str) -> Step:
        """Return the event that a letter stands for."""
        if letter == ANY_ACTIVE:
            return event("*", pl.col("active"))
        if letter not in self.events:
            known = ", ".join(f"{k} ({v.label})" for k, v in self.events.items())
            raise BadInput(f"The formula names event {letter}; there are {known}.")
        return self.events[letter]

    def charted(self, term: Term, segment: int) -> tuple[Charted, Spec, Window]:
        """Return what a term counts."""
        window = _window(term)
        label, one = list(self.segments.items())[segment]
        charted = Charted(
            log=self.log,
            steps=(self.step(term.event),),
            segments={label: one},
            by=() if term.event == ANY_ACTIVE else self.by,
            grid=self.grid(window.lookback),
            items="unique" if term.argument == "UNIQUE_ARRAY_VALUES" else "all",
        )
        return charted, self._spec(term), window

    def _spec(self, term: Term) -> Spec:
        if term.measure == "EVENTTOTALS":
            raise BadInput(
                "EVENTTOTALS counts the events of sessions: "
                "events.session_formula('EVENTTOTALS(A)', events.sessions())."
            )
        quantile = term.argument if isinstance(term.argument, float) else None
        if term.measure in _SIMPLE:
            return Spec(_SIMPLE[term.measure], quantile=quantile)
        if term.event not in self.of:
            raise BadInput(
                f"{term.measure}({term.event}) needs a property: "
                f"of={{{term.event!r}: 'price'}}."
            )
        prop = self.of[term.event]
        return Spec("property", prop, _OF_PROPERTY[term.measure], quantile=quantile)


def _window(term: Term) -> Window:
    if term.window == "CUMSUM":
        return Window("cumulative")
    if term.window == "ROLLAVG":
        return Window("rolling average", term.size)
    if term.window == "ROLLWIN":
        return Window("rolling", term.size)
    if term.window == "ROLLWINBEFORE":
        return Window("rolling", term.size, "before")
    return Window()


def evaluated(
    query: FormulasQuery, formula: Formula, segment: int, groups: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a formula's points and its values over the whole range, per group."""
    labels = query.grid().labels().drop("i")
    keys = [] if groups is None else groups.columns
    base = labels if groups is None else groups.join(labels, how="cross")
    whole = pl.DataFrame({"time": [None]}) if groups is None else groups
    terms = terms_of(formula.node)
    if any(term.measure in LISTS for term in terms):
        return _listed(query, terms[0], segment, keys)
    table, total = base, whole
    columns: dict[Term, str] = {}
    for term in terms:
        for part in _parts(term):
            name = f"t{len(columns)}"
            columns[part] = name
            points, collapsed, fill = _term(query, part, segment)
            own = [key for key in keys if key in points.columns]
            table = _joined(table, points, [*own, "time"], name, fill)
            total = _joined(total, collapsed, own, name, fill)
    value = expression(formula.node, columns, keys).cast(pl.Float64).alias("value")
    names = [
        pl.col(key).alias(one.name) for key, one in zip(keys, query.by, strict=True)
    ]
    return (
        table.select(*names, "time", value, "incomplete"),
        total.select(*names, value),
    )


def _joined(
    base: pl.DataFrame,
    found: pl.DataFrame,
    on: Sequence[str],
    name: str,
    fill: float | None,
) -> pl.DataFrame:
    one = found.select(*on, pl.col("value").alias(name))
    if not on:
        value = one[name][0] if one.height else None
        joined = base.with_columns(pl.lit(value).alias(name))
    else:
        joined = base.join(one, on=list(on), how="left", maintain_order="left")
    if fill is None:
        return joined
    return joined.with_columns(pl.col(name).fill_null(fill))


def _parts(term: Term) -> list[Term]:
    """Return what a term is made of: ARPAU divides revenue by active users."""
    if term.measure != "ARPAU":
        return [term]
    revenue = Term("PROPSUM", term.event, term.segment)
    return [revenue, Term("UNIQUES", ANY_ACTIVE, term.segment)]


def _term(
    query: FormulasQuery, term: Term, segment: int
) -> tuple[pl.DataFrame, pl.DataFrame, float | None]:
    """Return a term's points (`time`, keys, `value`), collapsed values and fill."""
    at = segment if term.segment is None else term.segment - 1
    if term.measure == "SESSIONTOTALS":
        found = sessions(
            query.log,
            every=query.every,
            span=query.span,
            tz=query.calendar.tz,
            by=[own.expr.alias(own.name) for own in query.by] or None,
            segments=list(query.segments.values())[at],
            containing=query.step(term.event),
            week_start=query.calendar.week_start,
            quarter_start=query.calendar.quarter_start,
        )
        keys = {name: f"b{k}" for k, name in enumerate(found.groups)}
        return found.table.rename(keys), found.total.rename(keys), 0
    charted, spec, window = query.charted(term, at)
    counted = series(charted, spec, window)
    table, total = counted.table, counted.total
    if term.measure == "ACTIVE":
        share = pl.col("value") / 100
        table, total = table.with_columns(share), total.with_columns(share)
    return table, total, spec.fill


def _listed(
    query: FormulasQuery, term: Term, segment: int, keys: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    at = segment if term.segment is None else term.segment - 1
    charted, spec, window = query.charted(term, at)
    found = series(charted, spec, window)
    names = [
        pl.col(key).alias(one.name) for key, one in zip(keys, query.by, strict=True)
    ]
    value = pl.col("value").cast(pl.Float64)
    return (
        found.table.select(*names, "bucket", "time", value, "incomplete"),
        found.total.select(*names, "bucket", value),
    )


def expression(node: Node, columns: Mapping[Term, str], keys: Sequence[str]) -> pl.Expr:
    """Return the expression that evaluates a formula over its terms' columns."""
    if isinstance(node, Number):
        return pl.lit(node.value)
    if isinstance(node, Term):
        parts = [pl.col(columns[part]) for part in _parts(node)]
        return parts[0] if len(parts) == 1 else _divided(parts[0], parts[1])
    values = [expression(value, columns, keys) for value in node.values]
    first = values[0].cast(pl.Float64)
    if node.name == "TRENDLINE":
        return _trend(first, keys)
    if node.name in "+-*/":
        second = values[1].cast(pl.Float64)
        if node.name == "/":
            return _divided(first, second)
        return {"+": first + second, "-": first - second, "*": first * second}[
            node.name
        ]
    argument = 0.0 if node.argument is None else node.argument
    positive = pl.when(first > 0).then(first)
    found = {
        # Beyond 700 the result is no number that a chart can draw.
        "EXP": pl.when(first <= _MOST_EXP).then(first).exp(),
        "LN": positive.log(),
        "LOG10": positive.log(10),
        "LOG": positive.log(argument) if argument > 0 else pl.lit(None),
        "POWER": first.pow(argument),
        "SQRT": pl.when(first >= 0).then(first).sqrt(),
    }[node.name]
    return pl.when(found.is_finite()).then(found)


_MOST_EXP: Final = 700.0


def _divided(first: pl.Expr, second: pl.Expr) -> pl.Expr:
    return pl.when(second != 0).then(first / second)


def _trend(value: pl.Expr, keys: Sequence[str]) -> pl.Expr:
    """Return the least-squares line of a series over the index of its points."""
    x = pl.int_range(pl.len()).cast(pl.Float64)
    known = pl.when(value.is_not_null()).then(x)
    mean_x, mean_y = known.mean(), value.mean()
    spread = ((known - mean_x) ** 2).sum()
    slope = ((known - mean_x) * (value - mean_y)).sum() / spread
    flat = pl.when(spread > 0).then(slope).otherwise(0.0)
    line = mean_y + flat * (x - mean_x)
    return line.over(list(keys)) if keys else line
