"""A question asked twice is answered once, and never with another one's answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import replaykit as rk
from replaykit import engine

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def log(users=("ana", "ben", "cleo"), day=0):
    return pl.DataFrame(
        [
            {
                "user": user,
                "time": START + timedelta(days=day, minutes=10 * k, seconds=n),
                "event": name,
                "visit": f"{user} {day}",
                "price": float(n + k),
                "plan": "pro" if n % 2 else "free",
            }
            for n, user in enumerate(users)
            for k, name in enumerate(("Search", "Add", "Buy")[: 1 + n % 3])
        ]
    )


def filled(folder, *frames):
    shop = rk.create(folder / "shop.rk")
    for frame in frames or (log(),):
        shop.add_events(frame, session="visit", progress=False)
    return rk.open(folder / "shop.rk", now=START + timedelta(days=30))


@pytest.fixture
def runs(monkeypatch):
    """How often pieces are read."""
    found = []
    real = engine.run

    def run(*given):
        found.append(given)
        return real(*given)

    monkeypatch.setattr(engine, "run", run)
    return found


QUESTIONS = {
    "segmentation": lambda e: e.segmentation("Search", by="plan", every="1d"),
    "compared": lambda e: e.between("2026-03-01", "2026-03-02").segmentation("Search"),
    "funnel": lambda e: e.funnel("Search", "Buy", within="1d"),
    "journeys": lambda e: e.journeys(start="Search", within="1d"),
    "sessions": lambda e: e.sessions(measure="average length"),
    "retention": lambda e: e.retention(start="Search", back="Buy"),
    "formula": lambda e: e.formula("UNIQUES(A)/UNIQUES(B)", "Search", "Buy"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_same_question_is_read_once(tmp_path, runs, name):
    shop = filled(tmp_path)
    first = QUESTIONS[name](shop.events)
    asked = len(runs)
    second = QUESTIONS[name](shop.events)
    assert len(runs) == asked > 0
    assert second is not first
    assert second.widget is not first.widget
    assert second.asked == first.asked or second.asked.name == first.asked.name
    assert_frame_equal(second.table, first.table)
    assert second.chart().to_json() == first.chart().to_json()


def test_an_answer_changed_in_place_is_not_given_again(tmp_path):
    events = filled(tmp_path).events
    first = events.segmentation("Search")
    wanted = first.table.clone()
    first.table.drop_in_place("value")
    assert_frame_equal(events.segmentation("Search").table, wanted)


CHANGES = {
    "ingest": lambda shop: shop.add_events(
        log(("dan",), day=1), session="visit", progress=False
    ),
    "forget": lambda shop: shop.forget("ana"),
    "purge": lambda shop: shop.purge(),
    "promote": lambda shop: shop.promote("price"),
    "compact": lambda shop: shop.compact(),
    "compact into more": lambda shop: shop.compact(buckets=3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_version_is_read_again(tmp_path, runs, change):
    shop = filled(tmp_path, log(), log(("eve",), day=2))

    def asked(events):
        return events.segmentation("Search", measure="totals").total["value"].item()

    pinned = shop.events
    assert asked(pinned) == 4
    CHANGES[change](shop)
    before = len(runs)
    wanted = {"ingest": 5, "forget": 3}.get(change, 4)
    assert asked(shop.events) == wanted
    assert len(runs) > before
    again = len(runs)
    if change not in {"forget", "purge"}:  # these delete what earlier handles read
        assert asked(pinned) == 4  # the state it was taken from
        assert len(runs) == again


def test_two_projects_and_two_zones_are_two_questions(tmp_path):
    frame = log().with_columns(pl.col("time") + pl.duration(hours=14))
    tables = [
        rk.events(frame, tz=tz).segmentation("Search").table["time"]
        for tz in ("UTC", "Asia/Tokyo")
    ]
    assert tables[0].dt.date().to_list() != tables[1].dt.date().to_list()


PAIRS = {
    "range": (
        lambda e: e.between("2026-03-01", "2026-03-01").segmentation("Search"),
        lambda e: e.between("2026-03-01", "2026-03-02").segmentation("Search"),
    ),
    "literal": (
        lambda e: e.filter(pl.col("price") > 1).segmentation("*", measure="totals"),
        lambda e: e.filter(pl.col("price") > 2).segmentation("*", measure="totals"),
    ),
    "kind of a literal": (
        lambda e: e.filter(pl.col("price") == 1).segmentation("*", every="1d"),
        lambda e: e.filter(pl.col("price") != 1).segmentation("*", every="1d"),
    ),
    "order": (
        lambda e: e.funnel("Search", "Add"),
        lambda e: e.funnel("Add", "Search"),
    ),
    "literal of a step": (
        lambda e: e.funnel("Search", rk.event("Add", pl.col("price") > 0)),
        lambda e: e.funnel("Search", rk.event("Add", pl.col("price") > 2)),
    ),
    "name of a step": (
        lambda e: e.segmentation(rk.event("Add").named("x")),
        lambda e: e.segmentation(rk.event("Add").named("y")),
    ),
    "option": (
        lambda e: e.sessions(every="1d"),
        lambda e: e.sessions(every="1w"),
    ),
    "rule": (
        lambda e: e.sessions(rule=rk.SessionRule("5m")),
        lambda e: e.sessions(rule=rk.SessionRule("30m")),
    ),
    "segment": (
        lambda e: e.segmentation("Search", segments={"a": pl.col("plan") == "pro"}),
        lambda e: e.segmentation("Search", segments={"a": pl.col("plan") == "free"}),
    ),
    "users as a segment": (
        lambda e: e.segmentation("Search", segments={"a": e.users_who("Buy")}),
        lambda e: e.segmentation("Search", segments={"a": e.users_who("Add")}),
    ),
    "people": (
        lambda e: e.users_who("Buy").events.segmentation("Search"),
        lambda e: e.users_who("Add").events.segmentation("Search"),
    ),
    "inline cohort": (
        lambda e: e.segmentation("Search", segments={"a": rk.performed("Buy")}),
        lambda e: e.segmentation("Search", segments={"a": rk.performed("Add")}),
    ),
    "measure": (
        lambda e: e.segmentation("*", measure="totals"),
        lambda e: e.segmentation("*", measure="uniques"),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_questions_that_differ_in_one_word_are_not_mixed_up(tmp_path, name):
    one, other = PAIRS[name]
    wanted = [
        ask(filled(tmp_path / str(k)).events) for k, ask in enumerate((one, other))
    ]
    events = filled(tmp_path / "both").events
    found = [ask(events) for ask in (one, other, one)]
    assert_frame_equal(found[0].table, wanted[0].table)
    assert_frame_equal(found[1].table, wanted[1].table)
    assert_frame_equal(found[2].table, wanted[0].table)
    assert not found[0].table.equals(found[1].table)


def test_a_python_function_is_asked_again(tmp_path):
    events = filled(tmp_path).events
    low = 1.0

    def dear(price):
        return pl.Series(price) > low

    def asked():
        dearer = pl.col("price").map_batches(dear, return_dtype=pl.Boolean)
        return events.filter(dearer).segmentation("*", measure="totals").total

    first = asked()["value"].sum()
    low = 2.0
    assert asked()["value"].sum() < first


def test_a_minute_later_an_interval_may_be_over(tmp_path):
    filled(tmp_path)
    moment = START + timedelta(hours=1)
    shop = rk.open(tmp_path / "shop.rk")
    ticks = iter(range(10_000))
    object.__setattr__(
        shop.source, "now", lambda: moment + timedelta(microseconds=next(ticks))
    )
    first = shop.events.segmentation("Search", every="1h").table
    assert first["incomplete"].to_list() == [False]
    moment = START + timedelta(minutes=50)
    again = shop.events.segmentation("Search", every="1h").table
    assert again["incomplete"].to_list() == [True]


def test_only_the_latest_are_kept(tmp_path):
    events = filled(tmp_path).events
    for minutes in range(1, 30):
        events.funnel("Search", "Buy", within=f"{minutes}m")
    assert len(events.source.results) == 8
