"""What breaks a store for real: kills, full disks, two writers, garbage, bombs.

The long forms are run by `make test-faults`; `REPLAYKIT_KILLS` and `REPLAYKIT_FUZZ` say
how many (200 and 10,000 by default).
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import polars as pl
import pytest
from exports import DATA, event, export, ingest, lines, truth
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_erasing import record
from test_ingest_formats import MIXPANEL, POSTHOG
from test_store_writers import files, leftovers, whole

import replaykit as rk
from replaykit.errors import BadInput, ReplayKitError
from replaykit.ingest import AmplitudeExport
from replaykit.ingest.mixpanel import MixpanelExport
from replaykit.ingest.posthog import PostHogExport
from replaykit.store import Settings, create_store, open_store

ROOT = Path(__file__).parent.parent
KILLS = int(os.environ.get("REPLAYKIT_KILLS", "200"))
FUZZ = int(os.environ.get("REPLAYKIT_FUZZ", "10000"))

# ── kills ─────────────────────────────────────────────────────────────────────
#: A process that works as it is told, one job per line, and says when each is done.
WORKER = """
import sys, json
import replaykit as rk
from replaykit.ingest import AmplitudeExport
from replaykit.store import open_store
shop = sys.argv[1]
print("ready", flush=True)
for line in sys.stdin:
    job, what = json.loads(line)
    print("begun", flush=True)
    done = 0
    if job == "ingest":
        done = open_store(shop).ingest(AmplitudeExport(what, progress=False)).new
    elif job == "compact":
        open_store(shop).compact(buckets=what)
    elif job == "purge":
        rk.open(shop).purge(wait="1h")
    print(done, flush=True)
"""


def worker(shop):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(shop)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
    )


def kill_at_random(shop, tmp_path, rounds, seed):
    """Kill a worker `rounds` times, somewhere in a job; look at the table each time."""
    chance = random.Random(seed)
    paths = files(tmp_path / "in", "x", 5, max(4, rounds // 3))
    waiting, sure = list(paths), 0
    spare = worker(shop)
    killed = dict.fromkeys(("ingest", "compact", "purge"), 0)
    for number in range(rounds):
        process, spare = spare, worker(shop)
        process.stdout.readline()
        job = ("ingest", "compact", "purge")[number % 3]
        if job == "ingest" and not waiting:
            job = "compact"
        what = str(waiting[0]) if job == "ingest" else chance.choice([3, 4, 5])
        process.stdin.write(json.dumps([job, what]) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.25))
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        killed[job] += 1
        if job == "ingest" and out.strip():
            waiting.pop(0)
            sure += int(out)
        rows = whole(shop).height
        assert rows % 40 == 0, "an ingest is all or nothing"
        assert rows >= sure, "nothing that was reported as written is lost"
        assert rk.open(shop).replays["replay_id"].len() == 1
    spare.kill()
    spare.communicate()
    for path in paths:
        ingest(shop, path)
    open_store(shop).compact()
    assert whole(shop).height == 40 * len(paths)
    rk.open(shop).purge()
    assert leftovers(shop) == []
    live = {
        part for parts in open_store(shop).snapshot.files.values() for part in parts
    }
    found = {
        f"{one.parent.name}/{one.name}" for one in (shop / "events").glob("bucket=*/*")
    }
    assert found == live
    alone = tmp_path / "alone.rk"
    create_store(alone)
    ingest(alone, paths)
    assert truth(shop).equals(truth(alone))
    return killed


@pytest.fixture
def shop(tmp_path):
    shop = rk.create(tmp_path / "shop.rk", retention="3650d")
    record(tmp_path / "rec" / "d9_1772355600000.json", "hello")
    shop.add_replays(tmp_path / "rec", progress=False)
    return shop.folder


def test_kills_leave_a_whole_table(shop, tmp_path):
    kill_at_random(shop, tmp_path, 6, 1)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_kills_leave_a_whole_table(shop, tmp_path, seed):
    killed = kill_at_random(shop, tmp_path, KILLS // 4, seed)
    print(f"{KILLS // 4} kills: {killed}")


# ── two writers ───────────────────────────────────────────────────────────────
@pytest.mark.faults
def test_two_writers_ten_rounds(tmp_path):
    for number in range(10):
        shop = tmp_path / f"{number}.rk"
        create_store(shop, Settings(buckets=4))
        place = tmp_path / str(number)
        shared = files(place, "z", 3, 2)
        jobs = [
            [*files(place, "x", 5, 3), *shared],
            [*files(place, "y", 5, 3), *shared],
        ]
        both = [worker(shop) for _ in jobs]
        for process, paths in zip(both, jobs, strict=True):
            for path in paths:
                process.stdin.write(json.dumps(["ingest", str(path)]) + "\n")
            process.stdin.close()
        for process in both:
            assert process.wait(timeout=300) == 0
            process.stdout.close()
        assert whole(shop).height == 40 * 8
        assert leftovers(shop) == []


# ── a full disk ───────────────────────────────────────────────────────────────
@pytest.mark.parametrize("room", ["2m", pytest.param("600k", marks=pytest.mark.faults)])
def test_a_full_disk_is_named_and_breaks_nothing(tmp_path, room):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", disk],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("A FULL DISK WAS NOT TRIED: mounting a tmpfs needs root.")
    try:
        shop = disk / "shop.rk"
        create_store(shop, Settings(buckets=2))
        stored, refused = 0, 0
        for number in range(30):
            noise = random.Random(number)
            big = [
                event(
                    number * 100 + n,
                    "A",
                    f"u{n}",
                    f"d{n}",
                    event_properties={"x": noise.randbytes(900).hex()},
                )
                for n in range(60)
            ]
            path = export(tmp_path / "in", big, f"{number}.json")
            try:
                stored += ingest(shop, path).new
            except BadInput as error:
                refused += 1
                assert "could not be written" in str(error)
                assert "room" in str(error)
            assert whole(shop).height == stored
            if refused > 3:
                break
        assert refused > 0
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        ingest(shop, path)
        assert whole(shop).height == stored + 60
        assert leftovers(shop) == []
    finally:
        subprocess.run(["umount", disk], check=True)


# ── garbage ───────────────────────────────────────────────────────────────────
READERS = {
    "amplitude": AmplitudeExport,
    "mixpanel": MixpanelExport,
    "posthog": PostHogExport,
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def good_lines():
    amplitude = [
        event(n, "Buy", "ana", "d", event_properties={"price": n, "s": "é"})
        for n in range(8)
    ]
    return {
        "amplitude": lines(amplitude),
        "mixpanel": lines(MIXPANEL),
        "posthog": lines(POSTHOG),
    }


def mutated(raw, chance):
    """Damage bytes as transports and editors do: flip, cut, repeat, swap, insert."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        if not data:
            break
        at = chance.randrange(len(data))
        to = min(len(data), at + chance.randint(1, 60))
        kind = chance.randrange(6)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at:to]
        elif kind == 2:
            data[at:at] = data[at:to]
        elif kind == 3:
            data[at:at] = chance.choice(
                [b"\x00", b"\xff\xfe", b"\n", b'"', b"{", b"}]", b"1e999", b"null,"]
            )
        elif kind == 4:
            other = chance.randrange(len(data))
            data[at], data[other] = data[other], data[at]
        else:
            del data[to:]
    return bytes(data)


