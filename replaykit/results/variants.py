"""Several funnels side by side, as one result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import charts
from replaykit.analyses.funnel_variants import differences
from replaykit.analyses.significance import improvements
from replaykit.errors import UnknownPoint, did_you_mean
from replaykit.points import FunnelKey, PointKey
from replaykit.results.conversion import ConversionOverTime
from replaykit.results.result import Result, group_words
from replaykit.wording import duration_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import plotly.graph_objects as go

    from replaykit import timeline
    from replaykit.points import Group, Outcome
    from replaykit.replies import Point as PointWords
    from replaykit.results.funnel import Funnel
    from replaykit.results.opened import Opened
    from replaykit.users import Users

VARIANT: Final = "variant"


@dataclass(frozen=True, eq=False)
class _Variants:
    """The funnels, and where each of their steps stands in the common drawing."""

    funnels: dict[str, Funnel]
    places: dict[str, tuple[int, ...]]

    @property
    def table(self) -> pl.DataFrame:
        return pl.concat(
            one.table.select(pl.lit(name).alias(VARIANT), pl.all())
            for name, one in self.funnels.items()
        )

    def population(self, key: FunnelKey) -> pl.DataFrame:
        """Name the units of a bar; the first label of its group is the variant."""
        name, *group = key.group
        if name not in self.funnels or key.step not in self.places[name]:
            raise UnknownPoint(f"{key} is no bar of these funnels.")
        step = self.places[name].index(key.step) + 1
        own = FunnelKey(step, key.outcome, tuple(group))
        return self.funnels[name].answer.population(own)


@dataclass(frozen=True, eq=False, repr=False)
class Funnels(Result):
    """Funnels side by side: with and without a step, by event, or by segment.

    `funnels["with Add"]` is one of them, an ordinary `Funnel`.
    """

    answer: _Variants
    word: str

    @classmethod
    def of(
        cls, funnels: Mapping[str, Funnel], places: Mapping[str, Sequence[int]]
    ) -> Funnels:
        """Return funnels as one result; `places` says where their steps are drawn."""
        first = next(iter(funnels.values()))
        own = {name: tuple(at) for name, at in places.items()}
        window = duration_words(first.within)
        return cls(first.events, _Variants(dict(funnels), own), f"within {window}")

    @property
    def names(self) -> list[str]:
        """What the funnels are called."""
        return list(self.answer.funnels)

    def __getitem__(self, name: str) -> Funnel:
        """Return one of the funnels."""
        if name not in self.answer.funnels:
            hint = did_you_mean(name, self.names)
            raise UnknownPoint(
                f"No funnel {name!r}. {hint} There is {', '.join(self.names)}.".replace(
                    "  ", " "
                )
            )
        return self.answer.funnels[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self.answer.funnels)

    def __len__(self) -> int:
        """Return how many funnels there are."""
        return len(self.answer.funnels)

    def chart(self) -> go.Figure:
        """Return bars, one colour per funnel, equal steps beside each other."""
        parts, labels = [], self._labels()
        for name, one in self.answer.funnels.items():
            at = pl.DataFrame(
                {
                    "step": range(1, len(one.steps) + 1),
                    "place": self.answer.places[name],
                },
                schema={"step": pl.Int64, "place": pl.Int64},
            )
            placed = one.table.join(at, on="step", maintain_order="left").select(
                pl.lit(name).alias(VARIANT), pl.all().exclude("step")
            )
            parts.append(placed.rename({"place": "step"}))
        table = pl.concat(parts)
        event = pl.col("step").replace_strict(labels, return_dtype=pl.String)
        return charts.funnel_chart(
            table.with_columns(event.alias("label")),
            by=(VARIANT, *self._by()),
            title=f"{len(self)} funnels side by side, {self.word}",
            note="",
        )

    def point(
        self,
        variant: str,
        step: str | int,
        *,
        outcome: Outcome = "reached",
        by: str | Sequence[str | None] | None = None,
    ) -> Opened:
        """Open a bar of one funnel; see `Funnel.point`."""
        return self[variant].point(step, outcome=outcome, by=by)

    def converted(self, variant: str) -> Users:
        """Return the units that reached the last step of a funnel."""
        return self[variant].converted()

    def differences(self, baseline: str | None = None) -> pl.DataFrame:
        """Compare step by step with one of the funnels, the first by default.

        Columns: `variant`, `step`, `event`, `share`, `baseline`, `points` (percentage
        points), `relative`. For funnels of equally many steps, neither grouped.
        """
        base = self[self.names[0] if baseline is None else baseline]
        return pl.concat(
            differences(one.answer, base.answer).select(
                pl.lit(name).alias(VARIANT), pl.all()
            )
            for name, one in self.answer.funnels.items()
            if one is not base
        )

    def significance(self, baseline: str | None = None) -> pl.DataFrame:
        """Say whether conversions differ by more than chance; see the same of a Funnel.

        The baseline is the first funnel by default.
        """
        answers = {name: one.answer for name, one in self.answer.funnels.items()}
        return improvements(answers, baseline)

    def over_time(self, every: timeline.Interval = "1d") -> ConversionOverTime:
        """Measure the conversion of every funnel per interval of the entry.

        `.table` as of `Funnel.over_time`, with the funnel's name as `variant`.
        """
        parts = {
            name: one.over_time(every) for name, one in self.answer.funnels.items()
        }
        steps = max((one.steps for one in self.answer.funnels.values()), key=len)
        return ConversionOverTime.of(
            self.events,
            _OverTime(parts),
            (steps[0], steps[-1]),
            by=(VARIANT, *self._by()),
            every=every,
            whole=(1, 2),
        )

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, FunnelKey) or key.group[0] not in self.answer.funnels:
            raise UnknownPoint(f"{key} is no bar of these funnels.")
        name = str(key.group[0])
        step = self.answer.places[name].index(key.step) + 1
        words = self[name].describe(FunnelKey(step, key.outcome, key.group[1:]))
        code = words.code.replace("funnel.", f"funnels[{name!r}].", 1)
        return words._replace(
            title=f"{words.title} · {group_words((name,))}", code=code
        )

    def _by(self) -> tuple[str, ...]:
        return next(iter(self.answer.funnels.values())).by

    def _labels(self) -> dict[int, str]:
        """Return what the places of the drawing are called: all events that meet."""
        found: dict[int, list[str]] = {}
        for name, one in self.answer.funnels.items():
            for place, label in zip(self.answer.places[name], one.steps, strict=True):
                found.setdefault(place, []).append(label)
        return {at: " or ".join(dict.fromkeys(names)) for at, names in found.items()}


@dataclass(frozen=True, eq=False)
class _OverTime:
    """Conversion over time of several funnels, each a group of its own."""

    parts: Mapping[str, ConversionOverTime]

    @property
    def table(self) -> pl.DataFrame:
        one = [
            part.table.with_columns(
                pl.lit(name).alias(VARIANT),
                first=pl.lit(1, pl.Int64),
                last=pl.lit(2, pl.Int64),
            ).select("time", VARIANT, pl.all().exclude("time", VARIANT))
            for name, part in self.parts.items()
        ]
        return pl.concat(one)

    def population(
        self,
        time: datetime,
        *,
        step: int | None = None,
        group: Group = (),
    ) -> pl.DataFrame:
        """Return the units of one funnel and interval that enter, or convert."""
        part = self.parts[str(group[0])].answer
        last = part.pairs[0][1]
        step = 1 if step == 1 else last
        return part.found.population(time, step=step, group=group[1:])

    def between(
        self, time: datetime, first: int, last: int, group: Group = ()
    ) -> pl.DataFrame:
        """Return the units of one funnel and interval that enter and do not convert."""
        del first, last  # of the common pair: each funnel has its own last step
        part = self.parts[str(group[0])].answer
        return part.found.between(time, *part.pairs[0], group=group[1:])
