"""Recordings find their people, however their files are called."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import replaykit as rk

EVENTS = json.loads((Path(__file__).parent / "data/rrweb_todo_app.json").read_text())
TEXT = json.dumps(EVENTS)
START = EVENTS[0]["timestamp"]


def log(visit, device="d-1_x"):
    """Ana searches and buys within her recording of nine seconds; ben does not."""
    first = datetime.fromtimestamp(START / 1000, UTC)
    rows = [("ana", 1, "Search"), ("ana", 5, "Buy"), ("ben", 2, "Search")]
    return pl.DataFrame(
        [
            {
                "uid": user,
                "ts": first + timedelta(seconds=second),
                "name": name,
                "visit": visit if user == "ana" else None,
                "phone": device if user == "ana" else "d-2",
            }
            for user, second, name in rows
        ],
        infer_schema_length=None,
    )


def ask(frame, folder, **more):
    names = {"user": "uid", "time": "ts", "event": "name"}
    events = rk.events(frame, **names, replays=folder, **more)
    return events.funnel("Search", "Buy").converted()


def moments(users):
    table = users.replays.table
    return table.select("user", "matched_at", "match").rows()


OPENED = [("ana", 1000, "covering")]


@pytest.mark.parametrize(
    ("name", "visit"),
    [
        (f"d-1_x_{START}.json", START),
        (f"d-1_x%2F{START}.json", START),
        (f"d-1_x/{START}.json", START),
        (f"ana_{START}.json", START),
        (f"ana_{START}.json", str(START)),
        ("checkout-7f3a.json", "checkout-7f3a"),
        ("ana_checkout-7f3a.json", "checkout-7f3a"),
        ("ana_7.json", 7),
        ("ana.json", 7),
    ],
)
def test_a_file_names_a_session_of_the_frame(tmp_path, name, visit):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(TEXT)
    assert moments(ask(log(visit), tmp_path, session="visit")) == OPENED


@pytest.mark.parametrize(
    "name", [f"ana_{START}.json", "ana.json", f"d-1_x_{START}.json", "d-1_x.json"]
)
def test_with_no_sessions_recordings_show_what_happened_meanwhile(tmp_path, name):
    (tmp_path / name).write_text(TEXT)
    frame = log(None)
    found = ask(frame.drop("visit"), tmp_path, device="phone")
    assert moments(found) == OPENED
    assert found.events.sessions().total["value"].to_list() == [0]
    player = found.watch()
    assert player.events["state"].to_list() == ["recorded", "recorded"]
    shown = found.within.funnel("Search", "Buy")._microscope
    stream = shown.answer("stream", {"key": "funnel|2|reached|", "user": "ana"}).data
    assert [one["replay"] for one in stream["sessions"]] == [player.session]


def test_archives_and_packed_files_name_their_session_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(f"rec/d1_{START}.json.gz", gzip.compress(TEXT.encode()))
    assert moments(ask(log(START), tmp_path, session="visit")) == OPENED


def test_a_session_of_two_people_belongs_to_neither(tmp_path):
    (tmp_path / f"d9_{START}.json").write_text(TEXT)
    shared = log(START).with_columns(visit=pl.lit(START))
    assert ask(shared, tmp_path, session="visit").replays.height == 0
