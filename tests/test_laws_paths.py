"""Funnels and journeys on random logs: equal to the oracle, and true to their laws."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from replaykit.analyses import funnel_blocks
from replaykit.analyses.funnel import Exclusion, funnel
from replaykit.analyses.funnel_measures import over_time
from replaykit.analyses.journeys import journeys
from replaykit.analyses.sequences import sequences
from replaykit.engine import Pieces
from replaykit.query import event
from replaykit.schema import canonical
from replaykit.timeline import Span
from tests import oracle

START = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = {
    "user": pl.Int32,
    "time": pl.Datetime("us", "UTC"),
    "event": pl.String,
    "page": pl.String,
    "tags": pl.List(pl.String),
    "active": pl.Boolean,
    "session_id": pl.Int64,
    "row": pl.Int64,
}
TESTS = settings(
    max_examples=max(100, int(os.environ.get("REPLAYKIT_EXAMPLES", "0"))),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

moments = st.builds(
    lambda second, ms: START + timedelta(seconds=second, milliseconds=ms),
    st.integers(0, 7),
    st.sampled_from([0, 0, 300, 900]),
)
rows = st.fixed_dictionaries(
    {
        "user": st.sampled_from([0, 0, 1, 7]),
        "time": moments,
        "event": st.sampled_from(["A", "B", "C", "X", "session_end"]),
        "page": st.sampled_from(["a", "b", None]),
        "tags": st.sampled_from([["p"], ["p", "q"], [], None]),
        "active": st.sampled_from([True, True, True, False]),
        "session_id": st.sampled_from([1, 2, None]),
    }
)


@st.composite
def logs(draw: st.DrawFn, most: int = 11) -> list[oracle.Row]:
    """Rows of several users in any order, equal times and nulls among them."""
    found = draw(st.lists(rows, max_size=most))
    numbers = draw(st.permutations(range(len(found))))
    return [{**row, "row": number} for row, number in zip(found, numbers, strict=True)]


def named(*names: str) -> oracle.Test:
    return lambda row: row["event"] in names


STEPS = [
    ("A", named("A")),
    ("B", named("B")),
    ("C", named("C")),
    (event("*"), lambda row: True),
    (event("A", page="a"), lambda row: row["event"] == "A" and row["page"] == "a"),
    (event("A", page="b"), lambda row: row["event"] == "A" and row["page"] == "b"),
    (event("A", "B"), named("A", "B")),
    (event("*", page="a"), lambda row: row["page"] == "a"),
]
steps_drawn = st.one_of(
    st.sampled_from([STEPS[:3], STEPS[:2], [STEPS[1], STEPS[0], STEPS[2]]]),
    st.lists(st.sampled_from(STEPS), min_size=2, max_size=4),
)


def frame(log: list[oracle.Row]) -> pl.LazyFrame:
    return pl.DataFrame(log, schema=SCHEMA).lazy()


def found_rows(answer: object, *keys: str) -> dict[tuple[object, ...], list[int]]:
    units = answer.units
    found = units.select("user", *keys, "rows").rows()
    return {tuple(line[:-1]): line[-1] for line in found}


@st.composite
def questions(draw: st.DrawFn) -> tuple[oracle.FunnelQuestion, list, dict]:
    """A funnel for the oracle, and the same as arguments."""
    steps = draw(steps_drawn)
    order = draw(st.sampled_from(["this", "any", "exact"]))
    resolution = draw(st.sampled_from(["1s", "1ms"]))
    unit = {"1s": 1_000_000, "1ms": 1_000}[resolution]
    seconds = draw(st.sampled_from([1, 2, 3, 100]))
    options: dict[str, object] = {
        "order": order,
        "resolution": resolution,
        "within": f"{seconds}s",
    }
    ask = oracle.FunnelQuestion(
        [test for _, test in steps], seconds * 1_000_000 // unit, unit, order
    )
    if draw(st.booleans()):
        end = START + timedelta(seconds=draw(st.integers(1, 7)))
        begin = START + timedelta(seconds=draw(st.integers(0, 2)))
        assume(begin < end)
        options["span"] = Span(begin, end)
        options["segment"] = [pl.col("session_id") == 1]
        ask.enters = lambda row: begin <= row["time"] < end and row["session_id"] == 1
    if draw(st.booleans()):
        first, last = 1, len(steps)
        if order != "any" and len(steps) > 2 and draw(st.booleans()):
            first, last = draw(st.sampled_from([(1, 2), (2, len(steps))]))
        excluded = draw(st.sampled_from(["X", "A"]))
        options["exclude"] = Exclusion(excluded, first, last)
        ask.exclude = [(named(excluded), first, last)]
    if order == "exact":
        ask.exact_scope = draw(st.sampled_from(["active", "all"]))
        options["exact_scope"] = ask.exact_scope
    return ask, [step for step, _ in steps], options


@TESTS
@given(logs(), questions())
def test_chosen_paths_equal_the_oracle(log, question):
    ask, steps, options = question
    answer = funnel(frame(log), steps, **options)
    expected = {}
    for key, mine in oracle.by_user(log).items():
        path = oracle.chosen_path(mine, ask)
        if path:
            expected[key] = [row["row"] for row in path]
    assert found_rows(answer) == expected
    depths = [len(path) for path in expected.values()]
    assert answer.table["users"].to_list() == [
        sum(depth >= k for depth in depths) for k in range(1, len(steps) + 1)
    ]


@TESTS
@given(logs(), questions())
def test_every_path_equals_the_oracle(log, question):
    ask, steps, options = question
    if ask.order == "any":
        ask.order = options["order"] = "this"
    answer = funnel(frame(log), steps, count="totals", **options)
    expected = [
        (key[0], [row["row"] for row in path])
        for key, mine in oracle.by_user(log).items()
        for path in oracle.all_paths(mine, ask)
    ]
    found = answer.units.select("user", "rows").rows()
    assert sorted(found) == sorted(expected)


@TESTS
@given(logs(), questions(), st.sampled_from(["page", "session_id"]))
def test_held_properties_equal_the_oracle(log, question, hold):
    ask, steps, options = question
    answer = funnel(frame(log), steps, hold=hold, **options)
    expected = {}
    for key, mine in oracle.by_user(log, hold).items():
        path = oracle.chosen_path(mine, ask)
        if path:
            expected[key] = [row["row"] for row in path]
    assert found_rows(answer, hold) == expected


@TESTS
@given(logs())
def test_items_of_a_held_array_are_values(log):
    answer = funnel(frame(log), ["A", "B"], hold="tags", within="3s")
    each = [
        {**row, "tags": tag} for row in log for tag in sorted(set(row["tags"] or []))
    ]
    ask = oracle.FunnelQuestion([named("A"), named("B")], 3, 1_000_000)
    expected = {}
    for key, mine in oracle.by_user(each, "tags").items():
        path = oracle.chosen_path(mine, ask)
        if path:
            expected[key] = [row["row"] for row in path]
    assert found_rows(answer, "tags") == expected


@TESTS
@given(logs(), questions(), st.randoms())
def test_row_order_never_matters(log, question, random):
    _, steps, options = question
    shuffled = random.sample(log, len(log))
    one = funnel(frame(log), steps, by="page", **options)
    two = funnel(frame(shuffled), steps, by="page", **options)
    assert one.table.equals(two.table)


CODES = {"X": 0, "A": 1, "session_end": 2, "B": 4, "C": 7}


def coded(log: list[oracle.Row], sort: bool, codes: dict[str, int] = CODES) -> Pieces:
    """The log as a project hands it over: in order, with the numbers of its names."""
    rows = pl.DataFrame(log, schema=SCHEMA)
    if sort:
        rows = rows.sort("user", "time", "row")
    code = pl.col("event").replace_strict(codes, return_dtype=pl.Int16).alias("@code")
    return Pieces(canonical(rows.with_columns(code)), codes=codes)


@TESTS
@given(
    logs(most=24),
    st.integers(1, 10),
    st.sampled_from(["session", "user"]),
    st.sampled_from([None, 1, 2, 50]),
    st.booleans(),
    st.sampled_from([1, 4_000]),
)
def test_sequences_equal_the_oracle(log, length, within, top, sort, wide):
    keys = ["session_id"] if within == "session" else []
    wanted = oracle.sequences([row for row in log if row["active"]], length, *keys)
    # Large codes take more room than one number has.
    codes = {name: code * wide for name, code in CODES.items()}
    whole = coded(log, sort, codes)
    pieces = [frame([row for row in log if row["user"] == user]) for user in (0, 1, 7)]
    for rows in (frame(log), whole, replace(whole, codes=None), pieces):
        found = sequences(rows, length, within=within, top=top)
        assert found.rows() == wanted[:top]


MORE: list[dict[str, object]] = [
    {},
    {"hold": "page"},
    {"hold": ["session_id", "page"]},
    {"hold": "tags"},
    {"by": ["page", "session_id"]},
    {"by": "page", "by_step": (2, "session_id")},
    {"hold": "session_id", "by": "page"},
]


@TESTS
@given(
    logs(most=20),
    questions(),
    st.sampled_from(MORE),
    st.permutations("ABC"),
    st.booleans(),
)
def test_the_codes_of_a_project_change_no_answer(log, question, more, names, sort):
    _, steps, options = question
    held = [more["hold"]] if isinstance(more.get("hold"), str) else more.get("hold", [])
    plain = [*names, "X"]
    either = [event("A", "C"), "B", "X", "session_end"]
    for asked in (steps, plain[: len(steps)], either[: len(steps)]):
        one = funnel(frame(log), asked, **options, **more)
        two = funnel(coded(log, sort), asked, **options, **more)
        assert two.table.equals(one.table)
        assert found_rows(two, *held) == found_rows(one, *held)


@TESTS
@given(logs(most=20), questions(), st.sampled_from(MORE[:5]), st.integers(1, 4))
def test_blocks_of_rows_change_no_answer(log, question, more, size):
    _, steps, options = question
    one = funnel(frame(log), steps, **options, **more)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(funnel_blocks, "BLOCK", size)
        two = funnel(frame(log), steps, **options, **more)
        assert two.table.equals(one.table)
        assert two.units.equals(one.units)
        assert over_time(two, "1m").table.equals(over_time(one, "1m").table)


@settings(TESTS, max_examples=5 * TESTS.max_examples)
@given(
    st.lists(
        st.tuples(st.sampled_from("AABBYCCXX"), st.sampled_from([0, 1, 1, 1])),
        min_size=4,
        max_size=14,
    ),
    st.sampled_from([4, 12, 100]),
    st.sampled_from([("X", 2, 3), ("X", 1, 3), ("X", 1, 2), ("Y", 1, 3), ("B", 2, 3)]),
    st.sampled_from(["this", "this", "exact", "any"]),
)
@example([(name, 1) for name in "ABXAYC"], 100, ("X", 2, 3), "this")
@example([(name, 1) for name in "ABYABC"], 100, ("Y", 1, 3), "this")
def test_paths_past_excluded_events_equal_the_oracle(drawn, window, out, order):
    log = []
    second = 0
    for at, (name, pause) in enumerate(drawn):
        second += pause
        row = {"user": 0, "time": START + timedelta(seconds=second), "event": name}
        row |= {"page": None, "tags": None, "active": True, "session_id": 1, "row": at}
        log.append(row)
    if order == "any":
        out = (out[0], 1, 3)
    ask = oracle.FunnelQuestion(
        [named("A"), named("B", "Y"), named("C")], window, 1_000_000, order
    )
    ask.exclude = [(named(out[0]), *out[1:])]
    answer = funnel(
        frame(log),
        ["A", event("B", "Y"), "C"],
        within=f"{window}s",
        order=order,
        exclude=Exclusion(*out),
    )
    path = oracle.chosen_path(log, ask)
    expected = {(0,): [row["row"] for row in path]} if path else {}
    assert found_rows(answer) == expected


@TESTS
@given(logs(most=20), questions())
def test_a_funnel_never_rises_and_its_points_partition(log, question):
    _, steps, options = question
    answer = funnel(frame(log), steps, **options)
    users = answer.table["users"].to_list()
    assert users == sorted(users, reverse=True)
    for step in range(1, len(steps) + 1):
        reached = answer.population(answer.key(step))
        assert reached.height == users[step - 1]
        assert (reached["start"] <= reached["end"]).all()
        if step > 1:
            dropped = answer.population(answer.key(step, "dropped"))
            before = answer.population(answer.key(step - 1))
            assert dropped.height == answer.table["dropped_before"][step - 1]
            both = sorted([*dropped["user"], *reached["user"]])
            assert both == sorted(before["user"])


@TESTS
@given(logs(most=20), questions())
def test_a_wider_window_never_lowers_a_step(log, question):
    _, steps, options = question
    del options["within"]
    counts = [
        funnel(frame(log), steps, within=within, **options).table["users"].to_list()
        for within in ("1s", "2s", "4s", "1d")
    ]
    for narrow, wide in pairwise(counts):
        assert all(a <= b for a, b in zip(narrow, wide, strict=True))


@TESTS
@given(logs(most=20), questions())
def test_groups_add_up(log, question):
    _, steps, options = question
    whole = funnel(frame(log), steps, **options).table["users"].to_list()
    for option in ({"by": "page"}, {"by_step": (2, "page")}):
        answer = funnel(frame(log), steps, **option, **options)
        table = answer.table
        parts = table.group_by("step").agg(pl.col("users").sum()).sort("step")
        if not table.is_empty():
            assert parts["users"].to_list() == whole
        for step, group, users in table.select("step", "page", "users").rows():
            assert answer.population(answer.key(step, group=(group,))).height == users


LABELS = {"A": lambda row: f"A[{row['page'] or '(none)'}]"}


@st.composite
def journey_questions(draw: st.DrawFn) -> tuple[oracle.JourneyQuestion, dict]:
    """A journey for the oracle, and the same as arguments."""
    ends = draw(
        st.sampled_from([("A", None), (None, "A"), ("A", "B"), ("A", "A"), ("B", "C")])
    )
    ask = oracle.JourneyQuestion()
    options: dict[str, object] = {}
    for side, name in zip(("start", "end"), ends, strict=True):
        if name is not None:
            options[side] = name
            setattr(ask, side, named(name))
    within = draw(st.sampled_from(["session", "1s", "3s", "100s"]))
    options["within"] = within
    ask.window = None if within == "session" else int(within[:-1]) * 1_000_000
    ask.count = options["count"] = draw(st.sampled_from(["users", "paths", "sessions"]))
    ask.collapse = options["collapse"] = draw(st.booleans())
    if draw(st.booleans()):
        begin = START + timedelta(seconds=draw(st.integers(0, 3)))
        end = START + timedelta(seconds=6)
        options["span"] = Span(begin, end)
        options["segment"] = [pl.col("page") == "a"]
        ask.inside = lambda row: begin <= row["time"] < end
        ask.enters = lambda row: row["page"] == "a"
    if draw(st.booleans()):
        options["expand"] = {"A": "page"}
        ask.label = lambda row: LABELS.get(row["event"], lambda r: r["event"])(row)
    shown = draw(st.sampled_from(["all", "hide", "only", "exclude", "inactive"]))
    if shown == "hide":
        options["hide"] = ["X", "A"]
        ask.visible = lambda row: row["active"] and row["event"] not in {"X", "A"}
    elif shown == "only":
        options["only"] = "C"
        ask.visible = lambda row: row["active"] and row["event"] == "C"
    elif shown == "exclude":
        options["exclude"] = event("*", page="b")
        ask.visible = lambda row: row["active"] and row["page"] != "b"
    elif shown == "inactive":
        options["inactive"] = True
        ask.visible = lambda row: True
    if draw(st.booleans()):
        options["through"] = ["X", event("*", page="a")]
        ask.through = [named("X"), lambda row: row["page"] == "a"]
    return ask, options


@TESTS
@given(logs(most=16), journey_questions())
def test_journeys_equal_the_oracle(log, question):
    ask, options = question
    answer = journeys(frame(log), depth=None, **options)
    expected = [
        (
            anchor["user"],
            [label for label, _ in nodes],
            [row["row"] for _, row in nodes],
            ended if ask.start and ask.end else None,
        )
        for anchor, nodes, ended in oracle.journey_paths(log, ask)
    ]
    found = answer.paths.select("user", "path", "rows", "converted").rows()
    assert sorted(found) == sorted(expected)


@TESTS
@given(logs(most=16), journey_questions(), st.sampled_from([None, 1, 2]))
def test_journeys_conserve_flow_and_name_their_paths(log, question, top):
    _, options = question
    answer = journeys(frame(log), depth=4, top=top, **options)
    table = answer.table
    roots = table.filter(pl.col("parent").is_null())
    assert roots["users"].sum() == answer.total
    converted = answer.paths["converted"].fill_null(value=False)
    lengths = answer.paths["path"].list.len()
    for node, step, kind, users in table.select("node", "step", "kind", "users").rows():
        people = answer.population(f"journey|{node}")
        assert people.height == users
        assert (people["start"] <= people["end"]).all()
        children = table.filter(parent=node)["users"].sum()
        if kind == "event" and step < 4:
            ended = [
                member
                for member in answer.nodes[node].members
                if converted[int(member)] and lengths[int(member)] == step
            ]
            assert children + len(ended) == users
        else:
            assert children == 0


def test_one_user_with_everything():
    """A giant: one user, many rows in few seconds, against the window's own count."""
    n = 20_000
    log = pl.DataFrame(
        {
            "user": [3] * n,
            "time": [START + timedelta(seconds=i // 50) for i in range(n)],
            "event": ["A", "B", "X", "C"] * (n // 4),
        }
    )
    for order in ("this", "any", "exact"):
        table = funnel(log, ["A", "B", "C"], order=order, exclude="X").table
        assert table["users"].to_list() == [1, 1, 1]
    totals = funnel(log, ["A", "B"], count="totals").table["users"].to_list()
    # Rows of one event in one second are one occurrence.
    assert totals == [400, 400]


@pytest.mark.parametrize("order", ["this", "any", "exact"])
@pytest.mark.parametrize("count", ["uniques", "totals"])
def test_an_empty_log(order, count):
    if (order, count) == ("any", "totals"):
        return
    empty = pl.DataFrame(schema=SCHEMA)
    answer = funnel(empty, ["A", "B"], order=order, count=count, by="page")
    assert answer.table.is_empty()
    assert answer.units.is_empty()
    table = funnel(empty, ["A", "B"], order=order, count=count).table
    assert table["users"].to_list() == [0, 0]
    assert table["share"].to_list() == [None, None]
    assert journeys(empty, start="A").table.is_empty()
    assert journeys(empty, start="A").paths.is_empty()
    assert journeys(empty, start="A", end="B").map().is_empty()
