"""Cohorts: definitions, their population over time, and side by side."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.cohort_charts import (
    cohort_over_time,
    compare_cohorts,
    read_ids,
)
from replaykit.analyses.cohorts import listed, members, performed
from replaykit.analyses.inline_cohorts import inline_cohort
from replaykit.analyses.segmentation import segmentation
from replaykit.errors import BadInput, UnknownEvent, UnknownOption
from replaykit.timeline import between
from tests.answerblocks import events_of, moment

SPAN = between("2024-06-01", "2024-06-07")
PRO, FREE = pl.col("plan") == "pro", pl.col("plan") == "free"


def people():
    return events_of("coh.events")


def test_rolling_days_equal_rolling_intervals_of_a_day():
    frame, _ = people()
    span = between("2024-06-01", "2024-06-06")
    found = [
        inline_cohort(
            frame, "Play", span=span, scope=scope, rolling=3, offset=1
        ).users.sort("user", "time")
        for scope in ("during", "in each")
    ]
    assert found[0].equals(found[1])


def test_the_people_of_a_day_are_its_number():
    frame, _ = people()
    found = cohort_over_time(
        frame,
        performed("Play", during="3d"),
        now=moment("2024-06-07T00:00:00Z"),
        days=6,
    )
    for day, size in found.table.rows():
        assert found.population(day).height == size


def test_what_two_cohorts_are_made_of():
    frame, _ = people()
    first = members(frame, performed("Play", ">= 3"), span=SPAN)
    second = members(frame, performed("Buy"), span=SPAN)
    found = compare_cohorts(frame, first, second)
    assert found.composition("country").rows() == [
        ("CA", 1, 1),
        ("UK", 1, 0),
        ("US", 0, 1),
    ]
    both = segmentation(frame, "Play", span=SPAN, segments=found.segments())
    assert dict(both.total.select("segment", "value").iter_rows()) == {
        "first": 2,
        "second": 2,
    }


def test_never_is_said_with_a_tilde():
    for times in ("= 0", "< 1", "<= 0", ">= 0"):
        with pytest.raises(BadInput, match="~performed"):
            performed("Play", times)


def test_mistakes_are_named():
    frame, _ = people()
    with pytest.raises(UnknownEvent, match="Play"):
        members(frame, performed("Pla"))
    with pytest.raises(UnknownOption, match="signs"):
        performed("Play", "three")
    with pytest.raises(UnknownOption, match="'7d'"):
        members(frame, performed("Play", during="7 days"))


def test_a_list_of_users_is_a_cohort():
    frame, _ = people()
    one = listed(pl.DataFrame({"user": [1, 4]}))
    assert members(frame, one & performed("Buy"))["user"].to_list() == [1]


def test_ids_are_read_line_by_line():
    directory = pl.DataFrame({"user": [0, 1], "user_id": ["ana", "ben"]})
    users, unknown = read_ids(["ben\n", "zoe\n"], directory)
    assert (users["user"].to_list(), unknown) == ([1], ["zoe"])
    with pytest.raises(BadInput, match="blank"):
        read_ids(["ben", ""], directory)
    with pytest.raises(BadInput, match="canonical"):
        read_ids(["7"], directory, canonical_ids=True)
