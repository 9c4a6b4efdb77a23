"""Odd data and wrong words, through public names: a true answer or a named error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

import replaykit as rk
from replaykit import errors

START = datetime(2026, 3, 1, 9)


def log(count=6):
    return pl.DataFrame(
        {
            "user": [f"u{at % 3}" for at in range(count)],
            "time": [START + timedelta(hours=at) for at in range(count)],
            "event": ["Search", "Add to cart", "Buy"] * (count // 3),
            "plan": ["pro", None, "free"] * (count // 3),
            "price": [1.0, None, 3.5] * (count // 3),
        }
    )


def shop(**options):
    return rk.events(log(), **options)


WRONG = {
    "event": (
        lambda e: e.segmentation("Serch"),
        errors.UnknownEvent,
        r"'Serch'.*Did you mean 'Search' \(2 events\)",
    ),
    "event of a funnel": (
        lambda e: e.funnel("Search", "Add to crt"),
        errors.UnknownEvent,
        "Did you mean 'Add to cart'",
    ),
    "event of a journey": (
        lambda e: e.journeys(start="Search", hide="Bye"),
        errors.UnknownEvent,
        "Did you mean 'Buy'",
    ),
    "event of retention": (
        lambda e: e.retention(start="Sarch"),
        errors.UnknownEvent,
        "Did you mean 'Search'",
    ),
    "event of sessions": (
        lambda e: e.sessions(containing="Bui"),
        errors.UnknownEvent,
        "Did you mean 'Buy'",
    ),
    "event of an inline cohort": (
        lambda e: e.segmentation("Buy", segments={"x": rk.performed("Bui")}),
        errors.UnknownEvent,
        "Did you mean 'Buy'",
    ),
    "property": (
        lambda e: e.segmentation("Buy", by="plam"),
        errors.UnknownProperty,
        "Did you mean 'plan'",
    ),
    "property of a filter": (
        lambda e: e.filter(pricee=3),
        errors.UnknownProperty,
        "Did you mean 'price'",
    ),
    "property of a condition": (
        lambda e: e.funnel("Search", rk.event("Buy", pl.col("prize") > 3)),
        errors.UnknownProperty,
        "Did you mean 'price'",
    ),
    "property of a measure": (
        lambda e: e.segmentation("Buy", measure="property", of="prise"),
        errors.UnknownProperty,
        "Did you mean 'price'",
    ),
    "property held": (
        lambda e: e.funnel("Search", "Buy", hold="plain"),
        errors.UnknownProperty,
        "Did you mean 'plan'",
    ),
    "property summed at the end": (
        lambda e: e.funnel("Search", "Buy").sum_at_end("prices"),
        errors.UnknownProperty,
        "Did you mean 'price'",
    ),
    "property expanded": (
        lambda e: e.journeys(start="Search", expand={"Buy": "pland"}),
        errors.UnknownProperty,
        "Did you mean 'plan'",
    ),
    "property of a where": (
        lambda e: e.filter(rk.where("plann", "is", "pro")),
        errors.UnknownProperty,
        "Did you mean 'plan'",
    ),
    "zone": (
        lambda e: shop(tz="Europe/Pariss"),
        errors.BadTime,
        "Did you mean 'Europe/Paris'",
    ),
    "measure": (
        lambda e: e.segmentation("Buy", measure="unique"),
        errors.UnknownOption,
        "Did you mean 'uniques'",
    ),
    "order": (
        lambda e: e.funnel("Search", "Buy", order="thiss"),
        errors.UnknownOption,
        "Did you mean 'this'",
    ),
    "view": (
        lambda e: e.retention(start="Search").drawn("curves"),
        errors.UnknownOption,
        "Did you mean 'curve'",
    ),
    "id of a person": (lambda e: rk.demo().user(7), errors.UnknownUser, "'7'"),
    "id that is none": (lambda e: rk.demo().user(None), errors.BadInput, "user=None"),
    "id of a replay": (lambda e: rk.demo().replay(7), errors.UnknownReplay, "'7'"),
    "anatomy of nothing": (lambda e: rk.demo().anatomy(None), errors.BadInput, "no id"),
    "path of a project": (lambda e: rk.open(7), errors.BadInput, "path=7 is no path"),
    "path of recordings": (
        lambda e: rk.events(log(), replays=[7]),
        errors.BadInput,
        "path=7 is no path",
    ),
    "table without columns": (lambda e: rk.events([]), errors.BadInput, "no columns"),
    "search by a text": (
        lambda e: rk.demo().replays.search(where="plan == 'pro'"),
        errors.BadInput,
        "where=\"plan == 'pro'\" is not a condition",
    ),
    "operator": (
        lambda e: rk.where("plan", "iz", "pro"),
        errors.UnknownOption,
        "operator",
    ),
    "weekday": (
        lambda e: e.last("7d", without="munday"),
        errors.UnknownOption,
        "'monday'",
    ),
    "week start": (
        lambda e: shop(week_start="sonday"),
        errors.UnknownOption,
        "Did you mean 'sunday'",
    ),
    "month of a quarter": (
        lambda e: shop(quarter_start=13),
        errors.UnknownOption,
        "1 to 12",
    ),
    "window of zero": (
        lambda e: e.funnel("Search", "Buy", within="0s"),
        errors.BadDuration,
        "longer than zero",
    ),
    "window without a unit": (
        lambda e: e.journeys(start="Search", within="30"),
        errors.BadDuration,
        "unit",
    ),
    "bare number as a window": (
        lambda e: e.funnel("Search", "Buy", within=30),
        errors.BadDuration,
        "unit",
    ),
    "interval": (
        lambda e: e.segmentation("Buy", every="7h"),
        errors.BadDuration,
        "does not divide a day",
    ),
    "reversed range": (
        lambda e: e.between("2026-03-31", "2026-03-01"),
        errors.BadTime,
        "before it starts",
    ),
    "no date": (
        lambda e: e.between("yesterday", None),
        errors.BadTime,
        "'yesterday'",
    ),
    "formula": (
        lambda e: e.formula("UNIQUES(A) + + 1", "Buy"),
        errors.BadInput,
        r"UNIQUES\(A\) \+ \+ 1\n {15}\^",
    ),
    "function of a formula": (
        lambda e: e.formula("UNIQUE(A)", "Buy"),
        errors.BadInput,
        r"Did you mean 'UNIQUES'(.|\n)*\^",
    ),
    "letter of a formula": (
        lambda e: e.formula("UNIQUES(C)", "Buy"),
        errors.BadInput,
        "names event C",
    ),
    "formula without its property": (
        lambda e: e.formula("PROPSUM(A)", "Buy"),
        errors.BadInput,
        "needs a property",
    ),
    "formula of sessions": (
        lambda e: e.session_formula("TOTALS(A)", e.sessions()),
        errors.BadInput,
        "TOTALS is no function of sessions",
    ),
    "segments of none": (
        lambda e: e.segmentation("Buy", segments={}),
        errors.BadInput,
        "names no segment",
    ),
    "eleven segments": (
        lambda e: e.segmentation("Buy", segments={str(k): [] for k in range(11)}),
        errors.BadInput,
        "up to 10",
    ),
    "eleven events": (
        lambda e: e.segmentation(*(rk.event("Buy").named(f"{k}") for k in range(11))),
        errors.BadInput,
        "up to 10",
    ),
    "one step": (
        lambda e: e.funnel("Search"),
        errors.BadInput,
        "2 to 10 steps",
    ),
    "optional last step": (
        lambda e: e.funnels("Search", "Buy", optional="Buy"),
        errors.BadInput,
        "never optional",
    ),
    "funnels of nothing": (
        lambda e: e.funnels("Search", "Buy"),
        errors.BadInput,
        "funnel\\(\\)",
    ),
    "users that differ per interval": (
        lambda e: e.funnels(
            "Search", "Buy", segments={"x": rk.performed("Buy", scope="in each")}
        ),
        errors.UnknownOption,
        "during",
    ),
    "a share of nothing": (
        lambda e: e.journeys(start="Search", drop_common=2),
        errors.BadInput,
        "0.2",
    ),
    "no anchor": (lambda e: e.journeys(), errors.BadInput, "start="),
    "brackets": (
        lambda e: e.retention(start="Search", brackets=[(0, 1)]),
        errors.UnknownOption,
        "custom",
    ),
    "a point that is not there": (
        lambda e: e.segmentation("Buy", by="plan").point(by="frie"),
        errors.UnknownPoint,
        "Did you mean 'free'",
    ),
    "a moment outside": (
        lambda e: e.segmentation("Buy").point(at="2027-01-01"),
        errors.UnknownPoint,
        "after the result",
    ),
    "a cohort that is not there": (
        lambda e: e.retention(start="Search").point(cohort="2026-03-02", index=0),
        errors.UnknownPoint,
        "2026-03-01",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    ask, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        ask(shop())
    # Ours, and the builtin that a caller would expect.
    assert isinstance(caught.value, errors.ReplayKitError)
    assert isinstance(caught.value, KeyError | ValueError)


def every_answer(events, first, second):
    """Ask every question once; return the results with charts."""
    asked = [
        events.segmentation(first, second),
        events.segmentation(first, measure="totals", by="plan", top=2),
        events.segmentation(first, measure="property", of="price", aggregate="median"),
        events.segmentation(first, measure="frequency"),
        events.formula("UNIQUES(B)/UNIQUES(A)", first, second),
        events.funnel(first, second, by="plan"),
        events.funnels(first, second, segments={"a": [], "b": pl.col("plan") == "pro"}),
        events.funnel(first, second).over_time(),
        events.funnel(first, second).time_to_convert(),
        events.funnel(first, second).frequency(),
        events.journeys(start=first),
        events.journeys(end=second).drawn("levels"),
        events.journeys(start=first).drawn("sunburst"),
        events.sessions(),
        events.sessions(measure="length distribution"),
        events.sessions(rule=rk.SessionRule("30m"), measure="average length"),
        events.retention(start=first, back=second, by="plan"),
        events.retention().drawn("curve"),
        events.usage(first),
        events.lifetime_value(of="price", start=first),
    ]
    for one in asked:
        assert isinstance(one.table, pl.DataFrame)
        assert one.chart().to_json()
        assert repr(one)
        assert "text/html" in one._repr_mimebundle_()[0]
    return asked


def test_nothing_at_all():
    with pytest.raises(errors.BadInput, match="has no row"):
        rk.events(log().clear())


def test_a_range_without_events_gives_zeros():
    events = shop().between("2027-01-01", "2027-01-03")
    assert events.segmentation("Buy").table["value"].to_list() == [0, 0, 0]
    assert events.funnel("Search", "Buy").table["users"].to_list() == [0, 0]
    assert events.journeys(start="Search").table.is_empty()
    every_answer(events, "Search", "Buy")


def test_nulls_in_every_column():
    frame = log(12).with_columns(
        pl.when(pl.int_range(pl.len()) != 4).then(pl.col(name)).alias(name)
        for name in ("event", "plan", "price")
    )
    events = rk.events(frame, now=START)
    every_answer(events, "Search", "Buy")
    assert events.segmentation("Search", by="plan").total["plan"].to_list()


ODD = ["<b>Buy</b>", "$x^2$", "UNIQUES(A)", "%{y}", "a|b\x1fc", "🦊 été"]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_names_that_look_like_something_else(name):
    frame = log(9).with_columns(
        pl.col("event").replace({"Buy": name}), pl.col("plan").fill_null(name)
    )
    for one in every_answer(rk.events(frame), "Search", name):
        html = one._repr_mimebundle_()[0]["text/html"]
        assert "<b>Buy</b>" not in html
    found = rk.events(frame).segmentation(name, by="plan")
    assert found.point(by=found.table["plan"][0]).count() >= 1


def test_one_user_with_very_many_rows():
    times = [START + timedelta(seconds=at) for at in range(20_000)]
    frame = pl.DataFrame(
        {
            "user": ["giant"] * 20_000,
            "time": times,
            "event": ["A", "B", "C", "A"] * 5_000,
            "plan": ["pro"] * 20_000,
            "price": [1] * 20_000,
        }
    )
    events = rk.events(frame)
    assert events.funnel("A", "B", "C").table["users"].to_list() == [1, 1, 1]
    point = events.segmentation("A", measure="totals").point()
    assert point.count() == 1
    assert point.users.population["rows"].list.len().to_list() == [200]
    every_answer(events, "A", "B")


def answer(frame, **options):
    events = rk.events(frame, **options)
    table = events.segmentation("Buy", measure="totals", by="plan").table
    return (
        events.funnel("Search", "Add to cart", "Buy", within="1d")
        .table["users"]
        .to_list(),
        table["value"].sum(),
        sorted(events.everyone()),
    )


def test_frames_of_every_kind_agree():
    frame = log(9).with_columns(
        user=pl.lit("u") + (pl.int_range(9) // 3).cast(pl.String)
    )
    wanted = answer(frame)
    assert wanted[0] == [3, 3, 3]
    times = pl.col("time")
    others = {
        "ms": frame.with_columns(times.cast(pl.Datetime("ms"))),
        "ns": frame.with_columns(times.cast(pl.Datetime("ns"))),
        "aware": frame.with_columns(times.dt.replace_time_zone("UTC")),
        "another zone": frame.with_columns(
            times.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo")
        ),
        "text": frame.with_columns(times.dt.to_string("iso")),
        "categorical": frame.with_columns(pl.col("event", "plan").cast(pl.Categorical)),
        "lazy": frame.lazy(),
        "arrow": frame.to_arrow(),
        "shuffled": frame.sample(fraction=1, shuffle=True, seed=3),
    }
    for name, other in others.items():
        assert answer(other) == wanted, name


def test_pandas_frames_of_every_kind_agree():
    frame = log(9).with_columns(
        user=pl.lit("u") + (pl.int_range(9) // 3).cast(pl.String)
    )
    wanted = answer(frame)
    plain = pd.DataFrame(frame.to_dict(as_series=False))
    kinds = {
        "object": plain.astype({"event": object, "plan": object}),
        "category": plain.astype({"event": "category", "plan": "category"}),
        "index": plain.set_index(pd.Index(range(100, 109), name="id")),
        "time as index": plain.set_index("time"),
        "aware": plain.assign(time=plain["time"].dt.tz_localize("UTC")),
        "nullable": plain.convert_dtypes(),
    }
    for name, one in kinds.items():
        assert answer(one) == wanted, name
    table = rk.events(plain).segmentation("Buy").table.to_pandas()
    assert isinstance(table, pd.DataFrame)
    assert int(table["value"].sum()) == 3


def test_ids_beyond_two_to_the_53rd_stay_apart():
    big = 2**53
    frame = log(6).with_columns(
        user=pl.Series([big, big + 1, big, big + 1, big, big + 1])
    )
    events = rk.events(frame)
    assert set(events.everyone()) == {str(big), str(big + 1)}
    assert events.filter(user=str(big + 1)).everyone().count() == 1
    floats = pd.DataFrame({"user": [1, 2], "time": [START] * 2, "event": ["A", "A"]})
    assert set(rk.events(floats.assign(user=np.array([1, 2]))).everyone()) == {"1", "2"}


def test_mixed_types_of_a_property():
    frame = log(6).with_columns(price=pl.Series(["1", "2.5", "x", None, "", "7"]))
    events = rk.events(frame)
    found = events.segmentation("*", measure="property", of="price").total
    assert found["value"].item() == 10.5
    counted = events.segmentation("*", measure="totals", by="price").total
    groups = dict(counted.select("price", "value").iter_rows())
    assert groups == {"1": 1, "2.5": 1, "x": 1, "(none)": 1, "": 1, "7": 1}
    dear = events.filter(rk.where("price", ">=", 2)).segmentation("*", measure="totals")
    assert dear.total["value"].item() == 2


def test_arrays_none_and_the_rest():
    tags = [["a", "b"], ["b", "b"], [], None, ["c"], ["a"]]
    frame = log(6).with_columns(tags=pl.Series(tags, dtype=pl.List(pl.String)))
    events = rk.events(frame)
    found = events.segmentation("*", measure="totals", by="tags", top=1)
    total = dict(found.total.select("tags", "value").iter_rows())
    assert total == {"b": 3, "other": 5}
    assert sum(total.values()) == 8
    for label, value in total.items():
        named = found.point(by=label).users.population["rows"].list.len().sum()
        assert named <= value


def test_five_hundred_series():
    frame = pl.DataFrame(
        {
            "user": [f"u{at % 50}" for at in range(2_000)],
            "time": [START + timedelta(hours=at % 72) for at in range(2_000)],
            "event": ["Play"] * 2_000,
            "genre": [f"genre {at % 500}" for at in range(2_000)],
        }
    )
    found = rk.events(frame).segmentation("Play", by="genre", every="1d")
    figure = found.chart()
    named = [trace for trace in figure.data if trace.showlegend]
    assert len(named) == 12
    assert found.total.height == 500
    assert "first 12 of 500 series" in figure.layout.meta["note"]
    bars = found.drawn("bars").chart()
    assert len(bars.data[0].y) == 500
    assert bars.layout.height <= 900


@pytest.mark.parametrize(
    ("every", "starts"),
    [
        ("15m", ["08:45", "09:00", "09:15"]),
        ("6h", ["06:00", "12:00"]),
        ("1w", ["2026-03-01", "2026-03-08"]),
        ("1q", ["2026-02-01"]),
        ("1y", ["2026-01-01"]),
    ],
)
def test_intervals_of_a_project(every, starts):
    end = {"15m": START + timedelta(minutes=20)}.get(every, START + timedelta(days=8))
    if every == "6h":
        end = START + timedelta(hours=4)
    begin = START - timedelta(minutes=10) if every == "15m" else START
    frame = pl.DataFrame(
        {"user": ["a", "a"], "time": [begin, end], "event": ["A", "A"]}
    )
    events = rk.events(frame, week_start="sunday", quarter_start=2)
    found = events.segmentation("A", measure="totals", every=every)
    form = "%H:%M" if every[-1] in "mh" else "%Y-%m-%d"
    assert found.table["time"].dt.strftime(form).to_list() == starts
    assert found.table["value"].sum() == 2
    weekly = events.funnel("A", "A", within="30d").over_time(every)
    assert weekly.table["time"].dt.strftime(form)[0] == starts[0]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)], ids=["spring", "autumn"]
)
def test_both_clock_changes(day, hours):
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=4)
    times = [begin + timedelta(minutes=30 * at) for at in range(64)]
    frame = pl.DataFrame({"user": ["a"] * 64, "time": times, "event": ["A"] * 64})
    events = rk.events(frame, tz="Europe/Paris").between(day, day)
    hourly = events.segmentation("A", measure="totals", every="1h")
    assert hourly.table.height == hours
    assert set(hourly.table["value"]) == {2}
    daily = events.segmentation("A", measure="totals")
    assert daily.table["value"].to_list() == [2 * hours]
    named = [hourly.point(at=time).count() for time in hourly.table["time"]]
    assert named == [1] * hours
    assert len(set(hourly.chart().data[0].x)) == hours


def test_the_running_interval_is_flagged():
    events = rk.events(log(), now=datetime(2026, 3, 1, 12))
    events = events.last("1d")
    assert events.segmentation("Search").table["incomplete"].to_list() == [False, True]
    assert events.sessions().table["incomplete"].to_list() == [False, True]
    complete = rk.events(log(), now=datetime(2026, 3, 1, 12))
    complete = complete.last("1d", exclude_incomplete=True)
    assert complete.segmentation("Search").table["incomplete"].to_list() == [False]


def test_users_split_over_files(tmp_path):
    from tests.exports import event, export

    names = ["Search", "Add", "Buy"]
    acts = [
        event(10 * user + at, name, f"u{user}", f"d{user}", n=at)
        for user in range(4)
        for at, name in enumerate(names[: user + 1])
    ]
    whole = rk.create(tmp_path / "whole.rk")
    whole.add_events(export(tmp_path / "all", acts), progress=False)
    parts = rk.create(tmp_path / "parts.rk")
    for at in (2, 0, 1):
        path = export(tmp_path / f"part{at}", acts[at::3], name=f"{at}.json.gz")
        parts.add_events(path, progress=False)
    for shop in (whole, parts):
        found = shop.events.funnel("Search", "Add", "Buy", within="1h")
        assert found.table["users"].to_list() == [4, 3, 2]
        assert sorted(found.dropped(after="Add")) == ["u1"]
        uniques = shop.events.segmentation("Search", "Buy").total
        assert uniques["value"].to_list() == [4, 2]
