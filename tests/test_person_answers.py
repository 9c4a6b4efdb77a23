"""What the look-up widget asks: who it is, the stream by pages, charts of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from replaykit.bundle import MIME
from replaykit.lookup import find_person
from tests.test_lookup import people
from tests.test_project import shop  # noqa: F401 - a fixture

NASTY = ["a/b", "o'brien", '"quoted"', "🦊 zoë", "<b>bob</b>", "a\nb", " "]


def asking(source, given):
    return find_person(source, given).widget._answers.answer


def test_the_widget_shows_the_stream_of_the_specification():
    ask = asking(people().source, "u1")
    groups = ask("activity", {}).data
    assert groups["session"] == [None, "200", "100", None]
    assert groups["rows"] == [1, 2, 4, 1]
    rows = ask("rows", {"offset": 0, "limit": 100}).data
    numbers = [props["number"] for props in rows["props"]]
    assert numbers == [7, 6, 5, 8, 4, 2, 1, 3]
    assert rows["active"] == [1, 1, 1, 1, 0, 1, 1, 1]
    only = ask("activity", {"device": "d2"}).data
    assert (only["total"], only["session"]) == (2, ["200"])
    some = ask("rows", {"offset": 0, "limit": 9, "only": ["Click"]}).data
    assert some["name"] == ["Click", "Click"]
    day = int(datetime(2024, 7, 2, tzinfo=UTC).timestamp() * 1000)
    assert ask("activity", {"from_ms": day}).data["total"] == 1
    assert ask("activity", {"until_ms": day}).data["total"] == 7


def test_who_it_is_and_what_was_recorded(shop):  # noqa: F811
    ask = asking(shop.source, "ana")
    shop.cohorts.save("Buyers", shop.events.users_who("Buy"))
    shop.cohorts.save("Others", shop.events.everyone() - shop.events.users_who("Buy"))
    about = ask("person", {}).data
    assert (about["user"], about["found_by"]) == ("ana", "user id")
    assert about["cohorts"] == [
        {"name": "Buyers", "member": True},
        {"name": "Others", "member": False},
    ]
    assert about["replays"]["total"] == 1
    replay = about["replays"]["rows"][0]["replay"]
    assert ask("activity", {}).data["replay"] == [replay]
    assert ask("session", {"replay": replay}).data["user"] == "ana"
    assert eval(about["code"], {"shop": shop}).user_id == "ana"


def test_another_person_is_looked_up_in_place(shop):  # noqa: F811
    ask = asking(shop.source, "ana")
    assert ask("person", {"id": "ben"}).data["user"] == "ben"
    assert ask("activity", {}).data["total"] == 2
    with pytest.raises(errors.UnknownUser, match="Did you mean 'ana'"):
        ask("person", {"id": "anna"})
    assert ask("person", {}).data["user"] == "ben", "who was shown stays"


def test_selected_events_become_a_chart_and_its_call(shop):  # noqa: F811
    ask = asking(shop.source, "ana")
    page = ask("rows", {"offset": 0, "limit": 9}).data
    assert page["name"] == ["Buy", "Add", "Search"]
    for question, call in {
        "funnel": "shop.events.funnel('Search', 'Add', 'Buy', within='7d')",
        "segmentation": "shop.events.segmentation('Search', 'Add', 'Buy')",
        "journeys": "shop.events.journeys(start='Search', end='Buy')",
    }.items():
        made = ask("create", {"question": question, "rows": page["id"]}).data
        assert made["code"] == call
        chart = ask("chart", {"within": made["within"]}).data
        result = eval(call, {"shop": shop})
        assert chart["figure"] == result._chart_reply()["figure"]
    made = ask("create", {"question": "funnel", "rows": page["id"]}).data
    users = {"key": "funnel|3|dropped|", "with_replays": False, "offset": 0, "limit": 9}
    lost = ask("users", {**users, "within": made["within"]}).data
    assert [row["user"] for row in lost["rows"]] == ["ben"]


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"question": "pie", "rows": ["0"]}, errors.UnknownOption, "question"),
        ({"question": "funnel", "rows": []}, errors.BadInput, "0 events"),
        ({"question": "funnel", "rows": ["x"]}, errors.UnknownUser, "not of ana"),
        ({"question": "funnel", "rows": "0"}, errors.UnknownOption, "list of texts"),
    ],
)
def test_what_makes_no_chart_is_said(params, error, words, shop):  # noqa: F811
    with pytest.raises(error, match=words):
        asking(shop.source, "ana")("create", params)


def test_one_event_is_no_funnel(shop):  # noqa: F811
    ask = asking(shop.source, "ana")
    row = ask("rows", {"offset": 0, "limit": 1}).data["id"]
    with pytest.raises(errors.BadInput, match="two steps"):
        ask("create", {"question": "funnel", "rows": row})


def test_ids_may_hold_anything():
    start = datetime(2026, 3, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "user": NASTY,
            "time": [start] * len(NASTY),
            "event": ["<i>x</i>"] * len(NASTY),
        }
    )
    events = rk.events(frame)
    for name in NASTY:
        if not name.strip():
            continue
        about = asking(events.source, name)("person", {}).data
        assert about["user"] == name
        html = find_person(events.source, name)._repr_html_()
        assert "<b>" not in html
        assert "<i>" not in html


def test_a_hundred_thousand_events_travel_by_the_page():
    start = datetime(2026, 3, 1, tzinfo=UTC)
    count = 100_000
    frame = pl.DataFrame({"event": ["Tick"] * count}).with_columns(
        user=pl.lit("busy"), time=pl.lit(start), n=pl.int_range(count)
    )
    ask = asking(rk.events(frame).source, "busy")
    groups = ask("activity", {}).data
    assert groups["total"] == count
    page = ask("rows", {"offset": 50_000, "limit": 100_000}).data
    assert len(page["id"]) == 500
    # Every row has the same time: the order is that of the rows, newest first.
    assert page["props"][0]["n"] == count - 1 - 50_000


def test_a_link_names_one_event(shop):  # noqa: F811
    person = shop.user("ana")
    row = person.stream()["row"][0]
    assert person.event(str(row))["event"] == "Buy"
    with pytest.raises(errors.UnknownUser, match="No event"):
        person.event("nothing")


def test_a_displayed_person_is_saved_as_their_recordings(shop):  # noqa: F811
    data, _ = shop.user("ana")._repr_mimebundle_()
    assert data[MIME]["widget"] == "player"
    assert "ana" in data["text/plain"]
    assert timedelta(0) <= shop.user("ana").totals["usage"]
