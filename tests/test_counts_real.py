"""Counts on logs nobody here wrote, asked in public, against SQL written apart."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pytest

import replaykit as rk

DATA = Path(__file__).parent / "data"
#: Its clocks go forward on 10 March 2024, inside both logs or beside them.
ZONE = "America/New_York"


@cache
def events(name):
    if name == "shop":
        return rk.events(
            DATA / "ecom_clickstream.csv.gz",
            user="user_id",
            time="timestamp",
            event="event",
            session="session_id",
            tz=ZONE,
        )
    return rk.events(DATA / "wikipedia_edits.csv.gz", tz=ZONE)


@cache
def database(name):
    """The log in DuckDB: its times as DuckDB reads them, days of the zone."""
    file = {"shop": "ecom_clickstream", "wiki": "wikipedia_edits"}[name]
    who = {"shop": "user_id", "wiki": '"user"'}[name]
    when = {"shop": "timestamp", "wiki": '"time"'}[name]
    # Naive times are read in the project's zone; the wiki's say that they are UTC.
    moment = (
        f"({when}::TIMESTAMP AT TIME ZONE '{ZONE}')"
        if name == "shop"
        else f"{when}::TIMESTAMPTZ"
    )
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone='{ZONE}'")
    connection.execute(
        f"CREATE TABLE rows AS SELECT *, {who} AS u, {moment} AS ts, "
        f"({moment} AT TIME ZONE '{ZONE}')::DATE AS day FROM "
        f"read_csv('{DATA / file}.csv.gz', all_varchar = true)"
    )
    return connection


def sql(name, query):
    return database(name).execute(query).fetchall()


def by_day(table, *more):
    return {
        (line["time"].date(), *(line[name] for name in more)): line["value"]
        for line in table.iter_rows(named=True)
    }


def filled(found, rows, zero=0):
    """Give days without rows their zero, as the answer has them."""
    known = {tuple(row[:-1]): row[-1] for row in rows}
    assert set(known) <= set(found)
    return {key: known.get(key, zero) for key in found}


MEASURES = {
    "uniques": ("count(DISTINCT u)", 0),
    "totals": ("count(*)", 0),
    "average": ("count(*) / count(DISTINCT u)", None),
}


@pytest.mark.parametrize("name", ["shop", "wiki"])
@pytest.mark.parametrize("measure", MEASURES)
def test_measures_per_day_of_a_zone(name, measure):
    event = {"shop": "product_view", "wiki": "edit"}[name]
    value, zero = MEASURES[measure]
    found = by_day(events(name).segmentation(event, measure=measure).table)
    wanted = sql(
        name, f"SELECT day, {value} FROM rows WHERE event = '{event}' GROUP BY 1"
    )
    assert found == pytest.approx(filled(found, wanted, zero))
    assert len(found) >= {"shop": 20, "wiki": 2}[name]
    whole = sql(name, f"SELECT {value} FROM rows WHERE event = '{event}'")
    total = events(name).segmentation(event, measure=measure).total["value"].item()
    assert total == pytest.approx(whole[0][0])


def test_active_percent_by_group():
    found = events("shop").segmentation(
        "add_to_cart", measure="active", by="platform", every="1w"
    )
    wanted = sql(
        "shop",
        """
        WITH base AS (
            SELECT date_trunc('week', day)::DATE AS w, count(DISTINCT u) AS n
            FROM rows GROUP BY 1
        )
        SELECT w, platform, 100.0 * count(DISTINCT u) / any_value(n)
        FROM (SELECT *, date_trunc('week', day)::DATE AS w FROM rows) r JOIN base USING (w)
        WHERE event = 'add_to_cart' GROUP BY 1, 2
        """,
    )
    table = by_day(found.table, "platform")
    assert table == pytest.approx(filled(table, wanted))


@pytest.mark.parametrize(
    ("aggregate", "value", "zero"),
    [
        ("sum", "sum(delta::DOUBLE)", 0),
        ("average", "avg(delta::DOUBLE)", None),
        ("median", "median(delta::DOUBLE)", None),
        ("min", "min(delta::DOUBLE)", None),
        ("max", "max(delta::DOUBLE)", None),
        ("distinct", "count(DISTINCT delta)", 0),
    ],
)
def test_property_measures_per_hour_and_group(aggregate, value, zero):
    found = events("wiki").segmentation(
        *("edit", "bot_edit"),
        measure="property",
        of="delta",
        aggregate=aggregate,
        by="namespace",
        every="1h",
    )
    table = {
        (line["event"], line["namespace"], line["time"].hour, line["time"].day): line[
            "value"
        ]
        for line in found.table.iter_rows(named=True)
    }
    wanted = sql(
        "wiki",
        f"""
        SELECT event, namespace, hour(local), day(local), {value}
        FROM (SELECT *, ts AT TIME ZONE '{ZONE}' AS local FROM rows)
        WHERE event IN ('edit', 'bot_edit') GROUP BY ALL
        """,
    )
    assert table == pytest.approx(filled(table, wanted, zero))


def test_rolling_users_over_seven_days():
    found = by_day(events("shop").segmentation("home", over="rolling 7").table)
    wanted = sql(
        "shop",
        """
        SELECT d.day, count(DISTINCT r.u) FROM (SELECT DISTINCT day FROM rows) d
        JOIN rows r ON r.event = 'home' AND r.day BETWEEN d.day - 6 AND d.day
        GROUP BY 1
        """,
    )
    known = dict(wanted)
    assert {day: found[day,] for day in known} == known


@pytest.mark.parametrize("gap", ["30m", "5m"])
@pytest.mark.parametrize("name", ["shop", "wiki"])
def test_sessions_by_a_gap(name, gap):
    minutes = int(gap[:-1])
    query = f"""
        WITH marked AS (
            SELECT u, ts, lag(ts) OVER (PARTITION BY u ORDER BY ts) AS before FROM rows
        ), numbered AS (
            SELECT u, ts, sum((before IS NULL OR ts - before > INTERVAL {minutes} MINUTE)::INT)
                OVER (PARTITION BY u ORDER BY ts ROWS UNBOUNDED PRECEDING) AS n
            FROM marked
        ), visits AS (
            SELECT u, n, min(ts) AS begun, max(ts) - min(ts) AS length
            FROM numbered GROUP BY 1, 2 HAVING max(ts) - min(ts) <= INTERVAL 1 DAY
        )
        SELECT (begun AT TIME ZONE '{ZONE}')::DATE, count(*),
            sum(epoch(length)) FROM visits GROUP BY 1
    """
    rows = sql(name, query)
    rule = rk.SessionRule(gap)
    for place, measure in ((1, "total"), (2, "length")):
        table = by_day(events(name).sessions(rule=rule, measure=measure).table)
        wanted = [(row[0], row[place]) for row in rows]
        assert table == pytest.approx(filled(table, wanted)), measure


def test_sessions_by_their_ids():
    query = """
        WITH visits AS (
            SELECT u, session_id, min(ts) AS begun FROM rows GROUP BY 1, 2
            HAVING max(ts) - min(ts) <= INTERVAL 1 DAY
        )
        SELECT begun::DATE, count(*) FROM visits GROUP BY 1
    """
    table = by_day(events("shop").sessions().table)
    assert table == filled(table, sql("shop", query))


@pytest.mark.parametrize("counting", ["calendar", "24 hours"])
def test_retention_day_by_day(counting):
    index = {
        "calendar": "r.day - s.day",
        "24 hours": (
            "(epoch(date_trunc('hour', r.ts)) - epoch(date_trunc('hour', s.ts)))"
            "::BIGINT // 86400"
        ),
    }[counting]
    query = f"""
        SELECT s.day, {index} AS k, count(DISTINCT s.u)
        FROM rows s JOIN rows r ON r.u = s.u AND r.ts >= s.ts
        WHERE s.event = 'home' AND r.event = 'product_view' GROUP BY 1, 2
    """
    found = events("shop").retention(
        start="home", back="product_view", counting=counting
    )
    cells = found.table.filter(pl.col("cohort") != "all")
    table = {
        (line["time"].date(), line["offset"]): line["returned"]
        for line in cells.iter_rows(named=True)
    }
    wanted = [(day, int(k), n) for day, k, n in sql("shop", query)]
    assert table == filled(table, wanted)
    sizes = sql(
        "shop",
        "SELECT day, count(DISTINCT u) FROM rows WHERE event = 'home' GROUP BY 1",
    )
    cohorts = found.cohorts.filter(pl.col("cohort") != "all")
    assert sorted(cohorts.select(pl.col("time").dt.date(), "users").rows()) == (
        sorted(sizes)
    )


def test_users_who_did_it_often_and_then_something_else():
    query = """
        SELECT DISTINCT a.u FROM (
            SELECT u, min(ts) AS earliest FROM rows WHERE event = 'product_view'
            GROUP BY 1 HAVING count(*) >= 3
        ) a JOIN rows b ON b.u = a.u AND b.event = 'purchase' AND b.ts > a.earliest
    """
    found = events("shop").users_who("product_view", at_least=3, then="purchase")
    assert sorted(found) == sorted(row[0] for row in sql("shop", query))
