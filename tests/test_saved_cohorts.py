"""Cohorts kept with a project: lists, definitions, their size over time, files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from replaykit.cohort_rules import read_expr, read_rule, write_expr, write_rule
from replaykit.query import conditions
from replaykit.saved_cohorts import Cohorts, evaluate
from tests.spec.blocks import answers, block


def moment(text):
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.fixture
def people():
    frame = pl.DataFrame(block("coh.events")).with_columns(
        active=pl.col("active") == "1", amount=pl.col("amount").cast(pl.Float64)
    )
    return rk.events(frame, active="active", now=moment("2024-06-06T12:00:00Z"))


@pytest.fixture
def kept(people, tmp_path):
    return Cohorts(tmp_path / "cohorts", people)


@answers("coh.population.expected")
def test_the_size_of_a_definition_day_by_day(expected, kept, people):
    kept.save("Lately", people.last("3d").users_who("Play"), kind="dynamic")
    sizes = kept.over_time("Lately", days=6)
    got = [
        {"day": f"{day:%Y-%m-%d}", "size": str(size)} for day, size in sizes.iter_rows()
    ]
    assert got == expected


@answers("coh.compare.expected")
def test_two_cohorts_compared(expected, kept, people):
    kept.save("A", people.users_who("Play", at_least=3))
    kept.save("B", people.users_who("Buy"), kind="dynamic")
    (row,) = expected
    compared = kept.compare("A", "B").row(0)
    assert [str(n) for n in compared[:3]] == [row["A only"], row["both"], row["B only"]]
    assert compared[3] == pytest.approx(float(row["jaccard"]), abs=1e-4)


def test_a_cohort_is_compared_with_the_active_by_default(kept, people):
    kept.save("A", people.users_who("Play"))
    active = people.last("30d").active_users().count()
    assert kept.compare("A")["only_second"][0] == active - len(kept["A"])


DEFINITIONS = {
    "counted": lambda e: e.users_who("Play", at_least=3),
    "summed": lambda e: e.users_who("Buy", counting="sum", of="amount", at_least=40),
    "compared": lambda e: e.users_who("Play", more_than="Buy"),
    "in turn": lambda e: e.users_who("Play", then="Buy"),
    "the third": lambda e: e.users_who(rk.event("Play").nth(3)),
    "within": lambda e: e.users_who("Play", within="2d"),
    "with a condition": lambda e: e.users_who(rk.event("Buy", pl.col("amount") > 24)),
    "had": lambda e: e.users_whose(plan="pro"),
    "had any of": lambda e: e.users_whose(country=["UK", "CA"], when="any"),
    "filtered": lambda e: e.filter(country="US").users_who("Play"),
    "in a range": lambda e: e.between("2024-06-04", "2024-06-05").active_users(),
    "new": lambda e: e.between("2024-06-02", "2024-06-04").new_users(),
    "joined": lambda e: (e.users_who("Play") & e.users_who("Buy")) | e.new_users(),
    "left out": lambda e: e.everyone() - e.users_who("Buy"),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_survives_the_file(name, kept, people):
    asked = DEFINITIONS[name](people)
    read = kept.save(name, asked, kind="dynamic")
    assert set(read) == set(asked)
    assert read.population.sort("user").equals(asked.population.sort("user"))
    text = json.dumps(write_rule(asked.rule))
    assert set(evaluate(read_rule(json.loads(text)), people)) == set(asked)


def test_a_list_stays_and_a_definition_moves(tmp_path):
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    rows = [("ana", 0), ("ben", 3)]
    frame = pl.DataFrame(
        {
            "user": [user for user, _ in rows],
            "time": [start + timedelta(days=day) for _, day in rows],
            "event": ["Search"] * 2,
        }
    )
    early = rk.events(frame.head(1), now=start + timedelta(hours=1))
    kept = Cohorts(tmp_path / "cohorts", early)
    lately = early.last("2d").users_who("Search")
    kept.save("list", lately)
    kept.save("rule", lately, kind="dynamic")
    later = Cohorts(
        tmp_path / "cohorts", rk.events(frame, now=start + timedelta(days=3, hours=1))
    )
    assert list(later["list"]) == ["ana"]
    assert list(later["rule"]) == ["ben"]


def test_cohorts_filter_users_not_rows(kept, people):
    players = kept.save("Players", people.users_who("Play", at_least=3))
    narrowed = people.filter(pl.col("country") != "CA", cohort=players)
    assert set(narrowed.collect()["user"]) == {"u1", "u3"}
    assert set(people.filter(not_cohort=players).collect()["user"]) == {
        "u2",
        "u4",
        "u5",
    }
    both = people.filter(cohort=players).filter(not_cohort=people.users_who("Buy"))
    assert set(both.collect()["user"]) == {"u3"}


def test_points_are_lists_only(kept, people):
    point = people.funnel("Play", "Buy", within="7d").dropped(after="Play")
    assert len(kept.save("Lost", point)) == point.count()
    with pytest.raises(errors.BadInput, match="cannot be counted anew"):
        kept.save("Lost again", point, kind="dynamic")
    with pytest.raises(errors.BadInput, match="cannot be counted anew"):
        kept.save("Of them", point.events.users_who("Play"), kind="dynamic")


def test_ids_are_imported_and_exported(kept, people, tmp_path):
    (tmp_path / "ids.csv").write_text("u3\nnobody\nu1\n")
    assert set(kept.read("Mine", tmp_path / "ids.csv")) == {"u1", "u3"}
    assert kept.write("Mine", tmp_path / "out.csv") == 2
    assert set((tmp_path / "out.csv").read_text().split()) == {"u1", "u3"}
    kept.write("Mine", tmp_path / "out.csv", "plan", "country")
    table = pl.read_csv(tmp_path / "out.csv").sort("user")
    assert table.rows() == [("u1", "pro", "CA"), ("u3", "free", "UK")]
    (tmp_path / "ids.csv").write_text("u2\n")
    assert set(kept.read("Mine", tmp_path / "ids.csv")) == {"u2"}


def test_names_may_hold_anything(kept, people):
    names = ["a/b", "..", "'\"<b>", "🦊 zoë", "x" * 300]
    for name in names:
        kept.save(name, people.users_who("Buy"))
    assert set(kept) == set(names)
    assert "<b>" not in kept._repr_html_()
    kept.delete("a/b")
    assert "a/b" not in kept


def test_what_goes_wrong_is_said(kept, people, tmp_path):
    kept.save("Buyers", people.users_who("Buy"))
    with pytest.raises(errors.UnknownCohort, match="Did you mean 'Buyers'"):
        kept["Buyer"]
    with pytest.raises(errors.BadInput, match="already"):
        kept.save("Buyers", people.users_who("Buy"))
    with pytest.raises(errors.BadInput, match="keeps Users"):
        kept.save("x", ["u1"])
    with pytest.raises(errors.UnknownOption, match="dynamic"):
        kept.save("x", people.everyone(), kind="moving")
    with pytest.raises(errors.BadInput, match="does not change"):
        kept.over_time("Buyers")
    with pytest.raises(errors.MissingFile):
        kept.read("x", tmp_path / "none.csv")
    next(kept.folder.glob("*.json")).write_text("{")
    with pytest.raises(errors.BadInput, match="not a saved cohort"):
        kept.names  # noqa: B018
    halves = people.users_who(rk.event("Buy", pl.col("amount").cast(pl.Int64) > 24))
    with pytest.raises(errors.BadInput, match="cannot be saved"):
        Cohorts(tmp_path / "other", people).save("x", halves, kind="dynamic")


@pytest.mark.parametrize(
    "condition",
    [
        pl.col("p") > 20,
        ~(pl.col("x") == "q"),
        (pl.col("a") != "x") & (pl.col("b") > 2) | pl.col("t").str.contains("ab"),
        *conditions(plan=["a", None], x=None, z="q", big=list("abcdefghijk")),
        pl.col("a").is_between(1, 3),
        pl.col("t") >= datetime(2026, 3, 1, tzinfo=UTC),
        pl.col("a") + pl.col("b") * 2 < 7.5,
    ],
)
def test_conditions_survive_the_file(condition):
    text = json.dumps(write_expr(condition))
    assert str(read_expr(json.loads(text))) == str(condition)


def test_a_dropped_column_is_named(kept, people):
    kept.save("Pro", people.users_whose(plan="pro"), kind="dynamic")
    poor = rk.events(pl.DataFrame(block("coh.events")).drop("plan"))
    with pytest.raises(errors.UnknownProperty, match="No property 'plan'"):
        Cohorts(kept.folder, poor)["Pro"]
