"""Deleting for good: a person, and what is past its time, proved on the folder's bytes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import polars as pl
import pytest
from exports import event, export, truth
from recordings import START, element, meta, session, snapshot, text
from test_store_writers import leftovers, whole

import replaykit as rk
from replaykit import errors
from replaykit.store import recording_files as files
from replaykit.store.proof import search

ROOT = Path(__file__).parent.parent
PEOPLE = ("ana-maria", "benedict", "carolina")


def record(path, words):
    path.parent.mkdir(exist_ok=True)
    events = [meta(0), snapshot(1, element("p", 7, text(f"Welcome back, {words}", 8)))]
    path.write_bytes(orjson.dumps([*events, meta(5000, "https://shop.test/end")]))


def told():
    events = []
    for number, who in enumerate(PEOPLE):
        device = f"device-of-{who}"
        for minute in range(6):
            login = who if minute else None
            events.append(
                event(
                    number * 100 + minute,
                    f"Step {minute}",
                    login,
                    device,
                    session_id=1772355600000 + number,
                    event_properties={"email": f"{who}@example.org", "n": minute},
                    user_properties={"plan": "pro"},
                    amplitude_id=None,
                )
            )
    # Shared with somebody else, whose rows stay.
    events.append(event(500, "Step 1", "benedict", "kiosk-of-both", session_id=5))
    events.append(event(501, "Step 1", "ana-maria", "kiosk-of-both", session_id=6))
    return events


@pytest.fixture
def shop(tmp_path):
    shop = rk.create(tmp_path / "shop.rk", retention="90d")
    events = told()
    for number in range(0, len(events), 7):
        part = export(tmp_path / "in", events[number : number + 7], f"{number}.json")
        shop.add_events(part, progress=False)
    for number, who in enumerate(PEOPLE):
        path = tmp_path / "rec" / f"device-of-{who}_{1772355600000 + number}.json"
        record(path, who)
    shop.add_replays(tmp_path / "rec", progress=False)
    shop.cohorts.save("all", shop.events.everyone())
    return shop


def bytes_with(folder, word):
    """Return every file that holds a word, expanded by means of its own."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        texts = [raw, path.name.encode()]
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            texts += [str(frame.rows()).encode()]
        elif path.suffix == ".rec":
            with path.open("rb") as file:
                index = files.read_index(file)
                texts += [
                    zlib.decompress(files.read_segment(file, one))
                    for one in (*index.segments, *index.asides)
                ]
                texts.append(str(files.read_summary(file, index)).encode())
        if any(word.encode() in text for text in texts):
            found.append(path.name)
    return found


def test_a_forgotten_person_is_nowhere_in_the_folder(shop):
    folder = shop.folder
    before = truth(folder)
    assert len(bytes_with(folder, "ana-maria")) >= 4
    report = shop.forget("ana-maria")
    assert (report.events, report.recordings, report.cohorts) == (7, 1, 1)
    assert report.proved, report
    assert bytes_with(folder, "ana-maria") == []
    assert report.files > 5
    assert report.read_bytes > 1000
    # The others are as they were.
    left = before.filter(pl.col("user") != "ana-maria")
    assert truth(folder).equals(left)
    assert len(bytes_with(folder, "benedict")) >= 4
    assert len(bytes_with(folder, "kiosk-of-both")) >= 1
    assert shop.replays["replay_id"].len() == 2
    assert set(shop.cohorts["all"].ids) == {"benedict", "carolina"}
    assert whole(folder).height == left.height
    assert leftovers(folder) == []
    store = shop._store
    assert (store.first, store.last) == (left["time"].min(), left["time"].max())
    with pytest.raises(errors.UnknownUser):
        shop.forget("ana-maria")


def test_everybody_can_be_forgotten(shop):
    for who in PEOPLE:
        assert shop.forget(who).proved
    assert shop._store.rows == 0
    assert (shop._store.first, shop._store.last) == (None, None)
    assert not any(bytes_with(shop.folder, who) for who in (*PEOPLE, "kiosk"))
    assert "empty" in repr(shop)


def test_what_others_say_of_a_person_is_reported(tmp_path):
    shop = rk.create(tmp_path / "shop.rk")
    gossip = [
        event(1, "A", "ana-maria", "d1"),
        event(2, "A", "eve", "d2", event_properties={"friend": "ana-maria"}),
    ]
    shop.add_events(export(tmp_path, gossip), progress=False)
    report = shop.forget("ana-maria")
    assert not report.proved
    assert "still found" in repr(report)
    assert "e_friend" in repr(report)
    assert "<b>" in report._repr_html_()


def test_a_purge_deletes_what_has_expired_and_nothing_else(shop, tmp_path):
    now = datetime.now(UTC) + timedelta(days=60)
    shop.set_retention("30d")
    record(tmp_path / "late" / "device-of-late_1772355699999.json", "late")
    shop.add_replays(tmp_path / "late", progress=False)
    later = replace(shop, now=now)
    # The change is for what came after it: only the fourth has expired.
    assert later.replays["status"].to_list().count("expired") == 1
    rows = truth(shop.folder)
    report = later.purge()
    assert (report.recordings, report.events) == (1, 0)
    assert report.proved
    assert bytes_with(shop.folder, "device-of-late") == []
    assert later.replays["replay_id"].len() == 3
    assert truth(shop.folder).equals(rows)
    assert later.purge().recordings == 0
    after = replace(shop, now=now + timedelta(days=60))
    assert after.purge().recordings == 3
    assert bytes_with(shop.folder, "Welcome back") == []
    assert leftovers(shop.folder) == []


