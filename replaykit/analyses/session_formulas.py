"""Formulas over counts of sessions: `%:SESSIONTOTALS(B)/SESSIONTOTALS(A)`.

A letter stands for one count of sessions, so that its filters say which sessions they
are; all of them have the same intervals and groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.formula_language import Formula, Term, parse_formulas, terms_of
from replaykit.analyses.formula_values import expression
from replaykit.analyses.point_users import MOST_ROWS
from replaykit.errors import BadInput, UnknownPoint
from replaykit.points import SegmentationKey, SessionsKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replaykit.analyses.sessions import SessionsAnswer

#: What each function makes of the sessions of an interval; lengths are in seconds.
_VALUES: Final[dict[str, pl.Expr]] = {
    "SESSIONTOTALS": pl.len(),
    "UNIQUES": pl.col("user").n_unique(),
    "EVENTTOTALS": pl.col("events").sum(),
    "PROPSUM": pl.col("length").sum() / 1e6,
    "PROPAVG": pl.col("length").mean() / 1e6,
    "PROPMIN": pl.col("length").min() / 1e6,
    "PROPMAX": pl.col("length").max() / 1e6,
}
_ZERO: Final = ("SESSIONTOTALS", "UNIQUES", "EVENTTOTALS", "PROPSUM")


@dataclass(frozen=True, eq=False)
class SessionFormulasAnswer:
    """What formulas over sessions gave; reads as a `FormulasAnswer`."""

    table: pl.DataFrame
    total: pl.DataFrame
    formulas: list[Formula]
    sessions: Mapping[str, SessionsAnswer]

    @property
    def groups(self) -> list[str]:
        """The columns that tell the series of a formula apart, in a key's order."""
        return next(iter(self.sessions.values())).groups

    def terms(self, key: SegmentationKey) -> dict[str, pl.DataFrame]:
        """Name the sessions behind a point, per term: one line per session."""
        if not 0 <= key.event < len(self.formulas):
            raise UnknownPoint(f"There is no formula number {key.event}.")
        own = SessionsKey(key.group, key.time_ms)
        return {
            f"{term.measure}({term.event})": self.sessions[term.event].population(own)
            for term in terms_of(self.formulas[key.event].node)
        }

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the users of every term of a point together, one line per user."""
        parts = list(self.terms(key).values())
        rows = pl.col("rows").explode().unique().sort().head(MOST_ROWS)
        return (
            pl.concat(parts)
            .group_by("user")
            .agg(pl.col("start").min(), pl.col("end").max(), pl.col("at").min(), rows)
            .sort("user")
        )


def session_formulas(
    text: str, sessions: Sequence[SessionsAnswer]
) -> SessionFormulasAnswer:
    """Evaluate formulas over counts of sessions, per interval and over the range.

    Parameters
    ----------
    text
        Up to ten expressions separated by `;`. Functions of sessions: SESSIONTOTALS,
        UNIQUES (their users), EVENTTOTALS (their events), PROPSUM, PROPAVG, PROPMIN and
        PROPMAX (their lengths in seconds), and all functions of values.
    sessions
        What the letters A, B, C ... stand for, in this order.

    Raises
    ------
    BadInput
        With a caret under the spot that cannot be read, or if the counts have
        different intervals or groups.

    Examples
    --------
    >>> from datetime import datetime
    >>> from replaykit.analyses.sessions import sessions
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 2],
    ...         "time": [datetime(2026, 3, 1, 9, m) for m in (0, 5, 7)],
    ...         "event": ["Search", "Buy", "Search"],
    ...         "session_id": [1, 1, 2],
    ...     }
    ... )
    >>> both = [sessions(frame), sessions(frame, containing="Buy")]
    >>> session_formulas("%:SESSIONTOTALS(B)/SESSIONTOTALS(A)", both).total["value"][0]
    50.0
    """
    parsed = parse_formulas(text)
    lettered = {chr(ord("A") + k): one for k, one in enumerate(sessions)}
    _check(parsed, lettered)
    first = next(iter(lettered.values()))
    keys = [f"b{k}" for k in range(len(first.query.by))]
    groups = pl.concat([one.formed.select(keys) for one in sessions]).unique()
    labels = first.query.grid.labels()
    whole = pl.DataFrame({"i": pl.Series([0], dtype=pl.Int32)})
    tables: list[pl.DataFrame] = []
    totals: list[pl.DataFrame] = []
    for formula in parsed:
        mark = pl.lit(formula.text).alias("formula")
        for base, found, at_once in ((labels, tables, False), (whole, totals, True)):
            dense = groups.sort(keys).join(base, how="cross") if keys else base
            valued = _valued(formula, lettered, dense, keys, at_once=at_once)
            found.append(valued.with_columns(mark))
    names = [
        pl.col(key).alias(name) for key, name in zip(keys, first.groups, strict=True)
    ]
    return SessionFormulasAnswer(
        pl.concat(tables).select("formula", *names, "time", "value", "incomplete"),
        pl.concat(totals).select("formula", *names, "value"),
        parsed,
        lettered,
    )


def _check(parsed: Sequence[Formula], lettered: Mapping[str, SessionsAnswer]) -> None:
    if not lettered:
        raise BadInput("Name the sessions that A stands for: events.sessions().")
    one, *others = lettered.values()
    for other in others:
        same = other.query.grid.starts.equals(one.query.grid.starts)
        if not same or other.groups != one.groups:
            raise BadInput(
                "The counts of sessions have different intervals or groups; ask all of "
                "them with the same range, every= and by=."
            )
    if any(name in {"bucket", "segment"} for name in one.groups):
        raise BadInput(
            "A formula needs counts of sessions without segments= and distributions."
        )
    for formula in parsed:
        for term in terms_of(formula.node):
            if term.event not in lettered or term.segment is not None:
                raise BadInput(
                    f"The formula names sessions {term.event}{term.segment or ''}; "
                    f"there are {', '.join(lettered)}."
                )
            if term.measure not in _VALUES or term.window is not None:
                raise BadInput(
                    f"{term.window or term.measure} is no function of sessions; there "
                    f"are {', '.join(_VALUES)}."
                )


def _valued(
    formula: Formula,
    lettered: Mapping[str, SessionsAnswer],
    dense: pl.DataFrame,
    keys: Sequence[str],
    *,
    at_once: bool,
) -> pl.DataFrame:
    columns: dict[Term, str] = {}
    for term in terms_of(formula.node):
        name = f"t{len(columns)}"
        columns[term] = name
        rows = lettered[term.event].formed
        if at_once:
            rows = rows.with_columns(i=pl.lit(0, dtype=pl.Int32))
        on = [*keys, "i"]
        value = _VALUES[term.measure].cast(pl.Float64).alias(name)
        counted = rows.group_by(on).agg(value)
        dense = dense.join(counted, on=on, how="left", maintain_order="left")
        if term.measure in _ZERO:
            dense = dense.with_columns(pl.col(name).fill_null(0.0))
    result = expression(formula.node, columns, keys).cast(pl.Float64)
    return dense.with_columns(value=result)
