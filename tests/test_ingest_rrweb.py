"""Every common wrapping of rrweb events reads as the same recording."""

from __future__ import annotations

import gzip
import json
import random
import tarfile
import zipfile
import zlib
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from recordings import START, session

from replaykit.errors import BadRecording, MissingFile
from replaykit.ingest import rrweb
from replaykit.ingest.rrweb_events import dict_of
from replaykit.ingest.rrweb_formats import decode
from replaykit.ingest.rrweb_identity import from_name, identity
from replaykit.ingest.rrweb_json import dumps, loads
from replaykit.replays.build import add_recordings
from replaykit.store.recordings import Recordings

EVENTS = session()


def read_all(source):
    """Return {replay id: events} and {file: reason}."""
    good, bad = {}, {}
    for group in rrweb.groups(source):
        for item in rrweb.read(group):
            if isinstance(item, rrweb.Unread):
                bad[Path(item.file).name] = item.reason
            else:
                good[item.identity.replay_id] = [dict_of(e) for e in item.events]
    return good, bad


def packed(event):
    """Pack as rrweb's packer does: zlib, its bytes as characters."""
    return zlib.compress(json.dumps({**event, "v": "v1"}).encode()).decode("latin-1")


def plain(events):
    return [{k: v for k, v in event.items() if k != "v"} for event in events]


def posthog(event):
    squeeze = lambda value: gzip.compress(json.dumps(value).encode()).decode("latin-1")  # noqa: E731
    if event["type"] == 2:
        return {**event, "cv": "2024-10", "data": squeeze(event["data"])}
    if event["type"] == 3 and event["data"]["source"] == 0:
        data = {
            key: squeeze(value) if isinstance(value, list) else value
            for key, value in event["data"].items()
        }
        return {**event, "cv": "2024-10", "data": data}
    return event


def lines(written):
    return "\n".join(json.dumps(written(e)) for e in EVENTS).encode()


def steps(size):
    return range(0, len(EVENTS), size)


def date(timestamp):
    return datetime.fromtimestamp(timestamp / 1000, UTC).isoformat()


SHAPES = {
    "an array": json.dumps(EVENTS).encode(),
    "an array with a byte order mark": b"\xef\xbb\xbf" + json.dumps(EVENTS).encode(),
    "lines": "\n".join(json.dumps(e) for e in EVENTS).encode(),
    "gzip": gzip.compress(json.dumps(EVENTS).encode()),
    "zlib": zlib.compress(json.dumps(EVENTS).encode()),
    "packed strings": json.dumps([packed(e) for e in EVENTS]).encode(),
    "Amplitude v3": gzip.compress(json.dumps(EVENTS).encode()),
    "Amplitude v2": gzip.compress(json.dumps([packed(e) for e in EVENTS]).encode()),
    "Amplitude upload": json.dumps(
        {"version": 1, "events": [json.dumps(e) for e in EVENTS]}
    ).encode(),
    "mixed strings": json.dumps(
        [packed(e) if at % 2 else json.dumps(e) for at, e in enumerate(EVENTS)]
    ).encode(),
    "a wrapper": json.dumps({"rrweb_data": EVENTS}).encode(),
    "PostHog export": json.dumps(
        {"version": "2023-04-28", "data": {"snapshots": [posthog(e) for e in EVENTS]}}
    ).encode(),
    "PostHog lines": "\n".join(
        json.dumps(["0190-window", posthog(e)]) for e in EVENTS
    ).encode(),
    "Sentry segment": b'{"segment_id":0}\n' + json.dumps(EVENTS).encode(),
    "Sentry segment, packed": b'{"segment_id":0}\n'
    + zlib.compress(json.dumps(EVENTS).encode()),
    "Sentry segment, gzip": b'{"segment_id":0}\n'
    + gzip.compress(json.dumps(EVENTS).encode()),
    "gzip in gzip": gzip.compress(gzip.compress(json.dumps(EVENTS).encode())),
    "gzip in base64": b64encode(gzip.compress(json.dumps(EVENTS).encode())),
    "UTF-16": json.dumps(EVENTS).encode("utf-16"),
    "lines that end in commas": ",\r\n".join(json.dumps(e) for e in EVENTS).encode(),
    "an array without its end, and a comma": json.dumps(EVENTS)[:-1].encode() + b",]",
    "JSON text sequences": b"".join(b"\x1e%s\n" % dumps(e) for e in EVENTS),
    "arrays one after another": b"".join(dumps(EVENTS[n : n + 5]) for n in steps(5)),
    "lines around events": lines(lambda e: {"id": 1, "payload": e}),
    "lines around texts": lines(lambda e: {"id": 1, "payload": json.dumps(e)}),
    "lines of their own type and time": lines(
        lambda e: {"type": "rrweb", "timestamp": 5, "data": e}
    ),
    "columns of a table": lines(
        lambda e: {**e, "id": 1, "data": json.dumps(e["data"])}
    ),
    "chunks": json.dumps({"chunks": [{"of": EVENTS[n : n + 5]} for n in steps(5)]}),
    "wrapped again and again": json.dumps(
        {"ok": True, "result": {"data": {"session": {"name": "x", "events": EVENTS}}}}
    ),
    "events by their number": json.dumps(dict(enumerate(EVENTS))),
    "PostHog export of 2022": json.dumps(
        {
            "version": "2022-12-02",
            "data": {"person": None, "snapshotsByWindowId": {"w": EVENTS}},
        }
    ),
    "PostHog blobs": lines(lambda e: {"window_id": "w", "data": json.dumps([e])}),
    "PostHog capture": lines(
        lambda e: {"event": "$snapshot", "properties": {"$snapshot_items": [e]}}
    ),
    "times as text": lines(lambda e: {**e, "timestamp": str(e["timestamp"])}),
    "times as dates": lines(lambda e: {**e, "timestamp": date(e["timestamp"])}),
    "times in microseconds": lines(lambda e: {**e, "timestamp": e["timestamp"] * 1000}),
    "times in nanoseconds": lines(lambda e: {**e, "timestamp": e["timestamp"] * 10**6}),
    "types as text": lines(lambda e: {**e, "type": str(e["type"])}),
}


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_events(tmp_path, monkeypatch, shape, large):
    if large:
        monkeypatch.setattr(rrweb, "LARGE", 10)
    given = SHAPES[shape]
    given = given.encode() if isinstance(given, str) else given
    (tmp_path / "d1_1717225200000.json").write_bytes(given)
    good, bad = read_all(tmp_path)
    assert bad == {}
    assert decode(given, problems := Counter())
    assert not problems
    assert {name: plain(events) for name, events in good.items()} == {
        "d1/1717225200000": EVENTS
    }


