"""A person in small figures, and the identities that turned out to be theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit.lookup import find_person
from tests.test_project import write_export

ZONE = "Europe/Berlin"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def ana():
    """Three days in Berlin, a session over midnight, an inactive row, an odd hour."""
    rows = [
        ("2026-03-28 22:50", "Open", "s1", True),
        ("2026-03-28 23:10", "Buy", "s1", True),
        ("2026-03-29 12:00", "Push", "s2", False),
        ("2026-03-30 09:00", "Open", "s3", True),
        ("2026-03-30 09:00", "Open", None, True),
        ("2026-03-30 22:30", "Buy", "s4", True),
    ]
    frame = pl.DataFrame(
        {
            "user": ["ana"] * len(rows),
            "time": [at(row[0]) for row in rows],
            "event": [row[1] for row in rows],
            "visit": [row[2] for row in rows],
            "active": [row[3] for row in rows],
        }
    )
    events = rk.events(frame, session="visit", active="active", tz=ZONE)
    return find_person(events.source, "ana")


def test_days_are_those_of_the_zone(ana):
    table = ana.over_time()
    assert table.schema["start"] == pl.Datetime("us", ZONE)
    days = table["start"].dt.strftime("%d").to_list()
    # 22:50 UTC is 23:50 in Berlin; 22:30 UTC after the change is 00:30 of the next day.
    assert days == ["28", "29", "30", "31"]
    assert table["events"].to_list() == [1, 2, 2, 1]
    assert table["sessions"].to_list() == [1, 0, 1, 1]
    assert table["usage"].to_list() == [
        timedelta(minutes=20),
        timedelta(0),
        timedelta(0),
        timedelta(0),
    ]
    totals = ana.totals
    assert table["events"].sum() == totals["events"]
    assert table["sessions"].sum() == totals["sessions"]
    assert table["usage"].sum() == totals["usage"]


def test_figures_agree_with_the_table(ana):
    found = ana.widget._answers.answer("insights", {}).data
    table = ana.over_time("1d")
    assert found["every"] == "1d"
    assert found["events"] == table["events"].to_list()
    assert found["start_ms"] == table["start"].dt.epoch("ms").to_list()
    # Each day ends where the next begins, the short one too.
    assert found["end_ms"][:-1] == found["start_ms"][1:]
    assert found["end_ms"][1] - found["start_ms"][1] == 23 * 3_600_000
    assert found["names"] == [["Open", 3], ["Buy", 2], ["Push", 1]]
    assert found["hours"][23] == 1
    assert found["hours"][11] == 2
    assert sum(found["hours"]) == 6


def test_a_long_life_has_wider_bars():
    frame = pl.DataFrame(
        {
            "user": ["bo"] * 2,
            "time": [at("2020-01-01"), at("2026-01-01")],
            "event": "Go",
        }
    )
    found = find_person(rk.events(frame).source, "bo").insights()
    assert found["every"] == "1mo"
    assert len(found["events"]) == 73
    assert sum(found["events"]) == 2


def test_merged_identities_are_shown_and_found(tmp_path):
    """A visitor is anonymous on a device, and logs in on it later."""
    shop = rk.create(tmp_path / "shop.rk")

    def export(name, *rows):
        path = tmp_path / name
        write_export(path, rows)
        shop.add_events(path, format="amplitude", progress=False)

    common = {"event_type": "Visit", "device_id": "phone-1"}
    export("1.json.gz", {**common, "event_time": "2026-03-01 09:00:00.000000"})
    assert shop.user("phone-1").merged_ids == []
    export(
        "2.json.gz",
        {**common, "user_id": "ana", "event_time": "2026-03-02 09:00:00.000000"},
    )
    person = shop.user("ana")
    assert person.totals["events"] == 2
    assert person.merged_ids == [("device id", "phone-1")]
    about = person.widget._answers.answer("person", {}).data
    assert about["merged"] == [["device id", "phone-1"]]
    assert shop.user("phone-1").user_id == "ana"
