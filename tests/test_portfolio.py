"""Several projects as one: people by id, events by name, replays project by project."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from tests.recordings import session as recorded
from tests.test_project import write_export

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def project(folder, name, people, *, tz="UTC", hour=0, device="d1"):
    start = START + timedelta(hours=hour)
    session = int(start.timestamp() * 1000)
    rows = [
        {
            "event_type": event,
            "event_time": (start + timedelta(minutes=k)).strftime(
                "%Y-%m-%d %H:%M:%S.000000"
            ),
            "user_id": user,
            "device_id": device if user == "ana" else f"of {user}",
            "session_id": session,
            "$insert_id": f"{user}-{k}",
            "user_properties": {"plan": name},
            "event_properties": {f"only_{name}": k},
        }
        for user, events in people.items()
        for k, event in enumerate(events)
    ]
    made = rk.create(folder / f"{name}.rk", tz=tz, now=START + timedelta(days=1))
    made.add_events(write_export(folder / f"{name}.json.gz", rows), progress=False)
    events = recorded(length=90_000, step=30_000)
    shift = session - events[0]["timestamp"]
    moved = [{**one, "timestamp": one["timestamp"] + shift} for one in events]
    (folder / name).mkdir()
    (folder / name / f"{device}_{session}.json").write_text(json.dumps(moved))
    made.add_replays(folder / name, progress=False)
    return made


@pytest.fixture
def both(tmp_path):
    web = project(tmp_path, "web", {"ana": ["Search", "Buy"], "ben": ["Search"]})
    app = project(
        tmp_path, "app", {"ana": ["Search", "Pay"], "cleo": ["Search"]}, hour=-2
    )
    return rk.portfolio(web, app)


def test_one_id_is_one_user_and_one_name_one_event(both):
    events = both.events
    assert set(events.collect()["user"]) == {"ana", "ben", "cleo"}
    assert events.segmentation("Search", every="1d").table["value"].sum() == 3
    assert set(events.users_who("Pay") & events.users_who("Buy")) == {"ana"}
    assert events.filter(project="app.rk").users_who("Search").count() == 2
    frame = events.collect("only_web", "only_app", "project")
    assert frame.filter(project="app.rk")["only_web"].null_count() == 3
    assert frame["row"].is_unique().all()
    by = events.segmentation("Search", by="project", every="1d").table
    assert dict(by.group_by("project").agg(pl.col("value").sum()).iter_rows()) == {
        "web.rk": 2,
        "app.rk": 2,
    }


def test_properties_stay_per_project(both):
    table = both.profiles("ana")
    assert dict(table.select("project", "plan").iter_rows()) == {
        "web.rk": "web",
        "app.rk": "app",
    }


def test_replays_are_listed_per_project_and_played_in_turn(both):
    assert both.replays.table["project"].to_list() == ["web.rk", "app.rk"]
    assert both.table["replays"].to_list() == [1, 1]
    playlist = both.playlist("ana")
    assert playlist.table["project"].to_list() == ["app.rk", "web.rk"]
    watching = playlist.watching()
    for replay in playlist["replay_id"]:
        assert watching.session(replay)["user"] == "ana"
        segment = {"replay": replay, "index": 0}
        assert watching.answer("segment", segment).buffers[0]
    stream = both.user("ana").stream()
    assert stream["event"].to_list() == ["Buy", "Search", "Pay", "Search"]
    point = both.events.segmentation("Buy").point("Buy")
    assert point.replays.table["project"].to_list() == ["web.rk"]


def test_replays_of_one_id_are_told_apart(tmp_path):
    story = {"ana": ["Search"]}
    one = project(tmp_path, "one", story)
    two = project(tmp_path, "two", story)
    seen = rk.portfolio(one, two)
    names = seen.replays["replay_id"].to_list()
    assert len(set(names)) == 2
    assert {name.split("/")[0] for name in names} == {"one.rk", "two.rk"}


def test_what_makes_no_portfolio_is_said(tmp_path):
    story = {"ana": ["Search"]}
    one = project(tmp_path, "one", story)
    with pytest.raises(errors.BadInput, match="two projects"):
        rk.portfolio(one)
    with pytest.raises(errors.BadInput, match="twice"):
        rk.portfolio(one, one)
    far = project(tmp_path, "far", story, tz="Asia/Tokyo")
    with pytest.raises(errors.BadInput, match="zones"):
        rk.portfolio(one, far)
