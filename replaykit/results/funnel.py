"""A funnel, as a result: its steps, who reached them, and what more it tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from replaykit import charts
from replaykit.analyses import funnel_measures as measures
from replaykit.analyses.drivers import Tab, drivers
from replaykit.analyses.funnel_variants import differences
from replaykit.analyses.significance import compared, improvements
from replaykit.errors import BadInput, UnknownPoint, did_you_mean
from replaykit.points import FunnelKey, Outcome, PointKey
from replaykit.replies import Point as PointWords
from replaykit.results.conversion import (
    ConversionFrequency,
    ConversionOverTime,
    ConversionTimes,
)
from replaykit.results.result import Result, group_code, group_of, group_words
from replaykit.schema import COLUMNS
from replaykit.wording import duration_words, span_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go
    import polars as pl

    from replaykit import timeline
    from replaykit.analyses.funnel import FunnelAnswer
    from replaykit.results.opened import Opened
    from replaykit.users import Users


@dataclass(frozen=True, eq=False, repr=False)
class Funnel(Result):
    """Who reached each step, and who was lost before it."""

    answer: FunnelAnswer
    steps: tuple[str, ...]
    by: tuple[str, ...]
    within: str
    order: str

    @property
    def paths(self) -> pl.DataFrame:
        """The chosen path of every unit that enters.

        `user` String, the held properties, the groupings, `depth` Int64 (steps
        reached), `times` List(Datetime UTC) and `rows` List(Int64) of the steps.
        """
        return self.events.source.named(self.answer.units)

    def chart(self) -> go.Figure:
        """Return bars: reached in solid, lost on the way hatched above."""
        window = duration_words(self.within)
        how = {"this": "in this order", "any": "in any order", "exact": "exactly so"}
        title = f"Funnel · {len(self.steps)} steps {how[self.order]}, within {window}"
        return charts.funnel_chart(self.table, by=self.by, title=title)

    def point(
        self,
        step: str | int,
        *,
        outcome: Outcome = "reached",
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open a bar: the units that reached a step, or that were lost before it.

        Parameters
        ----------
        step
            The step's label, or its number from 1.
        outcome
            `"reached"`, or `"dropped"`: reached the step before and not this one.
        by
            The value of the grouping, or one value per grouping, `"(none)"` for a
            missing one; by default all groups together.
        """
        group = () if by is None else group_of(self.table, self.by, by)
        return self.open(FunnelKey(self._step(step), outcome, group))

    def _recorded(self, key: PointKey) -> pl.DataFrame | None:
        answer = self.answer.recorded
        if answer is None or not isinstance(key, FunnelKey):
            return None
        return answer.population(key)

    def _counted(self, key: PointKey) -> int | None:
        return self.answer.users_at(key) if isinstance(key, FunnelKey) else None

    def reached(
        self, step: str | int, *, by: str | Sequence[str | None] | None = None
    ) -> Users:
        """Return the units that reached a step."""
        return self.point(step, by=by).users

    def converted(self, *, by: str | Sequence[str | None] | None = None) -> Users:
        """Return the units that reached the last step."""
        return self.point(len(self.steps), by=by).users

    def dropped(
        self, *, after: str | int, by: str | Sequence[str | None] | None = None
    ) -> Users:
        """Return the units that reached a step and not the next."""
        step = self._step(after)
        if step == len(self.steps):
            raise UnknownPoint(
                f"{self.steps[-1]!r} is the last step; nobody drops after it. "
                "converted() returns those who reached it."
            )
        return self.point(step + 1, outcome="dropped", by=by).users

    # ── measures ──────────────────────────────────────────────────────────────
    def over_time(
        self,
        every: timeline.Interval = "1d",
        *,
        pairs: bool = False,
        first: int | str = 1,
        last: int | str | None = None,
    ) -> ConversionOverTime:
        """Measure conversion per interval of the entry.

        Parameters
        ----------
        every
            Civil interval in the project's zone. A user is counted in every interval
            it enters in.
        pairs
            Also every pair of neighbouring steps, beside the whole funnel.
        first, last
            Two steps, by label or number from 1, instead of the whole funnel.

        Returns
        -------
        ConversionOverTime
            `.table`: `time`, the groupings, `first` and `last` (steps), `entered`,
            `converted`, `share`, `median_time` Duration, `incomplete` (entries may
            still convert). A point names those who converted, entered or dropped.
        """
        pair = (
            self._step(first),
            len(self.steps) if last is None else self._step(last),
        )
        found = measures.over_time(
            self.answer,
            every,
            pairs=pairs,
            between=pair,
            week_start=self.events.source.week_start,
            quarter_start=self.events.source.quarter_start,
        )
        return ConversionOverTime.of(
            self.events, found, self.steps, by=self.by, every=every, whole=pair
        )

    def time_to_convert(
        self,
        *,
        first: int | str = 1,
        last: int | str | None = None,
        bins: tuple[str | int, str | int, str] | None = None,
    ) -> ConversionTimes:
        """Measure how long converted units take from one step to a later one.

        Parameters
        ----------
        first, last
            The steps, by label or number from 1; the whole funnel by default.
        bins
            `(lowest, highest, size)` such as `(0, "10m", "2m")`; by default at most
            150 bins over the window.

        Returns
        -------
        ConversionTimes
            `.table`: `low`, `high` Duration of a bin `[low, high)`, `users`, `share` of
            those in the bins. `.times`: one line per unit. `.median`, `.mean`. A point
            is a bin: `.point("10m", "20m")`.
        """
        begin = self._step(first)
        end = None if last is None else self._step(last)
        found = measures.time_to_convert(self.answer, first=begin, last=end, bins=bins)
        span = f"{self.steps[begin - 1]} to {self.steps[found.last - 1]}"
        return ConversionTimes.of(self.events, found, span)

    def frequency(self, step: int | str = 1) -> ConversionFrequency:
        """Count how often units did a step before they reached the next one.

        Parameters
        ----------
        step
            The step, by label or number from 1; not the last.

        Returns
        -------
        ConversionFrequency
            `.table`: `times` Int64 (from 1), `users`, `share` of those who reached the
            next step. `.units`: one line per unit. `.median`. A point is a number of
            times: `.point(2)`.
        """
        number = self._step(step)
        found = measures.frequency(self.answer, number)
        told = ConversionFrequency.of(self.answer, found, number)
        return ConversionFrequency(self.events, told, self.steps[number - 1])

    def sum_at_end(self, name: str) -> float:
        """Sum a property over the last rows of converting paths.

        Only numbers and numeric text take part.

        Raises
        ------
        UnknownProperty
            With the nearest name.
        """
        log = self.events.pieces({*self.answer.log.schema.names(), name})
        return measures.property_at_end(replace(self.answer, log=log), name)

    def significance(
        self, *, baseline: str | None = None, against: Funnel | None = None
    ) -> pl.DataFrame:
        """Say whether conversions differ by more than chance (Welch's t-test, 95 %).

        Parameters
        ----------
        baseline
            Of a grouped funnel: the group that the others are compared with; the
            first by default.
        against
            Of a funnel without groups: the funnel to compare with.

        Returns
        -------
        DataFrame
            `variant`, `entered`, `converted`, `conversion`, `difference`,
            `improvement` (relative), `t`, `p_value`, `significance`, `significant`;
            null on the baseline's line.
        """
        if against is not None:
            if baseline is not None:
                raise BadInput("baseline= names a group; against= a whole funnel.")
            both = {"baseline": against.answer, "this funnel": self.answer}
            return improvements(both)
        if not self.by or self.answer.plan.count != "uniques":
            raise BadInput(
                "Significance compares unique users of groups: ask the funnel with "
                "by=, or give significance(against=another_funnel)."
            )
        counts = {
            " · ".join("(none)" if one is None else one for one in group): (
                int(part["users"][0]),
                int(part["users"][-1]),
            )
            for group, part in self.table.group_by(*self.by, maintain_order=True)
        }
        return compared(counts, baseline)

    def drivers(
        self,
        *,
        first: int | str = 1,
        last: int | str | None = None,
        tab: Tab = "converted",
        by: str | Sequence[str] = (),
    ) -> pl.DataFrame:
        """Correlate every other event between two steps with conversion.

        Parameters
        ----------
        first, last
            The steps, by label or number from 1; the whole funnel by default.
        tab
            `"converted"`, or `"dropped"`: whose behaviour is shown.
        by
            Up to three properties; each combination is an event of its own.

        Returns
        -------
        DataFrame
            `event`, the properties, `did_converted`, `did_dropped`, `not_converted`,
            `not_dropped` (units), `correlation` (phi, from -1 to 1), `frequency` (mean
            count), `did_share`, `avg_time` Duration; the strongest first. Correlation
            is not a cause.
        """
        wanted = {by} if isinstance(by, str) else set(by)
        held = set(self.answer.log.schema.names()) - set(COLUMNS)
        log = self.answer.log
        if wanted - held:
            log = self.events.pieces(held | wanted)
        return drivers(
            replace(self.answer, log=log),
            first=self._step(first),
            last=None if last is None else self._step(last),
            tab=tab,
            by=by,
        )

    def takeaways(self) -> dict[str, str | float | None]:
        """Name conversion, the largest drop-off by count, and the slowest step."""
        return measures.takeaways(self.answer)

    def differences(self, baseline: Funnel) -> pl.DataFrame:
        """Compare step by step with a funnel of as many steps, neither grouped.

        Columns: `step`, `event`, `share`, `baseline`, `points`, `relative`.
        """
        return differences(self.answer, baseline.answer)

    def _step(self, step: str | int) -> int:
        if isinstance(step, int):
            if 1 <= step <= len(self.steps):
                return step
            raise UnknownPoint(f"Step {step} of {len(self.steps)}; they count from 1.")
        if self.steps.count(step) == 1:
            return self.steps.index(step) + 1
        if step in self.steps:
            raise UnknownPoint(f"{step!r} is several steps; name one by its number.")
        hint = did_you_mean(step, self.steps)
        raise UnknownPoint(
            f"No step {step!r} in this funnel. {hint} "
            f"Its steps are {', '.join(self.steps)}."
        )

    def _named(self, step: int) -> str | int:
        """Return a step's label, or its number where several have that label."""
        label = self.steps[step - 1]
        return label if self.steps.count(label) == 1 else step

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, FunnelKey):
            raise UnknownPoint(f"{key} is no point of a funnel.")
        label = self.steps[key.step - 1]
        group = group_code(key.group)
        note = f" · {group_words(key.group)}" if key.group else ""
        window = f"within {duration_words(self.within)}"
        span = f"{span_words(self.events.span)}, {window}"
        if key.outcome == "reached":
            code = f"users = funnel.reached({self._named(key.step)!r}{group})"
            return PointWords(f"Reached {label}{note}", span, code)
        before = self.steps[key.step - 2]
        code = f"lost = funnel.dropped(after={self._named(key.step - 1)!r}{group})"
        return PointWords(f"Dropped after {before}{note}", span, code)
