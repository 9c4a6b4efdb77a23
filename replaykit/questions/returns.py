"""Users who return: retention, usage and lifetime value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit.analyses import retention as _retention
from replaykit.analyses.lifetime_value import lifetime_value as _lifetime_value
from replaykit.analyses.usage import usage as _usage
from replaykit.questions.asking import Asking, remembered
from replaykit.results import LifetimeValue, Retention, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from replaykit import timeline
    from replaykit.analyses.properties import By
    from replaykit.analyses.retention import RetentionMeasure
    from replaykit.analyses.return_index import Counting
    from replaykit.query import Step


@dataclass(frozen=True, eq=False, repr=False)
class Returns(Asking):
    """Follow users from their start to their returns."""

    @remembered
    def retention(
        self,
        *,
        start: str | Step | None = None,
        back: str | Step | None = None,
        measure: RetentionMeasure = "on",
        every: timeline.Interval = "1d",
        counting: Counting = "24 hours",
        brackets: Sequence[tuple[int, int]] | None = None,
        depth: int | None = None,
        by: By = None,
    ) -> Retention:
        """Count the users of each cohort who come back after their start.

        Range and filters of this handle bind the start. Who starts in several
        intervals is in several cohorts; a return is not earlier than the start.

        Parameters
        ----------
        start
            What puts a user into a cohort; by default the first event of new users.
        back
            What counts as a return; by default any active event.
        measure
            `"on"`, `"on or after"`, `"on or before"` an index; `"custom"` brackets.
        every
            Interval of cohorts and indices.
        counting
            `"24 hours"`: a day is 24 hours from the hour of the start. `"calendar"`:
            differences of dates.
        brackets
            For `"custom"`: `[(first, end), …]`, `end` not included.
        depth
            How many indices; by default all that have begun.
        by
            Properties to group by, as of the start; each group is a table of its own.

        Returns
        -------
        Retention
            `.table`: the groupings String, `cohort` ("all" for everybody), `time`,
            `offset`, `bracket` (custom ones), `users`, `returned`, `value` (percent),
            `incomplete`. A point are those who came back, or who did not:
            `.point(cohort="2026-03-01", index=7, outcome="lost")`. `.drawn("curve")`
            and `.drawn("over time")` show the same cells as lines. Rules:
            `spec/retention.md`.

        Raises
        ------
        UnknownEvent, UnknownOption
            With what exists, and the nearest match.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "uid": ["ana", "ana", "ben"],
        ...         "ts": [datetime(2026, 3, day) for day in (1, 2, 1)],
        ...         "name": ["Sign up", "Buy", "Sign up"],
        ...     }
        ... )
        >>> events = rk.events(log, user="uid", time="ts", event="name")
        >>> found = events.retention(start="Sign up", back="Buy")
        >>> found.table.filter(cohort="2026-03-01")["returned"].to_list()
        [0, 1]
        """
        named = [one for one in (start, back) if one is not None]
        answer = _retention.retention(
            self._asked(self.steps(named), by),
            start,
            back,
            measure=measure,
            every=every,
            counting=counting,
            brackets=brackets,
            depth=depth,
            span=self._span(),
            tz=self.source.zone,
            by=by,
            segment=self.segment or None,
            week_start=self.source.week_start,
            quarter_start=self.source.quarter_start,
        )
        return Retention(self, answer, every)

    def usage(self, event: str | Step, *, every: timeline.Interval = "1d") -> Usage:
        """Count users by the median gap between the days they did something.

        Only users with the event in two or more distinct intervals have gaps; the
        others are left out.

        Parameters
        ----------
        event
            A name, or a step made by `rk.event`.
        every
            The interval, in the project's zone.

        Returns
        -------
        Usage
            `.table`: `units`, `users`, `value` (percent of those with gaps);
            `.point(7)` are those who come by every 7 units or sooner.

        Raises
        ------
        UnknownEvent, BadDuration
            With what exists, and the nearest match.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ana"],
        ...         "time": [datetime(2026, 3, day) for day in (1, 2, 5)],
        ...         "event": ["Play", "Play", "Play"],
        ...     }
        ... )
        >>> rk.events(log).usage("Play").gaps["median"].to_list()
        [2.0]
        """
        (step,) = self.steps([event])
        answer = _usage(
            self._asked([step]),
            step,
            every=every,
            span=self._span(),
            tz=self.source.zone,
            segment=self.segment or None,
            week_start=self.source.week_start,
            quarter_start=self.source.quarter_start,
        )
        return Usage.of(self, answer, every)

    def lifetime_value(
        self,
        *,
        of: str | pl.Expr,
        start: str | Step | None = None,
        back: str | Step | None = None,
        every: timeline.Interval = "1d",
        counting: Counting = "24 hours",
        depth: int | None = None,
    ) -> LifetimeValue:
        """Sum a property over each user's first n intervals, per cohort.

        Range and filters of this handle bind the start; a user is in the cohort of its
        first one.

        Parameters
        ----------
        of
            The property, such as `"revenue"`; only numbers take part.
        start
            What puts a user into a cohort; by default the first event of new users.
        back
            The event whose property is summed; by default any active one.
        every, counting, depth
            As in `retention`.

        Returns
        -------
        LifetimeValue
            `.table`: `intervals` (the first n), `cohort` (`"all"`: the mature ones),
            `time`, `users`, `paying`, `revenue`, `value` (per user), `value_paying`,
            `mature`.
            `.point(cohort="2026-03-01", intervals=7, paying=True)` opens its users.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownOption
            With what exists, and the nearest match.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana"],
        ...         "time": [datetime(2026, 3, 1), datetime(2026, 3, 2)],
        ...         "event": ["Sign up", "Buy"],
        ...         "price": [None, 5.0],
        ...     }
        ... )
        >>> worth = rk.events(log).lifetime_value(of="price", start="Sign up", depth=2)
        >>> worth.table.filter(cohort="2026-03-01")["revenue"].to_list()
        [0.0, 5.0]
        """
        named = [one for one in (start, back) if one is not None]
        answer = _lifetime_value(
            self._asked(self.steps(named), of),
            start,
            back,
            of=of,
            every=every,
            counting=counting,
            depth=depth,
            span=self._span(),
            tz=self.source.zone,
            segment=self.segment or None,
            week_start=self.source.week_start,
            quarter_start=self.source.quarter_start,
        )
        return LifetimeValue.of(self, answer, every)
