"""Journeys, as a result: a tree of paths, whole paths, and two populations compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from replaykit import charts
from replaykit.errors import UnknownPoint, did_you_mean
from replaykit.points import JourneyKey, PointKey
from replaykit.replies import Point as PointWords
from replaykit.results.result import Opened, Result
from replaykit.wording import span_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from replaykit.analyses.journey_map import Ordering
    from replaykit.analyses.journeys import JourneysAnswer


@dataclass(frozen=True, eq=False, repr=False)
class Journeys(Result):
    """The paths that lead from an event, or to it."""

    answer: JourneysAnswer
    title: str
    unit: str

    def map(
        self,
        *,
        converted: bool | None = None,
        order: Ordering = "frequency",
        descending: bool = True,
        ideal: Sequence[str] | None = None,
        steps: int | None = None,
        top: int | None = 5,
    ) -> pl.DataFrame:
        """Rank whole paths: one line per distinct sequence of labels.

        Columns: `path` List(String), `users` Int64, `share` of all paths, `avg_time`
        Duration, `similarity` to the most frequent path or to `ideal`.

        Parameters
        ----------
        converted
            Of a journey between two events: only paths that reached the end, or not.
        order
            `"frequency"`, `"time"`, `"similarity"` or `"length"`.
        descending
            Whether the largest comes first.
        ideal
            The labels of a path to compare with.
        steps
            Show this many nodes; longer paths are joined by what is shown.
        top
            How many lines; None for all.
        """
        return self.answer.map(
            converted=converted,
            order=order,
            descending=descending,
            ideal=ideal,
            steps=steps,
            top=top,
        )

    def chart(self) -> go.Figure:
        """Return the tree as a flow, one column per step."""
        return charts.journeys_tree_chart(
            self.table,
            title=self.title,
            note=span_words(self.events.span),
            unit=self.unit,
            backward=not self.answer.plan.forward,
        )

    def point(self, *path: str) -> Opened:
        """Open the node that a path of labels leads to, the anchor first."""
        rows = self.table.filter(pl.col("path").list.len() == len(path))
        for label, node in zip(rows["path"], rows["node"], strict=True):
            if list(label) == list(path):
                return self.open(JourneyKey(str(node)))
        known = [" > ".join(path) for path in self.table["path"]]
        hint = did_you_mean(" > ".join(path), known)
        raise UnknownPoint(
            f"No path {' > '.join(path)!r} in this tree. {hint}".rstrip()
        )

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, JourneyKey):
            raise UnknownPoint(f"{key} is no point of a tree.")
        found = self.table.filter(pl.col("node").cast(pl.String) == key.node)
        if found.is_empty():
            raise UnknownPoint(f"No node {key.node!r} in this tree.")
        path = found["path"][0].to_list()
        code = f"point = journeys.point({', '.join(map(repr, path))})"
        share = found["share"][0]
        return PointWords(
            " › ".join(path), f"{share:.1%} of all paths" if share else "", code
        )
