"""Every point of every chart, on random logs: the number shown is the people named."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import replaykit as rk
from replaykit.points import parse_key

#: New York changes its clocks on 10 March 2024.
START = datetime(2024, 3, 9, 22, tzinfo=UTC)
ZONE = "America/New_York"
SCHEMA = {
    "user": pl.String,
    "time": pl.Datetime("ms", "UTC"),
    "event": pl.String,
    "page": pl.String,
    "price": pl.String,
    "tags": pl.List(pl.String),
    "acts": pl.Boolean,
    "visit": pl.String,
}
ROWS = st.fixed_dictionaries(
    {
        "user": st.sampled_from(["ana", "<b>ben</b>", "zoë", "9007199254740993"]),
        "time": st.integers(0, 60).map(
            lambda half: START + half * timedelta(minutes=45)
        ),
        "event": st.sampled_from(["A", "B", "C", "<i>A</i>", "$x$"]),
        "page": st.sampled_from(["a", "b", "", "other", None]),
        "price": st.sampled_from(["1", "2.5", "-3", "free", None]),
        "tags": st.sampled_from([["p"], ["p", "q", "p"], [], None]),
        "acts": st.sampled_from([True, True, True, False]),
        "visit": st.sampled_from(["v1", "v2", None]),
    }
)
LOGS = st.lists(ROWS, min_size=3, max_size=24)


def events_of(rows, shuffle):
    known = [
        dict.fromkeys(SCHEMA) | {"user": "early", "time": START, "event": name}
        for name in ("A", "B", "C", "<i>A</i>", "$x$")
    ]
    rows = [*known, *rows]
    frame = pl.DataFrame([rows[at] for at in shuffle(range(len(rows)))], schema=SCHEMA)
    return rk.events(frame, active="acts", session="visit", tz=ZONE)


def keys_of(figure):
    """Return all keys of a chart, those of flows and heat tables too."""
    found = []

    def walk(value):
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list | tuple):
            for one in value:
                walk(one)

    for trace in figure.data:
        walk(trace.customdata)
        for part in ("node", "link"):
            walk(getattr(getattr(trace, part, None), "customdata", None))
    return list(dict.fromkeys(filter(None, found)))


def people(opened):
    """Return the units of an opened point as they can be compared."""
    users = opened if isinstance(opened, rk.Users) else opened.users
    return users.population.sort("user", "start", "at", "rows").rows()


def check_points(found):
    """Open every point of a chart; return the sizes by key."""
    sizes = {}
    for text in keys_of(found.chart()):
        key = parse_key(text)
        opened = found.open(key)
        population = opened.users.population
        assert (population["start"] <= population["end"]).all(), text
        assert (population["at"] >= population["start"]).all(), text
        assert (population["at"] <= population["end"]).all(), text
        assert (population["rows"].list.len() > 0).all(), text
        # The line of code under the point names the same people.
        line = found.describe(key).code
        variable, _, call = line.partition(" = ")
        assert variable in {"point", "users", "lost"}
        again = eval(call, {call.split(".")[0].split("[")[0]: found})
        assert people(again) == people(opened), line
        sizes[text] = population
    return sizes


def users_in(population):
    return population["user"].n_unique()


def rows_in(population):
    return population["rows"].list.len().sum()


COUNTED = {
    "uniques": ({}, users_in),
    "uniques by page": ({"by": "page"}, users_in),
    "uniques by tags": ({"by": "tags"}, users_in),
    "uniques, top": ({"by": "page", "top": 1}, users_in),
    "uniques by two": ({"by": "page", "segment_by": "price"}, users_in),
    "totals": ({"measure": "totals"}, rows_in),
    "totals by page": ({"measure": "totals", "by": "page", "every": "1h"}, rows_in),
    "rolling": ({"over": "rolling 2"}, users_in),
    "cumulative": ({"over": "cumulative"}, users_in),
    "frequency": ({"measure": "frequency"}, users_in),
    "distribution": (
        {"measure": "property", "of": "price", "aggregate": "distribution"},
        rows_in,
    ),
    "segments": (
        {"segments": {"page a": pl.col("page") == "a", "new": "new", "all": "any"}},
        users_in,
    ),
    "in each": (
        {"segments": {"b": rk.performed("B", scope="in each", rolling=2)}},
        users_in,
    ),
}
TESTS = settings(
    max_examples=int(os.environ.get("REPLAYKIT_EXAMPLES", "2")),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SHUFFLES = st.randoms(use_true_random=False).map(
    lambda random: lambda places: random.sample(places, len(places))
)


@pytest.mark.parametrize("name", COUNTED)
@TESTS
@given(LOGS, SHUFFLES)
def test_counts_over_time(name, rows, shuffle):
    options, number = COUNTED[name]
    found = events_of(rows, shuffle).segmentation("A", "<i>A</i>", **options)
    sizes = check_points(found)
    series = ["event", *found.answer.groups]
    table = found.table.with_columns(ms=pl.col("time").dt.epoch("ms"))
    lines = {
        (*map(line.get, series), line["ms"]): line["value"]
        for line in table.iter_rows(named=True)
    }
    assert len(sizes) == len(lines)
    for text, population in sizes.items():
        key = parse_key(text)
        place = (found.answer.events[key.event], *key.group, key.time_ms)
        assert number(population) == lines.pop(place), text
    assert not lines
    whole = check_points(found.drawn("bars"))
    assert sorted(map(number, whole.values())) == sorted(found.total["value"])


@TESTS
@given(LOGS, SHUFFLES)
def test_every_term_of_a_formula(rows, shuffle):
    text = "UNIQUES(A)/UNIQUES(B); TOTALS(A)+UNIQUES(A); ROLLWIN(UNIQUES, A, 2)"
    found = events_of(rows, shuffle).formula(text, "A", "B", by="page")
    for key in map(parse_key, check_points(found)):
        terms = found.answer.terms(key)
        everyone = set().union(*(part["user"] for part in terms.values()))
        assert set(found.answer.population(key)["user"]) == everyone
        line = found.table.filter(
            formula=found.texts[key.event],
        ).filter(
            pl.col("time").dt.epoch("ms") == key.time_ms,
            pl.col("page").eq_missing(pl.lit(key.group[0])),
        )
        if key.event == 0:
            a, b = (terms[f"UNIQUES({letter})"].height for letter in "AB")
            assert line["value"].item() == (a / b if b else None)
        elif key.event == 1:
            assert line["value"].item() == rows_in(terms["TOTALS(A)"]) + users_in(
                terms["UNIQUES(A)"]
            )
        else:
            assert line["value"].item() == users_in(terms["UNIQUES(A)"])


FUNNELS = {
    "plain": {},
    "by page": {"by": "page"},
    "by a later step": {"by_step": (2, "page")},
    "held": {"hold": "tags"},
    "any order": {"order": "any"},
    "exact": {"order": "exact", "resolution": "1ms"},
    "excluded": {"exclude": "C"},
    "totals": {"count": "totals"},
}


@pytest.mark.parametrize("name", FUNNELS)
@TESTS
@given(LOGS, SHUFFLES)
def test_funnels(name, rows, shuffle):
    found = events_of(rows, shuffle).funnel("A", "B", "A", within="6h", **FUNNELS[name])
    sizes = check_points(found)
    lines = found.table.to_dicts()
    for text, population in sizes.items():
        key = parse_key(text)
        (line,) = [
            one
            for one in lines
            if one["step"] == key.step
            and tuple(one[by] for by in found.by) == key.group
        ]
        column = "users" if key.outcome == "reached" else "dropped_before"
        assert len(population) == line[column], text
        if name in {"plain", "any order", "exact", "excluded"}:
            assert users_in(population) == line[column]
    shown = {text for text in sizes if parse_key(text).outcome == "dropped"}
    assert len(shown) == sum(line["dropped_before"] > 0 for line in lines)
    _check_measures(found)


def _check_measures(found):
    over_time = found.over_time("1h", pairs=True)
    lines = over_time.table.to_dicts()
    for line in lines:
        group = tuple(
            "(none)" if line[name] is None else line[name] for name in found.by
        )
        at = {
            "at": line["time"],
            "by": group or None,
            "pair": f"{found.steps[line['first'] - 1]} to "
            f"{found.steps[line['last'] - 1]}",
        }
        if over_time.labels.count(at["pair"]) > 1:
            continue
        for outcome in ("entered", "converted"):
            opened = over_time.point(**at, outcome=outcome)
            assert len(opened.users.population) == line[outcome], at
        lost = over_time.point(**at, outcome="dropped")
        assert len(lost.users.population) == line["entered"] - line["converted"], at
    check_points(over_time)
    times = found.time_to_convert(bins=(0, "6h", "90m"))
    for text, population in check_points(times).items():
        low = timedelta(milliseconds=parse_key(text).time_ms)
        assert len(population) == times.table.filter(low=low)["users"].item()
    if found.answer.plan.count == "uniques":
        often = found.frequency(1)
        for text, population in check_points(often).items():
            number = parse_key(text).time_ms
            users = often.table.filter(times=number)["users"].item()
            assert len(population) == users


@TESTS
@given(LOGS, SHUFFLES)
def test_funnels_side_by_side(rows, shuffle):
    events = events_of(rows, shuffle)
    for found in (
        events.funnels("A", "B", "C", optional=2, within="6h"),
        events.funnels("A", "B", compare={2: ["B", "C"]}, within="6h", by="page"),
        events.funnels("A", "B", segments={"a": pl.col("page") == "a", "all": []}),
    ):
        sizes = check_points(found)
        reached = [text for text in sizes if parse_key(text).outcome == "reached"]
        assert len(reached) == found.table.height
        assert sum(len(sizes[text]) for text in reached) == found.table["users"].sum()
        check_points(found.over_time("1d"))


JOURNEYS = {
    "users": {"start": "A"},
    "paths": {"start": "A", "count": "paths", "collapse": True},
    "sessions": {"start": "A", "count": "sessions", "top": 1},
    "backward": {"end": "B", "below": 0.2},
    "between": {"start": "A", "end": "B", "expand": {"C": "page"}},
    "session": {"start": "A", "within": "session", "drop_common": 0.4},
}


@pytest.mark.parametrize("name", JOURNEYS)
@TESTS
@given(LOGS, SHUFFLES)
def test_journeys(name, rows, shuffle):
    asked = {"within": "6h", "depth": 4} | JOURNEYS[name]
    found = events_of(rows, shuffle).journeys(**asked)
    sizes = check_points(found)
    lines = dict(found.table.select("node", "users").rows())
    for text, population in sizes.items():
        assert len(population) == lines.pop(parse_key(text).node), text
    assert not lines
    for view in ("icicle", "sunburst"):
        assert set(check_points(found.drawn(view))) == set(sizes)
    levels = check_points(found.drawn("levels"))
    counted = {
        f"@{line['step']}.{line['event']}": line["users"]
        for line in found.levels.iter_rows(named=True)
    }
    assert {parse_key(text).node: len(one) for text, one in levels.items()} == counted
    for line in found.map(top=None).iter_rows(named=True):
        assert len(found.took(*line["path"]).users.population) == line["users"]


VISITS = {
    "total": {},
    "by page": {"by": "page", "top": 2},
    "containing": {"containing": rk.event("*", page="a"), "every": "1h"},
    "lengths": {"measure": "length distribution"},
    "segments": {"segments": {"a": pl.col("page") == "a", "all": []}},
    "own rule": {"rule": rk.SessionRule("90m", same="page")},
}


@pytest.mark.parametrize("name", VISITS)
@TESTS
@given(LOGS, SHUFFLES)
def test_sessions(name, rows, shuffle):
    found = events_of(rows, shuffle).sessions(**VISITS[name])
    groups = found.answer.groups
    lines = {
        (*map(line.get, groups), line["time"].timestamp() * 1000): line["value"]
        for line in found.table.iter_rows(named=True)
    }
    sizes = check_points(found)
    assert len(sizes) == len(lines)
    for text, population in sizes.items():
        key = parse_key(text)
        assert len(population) == lines.pop((*key.group, key.time_ms)), text
    assert not lines


RETURNS = {
    "on": {},
    "calendar": {"counting": "calendar", "measure": "on or after"},
    "by page": {"by": "page", "measure": "on or before"},
    "hours": {"every": "1h", "depth": 5},
    "brackets": {"measure": "custom", "brackets": [(0, 1), (1, 3)]},
    "new users": {"start": None, "back": None},
}


@pytest.mark.parametrize("name", RETURNS)
@TESTS
@given(LOGS, SHUFFLES)
def test_retention(name, rows, shuffle):
    asked = {"start": "A", "back": "B"} | RETURNS[name]
    found = events_of(rows, shuffle).retention(**asked)
    lines = {
        (line["cohort"], line["offset"], *map(line.get, found.answer.groups)): line
        for line in found.table.iter_rows(named=True)
    }
    for text, population in check_points(found).items():
        key = parse_key(text)
        line = lines[key.cohort, key.offset, *key.group]
        assert len(population) == users_in(population) == line["returned"], text
        lost = found.open(key._replace(outcome="lost"))
        assert lost.count() == line["users"] - line["returned"]
        assert not set(lost.users) & set(found.open(key).users)
    for view in ("curve", "over time"):
        check_points(found.drawn(view))


@TESTS
@given(LOGS, SHUFFLES)
def test_usage_and_value(rows, shuffle):
    events = events_of(rows, shuffle)
    usage = events.usage("A", every="1h")
    for text, population in check_points(usage).items():
        units = parse_key(text).time_ms
        assert len(population) == usage.table.filter(units=units)["users"].item()
    value = events.lifetime_value(of="price", start="A", back="B", depth=3)
    for text, population in check_points(value).items():
        key = parse_key(text)
        line = value.table.filter(intervals=key.event, cohort=key.group[0])
        assert len(population) == line["users"].item()
        paying = value.point(intervals=key.event, cohort=key.group[0], paying=True)
        assert paying.count() == line["paying"].item()
