"""Formulas: errors that point at the spot, the users of terms, groups."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.formulas import formulas
from replaykit.analyses.windows import as_window
from replaykit.errors import BadInput
from replaykit.points import SegmentationKey
from replaykit.timeline import between
from tests.answerblocks import events_of, moment

SPAN = between("2024-01-08", "2024-01-10")


def shop():
    return events_of("seg.events")[0]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("UNIQUES(A", 9),
        ("UNIQUE(A)", 0),
        ("UNIQUES(A) / ", 13),
        ("UNIQUES(A) UNIQUES(B)", 11),
        ("ROLLWIN(UNIQUES, A)", 18),
        ("PERCENTILE(A, x)", 14),
    ],
)
def test_errors_point_at_the_spot(text, at):
    with pytest.raises(BadInput) as caught:
        formulas(shop(), text, ["Play", "Purchase"])
    line, caret = str(caught.value).splitlines()[-2:]
    assert line == f"  {text}"
    assert caret.index("^") - 2 == at


def test_points_of_a_formula_name_the_users_of_every_term():
    found = formulas(shop(), "UNIQUES(B)/UNIQUES(A)", ["Play", "Purchase"], span=SPAN)
    ms = int(moment("2024-01-09T00:00:00Z").timestamp() * 1000)
    key = SegmentationKey(0, (), ms)
    terms = found.terms(key)
    assert {name: part.height for name, part in terms.items()} == {
        "UNIQUES(B)": 2,
        "UNIQUES(A)": 3,
    }
    assert found.population(key).height == 3


def test_groups_and_segments():
    found = formulas(
        shop(),
        "TOTALS(A1)/TOTALS(A2); UNIQUES(A)",
        ["Play"],
        span=SPAN,
        by="country",
        segments={"all": [], "pop": pl.col("genre") == "Pop"},
    )
    assert found.table.columns == [
        "formula",
        "country",
        "segment",
        "time",
        "value",
        "incomplete",
    ]
    assert as_window("rolling 2").size == 2
