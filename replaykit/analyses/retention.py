"""Count who comes back: cohorts by the day of their start, and the days after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.distinct import grouped, unique_rows
from replaykit.analyses.grid import Calendar, make_grid
from replaykit.analyses.properties import By, groupings
from replaykit.analyses.retained_counts import Counts, counted
from replaykit.analyses.retained_users import retained_users
from replaykit.analyses.retention_query import RetentionQuery
from replaykit.analyses.return_index import COUNTINGS, Counting, ReturnIndex
from replaykit.analyses.segments import EVERYONE, SegmentLike, as_segment
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, UnknownOption, check_option
from replaykit.query import Step, as_step, check_events, event
from replaykit.timeline import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from replaykit.points import RetentionKey
    from replaykit.timeline import Interval, Span, Weekday

RetentionMeasure: TypeAlias = Literal["on", "on or after", "on or before", "custom"]
"""When a user counts at index k: a return at k, at or after it, or in a bracket."""

RETENTION_MEASURES: Final[tuple[RetentionMeasure, ...]] = (
    "on",
    "on or after",
    "on or before",
    "custom",
)

_US: Final = timedelta(microseconds=1)

#: The cohort of everybody.
ALL: Final = "all"

#: Start-return pairs looked at in one go.
_MOST_PAIRS: Final = 10_000_000


@dataclass(frozen=True, eq=False)
class RetentionAnswer:
    """What retention found.

    Attributes
    ----------
    table
        One line per cell: the group-by columns String, `cohort` String (the start of
        its interval, or "all"), `time` Datetime(us, zone) (null for "all"), `offset`
        Int64 (the index; the position of the bracket for `"custom"`), `bracket` String
        (`"custom"` only), `users` Int64 (of the cohort; for "all", distinct users of
        the cohorts whose cell is complete), `returned` Int64, `value` Float64
        (percent; null without users), `incomplete` Boolean.
    cohorts
        The group-by columns, `cohort`, `time` and `users`; "all" counts everybody who
        started, once.
    """

    table: pl.DataFrame
    cohorts: pl.DataFrame
    query: RetentionQuery
    measure: RetentionMeasure
    brackets: tuple[tuple[int, int], ...]

    @property
    def groups(self) -> list[str]:
        """The columns that tell the tables of groups apart."""
        return [one.name for one in self.query.by]

    def population(
        self, key: RetentionKey, group: Sequence[str | None] = ()
    ) -> pl.DataFrame:
        """Name the users of one cell who came back, or who did not.

        Parameters
        ----------
        key
            The cohort as the table writes it, the offset, and "retained" or "lost".
        group
            The values of `groups`, if the result is grouped and the key has none.

        Returns
        -------
        DataFrame
            One line per user: `user`; `start`, their first start in the cohort; `end`,
            when the index ends (or at the counted return, if that is later); `at`, the
            first counted return, or for the lost the start of their last session in
            the window; `rows`, the counted returns, or for the lost their starts.
        """
        return retained_users(self, key, group or key.group)


def retention(
    frame: Frames,
    start: Step | str | None = None,
    back: Step | str | None = None,
    *,
    measure: RetentionMeasure = "on",
    every: Interval = "1d",
    counting: Counting = "24 hours",
    brackets: Sequence[tuple[int, int]] | None = None,
    depth: int | None = None,
    span: Span | None = None,
    now: datetime | None = None,
    tz: str | None = None,
    by: By = None,
    segment: SegmentLike | None = None,
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> RetentionAnswer:
    """Count the users of each cohort who come back at an index after their start.

    A cohort are the users with a start in an interval; who starts in several is in
    several cohorts. A return is not earlier than the start; one row may be both.

    Parameters
    ----------
    frame
        Canonical events, in any order; also those after the range, for the returns.
    start
        The event that puts a user into a cohort, inside the range. None: the first
        event of new users.
    back
        The event that counts as a return, up to now. None: any active event.
    measure
        `"on"`: a return with exactly this index. `"on or after"`: with this or a later
        one. `"on or before"`. `"custom"`: with an index in a bracket.
    every
        The interval of cohorts and indices: `"1h"`, `"1d"`, `"1w"`, `"1mo"`, `"1q"` or
        `"1y"`.
    counting
        `"24 hours"`: a day is 24 hours from the hour of the start (a week 7 dates, a
        month 30). `"calendar"`: differences of dates, week starts or months.
    brackets
        For `"custom"`: `[(first, end), ...]`, `end` not included.
    depth
        How many indices; by default all that have begun.
    span, now, tz
        The range of starts; the moment up to which data are known (by default the
        span's, else the last event); the zone of the dates.
    by, segment
        Grouping and conditions, on the row of the start.
    week_start, quarter_start
        The project's calendar.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 2],
    ...         "time": [datetime(2026, 3, day) for day in (1, 2, 1)],
    ...         "event": ["Sign up", "Buy", "Sign up"],
    ...     }
    ... )
    >>> found = retention(frame, "Sign up", "Buy", now=datetime(2026, 3, 4))
    >>> found.table.filter(cohort="all").select("offset", "users", "returned").rows()
    [(0, 2, 0), (1, 2, 1), (2, 0, 0)]
    """
    check_option("measure", measure, RETENTION_MEASURES)
    check_option("counting", counting, COUNTINGS)
    if (brackets is None) == (measure == "custom"):
        raise UnknownOption(
            "measure='custom' needs brackets=[(0, 1), (1, 7)]."
            if brackets is None
            else "brackets= has no effect without measure='custom'."
        )
    log = Pieces.of(frame)
    calendar = Calendar(
        tz or (span.tz if span is not None else "UTC"), week_start, quarter_start
    )
    rule = ReturnIndex(every, counting, calendar)
    grid = make_grid(log, every=every, span=span, calendar=calendar)
    query = RetentionQuery(
        log=log,
        start=None if start is None else as_step(start),
        back=event("*", pl.col("active")) if back is None else as_step(back),
        grid=grid,
        rule=rule,
        segment=EVERYONE if segment is None else as_segment(segment),
        by=groupings(log.whole, by),
        now=_now(log, grid.span, now),
    )
    columns = query.depth() if depth is None else depth
    if columns < 0:
        raise UnknownOption(f"depth={depth!r} is not a number of intervals.")
    return _answer(query, measure, _brackets(brackets, columns))


def _now(log: Pieces, span: Span, now: datetime | None) -> datetime:
    if now is not None:
        return instant(now, span.tz)
    if span.now is not None:
        return span.now
    edges = log.first_and_last
    if edges is None:
        return instant(span.end or "1970-01-01")
    return edges[1] + _US


def _brackets(
    brackets: Sequence[tuple[int, int]] | None, columns: int
) -> tuple[tuple[int, int], ...]:
    if brackets is None:
        return tuple((k, k + 1) for k in range(columns))
    for low, high in brackets:
        if not 0 <= low < high:
            raise BadInput(
                f"({low}, {high}) is not a bracket: it starts at 0 or later and ends "
                "after its start, which is included; its end is not."
            )
    return tuple((int(low), int(high)) for low, high in brackets)


def _answer(
    query: RetentionQuery,
    measure: RetentionMeasure,
    brackets: tuple[tuple[int, int], ...],
) -> RetentionAnswer:
    keys = query.keys
    complete = query.complete()
    found = counted(query, measure, brackets) or _joined(query, measure, brackets)
    if found.sizes.is_empty() or found.cells.is_empty():
        _check_events(query)
    ends = pl.DataFrame(
        {
            "k": pl.Series(range(len(brackets)), dtype=pl.Int32),
            "needs": pl.Series([high - 1 for _, high in brackets], dtype=pl.Int64),
        }
    )
    table = found.sizes.join(ends, how="cross").join(complete, on="i", how="left")
    table = table.join(found.cells, on=[*keys, "i", "k"], how="left")
    table = table.with_columns(incomplete=pl.col("needs") > pl.col("last"))
    bases = found.bases.join(ends, how="cross")
    mature = pl.col("n").filter(pl.col("needs") <= pl.col("last")).sum()
    total = bases.group_by(*keys, "k").agg(users=mature)
    total = total.join(found.overall, on=[*keys, "k"], how="left")
    everybody = found.everybody
    order = everybody.sort("users", *keys, descending=[True, *[False] * len(keys)])
    return RetentionAnswer(
        _named(query, table, total, order, brackets if measure == "custom" else None),
        _cohorts(query, found.sizes, everybody, order),
        query,
        measure,
        brackets,
    )


def _joined(
    query: RetentionQuery,
    measure: RetentionMeasure,
    brackets: tuple[tuple[int, int], ...],
) -> Counts:
    """Count by joining starts with returns: groups, new users, sets of users."""
    keys = query.keys
    starts, returns = query.starts(), query.last_returns()
    complete = query.complete()
    ends = pl.DataFrame(
        {
            "k": pl.Series(range(len(brackets)), dtype=pl.Int32),
            "needs": pl.Series([high - 1 for _, high in brackets], dtype=pl.Int64),
        }
    )
    rows = pl.len().alias("returned")
    cells, overall = [], []
    for pairs in returned_pairs(query, starts, returns):
        counted = counted_at(pairs, measure, brackets, keys)
        cells.append(grouped(counted, [*keys, "i", "k"], rows))
        known = counted.join(complete, on="i").join(ends, on="k")
        known = known.filter(pl.col("needs") <= pl.col("last"))
        once = unique_rows(known.select("user", *keys, "k"))
        overall.append(grouped(once, [*keys, "k"], rows))
    users = unique_rows(starts.select("user", *keys, "i"))
    seen = grouped(users.join(complete, on="i"), ["user", *keys], pl.col("last").max())
    everybody = users.select("user", *keys).unique().group_by(*keys).agg(users=pl.len())
    if not keys and everybody.is_empty():
        everybody = users.select(users=pl.len())
    return Counts(
        _added(cells, [*keys, "i", "k"]),
        _added(overall, [*keys, "k"]),
        grouped(users, [*keys, "i"], pl.len().alias("users")),
        seen.group_by(*keys, "last").agg(n=pl.len()),
        everybody,
    )


def returned_pairs(
    query: RetentionQuery, starts: pl.DataFrame, returns: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """Yield `user`, groups, cohort `i` and `index` of returns, users in portions.

    A user with m starts and n returns has up to m * n pairs; portions keep that small.
    """
    code, later = pl.col("code"), pl.col("code_right")
    follows = (later > code) | (
        (later == code) & (pl.col("time_right") >= pl.col("time"))
    )
    index = (later - code) // query.rule.size
    for low, high in _portions(starts, returns):
        mine = pl.col("user").is_between(low, high)
        pairs = starts.filter(mine).join(returns.filter(mine), on="user")
        kept = pairs.lazy().filter(follows)
        yield kept.select("user", *query.keys, "i", index=index).collect()


def _portions(starts: pl.DataFrame, returns: pl.DataFrame) -> list[tuple[int, int]]:
    """Return ranges of users with about `_MOST_PAIRS` pairs each."""
    left = starts.group_by("user").agg(m=pl.len().cast(pl.Int64))
    most = left["m"].max()
    if most is None or returns.is_empty():
        return []
    if int(str(most)) * returns.height <= _MOST_PAIRS:
        everyone = left.select(pl.col("user").min(), pl.col("user").max().alias("high"))
        return [everyone.row(0)]
    right = returns.group_by("user").agg(n=pl.len().cast(pl.Int64))
    work = left.join(right, on="user").sort("user")
    pairs = (pl.col("m") * pl.col("n")).cum_sum()
    bounds = work.group_by(portion=pairs // _MOST_PAIRS).agg(
        low=pl.col("user").min(), high=pl.col("user").max()
    )
    return list(bounds.sort("low").select("low", "high").iter_rows())


def counted_at(
    pairs: pl.DataFrame,
    measure: RetentionMeasure,
    brackets: Sequence[tuple[int, int]],
    keys: Sequence[str],
) -> pl.DataFrame:
    """Return the distinct (user, groups, cohort, column k) that count."""
    who = ["user", *keys, "i"]
    depth = len(brackets)
    if measure == "custom":
        parts = [
            pairs.filter(pl.col("index").is_between(low, high, closed="left"))
            .select(who)
            .unique()
            .with_columns(k=pl.lit(k, dtype=pl.Int32))
            for k, (low, high) in enumerate(brackets)
        ]
        return pl.concat(parts) if parts else pairs.select(*who, k="index").clear()
    index = pl.col("index").cast(pl.Int32)
    if measure == "on":
        return unique_rows(pairs.filter(index < depth).select(*who, k=index))
    if measure == "on or after":
        reach = grouped(pairs, who, (index.max() + 1).alias("stop"))
        first: pl.Expr = pl.lit(0, dtype=pl.Int32)
        last = pl.min_horizontal("stop", pl.lit(depth, dtype=pl.Int32))
    else:
        reach = grouped(pairs, who, index.min().alias("stop"))
        first, last = pl.col("stop"), pl.lit(depth, dtype=pl.Int32)
        reach = reach.filter(pl.col("stop") < depth)
    spans = reach.with_columns(k=pl.int_ranges(first, last, dtype=pl.Int32))
    return spans.explode("k").select(*who, "k").drop_nulls("k")


def _added(parts: list[pl.DataFrame], on: Sequence[str]) -> pl.DataFrame:
    if not parts:
        kinds = {name: pl.String if name[0] == "b" else pl.Int32 for name in on}
        return pl.DataFrame(schema={**kinds, "returned": pl.Int64})
    found = pl.concat(parts).group_by(on).agg(pl.col("returned").sum())
    return found.with_columns(pl.col("returned").cast(pl.Int64))


def _named(
    query: RetentionQuery,
    table: pl.DataFrame,
    total: pl.DataFrame,
    order: pl.DataFrame,
    brackets: Sequence[tuple[int, int]] | None,
) -> pl.DataFrame:
    """Put cohorts and the row of all under one another, group by group."""
    keys = query.keys
    labels = cohort_labels(query)
    rows = table.join(labels, on="i", how="left")
    alls = total.with_columns(
        cohort=pl.lit(ALL),
        time=pl.lit(None, dtype=labels["time"].dtype),
        incomplete=pl.lit(value=False),
    )
    columns = [*keys, "cohort", "time", "k", "users", "returned", "incomplete"]
    both = pl.concat(
        [rows.select(columns), alls.select(columns)], how="vertical_relaxed"
    )
    sort = ["time", "k"]
    if keys:
        ranks = order.select(keys).with_row_index("rank")
        both = both.join(ranks, on=keys, how="left")
        sort = ["rank", *sort]
    returned = pl.col("returned").fill_null(0)
    users = pl.col("users").cast(pl.Int64)
    names = [
        pl.col(key).alias(one.name) for key, one in zip(keys, query.by, strict=True)
    ]
    bracket = []
    if brackets is not None:
        texts = pl.Series([f"{low}-{high - 1}" for low, high in brackets])
        bracket = [pl.lit(texts).gather(pl.col("k")).alias("bracket")]
    return both.sort(sort, nulls_last=True).select(
        *names,
        "cohort",
        "time",
        pl.col("k").cast(pl.Int64).alias("offset"),
        *bracket,
        users,
        returned,
        pl.when(users > 0).then(100 * returned / users).alias("value"),
        "incomplete",
    )


def _cohorts(
    query: RetentionQuery,
    sizes: pl.DataFrame,
    everybody: pl.DataFrame,
    order: pl.DataFrame,
) -> pl.DataFrame:
    keys = query.keys
    labels = cohort_labels(query)
    alls = everybody.with_columns(
        cohort=pl.lit(ALL), time=pl.lit(None, dtype=labels["time"].dtype)
    )
    columns = [*keys, "cohort", "time", "users"]
    rows = sizes.join(labels, on="i", how="left")
    both = pl.concat([rows.select(columns), alls.select(columns)])
    sort = ["time"]
    if keys:
        ranks = order.select(keys).with_row_index("rank")
        both, sort = both.join(ranks, on=keys, how="left"), ["rank", "time"]
    names = [
        pl.col(key).alias(one.name) for key, one in zip(keys, query.by, strict=True)
    ]
    found = both.sort(sort, nulls_last=True)
    return found.select(*names, "cohort", "time", pl.col("users").cast(pl.Int64))


def cohort_labels(query: RetentionQuery) -> pl.DataFrame:
    """Return `i`, `time` (in the zone) and `cohort`, its text."""
    form = "%Y-%m-%d %H:%M" if query.rule.every == "1h" else "%Y-%m-%d"
    labels = query.grid.labels().select("i", "time")
    labels = labels.with_columns(cohort=pl.col("time").dt.strftime(form))
    # Of an hour that the clocks repeat, the offset tells which one.
    twice = pl.col("cohort").is_duplicated()
    exact = pl.col("time").dt.strftime(f"{form}%:z")
    return labels.with_columns(
        pl.when(twice).then(exact).otherwise("cohort").alias("cohort")
    )


def _check_events(query: RetentionQuery) -> None:
    """Refuse misspelt events; looked up only when nobody starts or nobody returns."""
    steps = [query.back] if query.start is None else [query.start, query.back]
    if query.log.names:
        check_events(steps, query.log.names)
