"""Cohorts over time, and side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.analyses.cohort_clauses import Cohort, Moment, make_moment
from replaykit.analyses.grid import Calendar
from replaykit.analyses.properties import groupings, label
from replaykit.analyses.segments import Segment
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, UnknownOption
from replaykit.timeline import instant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_UTC: Final = pl.Datetime("us", "UTC")


@dataclass(frozen=True, eq=False)
class CohortOverTime:
    """The size of a cohort, day by day.

    Attributes
    ----------
    table
        `time` Datetime(us, zone), the day, and `value` Int64, its size as if evaluated
        at the end of that day.
    """

    table: pl.DataFrame
    cohort: Cohort
    moment: Moment

    def population(self, day: datetime) -> pl.DataFrame:
        """Name the members on a day: `user`, in order."""
        zone = self.moment.calendar.tz
        at = instant(day, zone)
        if self.table.filter(
            pl.col("time").dt.convert_time_zone("UTC") == at
        ).is_empty():
            raise BadInput(f"{at:%Y-%m-%d} is not a day of this table.")
        return self.cohort.users(_end_of(self.moment, at)).sort("user")


def cohort_over_time(
    frame: Frames,
    cohort: Cohort,
    *,
    now: datetime,
    days: int = 30,
    calendar: Calendar | None = None,
) -> CohortOverTime:
    """Count a cohort at the end of each of the last days.

    Clauses with `during="7d"` look at the 7 days that end on that day; nothing later
    than the day is seen.

    Examples
    --------
    >>> from datetime import datetime
    >>> from replaykit.analyses.cohorts import performed
    >>> frame = pl.DataFrame(
    ...     {"user": [1], "time": [datetime(2026, 3, 1)], "event": ["Play"]}
    ... )
    >>> over = cohort_over_time(
    ...     frame, performed("Play", during="2d"), now=datetime(2026, 3, 4), days=3
    ... )
    >>> over.table["value"].to_list()
    [1, 1, 0]
    """
    if days < 1:
        raise UnknownOption(f"days={days!r}: give 1 or more.")
    calendar = calendar or Calendar()
    moment = make_moment(Pieces.of(frame), now=now, calendar=calendar)
    end = pl.lit(moment.now - timedelta(microseconds=1), dtype=_UTC)
    today = pl.select(calendar.start_of(end, "1d")).item()
    starts = [*calendar.starts_before(today, "1d", days - 1), today]
    sizes = [cohort.users(_end_of(moment, start)).height for start in starts]
    table = pl.DataFrame(
        {"time": pl.Series(starts, dtype=_UTC).dt.convert_time_zone(calendar.tz)}
    ).with_columns(value=pl.Series(sizes, dtype=pl.Int64))
    return CohortOverTime(table, cohort, moment)


def _end_of(moment: Moment, day: datetime) -> Moment:
    """Return the state of things at the end of a day."""
    end = pl.select(moment.calendar.end_of(pl.lit(day, dtype=_UTC), "1d")).item()
    seen = moment.frame.filter(pl.col("time") < end)
    return Moment(seen, replace(moment.span, end=None), end, moment.calendar)


@dataclass(frozen=True, eq=False)
class CohortComparison:
    """Two cohorts side by side.

    Attributes
    ----------
    table
        One line: `first_only`, `both`, `second_only` Int64, and `jaccard` Float64, the
        users in both per users in either (null if there are none).
    """

    table: pl.DataFrame
    first: pl.DataFrame
    second: pl.DataFrame
    frame: pl.LazyFrame

    def segments(self) -> dict[str, Segment]:
        """Return both as segments, for actives, retention or averages in any chart."""
        return {
            "first": Segment(users=self.first),
            "second": Segment(users=self.second),
        }

    def composition(self, of: str | pl.Expr) -> pl.DataFrame:
        """Return the members by their most recent value of a property.

        The property as String, `first` and `second` Int64, most frequent first.
        """
        (prop,) = groupings(self.frame, of, word="of")
        value = label(prop.expr, prop.dtype).alias(prop.name)
        rows = self.frame.filter(pl.col("active")).select("user", "time", "row", value)
        last = rows.sort("time", "row").group_by("user").last().collect()
        parts = [
            users.join(last, on="user").group_by(prop.name).agg(pl.len().alias(name))
            for name, users in (("first", self.first), ("second", self.second))
        ]
        both = parts[0].join(parts[1], on=prop.name, how="full", coalesce=True)
        counts = pl.col("first", "second").fill_null(0).cast(pl.Int64)
        sized = both.with_columns(counts)
        return sized.sort(
            pl.col("first") + pl.col("second"), prop.name, descending=[True, False]
        )


def compare_cohorts(
    frame: Frames, first: pl.DataFrame, second: pl.DataFrame
) -> CohortComparison:
    """Compare two sets of users (`user`): their overlap and what they are made of.

    Examples
    --------
    >>> from datetime import datetime
    >>> day = datetime(2026, 3, 1)
    >>> frame = pl.DataFrame({"user": [1], "time": [day], "event": ["Play"]})
    >>> a, b = pl.DataFrame({"user": [1, 2]}), pl.DataFrame({"user": [2, 3]})
    >>> compare_cohorts(frame, a, b).table.row(0)[:3]
    (1, 1, 1)
    """
    lf = Pieces.of(frame).whole
    dtype = lf.collect_schema()["user"]
    a, b = (one.select(pl.col("user").cast(dtype)).unique() for one in (first, second))
    both = a.join(b, on="user", how="semi").height
    either = a.height + b.height - both
    table = pl.DataFrame(
        {
            "first_only": [a.height - both],
            "both": [both],
            "second_only": [b.height - both],
            "jaccard": [both / either if either else None],
        },
        schema_overrides={"jaccard": pl.Float64},
    )
    return CohortComparison(table, a, b, lf)


def read_ids(
    ids: Iterable[str], directory: pl.DataFrame, *, canonical_ids: bool = False
) -> tuple[pl.DataFrame, list[str]]:
    """Read a list of users, one id per line: the users, and the ids that are unknown.

    Parameters
    ----------
    ids
        The lines; no header and no blank line.
    directory
        `user` and `user_id`.
    canonical_ids
        Whether the lines are canonical ids (`user`), every one of which must exist;
        otherwise user ids, of which unknown ones are left out.

    Examples
    --------
    >>> directory = pl.DataFrame({"user": [0, 1], "user_id": ["ana", "ben"]})
    >>> read_ids(["ben", "zoe"], directory)[1]
    ['zoe']
    """
    lines = [one.rstrip("\r\n") for one in ids]
    for at, line in enumerate(lines, start=1):
        if not line.strip():
            raise BadInput(f"Line {at} is blank; the list holds one id per line.")
    column = pl.col("user").cast(pl.String) if canonical_ids else pl.col("user_id")
    wanted = pl.DataFrame({"id": pl.Series(lines, dtype=pl.String)}).unique(
        maintain_order=True
    )
    known = directory.select("user", id=column)
    unknown = wanted.join(known, on="id", how="anti", maintain_order="left")["id"]
    if canonical_ids and len(unknown):
        raise BadInput(
            f"{unknown[0]!r} is no canonical id of this project; {len(unknown)} of "
            f"{wanted.height} are unknown. Every canonical id must exist."
        )
    found = known.join(wanted, on="id", how="semi").select("user").unique().sort("user")
    return found, unknown.to_list()
