"""What users are worth after their first n days: revenue per user of a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from replaykit.analyses.point_users import MOST_ROWS
from replaykit.analyses.properties import groupings, number
from replaykit.analyses.retained_users import ended, start_rows
from replaykit.analyses.retention import ALL, cohort_labels, retention
from replaykit.errors import UnknownOption, UnknownPoint, check_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from replaykit.analyses.properties import Grouping
    from replaykit.analyses.retention_query import RetentionQuery
    from replaykit.analyses.return_index import Counting
    from replaykit.analyses.segments import SegmentLike
    from replaykit.engine import Frames, Pieces
    from replaykit.query import Step
    from replaykit.timeline import Interval, Span, Weekday


@dataclass(frozen=True, eq=False)
class ValueAnswer:
    """What users were worth.

    Attributes
    ----------
    table
        One line per number of intervals and cohort: `intervals` Int64 (the first n),
        `cohort` String ("all" for the mature ones together), `time` Datetime(us, zone),
        `users` Int64, `paying` Int64 (with revenue in them), `revenue` Float64,
        `value` Float64 (per user), `value_paying` Float64 (per paying user; null
        without any), `mature` Boolean (the n-th interval is over for all of them).
    """

    table: pl.DataFrame
    query: RetentionQuery
    revenue: Grouping

    def population(self, cohort: str, intervals: int, *, paying: bool) -> pl.DataFrame:
        """Name the users of a cohort, or only those with revenue by then.

        One line per user: `user`; `start`, their first start; `end`, when the first
        `intervals` are over; `at`, the first row with revenue in them, or the start;
        `rows`, those rows (the first 200), or the start's.
        """
        known = self.table.filter(intervals=intervals, cohort=cohort)
        if known.is_empty():
            raise UnknownPoint(
                f"No cohort {cohort!r} after {intervals} intervals; .table lists them."
            )
        log = self.query.log.opened
        starts = first_starts(self.query, log)
        if cohort == ALL:
            complete = self.query.complete()
            mature = complete.filter(pl.col("last") >= intervals - 1)
            starts = starts.join(mature, on="i", how="semi")
        else:
            labels = self.query.grid.labels()
            at = labels.filter(time=known["time"][0])["i"][0]
            starts = starts.filter(pl.col("i") == at)
        value = number(self.revenue.expr, self.revenue.dtype).alias("v")
        paid = paid_rows(self.query, log, starts, [value, pl.col("row")])
        paid = paid.filter(pl.col("index") < intervals).sort("user", "time", "row")
        spent = paid.group_by("user", maintain_order=True).agg(
            pl.col("time").first().alias("paid"),
            pl.col("row").head(MOST_ROWS).alias("paid_rows"),
            pl.col("v").sum(),
        )
        firsts = starts.select("user", "code", start="time")
        found = ended(self.query, firsts, intervals)
        began = start_rows(self.query, log.whole, starts)
        found = found.join(spent, on="user", how="left").join(
            began, on="user", how="left"
        )
        if paying:
            found = found.filter(pl.col("v").fill_null(0) != 0)
        return found.select(
            "user",
            "start",
            "end",
            at=pl.coalesce("paid", "start"),
            rows=pl.coalesce("paid_rows", "rows"),
        ).sort("user")


def lifetime_value(
    frame: Frames,
    start: Step | str | None,
    back: Step | str | None,
    *,
    of: str | pl.Expr,
    every: Interval = "1d",
    counting: Counting = "24 hours",
    depth: int | None = None,
    span: Span | None = None,
    now: datetime | None = None,
    tz: str | None = None,
    segment: SegmentLike | None = None,
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> ValueAnswer:
    """Sum a property over each user's first n intervals, per cohort of first starts.

    Parameters
    ----------
    frame
        Canonical events, in any order.
    start
        The event that puts a user into a cohort, by its first occurrence in the range.
        None: the first event of new users.
    back
        The event whose property is summed. None: any active event.
    of
        The property; only numbers and numeric text take part.
    every, counting, depth, span, now, tz, segment, week_start, quarter_start
        As in `retention`.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1],
    ...         "time": [datetime(2026, 3, 1), datetime(2026, 3, 2)],
    ...         "event": ["Sign up", "Buy"],
    ...         "price": [None, 5.0],
    ...     }
    ... )
    >>> found = lifetime_value(frame, "Sign up", "Buy", of="price", depth=2)
    >>> found.table.filter(cohort="2026-03-01")["revenue"].to_list()
    [0.0, 5.0]
    """
    check_option("counting", counting, ("24 hours", "calendar"))
    if depth is not None and depth < 1:
        raise UnknownOption(
            f"depth={depth!r} is no number of intervals; give 1 or more."
        )
    asked = retention(
        frame,
        start,
        back,
        every=every,
        counting=counting,
        depth=depth,
        span=span,
        now=now,
        tz=tz,
        segment=segment,
        week_start=week_start,
        quarter_start=quarter_start,
    )
    query = asked.query
    (prop,) = groupings(query.log.whole, of, word="of")
    starts = first_starts(query, query.log)
    value = number(prop.expr, prop.dtype).alias("v")
    pairs = paid_rows(query, query.log, starts, [value])
    spent = pairs.group_by("user", "i", "index").agg(pl.col("v").sum())
    return ValueAnswer(_table(query, starts, spent, len(asked.brackets)), query, prop)


def first_starts(query: RetentionQuery, log: Pieces) -> pl.DataFrame:
    """Return every user's first start."""
    starts = query.starts(log).sort("user", "time")
    return starts.unique("user", keep="first", maintain_order=True)


