"""Visits: sessions, counted and timed, and formulas over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit.analyses import sessions as _sessions
from replaykit.analyses.session_formulas import session_formulas
from replaykit.questions.asking import Asking, remembered
from replaykit.results import Formula, Sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit import timeline
    from replaykit.analyses.properties import Bins, By
    from replaykit.analyses.session_query import Edge, ValuesOf
    from replaykit.analyses.session_rules import LengthFrom, SessionRule
    from replaykit.analyses.session_values import SessionMeasure
    from replaykit.query import Step
    from replaykit.questions.asking import Part


@dataclass(frozen=True, eq=False, repr=False)
class Visits(Asking):
    """Count and time sessions."""

    @remembered
    def sessions(
        self,
        *,
        measure: SessionMeasure = "total",
        every: timeline.Interval = "1d",
        by: By = None,
        by_value: Edge = "first",
        values_of: ValuesOf = "session",
        top: int | None = None,
        segments: Mapping[str, Part] | None = None,
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
            Group by a property's first or last value in the session that is not
            missing; `values_of="matched"` looks only at the rows of `containing`.
        segments
            As in `segmentation`; conditions hold before sessions are formed.
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
            self._asked(self.steps(named), by, edges, constant, segments),
            measure=measure,
            every=every,
            span=self._span(),
            tz=self.source.zone,
            by=by,
            by_value=by_value,
            values_of=values_of,
            top=top,
            segments=self.segments_of(segments, every),
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

    def session_formula(self, text: str, *sessions: Sessions) -> Formula:
        """Calculate with several counts of sessions, per interval.

        Parameters
        ----------
        text
            Up to ten expressions separated by `;`, of `SESSIONTOTALS(A)`, `UNIQUES(A)`
            (users with such a session), `EVENTTOTALS(A)` (their events), `PROPSUM(A)`,
            `PROPAVG(A)`, `PROPMIN(A)`, `PROPMAX(A)` (lengths in seconds), with
            `+ - * / ( )` and the functions of values. `%:` in front means percent.
        sessions
            What the letters A, B, C … stand for: answers of `sessions`, with the same
            intervals and groups.

        Returns
        -------
        Formula
            As of `formula`; a term names the users of its sessions.

        Raises
        ------
        BadInput
            With a caret under the spot that cannot be read.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ben"],
        ...         "time": [f"2026-03-01 09:0{minute}" for minute in (0, 5, 7)],
        ...         "event": ["Search", "Buy", "Search"],
        ...         "visit": ["a", "a", "b"],
        ...     }
        ... )
        >>> events = rk.events(log, session="visit")
        >>> bounced = events.sessions(containing="Search", length="= 0s")
        >>> rate = "%:SESSIONTOTALS(B)/SESSIONTOTALS(A)"
        >>> found = events.session_formula(rate, events.sessions(), bounced)
        >>> found.total["value"].to_list()
        [50.0]
        """
        found = session_formulas(text, [one.answer for one in sessions])
        every = sessions[0].every
        return Formula(self, found, every, tuple(one.words for one in sessions))
