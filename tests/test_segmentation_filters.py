"""Property filters: what their words refuse and merge."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.filters import where
from replaykit.analyses.segmentation import segmentation
from replaykit.errors import BadInput, UnknownOption
from replaykit.query import event


def test_numbers_compare_as_numbers_and_as_text():
    frame = pl.DataFrame({"p": [7, 8, None], "q": [1.5, 7.0, None]})
    assert frame.select(where("p", "is", 7), where("q", "is", "7")).rows() == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert frame.select(where("q", "contains", ".5")).to_series().to_list() == [
        True,
        False,
        False,
    ]


def test_a_clause_filters_a_chart():
    frame = pl.DataFrame(
        {
            "user": [1, 2],
            "time": pl.Series(["2026-03-01", "2026-03-01"]).str.to_datetime(),
            "event": ["Buy", "Buy"],
            "tags": [["A"], ["B"]],
        }
    )
    found = segmentation(frame, event("Buy", where("tags", "is", "A")))
    assert found.table["value"].to_list() == [1]
    assert found.population(found_key(found)).height == 1


def found_key(found):
    from replaykit.points import SegmentationKey

    return SegmentationKey(0, (), int(found.table["time"][0].timestamp() * 1000))


def test_mistakes_are_named():
    frame = pl.DataFrame({"p": ["a"]})
    with pytest.raises(UnknownOption, match="'contains'"):
        where("p", "contain", "a")
    with pytest.raises(BadInput, match="at least one"):
        where("p", "is")
    with pytest.raises(BadInput, match="not a number"):
        frame.select(where("p", "<", "ten"))
