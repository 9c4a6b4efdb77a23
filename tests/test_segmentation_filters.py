"""Property filters: the blocks of `model.md` 4."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.filters import OPERATORS, where, where_all
from replaykit.analyses.segmentation import segmentation
from replaykit.errors import BadInput, UnknownOption
from replaykit.query import event
from tests.spec.blocks import answers

CELLS = {"<empty>": "", "(none)": None, "[]": []}


def split(text):
    """Read `is not US|ten` as an operator and its values."""
    operator = max((word for word in OPERATORS if text.startswith(f"{word} ")), key=len)
    return operator, text[len(operator) + 1 :].split("|")


def condition(text, name):
    clauses = [
        (name, operator, *values)
        for operator, values in map(split, text.split(" AND "))
    ]
    if len(clauses) == 1:
        (_, operator, *values) = clauses[0]
        return where(name, operator, *values)
    return where_all(*clauses)


@answers("model.filters.scalar")
def test_scalars(expected):
    columns = [column for column in expected[0] if column != "operator"]
    frame = pl.DataFrame({"p": [CELLS.get(column, column) for column in columns]})
    for row in expected:
        got = frame.select(condition(row["operator"], "p")).to_series().to_list()
        assert [str(int(met)) for met in got] == [row[column] for column in columns], (
            row
        )


GLOBS = {
    "/org/*/chart/*": ["/org/7/chart/9", "/org/7/x/chart/9"],
    "/org/**/chart/*": ["/org/7/x/chart/9"],
    "blog*": ["www.example.com/blogs/3"],
    "**blog**": ["www.example.com/blogs/3"],
    "*[0-9]": ["step4", "steps"],
    "[!a-z]*": ["Alpha", "alpha"],
    "c???t*": ["charts"],
}


@answers("model.glob")
def test_globs(expected):
    asked = [(glob, value) for glob, values in GLOBS.items() for value in values]
    assert [(row["pattern"], row["value"]) for row in expected] == asked
    for row in expected:
        frame = pl.DataFrame({"p": [row["value"]]})
        got = frame.select(where("p", "glob match", row["pattern"])).item()
        assert str(int(got)) == row["match"], row
        assert (
            frame.select(where("p", "glob does not match", row["pattern"])).item()
            != got
        )


@answers("model.filters.array")
def test_arrays(expected):
    columns = [column for column in expected[0] if column != "operator"]
    lists = [None if c == "(none)" else c.strip("[]").split() for c in columns]
    frame = pl.DataFrame({"p": lists}, schema={"p": pl.List(pl.String)})
    for row in expected:
        got = frame.select(condition(row["operator"], "p")).to_series().to_list()
        assert [str(int(met)) for met in got] == [row[column] for column in columns], (
            row
        )


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
