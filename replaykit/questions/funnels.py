"""Funnels: who reaches each step, alone or side by side."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from replaykit.analyses import funnel as _funnel
from replaykit.analyses.funnel_plan import Exclusion
from replaykit.analyses.funnel_variants import compared_steps, optional_step
from replaykit.errors import BadInput, UnknownOption
from replaykit.query import Step, as_step
from replaykit.questions.asking import Asking, check_segments, remembered
from replaykit.results import Funnel, Funnels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replaykit.analyses.funnel_plan import (
        Count,
        ExactScope,
        Excluded,
        NewUsers,
        Order,
        Resolution,
    )
    from replaykit.questions.asking import Part


@dataclass(frozen=True, eq=False, repr=False)
class Funnelled(Asking):
    """Follow users from step to step."""

    @remembered
    def funnel(
        self,
        *steps: str | Step,
        within: str = "1d",
        order: Order = "this",
        by: str | Sequence[str] | None = None,
        by_step: tuple[int, str] | None = None,
        hold: str | Sequence[str] | None = None,
        exclude: Excluded | Sequence[Excluded] | None = None,
        count: Count = "uniques",
        resolution: Resolution = "1s",
        exact_scope: ExactScope = "active",
        new_users: NewUsers | None = None,
    ) -> Funnel:
        """Count the users who reach each step, within a window that opens at the first.

        A user enters with the first step inside the range and the filters of this
        handle; later steps may follow after the range. Of all paths of a user the
        longest counts, then the earliest entered. Rows of one second have no order, so
        either order converts.

        Parameters
        ----------
        steps
            2 to 10 names, or steps made by `rk.event`.
        within
            Time from the first step to the last, bound included: `"30m"`, `"7d"`.
        order
            `"this"`: anything may happen between. `"exact"`: nothing else may.
            `"any"`: all steps in any order inside one window.
        by
            Properties of the entry that make groups.
        by_step
            `(step, property)`: the value at that step instead.
        hold
            Properties that stay the same along a path; each value is a unit.
        exclude
            Events that a path may not pass: a name, a step, or
            `Exclusion(event, first, last)`.
        count
            `"uniques"` users, or `"totals"`: every attempt.
        resolution
            `"1s"`, or `"1ms"` to keep the order inside a second.
        exact_scope
            What breaks an exact path: other `"active"` events, or `"all"`.
        new_users
            `"any day"` or `"first day"`: only users new in the range.

        Returns
        -------
        Funnel
            `.table`: `step`, `event`, the groupings, `users`, `share` (of step 1),
            `step_share` (of the step before), `dropped_before`, `avg_time`,
            `median_time`. `.dropped(after=…)`, `.reached(…)`, `.converted()` are the
            users. Rules: `spec/funnel.md`.

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
        >>> checkout = events.funnel("Search", "Buy", within="7d")
        >>> checkout.table["users"].to_list()
        [2, 1]
        >>> list(checkout.dropped(after="Search"))
        ['ben']
        """
        read = self.steps(steps)
        avoided = self.steps(_excluded(exclude))
        answer = _funnel.funnel(
            self._asked([*read, *avoided], by, hold, by_step and by_step[1]),
            read,
            within=within,
            order=order,
            span=self._span(),
            segment=self.segment,
            by=by,
            by_step=by_step,
            hold=hold,
            exclude=exclude,
            count=count,
            resolution=resolution,
            exact_scope=exact_scope,
            new_users=new_users,
        )
        labels = tuple(answer.plan.labels)
        return Funnel(self, answer, labels, tuple(answer.plan.groups), within, order)

    def funnels(
        self,
        *steps: str | Step,
        optional: int | str | None = None,
        compare: Mapping[int, Sequence[str | Step]] | None = None,
        segments: Mapping[str, Part] | None = None,
        within: str = "1d",
        order: Order = "this",
        by: str | Sequence[str] | None = None,
        hold: str | Sequence[str] | None = None,
        exclude: Excluded | Sequence[Excluded] | None = None,
        count: Count = "uniques",
        resolution: Resolution = "1s",
        exact_scope: ExactScope = "active",
        new_users: NewUsers | None = None,
    ) -> Funnels:
        """Put funnels side by side that differ in one thing: a step, or whose they are.

        Each is an ordinary funnel over everybody who enters; a user may convert in
        several. Give one of `optional`, `compare` and `segments`.

        Parameters
        ----------
        steps
            As in `funnel`.
        optional
            A step, by number or label: one funnel with it and one without it. Never
            the first or the last.
        compare
            `{2: ["Browse", "Search"]}`: one funnel per event at that step, and per
            combination where several steps are named.
        segments
            Up to ten, by label, as in `segmentation`: conditions on the entry, users,
            or `"new"`: users whose first event lies in the range.
        within, order, by, hold, exclude, count, resolution, exact_scope, new_users
            As in `funnel`.

        Returns
        -------
        Funnels
            `.table` as of `funnel` with the funnel's name first, as `variant`;
            `funnels["with Add"]` is one of them. `.over_time()`, `.differences()`,
            `.significance()` compare them. Rules: `spec/funnel-measures.md` 7.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownOption, BadDuration, BadInput
            With what exists, and the nearest match.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ana", "ben", "ben"],
        ...         "time": [f"2026-03-01 {hour:02}:00" for hour in (9, 10, 11, 9, 10)],
        ...         "event": ["Search", "Add", "Buy", "Search", "Buy"],
        ...     }
        ... )
        >>> found = rk.events(log).funnels("Search", "Add", "Buy", optional="Add")
        >>> found.table.select("variant", "event", "users").rows()[-2:]
        [('without Add', 'Search', 2), ('without Add', 'Buy', 2)]
        """
        read = self.steps(steps)
        given = [optional is not None, compare is not None, segments is not None]
        if sum(given) != 1:
            raise BadInput(
                "funnels() compares funnels that differ in one thing: give one of "
                "optional=, compare= and segments=. A single funnel is funnel()."
            )
        asked = functools.partial(
            Funnelled.funnel,
            within=within,
            order=order,
            by=by,
            hold=hold,
            exclude=exclude,
            count=count,
            resolution=resolution,
            exact_scope=exact_scope,
        )
        if segments is not None:
            check_segments(segments)
            found = {
                label: asked(self.narrowed(label, part), *read, new_users=kind)
                for label, part in segments.items()
                for kind in [_kind(label, part, new_users)]
            }
            everywhere = range(1, len(read) + 1)
            return Funnels.of(found, dict.fromkeys(found, everywhere))
        if compare is not None:
            self.steps([one for at in compare.values() for one in at])
            variants = compared_steps(read, compare)
        else:
            variants = optional_step(read, optional or 0)
        places = {name: _places(read, chosen) for name, chosen in variants.items()}
        return Funnels.of(
            {
                name: asked(self, *chosen, new_users=new_users)
                for name, chosen in variants.items()
            },
            places,
        )


def _excluded(exclude: Excluded | Sequence[Excluded] | None) -> list[Step]:
    """Return the events that are excluded, wherever in the path."""
    if exclude is None:
        return []
    given = [exclude] if isinstance(exclude, str | Step | Exclusion) else exclude
    return [one.step if isinstance(one, Exclusion) else as_step(one) for one in given]


def _places(steps: Sequence[Step], chosen: Sequence[Step]) -> list[int]:
    """Return where each of the chosen steps stands among all of them, from 1."""
    if len(chosen) == len(steps):
        return [*range(1, len(steps) + 1)]
    rest = enumerate(steps, start=1)
    return [next(at for at, step in rest if step is one) for one in chosen]


def _kind(label: str, part: Part, new_users: NewUsers | None) -> NewUsers | None:
    """Return which new users a segment of funnels keeps."""
    if not isinstance(part, str):
        return new_users
    if part == "any":
        return new_users
    if part != "new" or new_users is not None:
        raise UnknownOption(
            f'segments={{{label!r}: {part!r}}}: the users of a funnel are "any" or '
            '"new" (beside no new_users=), a condition, or a set of users.'
        )
    return "any day"
