"""Answer blocks and stories through the public names: `rk.events(…).question(…)`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors, points
from tests.answerblocks import NUMBERS, assert_series, moment
from tests.spec.blocks import answers, block


def log_of(name, *, now=None):
    """An input block as a table that an analyst might hold."""
    rows = block(name)
    table = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    columns = [pl.col(one).cast(pl.Float64) for one in NUMBERS & set(table.columns)]
    if "active" in table.columns:
        columns.append(pl.col("active").fill_null("1") != "0")
    session = "session_id" if "session_id" in table.columns else None
    if session:
        columns.append(pl.col(session).cast(pl.Int64))
    return rk.events(
        table.with_columns(columns),
        active="active" if "active" in table.columns else None,
        session=session,
        now=now and moment(now),
    )


# ── users by what they did ────────────────────────────────────────────────────
def cohorts(events):
    week = events.between("2024-06-01", "2024-06-07")
    anything = rk.event("*", pl.col("active"))
    since = events.between("2024-06-04", None)
    third = events.between("2024-06-03", "2024-06-07")
    later = events.between("2024-06-02", "2024-06-07")
    plays = week.users_who("Play")
    often = week.users_who("Play", at_least=3)
    bought = week.users_who("Buy")
    pro = week.users_whose(plan="pro", when="any")
    return {
        "performed Play with count >= 3": often,
        "performed Play with count = 1": week.users_who("Play", at_most=1),
        "performed Play; count in interval: >= 2 distinct days": week.users_who(
            "Play", at_least=2, counting="intervals"
        ),
        "performed Play relative count > Buy": week.users_who("Play", more_than="Buy"),
        "performed Buy; sum of amount >= 40": week.users_who(
            "Buy", at_least=40, counting="sum", of="amount"
        ),
        "performed any active event; distinct country >= 2": week.users_who(
            anything, at_least=2, counting="distinct", of="country"
        ),
        "performed Play; historical count = 3 during 2024-06-03..2024-06-07": (
            third.users_who(rk.event("Play").nth(3))
        ),
        "performed Play >= 1 within 2 days of first use": week.users_who(
            "Play", within="2d"
        ),
        "performed Play >= 1 since 2024-06-04": since.users_who("Play"),
        "performed Play ...then Buy": week.users_who("Play", then="Buy"),
        "performed Play AND performed Buy": plays & bought,
        "performed Buy OR performed Play with count >= 3": bought | often,
        "active during range AND did not perform Buy": week.active_users() - bought,
        "had plan = pro most recently": week.users_whose(plan="pro"),
        "had plan = free any time": week.users_whose(plan="free", when="any"),
        "did not have plan = pro any time AND active": week.active_users() - pro,
        "had been new during 2024-06-02..2024-06-04": events.between(
            "2024-06-02", "2024-06-04"
        ).new_users(),
        "had been active; not new in range from 2024-06-02": week.active_users()
        - later.new_users(),
    }


@answers("coh.expected")
def test_users_who_and_whose(expected):
    found = cohorts(log_of("coh.events"))
    assert {row["definition"] for row in expected} == set(found)
    for row in expected:
        users = found[row["definition"]]
        assert " ".join(sorted(users)) == row["members"], row
        assert users.count() == len(users.population)


def test_users_who_know_the_rows_that_made_them_so():
    events = log_of("coh.events").between("2024-06-01", "2024-06-07")
    ana = events.users_who("Play", then="Buy").table.row(0, named=True)
    assert ana["user"] == "u1"
    assert (ana["start"], ana["end"]) == (
        moment("2024-06-01T10:00:00Z"),
        moment("2024-06-03T11:00:00Z"),
    )
    # The Buy of u2 before its Play is no part of the sequence.
    second = events.users_who("Play", then="Buy").table.row(1, named=True)
    assert (second["at"], second["end"]) == (
        moment("2024-06-02T10:00:00Z"),
        moment("2024-06-05T10:00:00Z"),
    )
    last = events.users_whose(plan="pro").table.filter(user="u2").row(0, named=True)
    assert last["at"] == moment("2024-06-05T10:00:00Z")


def test_users_who_keep_the_filters():
    events = log_of("coh.events").filter(plan="pro")
    assert set(events.users_who("Buy", at_least=1)) == {"u1", "u2"}
    assert set(events.users_who("Play", at_least=2)) == set()
    assert set(events.users_whose(country="CA")) == {"u1"}


def test_users_who_did_not_are_a_difference():
    events = log_of("coh.events")
    for wrong in ({"at_least": 0}, {"at_most": 0}):
        with pytest.raises(errors.BadInput, match="everyone"):
            events.users_who("Play", **wrong)
    with pytest.raises(errors.UnknownOption, match="more_than"):
        events.users_who("Play", at_least=2, more_than="Buy")
    with pytest.raises(errors.BadInput, match="condition"):
        events.users_whose()
    with pytest.raises(errors.UnknownProperty, match="Did you mean 'plan'"):
        events.users_whose(plann="pro")
    with pytest.raises(errors.UnknownEvent, match="Did you mean 'Buy'"):
        events.users_who("Play", then="Bye")


# ── counts, formulas, the past ────────────────────────────────────────────────
def january():
    return log_of("seg.events").between("2024-01-08", "2024-01-10")


def by_day(table, column="value"):
    return dict(zip(table["time"].dt.strftime("%Y-%m-%d"), table[column], strict=True))


def days_of(row):
    return [column for column in row if column[:2] == "20"]


@answers("seg.play")
def test_measures(expected):
    active = january().filter(pl.col("active"))
    asked = {
        "uniques": january().segmentation("Play"),
        "totals": january().segmentation("Play", measure="totals"),
        "average": january().segmentation("Play", measure="average"),
        "active_pct": january().segmentation("Play", measure="active"),
        "active_pct of Push Received": january().segmentation(
            "Push Received", measure="active"
        ),
        "active_users": active.segmentation("*"),
    }
    for row in expected:
        found = asked[row["measure"]]
        got = by_day(found.table) | {"range": found.total["value"].item()}
        assert_series(got, row, [*days_of(row), "range"])


@answers("seg.formulas")
def test_formulas(expected):
    for row in expected:
        # Blocks hold no commas: `f(A 0.9)` stands for `f(A, 0.9)`.
        text = re.sub(r"(?<=[A-Z\d)]) (?=[\dA-Z.])", ", ", row["formula"])
        found = january().formula(text, "Play", "Purchase", of={"B": "price"})
        assert_series(by_day(found.table), row, days_of(row))


@answers("seg.play.compare")
def test_compared_with_the_day_before(expected):
    found = january().segmentation("Play", measure="totals", compare="1d")
    columns = {"current": "value", "previous day": "past", "change_pct": "change"}
    for row in expected:
        days = {name: by_day(found.table, one) for name, one in columns.items()}
        got = {name: values[row["day"]] for name, values in days.items()}
        assert_series(got, row, list(columns))
    assert [trace.meta["role"] for trace in found.chart().data].count("past") == 1


def test_a_formula_names_the_users_of_all_its_terms():
    found = january().formula("%:UNIQUES(B)/UNIQUES(A)", "Play", "Purchase")
    keys = [key for trace in found.chart().data for key in trace.customdata if key]
    assert len(set(keys)) == found.table.height
    terms = found.terms(at="2024-01-09")
    counts = {name: users.count() for name, users in terms.items()}
    assert counts == {"UNIQUES(B)": 2, "UNIQUES(A)": 3}
    point = found.point(at="2024-01-09")
    assert set(point.users) == set(terms["UNIQUES(A)"]) | set(terms["UNIQUES(B)"])
    assert found.describe(points.parse_key(keys[0])).code.startswith("point = result")
    with pytest.raises(errors.BadInput, match=r"\^"):
        january().formula("UNIQUES(A", "Play")
    with pytest.raises(errors.UnknownPoint, match="UNIQUES"):
        found.point("TOTALS(A)")


def test_a_bucket_of_a_histogram_names_its_users():
    found = january().formula("HIST(A)", "Play")
    for row in found.total.iter_rows(named=True):
        if row["value"]:
            assert found.point(by=row["bucket"]).count() == row["value"]


def test_an_expression_is_a_measure():
    dearest = pl.col("price").max()
    found = january().segmentation("Purchase", measure=dearest)
    wanted = january().segmentation(
        "Purchase", measure="property", of="price", aggregate="max"
    )
    assert found.total["value"].item() == wanted.total["value"].item()
    assert "price" in found.chart().layout.meta["title"]


def test_segments_are_conditions_users_or_kinds():
    events = january()
    found = events.segmentation(
        "Play",
        segments={
            "everyone": [],
            "in the US": pl.col("country") == "US",
            "one user": pl.col("user") == "u1",
            "buyers": events.users_who("Purchase"),
            "new": "new",
        },
    )
    total = dict(found.total.select("segment", "value").iter_rows())
    us = events.filter(country="US").segmentation("Play")
    both = events.users_who("Play") & events.users_who("Purchase")
    assert total["everyone"] == events.users_who("Play").count()
    assert total["in the US"] == us.total["value"].item()
    assert total["buyers"] == both.count()
    assert total["one user"] == 1
    for label, value in total.items():
        assert found.point("Play", by=label).count() == value
    with pytest.raises(errors.BadInput, match="another source"):
        events.segmentation("Play", segments={"x": january().everyone()})


# ── what else a funnel tells ──────────────────────────────────────────────────
def searches(**options):
    events = log_of("fun.totals").between("2024-01-01", "2024-01-03")
    return events.funnel("S", "C", within="7d", **options)


@answers("fun.totals.expected")
def test_uniques_and_totals(expected):
    row = next(row for row in expected if row["user"] == "all")
    for count in ("uniques", "totals"):
        found = searches(count=count).table["users"].to_list()
        assert found == [int(row[f"{count} step{step}"]) for step in (1, 2)]


@answers("fun.overtime.expected")
def test_conversion_over_time(expected):
    found = searches().over_time()
    got = found.table.select("time", "entered", "converted", "share", "median_time")
    for row, line in zip(expected, got.iter_rows(named=True), strict=True):
        assert row["entry day"] == f"{line['time']:%Y-%m-%d}"
        values = {
            "entered": line["entered"],
            "converted": line["converted"],
            "conversion_pct": line["share"] * 100,
            "median_time_to_convert_s": line["median_time"].total_seconds(),
        }
        assert_series(values, row, list(values))
        assert found.point(at=row["entry day"]).count() == line["converted"]
    keys = found.chart().data[0].customdata
    assert found.open(points.parse_key(keys[0])).count() == got["converted"][0]


@answers("fun.ttc.expected")
def test_time_to_convert(expected):
    found = searches().time_to_convert()
    seconds = dict(found.times.rows())
    assert {user: time.total_seconds() for user, time in seconds.items()} == {
        row["user"]: float(row["seconds"]) for row in expected
    }
    assert found.median == timedelta(seconds=240)


@answers("fun.ttc.hist")
def test_time_to_convert_in_bins(expected):
    found = searches().time_to_convert(bins=(0, "10m", "2m"))
    for row, line in zip(expected, found.table.iter_rows(named=True), strict=True):
        assert line["users"] == int(row["users"])
        low, high = (f"{line[one].seconds}s" for one in ("low", "high"))
        assert found.users("0" if low == "0s" else low, high).count() == line["users"]


@answers("fun.frequency.expected")
def test_frequency(expected):
    column = "step-1 occurrences before step 2"
    assert sorted(searches().frequency().units.rows()) == sorted(
        (row["user"], int(row[column])) for row in expected
    )


@answers("fun.drivers.expected")
def test_drivers(expected):
    found = log_of("fun.drivers").funnel("Search", "Buy").drivers()
    lines = {row["event"]: row for row in found.iter_rows(named=True)}
    assert set(lines) == {row["event"] for row in expected}
    for row in expected:
        assert lines[row["event"]]["correlation"] == pytest.approx(
            float(row["phi"]), abs=1e-4
        )


def test_drivers_read_a_property_that_the_funnel_did_not():
    events = rk.events(
        pl.DataFrame(
            {
                "user": ["ana", "ana", "ana", "ben"],
                "time": [datetime(2026, 3, 1, hour) for hour in (9, 10, 11, 9)],
                "event": ["Search", "Play", "Buy", "Search"],
                "kind": [None, "film", None, None],
            }
        )
    )
    found = events.funnel("Search", "Buy")
    assert found.drivers(by="kind")["kind"].to_list() == ["film"]
    with pytest.raises(errors.UnknownProperty, match="kind"):
        found.drivers(by="kin")
    assert found.takeaways()["conversion"] == 0.5


def test_groups_are_compared_with_a_baseline():
    rows = [
        {
            "user": f"{device}{number}",
            "time": datetime(2026, 3, 1, hour),
            "event": name,
            "device": device,
        }
        for device, paid in (("phone", 20), ("desktop", 60))
        for number in range(100)
        for hour, name in ((9, "Cart"), (10, "Pay"))
        if name == "Cart" or number < paid
    ]
    events = rk.events(pl.DataFrame(rows))
    found = events.funnel("Cart", "Pay", by="device").significance(baseline="desktop")
    phone = found.filter(variant="phone").row(0, named=True)
    assert phone["difference"] == pytest.approx(-0.4)
    assert phone["significant"]
    alone = {
        device: events.filter(device=device).funnel("Cart", "Pay")
        for device in ("phone", "desktop")
    }
    again = alone["phone"].significance(against=alone["desktop"])
    assert again["p_value"][1] == phone["p_value"]
    assert alone["phone"].differences(alone["desktop"])["points"][1] == (
        pytest.approx(-40)
    )
    with pytest.raises(errors.BadInput, match="by="):
        alone["phone"].significance()


# ── users who return ──────────────────────────────────────────────────────────
@answers("ret.usage.expected")
def test_usage(expected):
    found = log_of("ret.events").usage("R")
    got = {row["user"]: row["median"] for row in found.gaps.iter_rows(named=True)}
    for row in expected:
        median = row["median_gap_days"]
        assert got.get(row["user"]) == (None if median is None else float(median))
    for units, users, _ in found.table.rows():
        assert found.users(units).count() == users


@answers("ret.ltv.expected")
def test_lifetime_value(expected):
    events = log_of("ret.events", now="2024-04-07T00:00:00Z")
    found = events.between("2024-04-01", "2024-04-03").lifetime_value(
        of="revenue", start="S", back="R", depth=4
    )
    columns = {"users": "users", "revenue": "revenue", "ltv_all": "value"}
    for row, line in zip(expected, found.table.iter_rows(named=True), strict=True):
        got = {name: line[column] for name, column in columns.items()}
        assert_series(got, row, list(columns))
