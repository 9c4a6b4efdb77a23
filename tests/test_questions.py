"""Answer blocks and stories through the public names: `rk.events(…).question(…)`."""

from __future__ import annotations

import polars as pl
import pytest

import replaykit as rk
from replaykit import errors
from tests.answerblocks import NUMBERS, moment
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
