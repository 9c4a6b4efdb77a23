"""Several writers, and writers that die: nothing lost, nothing doubled, nothing left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from exports import event, export, ingest, truth

from replaykit.errors import BadInput
from replaykit.ingest import AmplitudeExport
from replaykit.store import Settings, create_store, lease, open_store

ROOT = Path(__file__).parent.parent
INGEST = """
import sys
from replaykit.errors import BadInput
from replaykit.ingest import AmplitudeExport
from replaykit.store import open_store
print("0", flush=True)
for path in sys.argv[2:]:
    report = open_store(sys.argv[1]).ingest(AmplitudeExport(path, progress=False))
    print(report.new, flush=True)
"""


@pytest.fixture
def shop(tmp_path):
    create_store(tmp_path / "shop.rk", Settings(buckets=4))
    return tmp_path / "shop.rk"


def start(folder, *paths):
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, str(folder), *map(str, paths)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
    )


def files(folder, name, users, parts):
    return [
        export(
            folder,
            [
                event(
                    number * 50 + minute,
                    "A",
                    f"{name}{minute % users}",
                    f"{name}-d{minute % users}",
                    event_properties={f"{name}{number}": minute},
                )
                for minute in range(40)
            ],
            f"{name}{number}.json",
        )
        for number in range(parts)
    ]


def whole(folder):
    """Assert that what the table says of itself is what it holds, and return its rows."""
    store = open_store(folder)
    frame = store.scan().collect()
    assert frame["row"].is_unique().all()
    assert frame.height == store.rows
    assert set(frame["user"]) == set(store.directory["user"])
    assert store.directory["user_id"].is_unique().all()
    assert dict(store.names.select("event", "rows").rows()) == dict(
        frame["event"].value_counts().rows()
    )
    return frame


def leftovers(folder):
    snapshot = open_store(folder).snapshot
    live = {Path(one).name for one in DeltaTable(str(folder / "events")).file_uris()}
    kept = live | {Path(one).name for one in snapshot.catalog.retired}
    kept |= snapshot.catalog.files(folder, snapshot.number)
    found = [*(folder / "events").glob("bucket=*/*")]
    for place in ("catalog", "staging", "writers"):
        found += (folder / place).glob("*")
    return sorted(path.name for path in found if path.name not in kept)


def test_two_threads_lose_nothing_and_double_nothing(shop, tmp_path):
    mine = files(tmp_path / "in", "x", 5, 4)
    theirs = files(tmp_path / "in", "y", 5, 4)
    both = files(tmp_path / "in", "z", 3, 2)
    failures = []

    def work(paths):
        try:
            for path in paths:
                open_store(shop).ingest(AmplitudeExport(path, progress=False))
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=([*paths, *both],))
        for paths in (mine, theirs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert whole(shop).height == 40 * 10
    alone = tmp_path / "alone.rk"
    create_store(alone)
    ingest(alone, [*mine, *theirs, *both])
    assert truth(shop).equals(truth(alone))
    assert leftovers(shop) == []


def test_two_processes_lose_nothing_and_double_nothing(shop, tmp_path):
    both = files(tmp_path / "in", "z", 3, 2)
    first = start(shop, *files(tmp_path / "in", "x", 5, 4), *both)
    second = start(shop, *files(tmp_path / "in", "y", 5, 4), *both)
    for process in (first, second):
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert whole(shop).height == 40 * 10
    assert leftovers(shop) == []


def test_a_compaction_beside_a_writer_loses_nothing(shop, tmp_path):
    stop = threading.Event()
    failures = []

    def compact():
        try:
            buckets = 4
            while not stop.is_set():
                buckets = 7 - buckets
                open_store(shop).compact(buckets=buckets)
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    thread = threading.Thread(target=compact)
    thread.start()
    try:
        for path in files(tmp_path / "in", "x", 5, 6):
            ingest(shop, path)
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert whole(shop).height == 240
    assert leftovers(shop) == []


def kill_at_random(shop, tmp_path, rounds, seed):
    chance = random.Random(seed)
    paths = files(tmp_path / "in", "x", 5, rounds)
    reported = 0
    for path in paths:
        process = start(shop, path)
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        reported += int(out or 0)
        frame = whole(shop)
        assert frame.height % 40 == 0, "an ingest is all or nothing"
        assert frame.height >= reported
    # The next writer cleans up what the killed ones left.
    for path in paths:
        ingest(shop, path)
    assert whole(shop).height == 40 * rounds
    assert leftovers(shop) == []


def test_a_killed_writer_leaves_a_whole_table(shop, tmp_path):
    kill_at_random(shop, tmp_path, 6, 1)


@pytest.mark.faults
def test_two_hundred_killed_writers_leave_a_whole_table(shop, tmp_path):
    kill_at_random(shop, tmp_path, 200, 2)


def test_the_sweep_leaves_living_writers_alone(shop):
    with lease.writing(shop) as writer:
        mine = shop / "events" / "bucket=0" / f"part-{writer.id}-1.parquet"
        gone = shop / "events" / "bucket=0" / "part-0123456789abcdef-1.parquet"
        staged = shop / "events" / "bucket=0" / "part-0123456789abcdef-2.parquet#1"
        scratch = shop / "staging" / "0123456789abcdef"
        mine.parent.mkdir()
        scratch.mkdir()
        for path in (mine, gone, staged):
            pl.DataFrame({"a": [1]}).write_parquet(path)
        assert lease.sweep(shop, writer.id) == 3
        assert mine.exists()
        assert writer.scratch.exists()
        assert not gone.exists()
        assert not scratch.exists()


def test_only_the_holder_of_the_lease_sweeps(shop):
    held = shop / "writers" / "sweep.lease"
    with lease.writing(shop) as first, lease.writing(shop) as second:
        assert lease._take(held, shop / "writers" / f"{first.id}.json")
        assert lease.sweep(shop, second.id) == 0
        assert held.exists()
        # Left by a process that is gone.
        held.unlink()
        dead = {"host": os.uname().nodename, "pid": 999_999_999, "born": None}
        held.write_text(json.dumps(dead))
        lease.sweep(shop, second.id)
        assert not held.exists()


def test_a_disk_that_fails_is_a_named_error(shop, tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    path = export(tmp_path / "in", [event(1, "A", "ana")])
    with monkeypatch.context() as patched:
        patched.setattr(pl.LazyFrame, "sink_parquet", full)
        with pytest.raises(BadInput, match="No space left"):
            ingest(shop, path)
    assert open_store(shop).rows == 0
    ingest(shop, path)
    assert whole(shop).height == 1
    assert leftovers(shop) == []


def test_an_interrupt_right_after_the_commit_destroys_nothing(
    shop, tmp_path, monkeypatch
):
    real = DeltaTable.create_write_transaction

    def interrupted(self, *args, **options):
        real(self, *args, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DeltaTable, "create_write_transaction", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ingest(shop, export(tmp_path / "in", [event(1, "A", "ana")], "1.json"))
    assert whole(shop).height == 1
    ingest(shop, export(tmp_path / "in", [event(2, "A", "ana")], "2.json"))
    assert whole(shop).height == 2
    assert leftovers(shop) == []
