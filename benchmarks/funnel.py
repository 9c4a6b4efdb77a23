"""Funnels of three and five steps in seven days: beside reading, DuckDB and chDB.

`make bench NAME=funnel` asks 20M events, `SIZE=1M make bench NAME=funnel` fewer. Each
of our answers opens the project anew; no result is kept from round to round.
"""

from __future__ import annotations

import subprocess
import sys

import polars as pl
from events import FIVE, THREE, log
from measure import interleaved, only, peaks, report, seconds
from peers import Peers

import replaykit as rk

ROUNDS = 5
WINDOW = 7 * 86_400
CODE = """
import time
import replaykit as rk
shop = rk.open({folder!r})
began = time.perf_counter()
shop.events.funnel({steps}, within="7d", order="any").table
print(time.perf_counter() - began)
"""


def asof_chain(steps: tuple[str, ...], table: str) -> str:
    """One ASOF join per step, each keeping the latest entry that leads to it."""
    entries = f"select u, t, t s from e where n = '{steps[0]}'"
    parts = [f"with e as (select u, t, n from {table}), l0 as ({entries})"]
    for k, step in enumerate(steps[1:], start=1):
        parts.append(
            f", l{k} as (select e.u, e.t, l{k - 1}.s from e asof join l{k - 1} "
            f"on e.u = l{k - 1}.u and e.t >= l{k - 1}.t "
            f"where e.n = '{step}' and e.t - l{k - 1}.s <= {WINDOW})"
        )
    counts = ", ".join(
        f"(select count(distinct u) from l{k})" for k in range(len(steps))
    )
    return f"{''.join(parts)} select {counts}"


def windows(steps: tuple[str, ...], table: str) -> str:
    """Nested windows: the latest entry that leads to each step, row by row."""
    listed = ", ".join(f"'{step}'" for step in steps)
    inner = (
        f"select u, t, n, case when n = '{steps[0]}' then t end l0 "
        f"from {table} where n in ({listed})"
    )
    for k, step in enumerate(steps[1:], start=1):
        before = f"last_value(l{k - 1} ignore nulls) over w"
        inner = (
            f"select *, case when n = '{step}' and t - {before} <= {WINDOW} "
            f"then {before} end l{k} from ({inner}) "
            "window w as (partition by u order by t rows unbounded preceding)"
        )
    counts = ", ".join(
        f"count(distinct case when l{k} is not null then u end)"
        for k in range(len(steps))
    )
    return f"select {counts} from ({inner})"


def window_funnel(steps: tuple[str, ...], table: str) -> str:
    """Return chDB's own funnel."""
    tests = ", ".join(f"n = '{step}'" for step in steps)
    listed = ", ".join(f"'{step}'" for step in steps)
    depth = f"windowFunnel({WINDOW})(toUInt64(t), {tests})"
    counts = ", ".join(f"countIf(d >= {k + 1})" for k in range(len(steps)))
    return (
        f"select {counts} from (select u, {depth} d from {table} "
        f"where n in ({listed}) group by u)"
    )


if __name__ == "__main__":
    made = log()
    peers = Peers(made)

    def ours(*steps: str, **options: object) -> list[int]:
        opened = rk.open(made.folder)
        found = opened.events.funnel(*steps, within="7d", **options)  # type: ignore[arg-type]
        return found.table["users"].to_list()

    def read() -> pl.DataFrame:
        columns = pl.scan_parquet(made.files).select("user", "time", "event")
        return columns.collect(engine="streaming")

    def converting() -> object:
        opened = rk.open(made.folder)
        return opened.events.funnel(*FIVE, within="7d").time_to_convert().table

    asked = {
        "read": read,
        "f3": lambda: ours(*THREE),
        "f5": lambda: ours(*FIVE),
        "duck_asof": lambda: list(peers.sql(asof_chain(FIVE, "e"))[0]),
        "duck_windows": lambda: list(peers.sql(windows(FIVE, "e"))[0]),
        "chdb": lambda: list(peers.house(window_funnel(FIVE, peers.files))[0]),
        "mergetree": lambda: list(peers.house(window_funnel(FIVE, "rk.m"))[0]),
    }
    harder = {
        "plain": lambda: ours(*FIVE),
        "any": lambda: ours(*FIVE, order="any"),
        "exact": lambda: ours(*FIVE, order="exact"),
        "exclusion": lambda: ours(*FIVE, exclude="Event 03"),
        "held": lambda: ours(*FIVE, hold="platform"),
        "by": lambda: ours(*FIVE, by="platform"),
        "time_to_convert": converting,
    }
    only({**asked, **harder})
    answers = {name: run() for name, run in asked.items() if name not in {"read", "f3"}}
    three = [ours(*THREE), list(peers.sql(asof_chain(THREE, "e"))[0])]
    equal = three[0] == three[1] and all(
        found == answers["f5"] for found in answers.values()
    )
    print(f"3 steps: {three[0]}, 5 steps: {answers}")
    for run in harder.values():
        run()
    taken = interleaved(asked, ROUNDS)
    forms = interleaved(harder, ROUNDS)
    first = CODE.format(folder=str(made.folder), steps=", ".join(map(repr, THREE)))
    began = [
        float(
            subprocess.run(
                [sys.executable, "-c", first],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(3)
    ]
    peers.close()
    figures = {
        "f3_vs_read": taken["f3"] / taken["read"],
        "f5_vs_read": taken["f5"] / taken["read"],
        "warm_first_call_s": sorted(began)[1],
        **{
            f"{name}_vs_plain": forms[name] / forms["plain"]
            for name in harder
            if name != "plain"
        },
    }
    if equal:
        duck = min(taken["duck_asof"], taken["duck_windows"])
        figures |= {
            "f5_vs_duckdb": duck / taken["f5"],
            "f5_vs_chdb": taken["chdb"] / taken["f5"],
            "f5_vs_mergetree": taken["mergetree"] / taken["f5"],
        }
    report(
        "funnel",
        figures,
        rows=made.rows,
        rounds=ROUNDS,
        equal=equal,
        seconds=seconds({**taken, **forms}),
        peak_mib=peaks([*asked]),
    )
