"""A player that follows a recording which still grows."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

import polars as pl
import pytest
from recordings import START, session

import replaykit as rk
from replaykit.errors import BadInput, UnknownOption
from replaykit.replies import Watching

REPLAY = f"d1/{START}"


def write(path, length):
    """Write the recording as it is after so many ms: a file that grows."""
    path.mkdir(exist_ok=True)
    events = session(length)
    (path / f"d1_{START}.json").write_text(json.dumps(events))
    return events


@pytest.fixture
def shop(tmp_path):
    shop = rk.create(tmp_path / "shop.rk", tz="UTC")
    write(tmp_path / "in", 20_000)
    shop.add_replays(tmp_path / "in")
    return shop


def asked(player, replay=REPLAY):
    """Ask as the front end does: with what it knows of the recording."""
    known = player._reply("session", {"replay": replay}).data
    params = {
        "replay": replay,
        "length_ms": known["length_ms"],
        "segments": len(known["segments"]),
    }
    return lambda: player._reply("growth", params).data["session"]


def test_nothing_new_is_no_session(shop):
    assert asked(shop.replays.watch(follow=True))() is None


def test_what_this_process_adds_is_shown(shop, tmp_path):
    player = shop.replays.watch(follow=True)
    grown = asked(player)
    write(tmp_path / "in", 45_000)
    shop.add_replays(tmp_path / "in")
    answer = grown()
    assert answer["length_ms"] == 45_000
    assert answer["segments"][-1]["end"] == 45_000
    assert asked(player)() is None
    last = len(answer["segments"]) - 1
    (body,) = player._reply("segment", {"replay": REPLAY, "index": last}).buffers
    assert json.loads(zlib.decompress(body))[-1]["timestamp"] == START + 45_000


def test_what_another_process_adds_is_shown_with_its_events(shop, tmp_path):
    player = rk.Player(shop.replays, follow=True)
    grown = asked(player)
    write(tmp_path / "in", 30_000)
    pl.DataFrame(
        {
            "uid": ["ana"],
            "ts": [START + 25_000],
            "name": ["Purchase"],
            "device": ["d1"],
            "session": [START],
        }
    ).write_csv(tmp_path / "events.csv")
    code = f"""
import polars as pl, replaykit as rk
shop = rk.open({str(shop.folder)!r})
shop.add_replays({str(tmp_path / "in")!r})
rows = pl.read_csv({str(tmp_path / "events.csv")!r})
rows = rows.with_columns(ts=pl.from_epoch("ts", "ms"))
shop.add_events(rows, user="uid", time="ts", event="name", device="device",
                session="session")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    answer = grown()
    assert answer["length_ms"] == 30_000
    assert answer["events"]["name"] == ["Purchase"]
    assert answer["events"]["t"] == [25_000]
    # Python looks at the same state: events, and how far one can seek.
    assert player.events["event"].to_list() == ["Purchase"]
    player.seek(ms=10**9)
    assert player.time_ms == 30_000


def test_a_piece_that_is_added_as_a_file_of_its_own_extends_it(shop, tmp_path):
    grown = asked(shop.replays.watch(follow=True))
    later = [event for event in session(40_000) if event["timestamp"] > START + 20_000]
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / f"d1_{START}.json").write_text(json.dumps(later))
    shop.add_replays(tmp_path / "more")
    assert grown()["length_ms"] == 40_000


def test_segments_that_are_full_stay_as_they_are(tmp_path):
    """So that what a player holds of them stays of use."""
    shop = rk.create(tmp_path / "long.rk", tz="UTC")
    write(tmp_path / "in", 600_000)
    shop.add_replays(tmp_path / "in")
    player = shop.replays.watch(follow=True)
    before = player._reply("session", {"replay": REPLAY}).data["segments"]
    write(tmp_path / "in", 900_000)
    shop.add_replays(tmp_path / "in")
    after = asked(player)
    after = player._reply("session", {"replay": REPLAY}).data["segments"]
    assert len(before) > 1
    assert after[: len(before) - 1] == before[:-1]


def test_a_player_that_does_not_follow_stays_on_its_state(shop, tmp_path):
    player = shop.replays.watch()
    assert player.follow is False
    write(tmp_path / "in", 45_000)
    shop.add_replays(tmp_path / "in")
    assert player._reply("session", {"replay": REPLAY}).data["length_ms"] == 20_000


def test_what_was_redacted_stays_out_of_what_grows(shop, tmp_path):
    safe = rk.redact(shop.replays, regex="Pay")
    player = safe.watch(follow=True)
    grown = asked(player)
    write(tmp_path / "in", 45_000)
    shop.add_replays(tmp_path / "in")
    assert grown()["length_ms"] == 45_000
    (body,) = player._reply("segment", {"replay": REPLAY, "index": 0}).buffers
    assert b'"Pay"' not in zlib.decompress(body)


def test_a_frame_in_memory_cannot_grow(tmp_path):
    write(tmp_path / "in", 20_000)
    rows = pl.DataFrame({"uid": ["ana"], "ts": [START], "name": ["x"]})
    rows = rows.with_columns(ts=pl.from_epoch("ts", "ms"))
    events = rk.events(
        rows, user="uid", time="ts", event="name", replays=tmp_path / "in", tz="UTC"
    )
    watching = Watching(events.source, events.source.catalogue)
    with pytest.raises(BadInput, match="add_replays"):
        rk.Player(watching, follow=True)
    player = rk.Player(watching)
    with pytest.raises(BadInput, match="add_replays"):
        player.follow = True
    with pytest.raises(UnknownOption, match="add_replays"):
        asked(player)()


def test_a_recording_that_is_gone_says_so(shop):
    grown = asked(shop.replays.watch(follow=True))
    shop._recordings.remove(REPLAY)
    with pytest.raises(rk.errors.UnknownReplay, match="no longer"):
        grown()


def test_the_person_on_screen_is_looked_up_through_the_player():
    shop = rk.demo()
    player = shop.replays.watch()
    shown = player._reply("session", {"replay": player.session}).data
    assert shown["look_up"] is True
    asked = {"person": shown["user"]}
    about = player._reply("person", asked).data
    assert about["user"] == shown["user"]
    assert about["replays"]["total"] >= 1
    rows = player._reply("rows", {**asked, "offset": 0, "limit": 5}).data
    assert len(rows["id"]) == 5
    chosen = {"question": "segmentation", "rows": rows["id"][:1]}
    made = player._reply("create", {**asked, **chosen}).data
    within = {**asked, "within": made["within"]}
    assert player._reply("chart", within).data["figure"]["data"]


def test_redacted_recordings_do_not_lead_to_their_people():
    safe = rk.redact(rk.demo().replays, regex="Pay").watch()
    assert safe._reply("session", {"replay": safe.session}).data["look_up"] is False
    with pytest.raises(UnknownOption, match="only a project|Only a project"):
        safe._reply("person", {"person": "ana"})
