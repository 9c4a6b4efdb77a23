"""Usage interval and lifetime value: their blocks of `retention.md`."""

from __future__ import annotations

from replaykit.analyses.lifetime_value import lifetime_value
from replaykit.analyses.usage import usage
from replaykit.timeline import between
from tests.answerblocks import events_of, moment, same
from tests.spec.blocks import answers

NOW = moment("2024-04-07T00:00:00Z")


@answers("ret.usage.expected")
def test_median_gaps(expected):
    frame, users = events_of("ret.events")
    found = usage(frame, "R")
    got = {users[row["user"]]: row for row in found.users.to_dicts()}
    assert [row["user"] for row in expected] == users
    for row in expected:
        mine = got.get(row["user"])
        if row["median_gap_days"] is None:
            assert mine is None
            assert (row["distinct days"], row["gaps"]) == ("1", "-")
            continue
        assert str(mine["units"]) == row["distinct days"]
        assert "|".join(str(gap) for gap in mine["gaps"]) == row["gaps"]
        assert same(mine["median"], row["median_gap_days"])
    assert found.table.rows() == [(1, 0, 0.0), (2, 3, 75.0), (3, 4, 100.0)]
    assert found.population(2).height == 3


def test_who_comes_back_within_two_days():
    frame, _ = events_of("ret.events")
    soon = usage(frame, "R").over_time(2)
    days = soon.filter(time=moment("2024-04-02T00:00:00Z"))
    assert days.select("users", "returned").rows() == [(2, 1)]


@answers("ret.ltv.expected")
def test_lifetime_value(expected):
    frame, _ = events_of("ret.events")
    found = lifetime_value(
        frame,
        "S",
        "R",
        of="revenue",
        span=between("2024-04-01", "2024-04-03"),
        now=NOW,
        depth=4,
    )
    rows = found.table.to_dicts()
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        assert (str(row["intervals"]), row["cohort"]) == (wanted["N"], wanted["cohort"])
        for name, column in {
            "users": "users",
            "paying": "paying",
            "revenue": "revenue",
            "value": "ltv_all",
            "value_paying": "ltv_paying",
        }.items():
            assert same(row[name], wanted[column]), (wanted, name, row)
        mature = "-" if row["cohort"] == "all" else "yes" if row["mature"] else "no"
        assert mature == wanted["mature"]
