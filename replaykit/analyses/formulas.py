"""Formulas over the measures of several events: `UNIQUES(B) / UNIQUES(A)`.

Every term is counted as segmentation counts it; the formula is then evaluated point by
point, and once more with the whole range as one interval. Division by zero is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.charted import Charted
from replaykit.analyses.formula_language import (
    ANY_ACTIVE,
    LISTS,
    Formula,
    Term,
    parse_formulas,
    terms_of,
)
from replaykit.analyses.formula_values import FormulasQuery, evaluated
from replaykit.analyses.grid import Calendar
from replaykit.analyses.measures import Spec, tally
from replaykit.analyses.point_users import MOST_ROWS, point_users
from replaykit.analyses.properties import By, Grouping, groupings
from replaykit.analyses.segments import Segments, as_segments
from replaykit.analyses.series import ranked_groups
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, UnknownPoint
from replaykit.query import Step, as_step, check_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.points import SegmentationKey
    from replaykit.timeline import Interval, Span, Weekday


@dataclass(frozen=True, eq=False)
class FormulasAnswer:
    """What formulas gave.

    Attributes
    ----------
    table
        One line per formula, group and interval: `formula` String, the group-by
        columns String, `segment` String (if several were named), `bucket` String (HIST
        and PROPHIST), `time` Datetime(us, zone), `value` Float64, `incomplete`.
    total
        The same over the whole range, without `time` and `incomplete`.
    formulas
        The expressions, with their `unit`: "%", "$" or "".
    """

    table: pl.DataFrame
    total: pl.DataFrame
    formulas: list[Formula]
    query: FormulasQuery

    @property
    def groups(self) -> list[str]:
        """The columns that tell the series of a formula apart, in a key's order."""
        own = {"formula", "time", "value", "incomplete", "bucket"}
        return [name for name in self.table.columns if name not in own]

    def terms(self, key: SegmentationKey) -> dict[str, pl.DataFrame]:
        """Name the users behind a point, per term of its formula.

        `key.event` is the position of the formula; its group ends with the bucket, if
        the table has any. Terms of sessions name the users
        with such a session; those of any active event are named under "any active".
        """
        if not 0 <= key.event < len(self.formulas):
            raise UnknownPoint(f"There is no formula number {key.event}.")
        labels = list(key.group)
        bucket = labels.pop() if "bucket" in self.table.columns and labels else None
        segment = 0
        if _several(self.query, self.formulas):
            segment = list(self.query.segments).index(str(labels.pop()))
        found = {}
        for term in terms_of(self.formulas[key.event].node):
            at = segment if term.segment is None else term.segment - 1
            charted, spec, window = self.query.charted(_counted(term), at)
            group = tuple(labels) if charted.by else ()
            if spec.has_buckets and bucket is not None:
                group = (*group, bucket)
            else:
                spec = replace_buckets(spec)
            place = key._replace(event=0, group=group)
            own = replace(charted, segments={"": next(iter(charted.segments.values()))})
            name = f"{term.measure}({term.event or 'any active'})"
            found[name] = point_users(own, spec, window, None, place)
        return found

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the users of every term of a point together, one line per user.

        `start` and `end` span the terms' windows, `at` is the earliest charted row,
        `rows` the charted rows of all terms (the first 200).
        """
        parts = [part for part in self.terms(key).values() if not part.is_empty()]
        if not parts:
            return next(iter(self.terms(key).values()), _NOBODY)
        rows = pl.col("rows").explode().unique().sort().head(MOST_ROWS)
        return (
            pl.concat(parts)
            .group_by("user")
            .agg(pl.col("start").min(), pl.col("end").max(), pl.col("at").min(), rows)
            .sort("user")
        )


_NOBODY: Final = pl.DataFrame(
    schema={
        "user": pl.Int32,
        "start": pl.Datetime("us", "UTC"),
        "end": pl.Datetime("us", "UTC"),
        "at": pl.Datetime("us", "UTC"),
        "rows": pl.List(pl.Int64),
    }
)


def formulas(
    frame: Frames,
    text: str,
    events: Sequence[Step | str] | Mapping[str, Step | str],
    *,
    of: Mapping[str, str | pl.Expr] | None = None,
    every: Interval = "1d",
    span: Span | None = None,
    tz: str | None = None,
    by: By = None,
    segments: Segments = None,
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> FormulasAnswer:
    """Evaluate formulas per interval, and over the whole range.

    Parameters
    ----------
    frame
        Canonical events, in any order.
    text
        Up to ten expressions separated by `;`, such as `"%:UNIQUES(B)/UNIQUES(A)"`.
    events
        The events that the letters A, B, C ... stand for, in this order.
    of
        The property that PROPSUM and its like read, by letter: `{"B": "price"}`.
    every, span, tz, week_start, quarter_start
        As in `segmentation`.
    by
        Grouping of all events. Groups are ordered by the sum of uniques of all events.
    segments
        Segments by label; `A2` is event A in the second one. An event without a number
        is evaluated in every segment, one series each.

    Raises
    ------
    BadInput
        With a caret under the spot that cannot be read.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 2],
    ...         "time": [datetime(2026, 3, 1, h) for h in (9, 10, 11)],
    ...         "event": ["Search", "Buy", "Search"],
    ...     }
    ... )
    >>> found = formulas(frame, "%:UNIQUES(B)/UNIQUES(A)", ["Search", "Buy"])
    >>> found.table["value"].to_list()
    [50.0]
    """
    log = Pieces.of(frame)
    lf = log.whole
    parsed = parse_formulas(text)
    named = _lettered(events)
    calendar = Calendar(
        tz or (span.tz if span is not None else "UTC"), week_start, quarter_start
    )
    query = FormulasQuery(
        log=log,
        events=named,
        of={letter.upper(): _property(lf, one) for letter, one in (of or {}).items()},
        segments=as_segments(segments),
        by=groupings(lf, by),
        every=every,
        span=span,
        calendar=calendar,
    )
    _check(query, parsed)
    several = _several(query, parsed)
    tables, totals = [], []
    groups = _groups(query)
    for formula in parsed:
        for at, label in enumerate(query.segments if several else [""]):
            table, total = evaluated(query, formula, at, groups)
            marks = [pl.lit(formula.text).alias("formula")]
            if several:
                marks.append(pl.lit(label).alias("segment"))
            tables.append(table.with_columns(marks))
            totals.append(total.with_columns(marks))
    names = ["formula", *(one.name for one in query.by)]
    names += ["segment"] if several else []
    names += ["bucket"] if any("bucket" in table.columns for table in tables) else []
    return FormulasAnswer(
        pl.concat(tables, how="diagonal").select(*names, "time", "value", "incomplete"),
        pl.concat(totals, how="diagonal").select(*names, "value"),
        parsed,
        query,
    )


def _property(frame: pl.LazyFrame, of: str | pl.Expr) -> Grouping:
    """Return what a letter reads; out of session is the value -1, as recorded."""
    (found,) = groupings(frame, of, word="of")
    if of == "session_id":
        return replace(found, expr=found.expr.fill_null(-1))
    return found


def _lettered(
    events: Sequence[Step | str] | Mapping[str, Step | str],
) -> dict[str, Step]:
    if isinstance(events, Mapping):
        return {letter.upper(): as_step(one) for letter, one in events.items()}
    return {chr(ord("A") + k): as_step(one) for k, one in enumerate(events)}


def _several(query: FormulasQuery, parsed: Sequence[Formula]) -> bool:
    """Return whether a formula is to be evaluated once per segment."""
    terms = [term for one in parsed for term in terms_of(one.node)]
    return len(query.segments) > 1 and any(term.segment is None for term in terms)


def _check(query: FormulasQuery, parsed: Sequence[Formula]) -> None:
    for formula in parsed:
        for term in terms_of(formula.node):
            query.step(term.event)
            if term.segment is not None and not (
                1 <= term.segment <= len(query.segments)
            ):
                raise BadInput(
                    f"{term.event}{term.segment} names segment {term.segment}; there "
                    f"are {len(query.segments)}, counted from 1."
                )
            if term.measure in LISTS and formula.node != term:
                raise BadInput(
                    f"{term.measure} gives a distribution, not a number: it stands "
                    "alone in its expression."
                )
    if query.log.names:
        check_events(query.events.values(), query.log.names)


def _groups(query: FormulasQuery) -> pl.DataFrame | None:
    """Return the groups, ordered by the uniques of all events together."""
    if not query.by:
        return None
    charted = Charted(
        log=query.log,
        steps=tuple(query.events.values()),
        segments=query.segments,
        by=query.by,
        grid=query.grid(),
    )
    spec = Spec("uniques")
    return ranked_groups(charted, spec, tally(charted, spec)).select(charted.keys)


def _counted(term: Term) -> Term:
    """Return a term whose users are those of the given one."""
    if term.measure == "SESSIONTOTALS":
        return Term("UNIQUES", term.event, term.segment)
    if term.measure == "ARPAU":
        return Term("UNIQUES", ANY_ACTIVE, term.segment)
    return term


def replace_buckets(spec: Spec) -> Spec:
    """Return a spec whose points are whole intervals, not buckets of them."""
    if not spec.has_buckets:
        return spec
    if spec.prop is None:
        return Spec("uniques")
    return Spec(spec.word, spec.prop, "sum")
