"""Unique users per day and country, of all events."""

from __future__ import annotations

import polars as pl
from events import log
from measure import compared
from peers import Peers

import replaykit as rk

ROUNDS = 5

COUNTED = """
select t // 86400 d, c, count(distinct u) from {table} group by d, c order by c, d
"""
DISTINCT = """
select d, c, count(*) from (select distinct t // 86400 d, c, u from {table})
group by d, c order by c, d
"""
HOUSE = """
select intDiv(t, 86400) d, c, uniqExact(u) from {table} group by d, c order by c, d
"""

if __name__ == "__main__":
    made = log()
    peers = Peers(made)

    def ours() -> list[int]:
        events = rk.open(made.folder).events
        found = events.segmentation("*", by="country").table
        return (
            found.filter(pl.col("value") > 0).sort("country", "time")["value"].to_list()
        )

    def read() -> pl.DataFrame:
        columns = pl.scan_parquet(made.files).select("user", "time", "country")
        return columns.collect(engine="streaming")

    def last(rows: list[tuple[object, ...]]) -> list[object]:
        return [row[-1] for row in rows]

    asked = {
        "read": read,
        "ours": ours,
        "duck_counted": lambda: last(peers.sql(COUNTED.format(table="e"))),
        "table_counted": lambda: last(peers.sql(COUNTED.format(table="m"))),
        "table_distinct": lambda: last(peers.sql(DISTINCT.format(table="m"))),
        "chdb": lambda: last(peers.house(HOUSE.format(table=peers.files))),
        "mergetree": lambda: last(peers.house(HOUSE.format(table="rk.m"))),
    }
    compared(
        "segmentation",
        asked,
        rounds=ROUNDS,
        ratios={"vs_duckdb_table": ["table_counted", "table_distinct"]},
        close=peers.close,
        rows=made.rows,
    )
