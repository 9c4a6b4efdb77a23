"""Count events over time: who did something, how often, with what values.

Each interval is evaluated on its own. The collapsed value of a series treats the range
as one interval: a user seen on two days adds one to each day and one to the range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.charted import Charted
from replaykit.analyses.grid import Calendar, make_grid
from replaykit.analyses.measures import AGGREGATES, MEASURES, Aggregate, Measure, Spec
from replaykit.analyses.point_users import point_users
from replaykit.analyses.properties import (
    ITEMS,
    Bins,
    By,
    Grouping,
    Items,
    as_ranges,
    groupings,
)
from replaykit.analyses.segments import Segments, as_segments
from replaykit.analyses.series import series
from replaykit.analyses.windows import Window, as_window
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, UnknownOption, check_option
from replaykit.query import Step, as_step, check_events

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replaykit.points import SegmentationKey
    from replaykit.timeline import Interval, Span, Weekday

_MOST_EVENTS: Final = 10
_MOST_ON_SEGMENT: Final = 2


@dataclass(frozen=True, eq=False)
class SegmentationAnswer:
    """What a segmentation found.

    Attributes
    ----------
    table
        One line per series and interval, zero-filled, series in the order of the
        events and then by size: `event` String, the group-by columns String ("(none)"
        for null, "other" for groups beyond `top`), `segment` String (if segments were
        named), `bucket` String (frequency and distributions), `time`
        Datetime(us, zone), `value` (Int64 for counts, Float64 else; null where
        undefined), `incomplete` Boolean (the interval still runs).
    total
        The collapsed value per series: the same columns without `time` and
        `incomplete`.
    """

    table: pl.DataFrame
    total: pl.DataFrame
    charted: Charted
    spec: Spec
    window: Window
    kept: pl.DataFrame | None

    @property
    def events(self) -> list[str]:
        """The labels of the events, in the order of the question."""
        return [step.label for step in self.charted.steps]

    @property
    def groups(self) -> list[str]:
        """The columns that tell the series of an event apart, in a key's order."""
        own = {"event", "time", "value", "incomplete"}
        return [name for name in self.table.columns if name not in own]

    def population(self, key: SegmentationKey) -> pl.DataFrame:
        """Name the users behind one point.

        Parameters
        ----------
        key
            The event's position, the labels of `groups` in order and the start of the
            interval in epoch milliseconds, or -1 for the whole range.

        Returns
        -------
        DataFrame
            One line per user: `user`; `start` and `end`, the interval (with a window:
            from its first interval on); `at`, the time of the first charted row in it;
            `rows`, the charted rows (the first 200 of a user).
        """
        return point_users(self.charted, self.spec, self.window, self.kept, key)


