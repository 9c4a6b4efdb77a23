"""What a login that arrives late costs, beside an ingest of as many rows without one.

A merged person's rows move inside the commit (their partition is rewritten). The other
way, an extra piece of strays for every question until compaction, would cost `strays`:
what a question pays for a piece that must be found in, and left out of, each partition.
"""

from __future__ import annotations

import os
import shutil
import time

import polars as pl
from big_export import build_folder, export
from measure import interleaved, report

import replaykit as rk
from replaykit.store import open_store

ROWS = 2_000_000
#: People who never log in in the export, and what each of them does.
VISITORS = 1_000
VISITED = 10


def shop():
    folder = build_folder() / f"merge-{ROWS}-{VISITORS}.rk"
    if not folder.exists():
        paths = export(build_folder() / f"export-{ROWS}", ROWS)
        beside = folder.with_suffix(".part")
        made = rk.create(beside)
        made.add_events(paths, progress=False)
        store = open_store(beside)
        store.append(visits(store))
        open_store(beside).compact()
        beside.rename(folder)
    return folder


def visits(store) -> pl.DataFrame:
    """Rows of devices that nobody has logged in on."""
    numbers = pl.DataFrame({"n": range(VISITORS * VISITED)})
    return numbers.select(
        time=pl.lit(store.first) + pl.duration(minutes=pl.col("n")),
        event=pl.lit("Page Viewed"),
        device_id=pl.format("visitor-{}", pl.col("n") % VISITORS),
        insert_id=pl.format("visit-{}", "n"),
    )


def logins(store, people: int, *, merging: bool) -> pl.DataFrame:
    """Rows that name the devices of anonymous people, or other devices."""
    devices = store.directory.filter(pl.col("device_id").str.starts_with("visitor-"))
    chosen = devices["device_id"].sort().sample(people, seed=people)
    last = store.last
    return pl.DataFrame(
        {
            "time": [last] * people,
            "event": ["Sign Up"] * people,
            "device_id": chosen if merging else [f"new-{n}" for n in range(people)],
            "user_id": [f"late-{n}" for n in range(people)],
            "insert_id": [f"late-{merging}-{n}" for n in range(people)],
        },
        schema_overrides={"time": pl.Datetime("us", "UTC")},
    )


if __name__ == "__main__":
    folder = shop()
    scratch = build_folder() / f"merge-{os.getpid()}.rk"
    figures = {}
    try:
        for people in (1, 200):
            for merging in (True, False):
                shutil.rmtree(scratch, ignore_errors=True)
                shutil.copytree(folder, scratch)
                store = open_store(scratch)
                rows = logins(store, people, merging=merging)
                began = time.perf_counter()
                store.append(rows)
                word = "merging" if merging else "plain"
                figures[f"{word}_{people}_s"] = time.perf_counter() - began
        store = open_store(folder)
        lost = store.directory["user"].sample(200, seed=1).to_list()

        def whole() -> object:
            return store.scan(()).group_by("event").len().collect(engine="streaming")

        def strays() -> object:
            away = store.scan(()).filter(~pl.col("user").is_in(lost))
            back = store.scan((), users=lost).sort("user", "time", "row")
            both = pl.concat([away, back])
            return both.group_by("event").len().collect(engine="streaming")

        taken = interleaved({"whole": whole, "strays": strays}, 5)
        figures["question_with_strays_vs_plain"] = taken["strays"] / taken["whole"]
        report("late_merge", figures, rows=store.rows, people=store.users)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