def test_chunks_in_any_order_are_sorted_by_time_then_file_order(tmp_path):
    for number in range(4):
        chunk = EVENTS[number::4]
        random.Random(number).shuffle(chunk)
        path = tmp_path / f"d1_1717225200000_{number}.json"
        path.write_text(json.dumps(chunk))
    good, _ = read_all(tmp_path)
    assert good["d1/1717225200000"] == EVENTS


def test_equal_times_keep_their_order_in_the_file(tmp_path):
    events = [{**EVENTS[0], "data": {"n": n}, "timestamp": START} for n in range(9)]
    (tmp_path / "a.json").write_text(json.dumps(events))
    assert read_all(tmp_path)[0]["a"] == events


def test_one_bad_event_is_counted_and_never_stops_the_rest():
    problems = Counter()
    broken = [None, 7, {"type": 3}, {"type": 3, "timestamp": "late"}, "not packed" * 9]
    found = decode(json.dumps([*broken, *EVENTS]).encode(), problems)
    assert [dict_of(event) for part in found for event in part.events] == EVENTS
    assert problems == {"broken events": 3, "events without a time": 1}


def test_a_broken_line_is_counted():
    problems = Counter()
    lines = [json.dumps(e) for e in EVENTS]
    lines[3] = lines[3][:20]
    found = decode("\n".join(lines).encode(), problems)
    assert len(found[0].events) == len(EVENTS) - 1
    assert problems == {"lines that are not JSON": 1}


def test_bad_files_are_named_with_their_reason(tmp_path):
    (tmp_path / "good.json").write_text(json.dumps(EVENTS))
    (tmp_path / "cut.json.gz").write_bytes(
        gzip.compress(json.dumps(EVENTS).encode())[:-30]
    )
    (tmp_path / "words.json").write_text("once upon a time")
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "other.json").write_text('{"name": "no events here"}')
    good, bad = read_all(tmp_path)
    assert list(good) == ["good"]
    assert sorted(bad) == [
        "cut.json.gz",
        "empty.json",
        "other.json",
        "words.json",
    ]
    assert "cut off" in bad["cut.json.gz"]
    assert "not JSON" in bad["words.json"]


def test_what_cannot_be_read_says_what_to_do(tmp_path):
    archive = tmp_path / "all.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(Path(__file__), "a.json")
    seconds = [{**e, "timestamp": e["timestamp"] / 1000} for e in EVENTS]
    (tmp_path / "seconds.json").write_text(json.dumps(seconds))
    (tmp_path / "squeezed.json").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(9))
    _, bad = read_all(tmp_path)
    assert "multiply" in bad["seconds.json"]
    assert "zstd" in bad["squeezed.json"]
    assert "tar archive" in bad["all.tar.gz"]
    assert all("Unpack it" in bad[name] for name in ("squeezed.json", "all.tar.gz"))


def test_what_stands_beside_events_is_no_broken_event():
    person = {"name": "ana", "tags": ["a" * 99, {"type": 3}], "about": "{" + "x" * 99}
    problems = Counter()
    found = decode(json.dumps({"person": person, "of": EVENTS}).encode(), problems)
    assert len(found[0].events) == len(EVENTS)
    assert not problems


def test_events_in_memory_may_be_spelled_so_too():
    stranger = [
        {**e, "timestamp": str(e["timestamp"]), "data": json.dumps(e["data"])}
        for e in EVENTS
    ]
    read = rrweb.in_memory(identity("a"), stranger)
    assert [dict_of(event) for event in read.events] == EVENTS


