"""A real scheduler and two worker processes: equal answers, also when one is killed."""

from __future__ import annotations

import os
import signal
import threading
import time

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from test_engines import QUESTIONS, folder, indexed  # noqa: F401 - fixtures

import replaykit as rk
from replaykit import engine, errors
from replaykit.store import open_store

distributed = pytest.importorskip("distributed")
# A killed worker leaves its connections open behind it.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Any free port: somebody may have a cluster of their own.
            dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def pids(client):
    return client.run(os.getpid)


def test_two_processes_of_one_thread_each(client, folder):  # noqa: F811
    assert len(set(pids(client).values()) | {os.getpid()}) == 3
    rk.open(folder, engine=client).events.segmentation("Play")
    assert set(client.run(pl.thread_pool_size).values()) == {1}


SHORT = ("funnel", "uniques", "median", "per user", "retention", "journeys", "who")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in SHORT else [pytest.mark.long])
        for name in QUESTIONS
    ],
)
def test_the_cluster_gives_the_same_answer(client, folder, indexed, name):  # noqa: F811
    asked = QUESTIONS[name]
    whole = asked(rk.open(folder, engine="scan").events)
    for other in (folder, indexed):
        assert_frame_equal(asked(rk.open(other, engine=client).events), whole)


def test_few_rows_are_cut_into_a_piece_per_worker(client, folder, monkeypatch):  # noqa: F811
    store = open_store(folder)
    for engine_, count in ((client, 2), ("threads", len(store.buckets)), ("scan", 1)):
        pieces = rk.open(folder, engine=engine_).events.pieces({"price"})
        assert len(pieces.parts) == count
        rows = pl.concat(part.select("row").collect() for part in pieces.parts)
        assert rows["row"].sort().equals(store.scan(()).collect()["row"].sort())
    # Many rows are cut finer, so that a slow worker gets fewer pieces.
    monkeypatch.setattr(engine, "_PIECE", store.rows // 8)
    assert len(rk.open(folder, engine=client).events.pieces(set()).parts) == 8


def test_workers_use_the_index_where_they_see_it(client, indexed):  # noqa: F811
    names = ("funnel", "sessions", "retention", "uniques")
    want = [QUESTIONS[name](rk.open(indexed, engine="scan").events) for name in names]

    def asked():
        shop = rk.open(indexed, engine=client)
        (piece, *_) = shop.events.pieces(set()).parts
        assert "covering index" in piece.explain()
        (indexed / "index").rename(indexed / "elsewhere")
        try:
            return [QUESTIONS[name](shop.events) for name in names]
        finally:
            (indexed / "elsewhere").rename(indexed / "index")

    # What the client saw is gone when the workers look: they read the table.
    for got, expected in zip(asked(), want, strict=True):
        assert_frame_equal(got, expected)
    for name, expected in zip(names, want, strict=True):
        assert_frame_equal(
            QUESTIONS[name](rk.open(indexed, engine=client).events), expected
        )


def slow_users(piece):
    time.sleep(0.3)
    return piece.select(pl.len(), pl.col("user").n_unique()).collect()


@pytest.mark.parametrize("after", [0.2, pytest.param(0.7, marks=pytest.mark.long)])
def test_a_killed_worker_changes_nothing(client, folder, after):  # noqa: F811
    store = open_store(folder)
    pieces = [store.scan((), buckets=[bucket]) for bucket in store.buckets]
    want = engine.run(slow_users, engine.stacked, pieces[:4])
    assert want.height == 1
    got = []
    asking = threading.Thread(
        target=lambda: got.append(
            engine.run(slow_users, engine.stacked, pieces, client)
        )
    )
    before = pids(client)
    asking.start()
    time.sleep(after)
    os.kill(next(iter(before.values())), signal.SIGKILL)
    asking.join(timeout=60)
    assert len(got[0]) == len(pieces)
    assert got[0].sum().row(0) == (store.rows, store.users)
    # And a question of the public API, while the other worker comes back.
    shop = rk.open(folder, engine=client)
    whole = rk.open(folder, engine="scan")
    for name in ("funnel", "retention"):
        assert_frame_equal(QUESTIONS[name](shop.events), QUESTIONS[name](whole.events))


def other_version():
    from replaykit import engine as there

    there.versions.cache_clear()
    there.version = lambda name: "0.0.1"


def same_version():
    import importlib.metadata

    from replaykit import engine as there

    there.versions.cache_clear()
    there.version = importlib.metadata.version


def test_workers_of_another_version_are_refused(client, folder):  # noqa: F811
    client.run(other_version)
    try:
        with pytest.raises(errors.BadInput, match=r"polars 0\.0\.1 instead of"):
            rk.open(folder, engine=client).events.segmentation("Play")
    finally:
        client.run(same_version)
