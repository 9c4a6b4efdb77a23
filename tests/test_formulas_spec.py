"""The answer blocks of `formulas.md`, one test each."""

from __future__ import annotations

import polars as pl
import pytest

from replaykit.analyses.comparison import compare
from replaykit.analyses.formulas import formulas
from replaykit.analyses.segmentation import segmentation
from replaykit.analyses.segments import Segment
from replaykit.analyses.windows import as_window
from replaykit.errors import BadInput
from replaykit.points import SegmentationKey
from replaykit.query import event
from replaykit.timeline import Span, between
from tests.answerblocks import assert_series, events_of, moment
from tests.spec.blocks import answers

SPAN = between("2024-01-08", "2024-01-10")
OF = {"B": "price"}


def shop():
    return events_of("seg.events")[0]


def by_day(table):
    return dict(zip(table["time"].dt.strftime("%Y-%m-%d"), table["value"], strict=True))


def days_of(row):
    return [column for column in row if column[:2] == "20"]


@answers("seg.play.windows")
def test_windows(expected):
    for row in expected:
        *over, measure = row["series"].split(" ")
        words = " ".join(over).replace("rolling window", "rolling")
        found = segmentation(
            shop(), "Play", measure=measure, span=SPAN, over=words or None
        )
        assert_series(by_day(found.table), row, days_of(row))


@answers("seg.excluded")
def test_a_weekday_left_out_shrinks_the_divisor(expected):
    daily = {8: 3, 9: 6, 10: 9, 11: 12, 12: 15}
    times = [
        moment(f"2024-01-{day:02}T12:00:00Z")
        for day, rows in daily.items()
        for _ in range(rows)
    ]
    frame = pl.DataFrame(
        {"user": [0] * len(times), "event": ["Play"] * len(times), "time": times}
    )
    now = moment("2024-01-13T00:00:00Z")
    span = Span(moment("2024-01-08T00:00:00Z"), now, "UTC", now, ("wednesday",))
    columns = {
        "totals": None,
        "rolling window 3 totals": "rolling 3",
        "rolling average 3 totals": "rolling average 3",
    }
    for column, over in columns.items():
        found = segmentation(frame, "Play", measure="totals", span=span, over=over)
        got = by_day(found.table)
        assert "2024-01-10" not in got
        for row in expected:
            assert_series({column: got[row["day"]]}, row, [column])


@answers("seg.play.newusers")
def test_before_and_after_the_cohort(expected):
    new = Segment(kind="new")
    texts = {
        "uniques (new users)": "UNIQUES(A)",
        "ROLLWIN(UNIQUES A 2) after filter": "ROLLWIN(UNIQUES, A, 2)",
        "ROLLWINBEFORE(UNIQUES A 2) before filter": "ROLLWINBEFORE(UNIQUES, A, 2)",
    }
    for row in expected:
        found = formulas(
            shop(), texts[row["series"]], ["Play"], span=SPAN, segments=new
        )
        assert_series(by_day(found.table), row, days_of(row))


@answers("seg.play.compare")
def test_compare_to_the_day_before(expected):
    found = compare(segmentation(shop(), "Play", measure="totals", span=SPAN), "1d")
    got = {
        str(row["time"].date()): {
            "current": row["value"],
            "previous day": row["past"],
            "change_pct": row["change"],
        }
        for row in found.to_dicts()
    }
    assert list(got) == [row["day"] for row in expected]
    for row in expected:
        assert_series(got[row["day"]], row, ["current", "previous day", "change_pct"])


def spelled(text):
    """Blocks hold no commas: `f(A 0.9)` stands for `f(A, 0.9)`."""
    inside, out = 0, []
    for at, character in enumerate(text):
        inside += (character == "(") - (character == ")")
        parts = (
            character == " "
            and inside
            and text[at - 1] not in "+-*/"
            and text[at + 1] not in "+-*/"
        )
        out.append(", " if parts else character)
    return "".join(out)


@answers("seg.formulas")
def test_formulas(expected):
    for row in expected:
        found = formulas(
            shop(), spelled(row["formula"]), ["Play", "Purchase"], of=OF, span=SPAN
        )
        assert_series(by_day(found.table), row, days_of(row))


@answers("seg.formulas.range")
def test_formulas_over_the_range(expected):
    for row in expected:
        text, _, bucket = row["formula"].rpartition(") ")
        text = f"{text})" if text else row["formula"]
        found = formulas(
            shop(), spelled(text), ["Play", "Purchase"], of=OF, span=SPAN
        ).total
        if text != row["formula"]:
            counts = dict(found.select("bucket", "value").iter_rows())
            assert counts.get(bucket, 0) == float(row["range"]), row
        else:
            assert_series({"range": found["value"].item()}, row, ["range"])


@answers("seg.historical.expected")
def test_historical_count(expected):
    frame, users = events_of("seg.historical")
    run, anything = pl.col("event") == "run", event("*")
    queries = {
        "Any Event; event=run; Historical Count=1": event("*", run).nth(1),
        "Any Event; event=run; Event Historical Count=1": event("*", run).nth(
            1, numbering="before filters"
        ),
        "run; country=DE; Historical Count=2": event("run", country="DE").nth(2),
        "custom(run or walk); Historical Count=2": event("run", "walk").nth(2),
    }
    assert anything.names == ()
    found = []
    for name, step in queries.items():
        answer = segmentation(
            frame, step, measure="totals", span=between("2024-02-01", "2024-02-07")
        )
        people = answer.population(SegmentationKey(0, (), -1))
        assert answer.total["value"].item() == people["rows"].list.len().sum()
        for row in people.sort("at").to_dicts():
            found.append({"query": name, "user": users[row["user"]], "time": row["at"]})
    wanted = [{**row, "time": moment(row["time"])} for row in expected]
    order = lambda row: (row["query"], row["time"], row["user"])  # noqa: E731
    assert sorted(found, key=order) == sorted(wanted, key=order)


@answers("ses.formula")
def test_session_formulas(expected):
    from replaykit.analyses.sessions import sessions

    frame, _ = events_of("ses.events")
    span = between("2024-06-01", "2024-06-02")

    def total(**options):
        return sessions(frame, span=span, **options).total["value"].item()

    found = {
        "SESSIONTOTALS(A)": total(),
        "PROPSUM(A)": total(measure="length"),
        "UNIQUES(A)": sessions(frame, span=span).sessions["user"].n_unique(),
        "EVENTTOTALS(A)": total(measure="events", counting=event("*")),
        "PROPCOUNT(session_id) over active events": formulas(
            with_minus_one(frame),
            "PROPCOUNT(A)",
            [event("*", pl.col("active"))],
            of={"A": "sid"},
            span=span,
        )
        .total["value"]
        .item(),
        "%:SESSIONTOTALS(B)/SESSIONTOTALS(A); B = contains Click >= 1": formulas(
            frame, "%:SESSIONTOTALS(B)/SESSIONTOTALS(A)", ["*", "Click"], span=span
        )
        .total["value"]
        .item(),
    }
    assert found == {
        row["formula"]: pytest.approx(float(row["value"])) for row in expected
    }


def with_minus_one(frame):
    """The raw session id, where -1 is a value of its own."""
    return frame.with_columns(sid=pl.col("session_id").fill_null(-1))


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
