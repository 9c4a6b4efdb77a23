"""Journeys: the answers of the specification, and what it says in words."""

from __future__ import annotations

import pytest

from replaykit.analyses.funnel import funnel
from replaykit.analyses.journeys import JourneysAnswer, journeys
from replaykit.query import event
from replaykit.timeline import between
from tests.eventlog import spec_log
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
