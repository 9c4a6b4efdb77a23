"""The hundred most frequent sequences of five events inside one session, exactly."""

from __future__ import annotations

import polars as pl
from events import log
from measure import compared
from peers import Peers

import replaykit as rk

ROUNDS = 3

DUCK = """
select p, count(*) k from (
  select n || '>' || lead(n, 1) over w || '>' || lead(n, 2) over w || '>'
    || lead(n, 3) over w || '>' || lead(n, 4) over w p
  from {table} window w as (partition by u, s order by t))
where p is not null group by p order by k desc, p limit 100
"""
LISTS = """
with l as (select list(n order by t) a from {table} group by u, s having count(*) >= 5)
select array_to_string(x, '>') p, count(*) k from (
  select unnest(list_transform(range(1, len(a) - 3), lambda i: a[i : i + 4])) x from l)
group by p order by k desc, p limit 100
"""
HOUSE = """
select arrayStringConcat(x, '>') p, count() k from (
  select arrayJoin(arrayMap(i -> arraySlice(a, i, 5), range(1, length(a) - 3))) x
  from (select arrayMap(y -> y.2, arraySort(groupArray((t, n)))) a
        from {table} group by u, s having count() >= 5))
group by p order by k desc, p limit 100
"""

if __name__ == "__main__":
    made = log()
    peers = Peers(made)

    def ours() -> list[tuple[str, int]]:
        found = rk.open(made.folder).events.sequences(5, top=100)
        return found.select(pl.col("path").list.join(">"), "times").rows()

    def read() -> pl.DataFrame:
        names = ("user", "time", "session_id", "event")
        columns = pl.scan_parquet(made.files).select(names)
        return columns.collect(engine="streaming")

    asked = {
        "read": read,
        "ours": ours,
        "duck_windows": lambda: peers.sql(DUCK.format(table="e")),
        "duck_lists": lambda: peers.sql(LISTS.format(table="e")),
        "chdb": lambda: peers.house(HOUSE.format(table=peers.files)),
        "mergetree": lambda: peers.house(HOUSE.format(table="rk.m")),
    }
    compared(
        "paths",
        asked,
        rounds=ROUNDS,
        ratios={"exact_vs_best_peer": []},
        close=peers.close,
        rows=made.rows,
    )
