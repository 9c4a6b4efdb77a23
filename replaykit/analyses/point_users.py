"""The users behind one point of a segmentation, with their window and their rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.distributions import FREQUENCIES, bin_labels
from replaykit.analyses.properties import NONE, number, rest_label, tidy
from replaykit.errors import UnknownPoint, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.analyses.charted import Charted
    from replaykit.analyses.measures import Spec
    from replaykit.analyses.windows import Window
    from replaykit.points import SegmentationKey

#: `time_ms` of a key that means the whole range.
WHOLE: Final = -1

#: Charted rows named per user; explaining a point needs no more.
MOST_ROWS: Final = 200

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def point_users(
    charted: Charted,
    spec: Spec,
    window: Window,
    kept: pl.DataFrame | None,
    key: SegmentationKey,
) -> pl.DataFrame:
    """Return one line per user of the point (`SegmentationAnswer.population`)."""
    grid = charted.grid
    whole = key.time_ms == WHOLE
    first, last = 0, len(grid.starts) - 1
    if whole:
        first = grid.lookback
    else:
        last = interval_at(grid.labels(), key.time_ms)
        width = (
            window.size if window.kind.startswith("rolling") else window.width(last + 1)
        )
        first = max(0, last - (width or 1) + 1)
    if not 0 <= key.event < len(charted.steps):
        raise UnknownPoint(
            f"There is no event number {key.event}; the chart has "
            f"{len(charted.steps)}, counted from 0."
        )
    labels, segment, bucket = _split_group(charted, spec, key.group)
    found = _rows(charted, spec, key.event, segment)
    found = found.filter(pl.col("i").is_between(first, last))
    found = _of_group(found, charted.keys, labels, kept)
    if bucket is not None and spec.what == "distribution":
        ranges = spec.ranges or []
        low, high = ranges[position(bucket, bin_labels(ranges, closed=False))]
        found = found.filter(pl.col("v").is_between(low, high, closed="left"))
    rows = found.collect()
    if bucket is not None and spec.what == "values":
        text = pl.col("v").map_elements(tidy, return_dtype=pl.String)
        rows = rows.filter(text == bucket)
    one = replace(
        charted,
        steps=(charted.steps[key.event],),
        segments={"": list(charted.segments.values())[segment]},
    )
    rows = one.of_kind(one.of(rows, 0, 0), 0, whole=whole)
    if bucket is not None and spec.what == "frequency":
        rows = _as_often(rows, spec, bucket)
    if bucket is not None and spec.what == "counts":
        times = pl.len().over("user").cast(pl.String)
        rows = rows.filter(times == bucket)
    start, _ = grid.at(first)
    _, end = grid.at(last)
    ordered = rows.unique(["user", "row"]).sort("user", "time", "row")
    return ordered.group_by("user", maintain_order=True).agg(
        start=pl.lit(start, dtype=pl.Datetime("us", "UTC")),
        end=pl.lit(end, dtype=pl.Datetime("us", "UTC")),
        at=pl.col("time").first(),
        rows=pl.col("row").head(MOST_ROWS),
    )


def interval_at(labels: pl.DataFrame, time_ms: int) -> int:
    """Return the position of the interval that starts at a moment."""
    at = _EPOCH + timedelta(milliseconds=time_ms)
    found = labels.filter(pl.col("time").dt.convert_time_zone("UTC") == at)
    if found.is_empty():
        raise UnknownPoint(
            f"No interval of this chart starts at {at:%Y-%m-%d %H:%M} UTC. The column "
            "'time' of its table lists the starts."
        )
    position: int = found["i"][0]
    return position


def _rows(charted: Charted, spec: Spec, event: int, segment: int) -> pl.LazyFrame:
    one = replace(
        charted,
        steps=(charted.steps[event],),
        segments={"": list(charted.segments.values())[segment]},
    )
    lf = charted.log.opened.whole
    extra = [pl.col("time"), pl.col("row")]
    prop = spec.prop
    if prop is None:
        return one.rows(lf, extra)
    found = one.rows(lf, [*extra, prop.expr.alias("v")])
    if prop.is_array:
        found = found.explode("v")
    if not spec.what.startswith("distinct"):
        found = found.with_columns(v=number(pl.col("v"), found.collect_schema()["v"]))
    return found.filter(pl.col("v").is_not_null())


def _split_group(
    charted: Charted, spec: Spec, group: Sequence[str | None]
) -> tuple[list[str], int, str | None]:
    """Read a key's labels: groupings, then the segment, then the bucket."""
    labels = [NONE if one is None else one for one in group]
    named = list(charted.segments) != [""]
    expected = len(charted.by) + named + spec.has_buckets
    if len(labels) != expected:
        raise UnknownPoint(
            f"This point names {len(labels)} groups; the chart has {expected}."
        )
    bucket = labels.pop() if spec.has_buckets else None
    segment = position(labels.pop(), list(charted.segments)) if named else 0
    return labels, segment, bucket


def _of_group(
    rows: pl.LazyFrame,
    keys: Sequence[str],
    labels: Sequence[str],
    kept: pl.DataFrame | None,
) -> pl.LazyFrame:
    if not keys:
        return rows
    if kept is not None and list(labels) == [rest_label(kept)] * len(keys):
        return rows.join(kept.lazy(), on=list(keys), how="anti")
    return rows.filter(
        pl.col(key) == label for key, label in zip(keys, labels, strict=True)
    )


def _as_often(rows: pl.DataFrame, spec: Spec, bucket: str) -> pl.DataFrame:
    ranges = spec.ranges if spec.ranges is not None else FREQUENCIES
    low, high = ranges[position(bucket, bin_labels(ranges, closed=True))]
    return rows.filter(pl.len().over("user").is_between(low, high))


def position(name: str, known: Sequence[str]) -> int:
    """Return where a label stands, or say what the chart has instead."""
    if name not in known:
        hint = did_you_mean(name, known)
        raise UnknownPoint(
            f"The chart has no {name!r}. {hint} It has {', '.join(known)}."
        )
    return known.index(name)
