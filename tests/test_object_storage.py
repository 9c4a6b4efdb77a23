"""A project in object storage, on a local S3 server: what a folder does, it does."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from exports import event, export
from polars.testing import assert_frame_equal
from test_erasing import PEOPLE, record, told

import replaykit as rk
from replaykit import errors
from replaykit.ingest import AmplitudeExport
from replaykit.store import lease, objects, open_store

pytest.importorskip("obstore")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def options():
    """Start a server of its own process; what it keeps goes with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                bucket = urllib.request.Request(f"{url}/shops", method="PUT")
                urllib.request.urlopen(bucket, timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield {
            "aws_access_key_id": "key",
            "aws_secret_access_key": "secret",
            "aws_region": "us-east-1",
            "aws_endpoint_url": url,
            "aws_allow_http": "true",
        }
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def url(request):
    return f"s3://shops/{request.node.name[:40].strip('[]')}.rk"


def filled(shop, folder):
    """Read the story of three people and their recordings in, in several ingests."""
    events = told()
    for number in range(0, len(events), 7):
        part = export(folder / "in", events[number : number + 7], f"{number}.json")
        shop.add_events(part, progress=False)
    for number, who in enumerate(PEOPLE):
        device = f"device-of-{who}_{1772355600000 + number}.json"
        record(folder / "rec" / device, who)
    shop.add_replays(folder / "rec", progress=False)
    return shop


def rows(store):
    frame = store.scan().join(
        store.directory.lazy().select("user", "user_id"), on="user"
    )
    frame = frame.sort("user_id", "time", "row").drop("user", "row").collect()
    return frame.select(*sorted(frame.columns))


def test_a_project_in_a_bucket_is_what_it_is_in_a_folder(options, url, tmp_path):
    filled(rk.create(url, storage_options=options, retention="90d"), tmp_path)
    here = filled(rk.create(tmp_path / "here.rk", retention="90d"), tmp_path)
    again = rk.open(url, storage_options=options)
    assert repr(again).replace(url.rpartition("/")[2], "here.rk") == repr(here)
    assert_frame_equal(rows(again._store), rows(here._store))
    for ask in (
        lambda e: e.funnel("Step 1", "Step 2", "Step 5", within="7d").table,
        lambda e: e.segmentation("Step 1", by="plan").table,
        lambda e: e.retention(start="Step 1", back="Step 2").table,
        lambda e: e.sessions(measure="per user").table,
    ):
        assert_frame_equal(ask(again.events), ask(here.events))
    # The same files again change nothing; nor does compaction.
    path = min((tmp_path / "in").glob("*.json"))
    assert again.add_events(path, progress=False).new == 0
    again._store.compact(buckets=5)
    assert_frame_equal(
        rows(open_store(url, storage_options=options)), rows(here._store)
    )
    # Recordings: catalogue, summary and every segment.
    for name in ("replay_id", "start", "end", "events", "status"):
        assert again.replays[name].to_list() == here.replays[name].to_list()
    for replay in here.replays["replay_id"]:
        mine, theirs = here._recordings, again._recordings
        assert theirs.summary(replay) == mine.summary(replay)
        for index in range(len(mine.segments(replay))):
            assert theirs.segment(replay, index) == mine.segment(replay, index)
    player = rk.Player(again.replays)
    assert player.session
    # Nothing of the writers is left.
    place = objects.place(url, options)
    assert [str(one) for one in (place / "writers").iterdir()] == []
    again.cohorts.save("all", again.events.everyone())
    report = again.forget("ana-maria")
    assert (report.events, report.recordings, report.cohorts) == (7, 1, 1)
    assert report.proved, report
    assert rk.open(url, storage_options=options).forget("benedict").proved
    assert set(again.cohorts["all"].ids) == {"carolina"}


def test_a_purge_empties_a_bucket_of_what_expired(options, url, tmp_path):
    shop = filled(rk.create(url, storage_options=options, retention="30d"), tmp_path)
    later = replace(shop, now=datetime.now(UTC) + timedelta(days=60))
    report = later.purge()
    assert report.recordings == 3
    assert report.proved
    place = objects.place(url, options)
    assert list(place.rglob("*.rec")) == []
    assert later.replays["replay_id"].len() == 0


def test_two_writers_lose_and_double_nothing(options, url, tmp_path):
    rk.create(url, storage_options=options)
    failures = []

    def work(name):
        try:
            for number in range(4):
                path = export(
                    tmp_path,
                    [event(number * 10 + n, "A", name, name) for n in range(5)],
                    f"{name}{number}.json",
                )
                store = open_store(url, storage_options=options)
                store.ingest(AmplitudeExport([path], progress=False))
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store = open_store(url, storage_options=options)
    assert store.rows == store.scan().collect().height == 40
    assert store.users == 2


def test_one_of_many_takes_the_lease(options, url):
    shop = rk.create(url, storage_options=options)
    place = shop.folder / "writers" / "sweep.lease"
    taken = []
    threads = [
        threading.Thread(target=lambda: taken.append(lease._take(place, place)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]


KILLED = """
import sys, json
from replaykit.ingest import AmplitudeExport
from replaykit.store import open_store
print("go", flush=True)
report = open_store(sys.argv[1], storage_options=json.loads(sys.argv[3])).ingest(
    AmplitudeExport(sys.argv[2], progress=False)
)
print(report.new, flush=True)
"""


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.faults)])
def test_a_killed_writer_leaves_a_whole_table_in_the_bucket(
    options, url, tmp_path, rounds
):
    chance = random.Random(rounds)
    url = url.removesuffix(".rk") + f"-{rounds}.rk"
    rk.create(url, storage_options=options)
    reported = 0
    for number in range(rounds):
        path = export(
            tmp_path,
            [event(number * 50 + n, "A", f"u{n}", f"d{n}") for n in range(20)],
            f"{number}.json",
        )
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, url, str(path), json.dumps(options)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.6))
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        reported += int(out or 0)
        store = open_store(url, storage_options=options)
        assert store.rows == store.scan().collect().height
        assert store.rows % 20 == 0
        assert store.rows >= reported
    store = open_store(url, storage_options=options)
    for number in range(rounds):
        store.ingest(AmplitudeExport(tmp_path / f"{number}.json", progress=False))
    store = store.latest()
    assert store.rows == 20 * rounds
    place = objects.place(url, options)
    live = {f"events/{one}" for parts in store.snapshot.files.values() for one in parts}
    live |= {f"events/{one}" for one in store.snapshot.catalog.retired}
    found = {one.key for one in place.glob("events/bucket=*/*")}
    assert found == live


