"""Journeys: what users do after an event, before one, or between two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit.analyses import journeys as _journeys
from replaykit.analyses.sequences import sequences as _sequences
from replaykit.query import Step, as_step
from replaykit.questions.asking import Asking, remembered
from replaykit.results import Journeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from replaykit.analyses.journey_paths import PathCount
    from replaykit.analyses.sequences import SequenceWithin


@dataclass(frozen=True, eq=False, repr=False)
class Journeyed(Asking):
    """Follow users from event to event."""

    @remembered
    def journeys(
        self,
        *,
        start: str | Step | None = None,
        end: str | Step | None = None,
        within: str = "1d",
        count: PathCount = "users",
        depth: int | None = 5,
        top: int | None = 5,
        below: float | None = None,
        collapse: bool = False,
        expand: Mapping[str, str | Sequence[str]] | None = None,
        custom: Mapping[str, str | Step] | None = None,
        hide: str | Step | Sequence[str | Step] = (),
        only: str | Step | Sequence[str | Step] = (),
        exclude: str | Step | Sequence[str | Step] = (),
        through: str | Step | Sequence[str | Step] = (),
        inactive: bool = False,
        drop_common: float | None = None,
        keep: str | Sequence[str] = (),
    ) -> Journeys:
        """Follow what users do after `start`, before `end`, or between the two.

        Range and filters of this handle bind the anchor: the first `start` (or `end`)
        of each user. Its path are the rows that follow within the window, in time
        order. Shares are of all paths, never of the step before.

        Parameters
        ----------
        start, end
            An event, or a step made by `rk.event`; with both, a path ends at `end`.
        within
            Time after (before) the anchor, or `"session"`.
        count
            `"users"`, `"paths"` (every anchor) or `"sessions"`.
        depth, top, below
            Steps of the tree; children per node and least share, the rest is `Other`.
        collapse
            Neighbours with one label become one node.
        expand
            `{event: property}`: a node per value; `"*"` is every event.
        custom
            `{label: event}`: nodes that stand in for several events.
        hide, only, exclude
            Events not shown; the only ones shown; rows not shown.
        through
            Keep paths in which each of these occurs.
        inactive
            Show inactive events too.
        drop_common, keep
            Leave out this share of the event names (0 to 1), those that most paths
            hold: lowest ln(paths / paths with the event) first. `keep` are never left
            out; `hide` always.

        Returns
        -------
        Journeys
            `.table`: `node`, `parent`, `step`, `path`, `event`, `kind`, `users`,
            `share`. `.paths`, `.map()` are whole paths, `.levels` joins equal events
            of a step, `.differences(other)` compares two populations, `.funnel(…)`
            asks a node's path as a funnel. Rules: `spec/journeys.md`.

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
        >>> events.journeys(start="Search").table.select("event", "users").rows()
        [('Search', 2), ('Buy', 1), ('Dropped off', 1), ('Dropped off', 1)]
        """
        named = _steps_in(start, end, hide, only, exclude, through, custom)
        expanded = {} if expand is None else dict(expand)
        kept = (keep,) if isinstance(keep, str) else tuple(keep)
        self.steps([*expanded, *kept])
        answer = _journeys.journeys(
            self._asked(self.steps(named), list(expanded.values())),
            start=start,
            end=end,
            span=self._span(),
            segment=self.segment,
            within=within,
            count=count,
            depth=depth,
            top=top,
            below=below,
            collapse=collapse,
            expand=expand,
            custom=custom,
            hide=hide,
            only=only,
            exclude=exclude,
            through=through,
            inactive=inactive,
            drop_common=drop_common,
            keep=kept,
        )
        return Journeys(self, answer, _journey_title(start, end), count)

    def sequences(
        self,
        length: int = 5,
        *,
        within: SequenceWithin = "session",
        inactive: bool = False,
        top: int | None = 100,
    ) -> pl.DataFrame:
        """Count the sequences of events that directly follow each other.

        Sequences overlap: each event in the range and the filters of this handle begins
        one, if enough others follow it.

        Parameters
        ----------
        length
            Events in a sequence.
        within
            `"session"`: inside one session, whatever happens in others meanwhile;
            `"user"`: over all rows of a user.
        inactive
            Whether inactive events count.
        top
            How many sequences; None for all.

        Returns
        -------
        DataFrame
            `path` List(String) and `times` Int64; most frequent first, ties by name.

        Raises
        ------
        UnknownOption, BadInput
            With what exists; if `length` is below 1.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ana"],
        ...         "time": [f"2026-03-01 1{hour}:00" for hour in (0, 1, 2)],
        ...         "event": ["Search", "Search", "Buy"],
        ...     }
        ... )
        >>> rk.events(log).sequences(2, within="user").rows()
        [(['Search', 'Buy'], 1), (['Search', 'Search'], 1)]
        """
        return _sequences(
            self._asked([]),
            length,
            within=within,
            span=self._span(),
            segment=self.segment,
            inactive=inactive,
            top=top,
        )


def _steps_in(*options: object) -> list[str | Step]:
    """Return the events that options name, alone, in lists or as values of a dict."""
    found: list[str | Step] = []
    for one in options:
        if isinstance(one, str | Step):
            found.append(one)
        elif isinstance(one, Mapping):
            found += _steps_in(*one.values())
        elif isinstance(one, Iterable):
            found += _steps_in(*one)
    return found


def _journey_title(start: str | Step | None, end: str | Step | None) -> str:
    labels = [None if one is None else as_step(one).label for one in (start, end)]
    match labels:
        case [str() as first, str() as last]:
            return f"Journeys from {first} to {last}"
        case [str() as first, None]:
            return f"Journeys from {first}"
        case [_, last]:
            return f"Journeys to {last}"
    return "Journeys"