def segmentation(
    frame: Frames,
    events: Sequence[str | Step] | str | Step,
    *,
    measure: Measure | pl.Expr = "uniques",
    of: str | pl.Expr | None = None,
    aggregate: Aggregate | None = None,
    bins: Bins | None = None,
    every: Interval = "1d",
    span: Span | None = None,
    tz: str | None = None,
    by: By = None,
    segment_by: By = None,
    top: int | None = None,
    segments: Segments = None,
    over: str | None = None,
    items: Items = "all",
    week_start: Weekday = "monday",
    quarter_start: int = 1,
) -> SegmentationAnswer:
    """Count events per interval, and over the whole range.

    Parameters
    ----------
    frame
        Canonical events, in any order. Give the whole table and say the range in
        `span`: new users and windows look at earlier rows.
    events
        Names or steps. A row that matches two events is counted in both.
    measure
        `"uniques"`: distinct users. `"totals"`: rows. `"active"`: percent of the users
        active in the interval. `"average"`: rows per user who has any. `"frequency"`:
        users per number of rows. `"property"`: an aggregate of a property. A polars
        expression is evaluated over the charted rows of each point.
    of, aggregate
        For `measure="property"`: the property, and what to make of its values. Only
        numbers and numeric text take part; missing values never do.
    bins
        For frequency and distributions: `(min, max, size)` or `[(low, high), ...]`.
        Frequency bins hold whole numbers, both ends included; value bins are
        `[low, high)`. What lies outside is not shown.
    every
        The interval, civil in `tz`.
    span
        The range; None means all times in the frame.
    tz
        The zone of the intervals; by default the span's.
    by
        What to group the events by, as of each row: up to five properties. A user may
        be in several groups.
    segment_by
        The same on the segment: it also restricts what Active % divides by.
    top
        Keep the largest groups and put the rest into "other".
    segments
        Conditions by label, or one condition, on the rows of every event.
    over
        `"rolling 7"`, `"rolling average 7"` (in intervals) or `"cumulative"`.
    items
        Whether an array counts every item, or a row once per distinct item.
    week_start, quarter_start
        The project's calendar.

    Raises
    ------
    UnknownEvent, UnknownProperty, UnknownOption, BadDuration, BadTime
        With what exists and the nearest match.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 2],
    ...         "time": [datetime(2026, 3, 1, h) for h in (9, 10, 11)],
    ...         "event": ["Search", "Search", "Search"],
    ...     }
    ... )
    >>> segmentation(frame, "Search").table["value"].to_list()
    [2]
    >>> segmentation(frame, "Search", measure="totals").table["value"].to_list()
    [3]
    """
    log = Pieces.of(frame)
    lf = log.whole
    steps = _steps(events)
    check_option("items", items, ITEMS)
    named = as_segments(segments)
    spec = measure_spec(lf, measure, of=of, aggregate=aggregate, bins=bins)
    window = as_window(over)
    if spec.expr is not None and window.kind in {"rolling", "cumulative"}:
        raise UnknownOption(
            f"over={over!r} needs to know how to join intervals, which an expression "
            "does not say. Use over='rolling average 7', or a named measure."
        )
    grouped, inherited = groupings(lf, by), groupings(lf, segment_by, word="segment_by")
    _check_groups(grouped, inherited, named, top)
    calendar = Calendar(
        tz or (span.tz if span is not None else "UTC"), week_start, quarter_start
    )
    grid = make_grid(
        log, every=every, span=span, calendar=calendar, lookback=window.lookback
    )
    charted = Charted(
        log=log,
        steps=steps,
        segments=named,
        by=(*grouped, *inherited),
        grid=grid,
        by_segment=len(inherited),
        items=items,
    )
    return answer(charted, spec, window=window, top=top)


def answer(
    charted: Charted, spec: Spec, *, window: Window, top: int | None = None
) -> SegmentationAnswer:
    """Count what `charted` holds; the part of `segmentation` after its options."""
    found = series(charted, spec, window, top)
    _check_found(charted, found.table)
    table = _named(charted, found.table, timed=True)
    total = _named(charted, found.total, timed=False)
    return SegmentationAnswer(table, total, charted, found.spec, window, found.kept)


def relative(found: SegmentationAnswer) -> SegmentationAnswer:
    """Return values as percent of the sum of all series, per interval and in all."""
    value = pl.col("value")
    whole = value.sum().over("time")
    share = pl.when(whole != 0).then(100 * value / whole)
    total = pl.when(value.sum() != 0).then(100 * value / value.sum())
    return replace(
        found,
        table=found.table.with_columns(value=share.cast(pl.Float64)),
        total=found.total.with_columns(value=total.cast(pl.Float64)),
    )


def summary(found: SegmentationAnswer) -> pl.DataFrame:
    """Sum up each series: its mean, its median, first minus last point, and its sum."""
    added = found.spec.what in _ADDED
    value = pl.col("value")
    series = ["event", *found.groups]
    return found.table.group_by(series, maintain_order=True).agg(
        average=value.mean(),
        median=value.median(),
        change=(value.first() - value.last()).cast(pl.Float64),
        sum=value.sum().cast(pl.Float64) if added else pl.lit(None, pl.Float64),
    )


#: Measures whose points may be added up; a user would count once per point.
_ADDED: Final = ("totals", "sum", "distribution", "expression")


def _named(charted: Charted, found: pl.DataFrame, *, timed: bool) -> pl.DataFrame:
    """Turn positions into labels and put the columns in their documented order."""
    labels = pl.Series([step.label for step in charted.steps], dtype=pl.String)
    columns = [pl.lit(labels).gather(pl.col("event_at")).alias("event")]
    columns += [
        pl.col(key).alias(one.name)
        for key, one in zip(charted.keys, charted.by, strict=True)
    ]
    if list(charted.segments) != [""]:
        segments = pl.Series(list(charted.segments), dtype=pl.String)
        columns.append(pl.lit(segments).gather(pl.col("segment_at")).alias("segment"))
    columns += [pl.col("bucket")] if "bucket" in found.columns else []
    columns += [pl.col("time")] if timed else []
    columns.append(pl.col("value"))
    return found.select(*columns, *([pl.col("incomplete")] if timed else []))


