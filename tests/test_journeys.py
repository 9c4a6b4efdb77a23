"""Journeys: the answers of the specification, and what it says in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from replaykit.analyses.funnel import funnel
from replaykit.analyses.journeys import JourneysAnswer, journeys
from replaykit.analyses.sequences import sequences
from replaykit.errors import (
    BadDuration,
    BadInput,
    UnknownEvent,
    UnknownOption,
    UnknownPoint,
    UnknownProperty,
)
from replaykit.query import event
from replaykit.timeline import between
from tests.eventlog import log, spec_log
from tests.spec.blocks import Row, answers

DAY = between("2024-06-01", "2024-06-01")
EVENTS = spec_log("jny.events")


def ask(**options: object) -> JourneysAnswer:
    return journeys(EVENTS.lazy, span=DAY, within="1h", **options)


def tree(answer: JourneysAnswer, joint: str = " > ") -> dict[str, tuple[int, float]]:
    return {
        joint.join(path): (users, round(share * 100, 4))
        for path, users, share in answer.table.select("path", "users", "share").rows()
    }


def wanted(expected: list[Row], name: str, number: str) -> dict[str, tuple[int, float]]:
    steps = {str(row[name]): float(row["step"] or 0) for row in expected}
    for path, step in steps.items():
        assert path.count(" > ") + path.count(" < ") + 1 == step
    return {
        str(row[name]): (float(row[number] or 0), float(row["pct_of_all"] or 0))
        for row in expected
    }


@answers("jny.start.tree")
def test_tree_from_a_start(expected: list[Row]) -> None:
    found = tree(ask(start="Start", depth=4))
    assert found == wanted(expected, "path prefix", "users")


@answers("jny.start.tree.collapsed")
def test_tree_collapsed(expected: list[Row]) -> None:
    found = tree(ask(start="Start", depth=3, collapse=True))
    assert found == wanted(expected, "path prefix", "users")


@answers("jny.start.tree.expanded")
def test_tree_expanded(expected: list[Row]) -> None:
    found = tree(ask(start="Start", depth=2, expand={"Browse": "category"}))
    assert found == wanted(expected, "path prefix", "users")


@answers("jny.start.tree.totals")
def test_tree_of_every_path(expected: list[Row]) -> None:
    found = tree(ask(start="Start", depth=3, count="paths"))
    assert found == wanted(expected, "path prefix", "paths")


@answers("jny.bucket")
def test_small_children_are_bucketed(expected: list[Row]) -> None:
    table = ask(start="Start", depth=2, below=0.2).table.filter(step=2)
    assert [
        (event, users, round(share * 100, 4))
        for event, users, share in table.select("event", "users", "share").rows()
    ] == [
        (row["node at step 2"], float(row["users"] or 0), float(row["pct_of_all"] or 0))
        for row in expected
    ]


@answers("jny.filter")
def test_paths_are_filtered_by_what_they_hold(expected: list[Row]) -> None:
    through = {
        "starting with Start": (),
        "starting with Start; include Help": "Help",
        "starting with Start; include Browse[category=hats]": event(
            "Browse", category="hats"
        ),
    }
    for row in expected:
        answer = ask(start="Start", through=through[str(row["query"])])
        assert answer.total == float(row["paths"] or 0), row


@answers("jny.exclude.tree")
def test_excluded_rows_are_no_nodes(expected: list[Row]) -> None:
    shoes = event("Browse", category="shoes")
    found = tree(ask(start="Start", depth=2, exclude=shoes))
    assert found == wanted(expected, "path prefix", "users")


@answers("jny.end.tree")
def test_tree_towards_an_end(expected: list[Row]) -> None:
    found = tree(ask(end="Buy", depth=4), " < ")
    assert found == wanted(expected, "path suffix (read right to left)", "users")


@answers("jny.between.paths")
def test_paths_between_two_events(expected: list[Row]) -> None:
    paths = EVENTS.named(ask(start="Start", end="Buy").paths).sort("user")
    found = []
    for user, path, converted, time in paths.select(
        "user", "path", "converted", "time"
    ).rows():
        shown = path if converted else [*path, "Dropped off"]
        word = "yes" if converted else "no"
        found.append((user, " > ".join(shown), word, time.total_seconds()))
    assert found == [
        (row["user"], row["path"], row["converted"], float(row["seconds"] or 0))
        for row in expected
    ]


@answers("jny.between.summary")
def test_how_many_arrive(expected: list[Row]) -> None:
    asked = {"start": "Start", "end": "Buy"}
    modes = {
        "uniques; 1 hour": ask(**asked),
        "uniques; one session": journeys(
            EVENTS.lazy, span=DAY, within="session", **asked
        ),
        "totals; 1 hour": ask(**asked, count="paths"),
    }
    for row in expected:
        if str(row["mode"]).startswith("funnel"):
            steps = funnel(EVENTS.lazy, ["Start", "Buy"], within="1h", span=DAY).table
            entered, converted = steps["users"].to_list()
        else:
            paths = modes[str(row["mode"])].paths
            entered, converted = paths.height, paths["converted"].sum()
        assert (entered, converted) == (
            float(row["entered"] or 0),
            float(row["converted"] or 0),
        ), row
        share = float(row["conversion_pct"] or 0)
        assert converted / entered * 100 == pytest.approx(share, abs=1e-4)


@answers("jny.map")
def test_journey_map(expected: list[Row]) -> None:
    table = ask(start="Start", end="Buy", collapse=True).map(converted=True)
    assert [
        (" > ".join(path), users, round(share * 100, 4), time.total_seconds(), alike)
        for path, users, share, time, alike in table.rows()
    ] == [
        (
            row["path"],
            float(row["users"] or 0),
            float(row["pct_of_all"] or 0),
            float(row["avg_seconds"] or 0),
            pytest.approx(float(row["similarity_to_most_frequent"] or 0)),
        )
        for row in expected
    ]


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
