"""The events that the query benchmarks ask: a seeded log, in a project on disk.

`SIZE=20M` (the default) is 20 million events of some 385,000 people over 90 days, built
once under `build/bench`. Names follow Zipf's law; a person's events come in sessions
with pauses of half an hour and more; a few sessions run beside each other. Times are
whole seconds and no two events of one person share one, so that every engine must give
the same answer.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

import replaykit as rk
from replaykit.schema import TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILT: Final = Path(__file__).parent.parent / "build" / "bench"
#: Rises with every change of what is drawn.
EDITION: Final = 1
CHUNK: Final = 40_000

NAMES: Final = [f"Event {number:02}" for number in range(40)]
COUNTRIES: Final = ["US", "DE", "FR", "GB", "IN", "BR", "JP", "CA", "ES", "IT"]
PLATFORMS: Final = ["web", "ios", "android"]
FIVE: Final = ("Event 01", "Event 02", "Event 04", "Event 06", "Event 09")
THREE: Final = ("Event 01", "Event 04", "Event 09")

_START: Final = 1_767_225_600  # 2026-01-01 UTC, in seconds
_SECONDS: Final = 90 * 86_400
_EVENTS_PER_USER: Final = 45


def size() -> int:
    """Return how many events are asked for, from `SIZE` such as `20M`."""
    text = os.environ.get("SIZE", "20M").upper()
    return int(float(text.removesuffix("M")) * 1_000_000)


@dataclass(frozen=True)
class Log:
    """A project of so many events, and its files for peers."""

    folder: Path
    rows: int

    @property
    def files(self) -> list[str]:
        """The Parquet files of the event table, in the order of their partitions."""
        store = rk.open(self.folder)._store
        return [
            str(store.folder / "events" / name)
            for names in store.snapshot.files.values()
            for name in names
        ]


def log(rows: int | None = None) -> Log:
    """Build the project, or find it built."""
    wanted = size() if rows is None else rows
    folder = BUILT / f"log-{EDITION}-{wanted}.rk"
    if not folder.exists():
        beside = folder.with_suffix(".building")
        shutil.rmtree(beside, ignore_errors=True)
        project = rk.create(beside)
        project._store.append(*_batches(wanted))
        beside.rename(folder)
    # Makes the covering indexes of a project built before there were any.
    rk.open(folder).compact()
    return Log(folder, rk.open(folder)._store.rows)


def _batches(rows: int) -> Iterator[pl.DataFrame]:
    users = max(1, rows // _EVENTS_PER_USER)
    for first in range(0, users, CHUNK):
        many = min(CHUNK, users - first)
        yield _drawn(np.random.default_rng((EDITION, first)), first, many)


def _drawn(rng: np.random.Generator, first: int, users: int) -> pl.DataFrame:
    """Draw people with about 45 events each, those of one person together."""
    counts = np.minimum(rng.lognormal(3.4, 1.05, users).astype(np.int64) + 1, 2_000)
    total = int(counts.sum())
    user = np.repeat(np.arange(users), counts)
    heads = np.concatenate(([0], np.cumsum(counts)[:-1]))
    opens = rng.random(total) < 0.14
    opens[heads] = True
    pause = 1_801 + rng.exponential(3 * 86_400, total).astype(np.int64)
    step = 1 + np.minimum(rng.exponential(45, total).astype(np.int64), 1_700)
    gap = np.where(opens, pause, step)
    gap[heads] = rng.integers(0, _SECONDS // 2, users)
    run = np.cumsum(gap)
    time = run - np.repeat(run[heads] - gap[heads], counts)
    inside = time < _SECONDS
    opened = np.maximum.accumulate(np.where(opens, np.arange(total), 0))
    session = time[opened]
    # Some events still belong to the session before the one that runs.
    before = np.maximum(opened - 1, 0)
    late = (rng.random(total) < 0.004) & (opened > 0) & (user[before] == user)
    session = np.where(late & ~opens, session[before], session)
    ranks = np.arange(1, len(NAMES) + 1)
    odds = 1 / ranks**0.9
    event = rng.choice(len(NAMES), total, p=odds / odds.sum()).astype(np.uint8)
    country = rng.choice(len(COUNTRIES), users, p=_shares(len(COUNTRIES)))
    platform = rng.choice(len(PLATFORMS), users, p=_shares(len(PLATFORMS)))
    ids = pl.format("user-{}", pl.Series(np.arange(first, first + users)))
    people = pl.DataFrame(
        {
            "user_id": pl.select(ids).to_series(),
            "builtin.country": pl.Series(COUNTRIES).gather(country),
            "builtin.platform": pl.Series(PLATFORMS).gather(platform),
        }
    )
    frame = (
        pl.DataFrame(
            {
                "user": user,
                "time": pl.Series((_START + time) * 1_000_000).cast(TIME),
                "event": pl.Series(NAMES).gather(event),
                "session_id": (_START + session) * 1_000,
                "event.price": np.where(
                    event == 9, rng.integers(1, 200, total), np.nan
                ),
            }
        )
        .with_columns(pl.col("event.price").fill_nan(None))
        .filter(pl.Series(inside))
    )
    return pl.concat([people[frame["user"]], frame.drop("user")], how="horizontal")


def _shares(many: int) -> np.ndarray:
    odds = 1 / np.arange(1, many + 1)
    return odds / odds.sum()


if __name__ == "__main__":
    made = log()
    print(f"{made.rows:,} events in {made.folder}")
