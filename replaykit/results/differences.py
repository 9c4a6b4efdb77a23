"""What one group did on the screen and another did not, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import charts
from replaykit.errors import UnknownPoint, check_option, did_you_mean
from replaykit.points import SIDES, DifferenceKey, PointKey, Side
from replaykit.replies import Point as PointWords
from replaykit.results.result import Result
from replaykit.watchlists import POPULATION

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from replaykit.results.opened import Opened

#: Of the lines up to this `q_value`, one in twenty is expected to be chance.
LEVEL: Final = 0.05
FACT: Final = ("kind", "what", "selector")


@dataclass(frozen=True, eq=False)
class Facts:
    """What two groups of recorded people did.

    Parameters
    ----------
    table
        `analyses.contrast.contrast` over the facts of both.
    rows
        One line per happening: `user`, `row`, `time`, `start`, `end` (of what was
        looked at), `own`, and the columns of a fact.
    """

    table: pl.DataFrame
    rows: pl.DataFrame

    def population(self, key: DifferenceKey) -> pl.DataFrame:
        """Name those of one side who did what a line says, at the first time."""
        fact = self.table.select(FACT).row(key.line)
        met = [
            pl.col(name).eq_missing(pl.lit(value, pl.String))
            for name, value in zip(FACT, fact, strict=True)
        ]
        own = pl.col("own") == (key.side == "these")
        found = self.rows.filter(own, *met).sort("time", "row")
        units = found.group_by("user", maintain_order=True).agg(
            pl.col("start").min(),
            pl.col("end").max(),
            at=pl.col("time").first(),
            rows=pl.col("row"),
        )
        return units.select(*POPULATION).cast(POPULATION)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False, repr=False)
class Differences(Result):
    """What recorded people of one group did, beside another; of `Users.differences`.

    Attributes
    ----------
    names
        The two groups.
    recorded
        How many people of each were recorded, and looked at.
    note
        What of their replays was looked at.
    """

    answer: Facts
    names: tuple[str, str]
    recorded: tuple[int, int]
    note: str

    def chart(self) -> go.Figure:
        """Return the shares of both groups, the least likely by chance on top."""
        mine, others = self.recorded
        note = f"{mine:,} and {others:,} recorded users · {self.note}"
        return charts.differences_chart(
            self.table,
            names=self.names,
            level=LEVEL,
            title=f"On screen: {self.names[0]}, beside {self.names[1]}",
            note=f"{note} · faint: may be chance (q > {LEVEL})",
        )

    def point(
        self, line: int | str = 0, *, side: Side = "these", kind: str | None = None
    ) -> Opened:
        """Open those of one side who did it, each at their first time.

        Parameters
        ----------
        line
            A line of the table, from 0, or what it says in `what`.
        side
            `"these"` or `"others"`.
        kind
            The line's kind, where several kinds have that `what`.
        """
        check_option("side", side, SIDES)
        return self.open(DifferenceKey(self._line(line, kind), side))

    def _line(self, line: int | str, kind: str | None) -> int:
        if isinstance(line, int):
            if 0 <= line < self.table.height:
                return line
            raise UnknownPoint(
                f"Line {line} of {self.table.height}; they count from 0."
            )
        known = self.table.with_row_index("line")
        if kind is not None:
            known = known.filter(kind=kind)
        found = known.filter(what=line)
        if found.height == 1:
            return int(found["line"][0])
        if found.is_empty():
            hint = did_you_mean(line, known["what"])
            raise UnknownPoint(f"Nobody did {line!r}. {hint}".rstrip())
        places = ", ".join(
            f"{row['line']} ({row['kind']}, {row['selector'] or 'no element'})"
            for row in found.iter_rows(named=True)
        )
        raise UnknownPoint(f"{line!r} is several lines: {places}. Name one by number.")

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, DifferenceKey) or not key.line < self.table.height:
            raise UnknownPoint(f"{key} is no line of the differences.")
        row = self.table.row(key.line, named=True)
        name = self.names[SIDES.index(key.side)]
        side = "" if key.side == "these" else ', side="others"'
        return PointWords(
            f"{row['kind'].capitalize()} {row['what']}",
            f"{name} · {self.note}",
            f"point = differences.point({key.line}{side})",
        )