def survives(reader, path):
    """Read a file: rows in the agreed shape, or an error that names the file."""
    source = reader(path, progress=False)
    try:
        frames = list(source.batches())
    except ReplayKitError as error:
        assert path.name in str(error)
        return 0
    report = source.finished(0, 0)
    rows = sum(frame.height for frame in frames)
    assert rows + report.skipped_rows == report.rows
    for frame in frames:
        assert frame["time"].null_count() == 0
        assert frame["event"].null_count() == 0
        people = frame.select(
            pl.any_horizontal(pl.col("user_id", "device_id").is_not_null())
        )
        assert "amplitude_id" in frame.columns or people.to_series().all()
    return rows


def fuzz_files(tmp_path, count, seed):
    chance = random.Random(seed)
    good = good_lines()
    real = (
        gzip.decompress((DATA / "export.json.gz").read_bytes())
        if (DATA / "export.json.gz").exists()
        else good["amplitude"]
    )
    kept = read = 0
    for number in range(count):
        name = chance.choice(list(good))
        raw = real if name == "amplitude" and number % 5 == 0 else good[name]
        damaged = mutated(raw[:20_000], chance)
        packed = number % 3 == 0
        if packed:
            damaged = gzip.compress(damaged, 1)
            if number % 6 == 0:
                damaged = mutated(damaged, chance)
        path = tmp_path / f"f{number % 8}.json{'.gz' if packed else ''}"
        path.write_bytes(damaged)
        rows = survives(READERS[name], path)
        kept += rows > 0
        read += rows
    return kept, read


def test_damaged_exports_do_not_crash(tmp_path):
    kept, _ = fuzz_files(tmp_path, 60, 1)
    assert kept > 20


@pytest.mark.faults
def test_many_damaged_exports_do_not_crash(tmp_path):
    kept, read = fuzz_files(tmp_path, FUZZ, 2)
    print(f"{FUZZ} damaged exports: {kept} read in part, {read:,} rows")


def invented(tmp_path, name, events):
    path = tmp_path / "x.json"
    path.write_bytes(
        b"\n".join(json.dumps(one).encode("utf-8", "surrogatepass") for one in events)
    )
    survives(READERS[name], path)


