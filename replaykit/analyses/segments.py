"""Segments: whose rows a chart counts.

A segment is a condition on the row (a property read as of the event), a kind of user
(any, active or new in the row's interval) and, if given, a set of users: fixed, or one
set per interval (`spec/model.md` 3, `spec/cohorts.md` 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.errors import BadInput, check_option

if TYPE_CHECKING:
    from replaykit.analyses.grid import Grid
    from replaykit.engine import Pieces

UserKind: TypeAlias = Literal["any", "active", "new"]
"""Which users a segment keeps: all, those active or those new in the row's interval."""

USER_KINDS: Final[tuple[UserKind, ...]] = ("any", "active", "new")

#: More segments than this make no readable chart.
MOST_SEGMENTS: Final = 10


@dataclass(frozen=True, eq=False)
class Segment:
    """Whose rows count.

    Parameters
    ----------
    where
        Conditions on the row; all must hold.
    kind
        `"active"`: users with an active event in the row's interval. `"new"`: users
        whose first event ever lies in it.
    users
        Keep only these users (`user`), or only these users in these intervals
        (`user`, `time`: a start of the chart's intervals, UTC).
    without
        Drop these users, whatever else holds.
    """

    where: tuple[pl.Expr, ...] = ()
    kind: UserKind = "any"
    users: pl.DataFrame | None = None
    without: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the words and the columns."""
        check_option("kind", self.kind, USER_KINDS)
        for users in (self.users, self.without):
            if users is not None and "user" not in users.columns:
                raise BadInput(
                    "A segment's users need a column 'user'; this table has "
                    f"{', '.join(users.columns)}."
                )

    @property
    def needs_users(self) -> bool:
        """Whether membership is decided per user, not per row."""
        return self.kind != "any" or self.users is not None or self.without is not None


SegmentLike: TypeAlias = Segment | pl.Expr | Iterable[pl.Expr]
Segments: TypeAlias = Mapping[str, SegmentLike] | SegmentLike | None

EVERYONE: Final = Segment()


def as_segments(segments: Segments) -> dict[str, Segment]:
    """Return segments by label; a lone segment has an empty label."""
    if segments is None:
        return {"": EVERYONE}
    if not isinstance(segments, Mapping):
        return {"": as_segment(segments)}
    if not segments:
        raise BadInput("segments={} names no segment; leave it out for all users.")
    if len(segments) > MOST_SEGMENTS:
        raise BadInput(
            f"{len(segments)} segments were given; a chart takes up to "
            f"{MOST_SEGMENTS}. Use by= for many groups."
        )
    return {str(label): as_segment(one) for label, one in segments.items()}


def as_segment(segment: SegmentLike) -> Segment:
    """Return a segment; a condition or a list of conditions becomes one."""
    if isinstance(segment, Segment):
        return segment
    if isinstance(segment, pl.Expr):
        return Segment((segment,))
    conditions = tuple(segment)
    if not all(isinstance(one, pl.Expr) for one in conditions):
        raise BadInput(
            "A segment is a polars condition, a list of them, or a Segment, for "
            "example segments={'web': pl.col('platform') == 'web'}."
        )
    return Segment(conditions)


def first_seen(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return `user` and `first`, the time of the first event ever, active or not."""
    return frame.group_by("user").agg(first=pl.col("time").min())


def members(log: Pieces, grid: Grid, kind: UserKind) -> pl.DataFrame:
    """Return the (user, i) pairs in which a user is active, or is new."""
    if kind == "new":
        first = pl.col("first")
        return log.collect(
            lambda lf: (
                first_seen(lf)
                .filter(grid.holds(first))
                .select("user", i=grid.index(first))
            )
        )
    time = pl.col("time")
    inside = (pl.col("active"), grid.holds(time))
    return log.collect(
        lambda lf: lf.filter(*inside).select("user", i=grid.index(time)).unique()
    )


def keep_cohort(rows: pl.DataFrame, segment: Segment, grid: Grid) -> pl.DataFrame:
    """Keep the rows (`user`, `i`) whose user is in the segment's set of users."""
    if segment.users is not None:
        users = segment.users.with_columns(pl.col("user").cast(rows["user"].dtype))
        on = ["user"]
        if "time" in users.columns:
            at = pl.col("time").dt.convert_time_zone("UTC")
            users = users.filter(at >= grid.starts[0], at < grid.ends[-1])
            users = users.select("user", i=grid.index(at))
            on = ["user", "i"]
        rows = rows.join(users.unique(on), on=on, how="semi", maintain_order="left")
    if segment.without is not None:
        users = segment.without.with_columns(pl.col("user").cast(rows["user"].dtype))
        rows = rows.join(users, on="user", how="anti", maintain_order="left")
    return rows