def measure_spec(
    frame: pl.LazyFrame,
    measure: Measure | pl.Expr,
    *,
    of: str | pl.Expr | None = None,
    aggregate: Aggregate | None = None,
    bins: Bins | None = None,
) -> Spec:
    """Check a measure and its options, and refuse those it would ignore."""
    if isinstance(measure, pl.Expr):
        if (of, aggregate, bins) != (None, None, None):
            raise UnknownOption(
                "of=, aggregate= and bins= have no effect on an expression as measure."
            )
        return Spec("expression", expr=measure)
    check_option("measure", measure, MEASURES)
    if measure != "property":
        for name, given in (("of", of), ("aggregate", aggregate)):
            if given is not None:
                raise UnknownOption(
                    f"{name}={given!r} has no effect on measure={measure!r}. "
                    "Use measure='property'."
                )
        if bins is not None and measure != "frequency":
            raise UnknownOption(
                f"bins= has no effect on measure={measure!r}. Use measure='frequency', "
                "or 'property' with aggregate='distribution'."
            )
        return Spec(measure, ranges=None if bins is None else as_ranges(bins))
    if of is None:
        raise BadInput(
            "measure='property' needs a property: of='price', aggregate='sum'."
        )
    what: Aggregate = "sum" if aggregate is None else aggregate
    check_option("aggregate", what, AGGREGATES)
    if bins is not None and what != "distribution":
        raise UnknownOption(
            f"bins= has no effect on aggregate={what!r}. Use aggregate='distribution'."
        )
    (prop,) = groupings(frame, of, word="of")
    return Spec("property", prop, what, None if bins is None else as_ranges(bins))


def _steps(events: Sequence[str | Step] | str | Step) -> tuple[Step, ...]:
    given = [events] if isinstance(events, str | Step) else list(events)
    if not given:
        raise BadInput("Name at least one event, for example 'Search' or '*'.")
    steps = tuple(as_step(one) for one in given)
    if len(steps) > _MOST_EVENTS:
        raise BadInput(
            f"{len(steps)} events were given; a chart takes up to {_MOST_EVENTS}."
        )
    labels = [step.label for step in steps]
    if len(set(labels)) < len(labels):
        twice = next(one for one in labels if labels.count(one) > 1)
        raise BadInput(
            f"Two events are called {twice!r}. Tell them apart with "
            f"rk.event({twice!r}, ...).named('...')."
        )
    return steps


def _check_groups(
    by: Sequence[Grouping],
    segment_by: Sequence[Grouping],
    segments: Mapping[str, object],
    top: int | None,
) -> None:
    names = [one.name for one in (*by, *segment_by)]
    if len(set(names)) < len(names):
        raise BadInput("by= and segment_by= name the same property; keep one of them.")
    if len(segment_by) > _MOST_ON_SEGMENT:
        raise BadInput("segment_by= takes up to two properties.")
    if segment_by and len(segments) > 1:
        raise BadInput(
            "segment_by= groups one segment; several were given. Keep one, or use by=."
        )
    if top is None:
        return
    if not names:
        raise UnknownOption(f"top={top!r} has no effect without by=.")
    if top < 1:
        raise UnknownOption(f"top={top!r} keeps no group; give 1 or more.")
    if by and segment_by:
        raise UnknownOption(
            "top= cannot rank groups of the event and of the segment together. "
            "Use it with by= or with segment_by= alone."
        )


def _check_found(charted: Charted, table: pl.DataFrame) -> None:
    """Refuse a misspelt event; looked up only when an event has no row at all."""
    counted = table.group_by("event_at").agg(rows=pl.col("value").fill_null(0).sum())
    empty = set(range(len(charted.steps))) - set(
        counted.filter(pl.col("rows") > 0)["event_at"]
    )
    if not empty:
        return
    if charted.log.names:
        steps = [charted.steps[k] for k in sorted(empty)]
        check_events(steps, charted.log.names)
