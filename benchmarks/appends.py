"""Adding a little to a large project, ten times, and a question asked in between.

Each ingest brings a hundredth of the rows, of a ninth of the people. `SIZE=2M make
bench NAME=appends` sets the number of events (20M by default). The question is asked
of the project as it stands after an ingest, and once more after `compact`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time

import numpy as np
import polars as pl
from big_export import build_folder
from events import THREE, log
from measure import interleaved, report

import replaykit as rk
from replaykit.store import open_store

INGESTS = 10
ROUNDS = 3


def more(store, number: int) -> pl.DataFrame:
    rng = np.random.default_rng(number)
    rows = store.rows // 100
    people = store.directory["user_id"].drop_nulls()
    people = people.gather_every(9)
    names = store.names["event"]
    day = 86_400_000_000
    at = int(store.last.timestamp() * 1e6) + rng.integers(0, day, rows)
    return pl.DataFrame(
        {
            "user": people.gather(rng.integers(0, len(people), rows)),
            "event": names.gather(rng.integers(0, len(names), rows)),
            "time": pl.Series(at).cast(pl.Datetime("us", "UTC")),
        }
    )


def asked(folder, word: str) -> tuple[list[int], float]:
    def ask() -> list[int]:
        table = rk.open(folder).events.funnel(*THREE, within="7d").table
        return table["users"].to_list()

    return ask(), interleaved({word: ask}, ROUNDS)[word]


if __name__ == "__main__":
    made = log()
    scratch = build_folder() / f"appends-{os.getpid()}.rk"
    try:
        shutil.copytree(made.folder, scratch)
        asked(scratch, "tidy")
        ingests, loose, written, arrived = [], [], 0, 0
        for number in range(INGESTS):
            store = open_store(scratch)
            rows = more(store, number)
            before = set(store.snapshot.heights)
            began = time.perf_counter()
            rk.open(scratch).add_events(rows, progress=False)
            ingests.append(time.perf_counter() - began)
            heights = open_store(scratch).snapshot.heights
            written += sum(heights[path] for path in set(heights) - before)
            arrived += rows.height
            answer, seconds = asked(scratch, "loose")
            loose.append(seconds)
        rk.open(scratch).compact()
        same, tidy = asked(scratch, "tidy")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report(
        "appends",
        {
            "ingest_s": statistics.median(ingests),
            "longest_ingest_s": max(ingests),
            "rows_written_per_row": written / arrived,
            "question_loose_s": statistics.median(loose),
            "question_loose_vs_tidy": statistics.median(loose) / tidy,
        },
        rows=made.rows,
        ingests=INGESTS,
        equal=answer == same,
        rounds=ROUNDS,
    )
