"""Sessions: the people of a point, and what is in none."""

from __future__ import annotations

import polars as pl

from replaykit.analyses.sessions import sessions
from replaykit.query import event
from replaykit.timeline import between
from tests.answerblocks import events_of

SPAN = between("2024-06-01", "2024-06-02")


def visits():
    return events_of("ses.events")


def value(**options):
    return sessions(visits()[0], span=SPAN, **options).total["value"].item()


def test_no_click_is_not_shown_by_default():
    found = sessions(
        visits()[0], span=SPAN, measure="events distribution", counting="Click"
    )
    assert "0" not in found.total["bucket"].to_list()


def test_a_point_names_its_sessions():
    from replaykit.points import SessionsKey

    frame, users = visits()
    found = sessions(frame, span=SPAN, by="page")
    assert found.groups == ["page"]
    ms = 1717200000000
    people = found.population(SessionsKey(("home",), ms))
    assert [users[u] for u in people["user"]] == ["u1", "u3", "u1"]
    assert people["rows"].list.first().to_list() == [0, 9, 4]
    assert people.height == found.table.filter(pl.col("page") == "home")["value"].sum()


def test_events_without_session_are_in_none():
    assert value(containing=event("Order")) == 0
