"""The answer blocks of `retention.md`, through public names."""

from __future__ import annotations

import polars as pl

import replaykit as rk
from tests.spec.asked import agree, log_of, moment
from tests.spec.blocks import answers, block


def april():
    events = log_of("ret.events", now="2024-04-07T00:00:00Z")
    return events.between("2024-04-01", "2024-04-03")


def check(expected, **options):
    """Compare cells written as returned/users, incomplete ones with a star."""
    found = april().retention(start="S", back="R", **options)
    lines = []
    header = list(expected[0])
    for cohort, users in found.cohorts.select("cohort", "users").rows():
        cells = found.table.filter(cohort=cohort).sort("offset")
        written = [
            f"{row['returned']}/{row['users']}{'*' if row['incomplete'] else ''}"
            for row in cells.iter_rows(named=True)
        ]
        lines.append(dict(zip(header, [cohort, str(users), *written], strict=True)))
    assert lines == expected
    for row in found.table.iter_rows(named=True):
        at = {"cohort": row["cohort"], "index": row["offset"]}
        assert found.point(**at).count() == row["returned"], row
        lost = found.point(**at, outcome="lost").count()
        assert lost == row["users"] - row["returned"], row


@answers("ret.return_on.24h")
def test_return_on_in_windows(expected):
    check(expected)


@answers("ret.return_on.calendar")
def test_return_on_by_calendar(expected):
    check(expected, counting="calendar")


@answers("ret.return_on_or_after.24h")
def test_return_on_or_after_in_windows(expected):
    check(expected, measure="on or after")


@answers("ret.return_on_or_after.calendar")
def test_return_on_or_after_by_calendar(expected):
    check(expected, measure="on or after", counting="calendar")


@answers("ret.custom.calendar")
def test_brackets(expected):
    brackets = [(0, 1), (1, 3), (3, 6)]
    names = [f"day {low}-{high - 1}" for low, high in brackets]
    assert list(expected[0]) == ["cohort", "users", *names]
    check(expected, measure="custom", counting="calendar", brackets=brackets)


@answers("ret.index.expected")
def test_index_of_a_return(expected):
    columns = {
        "day (24h)": ("1d", "24 hours"),
        "day (calendar)": ("1d", "calendar"),
        "week (7-day)": ("1w", "24 hours"),
        "week (calendar Mon)": ("1w", "calendar"),
        "month (30-day)": ("1mo", "24 hours"),
        "month (calendar)": ("1mo", "calendar"),
    }
    assert set(expected[0]) == {"user", *columns}
    for row, wanted in zip(block("ret.index"), expected, strict=True):
        assert row["user"] == wanted["user"]
        table = pl.DataFrame(
            {
                "user": [row["user"]] * 2,
                "time": [row["start"], row["return"]],
                "event": ["S", "R"],
            }
        )
        events = rk.events(table, now=moment("2022-03-01T00:00:00Z"))
        for column, (every, counting) in columns.items():
            found = events.retention(
                start="S", back="R", every=every, counting=counting
            ).table
            hit = found.filter(pl.col("cohort") != "all", pl.col("returned") == 1)
            got = [str(k) for k in hit["offset"]]
            assert got == [wanted[column]], (row, column)


@answers("ret.usage.expected")
def test_usage(expected):
    usage = log_of("ret.events").usage("R")
    found = {row["user"]: row for row in usage.gaps.iter_rows(named=True)}
    assert [row["user"] for row in expected] == list("abcde")
    for row in expected:
        mine = found.get(row["user"])
        if mine is None:
            alone = {"distinct days": "1", "gaps": "-", "median_gap_days": None}
            assert row == {"user": row["user"], **alone}
            continue
        assert str(mine["units"]) == row["distinct days"]
        assert "|".join(str(gap) for gap in mine["gaps"]) == row["gaps"]
        agree({"median_gap_days": mine["median"]}, row, ["median_gap_days"])
    for units, users, _ in usage.table.rows():
        assert usage.point(units).count() == users


@answers("ret.ltv.expected")
def test_lifetime_value(expected):
    found = april().lifetime_value(of="revenue", start="S", back="R", depth=4)
    for row, line in zip(expected, found.table.iter_rows(named=True), strict=True):
        assert (row["N"], row["cohort"]) == (str(line["intervals"]), line["cohort"])
        values = {
            "users": line["users"],
            "paying": line["paying"],
            "revenue": line["revenue"],
            "ltv_all": line["value"],
            "ltv_paying": line["value_paying"],
        }
        agree(values, row, list(values))
        mature = "yes" if line["mature"] else "no"
        assert row["mature"] == ("-" if line["cohort"] == "all" else mature)
        at = {"cohort": line["cohort"], "intervals": line["intervals"]}
        assert found.point(**at).count() == line["users"]
        assert found.point(**at, paying=True).count() == line["paying"]
