"""Users who return: retention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit.analyses import retention as _retention
from replaykit.questions.asking import Asking
from replaykit.results import Retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit import timeline
    from replaykit.analyses.retention import RetentionMeasure
    from replaykit.analyses.return_index import Counting
    from replaykit.query import Step


@dataclass(frozen=True, eq=False, repr=False)
class Returns(Asking):
    """Follow users from their start to their returns."""

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

        Returns
        -------
        Retention
            `.table`: `cohort`, `time`, `offset`, `users`, `returned`, `value`
            (percent), `incomplete`. Rules: `spec/retention.md`.

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
            self._asked(self.steps(named)),
            start,
            back,
            measure=measure,
            every=every,
            counting=counting,
            brackets=brackets,
            depth=depth,
            span=self._span(),
            tz=self.source.zone,
            segment=self.segment or None,
            week_start=self.source.week_start,
        )
        return Retention(self, answer, every)
