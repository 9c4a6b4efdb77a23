"""When people come to the demo shop: growth, weekdays, hours, and coming back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from replaykit.demoshop.people import places
from replaykit.demoshop.visitors import RECORDED_DAYS, VISITORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Days of history before the end.
DAYS: Final = 75
#: Visits by hour of the local day, and by weekday from Monday.
_HOURS: Final = (
    3, 2, 1, 1, 1, 2, 5, 9, 12, 14, 15, 17,
    20, 18, 16, 16, 17, 19, 23, 28, 31, 27, 16, 8,
)  # fmt: skip
_WEEKDAYS: Final = (1.0, 0.95, 0.98, 1.12, 0.92, 1.18, 1.36)
_SALE_DAYS: Final = 13
_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR


def microseconds_of(moment: datetime) -> int:
    """Return the moment as whole microseconds since 1970."""
    return round(moment.timestamp()) * 1_000_000


def draw_sessions(
    rng: np.random.Generator, people: pl.DataFrame, end: datetime
) -> pl.DataFrame:
    """Draw when each person comes, on what device, and who they are by then.

    One row per session: person (row of `people`), start (microseconds), device,
    device_id, `signed` up before it, `fresh` (signs up in it), logs_in, buyer.
    """
    count = len(people)
    begin = microseconds_of(end) - DAYS * _DAY
    rhythm = _rhythm(end)
    old = rng.random(count) < 0.38
    arrival = np.where(old, 0.0, rng.random(count))
    loyalty = rng.gamma(1.1, 1.0, count)  # most come once or twice, some often
    visits = 1 + rng.poisson(1.9 * loyalty * np.where(old, 1.15, 1.0))
    visits = np.where(people["history"].to_numpy(), visits, 0)
    person = np.repeat(np.arange(count), visits)
    total = len(person)
    opening = np.zeros(total, dtype=bool)
    opening[(np.cumsum(visits) - visits)[visits > 0]] = True
    # Newcomers come back soon or not at all; old customers come any time.
    wait = np.where(old[person], rng.random(total), rng.random(total) ** 2.4)
    share = np.where(
        opening & ~old[person],
        arrival[person],
        arrival[person] + (1 - arrival[person]) * wait,
    )
    cell = np.minimum(
        np.searchsorted(rhythm, share * rhythm[-1], side="right"), len(rhythm) - 1
    )
    offset = places()["utc_offset"].to_numpy()[people["place"].to_numpy()]
    start = (
        begin
        + (cell - offset[person]) * _HOUR
        + rng.integers(0, _HOUR // 1_000, total) * 1_000
    )
    # The recorded visitors' last days are the recordings themselves.
    recorded = (people["person"].to_numpy() < len(VISITORS))[person]
    last = np.where(
        recorded,
        microseconds_of(end) - (RECORDED_DAYS + 1) * _DAY,
        microseconds_of(end),
    )
    second = people["second_device"].is_not_null().to_numpy()[person]
    taste = rng.gamma(6.0, 1 / 6.0, count)
    drawn = pl.DataFrame(
        {
            "person": person,
            "start": start,
            "known": people["known"].to_numpy()[person],
            "old": old[person],
            "second": second & (rng.random(total) < 0.3),
            "buyer": taste[person],
            "login": rng.random(total),
            "joins": rng.geometric(0.55, count)[person],
        }
    )
    # Nobody comes twice in one sitting, nor before the shop's first day.
    kept = (
        drawn.with_columns(
            # Someone must come once: a first visit out of range is moved into it.
            start=pl.when(pl.col("person").is_first_distinct())
            .then(pl.col("start").clip(begin, pl.Series(last) - _DAY // 4))
            .otherwise("start"),
            last=pl.Series(last),
        )
        .filter(pl.col("start") >= begin, pl.col("start") < pl.col("last"))
        .sort("person", "start")
        .filter(
            (pl.col("start").diff().over("person") > 2 * _HOUR).fill_null(value=True)
        )
    )
    nth = pl.int_range(pl.len()).over("person")
    newcomer = pl.col("known") & ~pl.col("old")
    signed = pl.col("known") & (pl.col("old") | (nth >= pl.col("joins")))
    return kept.with_columns(
        fresh=newcomer & (nth + 1 == pl.col("joins")),
        signed=signed,
        logs_in=signed & (pl.col("login") < 0.24),
        device=pl.when("second")
        .then(people["second_device"].gather(kept["person"]))
        .otherwise(people["device"].gather(kept["person"])),
        device_id=pl.when("second")
        .then(people["second_device_id"].gather(kept["person"]))
        .otherwise(people["device_id"].gather(kept["person"])),
    )


def _rhythm(end: datetime) -> NDArray[np.float64]:
    """Cumulative weight of every hour before the end."""
    begin = end - timedelta(days=DAYS)
    weight = np.empty(DAYS * 24)
    for hour in range(DAYS * 24):
        moment = begin + timedelta(hours=hour)
        days_left = DAYS - hour / 24
        growth = 1 + 0.5 * hour / (DAYS * 24)
        sale = 1.35 if days_left <= _SALE_DAYS else 1.0
        weight[hour] = _HOURS[moment.hour] * _WEEKDAYS[moment.weekday()] * growth * sale
    return np.cumsum(weight)