def paid_rows(
    query: RetentionQuery, log: Pieces, starts: pl.DataFrame, columns: Sequence[pl.Expr]
) -> pl.DataFrame:
    """Return the rows with a value `v` from each user's start on, with their index."""
    known = pl.col("v").is_not_null()
    paid = log.collect(lambda lf: query.returns(lf, *columns).filter(known))
    pairs = paid.join(starts, on="user", suffix="_start").filter(
        pl.col("time") >= pl.col("time_start")
    )
    index = (pl.col("code") - pl.col("code_start")) // query.rule.size
    return pairs.with_columns(index=index)


def _table(
    query: RetentionQuery, starts: pl.DataFrame, spent: pl.DataFrame, depth: int
) -> pl.DataFrame:
    labels, complete = cohort_labels(query), query.complete()
    sizes = starts.group_by("i").agg(users=pl.len().cast(pl.Int64))
    lines = []
    for n in range(1, depth + 1):
        so_far = spent.filter(pl.col("index") < n)
        per_user = so_far.group_by("user", "i").agg(pl.col("v").sum())
        found = per_user.group_by("i").agg(
            paying=(pl.col("v") != 0).sum().cast(pl.Int64), revenue=pl.col("v").sum()
        )
        cohorts = sizes.join(found, on="i", how="left").join(complete, on="i")
        cohorts = cohorts.with_columns(
            pl.col("paying").fill_null(0),
            pl.col("revenue").fill_null(0.0),
            mature=pl.col("last") >= n - 1,
        )
        rows = cohorts.join(labels, on="i")
        mature = cohorts.filter("mature").select(
            pl.col("users", "paying", "revenue").sum()
        )
        alls = mature.with_columns(
            cohort=pl.lit(ALL),
            time=pl.lit(None, dtype=labels["time"].dtype),
            mature=pl.lit(value=True),
        )
        columns = ["cohort", "time", "users", "paying", "revenue", "mature"]
        both = pl.concat([rows.select(columns).sort("time"), alls.select(columns)])
        lines.append(both.with_columns(intervals=pl.lit(n, dtype=pl.Int64)))
    if not lines:
        columns = ["cohort", "time", "users", "paying", "revenue", "mature"]
        empty = sizes.join(labels, on="i").clear()
        lines = [
            empty.with_columns(
                paying=pl.lit(0, dtype=pl.Int64),
                revenue=pl.lit(0.0),
                mature=pl.lit(value=True),
                intervals=pl.lit(0, dtype=pl.Int64),
            )
        ]
    revenue, users, paying = pl.col("revenue"), pl.col("users"), pl.col("paying")
    return pl.concat(lines).select(
        "intervals",
        "cohort",
        "time",
        "users",
        "paying",
        "revenue",
        pl.when(users > 0).then(revenue / users).alias("value"),
        pl.when(paying > 0).then(revenue / paying).alias("value_paying"),
        "mature",
    )
