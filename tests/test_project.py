"""A project through its public names: fill it, ask it, open it again, hand it rubbish."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from replaykit.replies import Watching
from tests.spec.blocks import block

DATA = Path(__file__).parent / "data"
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def export_rows(user, device, session, *names):
    """Rows of Amplitude's export, one minute apart."""
    for number, name in enumerate(names):
        at = START + timedelta(minutes=number)
        yield {
            "event_type": name,
            "event_time": at.strftime("%Y-%m-%d %H:%M:%S.000000"),
            "user_id": user,
            "device_id": device,
            "session_id": session,
            "$insert_id": f"{device}-{number}",
            "country": "France",
            "event_properties": {"price": 10 + number},
        }


def write_export(path, rows):
    lines = "\n".join(json.dumps(row) for row in rows)
    with gzip.open(path, "wt") as file:
        file.write(lines)
    return path


@pytest.fixture
def shop(tmp_path):
    """Ana searches, adds and buys; ben searches and leaves; ana was recorded."""
    session = int(START.timestamp() * 1000)
    rows = [
        *export_rows("ana", "d1", session, "Search", "Add", "Buy"),
        *export_rows("ben", "d2", session + 1, "Search", "Add"),
    ]
    write_export(tmp_path / "events.json.gz", rows)
    events = json.loads((DATA / "rrweb_todo_app.json").read_text())
    shift = session - events[0]["timestamp"]
    for event in events:
        event["timestamp"] += shift
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / f"d1_{session}.json").write_text(json.dumps(events))
    shop = rk.create(
        tmp_path / "shop.rk", tz="Europe/Paris", now=START + timedelta(days=1)
    )
    shop.add_events(tmp_path / "events.json.gz", progress=False)
    shop.add_replays(tmp_path / "recordings", progress=False)
    return shop


def test_what_was_added_survives_the_process(shop):
    again = rk.open(shop.folder)
    assert again.events.collect("price").height == 5
    assert again.replays["user"].to_list() == ["ana"]
    assert again.tz == "Europe/Paris"


def test_adding_the_same_again_changes_nothing(shop, tmp_path):
    before = shop.events.collect()
    report = shop.add_events(tmp_path / "events.json.gz", progress=False)
    replays = shop.add_replays(tmp_path / "recordings", progress=False)
    assert (report.new, report.duplicate) == (0, 5)
    assert replays.unchanged == 1
    assert shop.events.collect().equals(before)


def test_handles_stay_on_the_state_they_were_taken_from(shop, tmp_path):
    before = shop.events
    rows = export_rows("eve", "d3", 7, "Search")
    shop.add_events(write_export(tmp_path / "more.json.gz", rows), progress=False)
    assert before.collect()["user"].n_unique() == 2
    assert shop.events.collect()["user"].n_unique() == 3


def test_a_number_leads_to_the_moment_in_the_replay(shop):
    funnel = shop.events.funnel("Search", "Add", "Buy", within="1d")
    assert funnel.table["users"].to_list() == [2, 2, 1]
    assert list(funnel.dropped(after="Add")) == ["ben"]
    assert funnel.dropped(after="Add").replays.height == 0
    found = funnel.converted().replays
    assert found["user"].to_list() == ["ana"]
    assert found["matched_at"].to_list() == [0]
    assert len(found["matched_because"][0]) == 3
    player = funnel.converted().watch()
    assert player.session == found["replay_id"][0]
    assert player.events.filter(state="recorded")["event"].to_list() == ["Search"]


def test_home_says_where_recordings_are_when_the_week_is_empty(shop):
    late = rk.open(shop.folder, now=START + timedelta(days=60))
    home = late.home.answer("home", {"last": "7d"}).data
    assert home["total"] == 0
    assert "1 Mar 2026" in home["span"] or "01 Mar 2026" in home["span"]


def test_a_missing_file_is_named(shop, tmp_path):
    with pytest.raises(errors.MissingFile, match="nowhere"):
        shop.add_events(tmp_path / "nowhere.json.gz", progress=False)
    with pytest.raises(errors.MissingFile, match="nowhere"):
        shop.add_replays(tmp_path / "nowhere", progress=False)


