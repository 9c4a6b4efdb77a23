"""Every question, asked of a project on disk, gives one answer on every engine."""

from __future__ import annotations

import random
import shutil
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context

import polars as pl
import pytest
from exports import START
from polars.testing import assert_frame_equal

import replaykit as rk
from replaykit.store import covering, open_store, snapshot

NAMES = ("Search", "Play", "Cart", "Buy")

QUESTIONS = {
    "funnel": lambda e: e.funnel("Search", "Cart", "Buy", within="7d", by="plan").table,
    "funnel exact": lambda e: e.funnel("Search", "Play", order="exact").table,
    "funnel over time": lambda e: (
        e.funnel("Search", "Buy", within="7d").over_time("1w").table
    ),
    "drivers": lambda e: e.funnel("Search", "Buy", within="7d").drivers().sort("event"),
    "uniques": lambda e: e.segmentation("Search", "Buy", by="plan").table,
    "uniques, top": lambda e: e.segmentation("*", by="city", top=2).table,
    "rolling": lambda e: e.segmentation("Play", over="rolling 3").table,
    "new users": lambda e: e.segmentation("Play", segments={"new": "new"}).table,
    "median": lambda e: (
        e.segmentation(
            "Buy", measure="property", of="price", aggregate="median", every="1w"
        ).table
    ),
    "sums": lambda e: (
        e.segmentation("Buy", measure="property", of="price", by="city").total
    ),
    "active": lambda e: e.segmentation("Buy", measure="active", every="1w").table,
    "frequency": lambda e: e.segmentation("Play", measure="frequency").total,
    "formula": lambda e: e.formula("UNIQUES(B)/UNIQUES(A)", "Search", "Buy").table,
    "sessions": lambda e: e.sessions(measure="average length", by="plan").table,
    "gaps": lambda e: e.sessions(rule=rk.SessionRule("30m")).table,
    "per user": lambda e: e.sessions(measure="per user").table,
    "retention": lambda e: e.retention(start="Search", back="Buy").table,
    "new and back": lambda e: e.retention(measure="on or after", depth=9).table,
    "usage": lambda e: e.usage("Play").table,
    "value": lambda e: e.lifetime_value(of="price", start="Search", depth=3).table,
    "journeys": lambda e: e.journeys(start="Search", within="7d").table,
    "visits": lambda e: e.journeys(start="Search", within="session").table,
    "sequences": lambda e: e.sequences(3),
    "who": lambda e: e.users_who("Play", at_least=2, then="Buy").table,
    "whose": lambda e: e.users_whose(plan="pro").table,
    "new": lambda e: e.new_users().table,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng = random.Random(5)
    rows = []
    for user in range(60):
        minute, visit = rng.randrange(20_000), 0
        for _ in range(rng.randrange(2, 40)):
            minute += rng.choice([0, 1, 3, 50, 900, 3_000])
            visit = minute if rng.random() < 0.3 or not visit else visit
            rows.append(
                {
                    "time": START + timedelta(minutes=minute),
                    "event": rng.choice(NAMES),
                    "user_id": f"u{user}",
                    "session_id": 1_767_225_600_000 + visit * 60_000,
                    "user.plan": rng.choice(["pro", "free", None]),
                    "builtin.city": rng.choice(["Rome", "Oslo", "Bonn", "Lyon"]),
                    "event.price": float(rng.randrange(50)),
                }
            )
    rng.shuffle(rows)
    shop = rk.create(tmp_path_factory.mktemp("engines") / "shop.rk")
    store = open_store(shop.folder)
    for half in (rows[::2], rows[1::2]):
        store.append(pl.DataFrame(half, infer_schema_length=None))
    return shop.folder


@pytest.fixture(scope="module")
def indexed(folder, tmp_path_factory):
    """The same project, its partitions sorted and each with a covering index."""
    copy = tmp_path_factory.mktemp("indexed") / "shop.rk"
    shutil.copytree(folder, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(covering, "WORTH", 1)
        patch.setattr(snapshot, "WORTH", 1)
        rk.open(copy).compact()
    snap = open_store(copy).snapshot
    assert set(snap.indexed.values()) == {frozenset(covering.COVERED)}
    bucket = next(iter(snap.files))
    assert "covering index" in snap.in_order(bucket, "auto", mapped=True).explain()
    return copy


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_engine_gives_one_answer(folder, indexed, pool, name):
    asked = QUESTIONS[name]
    whole = asked(rk.open(folder, engine="scan").events)
    assert whole.height
    for engine in ("threads", pool):
        assert_frame_equal(asked(rk.open(folder, engine=engine).events), whole)
    for engine in ("threads", pool):
        assert_frame_equal(asked(rk.open(indexed, engine=engine).events), whole)


def test_a_point_names_the_same_users_on_every_engine(folder, indexed, pool):
    found = []
    for place, engine in (
        (folder, "scan"),
        (folder, "threads"),
        (folder, pool),
        (indexed, "threads"),
    ):
        events = rk.open(place, engine=engine).events
        points = [
            events.funnel("Search", "Buy", within="7d").dropped(after="Search"),
            events.segmentation("Play").point("Play", at="2026-03-04").users,
            events.retention(start="Search").point(cohort="all", index=1).users,
        ]
        found.append([sorted(users) for users in points])
    assert found[0] == found[1] == found[2] == found[3]
    assert all(found[0])
