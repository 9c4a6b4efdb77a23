"""Who starts and who returns: the rows that retention joins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from replaykit.analyses.properties import label
from replaykit.analyses.segments import keep_cohort, members

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from replaykit.analyses.grid import Grid
    from replaykit.analyses.properties import Grouping
    from replaykit.analyses.return_index import ReturnIndex
    from replaykit.analyses.segments import Segment
    from replaykit.engine import Pieces
    from replaykit.query import Step


@dataclass(frozen=True, eq=False)
class RetentionQuery:
    """Who starts, who returns, and how returns are numbered; checked options."""

    log: Pieces
    start: Step | None
    back: Step
    grid: Grid
    rule: ReturnIndex
    segment: Segment
    by: tuple[Grouping, ...]
    now: datetime

    @property
    def keys(self) -> list[str]:
        """The internal names of the groupings."""
        return [f"b{k}" for k in range(len(self.by))]

    def starts(self, log: Pieces | None = None) -> pl.DataFrame:
        """Return `user`, `i` (cohort), `code`, groups and the earliest `time`.

        `log` are other pieces of the same events, such as those kept in memory.
        """
        log = self.log if log is None else log
        found = log.collect(self._starts)
        if self.segment.needs_users:
            found = keep_cohort(found, self.segment, self.grid)
        if self.segment.kind != "any":
            pairs = members(log, self.grid, self.segment.kind)
            found = found.join(pairs, on=["user", "i"], how="semi")
        return found

    def _starts(self, lf: pl.LazyFrame) -> pl.LazyFrame:
        time = pl.col("time")
        groups = [
            label(one.expr, one.dtype).alias(key)
            for key, one in zip(self.keys, self.by, strict=True)
        ]
        if self.start is None:
            rows = self._first_rows(lf, groups)
        else:
            met = self.start.predicate(
                since=self.grid.span.start, segment=self.segment.where
            )
            if self.start.which is not None:
                lf = lf.with_columns(_met=met)
                met = pl.col("_met")
            rows = lf.filter(self.grid.holds(time), met, *self.segment.where)
            rows = rows.select("user", "time", *groups)
        return (
            rows.with_columns(i=self.grid.index(time), code=self.rule.code(time))
            .group_by("user", "i", "code", *self.keys)
            .agg(time.min())
        )

    def _first_rows(self, lf: pl.LazyFrame, groups: Sequence[pl.Expr]) -> pl.LazyFrame:
        """Return each new user's first row; the segment must hold in its unit.

        The unit is the chart's interval, or with windows of 24 hours the first hour.
        """
        time = pl.col("time")
        firsts = lf.group_by("user").agg(
            time.min(), *(one.sort_by("time", "row").first() for one in groups)
        )
        firsts = firsts.filter(self.grid.holds(time))
        if not self.segment.where:
            return firsts
        unit = self.rule.every if self.rule.counting == "calendar" else "1h"
        calendar = self.rule.calendar
        met = lf.filter(*self.segment.where).select(
            "user", _unit=calendar.start_of(time, unit)
        )
        first = firsts.with_columns(_unit=calendar.start_of(time, unit))
        return first.join(met, on=["user", "_unit"], how="semi").drop("_unit")

    def returns(self, lf: pl.LazyFrame, *extra: pl.Expr) -> pl.LazyFrame:
        """Return the rows of the return event from the first start on, up to now."""
        time = pl.col("time")
        rows = lf.filter(
            time >= self.grid.since, time < self.now, self.back.predicate()
        )
        return rows.select("user", "time", *extra, code=self.rule.code(time))

    def starts_and_returns(self, lf: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows that start or return: `user`, `time`, `code`, `i`, `back`.

        `i` is a start's cohort, -1 of other rows. Not for new users.
        """
        assert self.start is not None  # noqa: S101
        time = pl.col("time")
        codes = self.log.codes
        met = self.start.predicate(codes=codes)
        begins = [self.grid.holds(time), met, *self.segment.where]
        starts = pl.all_horizontal(begins).fill_null(value=False)
        back = pl.all_horizontal(
            time >= self.grid.since,
            time < self.now,
            self.back.predicate(codes=codes),
        ).fill_null(value=False)
        return lf.filter(starts | back).select(
            "user",
            "time",
            code=self.rule.code(time),
            i=pl.when(starts).then(self.grid.index(time)).otherwise(-1).cast(pl.Int32),
            back=back,
        )

    def last_returns(self) -> pl.DataFrame:
        """Return `user`, `code` and the latest `time` of a return with that code.

        Neighbouring rows of one user and code are cut to the last one while streaming.
        """
        differs = (pl.col("user") != pl.col("user").shift(-1)) | (
            pl.col("code") != pl.col("code").shift(-1)
        )
        last = differs.fill_null(value=True)
        found = self.log.collect(lambda lf: self.returns(lf).filter(last))
        order = pl.col("user").cast(pl.Int64) * (1 << 32) + pl.col("code")
        if not found.select((order.diff() <= 0).any()).item():
            return found
        return found.group_by("user", "code").agg(pl.col("time").max())

    def complete(self) -> pl.DataFrame:
        """Return `i` and `last`, the last index that is over for every start of it."""
        us = timedelta(microseconds=1)
        ends = self.rule.codes_of(self.grid.ends - us)
        over = (self.rule.code_of(self.now) - ends) // self.rule.size - 1
        return pl.DataFrame(
            {
                "i": pl.Series(range(len(ends)), dtype=pl.Int32),
                "last": over.cast(pl.Int64),
            }
        )

    def depth(self) -> int:
        """Return how many indices have begun for the first cohort."""
        first = self.rule.code_of(self.grid.starts[0])
        begun = self.rule.code_of(self.now - timedelta(microseconds=1)) - first
        return max(0, begun // self.rule.size + 1)