def test_a_file_that_is_not_json_is_named_and_nothing_is_added(shop, tmp_path):
    (tmp_path / "bad.json").write_text("<html>not an export</html>\n" * 3)
    before = shop.events.collect().height
    try:
        report = shop.add_events(tmp_path / "bad.json", progress=False)
    except errors.BadInput as error:
        assert "bad.json" in str(error)
    else:
        assert report.new == 0
        assert sum(skipped.rows for skipped in report.skipped) == 3
    assert shop.events.collect().height == before


def test_a_truncated_gzip_is_an_error_and_nothing_is_added(shop, tmp_path):
    whole = write_export(
        tmp_path / "whole.json.gz",
        (row for k in range(200) for row in export_rows(f"u{k}", f"x{k}", k, "Search")),
    )
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(whole.read_bytes()[:-200])
    before = shop.events.collect().height
    with pytest.raises(errors.BadInput, match="cut.json.gz"):
        shop.add_events(cut, progress=False)
    assert shop.events.collect().height == before


def test_an_event_without_a_time_is_counted_not_fatal(shop, tmp_path):
    rows = list(export_rows("eve", "d9", 9, "Search", "Add"))
    del rows[0]["event_time"]
    path = write_export(tmp_path / "some.json.gz", rows)
    report = shop.add_events(path, progress=False)
    assert report.new == 1
    assert [(one.rows, "time" in one.reason) for one in report.skipped] == [(1, True)]


def test_a_recording_without_a_snapshot_is_listed_and_not_played(shop, tmp_path):
    events = [
        {
            "type": 3,
            "timestamp": 1_772_355_600_000 + k,
            "data": {"source": 3, "id": 1, "x": 0, "y": k},
        }
        for k in range(3)
    ]
    (tmp_path / "d7_1772355600000.json").write_text(json.dumps(events))
    report = shop.add_replays(tmp_path / "d7_1772355600000.json", progress=False)
    assert dict(report.statuses) == {"no_snapshot": 1}
    listed = shop.replays.table.filter(pl.col("status") == "no_snapshot")
    assert listed.height == 1


def test_an_unknown_event_is_named_with_its_neighbour(shop):
    with pytest.raises(errors.UnknownEvent, match="Did you mean 'Search'"):
        shop.events.funnel("Serch", "Buy")


def test_an_unknown_property_is_named_with_its_neighbour(shop):
    with pytest.raises(errors.UnknownProperty, match="'price'"):
        shop.events.segmentation("Search", by="prize")