FIELDS = {
    "amplitude": (
        "event_type",
        "event_time",
        "user_id",
        "device_id",
        "session_id",
        "event_properties",
        "user_properties",
        "groups",
        "amplitude_id",
        "paying",
    ),
    "mixpanel": ("event", "properties"),
    "posthog": (
        "event",
        "distinct_id",
        "timestamp",
        "properties",
        "uuid",
        "person_properties",
    ),
}
EVENTS = st.sampled_from(list(FIELDS)).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.lists(
            st.dictionaries(st.sampled_from(FIELDS[name]), JSON, max_size=8),
            min_size=1,
            max_size=4,
        ),
    )
)
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(EVENTS)
def test_invented_events_do_not_crash(tmp_path, told):
    invented(tmp_path, *told)


@pytest.mark.faults
@settings(max_examples=FUZZ, deadline=None, suppress_health_check=QUIET)
@given(EVENTS)
def test_many_invented_events_do_not_crash(tmp_path, told):
    invented(tmp_path, *told)


# ── bombs, under a cap of memory ──────────────────────────────────────────────
CAPPED = """
import sys, resource
import replaykit as rk
from replaykit.errors import ReplayKitError
shop = rk.create(sys.argv[1])
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + (1500 << 20),) * 2)
try:
    print(repr(shop.add_events(sys.argv[2], format="amplitude", progress=False)))
except ReplayKitError as error:
    print(type(error).__name__, error)
"""


def bomb(name, folder):
    good = lines([event(1, "A", "ana", "d")])
    head = good[:-3]
    if name == "spaces.json.gz":
        return gzip.compress(b" " * (700 << 20), 9)
    if name == "newlines.json.gz":
        return gzip.compress(good + b"\n" * (700 << 20), 9)
    if name == "zip.zip":
        path = folder / "inner.zip"
        with zipfile.ZipFile(
            path, "w", zipfile.ZIP_DEFLATED, compresslevel=9
        ) as archive:
            archive.writestr("a.json", b" " * (700 << 20))
        return path.read_bytes()
    if name == "deep.json":
        return (
            good
            + head
            + b',"event_properties":'
            + b'{"a":' * 200_000
            + b"1"
            + b"}" * 200_001
            + b"\n"
        )
    if name == "brackets.json":
        return good + b"[" * 2_000_000 + b"\n"
    if name == "number.json":
        return good + head + b',"event_properties":{"n":' + b"9" * 1_000_000 + b"}}\n"
    if name == "digits.json":
        return good + head + b',"event_id":' + b"1" * 400 + b"}\n"
    if name == "exponent.json":
        return good + head + b',"session_id":1e400}\n'
    return good + head + b',"event_properties":{"t":"' + b"x" * (80 << 20) + b'"}}\n'


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("spaces.json.gz", "BadInput.*MiB", marks=pytest.mark.faults),
        ("newlines.json.gz", "BadInput.*refused"),
        pytest.param("zip.zip", "BadInput.*MiB", marks=pytest.mark.faults),
        ("deep.json", "1 skipped"),
        pytest.param("brackets.json", "1 skipped", marks=pytest.mark.faults),
        ("number.json", "(1|2) (new|Amplitude)"),
        pytest.param("digits.json", "(1|2) (new|Amplitude)", marks=pytest.mark.faults),
        pytest.param(
            "exponent.json", "(1|2) (new|Amplitude)", marks=pytest.mark.faults
        ),
        pytest.param("line.json", "BadInput.*MiB", marks=pytest.mark.faults),
    ],
)
def test_bombs_are_refused_by_name_under_a_memory_cap(tmp_path, name, says):
    path = tmp_path / name
    path.write_bytes(bomb(name, tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", CAPPED, str(tmp_path / "shop.rk"), str(path)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(says, done.stdout), done.stdout[:500]
    if "BadInput" in says:
        assert name in done.stdout


# ── an interrupt ──────────────────────────────────────────────────────────────
INTERRUPTED = """
import sys, time
from replaykit.ingest import AmplitudeExport
from replaykit.store import open_store
print("go", flush=True)
try:
    open_store(sys.argv[1]).ingest(AmplitudeExport(sys.argv[2], progress=False))
    print("finished", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("after", [0.8, pytest.param(0.3, marks=pytest.mark.faults)])
def test_an_interrupt_ends_an_ingest_soon_with_nothing_half_written(tmp_path, after):
    folder = tmp_path / "shop.rk"
    create_store(folder)
    some = [event(n, "A", f"u{n % 99}", f"d{n % 99}") for n in range(3_000)]
    raw = lines(some)
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        for number in range(120):
            file.write(
                raw.replace(b"uuid-d", f"uuid{number}-d".encode()).replace(
                    b'"d', f'"d{number}-'.encode()
                )
            )
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(folder), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout.readline() == "go\n"
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    began = time.perf_counter()
    out, _ = process.communicate(timeout=60)
    took = time.perf_counter() - began
    if "finished" not in out:
        assert "interrupted" in out
        # Two seconds on a free machine; others may be at work on this one.
        assert took < 2 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        assert open_store(folder).rows == 0
        assert not list((folder / "events").glob("bucket=*/*"))
    assert not list((folder / "staging").glob("*"))
    assert not list((folder / "writers").glob("*.json"))
