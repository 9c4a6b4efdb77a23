"""Funnel: the answers of the specification, and what it says in words."""

from __future__ import annotations

from collections import Counter

import pytest

from replaykit.analyses.funnel import Exclusion, FunnelAnswer, funnel
from replaykit.query import event
from replaykit.timeline import between
from tests.eventlog import Log, read_time, spec_log
from tests.spec.blocks import Row, answers

MARCH = between("2024-03-01", "2024-03-03")


def depths(answer: FunnelAnswer, known: Log) -> Counter[str]:
    """Depth per user, 0 for users outside the funnel."""
    units = known.named(answer.units)
    return Counter(dict(zip(units["user"], units["depth"], strict=True)))


def counts(answer: FunnelAnswer) -> list[int]:
    return answer.table["users"].to_list()


def modes() -> dict[str, dict[str, object]]:
    """The columns of fun.depth, as options."""
    return {
        "this order": {},
        "any order": {"order": "any"},
        "exact order": {"order": "exact"},
        "this order; millisecond": {"resolution": "1ms"},
        "this order; exclude X between all": {"exclude": "X"},
        "this order; exclude X between 2 and 3": {"exclude": Exclusion("X", 2, 3)},
        "any order; exclude X": {"order": "any", "exclude": "X"},
    }


@answers("fun.simul.depth")
def test_simultaneous_rows(expected: list[Row]) -> None:
    known = spec_log("fun.simul")
    words = {
        "A": "A",
        "B": "B",
        "View": "View",
        "Any Event": event("*"),
        "View[page=a]": event("View", page="a"),
        "View[page=b]": event("View", page="b"),
    }
    for row in expected:
        steps = [words[word] for word in str(row["funnel"]).split(" > ")]
        resolution = {"second": "1s", "millisecond": "1ms"}[str(row["resolution"])]
        found = depths(funnel(known.lazy, steps, resolution=resolution), known)
        for user in known.users:
            assert found[user] == float(row[user] or 0), (row, user)


@answers("fun.depth")
def test_depth_per_mode(expected: list[Row]) -> None:
    known = spec_log("fun.events")
    assert [row["user"] for row in expected] == known.users
    for mode, options in modes().items():
        answer = funnel(known.lazy, ["A", "B", "C"], span=MARCH, **options)
        found = depths(answer, known)
        for row in expected:
            assert found[str(row["user"])] == float(row[mode] or 0), (mode, row)


@answers("fun.counts")
def test_counts_per_mode(expected: list[Row]) -> None:
    known = spec_log("fun.events")
    for row in expected:
        options = modes()[str(row["mode"])]
        table = funnel(known.lazy, ["A", "B", "C"], span=MARCH, **options).table
        assert table["users"].to_list() == [
            float(row[f"step{k}"] or 0) for k in (1, 2, 3)
        ]
        share = table["share"].to_list()[-1]
        assert share * 100 == pytest.approx(float(row["conversion_pct"] or 0))


@answers("fun.paths")
def test_chosen_paths(expected: list[Row]) -> None:
    known = spec_log("fun.events")
    units = known.named(funnel(known.lazy, ["A", "B", "C"], span=MARCH).units)
    times = dict(zip(units["user"], units["times"].to_list(), strict=True))
    for row in expected:
        wanted = [read_time(row[k]) for k in ("t1", "t2", "t3") if row[k] is not None]
        assert times.get(row["user"], []) == wanted, row


@answers("fun.hold.expected")
def test_held_property(expected: list[Row]) -> None:
    known = spec_log("fun.hold")
    steps = ["View Item", "Add to Cart"]
    answer = funnel(known.lazy, steps, hold="item_id")
    units = known.named(answer.units).sort("user", "item_id")
    assert units.select("user", "item_id", "depth").rows() == [
        (row["user"], row["item_id"], float(row["depth"] or 0)) for row in expected
    ]
    assert counts(answer) == [6, 3]
    assert counts(funnel(known.lazy, steps)) == [3, 3]


@answers("fun.landing.expected")
def test_grouping_reads_the_chosen_path(expected: list[Row]) -> None:
    known = spec_log("fun.landing")
    span = between("2024-03-01", "2024-03-10")
    view = event("View")
    for row in expected:
        query, options, steps = str(row["query"]), {}, [view, "Register"]
        if "hold session_id" in query:
            options["hold"] = "session_id"
        if "group by step-1 page" in query:
            options["by"] = "page"
        if "step-1 filter page is B" in query:
            steps = [event("View", page="B"), "Register"]
        table = funnel(known.lazy, steps, within="7d", span=span, **options).table
        if "by" in options:
            table = table.filter(page=row["group"])
        assert table["users"].to_list() == [
            float(row["entered"] or 0),
            float(row["converted"] or 0),
        ], row
        assert table["share"].to_list()[-1] * 100 == pytest.approx(
            float(row["conversion_pct"] or 0), abs=1e-4
        )


@answers("fun.step2.expected")
def test_grouping_at_a_later_step(expected: list[Row]) -> None:
    known = spec_log("fun.step2")
    table = funnel(known.lazy, ["View", "Add", "Buy"], by_step=(2, "item")).table
    found = {
        group: rows["users"].to_list()
        for (group,), rows in table.group_by("item", maintain_order=True)
    }
    wanted = {
        None if row["item at step 2"] == "(none)" else row["item at step 2"]: [
            float(row[f"step{k}"] or 0) for k in (1, 2, 3)
        ]
        for row in expected
    }
    assert found == wanted
