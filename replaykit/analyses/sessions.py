"""Count and time sessions.

A session is one user's active rows of one session id, or what a `SessionRule` cuts.
Conditions on rows are applied before sessions are formed; a session belongs wholly to
the interval in which it starts; one that lasts longer than a day counts nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.grid import Calendar, make_grid
from replaykit.analyses.point_users import MOST_ROWS, WHOLE, interval_at, position
from replaykit.analyses.properties import (
    NONE,
    Bins,
    By,
    cut_to_top,
    find_property,
    groupings,
    rest_label,
)
from replaykit.analyses.segments import Segments, as_segments
from replaykit.analyses.session_query import (
    EDGES,
    VALUES_OF,
    Edge,
    SessionsQuery,
    ValuesOf,
    compared_count,
    compared_length,
)
from replaykit.analyses.session_rules import (
    LENGTHS_FROM,
    LONGEST,
    LengthFrom,
    SessionRule,
    row_ids,
    summarised,
)
from replaykit.analyses.session_sums import (
    ALL,
    active_users,
    in_bucket,
    session_sums,
)
from replaykit.analyses.session_values import (
    DISTRIBUTIONS,
    IN_SESSION,
    PER_USER,
    SESSION_MEASURES,
    SessionMeasure,
    bucket_labels,
    named_series,
    session_ranges,
    session_values,
)
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, UnknownOption, UnknownPoint, check_option
from replaykit.query import Step, as_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replaykit.points import SessionsKey
    from replaykit.timeline import Interval, Span, Weekday


@dataclass(frozen=True, eq=False)
class SessionsAnswer:
    """What a count of sessions found.

    Attributes
    ----------
    table
        One line per series and interval, zero-filled: the group-by columns String,
        `segment` String (if segments were named), `bucket` String (distributions),
        `time` Datetime(us, zone), `value` (Int64 for counts; Float64 for means and,
        in seconds, for times; null where undefined), `incomplete` Boolean.
    total
        The value over the whole range per series.
    """

    table: pl.DataFrame
    total: pl.DataFrame
    query: SessionsQuery
    measure: SessionMeasure
    ranges: Sequence[tuple[float, float]]
    kept: pl.DataFrame | None

    @property
    def groups(self) -> list[str]:
        """The columns that tell series apart, in the order of a key."""
        own = {"time", "value", "incomplete"}
        return [name for name in self.table.columns if name not in own]

    @cached_property
    def _listed(self) -> pl.DataFrame:
        """Every session that passes the filters, long ones too.

        The numbers of a chart need no list; whoever opens one of them does.
        """
        query = self.query
        return pl.concat(
            [
                query.formed(k).with_columns(segment_at=pl.lit(k, dtype=pl.Int32))
                for k in range(len(query.segments))
            ]
        )

    @cached_property
    def formed(self) -> pl.DataFrame:
        """The counted sessions, with segment, groups and interval, without rows."""
        formed = self._listed.filter(pl.col("length") <= LONGEST)
        if self.kept is None:
            return formed
        return cut_to_top(formed, self.kept.columns, self.kept)

    @cached_property
    def left_out(self) -> pl.DataFrame:
        """Sessions that lasted longer than a day, in no number."""
        long = self._listed.filter(pl.col("length") > LONGEST)
        return long.select(_session_columns())

    @cached_property
    def sessions(self) -> pl.DataFrame:
        """One line per counted session, in the order of start and user.

        `user`, `session_id`, `start`, `end` (of its events, UTC), `length` Duration,
        `events` Int64, `rows` List(Int64).
        """
        return _with_rows(self.query, self.formed, None).select(_SESSION)

    def population(self, key: SessionsKey) -> pl.DataFrame:
        """Name the sessions behind one point, one line per session.

        Parameters
        ----------
        key
            The labels of `groups` in order, and the start of the interval in epoch
            milliseconds, or -1 for the whole range. For a distribution the bucket may
            also be named by its lower end instead: seconds or count times 1000, and
            the range is meant.

        Returns
        -------
        DataFrame
            `user`; `start` and `end` of the session; `at`, its first row; `rows`, its
            rows (the first 200).
        """
        return _population(self, key)


def sessions(
    frame: Frames,
    *,
    measure: SessionMeasure = "total",
    every: Interval = "1d",
    span: Span | None = None,
    tz: str | None = None,
    by: By = None,
    by_value: Edge = "first",
    values_of: ValuesOf = "session",
    top: int | None = None,
    segments: Segments = None,
    containing: Step | str | None = None,
    times: str | None = None,
    length: str | None = None,
    first: Mapping[str, object] | None = None,
    last: Mapping[str, object] | None = None,
    counting: Step | str | None = None,
    bins: Bins | None = None,
    rule: SessionRule | None = None,
    length_from: LengthFrom = "client time",
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> SessionsAnswer:
    """Count and time the sessions that start in each interval, and in the range.

    Parameters
    ----------
    frame
        Canonical events, in any order.
    measure
        `"total"`: sessions. `"length"`: the sum of their lengths, in seconds.
        `"average length"`: that per session. `"length distribution"`: sessions per
        length. `"time per user"`, `"per user"`: length and sessions per user with an
        active event in the interval, in a session or not. `"events"`, `"events per
        session"`, `"events distribution"`: rows of `counting` inside the sessions.
    every, span, tz
        The intervals and the range. A session belongs to the interval of its start.
    by, by_value, values_of
        Group by a property: by its first or last value in the session that is not
        null, of all rows or only of those that `containing` matched.
    top
        Keep the groups with most sessions and put the rest into "other".
    segments
        Conditions on rows, by label. They hold before sessions are formed.
    containing, times
        Only sessions with this event; `times="= 1"` says how often (`">= 1"`).
    length
        Only sessions of this length, such as `">= 1m"`.
    first, last
        Only sessions whose first or last value that is not null is this:
        `first={"page": "home"}`. None means that there is no value at all.
    counting
        The event that the last three measures count.
    bins
        For distributions: `(min, max, size)` or `[(low, high), ...]`, in seconds for
        lengths (`[low, high)`), whole numbers for events (both ends included).
    rule
        A definition of sessions of our own instead of the session ids.
    length_from
        `"client time"`: last minus first client time of its events (event time where
        that is missing). `"session id"`: from the id, which is a start time in ms.
    week_start, quarter_start
        The project's calendar.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 2],
    ...         "time": [datetime(2026, 3, 1, 9, m) for m in (0, 5, 7)],
    ...         "event": ["Search", "Buy", "Search"],
    ...         "session_id": [1, 1, 2],
    ...     }
    ... )
    >>> sessions(frame).table["value"].to_list()
    [2]
    >>> sessions(frame, measure="average length").table["value"].to_list()
    [150.0]
    """
    check_option("measure", measure, SESSION_MEASURES)
    check_option("by_value", by_value, EDGES)
    check_option("values_of", values_of, VALUES_OF)
    check_option("length_from", length_from, LENGTHS_FROM)
    log = Pieces.of(frame)
    lf = log.whole
    if times is not None and containing is None:
        raise UnknownOption(f"times={times!r} has no effect without containing=.")
    if values_of == "matched" and (containing is None or by is None):
        raise UnknownOption("values_of='matched' needs by= and containing=.")
    if (counting is None) == (measure in IN_SESSION):
        raise UnknownOption(
            f"measure={measure!r} counts an event inside sessions; name it with "
            "counting='Click'."
            if counting is None
            else f"counting= has no effect on measure={measure!r}; use 'events', "
            "'events per session' or 'events distribution'."
        )
    grouped = groupings(lf, by)
    if any(one.is_array for one in grouped):
        raise BadInput("Sessions cannot be grouped by an array; name one of its items.")
    if top is not None and (not grouped or top < 1):
        raise UnknownOption(f"top={top!r} needs by=, and keeps one group or more.")
    known = log.schema.names()
    edges = [
        (find_property(name, known), edge, value)
        for edge, given in zip(EDGES, (first, last), strict=True)
        for name, value in (given or {}).items()
    ]
    calendar = Calendar(
        tz or (span.tz if span is not None else "UTC"), week_start, quarter_start
    )
    step = None if containing is None else as_step(containing)
    query = SessionsQuery(
        log=log,
        grid=make_grid(log, every=every, span=span, calendar=calendar),
        segments=as_segments(segments),
        by=grouped,
        by_value=by_value,
        values_of=values_of,
        containing=step,
        times=None if step is None else compared_count("times", times or ">= 1"),
        length=None if length is None else compared_length("length", length),
        edges=tuple(edges),
        counting=None if counting is None else as_step(counting),
        rule=rule,
        length_from=length_from,
    )
    return _answer(query, measure, session_ranges(measure, bins), top)


def _answer(
    query: SessionsQuery,
    measure: SessionMeasure,
    ranges: Sequence[tuple[float, float]],
    top: int | None,
) -> SessionsAnswer:
    keys = [f"b{k}" for k in range(len(query.by))]
    marks = [pl.lit(k, dtype=pl.Int32) for k in range(len(query.segments))]
    sums = pl.concat(
        session_sums(query, k, ranges).with_columns(segment_at=mark)
        for k, mark in enumerate(marks)
    )
    active = None
    if measure in PER_USER:
        active = pl.concat(
            active_users(query, k).with_columns(segment_at=mark)
            for k, mark in enumerate(marks)
        )
    ranks, kept = None, None
    if keys:
        every = sums.filter(pl.col("bucket_at") == ALL)
        sizes = every.group_by(keys).agg(pl.col("n").sum())
        ranks = sizes.sort("n", *keys, descending=[True, *[False] * len(keys)])
        ranks = ranks.select(keys)
        if top is not None and len(ranks) > top:
            kept = ranks.head(top)
            sums = cut_to_top(sums, keys, kept)
            ranks = pl.concat(
                [kept, pl.DataFrame({key: [rest_label(kept)] for key in keys})]
            )
    values = [
        session_values(
            query, measure, len(ranges), sums, keys, active=active, whole=whole
        )
        for whole in (False, True)
    ]
    buckets = bucket_labels(measure, ranges)
    named = [named_series(query, one, ranks, buckets) for one in values]
    labels = query.grid.labels()
    table = named[0].join(labels, on="i", maintain_order="left")
    columns = [name for name in named[0].columns if name not in {"i", "value"}]
    return SessionsAnswer(
        table.select(*columns, "time", "value", "incomplete"),
        named[1].select(*columns, "value"),
        query,
        measure,
        ranges,
        kept,
    )


_SESSION: Final = ("user", "session_id", "start", "end", "length", "events", "rows")


def _session_columns() -> list[pl.Expr]:
    return [
        pl.col("user", "session_id", "start", "end"),
        pl.col("length").cast(pl.Duration("us")),
        pl.col("events"),
    ]


def _with_rows(
    query: SessionsQuery, formed: pl.DataFrame, most: int | None
) -> pl.DataFrame:
    """Add the row ids of sessions, in time order, at most so many of each."""
    parts = []
    on = ["user", "nth"]
    for k in range(len(query.segments)):
        mine = formed.filter(pl.col("segment_at") == k)
        lf = query.log.opened.whole
        cut = query.cut(lf, k, mine["user"].unique())
        every = summarised(cut, query.length_from).with_row_index("at")
        chosen = every.join(mine, on=on, how="semi")
        ids = row_ids(cut, chosen["at"].cast(pl.Int64), most)
        places = chosen.select(*on, pl.col("at").cast(pl.Int64)).join(ids, on="at")
        parts.append(mine.join(places, on=on, how="left"))
    length = pl.col("length").cast(pl.Duration("us"))
    order = ["start", "user", pl.col("rows").list.first()]
    return pl.concat(parts).with_columns(length).sort(order)


def _population(answer: SessionsAnswer, key: SessionsKey) -> pl.DataFrame:
    query, formed = answer.query, answer.formed
    labels = [NONE if one is None else one for one in key.group]
    expected = len(answer.groups)
    lone = answer.measure in DISTRIBUTIONS and len(labels) == expected - 1
    if len(labels) != expected and not lone:
        raise UnknownPoint(
            f"This point names {len(labels)} groups; the chart has {expected}: "
            f"{', '.join(answer.groups) or 'none'}."
        )
    if lone:
        lows = [low for low, _ in answer.ranges]
        if key.time_ms / 1000 not in lows:
            raise UnknownPoint(f"No bucket starts at {key.time_ms / 1000:g}.")
        labels.append(
            bucket_labels(answer.measure, answer.ranges)[lows.index(key.time_ms / 1000)]
        )
    elif key.time_ms != WHOLE:
        i = interval_at(query.grid.labels(), key.time_ms)
        formed = formed.filter(pl.col("i") == i)
    if answer.measure in DISTRIBUTIONS:
        buckets = bucket_labels(answer.measure, answer.ranges)
        k = position(labels.pop(), buckets)
        formed = formed.filter(in_bucket(query, answer.ranges, k))
    if list(query.segments) != [""]:
        k = position(labels.pop(), list(query.segments))
        formed = formed.filter(pl.col("segment_at") == k)
    for k, name in enumerate(labels):
        formed = formed.filter(pl.col(f"b{k}") == name)
    shown = _with_rows(query, formed, MOST_ROWS)
    return shown.select("user", "start", "end", at="start", rows="rows")
