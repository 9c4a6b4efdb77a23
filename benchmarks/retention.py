"""N-day retention: who did something on a day, and came back how many days later."""

from __future__ import annotations

import polars as pl
from events import log
from measure import compared
from peers import Peers

import replaykit as rk

ROUNDS = 5
START, BACK = "Event 01", "Event 04"

JOINED = """
with s as (select u, t // 86400 d, min(t) t from {table}
           where n = '{start}' group by all),
r as (select u, t // 86400 d, max(t) t from {table} where n = '{back}' group by all)
select s.d, r.d - s.d k, count(*) from s join r using (u)
where r.d > s.d or (r.d = s.d and r.t >= s.t) group by 1, 2 order by 1, 2
"""
#: One pass: the days of both as lists per person, paired afterwards.
LISTED = """
with p as (select u, t // 86400 d, min(case when n = '{start}' then t end) s,
                  max(case when n = '{back}' then t end) r
           from {table} where n in ('{start}', '{back}') group by all),
l as (select u, list({{'d': d, 't': s}}) filter (s is not null) a,
             list({{'d': d, 't': r}}) filter (r is not null) b from p group by u),
x as (select unnest(a) a, b from l where a is not null and b is not null),
y as (select a, unnest(b) b from x)
select a.d, b.d - a.d k, count(*) from y
where b.d > a.d or (b.d = a.d and b.t >= a.t) group by 1, 2 order by 1, 2
"""
ARRAYS = """
select a.1 d, b.1 - a.1 k, count() from (
  select arrayJoin(sa) a, sb from (
    select u, groupArrayIf((d, s), s > 0) sa, groupArrayIf((d, r), r > 0) sb from (
      select u, intDiv(t, 86400) d, minIf(t, n = '{start}') s, maxIf(t, n = '{back}') r
      from {table} where n in ('{start}', '{back}') group by u, d)
    group by u)) array join sb as b
where b.1 > a.1 or (b.1 = a.1 and b.2 >= a.2) group by d, k order by d, k
"""

if __name__ == "__main__":
    made = log()
    peers = Peers(made)

    def ours() -> list[int]:
        events = rk.open(made.folder).events
        found = events.retention(start=START, back=BACK, counting="calendar").table
        cells = found.filter(pl.col("time").is_not_null(), pl.col("returned") > 0)
        return cells["returned"].to_list()

    def read() -> pl.DataFrame:
        columns = pl.scan_parquet(made.files).select("user", "time", "event")
        return columns.collect(engine="streaming")

    def asked_of(form: str, table: str) -> str:
        return form.format(table=table, start=START, back=BACK)

    def last(rows: list[tuple[object, ...]]) -> list[object]:
        return [row[-1] for row in rows]

    asked = {
        "read": read,
        "ours": ours,
        "duck_joined": lambda: last(peers.sql(asked_of(JOINED, "e"))),
        "duck_listed": lambda: last(peers.sql(asked_of(LISTED, "e"))),
        "chdb": lambda: last(peers.house(asked_of(ARRAYS, peers.files))),
        "mergetree": lambda: last(peers.house(asked_of(ARRAYS, "rk.m"))),
    }
    compared(
        "retention",
        asked,
        rounds=ROUNDS,
        ratios={"vs_best_peer": []},
        close=peers.close,
        rows=made.rows,
    )
