"""Measures beside conversion, and their edges."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.drivers import drivers
from replaykit.analyses.funnel import FunnelAnswer, funnel
from replaykit.analyses.funnel_measures import (
    frequency,
    over_time,
    property_at_end,
    takeaways,
    time_to_convert,
)
from replaykit.analyses.funnel_variants import (
    compared_steps,
    differences,
    optional_step,
    side_by_side,
)
from replaykit.analyses.significance import improvements
from replaykit.errors import BadInput, UnknownOption, UnknownProperty
from replaykit.timeline import between
from tests.eventlog import log, read_time, spec_log

TOTALS = spec_log("fun.totals")
JANUARY = between("2024-01-01", "2024-01-03")


def searches(**options: object) -> FunnelAnswer:
    return funnel(TOTALS.lazy, ["S", "C"], within="7d", span=JANUARY, **options)


def test_dropping_flips_the_sign_of_a_driver() -> None:
    answer = funnel(spec_log("fun.drivers").lazy, ["Search", "Buy"])
    one = drivers(answer).sort("event")
    two = drivers(answer, tab="dropped").sort("event")
    assert one["correlation"].to_list() == (-two["correlation"]).to_list()
    assert two["did_share"].to_list() == [pytest.approx(1 / 3)] * 2


def test_drivers_split_by_a_property() -> None:
    events = log(
        {
            "ana": "0m Search, 1m Play[kind=film], 2m Play[kind=song], 3m Buy",
            "bob": "0m Search, 1m Play[kind=song]",
        }
    )
    table = drivers(funnel(events, ["Search", "Buy"]), by="kind")
    found = table.select("kind", "did_converted", "did_dropped").rows()
    assert found == [("film", 1, 0), ("song", 1, 1)]


def test_drivers_need_this_order() -> None:
    answer = funnel(spec_log("fun.drivers").lazy, ["Search", "Buy"], order="any")
    with pytest.raises(UnknownOption, match="this"):
        drivers(answer)
    with pytest.raises(UnknownProperty, match="kind"):
        drivers(funnel(log({"a": "0m A, 1m B"}), ["A", "B"]), by="kind")


def test_a_point_of_conversion_over_time_names_its_units() -> None:
    found = over_time(searches())
    for time, entered, converted in found.table.select(
        "time", "entered", "converted"
    ).rows():
        assert found.population(time).height == converted
        assert found.population(time, step=1).height == entered
        dropped = found.population(time, outcome="dropped").height
        assert dropped == entered - converted


def test_pairs_and_incomplete_intervals() -> None:
    now = read_time("2024-01-09T00:00:00Z")
    events = log(
        {"ana": "0d A, 1h B, 2h C", "bob": "1d A, 1d5m B"},
        start=read_time("2024-01-01T00:00:00Z"),
    )
    table = over_time(
        funnel(events, ["A", "B", "C"], within="7d"), pairs=True, now=now
    ).table
    assert table.select("first", "last", "entered", "converted").rows() == [
        (1, 2, 1, 1),
        (1, 3, 1, 1),
        (2, 3, 1, 1),
        (1, 2, 1, 1),
        (1, 3, 1, 0),
        (2, 3, 1, 0),
    ]
    assert table["incomplete"].to_list() == [False] * 3 + [True] * 3


def test_one_later_row_serves_several_intervals() -> None:
    events = log({"ana": "0d Search, 1d Search, 2d Buy"})
    table = over_time(funnel(events, ["Search", "Buy"], within="7d")).table
    assert table["converted"].to_list() == [1, 1]


def test_bins_of_a_population() -> None:
    found = time_to_convert(searches(), bins=(0, "600s", "120s"))
    assert TOTALS.named(found.population("120s", "240s"))["user"].to_list() == ["y"]
    assert found.table["users"].sum() == 2


def test_automatic_bins_fit_the_window() -> None:
    for within, size in (("2m", 1), ("20m", 10), ("2h", 60), ("1d", 600), ("7d", 3600)):
        answer = funnel(log({"a": "0m A, 1m B"}), ["A", "B"], within=within)
        low, high = time_to_convert(answer).table.select("low", "high").row(0)
        assert (high - low).total_seconds() == size


def test_nobody_converts() -> None:
    answer = funnel(log({"a": "0m A, 1m C"}), ["A", "B"])
    found = time_to_convert(answer)
    assert (found.median, found.mean, found.values.height) == (None, None, 0)
    assert frequency(answer).height == 0
    assert takeaways(answer)["conversion"] == 0


def test_takeaways() -> None:
    events = log({"a": "0m A, 1m B, 9m C", "b": "0m A, 2m B", "c": "0m A, 3m B"})
    assert takeaways(funnel(events, ["A", "B", "C"])) == {
        "conversion": pytest.approx(1 / 3),
        "largest_drop": "C",
        "dropped": 2,
        "slowest": "C",
    }


def test_property_at_the_final_step() -> None:
    events = log(
        {"a": "0m A, 1m B[price=3]", "b": "0m A, 1m B[price=4], 2m B[price=9]"}
    )
    answer = funnel(events, ["A", "B"])
    assert property_at_end(answer, "price") == 7
    with pytest.raises(UnknownProperty, match="Did you mean 'price'"):
        property_at_end(answer, "prices")


def test_improvements_against_a_baseline() -> None:
    events = log({"a": "0m A, 1m B", "b": "0m A", "c": "0m A, 1m B"})
    one, two = (
        funnel(events, ["A", "B"], segment=[pl.col("user").is_in(users)])
        for users in ([0, 1], [2])
    )
    table = improvements({"old": one, "new": two})
    assert table.select("variant", "conversion", "improvement").rows() == [
        ("old", 0.5, None),
        ("new", 1.0, 1.0),
    ]
    with pytest.raises(BadInput, match="not a variant"):
        improvements({"old": one}, baseline="new")
    points = differences(two, one)
    assert points["points"].to_list() == [0, 50]
    assert points["relative"].to_list() == [0, 1]
    assert side_by_side({"old": one, "new": two})["users"].to_list() == [2, 1, 1, 1]


def test_variants_are_checked() -> None:
    with pytest.raises(BadInput, match="never optional"):
        optional_step(["A", "B"], 1)
    with pytest.raises(BadInput, match="no step 7"):
        compared_steps(["A", "B"], {7: ["C"]})
