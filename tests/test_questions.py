"""Stories through the public names: `rk.events(…).question(…)`."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors, points
from tests.answerblocks import NUMBERS, moment
from tests.spec.blocks import block


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
