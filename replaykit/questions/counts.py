"""Counts over time: segmentation, and formulas over several of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from replaykit.analyses import comparison as _comparison
from replaykit.analyses import formulas as _formulas
from replaykit.analyses import segmentation as _segmentation
from replaykit.errors import UnknownOption
from replaykit.questions.asking import Asking, remembered
from replaykit.results import Formula, Segmentation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from replaykit import timeline
    from replaykit.analyses.measures import Aggregate, Measure
    from replaykit.analyses.properties import Bins, By, Items
    from replaykit.query import Step
    from replaykit.questions.asking import Part


@dataclass(frozen=True, eq=False, repr=False)
class Counts(Asking):
    """Count events over time."""

    @remembered
    def segmentation(
        self,
        *events: str | Step,
        measure: Measure | pl.Expr = "uniques",
        of: str | pl.Expr | None = None,
        aggregate: Aggregate | None = None,
        bins: Bins | None = None,
        every: timeline.Interval = "1d",
        by: By = None,
        segment_by: By = None,
        top: int | None = None,
        over: str | None = None,
        items: Items = "all",
        segments: Mapping[str, Part] | None = None,
        compare: str | date | None = None,
        relative: bool = False,
    ) -> Segmentation:
        """Count events over time: who did something, how often, with what values.

        Filters of this handle hold for every event. Users are distinct within each
        interval; the widget's bars and `total` treat the range as one interval.

        Parameters
        ----------
        events
            Names, or steps made by `rk.event`; `"*"` is any event.
        measure
            `"uniques"` users, `"totals"` events, `"active"` percent of active users,
            `"average"` events per user, `"frequency"` users per number of events,
            `"property"` an aggregate of a property. A polars expression such as
            `pl.col("price").max()` is evaluated over the rows of each point.
        of, aggregate
            With `measure="property"`: the property, and `"sum"`, `"average"`, …
        bins
            Of frequency and distributions: `(min, max, size)` or a list of ranges.
        every
            Civil interval in the project's zone: `"1h"`, `"1d"`, `"1w"`, `"1mo"`, …
        by, segment_by
            Properties to group by, of the event or of the segment.
        top
            Keep the largest groups, the rest is `"other"`.
        over
            `"rolling 7"`, `"rolling average 7"` or `"cumulative"`.
        items
            Whether arrays count every item (`"all"`) or each distinct one.
        segments
            Up to ten, by label, one series each: a condition, a list of conditions,
            users (a set such as `events.users_who("Buy")`), `"active"` or `"new"`
            users of each interval, or `rk.performed("Play", scope="in each")`.
        compare
            `"1d"`, `"1w"`, `"1mo"`, `"1q"` or `"1y"` back, or the last date of an
            earlier range: as many intervals, aligned by position.
        relative
            Values as percent of the sum of all series of an interval. One user may
            stand in several series.

        Returns
        -------
        Segmentation
            `.table`: `event` String, the groupings String, `time` Datetime in the
            project's zone, `value`, `incomplete` Boolean; with `compare` also
            `past_time`, `past` and `change` (percent; null where `past` is 0).
            `.total` takes the range as one interval, `.summary` sums up each series,
            `.drawn("bars")` draws the total. Rules: `spec/segmentation.md`.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownOption, BadDuration
            With what exists, and the nearest match.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "uid": ["ana", "ana", "ben"],
        ...         "ts": [datetime(2026, 3, 1, hour) for hour in (9, 10, 11)],
        ...         "name": ["Search", "Buy", "Search"],
        ...     }
        ... )
        >>> events = rk.events(log, user="uid", time="ts", event="name")
        >>> events.segmentation("Search").table["value"].to_list()
        [2]
        """
        steps = self.steps(events)
        read = measure if isinstance(measure, pl.Expr) else None
        answer = _segmentation.segmentation(
            self._asked(steps, by, segment_by, of, read, segments),
            steps,
            measure=measure,
            of=of,
            aggregate=aggregate,
            bins=bins,
            every=every,
            span=self._span(),
            tz=self.source.zone,
            by=by,
            segment_by=segment_by,
            top=top,
            segments=self.segments_of(segments, every),
            over=over,
            items=items,
            week_start=self.source.week_start,
            quarter_start=self.source.quarter_start,
        )
        past = None
        if compare is not None:
            past = _comparison.compare(answer, compare, calendar=self.calendar)
        word = measure if isinstance(measure, str) else _words_of(measure)
        if relative:
            if past is not None:
                raise UnknownOption("relative= has no effect beside compare=.")
            answer = _segmentation.relative(answer)
        return Segmentation(self, answer, word, every, past, relative=relative)

    @remembered
    def formula(
        self,
        text: str,
        *events: str | Step,
        of: Mapping[str, str | pl.Expr] | None = None,
        every: timeline.Interval = "1d",
        by: By = None,
        segments: Mapping[str, Part] | None = None,
    ) -> Formula:
        """Calculate with the measures of several events, per interval.

        Every term is counted as `segmentation` counts it; division by zero is null. A
        point names the users of all its terms together, each once.

        Parameters
        ----------
        text
            Up to ten expressions separated by `;`. `UNIQUES(A)`, `TOTALS(A)`, `AVG(A)`,
            `ACTIVE(A)`, `PROPSUM(A)`, `ROLLAVG(TOTALS, A, 7)`, … with `+ - * / ( )`.
            `%:` in front means percent, `$:` money; `A2` is event A in the second
            segment.
        events
            What the letters A, B, C … stand for, in this order.
        of
            The property that `PROPSUM` and its like read, by letter: `{"B": "price"}`.
        every
            Civil interval in the project's zone.
        by
            Properties to group all events by.
        segments
            As in `segmentation`.

        Returns
        -------
        Formula
            `.table`: `formula` String, the groupings String, `segment` String (if
            several are named), `time` Datetime in the project's zone, `value` Float64,
            `incomplete` Boolean; `.total` the same over the whole range. Rules and
            functions: `spec/formulas.md`.

        Raises
        ------
        BadInput
            With a caret under the spot that cannot be read.
        UnknownEvent, UnknownProperty
            With what exists, and the nearest match.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "uid": ["ana", "ana", "ben"],
        ...         "ts": [datetime(2026, 3, 1, hour) for hour in (9, 10, 11)],
        ...         "name": ["Search", "Buy", "Search"],
        ...     }
        ... )
        >>> events = rk.events(log, user="uid", time="ts", event="name")
        >>> events.formula("%:UNIQUES(B)/UNIQUES(A)", "Search", "Buy").table["value"][0]
        50.0
        """
        steps = self.steps(events)
        read = [] if of is None else list(of.values())
        answer = _formulas.formulas(
            self._asked(steps, by, read, segments),
            text,
            steps,
            of=of,
            every=every,
            span=self._span(),
            tz=self.source.zone,
            by=by,
            segments=self.segments_of(segments, every),
            week_start=self.source.week_start,
            quarter_start=self.source.quarter_start,
        )
        return Formula(self, answer, every, tuple(step.label for step in steps))


def _words_of(measure: pl.Expr) -> str:
    """Name an expression by the column it makes."""
    return measure.meta.output_name(raise_if_undetermined=False) or "expression"