def test_a_folder_that_is_no_project_is_refused(tmp_path):
    with pytest.raises(errors.MissingFile):
        rk.open(tmp_path / "absent.rk")
    with pytest.raises(errors.NotAProject):
        rk.open(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(errors.NotAProject):
        rk.create(tmp_path / "full")


def test_a_project_moves_with_its_folder(shop, tmp_path):
    shutil.move(shop.folder, tmp_path / "elsewhere.rk")
    assert rk.open(tmp_path / "elsewhere.rk").events.collect().height == 5


def test_the_replay_that_holds_the_moment_opens_first(shop, tmp_path):
    """Ben searches in one recorded session and adds in a later one, then leaves."""
    early, late = (int((START + timedelta(hours=h)).timestamp() * 1000) for h in (2, 4))
    rows = [
        row
        | {
            "event_time": f"2026-03-01 {hour}:00:01",
            "session_id": session,
            "$insert_id": name,
        }
        for hour, session, name in ((11, early, "Search"), (13, late, "Add"))
        for row in export_rows("zoe", "d5", session, name)
    ]
    shop.add_events(write_export(tmp_path / "zoe.json.gz", rows), progress=False)
    recording = json.loads((DATA / "rrweb_todo_app.json").read_text())
    first = recording[0]["timestamp"]
    for session in (early, late):
        moved = [
            event | {"timestamp": event["timestamp"] - first + session}
            for event in recording
        ]
        (tmp_path / f"d5_{session}.json").write_text(json.dumps(moved))
        shop.add_replays(tmp_path / f"d5_{session}.json", progress=False)
    lost = shop.events.funnel("Search", "Add", "Buy").dropped(after="Add")
    found = lost.replays.table.filter(pl.col("user") == "zoe")
    assert found["replay_id"].to_list() == [f"d5/{late}", f"d5/{early}"]
    assert found["matched_at"].to_list() == [1000, 1000]


def test_replays_read_like_a_frame(shop):
    replays = shop.replays
    assert replays.to_pandas()["user"].to_list() == ["ana"]
    assert pl.DataFrame(replays).columns == replays.columns
    assert replays[["user", "length"]].columns == ["user", "length"]
    assert replays[-1]["user"].to_list() == ["ana"]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"event": "Serch"}, errors.UnknownEvent, "Did you mean 'Search'"),
        ({"where": pl.col("prize") > 1}, errors.UnknownProperty, "'price'"),
        ({"cohort": ["ana"]}, errors.BadInput, "is not Users"),
        ({"between": "2026"}, errors.BadInput, "no pair"),
        ({"signals": "ragee"}, errors.UnknownOption, "Did you mean 'rage'"),
    ],
)
def test_a_search_for_what_is_not_there_is_named(shop, given, error, words):
    with pytest.raises(error, match=words):
        shop.replays.search(**given)


def test_seek_takes_a_name_a_moment_or_a_position(shop):
    player = shop.events.funnel("Search", "Buy").converted().watch()
    player.seek(ms=4_200.4)
    assert player.time_ms == 4_200
    player.seek(START + timedelta(seconds=2))
    assert player.time_ms == 2_000
    player.seek(datetime(2026, 3, 1, 10, 0, 3))
    assert player.time_ms == 3_000
    player.seek("Search")
    assert player.time_ms == 0
    player.seek(ms=10**9)
    assert player.time_ms == shop.replays["length_ms"][0]
    with pytest.raises(errors.BadInput, match="seek\\(ms="):
        player.seek(5_000)
    with pytest.raises(errors.BadInput, match="milliseconds"):
        player.seek(ms=float("nan"))


def test_users_combine_with_users_only(shop):
    with pytest.raises(errors.BadInput, match="filter"):
        shop.events.users_who("Buy") - {"ana"}


@pytest.mark.parametrize("row", block("rep.retention"))
def test_a_recording_is_playable_through_its_last_day(shop, row):
    """`rep.retention`: listed for ever, playable for so many days after ingestion."""
    column = "viewable on 2024-07-01"
    ingested = datetime.fromisoformat(row["ingested"]).replace(hour=23, tzinfo=UTC)
    source = replace(
        shop.source,
        zone="UTC",
        retention_days=int(row["retention_days"]),
        now=lambda: datetime(2024, 7, 1, 12, tzinfo=UTC),
        recordings=Ingested(shop.source.recordings, ingested),
    )
    (status,) = source.catalogue["status"]
    assert (status != "expired") == (row[column] == "yes")
    watching = Watching(source, source.catalogue)
    question = {"replay": source.catalogue["replay_id"][0], "index": 0}
    if status == "expired":
        assert "kept playable" in watching.session(question["replay"])["status_detail"]
        with pytest.raises(errors.UnknownReplay, match="expired"):
            watching.answer("segment", question)
    else:
        assert watching.answer("segment", question).buffers


class Ingested:
    """Recordings as if they had been read in at another time."""

    def __init__(self, recordings, moment):
        self._recordings, self._moment = recordings, moment

    def catalogue(self):
        at = pl.lit(self._moment, pl.Datetime("us", "UTC"))
        return self._recordings.catalogue().with_columns(ingested=at)

    def __getattr__(self, name):
        return getattr(self._recordings, name)


def test_a_retention_of_part_days_is_refused(tmp_path):
    with pytest.raises(errors.BadDuration, match="whole days"):
        rk.create(tmp_path / "x.rk", retention="36h")
