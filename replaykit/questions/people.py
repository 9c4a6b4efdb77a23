"""Users by what they did, had or were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from replaykit.analyses import cohorts
from replaykit.cohort_rules import Asked, columns_of
from replaykit.errors import BadInput, UnknownOption
from replaykit.query import Step
from replaykit.questions.asking import Asking, names_in
from replaykit.wording import duration_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit import timeline
    from replaykit.analyses.cohort_clauses import Clause, Counted, When
    from replaykit.cohort_rules import Rule
    from replaykit.query import Value
    from replaykit.users import Users


@dataclass(frozen=True, eq=False, repr=False)
class People(Asking):
    """Name users; sets of them are joined with `&`, `|` and `-`."""

    def users_who(
        self,
        event: str | Step,
        *,
        at_least: float = 1,
        at_most: float | None = None,
        counting: Counted = "rows",
        of: str | pl.Expr | None = None,
        every: timeline.Interval = "1d",
        more_than: str | Step | None = None,
        within: str | None = None,
        then: str | Step | Sequence[str | Step] = (),
    ) -> Users:
        """Return the users who did something in the range, so many times.

        Rows in the range and the filters of this handle count. Users who did *not* do
        it are a difference: `events.everyone() - events.users_who("Buy")`.

        Parameters
        ----------
        event
            A name, or a step made by `rk.event`; `rk.event("Play").nth(3)` is the third
            time ever.
        at_least, at_most
            How many times, bounds included.
        counting
            What is counted: `"rows"`; the `"sum"` of the property `of` or its
            `"distinct"` values; distinct `"intervals"` with a row, as long as `every`.
        of, every
            The property; the interval, in the project's zone.
        more_than
            Compare with another event instead of a number: more rows than of this one.
        within
            Only rows so long after the user's first event ever, bound included: `"7d"`
            is 168 hours.
        then
            What they did strictly later, once or more: an event, or several in turn.

        Returns
        -------
        Users
            Each with the rows that count: the window runs from the first to the last,
            and a replay opens at the first. Rules: `spec/cohorts.md`.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownOption, BadDuration
            With what exists, and the nearest match.
        BadInput
            If users without a single row are asked for.

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
        >>> list(events.users_who("Search", then="Buy"))
        ['ana']
        >>> list(events.users_who("Search") - events.users_who("Buy"))
        ['ben']
        """
        later = [then] if isinstance(then, str | Step) else list(then)
        step, *rest = self.steps([event, *later])
        others = self.steps([] if more_than is None else [more_than])
        _check_bounds(at_least, at_most, counting, more_than)
        options: dict[str, Any] = {"counting": counting, "of": of, "every": every}
        options |= {"within": within, "at_most": at_most}
        times = f">= {at_least:.12g}"
        if more_than is not None:
            options, times = {"versus": others[0], "within": within}, ">"
        clause = cohorts.performed(step, times, **options)
        chain = clause.then(*map(cohorts.performed, rest)) if rest else clause
        words = [f"did {step.label}", _often(at_least, at_most, counting, of)]
        words += [f"more often than {others[0].label}"] if others else []
        if within is not None:
            words.append(f"within {duration_words(within)} of their first event")
        words += [f"then {one.label}" for one in rest]
        return self.members_of(chain, " ".join(filter(None, words)))

    def users_whose(
        self, *predicates: pl.Expr, when: When = "last", **equals: Value
    ) -> Users:
        """Return the users who had a property: most recently, or at any time.

        Parameters
        ----------
        predicates
            Conditions as polars spells them; all must hold on one row.
        when
            `"last"`: on the user's last active event in the range, where a missing
            number counts as 0. `"any"`: on some event in the range, active or not.
        equals
            `plan="pro"`; a list means any of its values, `None` a missing one.

        Returns
        -------
        Users
            Each with the rows on which the property was had. Rules: `spec/cohorts.md`.

        Raises
        ------
        UnknownProperty, UnknownOption
            With what exists, and the nearest match.
        BadInput
            If there is no condition.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> from datetime import datetime
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ben"],
        ...         "time": [datetime(2026, 3, 1, hour) for hour in (9, 10, 11)],
        ...         "event": ["Search", "Buy", "Search"],
        ...         "plan": ["free", "pro", "free"],
        ...     }
        ... )
        >>> events = rk.events(log)
        >>> list(events.users_whose(plan="pro"))
        ['ana']
        >>> list(events.users_whose(pl.col("plan") == "free", when="any"))
        ['ana', 'ben']
        """
        read = self.read(*predicates, **equals)
        if not read:
            raise BadInput(
                "users_whose() needs a condition: users_whose(plan='pro'). All users "
                "are events.everyone()."
            )
        words = [f"{name}={value!r}" for name, value in equals.items()]
        words += [f"as asked of {name}" for name in sorted(names_in(predicates))]
        label = f"{'ever' if when == 'any' else 'last'} {', '.join(words)}"
        clause = cohorts.had(pl.all_horizontal(read), when)
        return self.members_of(clause, label)

    def active_users(self) -> Users:
        """Return the users with an active event in the range.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ben"],
        ...         "time": ["2026-03-01", "2026-03-02 09:00", "2026-03-02"],
        ...         "event": ["Search", "Buy", "Search"],
        ...         "plan": ["pro", "pro", None],
        ...     }
        ... )
        >>> list(rk.events(log).between("2026-03-01", "2026-03-01").active_users())
        ['ana']
        """
        return self.members_of(cohorts.active(), "active")

    def new_users(self) -> Users:
        """Return the users whose first event ever, active or not, is in the range.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ben"],
        ...         "time": ["2026-03-01", "2026-03-02 09:00", "2026-03-02"],
        ...         "event": ["Search", "Buy", "Search"],
        ...         "plan": ["pro", "pro", None],
        ...     }
        ... )
        >>> list(rk.events(log).between("2026-03-02", "2026-03-02").new_users())
        ['ben']
        """
        return self.members_of(cohorts.new(), "new")

    def everyone(self) -> Users:
        """Return all users with an event in the range, at their first one.

        Examples
        --------
        >>> import polars as pl
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {
        ...         "user": ["ana", "ana", "ben"],
        ...         "time": ["2026-03-01", "2026-03-02 09:00", "2026-03-02"],
        ...         "event": ["Search", "Buy", "Search"],
        ...         "plan": ["pro", "pro", None],
        ...     }
        ... )
        >>> list(rk.events(log).everyone())
        ['ana', 'ben']
        """
        inside = self.span.holds(pl.col("time"))
        rows = self.rows(names_in(self.segment)).filter(inside, *self.segment)
        return self.users(cohorts.spans_of(rows), "everyone", self._rule(None))

    def members_of(self, clause: Clause, label: str) -> Users:
        """Return the users of a clause, as `users_who` and its like make them."""
        read = [pl.col(name) for name in columns_of(clause)]
        found = cohorts.population(
            self._asked(clause.steps, read),
            clause,
            span=self._span(),
            calendar=self.calendar,
            segment=self.segment,
        )
        return self.users(found, label, self._rule(clause))

    def _rule(self, clause: Clause | None) -> Rule | None:
        """Return how these users were asked for; among other users, nothing can."""
        if self.people is not None:
            return None
        return Asked(clause, self.span, self.recent, self.segment)


def _check_bounds(
    at_least: float,
    at_most: float | None,
    counting: Counted,
    more_than: str | Step | None,
) -> None:
    """Refuse bounds that mean nobody, or users without a row."""
    if more_than is not None and (at_least, at_most, counting) != (1, None, "rows"):
        raise UnknownOption(
            "at_least=, at_most= and counting= have no effect beside more_than=, which "
            "compares the rows of two events."
        )
    if counting == "sum":
        return
    for name, bound in (("at_least", at_least), ("at_most", at_most)):
        if bound is not None and bound < 1:
            raise BadInput(
                f"{name}={bound!r}: users who did not do it are "
                "events.everyone() - events.users_who(…)."
            )
    if at_most is not None and at_most < at_least:
        raise BadInput(f"at_least={at_least!r} is more than at_most={at_most!r}.")


def _often(
    at_least: float, at_most: float | None, counting: Counted, of: str | pl.Expr | None
) -> str:
    """Say how often, as a label does."""
    noun = {
        "rows": "times",
        "intervals": "intervals",
        "sum": f"in {of}",
        "distinct": f"values of {of}",
    }[counting]
    if (at_least, at_most, counting) == (1, None, "rows"):
        return ""
    if at_most is None:
        return f"at least {at_least:g} {noun}"
    if at_least == at_most:
        return f"exactly {at_least:g} {noun}"
    return f"{at_least:g} to {at_most:g} {noun}"
