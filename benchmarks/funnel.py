"""Funnels of three and five steps in seven days, beside reading and beside DuckDB.

`SIZE=20M make bench NAME=funnel` sets the number of events (2M by default: the project
is built first, once, under build/bench).
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import polars as pl
from measure import interleaved, report

import replaykit as rk
from replaykit.demoshop.population import EVENTS_PER_USER
from replaykit.demoshop.project import demo

ROUNDS = 5
FIVE = (
    "Page Viewed",
    "Product Viewed",
    "Add to Cart",
    "Checkout Started",
    "Purchase",
)
THREE = ("Product Viewed", "Add to Cart", "Purchase")
WINDOW_US = 7 * 86_400_000_000


def events_asked() -> int:
    text = os.environ.get("SIZE", "2M").upper()
    return int(float(text.removesuffix("M")) * 1_000_000)


def project(rows: int) -> rk.Project:
    folder = Path(__file__).parent.parent / "build" / "bench" / f"shop-{rows}.rk"
    return demo(rows // EVENTS_PER_USER, path=folder)


def asof_chain(steps: tuple[str, ...], files: list[str]) -> str:
    """One ASOF join per step, each keeping the latest entry that leads to it."""
    listed = ", ".join(f"'{file}'" for file in files)
    whole_seconds = "time // 1000000 * 1000000"
    rows = f'select "user" u, {whole_seconds} t, event n from read_parquet([{listed}])'
    entries = f"select u, t, t s from e where n = '{steps[0]}'"
    parts = [f"with e as ({rows}), l0 as ({entries})"]
    for k, step in enumerate(steps[1:], start=1):
        parts.append(
            f", l{k} as (select e.u, e.t, l{k - 1}.s from e asof join l{k - 1} "
            f"on e.u = l{k - 1}.u and e.t >= l{k - 1}.t "
            f"where e.n = '{step}' and e.t - l{k - 1}.s <= {WINDOW_US})"
        )
    counts = ", ".join(
        f"(select count(distinct u) from l{k})" for k in range(len(steps))
    )
    return f"{''.join(parts)} select {counts}"


if __name__ == "__main__":
    rows = events_asked()
    shop = project(rows)
    store = shop._store
    files = [
        str(Path(store.folder) / "events" / name)
        for names in store.snapshot.files.values()
        for name in names
    ]

    def ours(*steps: str) -> list[int]:
        opened = rk.open(shop.folder)
        return opened.events.funnel(*steps, within="7d").table["users"].to_list()

    def read() -> pl.DataFrame:
        return (
            pl.scan_parquet(files)
            .select("user", "time", "event")
            .collect(engine="streaming")
        )

    def duck(*steps: str) -> list[int]:
        found = duckdb.sql(asof_chain(steps, files)).fetchall()[0]
        return list(found)

    answers = {steps: (ours(*steps), duck(*steps)) for steps in (THREE, FIVE)}
    for steps, (mine, theirs) in answers.items():
        print(f"{len(steps)} steps: {mine} here, {theirs} in DuckDB")
    taken = interleaved(
        {
            "read": read,
            "f3": lambda: ours(*THREE),
            "f5": lambda: ours(*FIVE),
            "duck5": lambda: duck(*FIVE),
        },
        ROUNDS,
    )
    equal = all(mine == theirs for mine, theirs in answers.values())
    figures = {
        "f3_vs_read": taken["f3"] / taken["read"],
        "f5_vs_read": taken["f5"] / taken["read"],
    }
    if equal:
        figures["f5_vs_duckdb"] = taken["duck5"] / taken["f5"]
    report(
        "funnel", figures, rows=store.rows, rounds=ROUNDS, equal=equal, seconds=taken
    )
