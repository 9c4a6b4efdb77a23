"""From a tally to the series of a chart: ranked, cut to the top, dense in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from replaykit.analyses.cell_counts import cell_counts
from replaykit.analyses.distinct import expanded, unique_rows
from replaykit.analyses.measures import (
    Spec,
    buckets_of,
    tally,
    users_at,
    values,
    with_ranges,
)
from replaykit.analyses.properties import cut_to_top, rest_label
from replaykit.analyses.segments import keep_cohort
from replaykit.analyses.windows import Window, rolling_average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.charted import Charted


class Series(NamedTuple):
    """The numbers of a chart: `event`, `segment` (positions), groups, `i`, `value`."""

    table: pl.DataFrame
    total: pl.DataFrame
    kept: pl.DataFrame | None
    spec: Spec


def series(
    charted: Charted, spec: Spec, window: Window, top: int | None = None
) -> Series:
    """Return the values per series and interval, and per series over the whole range.

    Groups are ordered by size (`rank`), ties by label. With `top`, the rows of smaller
    groups are relabelled before anything is counted, so that the users of "other" are
    distinct users.
    """
    if spec.in_cells and window.kind == "none":
        found = _in_cells(charted, spec, top)
        if found is not None:
            return found
    lines = tally(charted, spec)
    spec = with_ranges(spec, lines)
    actives = None
    if spec.what == "active":
        own = charted.actives.keys
        shared = dict(zip(own, charted.segment_keys, strict=True))
        actives = charted.actives.distinct().rename(shared)
    keys = charted.keys
    active_keys = charted.segment_keys
    ranks = ranked_groups(charted, spec, lines)
    kept = None
    if top is not None and len(ranks) > top:
        kept = ranks.head(top).select(keys)
        lines = cut_to_top(lines, keys, kept)
        if actives is not None and active_keys:
            actives = cut_to_top(actives, active_keys, kept.select(active_keys))
        others = pl.DataFrame({key: [rest_label(kept)] for key in keys})
        ranks = pl.concat([ranks.head(top).select(keys), others])
    order = ranks.select(keys).with_row_index("rank") if keys else None
    tables, totals = [], []
    for event in range(len(charted.steps)):
        for segment in range(len(charted.segments)):
            after = window.cohort == "after"
            mine = charted.of(lines, event, segment, cohort=after)
            base = actives
            if actives is not None:
                base = charted.actives.of(actives, 0, segment, cohort=after)
            one, whole = _one(charted, spec, window, mine, base, segment=segment)
            place = {"event_at": pl.lit(event), "segment_at": pl.lit(segment)}
            tables.append(one.with_columns(**place))
            totals.append(whole.with_columns(**place))
    return Series(
        _ordered(pl.concat(tables), order, keys),
        _ordered(pl.concat(totals), order, keys),
        kept,
        spec,
    )


def _in_cells(charted: Charted, spec: Spec, top: int | None) -> Series | None:
    """Return the series of a chart whose users and rows are counted in one pass."""
    found = cell_counts(charted)
    if found is None:
        return None
    keys, grid = charted.keys, charted.grid
    combos = order = kept = None
    if keys:
        size = "users" if spec.what == "uniques" else "n"
        ranks = found.totals.sort(size, *keys, descending=[True, *[False] * len(keys)])
        combos = ranks.select(keys)
        if top is not None and combos.height > top:
            kept = combos.head(top)
            # A user may be in several of the other groups, and is one of their users.
            found = cell_counts(charted, kept)
            if found is None:
                return None
            rest = pl.DataFrame({key: [rest_label(kept)] for key in keys})
            combos = pl.concat([kept, rest])
        order = combos.with_row_index("rank")
    value = {
        "uniques": pl.col("users"),
        "totals": pl.col("n"),
        "average": pl.col("n") / pl.col("users"),
    }[spec.what]
    place = {"event_at": pl.lit(0), "segment_at": pl.lit(0)}
    whole = found.totals.select(*keys, i=pl.lit(0, dtype=pl.Int32), value=value)
    total = _dense(whole, spec, combos, None, [0]).drop("i")
    points = found.points.select(*keys, "i", value=value)
    table = _dense(points, spec, combos, None, range(len(grid.starts)))
    table = table.join(grid.labels(), on="i", how="inner", maintain_order="left")
    return Series(
        _ordered(table.with_columns(**place), order, keys),
        _ordered(total.with_columns(**place), order, keys),
        kept,
        spec,
    )


def _one(
    charted: Charted,
    spec: Spec,
    window: Window,
    mine: pl.DataFrame,
    actives: pl.DataFrame | None,
    *,
    segment: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the points of one event and segment, and its collapsed values."""
    grid, keys = charted.grid, charted.keys

    one = list(charted.segments.values())[segment]
    combos = unique_rows(mine.select(keys)) if keys else None

    def kept(lines: pl.DataFrame, *, whole: bool) -> pl.DataFrame:
        if window.cohort == "before":
            # The window is built for all users and cut by the point's own interval.
            if not whole:
                lines = expanded(lines, window.size, len(grid.starts))
            lines = keep_cohort(lines, one, grid)
        return charted.of_kind(lines, segment, whole=whole)

    def valued(*, whole: bool) -> pl.DataFrame:
        points = 1 if whole else len(grid.starts)
        joined = whole or window.cohort == "before"
        return values(
            spec,
            kept(mine, whole=whole),
            keys,
            points=points,
            window=None if joined else window.width(points),
            actives=None if actives is None else kept(actives, whole=whole),
            active_keys=charted.segment_keys,
            groups=combos,
        )

    buckets = buckets_of(spec, mine) if spec.has_buckets else None
    total = _dense(valued(whole=True), spec, combos, buckets, [0]).drop("i")
    table = _dense(valued(whole=False), spec, combos, buckets, range(len(grid.starts)))
    if window.kind == "rolling average":
        own = [*keys, *(["bucket"] if buckets is not None else [])]
        table = rolling_average(table, own, grid, window.size)
    labels = grid.labels()
    return table.join(labels, on="i", how="inner", maintain_order="left"), total


