"""Recordings of strangers: damaged, mistaken or hostile, and never a crash."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest
from recordings import (
    START,
    add,
    change,
    click,
    element,
    meta,
    mutation,
    session,
    snapshot,
)

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_formats import decode
from replaykit.replays.build import add_recordings
from replaykit.store.recordings import Recordings

HERE = Path(__file__).parent
REAL = [
    json.loads((HERE / "data" / "rrweb_todo_app.json").read_text())[:400],
    json.loads((HERE / "data" / "rrweb_code_editor.json").read_text())[:400],
    json.loads(gzip.decompress((HERE / "fidelity/everything.json.gz").read_bytes())),
]
ODD = [
    None, True, -1, 0, 1e308, 2**63, 10**30, "", "x" * 3_000, [], {}, [[]], "__proto__",
    "constructor", "\ud83d\ude00", "\u0000", {"id": 1}, [None], "javascript:x", -0.0, 1,
]  # fmt: skip


def places(value, into):
    """List every (holder, key) of a JSON value."""
    stack = [value] if isinstance(value, dict | list) else []
    while stack:
        holder = stack.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            into.append((holder, key))
            if isinstance(holder[key], dict | list):
                stack.append(holder[key])
    return into


def mutated(chance):
    """Return the text of a real recording with something wrong in it."""
    events = json.loads(json.dumps(chance.choice(REAL)))
    for _ in range(chance.randrange(1, 12)):
        event = chance.choice(events)
        if not isinstance(event, dict):
            continue
        holder, key = chance.choice(places(event, []))
        move = chance.random()
        if move < 0.5:
            holder[key] = chance.choice(ODD)
        elif move < 0.7:
            del holder[key]
        elif move < 0.85:
            other, name = chance.choice(
                places(chance.choice(events), []) or [(event, "type")]
            )
            holder[key] = json.loads(json.dumps(other[name]))
        else:
            events.insert(
                chance.randrange(len(events)), chance.choice([event, None, 7])
            )
    if chance.random() < 0.2:
        chance.shuffle(events)
    text = bytearray(json.dumps(events).encode())
    if chance.random() < 0.3:
        for _ in range(chance.randrange(1, 6)):
            text[chance.randrange(len(text))] = chance.randrange(256)
    if chance.random() < 0.1:
        del text[chance.randrange(len(text)) :]
    return bytes(text)


def fuzz(folder, seeds):
    """Add many wrong recordings; what is stored of them reads back.

    Some come a second time as a file that grows: with the same result.
    """
    for seed in seeds:
        path = folder / f"d1_{1_717_225_200_000 + seed}.json"
        chance = random.Random(seed)
        content = mutated(chance)
        path.write_bytes(content)
        store = Recordings()
        report = add_recordings(store, path, progress=False)
        assert report.added + len(report.skipped) >= 1, seed
        for replay_id in report.replay_ids:
            store.summary(replay_id)
            segments = store.segments(replay_id)
            for at in range(len(segments)):
                events = json.loads(zlib.decompress(store.segment(replay_id, at)))
                assert [e["type"] for e in events[:2]] == [4, 2], seed
            # What is stored can be put together and read once more.
            again = [*store.stored(replay_id)]
            assert len(again) >= len(segments)
        if seed % 5 == 0:
            at = chance.randrange(len(content))
            check_grown(path, content[:at], store, report.replay_ids)
        path.unlink()


def check_grown(path, early, whole, replay_ids):
    """Add a file as it was early, then as it is: the same as adding it at once."""
    content = path.read_bytes()
    store = Recordings()
    for state in (early, content):
        path.write_bytes(state)
        add_recordings(store, path, progress=False)
    if store.catalogue()["replay_id"].to_list() == replay_ids:
        for replay_id in replay_ids:
            assert [*store.stored(replay_id)] == [*whole.stored(replay_id)], path.name
            assert store.summary(replay_id) == whole.summary(replay_id), path.name


def test_mutated_real_recordings_never_crash(tmp_path):
    fuzz(tmp_path, range(40))


@pytest.mark.faults
@pytest.mark.parametrize("first", range(1_000, 11_000, 1_000))
def test_ten_thousand_mutated_real_recordings_never_crash(tmp_path, first):
    fuzz(tmp_path, range(first, first + 1_000))


def added(tmp_path, events, name="d1_1717225200000.json"):
    path = tmp_path / name
    path.write_bytes(
        events if isinstance(events, bytes) else json.dumps(events).encode()
    )
    store = Recordings()
    return store, add_recordings(store, path, progress=False)


def test_an_array_that_is_still_being_written_is_read_as_far_as_it_goes(tmp_path):
    events = session()
    text = json.dumps(events)
    store, report = added(tmp_path, text[: text.rindex('{"type"') + 30].encode())
    assert store.catalogue()["events"].to_list() == [len(events) - 1]
    assert report.problems == {"events cut off at the end": 1}
    _, report = added(tmp_path, text.rstrip("]").encode())
    assert report.problems == {"arrays without an end": 1}
    lines = "\n".join(map(json.dumps, events))
    store, report = added(tmp_path, lines[:-9].encode())
    assert store.catalogue()["events"].to_list() == [len(events) - 1]
    assert report.problems == {"lines that are not JSON": 1}


def test_one_value_that_no_json_has_costs_one_event(tmp_path):
    events = session()
    events[5]["data"]["odd"] = float("nan")
    store, report = added(tmp_path, json.dumps(events).encode())
    assert store.catalogue()["events"].to_list() == [len(events) - 1]
    assert report.problems == {"broken events": 1}


@pytest.mark.parametrize("stamp", [2**80, -(2**80), 1e400, "soon", None, True, [1]])
def test_impossible_times_cost_one_event(tmp_path, stamp):
    events = [*session(), {"type": 3, "data": {"source": 1}, "timestamp": stamp}]
    store, report = added(tmp_path, json.dumps(events).encode())
    row = store.catalogue().row(0, named=True)
    assert (row["events"], row["length_ms"]) == (42, 20_000), report


def test_traps_that_unpack_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("replaykit.ingest.rrweb_files._HARMLESS", 2**20)
    _, report = added(
        tmp_path, gzip.compress(b"[" + b" " * 2**26), "d1_1717225200000.gz"
    )
    assert "times its size" in next(iter(report.skipped.values()))
    monkeypatch.setattr("replaykit.ingest.rrweb_packing._LARGEST", 2**20)
    bomb = zlib.compress(b'{"type":4,"data":{},"timestamp":1,"x":"' + b"x" * 2**26)
    packed = json.dumps([bomb.decode("latin-1")]).encode()
    problems = Counter()
    with pytest.raises(BadRecording):
        decode(packed, problems)
    assert problems == {"broken events": 1}
    whole, report = added(tmp_path, [*session(), bomb.decode("latin-1")])
    assert report.problems["broken events"] == 1
    assert whole.catalogue()["events"].to_list() == [42]


def test_names_that_mean_something_to_javascript_are_harmless(tmp_path):
    events = [
        meta(0, width=10**9, height=-5),
        snapshot(1, element("__proto__", 50), element("constructor", 51)),
        mutation(
            900, adds=[add(4, element("p", 52, **{"__proto__": "x", "on click": "y"}))]
        ),
        change(1_000, 4, width=2**40, height=0),
        click(12_000, 4),
    ]
    store, _ = added(tmp_path, events)
    (stream,) = [store.segment("d1/1717225200000", 0)]
    text = zlib.decompress(stream).decode()
    assert "__proto__" not in text
    assert store.catalogue()["width"].to_list() == [16_384]


MEASURE = """
import resource, sys
from replaykit.ingest import rrweb
from replaykit.replays.build import add_recordings
from replaykit.store.recordings import Recordings
rrweb.LARGE = 2**20
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
add_recordings(Recordings(sys.argv[1] + "/warm"), sys.argv[2], progress=False)
before = peak()
add_recordings(Recordings(sys.argv[1] + "/full"), sys.argv[3], progress=False)
print(peak() - before)
"""


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_large_array_needs_no_objects_of_its_size(tmp_path, packed):
    """Its text is a part of the memory, and there is little more."""
    filler = "word " * 60
    small = session()
    many = [
        change(10 + at, 14, ranges=[{"start": at, "end": at, "text": filler}])
        for at in range(50_000)
    ]
    (tmp_path / "d0_1717225200000.json").write_text(json.dumps(small))
    events = [*small[:2], *many]
    if packed:
        events = [
            zlib.compress(json.dumps(e).encode(), 1).decode("latin-1") for e in events
        ]
    path = tmp_path / "d1_1717225200000.json"
    path.write_text(json.dumps(events))
    size = path.stat().st_size
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            MEASURE,
            tmp_path,
            tmp_path / "d0_1717225200000.json",
            path,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    grown = int(done.stdout)
    # As dicts these events take more than five times the room of their text.
    assert grown < 2 * size, (grown / 1e6, size / 1e6)


def test_several_sessions_and_overlapping_chunks_in_one_folder(tmp_path):
    events = session(length=40_000)
    for name, part in {
        "a.json": events[:50],
        "b.json": events[40:],
        "c.json": events[40:60],
    }.items():
        rows = [{"device_id": "d1", "session_id": START, "events": part}]
        (tmp_path / name).write_text(json.dumps(rows))
    store = Recordings()
    add_recordings(store, tmp_path, progress=False)
    row = store.catalogue().row(0, named=True)
    assert (row["replay_id"], row["events"]) == (f"d1/{START}", len(events))


def test_bytes_that_are_no_text_cost_one_event(tmp_path):
    events = session()
    events[5]["sessionId"] = "here"
    text = json.dumps(events).encode().replace(b"here", b"h\xa5\xffe")
    store, report = added(tmp_path, text)
    assert store.catalogue()["events"].to_list() == [len(events) - 1]
    assert report.problems == {"broken events": 1}
