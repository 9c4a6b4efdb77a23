"""The answer blocks of `retention.md`, one test each, through the public functions."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.retention import retention
from replaykit.points import RetentionKey
from replaykit.timeline import between
from tests.answerblocks import events_of, moment
from tests.spec.blocks import answers, block

SPAN = between("2024-04-01", "2024-04-03")
NOW = moment("2024-04-07T00:00:00Z")


def asked(**options):
    frame, _ = events_of("ret.events")
    return retention(frame, "S", "R", span=SPAN, now=NOW, **options)


def as_block(found, header):
    """Write a table the way the blocks do: returned/users, incomplete with a star."""
    lines = []
    for cohort, users in found.cohorts.select("cohort", "users").iter_rows():
        cells = found.table.filter(cohort=cohort).sort("offset")
        lines.append(
            {
                "cohort": cohort,
                "users": str(users),
                **{
                    name: f"{row['returned']}/{row['users']}{'*' if row['incomplete'] else ''}"
                    for name, row in zip(header[2:], cells.to_dicts(), strict=True)
                },
            }
        )
    return lines


def check(expected, **options):
    found = asked(**options)
    assert as_block(found, list(expected[0])) == expected
    for row in found.table.to_dicts():
        for outcome, number in (
            ("retained", row["returned"]),
            ("lost", row["users"] - row["returned"]),
        ):
            key = RetentionKey(row["cohort"], row["offset"], outcome)
            people = found.population(key)
            assert people.height == number == people["user"].n_unique(), key


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
    header = [f"day {low}-{high - 1}" for low, high in [(0, 1), (1, 3), (3, 6)]]
    assert list(expected[0])[2:] == header
    check(
        expected,
        measure="custom",
        counting="calendar",
        brackets=[(0, 1), (1, 3), (3, 6)],
    )


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
        frame = pl.DataFrame(
            {
                "user": pl.Series([0, 0], dtype=pl.Int32),
                "event": ["S", "R"],
                "time": pl.Series(
                    [moment(row["start"]), moment(row["return"])],
                    dtype=pl.Datetime("us", "UTC"),
                ),
            }
        )
        for column, (every, counting) in columns.items():
            found = retention(
                frame,
                "S",
                "R",
                every=every,
                counting=counting,
                now=moment("2022-03-01T00:00:00Z"),
            )
            hit = found.table.filter(pl.col("cohort") != "all", pl.col("returned") == 1)
            assert [str(k) for k in hit["offset"]] == [wanted[column]], (row, column)


def test_the_lost_are_opened_at_their_last_session():
    frame, _ = events_of("ret.events")
    found = retention(frame, "S", "R", span=SPAN, now=NOW)
    lost = found.population(RetentionKey("2024-04-01", 1, "lost"))
    assert lost["at"].to_list() == [moment("2024-04-01T08:00:00Z")]
    assert lost["rows"].to_list() == [[3]]


def test_a_retained_user_opens_at_the_first_counted_return():
    found = asked()
    kept = found.population(RetentionKey("2024-04-01", 3))
    assert kept["at"].to_list() == [moment("2024-04-04T18:00:00Z")]
    assert kept["end"].to_list() == [moment("2024-04-05T17:00:00Z")]


def test_unknown_words_list_what_there_is():
    from replaykit.errors import UnknownEvent, UnknownOption

    with pytest.raises(UnknownOption, match="'on', 'on or after'"):
        asked(measure="onn")
    with pytest.raises(UnknownEvent, match="Did you mean"):
        retention(
            events_of("ret.events")[0].with_columns(event=pl.col("event") + "tart"),
            "Stat",
            "Rtart",
            span=SPAN,
        )