def test_a_purge_leaves_no_earlier_version(shop):
    events = shop.folder / "events"
    shop.add_events(
        export(shop.folder.parent / "in", [event(900, "Z", "zoe", "dz")], "z.json"),
        progress=False,
    )
    live = {part for parts in shop._store.snapshot.files.values() for part in parts}
    assert len(list(events.glob("bucket=*/*"))) > len(live)
    shop.purge()
    live = {part for parts in shop._store.snapshot.files.values() for part in parts}
    kept = {f"{path.parent.name}/{path.name}" for path in events.glob("bucket=*/*")}
    assert kept == live


READER = """
import sys
import replaykit as rk
shop = rk.open(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


def test_a_removed_replay_is_gone_and_may_come_again(tmp_path):
    shop = rk.create(tmp_path / "shop.rk")
    told = session()
    for device in ("d1", "d2", "d3"):
        (tmp_path / f"{device}_{START}.json").write_text(json.dumps(told))
    shop.add_replays(tmp_path / "*.json", progress=False)
    with pytest.raises(errors.UnknownReplay):
        shop.remove_replays([f"d1/{START}", "nobody"])
    with pytest.raises(errors.BadInput):
        shop.remove_replays([None])
    assert len(shop.replays) == 3, "nothing is removed by half"
    stored = {path.name for path in (shop.folder / "replays/files").iterdir()}
    assert shop.remove_replays(f"d1/{START}") == 1
    first, second = shop.replays["replay_id"]
    assert shop.remove_replays(shop.replays[:1]) == 1
    assert shop.remove_replays([]) == 0
    assert [*shop.replays["replay_id"]] == [second]
    assert {first, second} == {f"d2/{START}", f"d3/{START}"}
    kept = {path.name for path in (shop.folder / "replays/files").iterdir()}
    assert kept < stored
    # What is added again starts over: it is not joined with what was there.
    corrected = tmp_path / "corrected"
    corrected.mkdir()
    (corrected / f"d1_{START}.json").write_text(json.dumps(told[:10]))
    shop.add_replays(corrected, progress=False)
    assert shop.anatomy(f"d1/{START}").by_kind["events"].sum() == 10


def test_another_reader_is_waited_for(shop):
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(shop.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert reader.stdout.readline() == "open\n"
        with pytest.raises(errors.InUse, match=f"process {reader.pid} on .*wait="):
            shop.forget("carolina")
        assert shop._store.users == 3
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert shop.forget("carolina", wait="60s").proved
    finally:
        reader.kill()
        reader.communicate()
    # A reader that was killed is no reader.
    (shop.folder / "readers" / "999999999-dead.json").write_text(
        '{"host": "' + socket.gethostname() + '", "pid": 999999999, "born": null}'
    )
    assert shop.forget("benedict").proved


def test_the_search_finds_ids_wherever_they_hide(tmp_path):
    word = "user-hidden-77"
    pl.DataFrame({"a": [f"x {word} y"]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [[{"b": word}]]}).write_parquet(tmp_path / "2.parquet")
    pl.DataFrame({"amplitude_id": [41, 42]}).write_parquet(tmp_path / "3.parquet")
    (tmp_path / "4.json").write_text('{"stats": "{\\"min\\": \\"' + word + '\\"}"}')
    (tmp_path / f"5-{word}.txt").write_text("")
    pl.DataFrame({"a": ["short"], "b": ["bo"]}).write_parquet(tmp_path / "6.parquet")
    (tmp_path / "clean.json").write_text('{"a": "boat"}')
    with (tmp_path / "7.rec").open("wb") as file:
        writer = files.RecordingWriter(file)
        writer.segment([b'[{"data":"', word.encode(), b'"}]'], {})
        writer.finish({}, {})
    with (tmp_path / "8.rec").open("wb") as file:
        writer = files.RecordingWriter(file)
        writer.segment([b"[]"], {})
        writer.finish({}, {}, zlib.compress(b'{"clicks":["' + word.encode() + b'"]}'))
    with (tmp_path / "9.rec").open("wb") as file:
        writer = files.RecordingWriter(file)
        writer.segment([b"[]"], {"metas": [[0, f'{{"href":"/{word}"}}']]})
        writer.finish({}, {})
    found = search(tmp_path, [word, "bo"], [42]).found
    assert sorted(
        {one.split(":")[0].split(".")[0].split("-")[0] for one in found}
    ) == list("123456789")


def test_checkpoints_of_the_log_hold_nobody(tmp_path):
    shop = rk.create(tmp_path / "shop.rk")
    for number in range(24):
        one = event(
            number, "A", "ana-maria" if number % 2 else "benedict", f"d{number % 2}"
        )
        shop.add_events(
            export(tmp_path / "in", [one], f"{number}.json"), progress=False
        )
    log = shop.folder / "events" / "_delta_log"
    assert list(log.glob("*.checkpoint.parquet"))
    assert shop.forget("ana-maria").proved
    assert bytes_with(shop.folder, "ana-maria") == []
    assert shop._store.rows == 12


def test_short_ids_are_no_part_of_random_names():
    from replaykit.store.proof import _names

    assert not _names("events/bucket=1/ad1a8bfac210.parquet", "d1")
    assert _names("recordings/d1-7.rkr", "d1")
    assert _names("recordings/d1%2F7.rkr", "d1")
    assert _names("recordings/xana-maria.rkr", "ana-maria")
    assert not _names("readers/17-ab12.json", "17")
