"""Journeys: what the specification says in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit.analyses.journeys import journeys
from replaykit.analyses.sequences import sequences
from replaykit.errors import (
    BadDuration,
    BadInput,
    UnknownEvent,
    UnknownOption,
    UnknownPoint,
    UnknownProperty,
)
from replaykit.points import parse_key
from replaykit.query import event
from tests.eventlog import log


def test_sequences_of_sessions() -> None:
    events = log(
        {
            "a": "0m A@1, 1m B@1, 2m A@2, 3m B@1, 4m B@2",
            "b": "0m A@1, 1m X!@1, 2m B@1, 3m C",
        }
    )
    found = sequences(events, 2)
    assert found.rows() == [(["A", "B"], 3), (["B", "B"], 1)]
    assert sequences(events, 2, within="user", top=1).rows() == [(["A", "B"], 3)]
    assert sequences(events, 9).is_empty()
    with pytest.raises(BadInput, match="at least one"):
        sequences(events, 0)
    with pytest.raises(UnknownOption, match="within"):
        sequences(events, 2, within="day")


def test_sequences_longer_than_one_number_holds() -> None:
    names = [f"E{number % 40:02}" for number in range(100)]
    events = log({"a": ", ".join(f"{k}m {name}" for k, name in enumerate(names))})
    found = sequences(events, 23, within="user", top=None)
    assert found["times"].to_list() == [2] * 38 + [1] * 2
    assert found["path"].to_list() == sorted(names[at : at + 23] for at in range(40))
    assert sequences(events, 100, within="user")["path"].to_list() == [names]


def test_windows_of_a_node() -> None:
    events = log({"ana": "0m A, 1m B, 2m C", "bob": "0m A"})
    answer = journeys(events, start="A")
    start, minute = datetime(2026, 3, 1, tzinfo=UTC), timedelta(minutes=1)
    assert answer.population(answer.key("A", "B")).rows() == [
        (0, start, start + minute, start + minute, [0, 1])
    ]
    # A drop-off is watched at the last row before it.
    assert answer.population(answer.key("A", "Dropped off")).rows() == [
        (1, start, start, start, [3])
    ]
    backward = journeys(events, end="C")
    assert backward.population(backward.key("C", "B", "A")).rows() == [
        (0, start, start + 2 * minute, start, [2, 1, 0])
    ]
    steps = backward.funnel_steps(backward.key("C", "B"))
    assert [step.label for step in steps] == ["B", "C"]
    with pytest.raises(UnknownPoint, match="no node"):
        answer.key("A", "C")
    for key in ("journey|7", "funnel|1|reached|"):
        with pytest.raises(UnknownPoint, match="node"):
            answer.population(key)


def test_top_children_and_other() -> None:
    events = log({"a": "0m A, 1m B", "b": "0m A, 1m C", "c": "0m A, 1m C", "d": "0m A"})
    answer = journeys(events, start="A", top=1)
    assert answer.table.filter(step=2).select("event", "kind", "users").rows() == [
        ("C", "event", 2),
        ("Other", "other", 1),
        ("Dropped off", "dropped", 1),
    ]
    assert answer.drawn(depth=1).table.height == 1


def test_custom_events_stand_in_for_their_members() -> None:
    events = log({"a": "0m A, 1m B, 2m C, 3m D"})
    answer = journeys(events, start="A", custom={"B or C": event("B", "C")})
    assert answer.paths["path"].to_list() == [["A", "B or C", "B or C", "D"]]
    with pytest.raises(UnknownOption, match="collapse"):
        journeys(events, start="A", custom={"x": "B"}, collapse=True)


def test_orders_of_the_map() -> None:
    events = log({"a": "0m A, 1m B", "b": "0m A, 9m C, 10m D", "c": "0m A, 3m B"})
    answer = journeys(events, start="A")

    def ranked(**options: object) -> list[str]:
        return ["".join(path) for path in answer.map(**options)["path"]]

    assert ranked() == ["AB", "ACD"]
    assert ranked(order="frequency", descending=False) == ["ACD", "AB"]
    assert ranked(order="time") == ["ACD", "AB"]
    assert ranked(order="length", descending=False) == ["AB", "ACD"]
    assert ranked(order="similarity", ideal=["A", "C", "D"]) == ["ACD", "AB"]
    assert ranked(steps=1) == ["A"]
    assert ranked(top=1) == ["AB"]
    with pytest.raises(UnknownOption, match="similarity"):
        answer.map(order="similar")
    with pytest.raises(BadInput, match="between"):
        answer.map(converted=True)


@pytest.mark.parametrize(
    ("error", "options", "said"),
    [
        (BadInput, {}, "start="),
        (BadDuration, {"start": "A", "within": "0s"}, "longer than zero"),
        (BadDuration, {"start": "A", "within": "a day"}, "not a duration"),
        (UnknownOption, {"start": "A", "count": "uniques"}, "'users'"),
        (UnknownOption, {"start": "A", "hide": "B", "only": "C"}, "exclude each other"),
        (UnknownProperty, {"start": "A", "expand": {"A": "kind"}}, "'kind'"),
        (UnknownEvent, {"start": "A", "known": {"AA": 1}}, "Did you mean 'AA'"),
        (BadInput, {"start": "A", "depth": 0}, "at least one step"),
        (BadInput, {"start": "A", "top": 0}, "at least one child"),
        (BadInput, {"start": "A", "below": 5}, "0.01 for 1 %"),
    ],
)
def test_bad_questions(error, options, said) -> None:
    with pytest.raises(error, match=said):
        journeys(log({"a": "0m A"}), **options)


#: Events that are called as the tree calls what is no event.
NAMESAKES = {
    "ana": "0m A, 1m Other",
    "bob": "0m A, 1m Other",
    "cyd": "0m A, 1m Dropped off",
    "dan": "0m A, 1m B",
    "eve": "0m A, 1m (none)",
    "fay": "0m A",
}


def test_events_called_as_other_nodes_are_told_apart_by_kind() -> None:
    answer = journeys(log(NAMESAKES), start="A", top=2)
    nodes = answer.table.filter(pl.col("step") == 2).select("event", "kind", "users")
    assert nodes.rows() == [
        ("Other", "event", 2),
        ("(none)", "event", 1),
        ("Other", "other", 2),
        ("Dropped off", "dropped", 1),
    ]
    found = {
        kind: answer.population(answer.key("A", "Other", kind=kind))["user"].to_list()
        for kind in ("event", "other")
    }
    assert found == {"event": [0, 1], "other": [2, 3]}
    with pytest.raises(UnknownPoint, match="kind='event' or kind='other'"):
        answer.key("A", "Other")
    with pytest.raises(UnknownPoint, match="kind='event' or kind='other'"):
        answer.level_key(2, "Other")
    assert answer.population(answer.key("A", "(none)"))["user"].to_list() == [4]
    with pytest.raises(UnknownPoint, match="no dropped node 'A > Other'"):
        answer.key("A", "Other", kind="dropped")
    with pytest.raises(UnknownOption, match="kind"):
        answer.key("A", "Other", kind="rest")
    steps = answer.funnel_steps(answer.key("A", "Other", kind="other"))
    assert [step.label for step in steps] == ["A"]


@pytest.mark.parametrize("view", ["tree", "levels", "icicle", "sunburst"])
@pytest.mark.parametrize(("top", "name"), [(None, "Dropped off"), (1, "Other")])
def test_a_click_opens_the_node_of_its_kind(view: str, top: int, name: str) -> None:
    events = rk.events(log(NAMESAKES).collect())
    found = events.journeys(start="A", top=top).drawn(view)
    (drawn,) = found.chart().data
    keys = drawn.node.customdata if drawn.type == "sankey" else drawn.customdata
    codes, sizes = [], []
    for key in map(parse_key, keys):
        codes.append(found.describe(key).code)
        again = eval(codes[-1].removeprefix("point = "), {"journeys": found})
        assert found.open(key).users.ids.to_list() == again.users.ids.to_list()
        sizes.append(again.count())
    shown = found.levels if view == "levels" else found.table
    assert sorted(sizes) == sorted(shown["users"])
    assert sum(f"{name!r}, kind=" in code for code in codes) == 2
    assert sum("kind=" in code for code in codes) == 2
