"""A funnel on two workers of a Dask cluster beside one scan, and that beside reading.

`SIZE=2M make bench NAME=cluster` sets the number of events (20M by default).
"""

from __future__ import annotations

import polars as pl
from distributed import Client, LocalCluster
from events import THREE, log
from measure import interleaved, report

import replaykit as rk

ROUNDS = 5


def funnel(folder, engine) -> list[int]:
    opened = rk.open(folder, engine=engine)
    return opened.events.funnel(*THREE, within="7d").table["users"].to_list()


if __name__ == "__main__":
    made = log()
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            # As workers are started for real; those spawned here import polars first.
            env={"POLARS_MAX_THREADS": "1"},
        ) as cluster,
        Client(cluster) as client,
    ):

        def read() -> pl.DataFrame:
            lf = pl.scan_parquet(made.files).select("user", "time", "event")
            return lf.collect(engine="streaming")

        runs = {
            "read": read,
            "scan": lambda: funnel(made.folder, "scan"),
            "threads": lambda: funnel(made.folder, "threads"),
            "workers2": lambda: funnel(made.folder, client),
        }
        answers = [runs[name]() for name in ("scan", "threads", "workers2")]
        for _ in range(2):
            # Workers compile on their first question.
            runs["workers2"]()
        taken = interleaved(runs, ROUNDS)
    report(
        "cluster",
        {
            "workers2_vs_one_scan": taken["workers2"] / taken["scan"],
            "one_scan_vs_read": taken["scan"] / taken["read"],
            "threads_vs_one_scan": taken["threads"] / taken["scan"],
        },
        rows=made.rows,
        rounds=ROUNDS,
        equal=answers[0] == answers[1] == answers[2],
        seconds=taken,
    )
