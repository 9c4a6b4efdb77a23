"""Funnels and journeys on logs nobody here wrote, against naive counts and DuckDB."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pytest

from replaykit.analyses.funnel import funnel
from replaykit.analyses.journeys import journeys

DATA = Path(__file__).parent / "data"
SHOP = ["product_view", "add_to_cart", "cart", "purchase"]
WIKI = ["edit", "minor_edit", "new_page"]


@cache
def shop() -> pl.DataFrame:
    rows = pl.read_csv(DATA / "ecom_clickstream.csv.gz").with_row_index("row")
    return rows.select(
        pl.col("user_id").rank("dense").cast(pl.Int32).alias("user"),
        pl.col("timestamp")
        .str.to_datetime(time_unit="us", time_zone="UTC")
        .alias("time"),
        "event",
        pl.col("session_id").rank("dense").cast(pl.Int64),
        pl.col("row").cast(pl.Int64),
        "platform",
    )


@cache
def wiki() -> pl.DataFrame:
    rows = pl.read_csv(DATA / "wikipedia_edits.csv.gz").with_row_index("row")
    return rows.select(
        pl.col("user").rank("dense").cast(pl.Int32),
        pl.col("time").str.to_datetime(time_unit="us", time_zone="UTC"),
        "event",
        pl.col("row").cast(pl.Int64),
    )


def naive(frame: pl.DataFrame, steps: list[str], within: timedelta) -> list[int]:
    """Count depths: from every entry, each step as soon as it comes."""
    counts = [0] * len(steps)
    for (_,), mine in frame.sort("time").group_by("user"):
        rows = list(zip(mine["event"], mine["time"].dt.truncate("1s"), strict=True))
        best = 0
        for event, entry in rows:
            if event != steps[0]:
                continue
            depth, at = 1, entry
            while depth < len(steps):
                later = [
                    time
                    for name, time in rows
                    if name == steps[depth] and at <= time <= entry + within
                ]
                if not later:
                    break
                at = min(later)
                depth += 1
            best = max(best, depth)
        for step in range(best):
            counts[step] += 1
    return counts


def sql(frame: pl.DataFrame, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.register("log", frame.to_arrow())
        connection.execute(
            "CREATE TABLE rows AS SELECT *, epoch_us(time) // 1000000 AS second FROM log"
        )
        return connection.execute(query).fetchall()


def chain(steps: list[str], seconds: int, *, exact: bool = False) -> str:
    """Return SQL: from each entry, the earliest next step, again and again."""
    first = (
        f's1 AS (SELECT "user" AS u, second AS entry, second AS t FROM rows '
        f"WHERE event = '{steps[0]}')"
    )
    parts = [first]
    clean = (
        'AND NOT EXISTS (SELECT 1 FROM rows x WHERE x."user" = p.u '
        "AND x.second > p.t AND x.second < r.second)"
        if exact
        else ""
    )
    for number, name in enumerate(steps[1:], start=2):
        parts.append(
            f"s{number} AS (SELECT u, entry, r.second AS t FROM s{number - 1} p "
            f"JOIN rows r ON r.\"user\" = p.u AND r.event = '{name}' "
            f"AND r.second >= p.t AND r.second <= p.entry + {seconds} {clean})"
            if exact
            else f"s{number} AS (SELECT u, entry, min(r.second) AS t FROM s{number - 1} p "
            f"JOIN rows r ON r.\"user\" = p.u AND r.event = '{name}' "
            f"AND r.second >= p.t AND r.second <= p.entry + {seconds} "
            "GROUP BY u, entry)"
        )
    counts = ", ".join(
        f"(SELECT count(DISTINCT u) FROM s{k})" for k in range(1, len(steps) + 1)
    )
    return f"WITH {', '.join(parts)} SELECT {counts}"


@pytest.mark.parametrize(
    ("frame", "steps"), [(shop, SHOP), (wiki, WIKI)], ids=["shop", "wiki"]
)
@pytest.mark.parametrize("days", [0.02, 1, 7])
def test_funnel_equals_a_naive_count_and_duckdb(frame, steps, days):
    within = timedelta(days=days)
    seconds = int(within.total_seconds())
    found = funnel(frame(), steps, within=f"{seconds}s").table["users"].to_list()
    assert found == list(sql(frame(), chain(steps, seconds))[0])
    if frame is shop:
        assert found == naive(frame(), steps, within)


def test_exact_funnel_equals_duckdb():
    steps = ["catalog", "product_view", "add_to_cart"]
    found = funnel(shop(), steps, order="exact", within="1h").table["users"].to_list()
    assert found == list(sql(shop(), chain(steps, 3600, exact=True))[0])
    assert 0 < found[-1] < found[0]


def test_any_order_funnel_equals_duckdb():
    steps = ["product_view", "search", "promo_page"]
    spans = 'SELECT "user" AS u, second AS begin FROM rows'
    depths = [
        sql(
            shop(),
            f"SELECT count(DISTINCT u) FROM ({spans}) w WHERE "
            + " AND ".join(
                f"EXISTS (SELECT 1 FROM rows r WHERE r.\"user\" = w.u AND r.event = '{name}'"
                " AND r.second BETWEEN w.begin AND w.begin + 600)"
                for name in steps[: k + 1]
            ),
        )[0][0]
        for k in range(3)
    ]
    found = funnel(shop(), steps, order="any", within="10m").table["users"].to_list()
    assert found == depths


def test_funnel_by_session_equals_duckdb():
    answer = funnel(shop(), SHOP, hold="session_id", within="366d")
    by_session = shop().with_columns(user=pl.col("session_id").cast(pl.Int32))
    expected = list(sql(by_session, chain(SHOP, 366 * 86400))[0])
    assert answer.table["users"].to_list() == expected


def test_next_events_equal_duckdb():
    query = """
        WITH firsts AS (
            SELECT *, row_number() OVER (
                PARTITION BY "user" ORDER BY time, "row"
            ) AS place FROM rows
        ), anchors AS (
            SELECT "user" AS u, min(place) AS place FROM firsts
            WHERE event = 'home' GROUP BY 1
        )
        SELECT n.event, count(*) FROM anchors a
        JOIN firsts h ON h."user" = a.u AND h.place = a.place
        JOIN firsts n ON n."user" = a.u AND n.place = a.place + 1
            AND n.time <= h.time + INTERVAL 1 HOUR
        GROUP BY 1
    """
    answer = journeys(shop(), start="home", within="1h", depth=2)
    nodes = answer.table.filter(pl.col("step") == 2, pl.col("kind") == "event")
    assert sorted(nodes.select("event", "users").rows()) == sorted(sql(shop(), query))


def test_sequences_of_sessions_equal_duckdb():
    query = """
        SELECT path, count(*) AS n FROM (
            SELECT session_id, string_agg(event, ' > ' ORDER BY time, "row") AS path
            FROM rows GROUP BY 1
        ) WHERE path LIKE 'home%' GROUP BY 1
    """
    firsts = shop().sort("time", "row").group_by("session_id", maintain_order=True)
    home = firsts.first().filter(pl.col("event") == "home")["session_id"]
    inside = shop().filter(pl.col("session_id").is_in(home.implode()))
    answer = journeys(inside, start="home", within="session", count="sessions")
    ranked = answer.map(top=None)
    found = [(" > ".join(path), n) for path, n in ranked.select("path", "users").rows()]
    assert sorted(found) == sorted(sql(shop(), query))
