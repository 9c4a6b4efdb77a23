"""Funnel: what the specification says in words."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import polars as pl
import pytest

from replaykit.analyses.funnel import Exclusion, funnel
from replaykit.errors import (
    BadDuration,
    BadInput,
    BadTime,
    UnknownEvent,
    UnknownOption,
    UnknownPoint,
    UnknownProperty,
)
from replaykit.points import FunnelKey
from replaykit.timeline import between
from tests.eventlog import log


def test_windows_of_a_point() -> None:
    events = log({"ana": "0m A, 5m B, 9m C", "bob": "1m A, 3m B"})
    answer = funnel(events, ["A", "B", "C"], within="1h")
    start, minute = datetime(2026, 3, 1, tzinfo=UTC), timedelta(minutes=1)
    assert answer.population(answer.key("C")).rows() == [
        (0, start, start + 9 * minute, start, [0, 1, 2])
    ]
    assert answer.population(FunnelKey(3, "dropped", ())).rows() == [
        (1, start + minute, start + 61 * minute, start + 3 * minute, [3, 4])
    ]
    assert answer.population("funnel|2|reached|")["user"].to_list() == [0, 1]


def test_points_that_do_not_exist() -> None:
    answer = funnel(log({"a": "0m A[x=u], 1m B"}), ["A", "B"], by="x")
    for key, said in {
        "funnel|1|dropped|": "before step 1",
        "funnel|2|reached|v": "no group",
        "journey|1": "not a point of a funnel",
        "nonsense": "does not name a point",
    }.items():
        with pytest.raises(UnknownPoint, match=said):
            answer.population(key)
    with pytest.raises(BadInput, match="no step 3"):
        answer.key(3)
    with pytest.raises(BadInput, match="not a step"):
        answer.key("C")
    with pytest.raises(BadInput, match="1 and 2"):
        funnel(log({"a": "0m A"}), ["A", "A"]).key("A")


def test_groups_are_ranked_and_null_is_a_group() -> None:
    events = log({"a": "0m A[x=u], 1m B", "b": "0m A[x=u]", "c": "0m A, 1m B"})
    table = funnel(events, ["A", "B"], by="x").table
    assert table.select("x", "step", "users").rows() == [
        ("u", 1, 2),
        ("u", 2, 1),
        (None, 1, 1),
        (None, 2, 1),
    ]


def test_times_between_steps() -> None:
    events = log({"a": "0m A, 1m B", "b": "0m A, 3m B", "c": "0m A, 8m B"})
    last = funnel(events, ["A", "B"]).table.row(1, named=True)
    assert last["avg_time"] == timedelta(minutes=4)
    assert last["median_time"] == timedelta(minutes=3)
    assert last["dropped_before"] == 0


def test_any_order_times_are_never_negative() -> None:
    table = funnel(log({"a": "0m B, 5m A"}), ["A", "B"], order="any").table
    assert table["avg_time"].to_list() == [timedelta(0), timedelta(0)]


def test_new_users() -> None:
    events = log({"old": "0d Play, 3d A, 3d1h B", "new": "2d Play, 3d A, 3d1h B"})
    span = between("2026-03-02", "2026-03-09")
    for new_users, users in ((None, 2), ("any day", 1), ("first day", 0)):
        answer = funnel(events, ["A", "B"], span=span, new_users=new_users)
        assert answer.table["users"].to_list() == [users] * 2


def test_exact_order_scope() -> None:
    events = log({"a": "0m A, 1m Push!, 2m session_start, 3m B"})
    for scope, depth in (("active", 1), ("all", 0)):
        table = funnel(events, ["A", "B"], order="exact", exact_scope=scope).table
        assert table["users"].to_list() == [1, depth]


def test_engines_agree() -> None:
    pieces = [
        log({"a": "0m A[x=u], 1m B"}),
        log({"b": "0m A[x=v]", "c": "1m A[x=u], 3m B"}).with_columns(
            pl.col("user") + 1, pl.col("row") + 2
        ),
    ]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        tables = [
            funnel(pieces, ["A", "B"], by="x", engine=engine).table
            for engine in ("scan", "threads", pool)
        ]
    assert tables[0]["users"].to_list() == [2, 2, 1, 0]
    assert all(table.equals(tables[0]) for table in tables)
    with pytest.raises(UnknownOption, match="engine"):
        funnel(pieces, ["A", "B"], engine="spark")


@pytest.mark.parametrize(
    ("error", "options", "said"),
    [
        (BadDuration, {"within": "0s"}, "longer than zero"),
        (BadDuration, {"within": "-1d"}, "not a duration"),
        (BadDuration, {"within": "7"}, "not a duration"),
        (BadDuration, {"within": "1mo"}, "not a duration"),
        (BadDuration, {"within": "400d"}, "366 days"),
        (BadDuration, {"within": "1ms"}, "shorter than the resolution"),
        (UnknownOption, {"order": "ordered"}, "'this', 'any', 'exact'"),
        (UnknownOption, {"count": "users"}, "count"),
        (UnknownOption, {"resolution": "1m"}, "resolution"),
        (UnknownOption, {"exact_scope": "some"}, "exact_scope"),
        (UnknownOption, {"new_users": "yes"}, "new_users"),
        (UnknownOption, {"order": "any", "count": "totals"}, "order='this'"),
        (BadInput, {"new_users": "any day"}, "date range"),
        (BadInput, {"exclude": Exclusion("X", 2, 1)}, "earlier one first"),
        (BadInput, {"by_step": (3, "x")}, "from 1 to 2"),
        (BadInput, {"by": ["x", "x"]}, "twice"),
        (UnknownProperty, {"by": "y"}, "no property 'y'"),
        (UnknownProperty, {"hold": "user_idd"}, "no property"),
        (UnknownEvent, {"known": {"A": 3, "Bee": 1}}, "no event named 'B'"),
    ],
)
def test_bad_options(error, options, said) -> None:
    with pytest.raises(error, match=said):
        funnel(log({"a": "0m A[x=u]"}), ["A", "B"], **options)


def test_bad_steps_and_ranges() -> None:
    events = log({"a": "0m A"})
    for steps in (["A"], "A", ["A"] * 11):
        with pytest.raises(BadInput, match="steps"):
            funnel(events, steps)
    with pytest.raises(BadTime, match="before it starts"):
        funnel(events, ["A", "B"], span=between("2026-03-02", "2026-03-01"))
    with pytest.raises(UnknownProperty, match="no column 'time'"):
        funnel(events.drop("time"), ["A", "B"])


def test_users_of_any_kind() -> None:
    for users in (["b", "a", "b"], [2**40, 5, 2**40], [-3, 7, -3]):
        events = log({"x": "0m A, 1m A, 2m B"}).with_columns(
            user=pl.Series(users).rechunk()
        )
        answer = funnel(events, ["A", "B"])
        assert answer.table["users"].to_list() == [2, 1]
        assert sorted(answer.units["user"]) == sorted(set(users))


def test_a_group_must_not_hide_a_column() -> None:
    with pytest.raises(BadInput, match="'time' would hide"):
        funnel(log({"a": "0m A"}), ["A", "B"], by="time")
