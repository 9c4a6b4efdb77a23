"""In which interval after a start a return falls, and when that interval is over.

Every time gets a whole number, its code; the index of a return is the difference of
codes divided by the size of an interval (`spec/retention.md` 2). With windows of
elapsed time a day counts 24 hours from the hour of the start, a week 7 dates and a
month 30 dates; with calendar intervals the codes are those of the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from replaykit.analyses.grid import UTC_TIME
from replaykit.errors import BadDuration

if TYPE_CHECKING:
    from datetime import datetime

    from replaykit.analyses.grid import Calendar

Counting: TypeAlias = Literal["24 hours", "calendar"]
"""How intervals after a start are counted: in windows of 24 hours, or by calendar."""

COUNTINGS: Final[tuple[Counting, ...]] = ("24 hours", "calendar")

_DATES: Final = {"1w": 7, "1mo": 30, "1q": 90, "1y": 365}
_UNITS: Final = ("1h", "1d", "1w", "1mo", "1q", "1y")


@dataclass(frozen=True)
class ReturnIndex:
    """The rule that numbers returns; `every` is one hour, day, week, month, ..."""

    every: str
    counting: Counting
    calendar: Calendar

    def __post_init__(self) -> None:
        """Refuse intervals that have no index."""
        if self.every not in _UNITS:
            raise BadDuration(
                f"every={self.every!r} is not an interval of retention. Use one of "
                f"{', '.join(repr(unit) for unit in _UNITS)}."
            )

    @property
    def size(self) -> int:
        """How many codes make one interval."""
        if self.counting == "24 hours":
            return {"1h": 60, "1d": 24}.get(self.every) or _DATES[self.every]
        return {"1w": 7, "1q": 3}.get(self.every, 1)

    @property
    def unit(self) -> str:
        """The interval within which starts have one code."""
        if self.counting == "calendar":
            return self.every
        return {"1h": "1m", "1d": "1h"}.get(self.every, "1d")

    def code(self, time: pl.Expr) -> pl.Expr:
        """Return the code of a time, as Int32."""
        if self.unit in {"1m", "1h"}:
            start = self.calendar.start_of(time, self.unit)
            length = 60_000_000 if self.unit == "1m" else 3_600_000_000
            return (start.to_physical() // length).cast(pl.Int32)
        if self.unit == "1d" and self.calendar.tz == "UTC":
            return (time.to_physical() // 86_400_000_000).cast(pl.Int32)
        start = self.calendar.start_of(time, self.unit)
        civil = start.dt.convert_time_zone(self.calendar.tz)
        if self.unit in {"1d", "1w"}:
            return civil.dt.date().to_physical().cast(pl.Int32)
        year = civil.dt.year().cast(pl.Int32)
        if self.unit == "1y":
            return year
        return year * 12 + civil.dt.month().cast(pl.Int32)

    def code_of(self, moment: datetime) -> int:
        """Return the code of one moment."""
        found = pl.select(self.code(pl.lit(moment, dtype=UTC_TIME))).item()
        return int(found)

    def codes_of(self, moments: pl.Series) -> pl.Series:
        """Return the codes of moments."""
        return moments.to_frame("t").select(self.code(pl.col("t"))).to_series()