def test_what_cannot_be_reached_says_so(options, tmp_path):
    with pytest.raises(errors.MissingFile, match=r"rk\.create"):
        rk.open("s3://shops/nothing.rk", storage_options=options)
    with pytest.raises(errors.BadInput, match="is a folder"):
        rk.open(tmp_path, storage_options=options)
    with pytest.raises(errors.BadInput, match="cannot be reached"):
        rk.open("s3://shops/x.rk", storage_options={"aws_nonsense": "1"})
    shop = rk.create("s3://shops/one.rk", storage_options=options)
    with pytest.raises(errors.NotAProject, match="already is a project"):
        rk.create("s3://shops/one.rk", storage_options=options)
    assert "secret" not in repr(shop.folder)


# ── input that lies there ─────────────────────────────────────────────────────
def put(options, folder, below):
    """Copy files into the bucket; return the URL above them."""
    root = objects.ObjectPath.open("s3://shops", options)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            (root / f"{below}/{path.relative_to(folder)}").put(path)
    return f"s3://shops/{below}"


def test_events_and_recordings_are_read_from_there(options, tmp_path):
    events = told()
    for number in range(0, len(events), 7):
        export(tmp_path / "in", events[number : number + 7], f"{number}.json.gz")
    for number, who in enumerate(PEOPLE):
        record(tmp_path / "rec" / f"device-of-{who}_{1772355600000 + number}.json", who)
    exported = put(options, tmp_path / "in", "export/day")
    recorded = put(options, tmp_path / "rec", "recorded")
    local, remote = rk.create(tmp_path / "a.rk"), rk.create(tmp_path / "b.rk")
    local.add_events(tmp_path / "in", progress=False)
    local.add_replays(tmp_path / "rec", progress=False)
    for _ in range(2):
        first = remote.add_events(
            f"{exported}/*.json.gz", storage_options=options, progress=False
        )
        remote.add_replays(recorded, storage_options=options, progress=False)
    assert first.new == 0
    rows = [
        shop.events.collect().sort("user", "time", "event") for shop in (local, remote)
    ]
    assert_frame_equal(*rows)
    ids = [shop.replays["replay_id"].sort().to_list() for shop in (local, remote)]
    assert ids[0] == ids[1] != []


def test_objects_that_are_not_there_are_named(options, tmp_path):
    shop = rk.create(tmp_path / "a.rk")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "events.json").write_text("{}")
    put(options, tmp_path / "x", "near")
    with pytest.raises(errors.MissingFile, match=r"s3://shops/near/event\.json"):
        shop.add_events("s3://shops/near/event.json", storage_options=options)
    with pytest.raises(errors.MissingFile, match="No object matches"):
        shop.add_events("s3://shops/none/*.json", storage_options=options)
    with pytest.raises(errors.BadInput, match="cannot be read"):
        shop.add_events("s3://no-such-bucket/*.json", storage_options=options)
