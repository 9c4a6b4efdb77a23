"""Where a point leads: zoom, its series, journeys, drivers, several points, a cohort."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from replaykit.points import parse_key
from tests.test_project import shop  # noqa: F401 - a fixture

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def events():
    story = [
        ("ana", 0, "Search", "DE"),
        ("ana", 5, "Add", "DE"),
        ("ana", 9, "Buy", "DE"),
        ("ben", 60, "Search", "FR"),
        ("ben", 65, "Add", "FR"),
        ("ben", 66, "Help", "FR"),
        ("cleo", 60 * 30, "Search", None),
        ("cleo", 60 * 31, "Search", None),
    ]
    rows = [(u, START + timedelta(minutes=m), e, c, u) for u, m, e, c in story]
    columns = ["user", "time", "event", "country", "visit"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return rk.events(frame, session="visit")


def test_zooming_asks_for_the_interval_in_finer_steps(events):
    trend = events.segmentation("Search", every="1d")
    zoomed = trend.point("Search", at="2026-03-01").zoom()
    assert zoomed.every == "1h"
    table = zoomed.table
    assert table["value"].sum() == 2
    assert table.height == 24
    assert table["time"].max() < datetime(2026, 3, 2, tzinfo=UTC)
    visits = events.sessions(every="1d").point(at="2026-03-01").zoom()
    assert visits.table["value"].sum() == 2


def test_a_series_is_kept_or_left_out(events):
    trend = events.segmentation("Search", "Add", by="country", every="1d")
    point = trend.point("Search", at="2026-03-01", by="DE")
    assert point.only().table["country"].unique().to_list() == ["DE"]
    assert set(point.without().table["country"]) == {"FR", "(none)"}
    missing = trend.point("Search", at="2026-03-02", by="(none)")
    assert missing.only().table["country"].unique().to_list() == ["(none)"]
    plain = events.segmentation("Search", "Add").point("Add", at="2026-03-01")
    assert plain.only().table["event"].unique().to_list() == ["Add"]
    assert plain.without().table["event"].unique().to_list() == ["Search"]


def test_lost_users_are_followed_from_where_they_were_lost(events):
    funnel = events.funnel("Search", "Add", "Buy", within="1d")
    lost = funnel.point("Buy", outcome="dropped")
    assert lost.journeys().table["path"][0].to_list() == ["Add"]
    assert lost.journeys().table["users"][0] == 1
    converted = funnel.point("Buy").journeys()
    assert converted.table["path"][0].to_list() == ["Add"]
    assert "Help" in {node for path in lost.journeys().table["path"] for node in path}
    seen = events.segmentation("Add").point("Add").journeys()
    assert seen.table["users"][0] == 2
    visit = events.sessions().point().journeys()
    assert visit.table.filter(step=1)["users"].sum() == 3


def test_drivers_are_those_between_the_two_steps(events):
    funnel = events.funnel("Search", "Add", "Buy", within="1d")
    found = funnel.point("Buy", outcome="dropped").drivers()
    assert found.equals(funnel.drivers(first=2, last=3, tab="dropped"))
    with pytest.raises(errors.UnknownOption, match="first step"):
        funnel.point("Search").drivers()
    with pytest.raises(errors.UnknownOption, match="steps of a funnel"):
        events.segmentation("Add").point("Add").drivers()


def test_several_points_open_together(events):
    trend = events.segmentation("Search", "Buy", every="1d")
    keys = trend._keys()
    assert set(trend.points(*keys).users) == {"ana", "ben", "cleo"}
    one = trend.points(keys[0]).users.population
    assert one.equals(trend.open(parse_key(keys[0])).users.population)
    twice = trend.points(keys[0], keys[0]).users.population
    assert twice.height == one.height


def test_what_leads_nowhere_is_said(events):
    trend = events.segmentation("Search", every="1d")
    with pytest.raises(errors.UnknownOption, match="single series"):
        trend.point("Search").only()
    with pytest.raises(errors.UnknownOption, match="interval"):
        trend.point("Search").zoom()
    minutes = events.segmentation("Search", every="1m")
    with pytest.raises(errors.UnknownOption, match="no finer"):
        minutes.point("Search", at=START).zoom()
    with pytest.raises(errors.UnknownOption, match="single series"):
        events.funnel("Search", "Buy").point("Buy").without()


def test_the_widget_asks_the_same(shop):  # noqa: F811
    funnel = shop.events.funnel("Search", "Add", "Buy", within="1d")
    ask = funnel._microscope.answer
    key = "funnel|3|dropped|"
    led = ask("follow", {"key": key, "where": "journeys"}).data
    chart = ask("chart", {"within": led["within"]}).data
    assert chart["title"] == "Journeys from Add"
    people = {"key": "journey|0", "with_replays": False, "offset": 0, "limit": 9}
    assert ask("users", {**people, "within": led["within"]}).data["total"] == 1
    further = {"within": [led["within"]], "key": "journey|0", "where": "journeys"}
    beyond = ask("follow", further).data["within"]
    again = ask("chart", {"within": [led["within"], beyond]}).data
    assert again["title"] == "Journeys from Add"
    assert ask("drivers", {"key": key}).data["total"] == 0
    kept = ask("cohort", {"key": key, "name": "Lost"}).data
    assert (kept["users"], list(shop.cohorts["Lost"])) == (1, ["ben"])
    namespace = {"shop": shop, "funnel": funnel, "rk": rk}
    shop.cohorts.delete("Lost")
    assert list(eval(kept["code"], namespace)) == ["ben"]
    assert eval(led["code"], namespace).table.height > 0
    table = ask("csv", {"key": key}).buffers[0].decode().splitlines()
    assert table[0].startswith("user,")
    assert table[1].startswith("ben,")
    several = '["funnel|2|reached|","funnel|3|dropped|"]'
    assert ask("point", {"key": several}).data["users"] == 2
    with pytest.raises(errors.UnknownOption, match="where"):
        ask("follow", {"key": key, "where": "../../etc"})


def test_users_are_narrowed_by_signals(shop):  # noqa: F811
    ask = shop.events.segmentation("Search")._microscope.answer
    params = {"key": "seg|0||-1", "with_replays": True, "offset": 0, "limit": 9}
    everybody = ask("users", params).data
    assert [row["user"] for row in everybody["rows"]] == ["ana"]
    for kind in ("rage", "dead", "error", "request"):
        narrowed = ask("users", {**params, "signals": [kind]}).data["total"]
        assert narrowed == int(kind in everybody["rows"][0]["signals"])
    with pytest.raises(errors.UnknownOption, match="signal"):
        ask("users", {**params, "signals": ["rge"]})
