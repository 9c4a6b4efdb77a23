"""Visits: sessions, counted and timed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit.analyses import sessions as _sessions
from replaykit.questions.asking import Asking
from replaykit.results import Sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit import timeline
    from replaykit.analyses.properties import Bins, By
    from replaykit.analyses.session_query import Edge, ValuesOf
    from replaykit.analyses.session_rules import LengthFrom, SessionRule
    from replaykit.analyses.session_values import SessionMeasure
    from replaykit.query import Step


@dataclass(frozen=True, eq=False, repr=False)
class Visits(Asking):
    """Count and time sessions."""

    def sessions(
        self,
        *,
        measure: SessionMeasure = "total",
        every: timeline.Interval = "1d",
        by: By = None,
        by_value: Edge = "first",
        values_of: ValuesOf = "session",
        top: int | None = None,
        containing: Step | str | None = None,
        times: str | None = None,
        length: str | None = None,
        first: Mapping[str, object] | None = None,
        last: Mapping[str, object] | None = None,
        counting: Step | str | None = None,
        bins: Bins | None = None,
        rule: SessionRule | None = None,
        length_from: LengthFrom = "client time",
    ) -> Sessions:
        """Count and time the sessions that start in each interval.

        A session is a user's active rows of one session id, after the filters of this
        handle. It belongs to the interval of its start; one longer than a day counts
        nowhere. Lengths are in seconds.

        Parameters
        ----------
        measure
            `"total"`, `"length"`, `"average length"`, `"length distribution"`,
            `"time per user"`, `"per user"`; and with `counting`: `"events"`,
            `"events per session"`, `"events distribution"`.
        every
            Civil interval in the project's zone.
        by, by_value, values_of, top
            Group by a property's first or last value in the session.
        containing, times
            Only sessions with this event, this often (`times="= 1"`).
        length
            Only sessions of this length: `">= 1m"`.
        first, last
            Only sessions whose first or last value of a property is this.
        counting
            The event that the measures of events count.
        bins
            Of distributions: `(min, max, size)` or a list of ranges.
        rule
            A session definition of your own, instead of the ids.
        length_from
            `"client time"`, or `"session id"`: from the start that the id names.

        Returns
        -------
        Sessions
            `.table`: the groupings, `time`, `value`, `incomplete`. Rules:
            `spec/sessions.md`.

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
        ...         "uid": ["ana", "ana", "ben"],
        ...         "ts": [datetime(2026, 3, 1, 9, minute) for minute in (0, 5, 7)],
        ...         "name": ["Search", "Buy", "Search"],
        ...         "visit": ["a", "a", "b"],
        ...     }
        ... )
        >>> names = {"user": "uid", "time": "ts", "event": "name", "session": "visit"}
        >>> events = rk.events(log, **names)
        >>> events.sessions(measure="average length").table["value"].to_list()
        [150.0]
        """
        named = [step for step in (containing, counting) if step is not None]
        edges = [*(first or {}), *(last or {})]
        constant = rule.same if rule is not None else None
        answer = _sessions.sessions(
            self._asked(self.steps(named), by, edges, constant),
            measure=measure,
            every=every,
            span=self._span(),
            tz=self.source.zone,
            by=by,
            by_value=by_value,
            values_of=values_of,
            top=top,
            segments=self.segment or None,
            containing=containing,
            times=times,
            length=length,
            first=first,
            last=last,
            counting=counting,
            bins=bins,
            rule=rule,
            length_from=length_from,
            week_start=self.source.week_start,
            quarter_start=self.source.quarter_start,
        )
        return Sessions(self, answer, measure, every)
