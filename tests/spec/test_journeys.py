"""The answer blocks of `journeys.md`, through public names."""

from __future__ import annotations

import pytest

import replaykit as rk
from tests.spec.asked import agree, log_of
from tests.spec.blocks import answers


def day():
    return log_of("jny.events").between("2024-06-01", "2024-06-01")


def ask(**options):
    return day().journeys(**{"within": "1h", "top": None} | options)


def check(found, expected, name="path prefix", number="users", joint=" > "):
    """Compare a tree with a block, and every node's number with its people."""
    lines = {joint.join(row["path"]): row for row in found.table.iter_rows(named=True)}
    assert set(expected[0]) == {name, "step", number, "pct_of_all"}
    assert {row[name] for row in expected} == set(lines)
    assert len(expected) == len(lines)
    for row in expected:
        line = lines[row[name]]
        values = {
            "step": line["step"],
            number: line["users"],
            "pct_of_all": 100 * line["share"],
        }
        agree(values, row, list(values))
        people = found.point(*line["path"]).users
        assert len(people.population) == line["users"]


@answers("jny.start.tree")
def test_tree_from_a_start(expected):
    check(ask(start="Start", depth=4), expected)


@answers("jny.start.tree.collapsed")
def test_tree_collapsed(expected):
    check(ask(start="Start", depth=3, collapse=True), expected)


@answers("jny.start.tree.expanded")
def test_tree_expanded(expected):
    check(ask(start="Start", depth=2, expand={"Browse": "category"}), expected)


@answers("jny.start.tree.totals")
def test_tree_of_every_path(expected):
    check(ask(start="Start", depth=3, count="paths"), expected, number="paths")


@answers("jny.exclude.tree")
def test_excluded_rows_are_no_nodes(expected):
    shoes = rk.event("Browse", category="shoes")
    check(ask(start="Start", depth=2, exclude=shoes), expected)


@answers("jny.end.tree")
def test_tree_towards_an_end(expected):
    name = "path suffix (read right to left)"
    check(ask(end="Buy", depth=4), expected, name=name, joint=" < ")


@answers("jny.bucket")
def test_small_children_are_bucketed(expected):
    table = ask(start="Start", depth=2, below=0.2).table.filter(step=2)
    for row, line in zip(expected, table.iter_rows(named=True), strict=True):
        assert row["node at step 2"] == line["event"]
        values = {"users": line["users"], "pct_of_all": 100 * line["share"]}
        agree(values, row, list(values))


@answers("jny.filter")
def test_paths_are_filtered_by_what_they_hold(expected):
    through = {
        "starting with Start": (),
        "starting with Start; include Help": "Help",
        "starting with Start; include Browse[category=hats]": rk.event(
            "Browse", category="hats"
        ),
    }
    assert [row["query"] for row in expected] == list(through)
    for row in expected:
        found = ask(start="Start", through=through[row["query"]])
        assert str(found.paths.height) == row["paths"], row


@answers("jny.between.paths")
def test_paths_between_two_events(expected):
    paths = ask(start="Start", end="Buy").paths.sort("user")
    for row, line in zip(expected, paths.iter_rows(named=True), strict=True):
        shown = [*line["path"], *([] if line["converted"] else ["Dropped off"])]
        assert row == {
            "user": line["user"],
            "path": " > ".join(shown),
            "converted": "yes" if line["converted"] else "no",
            "seconds": f"{line['time'].total_seconds():.0f}",
        }


@answers("jny.between.summary")
def test_how_many_arrive(expected):
    asked = {"start": "Start", "end": "Buy"}
    modes = {
        "uniques; 1 hour": ask(**asked),
        "uniques; one session": ask(**asked, within="session"),
        "totals; 1 hour": ask(**asked, count="paths"),
        "funnel Start > Buy; 1 hour; uniques": None,
    }
    assert [row["mode"] for row in expected] == list(modes)
    for row in expected:
        journeys = modes[row["mode"]]
        if journeys is None:
            funnel = day().funnel("Start", "Buy", within="1h")
            entered, converted = funnel.table["users"]
        else:
            paths = journeys.paths
            entered, converted = paths.height, paths["converted"].sum()
        values = {
            "entered": entered,
            "converted": converted,
            "conversion_pct": 100 * converted / entered,
        }
        agree(values, row, list(values))


@answers("jny.map")
def test_journey_map(expected):
    found = ask(start="Start", end="Buy", collapse=True)
    lines = found.map(converted=True)
    for row, line in zip(expected, lines.iter_rows(named=True), strict=True):
        assert row["path"] == " > ".join(line["path"])
        values = {
            "users": line["users"],
            "pct_of_all": 100 * line["share"],
            "avg_seconds": line["avg_time"].total_seconds(),
            "similarity_to_most_frequent": line["similarity"],
        }
        agree(values, row, list(values))
        took = found.took(*line["path"], converted=True)
        assert took.count() == line["users"]
    with pytest.raises(rk.errors.UnknownPoint):
        found.took("Start", "Nowhere")
