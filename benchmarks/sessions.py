"""Sessions cut by pauses of 30 minutes: their mean length per day of their start."""

from __future__ import annotations

import polars as pl
from events import log
from measure import interleaved, only, peaks, report, seconds
from peers import Peers

import replaykit as rk

ROUNDS = 5

#: Two ways to say it: number the sessions and group by them, or pair their ends.
NUMBERED = """
with a as (select u, t, t - lag(t) over w g from e
           window w as (partition by u order by t)),
b as (select u, t, sum(case when g is null or g > 1800 then 1 else 0 end)
      over (partition by u order by t rows unbounded preceding) k from a),
c as (select min(t) f, max(t) - min(t) l from b group by u, k)
select f // 86400 d, avg(l) from c group by d order by d
"""
PAIRED = """
with a as (select u, t, lag(t) over w p, lead(t) over w q from e
           window w as (partition by u order by t)),
b as (select u, t, p is null or t - p > 1800 o from a
      where p is null or q is null or t - p > 1800 or q - t > 1800),
c as (select t f, o, case when o and (lead(o) over w) = false then lead(t) over w
      else t end z from b window w as (partition by u order by t))
select f // 86400 d, avg(z - f) from c where o group by d order by d
"""
#: Each person's times as an array, split where the pause is long.
ARRAYS = """
select intDiv(x[1], 86400) d, avg(x[-1] - x[1]) from (
  select arrayJoin(arraySplit((a, b) -> b > 1800, ts, arrayDifference(ts))) x
  from (select arraySort(groupArray(t)) ts from {table} group by u))
group by d order by d
"""

if __name__ == "__main__":
    made = log()
    peers = Peers(made)

    def ours() -> list[float]:
        events = rk.open(made.folder).events
        rule = rk.SessionRule("30m")
        return (
            events.sessions(measure="average length", rule=rule)
            .table["value"]
            .to_list()
        )

    def read() -> pl.DataFrame:
        columns = pl.scan_parquet(made.files).select("user", "time")
        return columns.collect(engine="streaming")

    def table(rows: list[tuple[object, ...]]) -> list[float]:
        return [float(str(value)) for _, value in rows]

    asked = {
        "read": read,
        "ours": ours,
        "duck_numbered": lambda: table(peers.sql(NUMBERED)),
        "duck_paired": lambda: table(peers.sql(PAIRED)),
        "chdb": lambda: table(peers.house(ARRAYS.format(table=peers.files))),
        "mergetree": lambda: table(peers.house(ARRAYS.format(table="rk.m"))),
    }
    only(asked)
    answers = {name: run() for name, run in asked.items() if name != "read"}
    mine = answers["ours"]
    equal = all(
        len(found) == len(mine)
        and all(abs(a - b) < 1e-6 * max(1, a) for a, b in zip(mine, found, strict=True))
        for found in answers.values()
    )
    print({name: found[:3] for name, found in answers.items()})
    taken = interleaved(asked, ROUNDS)
    peers.close()
    figures = {"vs_read": taken["ours"] / taken["read"]}
    if equal:
        rest = {
            name: one for name, one in taken.items() if name not in {"read", "ours"}
        }
        figures["vs_best_peer"] = min(rest.values()) / taken["ours"]
    report(
        "sessions",
        figures,
        rows=made.rows,
        rounds=ROUNDS,
        equal=equal,
        seconds=seconds(taken),
        peak_mib=peaks(asked),
    )
