"""Opening a large project, and reading one user of it beside scanning all.

`SIZE=100M make bench NAME=open` sets the number of events (20M by default). The project
is built first, once, under build/bench, in one ingest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator  # noqa: TC003 - a script
from pathlib import Path  # noqa: TC003 - a script

import numpy as np
import polars as pl
from big_export import NAMES, START_US, build_folder
from measure import interleaved, report

import replaykit as rk
from replaykit.schema import Owner  # noqa: TC001 - a script
from replaykit.store import open_store

ROUNDS = 3
PER_USER = 50
PART = 2_000_000
OPEN = """
import sys, time
import replaykit as rk
began = time.perf_counter()
shop = rk.open(sys.argv[1])
said = repr(shop), repr(shop.events)
print(time.perf_counter() - began)
"""


def rows_asked() -> int:
    return int(float(os.environ.get("SIZE", "20M").upper().removesuffix("M")) * 1e6)


def part(number: int, users: int, rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(number)
    person = rng.integers(0, users, rows)
    weight = 1 / np.arange(1, len(NAMES) + 1)
    name = rng.choice(len(NAMES), rows, p=weight / weight.sum())
    at = START_US + rng.integers(0, 90 * 86_400_000_000, rows)
    frame = pl.DataFrame({"n": np.arange(rows), "person": person, "at": at})
    return frame.select(
        time=pl.col("at").cast(pl.Datetime("us", "UTC")),
        event=pl.Series(NAMES).gather(name),
        session_id=pl.col("at") // 3_600_000_000 * 3_600_000,
        device_id=pl.format("d{}", "person"),
        user_id=pl.format("user{}", "person"),
        uuid=pl.format("{}-{}", pl.lit(number), "n"),
        **{"event.price": pl.Series(rng.integers(1, 9_999, rows) / 100)},
    )


class Parts:
    """The parts from a number on, one after the other."""

    def __init__(self, rows: int, had: int) -> None:
        self._numbers = range(had // PART, -(-rows // PART))
        self._users = rows // PER_USER

    def batches(self) -> Iterator[pl.DataFrame]:
        for number in self._numbers:
            whole = part(number, self._users, PART)
            yield from whole.iter_slices(PART // 10)
            print(f"{(number + 1) * PART:,} rows", flush=True)

    def expected(self) -> None:
        return None

    def narrow(self) -> dict[tuple[Owner, str, str], int]:
        return {}

    def finished(self, new: int, duplicate: int) -> tuple[int, int]:
        return new, duplicate


def build(rows: int) -> Path:
    folder = build_folder() / f"open-{rows}.rk"
    if folder.exists():
        return folder
    beside = folder.with_suffix(".part")
    made = open_store(beside) if beside.exists() else rk.create(beside)._store
    buckets = max(16, rows // 1_000_000)
    if made.snapshot.catalog.buckets != buckets:
        made.compact(buckets=buckets)
    if made.rows < rows:
        open_store(beside).ingest(Parts(rows, made.rows))
    open_store(beside).compact()
    beside.rename(folder)
    return folder


if __name__ == "__main__":
    rows = rows_asked()
    folder = build(rows)
    if "--build" in sys.argv:
        sys.exit()

    # As an installed package is: with its bytecode, which is written on first use.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def opened() -> float:
        done = subprocess.run(
            [sys.executable, "-c", OPEN, str(folder)],
            capture_output=True,
            check=True,
            env=env,
        )
        return float(done.stdout)

    opened()
    times = sorted(opened() for _ in range(ROUNDS))
    shop = rk.open(folder)
    store = shop._store

    def one_user() -> int:
        fresh = open_store(folder)
        found = shop.source.user("user77")
        return fresh.scan(users=[found]).collect().height

    def scan() -> int:
        fresh = open_store(folder)
        return fresh.scan().select(pl.len(), pl.all().count()).collect().height

    one_user()
    taken = interleaved({"one_user": one_user, "scan": scan}, ROUNDS)
    began = time.perf_counter()
    name = f"open_{rows // 1_000_000}m_s"
    report(
        "open",
        {
            name: times[len(times) // 2],
            "one_user_vs_scan": taken["one_user"] / taken["scan"],
        },
        rows=store.rows,
        rounds=ROUNDS,
        built_in_full=rows == 100_000_000,
        seconds=taken,
        reported_after_s=round(time.perf_counter() - began, 3),
    )
