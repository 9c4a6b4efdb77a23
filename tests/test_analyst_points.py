"""Points named in code: the same people as a click, or an error that says which exist."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from replaykit.points import parse_key

EVENTS = rk.events(
    pl.DataFrame(
        {
            "user": ["ana", "ana", "ben", "ben", "eve"],
            "time": [datetime(2026, 3, 1, 9, minute) for minute in (0, 5, 1, 7, 9)],
            "event": ["Search", "Buy", "Search", "Search", "Search"],
            "plan": ["pro", "pro", None, None, "free"],
            "land": ["DE", "DE", "FR", "FR", None],
        }
    )
)


def by_code(result, key, variable):
    """Run the line that a point shows, as an analyst would paste it."""
    code = result.describe(parse_key(key)).code.partition(" = ")[2]
    return eval(code, {variable: result})


@pytest.mark.parametrize("by", [None, "plan", ["plan", "land"]])
def test_the_line_of_code_opens_the_people_of_the_click(by):
    asked = [
        (EVENTS.funnel("Search", "Search", by=by), "funnel"),
        (EVENTS.funnel("Search", "Buy", by=by), "funnel"),
        (EVENTS.segmentation("Search", by=by), "result"),
        (EVENTS.sessions(by=by), "sessions"),
    ]
    for result, variable in asked:
        for key in result._keys():
            clicked = result.answer.population(parse_key(key))["user"].n_unique()
            assert by_code(result, key, variable).count() == clicked


def test_a_missing_value_is_a_group_and_no_group_is_everybody():
    funnel = EVENTS.funnel("Search", "Buy", by="plan")
    assert set(funnel.reached("Search", by="(none)")) == {"ben"}
    assert set(funnel.dropped(after="Search")) == {"ben", "eve"}
    trend = EVENTS.segmentation("Search", by="plan")
    assert set(trend.point(by="(none)").users) == {"ben"}


def test_a_group_that_is_not_there_is_named():
    grouped = EVENTS.segmentation("Search", by="plan")
    with pytest.raises(errors.UnknownPoint, match="Did you mean 'free'"):
        grouped.point(by="freee")
    with pytest.raises(errors.UnknownPoint, match="one value of each"):
        grouped.point()
    with pytest.raises(errors.UnknownPoint, match="no groups"):
        EVENTS.segmentation("Search").point(by="pro")
    with pytest.raises(errors.UnknownPoint, match="free, pro"):
        EVENTS.funnel("Search", "Buy", by="plan").converted(by="gold")


def test_a_moment_outside_the_range_opens_nothing():
    trend = EVENTS.segmentation("Search")
    with pytest.raises(errors.UnknownPoint, match="after"):
        trend.point(at="2026-03-02")
    with pytest.raises(errors.UnknownPoint, match="before"):
        trend.point(at="2026-02-28")
    assert trend.point(at="2026-03-01 23:59").count() == 3


def test_hours_are_told_apart_where_one_comes_twice():
    times = [datetime(2026, 10, 25, hour, 30) for hour in (0, 0, 1)]
    frame = pl.DataFrame(
        {"user": ["ana", "ben", "eve"], "time": times, "event": "Search", "visit": 1}
    ).with_columns(pl.col("time").dt.replace_time_zone("UTC"))
    events = rk.events(frame, session="visit", tz="Europe/Paris")
    trend = events.segmentation("Search", every="1h")
    visits = events.sessions(every="1h")
    for result, variable in ((trend, "result"), (visits, "sessions")):
        opened = [set(by_code(result, k, variable).users) for k in result._keys()]
        assert {"ana", "ben"} in opened
        assert {"eve"} in opened
    assert visits.point().count() == 3
