"""Journeys: what users do after an event, before one, or on the way between two.

`journeys` answers with a tree (every prefix a node) and can rank whole paths
(`JourneysAnswer.map`). Shares are of all paths, never of the previous step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.analyses.journey_map import Ordering, rank_paths
from replaykit.analyses.journey_paths import (
    JourneyPlan,
    PathCount,
    Paths,
    all_paths,
    common_events,
    read_plan,
)
from replaykit.analyses.journey_tree import NODE_KINDS, Node, NodeKind, grow
from replaykit.engine import Frames, Pieces
from replaykit.errors import (
    BadInput,
    UnknownOption,
    UnknownPoint,
    check_option,
    did_you_mean,
)
from replaykit.points import JourneyKey, level_key, parse_key, read_level
from replaykit.query import as_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from replaykit.query import Step
    from replaykit.timeline import Span

__all__ = ["JourneysAnswer", "PathCount", "journeys"]

#: Depth of the tree where nothing else is asked.
STEPS_SHOWN: Final = 5


@dataclass(frozen=True, eq=False)
class JourneysAnswer:
    """The answer to `journeys`.

    Attributes
    ----------
    table
        One line per node: `node` String, `parent` String (null at the first step),
        `step` Int64, `path` List(String) (the labels from the anchor on; backward
        journeys read towards the past), `event` String, `kind` ("event", "other" or
        "dropped"), `users` Int64 (paths through the node), `share` of all paths.
    plan
        The question.
    """

    table: pl.DataFrame
    plan: JourneyPlan
    found: Paths
    nodes: dict[str, Node]

    @property
    def total(self) -> int:
        """How many paths there are: users, paths or sessions, as counted."""
        return self.found.size

    @cached_property
    def paths(self) -> pl.DataFrame:
        """One line per path.

        `user`, `start` and `end` (first and last moment), `converted` Boolean (reached
        the end event; null unless the journey is between two events), `time` Duration
        from the anchor to the last node, `path` List(String) and `rows` List(Int64).
        """
        found = self.found
        rows, ids = found.rows, found.rows["@row"]
        moments = rows["@time"].gather(found.nodes)
        path = np.repeat(np.arange(found.size), np.diff(found.starts))
        lists = (
            pl.DataFrame(
                {
                    "p": path,
                    "path": pl.Series(found.labels, dtype=pl.String).gather(
                        found.code[found.nodes]
                    ),
                    "rows": ids.gather(found.nodes),
                    "time": moments,
                }
            )
            .group_by("p", maintain_order=True)
            .agg("path", "rows", "time")
        )
        ended = pl.Series(found.ended) if self.plan.between else None
        return lists.select(
            rows["@user"].gather(found.anchors).alias("user"),
            pl.col("time").list.min().alias("start"),
            pl.col("time").list.max().alias("end"),
            pl.lit(ended, pl.Boolean).alias("converted"),
            (pl.col("time").list.max() - pl.col("time").list.min()).alias("time"),
            "path",
            "rows",
        )

    def map(
        self,
        *,
        converted: bool | None = None,
        order: Ordering = "frequency",
        descending: bool = True,
        ideal: Sequence[str] | None = None,
        steps: int | None = None,
        top: int | None = STEPS_SHOWN,
    ) -> pl.DataFrame:
        """Rank whole paths: one line per distinct sequence of labels.

        Columns: `path` List(String), `users` Int64, `share` of all paths, `avg_time`
        Duration, `similarity` (1 minus edit distance over the longer length) to the
        most frequent path or to `ideal`.

        Parameters
        ----------
        converted
            Of a journey between two events: True for the paths that reached the end,
            False for those that did not, None for all.
        order
            `"frequency"`, `"time"`, `"similarity"` or `"length"`. Ties: quicker first,
            then by label.
        descending
            Whether the largest comes first.
        ideal
            The labels of a path to compare with.
        steps
            Show this many nodes; longer paths are joined by what is shown.
        top
            How many lines.
        """
        if converted is not None and not self.plan.between:
            raise BadInput("converted= needs a journey between start= and end=.")
        return rank_paths(
            self.paths,
            total=self.total,
            converted=converted,
            order=order,
            descending=descending,
            ideal=ideal,
            steps=steps,
            top=top,
        )

    def key(self, *path: str, kind: NodeKind | None = None) -> JourneyKey:
        """Return the key of the node with these labels, the anchor first.

        `kind` tells an event called "Other" or "Dropped off" from what else is.
        """
        if kind is not None:
            check_option("kind", kind, NODE_KINDS)
        same = {
            node.kind: JourneyKey(name)
            for name, node in self.nodes.items()
            if node.path == path and kind in {None, node.kind}
        }
        text = " > ".join(path)
        if len(same) > 1:
            raise _ambiguous(repr(text), same)
        if not same:
            known = [" > ".join(node.path) for node in self.nodes.values()]
            hint = did_you_mean(text, known)
            what = f"{kind} node" if kind else "node"
            raise UnknownPoint(
                f"The tree has no {what} {text!r}; .table lists its nodes. "
                f"{hint}".rstrip()
            )
        return next(iter(same.values()))

    def level_key(
        self, step: int, label: str, kind: NodeKind | None = None
    ) -> JourneyKey:
        """Return the key of all nodes of a step (from 1) with one label."""
        if kind is not None:
            check_option("kind", kind, NODE_KINDS)
        kinds = self._kinds(step, label)
        if kind is None and len(kinds) > 1:
            raise _ambiguous(f"{label!r} at step {step}", kinds)
        if not kinds or kind not in {None, *kinds}:
            raise UnknownPoint(f"No {label!r} at step {step}; .levels lists them.")
        return level_key(step, label, kind if len(kinds) > 1 else None)

    def _kinds(self, step: int, label: str) -> list[NodeKind]:
        """Return what the nodes of a step with one label are, events first."""
        nodes = self.nodes.values()
        found = {
            node.kind for node in nodes if (node.step, node.path[-1]) == (step, label)
        }
        return [kind for kind in NODE_KINDS if kind in found]

    def population(self, key: JourneyKey | str) -> pl.DataFrame:
        """Return the paths through a node with their windows.

        Columns: `user` Int32, `start` and `end` Datetime (from the anchor to the node,
        bounds included), `at` (the node's row; for a drop-off the last row before it)
        and `rows` List(Int64), the path's rows up to the node.
        """
        node = self._joined(key)
        found = self.found
        members = node.members
        starts = found.starts[members]
        lengths = np.minimum(node.step, found.starts[members + 1] - starts)
        last = found.nodes[starts + lengths - 1]
        moments = found.rows["@time"]
        at = moments.gather(last)
        anchor = moments.gather(found.anchors[members])
        taken = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        flat = found.nodes[taken + np.arange(int(lengths.sum()))]
        rows = pl.DataFrame(
            {
                "p": np.repeat(np.arange(len(members)), lengths),
                "rows": found.rows["@row"].gather(flat),
            }
        )
        frame = pl.DataFrame(
            {
                "user": found.rows["@user"].gather(found.anchors[members]),
                "anchor": anchor,
                "at": at,
            }
        )
        return frame.select(
            "user",
            pl.min_horizontal("anchor", "at").alias("start"),
            pl.max_horizontal("anchor", "at").alias("end"),
            "at",
            rows.group_by("p", maintain_order=True).agg("rows")["rows"],
        )

    def funnel_steps(self, key: JourneyKey | str) -> list[Step]:
        """Return a node's path as the steps of a funnel, oldest first.

        A drop-off stands for the path before it.
        """
        node = self.nodes[self._node(key)]
        labels = node.path if node.kind == "event" else node.path[:-1]
        steps = [self.plan.anchor, *map(self.plan.node_step, labels[1:])]
        return steps if self.plan.forward else steps[::-1]

    @cached_property
    def levels(self) -> pl.DataFrame:
        """The tree with all prefixes joined: one line per step and event.

        `step` Int64, `event`, `kind`, `users`, `share`; most frequent first, "Other"
        and drop-offs last.
        """
        last = {"event": 0, "other": 1, "dropped": 2}
        order = pl.col("kind").replace_strict(last, return_dtype=pl.Int32)
        return (
            self.table.group_by("step", "event", "kind")
            .agg(pl.col("users").sum(), pl.col("share").sum())
            .sort(
                "step", order, "users", "event", descending=[False, False, True, False]
            )
        )

    def drawn(
        self,
        *,
        depth: int | None = None,
        top: int | None = None,
        below: float | None = None,
    ) -> JourneysAnswer:
        """Return the same journeys drawn as another tree: deeper, wider or bucketed."""
        table, nodes = grow(self.found, depth=depth, top=top, below=below)
        return replace(self, table=table, nodes=nodes)

    def _joined(self, key: JourneyKey | str) -> Node:
        """Return a node, or all nodes of a step with one label joined (`level_key`)."""
        read = parse_key(key) if isinstance(key, str) else key
        level = read_level(read) if isinstance(read, JourneyKey) else None
        if level is None:
            return self.nodes[self._node(key)]
        step, label, kind = level
        kind = kind or next(iter(self._kinds(step, label)), None)
        same = [
            node
            for node in self.nodes.values()
            if (node.step, node.path[-1], node.kind) == (step, label, kind)
        ]
        if not same:
            raise UnknownPoint(f"No {label!r} at step {step}; .levels lists them.")
        members = np.sort(np.concatenate([node.members for node in same]))
        return replace(same[0], path=(label,), members=members)

    def _node(self, key: JourneyKey | str) -> str:
        if isinstance(key, str):
            read = parse_key(key)
            if not isinstance(read, JourneyKey):
                raise UnknownPoint(f"{key!r} is not a node of a journey.")
            key = read
        if key.node not in self.nodes:
            raise UnknownPoint(
                f"The tree has no node {key.node!r}; .table lists its nodes."
            )
        return key.node


def _ambiguous(what: str, kinds: Iterable[NodeKind]) -> UnknownPoint:
    words = " or ".join(f"kind={kind!r}" for kind in NODE_KINDS if kind in set(kinds))
    return UnknownPoint(f"Several nodes are called {what}. Say which: {words}.")


def journeys(
    frame: Frames,
    *,
    start: str | Step | None = None,
    end: str | Step | None = None,
    span: Span | None = None,
    segment: Sequence[pl.Expr] = (),
    within: str = "1d",
    count: PathCount = "users",
    depth: int | None = STEPS_SHOWN,
    top: int | None = None,
    below: float | None = None,
    collapse: bool = False,
    expand: Mapping[str, str | Sequence[str]] | None = None,
    custom: Mapping[str, str | Step] | None = None,
    hide: str | Step | Iterable[str | Step] = (),
    only: str | Step | Iterable[str | Step] = (),
    exclude: str | Step | Iterable[str | Step] = (),
    through: str | Step | Iterable[str | Step] = (),
    inactive: bool = False,
    drop_common: float | None = None,
    keep: Sequence[str] = (),
    known: Mapping[str, int] | None = None,
) -> JourneysAnswer:
    """Follow what users do after `start`, before `end`, or between the two.

    A path hangs on an anchor: a row of `start` (or of `end` alone, read backwards)
    inside the range and the segment. Its nodes are the rows that follow within the
    window, in time order, across sessions and beyond the range.

    Parameters
    ----------
    frame
        Canonical events (`replaykit.schema`), in any row order.
    start, end
        An event name or `rk.event(...)`. With both, a path ends at the first `end`.
    span
        The date range of the anchor.
    segment
        Conditions on the anchor's row.
    within
        Time after (before) the anchor, bound included, or `"session"` for the rows of
        the anchor's session inside the range.
    count
        `"users"`: the first anchor of each user; `"paths"`: every anchor, each closing
        the path before; `"sessions"`: the first anchor of each session.
    depth
        Steps of the tree; None for all.
    top
        Children shown per node, the rest is "Other"; None for all.
    below
        Children with a smaller share of all paths are "Other", such as `0.01`.
    collapse
        Neighbours with one label become one node.
    expand
        `{event: property}`: a node per value of the property.
    custom
        `{label: event}`: nodes that stand in for several events.
    hide, only
        Events not shown, or the only ones shown. Anchor and end always are.
    exclude
        Rows not shown, such as `rk.event("Browse", category="shoes")`.
    through
        Keep paths in which each of these occurs, anywhere in the window.
    inactive
        Show inactive events too.
    drop_common, keep
        Leave out this share of event names, the most common first (`common_events`),
        except those to keep.
    known
        Event names and their numbers of rows, to name the nearest one in errors.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 2],
    ...         "event": ["Search", "Buy", "Search"],
    ...         "time": [datetime(2026, 3, 1, hour) for hour in (10, 11, 12)],
    ...     }
    ... )
    >>> journeys(frame, start="Search").table.select("event", "users").rows()
    [('Search', 2), ('Buy', 1), ('Dropped off', 1), ('Dropped off', 1)]
    """
    plan = read_plan(
        start=start,
        end=end,
        span=span,
        segment=segment,
        within=within,
        count=count,
        collapse=collapse,
        expand=expand,
        custom=custom,
        hide=hide,
        only=only,
        exclude=exclude,
        through=through,
        inactive=inactive,
        known=known,
    )
    log = Pieces.of(frame)
    if drop_common is not None:
        common = common_events(log, plan, drop_common, keep)
        plan = replace(plan, hide=(*plan.hide, *map(as_step, common)))
    elif keep:
        raise UnknownOption("keep= has no effect without drop_common=.")
    found = all_paths(log, plan)
    table, nodes = grow(found, depth=depth, top=top, below=below)
    return JourneysAnswer(table, plan, found, nodes)
