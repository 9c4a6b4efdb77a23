"""Steps and conditions: what `rk.event` means for rows."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from replaykit.analyses.funnel import funnel
from replaykit.errors import BadInput, UnknownEvent, UnknownOption
from replaykit.query import as_step, check_events, conditions, event
from replaykit.timeline import between
from tests.eventlog import log

FRAME = pl.DataFrame(
    {
        "event": ["Buy", "Buy", "Play", None],
        "price": [5, None, 7, 9],
        "plan": ["pro", None, "free", ""],
    }
)


def met(step: object) -> list[bool]:
    return FRAME.with_columns(met=step.predicate())["met"].fill_null(False).to_list()


def kept(*exprs: pl.Expr, **equals: object) -> list[int]:
    return FRAME.with_row_index("n").filter(conditions(*exprs, **equals))["n"].to_list()


def test_a_name_alone():
    assert met(event("Buy")) == [True, True, False, False]


def test_any_event():
    assert met(event("*")) == [True] * 4
    assert event("*").label == "Any event"


def test_several_names_are_alternatives():
    step = event("Buy", "Play")
    assert met(step) == [True, True, True, False]
    assert step.label == "Buy or Play"
    assert step.names == ("Buy", "Play")


def test_conditions_on_missing_values_do_not_hold():
    assert met(event("Buy", pl.col("price") > 3)) == [True, False, False, False]
    assert met(event("Buy", pl.col("price") != 5)) == [False] * 4


def test_steps_join_with_or():
    step = event("Buy", price=5) | "Play"
    assert met(step) == [True, False, True, False]
    assert step.label == "Buy or Play"
    assert not step.is_plain


def test_equals_spelled_by_keyword():
    assert kept(plan="pro") == [0]
    assert kept(plan=None) == [1]
    assert kept(plan=["pro", None]) == [0, 1]
    assert kept(plan={"free", ""}) == [2, 3]
    assert kept(plan=[]) == []
    assert kept(price=tuple(range(100))) == [0, 2, 3]
    assert kept(pl.col("price") > 5, plan="free") == [2]


def test_the_label_can_be_changed():
    assert event("Buy", price=5).named("Big buy").label == "Big buy"


@pytest.mark.parametrize("given", [3, None, ["Buy"], pl.col("event")])
def test_what_is_no_step(given):
    with pytest.raises(BadInput, match=r"rk\.event"):
        as_step(given)


def test_what_is_no_condition():
    with pytest.raises(BadInput, match="condition"):
        conditions("price > 3")
    with pytest.raises(BadInput, match="event name"):
        event(pl.col("price") > 3)


def test_unknown_events_name_the_nearest():
    known = {"Add to cart": 18_204, "Search": 3}
    with pytest.raises(UnknownEvent) as caught:
        check_events([event("Add to crt")], known)
    assert str(caught.value) == (
        "no event named 'Add to crt'. Did you mean 'Add to cart' (18,204 events)? "
        "events.names lists all 2."
    )
    check_events([event("*"), event("Search")], known)
    check_events([event("anything")], None)


def test_the_nth_time():
    events = log(
        {
            "m": "0d run[country=DE], 1d walk[country=DE], 3d run[country=FR], 4d run[country=DE]",
            "l": "1d walk[country=FR], 2d run[country=DE], 5d run[country=DE]",
        }
    )

    def rows(step: object) -> list[int]:
        return events.filter(step.predicate()).collect()["row"].to_list()

    assert rows(event("run").nth(1)) == [0, 5]
    assert rows(event("run", country="DE").nth(2)) == [3, 6]
    assert rows(event("run", country="FR").nth(2, numbering="before filters")) == [2]
    assert rows(event("run", "walk").nth(2)) == [1, 5]
    assert rows(event("run").nth(2, ">=")) == [2, 3, 6]
    assert rows(event("run").nth(1, "!=")) == [2, 3, 6]


def test_the_nth_time_looks_back_a_year():
    events = log(
        {"n": "0d run, 388d run, 389d run"}, start=datetime(2023, 1, 15, tzinfo=UTC)
    )
    step = event("run").nth(1)
    since = datetime(2024, 2, 1, tzinfo=UTC)
    found = events.filter(step.predicate(since=since)).collect()
    assert found["row"].to_list() == [1]


def test_a_funnel_from_the_nth_occurrence():
    events = log({"a": "0m A, 1m B, 5m A, 6m B", "b": "0m A, 1m B"})
    second = funnel(events, [event("A").nth(2), "B"])
    assert second.table["users"].to_list() == [1, 1]
    assert second.units["rows"].to_list() == [[2, 3]]
    # That very row must lie in the range.
    ahead = funnel(events, [event("A").nth(1), "B"], span=between("2026-03-02", None))
    assert ahead.table["users"].to_list() == [0, 0]


def test_bad_numbering():
    with pytest.raises(BadInput, match="from 1"):
        event("A").nth(0)
    with pytest.raises(UnknownOption, match="comparison"):
        event("A").nth(1, "==")
    with pytest.raises(BadInput, match="joined"):
        event("A").nth(1) | event("B")
