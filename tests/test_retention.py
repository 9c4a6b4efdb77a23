"""Retention: at which moment a cell opens, and what is refused."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.retention import retention
from replaykit.points import RetentionKey
from replaykit.timeline import between
from tests.answerblocks import events_of, moment

SPAN = between("2024-04-01", "2024-04-03")
NOW = moment("2024-04-07T00:00:00Z")


def asked(**options):
    frame, _ = events_of("ret.events")
    return retention(frame, "S", "R", span=SPAN, now=NOW, **options)


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