def test_a_missing_file_says_what_to_give():
    with pytest.raises(MissingFile, match="pattern such as"):
        rrweb.groups("nowhere/*.json")


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(MissingFile, match="holds no recordings"):
        rrweb.groups(tmp_path)


def test_zip_archives_and_globs(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("d1_1717225200000.json", json.dumps(EVENTS))
        archive.writestr(
            "d2/1717225200001/0.json.gz", gzip.compress(json.dumps(EVENTS).encode())
        )
        archive.writestr("notes.md", "not a recording")
    good, _ = read_all(str(tmp_path / "*.zip"))
    assert sorted(good) == ["d1/1717225200000", "d2/1717225200001"]


def test_the_directory_of_a_zip_archive_is_read_once(tmp_path, monkeypatch):
    """Reading it for each member made ten thousand recordings take half an hour."""
    for name in ("one.zip", "two.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for at in range(30):
                member = f"{name[0]}{at}_{START}.json.gz"
                archive.writestr(member, gzip.compress(json.dumps(EVENTS).encode()))
    opened = []
    real = zipfile.ZipFile.__init__
    monkeypatch.setattr(
        zipfile.ZipFile,
        "__init__",
        lambda self, *given, **more: (opened.append(self), real(self, *given, **more))[
            1
        ],
    )
    report = add_recordings(Recordings(), tmp_path, progress=False)
    assert report.added == 60
    assert len(opened) <= 6
    assert all(archive.fp is None for archive in opened), "they are closed in the end"


def test_many_recordings_in_one_file(tmp_path):
    rows = [
        {"device_id": "d1", "session_id": 1717225200000, "events": EVENTS},
        {
            "device_id": "d2",
            "session_id": 1717225200001,
            "user_id": "ana",
            "events": EVENTS,
        },
    ]
    (tmp_path / "many.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    group = rrweb.groups(tmp_path)[0]
    found = {item.identity.replay_id: item for item in rrweb.read(group)}
    assert sorted(found) == ["d1/1717225200000", "d2/1717225200001"]
    assert found["d2/1717225200001"].identity.user_id == "ana"
    assert len({item.digest for item in found.values()}) == 2


def test_events_of_several_sessions_are_told_apart(tmp_path):
    events = [{**e, "sessionId": f"s{at % 2}"} for at, e in enumerate(EVENTS)]
    (tmp_path / "mixed.json").write_text(json.dumps(events))
    good, _ = read_all(tmp_path)
    assert {name: len(events) for name, events in good.items()} == {"s0": 21, "s1": 21}


def test_identity_from_a_recorders_own_event(tmp_path):
    payload = {"deviceId": "d9", "sessionId": 1717225200009}
    tag = {
        "type": 5,
        "data": {"tag": "metadata", "payload": payload},
        "timestamp": START,
    }
    (tmp_path / "unnamed.json").write_text(json.dumps([*EVENTS, tag]))
    assert list(read_all(tmp_path)[0]) == ["d9/1717225200009"]


@pytest.mark.parametrize(
    ("path", "replay_id", "chunk"),
    [
        ("d1_1717225200000.json", "d1/1717225200000", None),
        ("a_b_1717225200000.json.gz", "a_b/1717225200000", None),
        ("d1%2F1717225200000.json", "d1/1717225200000", None),
        ("d1%2Fcheckout-7.json", "d1/checkout-7", None),
        ("d1_1717225200000_12.json", "d1/1717225200000", 12),
        ("d1/1717225200000.json", "d1/1717225200000", None),
        ("d1/1717225200000/3.json", "d1/1717225200000", 3),
        ("recordings/plain.json", "plain", None),
    ],
)
def test_file_names(path, replay_id, chunk):
    assert from_name(Path(path)) == (replay_id, chunk)


def test_pages_as_deep_as_chrome_allows_and_deeper():
    def nest(levels):
        node = {"id": 0}
        for at in range(levels):
            node = {"id": at, "childNodes": [node]}
        return node

    for levels in (512, 1_500):
        deep = [{"type": 2, "data": {"node": nest(levels)}, "timestamp": 1}]
        assert dumps(loads(dumps(deep))) == dumps(deep)
    with pytest.raises(BadRecording, match="overflows"):
        loads(dumps(nest(5_000)))


def test_large_files_are_read_in_batches_with_the_same_result(tmp_path, monkeypatch):
    events = session(length=6_000, step=7)
    events[5]["data"]["note"] = 'quotes " and \\ and }],[{ in text \\'
    random.Random(1).shuffle(events)
    shapes = {
        "array": json.dumps(events),
        "spaced": json.dumps(events, indent=1),
        "lines": "\n".join(json.dumps(e) for e in events),
        "packed": json.dumps([packed(e) for e in events]),
    }
    for name, text in shapes.items():
        (tmp_path / f"{name}.json").write_text(text)
        (tmp_path / f"{name}-gz.json.gz").write_bytes(gzip.compress(text.encode()))
    whole, _ = read_all(tmp_path)
    monkeypatch.setattr(rrweb, "LARGE", 1_000)
    streamed, _ = read_all(tmp_path)
    assert streamed == whole