def _dense(
    found: pl.DataFrame,
    spec: Spec,
    combos: pl.DataFrame | None,
    buckets: Sequence[str] | None,
    points: Sequence[int],
) -> pl.DataFrame:
    """Give every series every interval (and bucket), zero where nothing happened."""
    dense = pl.DataFrame({"i": pl.Series(points, dtype=pl.Int32)})
    on = ["i"]
    if buckets is not None:
        names = pl.DataFrame({"bucket": pl.Series(buckets, dtype=pl.String)})
        dense = names.with_row_index("bucket_at").join(dense, how="cross")
        on = ["bucket", *on]
    if combos is not None:
        dense = combos.join(dense, how="cross")
        on = [*combos.columns, *on]
    value = pl.col("value")
    if spec.fill is not None:
        value = value.fill_null(spec.fill)
    return dense.join(found, on=on, how="left", maintain_order="left").with_columns(
        value if spec.dtype is None else value.cast(spec.dtype)
    )


def ranked_groups(charted: Charted, spec: Spec, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the groups, largest first (`spec/model.md` 5), ties by label."""
    keys = charted.keys
    if not keys:
        return pl.DataFrame()
    found = []
    for event in range(len(charted.steps)):
        for segment in range(len(charted.segments)):
            mine = charted.of(lines, event, segment)
            found.append(_sizes(spec, charted.of_kind(mine, segment, whole=True), keys))
    return (
        pl.concat(found)
        .group_by(keys)
        .agg(pl.col("size").sum())
        .sort("size", *keys, descending=[True, *[False] * len(keys)])
    )


def _sizes(spec: Spec, mine: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    what = spec.what
    if what in {"uniques", "active", "frequency"}:
        size = users_at(mine, keys, 1).select(*keys, size="value")
    elif what in {"sum", "average"} and spec.prop is not None:
        size = mine.group_by(keys).agg(size=pl.col("sum").sum())
    elif what == "distinct per user":
        known = mine.filter(pl.col("v").is_not_null())
        size = (
            known.select("user", "v", *keys).unique().group_by(keys).agg(size=pl.len())
        )
    elif what == "distinct":
        known = mine.filter(pl.col("v").is_not_null())
        size = known.group_by(keys).agg(size=pl.col("v").n_unique())
    else:
        size = mine.group_by(keys).agg(size=pl.col("n").sum())
    groups = unique_rows(mine.select(keys))
    return groups.join(size, on=keys, how="left").with_columns(
        pl.col("size").fill_null(0).cast(pl.Float64)
    )


def _ordered(
    table: pl.DataFrame, order: pl.DataFrame | None, keys: Sequence[str]
) -> pl.DataFrame:
    by = ["event_at", "segment_at"]
    if order is not None:
        table = table.join(order, on=list(keys), how="left")
        by.append("rank")
    by += [name for name in ("bucket_at", "i") if name in table.columns]
    return table.sort(by)
