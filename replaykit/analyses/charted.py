"""The rows a chart counts, cut down to what its measure needs in one streamed pass.

`Charted` says which rows belong to a chart. `reduced` reads them once and returns a
small mergeable frame, the *tally*: one line per (user, interval, group, hits) and what
was asked to be summed. A user's lines never depend on another user's, so tallies of
disjoint users are put together by stacking them.

Columns of a tally: `user` Int32 (where the measure needs users), `i` Int32 (position
of the interval), `b0`.. (labels of the groupings), `h0`.. (whether the row is of the
k-th pair of event and segment; left out where there is only one pair) and aggregates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from replaykit.analyses.properties import Grouping, Items, label
from replaykit.analyses.segments import keep_cohort, members
from replaykit.query import event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replaykit.analyses.grid import Grid
    from replaykit.analyses.segments import Segment, UserKind
    from replaykit.engine import Pieces
    from replaykit.query import Step


@dataclass(frozen=True, eq=False)
class Charted:
    """Which rows a chart counts, and how they are grouped.

    Parameters
    ----------
    log
        Canonical events, the whole table: new users and look-back need it.
    steps
        The events. A row that matches several is counted in each.
    segments
        Segments by label.
    by
        What to group by; groupings on the segment come last, `by_segment` of them.
    grid
        The intervals.
    items
        How arrays count.
    """

    log: Pieces
    steps: tuple[Step, ...]
    segments: Mapping[str, Segment]
    by: tuple[Grouping, ...]
    grid: Grid
    by_segment: int = 0
    items: Items = "all"

    @cached_property
    def keys(self) -> list[str]:
        """The internal names of the groupings."""
        return [f"b{k}" for k in range(len(self.by))]

    @cached_property
    def segment_keys(self) -> list[str]:
        """The internal names of the groupings on the segment."""
        return self.keys[len(self.keys) - self.by_segment :]

    @cached_property
    def hits(self) -> list[str]:
        """The columns that tell (event, segment) pairs apart, if there are several."""
        pairs = len(self.steps) * len(self.segments)
        return [f"h{k}" for k in range(pairs)] if pairs > 1 else []

    @property
    def needs_users(self) -> bool:
        """Whether a segment is decided per user."""
        return any(one.needs_users for one in self.segments.values())

    def rows(self, lf: pl.LazyFrame, extra: Sequence[pl.Expr] = ()) -> pl.LazyFrame:
        """Return a piece's charted rows: `user`, `i`, groupings, hits and `extra`."""
        lf, met = self._met(lf)
        time = pl.col("time")
        lf = lf.filter(self.grid.holds(time), pl.any_horizontal(met))
        columns: list[pl.Expr] = [pl.col("user"), self.grid.index(time).alias("i")]
        columns += [
            one.expr.alias(key) for key, one in zip(self.keys, self.by, strict=True)
        ]
        columns += [
            one.fill_null(value=False).alias(name)
            for one, name in zip(met, self.hits, strict=False)
            if self.hits
        ]
        return self._labelled(lf.select(*columns, *extra))

    def moments(self, lf: pl.LazyFrame, *, inside: bool = False) -> pl.LazyFrame:
        """Return a piece's charted rows: `user`, `time`, raw groupings, `@moved`.

        `@moved` (with groupings) is where a row's group is another than the row's
        before.

        Parameters
        ----------
        lf
            The piece.
        inside
            Whether all rows lie in the range.
        """
        lf, met = self._met(lf)
        if not inside:
            lf = lf.filter(self.grid.holds(pl.col("time")))
        values = [
            one.expr.alias(key) for key, one in zip(self.keys, self.by, strict=True)
        ]
        lf = lf.filter(pl.any_horizontal(met)).select("user", "time", *values)
        moved = [pl.col(key).ne_missing(pl.col(key).shift()) for key in self.keys]
        if moved:
            lf = lf.with_columns(pl.any_horizontal(moved).alias("@moved"))
        return lf

    def _met(self, lf: pl.LazyFrame) -> tuple[pl.LazyFrame, list[pl.Expr]]:
        """Return, per event and segment, the condition that a row is of both."""
        met = [
            step.predicate(
                since=self.grid.span.start, segment=one.where, codes=self.log.codes
            )
            & _all(one)
            for step in self.steps
            for one in self.segments.values()
        ]
        if any(step.which is not None for step in self.steps):
            # Occurrences are numbered over all rows, so before any of them is dropped.
            names = [f"_h{k}" for k in range(len(met))]
            lf = lf.with_columns(
                one.alias(name) for one, name in zip(met, names, strict=True)
            )
            met = [pl.col(name) for name in names]
        return lf, met

    def _labelled(self, lf: pl.LazyFrame) -> pl.LazyFrame:
        for key, one in zip(self.keys, self.by, strict=True):
            dtype = one.dtype
            if isinstance(dtype, pl.List | pl.Array):
                items = pl.col(key)
                if isinstance(dtype, pl.Array):
                    items = items.arr.to_list()
                if self.items == "unique":
                    items = items.list.unique(maintain_order=True)
                # A row without items is in no group but that of missing values.
                lf = lf.with_columns(items).explode(key, empty_as_null=True)
                dtype = lf.collect_schema()[key]
            lf = lf.with_columns(label(pl.col(key), dtype))
        return lf

    def distinct(self) -> pl.DataFrame:
        """Return the tally with no aggregate: who was where, few of it twice."""
        return self.log.collect(self.changes)

    def changes(self, lf: pl.LazyFrame) -> pl.LazyFrame:
        """Return a piece's charted rows that differ from the row before.

        A user's rows of one interval stand together in sorted data, so most duplicates
        are neighbours; dropping those while streaming leaves little for the exact
        step. In unsorted data it only drops less.
        """
        keys = ["user", "i", *self.keys, *self.hits]
        changed = pl.any_horizontal(
            pl.col(key).ne_missing(pl.col(key).shift()) for key in keys
        )
        return self.rows(lf).filter(changed)

    def summed(
        self,
        aggregates: Sequence[pl.Expr],
        *,
        extra: Sequence[pl.Expr] = (),
        keys: Sequence[str] = (),
        users: bool = False,
    ) -> pl.DataFrame:
        """Return the tally with aggregates per (interval, group, hits and `keys`)."""
        names = ["i", *self.keys, *self.hits, *keys]
        if users or self.needs_users:
            names = ["user", *names]
        return self.log.collect(
            lambda lf: self.rows(lf, extra).group_by(names).agg(aggregates)
        )

    def of(
        self, tally: pl.DataFrame, event: int, segment: int, *, cohort: bool = True
    ) -> pl.DataFrame:
        """Return the lines of one event and one segment, sets of users applied."""
        if self.hits:
            tally = tally.filter(
                pl.col(self.hits[event * len(self.segments) + segment])
            )
        one = list(self.segments.values())[segment]
        wanted = cohort and one.needs_users
        return keep_cohort(tally, one, self.grid) if wanted else tally

    def of_kind(
        self, tally: pl.DataFrame, segment: int, *, whole: bool = False
    ) -> pl.DataFrame:
        """Keep the users of the segment's kind; `whole` puts all in one interval."""
        kind = list(self.segments.values())[segment].kind
        if whole:
            shown = pl.col("i") >= self.grid.lookback
            tally = tally.filter(shown).with_columns(i=pl.lit(0, dtype=pl.Int32))
        if kind == "any":
            return tally
        pairs = self._members(kind, whole=whole)
        return tally.join(pairs, on=["user", "i"], how="semi", maintain_order="left")

    def _members(self, kind: UserKind, *, whole: bool) -> pl.DataFrame:
        key = (kind, whole)
        if key not in self._kept:
            grid = self.grid.whole() if whole else self.grid
            self._kept[key] = members(self.log, grid, kind)
        return self._kept[key]

    @cached_property
    def _kept(self) -> dict[tuple[str, bool], pl.DataFrame]:
        return {}

    @cached_property
    def actives(self) -> Charted:
        """The same chart of any active event: what Active % divides by.

        A grouping on the event restricts the numerator only, one on the segment both.
        """
        return replace(
            self,
            steps=(event("*", pl.col("active")),),
            by=self.by[len(self.by) - self.by_segment :],
        )


def _all(segment: Segment) -> pl.Expr:
    return pl.all_horizontal(segment.where) if segment.where else pl.lit(value=True)
