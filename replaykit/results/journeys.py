"""Journeys, as a result: a tree of paths, whole paths, and two populations compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import polars as pl

from replaykit import charts
from replaykit.errors import BadInput, UnknownPoint, check_option
from replaykit.points import JourneyKey, PointKey, read_level
from replaykit.replies import Point as PointWords
from replaykit.results.opened import Opened
from replaykit.results.result import Result
from replaykit.wording import span_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from replaykit.analyses.journey_map import Ordering
    from replaykit.analyses.journey_tree import NodeKind
    from replaykit.analyses.journeys import JourneysAnswer
    from replaykit.handles import Events
    from replaykit.results.funnel import Funnel

JourneyView: TypeAlias = Literal["tree", "levels", "icicle", "sunburst"]
"""How journeys are drawn: bands by path or by step, tiles, or rings."""

JOURNEY_VIEWS: Final[tuple[JourneyView, ...]] = ("tree", "levels", "icicle", "sunburst")


@dataclass(frozen=True, eq=False, repr=False)
class Journeys(Result):
    """The paths that lead from an event, or to it."""

    answer: JourneysAnswer
    title: str
    unit: str
    view: JourneyView = "tree"

    @property
    def paths(self) -> pl.DataFrame:
        """One line per path, with the public id of its user.

        `user` String, `start` and `end` Datetime UTC, `converted` Boolean (between two
        events, else null), `time` Duration, `path` List(String), `rows` List(Int64).
        """
        return self.events.source.named(self.answer.paths)

    @property
    def levels(self) -> pl.DataFrame:
        """The tree with all prefixes joined: one line per step and event.

        `step` Int64, `event`, `kind`, `users`, `share`.
        """
        return self.answer.levels

    def drawn(
        self,
        view: JourneyView | None = None,
        *,
        depth: int | None = None,
        top: int | None = None,
        below: float | None = None,
    ) -> Journeys:
        """Draw the same journeys in another way; nothing is asked again.

        Parameters
        ----------
        view
            `"tree"`: bands that flow from step to step; `"levels"`: the same with
            equal events of a step joined; `"icicle"`: tiles; `"sunburst"`: rings.
        depth, top, below
            Another tree: so many steps; children per node; least share of all paths.
            Where none is given the tree stays as it is; else None is no limit.
        """
        check_option("view", view or self.view, JOURNEY_VIEWS)
        answer = self.answer
        if (depth, top, below) != (None, None, None):
            answer = answer.drawn(depth=depth, top=top, below=below)
        return replace(self, answer=answer, view=view or self.view)

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
        """Return the paths as a flow, or as `drawn` says."""
        about = {
            "title": self.title,
            "note": span_words(self.events.span),
            "unit": self.unit,
        }
        backward = not self.answer.plan.forward
        if self.view == "icicle":
            return charts.journeys_icicle_chart(self.table, **about)
        if self.view == "sunburst":
            return charts.journeys_sunburst_chart(self.table, **about)
        if self.view == "levels":
            return charts.journeys_levels_chart(self.table, **about, backward=backward)
        return charts.journeys_tree_chart(self.table, **about, backward=backward)

    def point(self, *path: str, kind: NodeKind | None = None) -> Opened:
        """Open the node that a path of labels leads to, the anchor first.

        Parameters
        ----------
        path
            The labels, as `.table` has them.
        kind
            What the node is, where several have that path: `"event"`, `"other"` (the
            events beyond those shown) or `"dropped"`. An event may be called `Other`
            or `Dropped off`, too.
        """
        return self.open(self.answer.key(*path, kind=kind))

    def level(self, step: int, event: str, *, kind: NodeKind | None = None) -> Opened:
        """Open all paths with a label at a step (from 1), whatever came before.

        `kind` says what is meant where an event is called as the other events are.
        """
        return self.open(self.answer.level_key(step, event, kind))

    def took(
        self, *path: str, exactly: bool = True, converted: bool | None = None
    ) -> Opened:
        """Open a line of the map: who took a path of labels.

        Parameters
        ----------
        path
            The labels, the anchor first.
        exactly
            Whether the path ends there; False also opens longer ones, as the lines of
            `map(steps=…)`.
        converted
            Of a journey between two events: only paths that reached the end, or not.
        """
        shown = pl.col("path")
        if not exactly:
            shown = shown.list.head(len(path))
        wanted = pl.lit(pl.Series([list(path)], dtype=pl.List(pl.String)).first())
        taken = shown == wanted
        if converted is not None:
            taken &= pl.col("converted") == converted
        found = self.answer.paths.filter(taken)
        if found.is_empty():
            raise UnknownPoint(
                f"Nobody took {' > '.join(path)!r}; .map() and .paths list the paths."
            )
        population = found.select(
            "user", "start", "end", pl.col("start").alias("at"), "rows"
        )
        return Opened(self.events.users(population, f"took {' › '.join(path)}"))

    def funnel(
        self, *path: str, within: str | None = None, kind: NodeKind | None = None
    ) -> Funnel:
        """Ask a node's path as a funnel in this order.

        Parameters
        ----------
        path
            Its labels, the anchor first.
        within
            Time from the first step to the last; by default the journey's window.
        kind
            What the node is, where several have that path.

        Raises
        ------
        BadInput
            If the window is a session and `within` is not given.
        """
        steps = self.answer.funnel_steps(self.answer.key(*path, kind=kind))
        window = self.answer.plan.window
        if within is None and window is None:
            raise BadInput("This journey's window is a session; say within='1h'.")
        events = cast("Events", self.events)
        return events.funnel(*steps, within=within or f"{window}us")

    def differences(self, other: Journeys) -> pl.DataFrame:
        """Compare the shares of two populations, node by node.

        Both are journeys of the same question, such as of two sets of users.

        Returns
        -------
        DataFrame
            `path` List(String), `step`, `event`, `kind`, `users` and `share` of this
            one, `other_users` and `other_share`, `points`: the difference in percentage
            points. One line per path of labels down to the depth shown, the largest
            difference of each step first. `point(*path)` of either opens its users.
        """
        depth = max([1, *self.table["step"], *other.table["step"]])
        mine, theirs = (one.answer.drawn(depth=depth) for one in (self, other))
        on = ["path", "step", "event", "kind"]
        both = mine.table.select(*on, "users", "share").join(
            theirs.table.select(*on, other_users="users", other_share="share"),
            on=on,
            how="full",
            coalesce=True,
        )
        filled = both.with_columns(
            pl.col("users", "other_users", "share", "other_share").fill_null(0)
        )
        points = 100 * (pl.col("share") - pl.col("other_share"))
        shown = filled.with_columns(points=points)
        text = pl.col("path").list.join("\x1f")
        order = [pl.col("step"), pl.col("points").abs(), text]
        return shown.sort(*order, descending=[False, True, False])

    def describe(self, key: PointKey) -> PointWords:
        """Say what a point is, and the call that names the same people."""
        if not isinstance(key, JourneyKey):
            raise UnknownPoint(f"{key} is no point of a tree.")
        level = read_level(key)
        if level is not None:
            step, event, kind = level
            told = "" if kind is None else f", kind={kind!r}"
            code = f"point = journeys.level({step}, {event!r}{told})"
            return PointWords(event, f"at step {step}", code)
        found = self.table.filter(pl.col("node").cast(pl.String) == key.node)
        if found.is_empty():
            raise UnknownPoint(f"No node {key.node!r} in this tree.")
        path, parent = found["path"][0].to_list(), found["parent"][0]
        same = self.table.filter(
            pl.col("parent").eq_missing(pl.lit(parent)), event=path[-1]
        )
        labels = ", ".join(map(repr, path))
        told = f", kind={found['kind'][0]!r}" if same.height > 1 else ""
        code = f"point = journeys.point({labels}{told})"
        share = found["share"][0]
        return PointWords(
            " › ".join(path), f"{share:.1%} of all paths" if share else "", code
        )
