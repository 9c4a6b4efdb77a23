"""Counts over time: segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit.analyses import segmentation as _segmentation
from replaykit.questions.asking import Asking
from replaykit.results import Segmentation

if TYPE_CHECKING:
    import polars as pl

    from replaykit import timeline
    from replaykit.analyses.measures import Aggregate, Measure
    from replaykit.analyses.properties import Bins, By, Items
    from replaykit.query import Step


@dataclass(frozen=True, eq=False, repr=False)
class Counts(Asking):
    """Count events over time."""

    def segmentation(
        self,
        *events: str | Step,
        measure: Measure = "uniques",
        of: str | pl.Expr | None = None,
        aggregate: Aggregate | None = None,
        bins: Bins | None = None,
        every: timeline.Interval = "1d",
        by: By = None,
        segment_by: By = None,
        top: int | None = None,
        over: str | None = None,
        items: Items = "all",
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
            `"property"` an aggregate of a property.
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

        Returns
        -------
        Segmentation
            `.table`: `event` String, the groupings String, `time` Datetime in the
            project's zone, `value`, `incomplete` Boolean. Rules:
            `spec/segmentation.md`.

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
        answer = _segmentation.segmentation(
            self._asked(steps, by, segment_by, of),
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
            segments=self.segment or None,
            over=over,
            items=items,
            week_start=self.source.week_start,
        )
        return Segmentation(self, answer, measure, every)
