"""The answer blocks of `segmentation.md` and `formulas.md`, through public names."""

from __future__ import annotations

import polars as pl
import pytest

import replaykit as rk
from tests.spec.asked import agree, by_day, days_of, log_of, moment, with_range
from tests.spec.blocks import answers


def shop():
    return log_of("seg.events").between("2024-01-08", "2024-01-10")


@answers("seg.play")
def test_six_measures(expected):
    asked = {
        "uniques": shop().segmentation("Play"),
        "totals": shop().segmentation("Play", measure="totals"),
        "average": shop().segmentation("Play", measure="average"),
        "active_users": shop().filter(active=True).segmentation("*"),
        "active_pct": shop().segmentation("Play", measure="active"),
        "active_pct of Push Received": shop().segmentation(
            "Push Received", measure="active"
        ),
    }
    assert [row["measure"] for row in expected] == list(asked)
    for row in expected:
        agree(with_range(asked[row["measure"]]), row, [*days_of(row), "range"])


@answers("seg.play.frequency")
def test_frequency(expected):
    found = shop().segmentation("Play", measure="frequency")
    for row in expected:
        keep = pl.col("bucket") == row["bucket"]
        assert not found.total.filter(keep).is_empty()
        agree(with_range(found, keep), row, [*days_of(row), "range"])


@answers("seg.play.newyork")
def test_in_the_projects_zone(expected):
    events = log_of("seg.events", tz="America/New_York")
    events = events.between("2024-01-07", "2024-01-10")
    for row in expected:
        found = events.segmentation("Play", measure=row["measure"])
        agree(by_day(found.table), row, days_of(row))


@answers("seg.play.groupby")
def test_group_by(expected):
    for row in expected:
        name, *rest = row["series"].split(" ", 2)
        if rest[0].startswith("genre="):
            keep = pl.col("genre") == rest[0].removeprefix("genre=")
            found = shop().segmentation("Play", by="genre")
        else:
            keep = pl.col("country") == rest[0]
            measure = {"active_pct": "active", "uniques": "uniques"}[name]
            levels = {"(event group-by)": "by", "(segment group-by)": "segment_by"}
            level = levels[rest[1]] if rest[1:] else "by"
            found = shop().segmentation("Play", measure=measure, **{level: "country"})
        assert not found.total.filter(keep).is_empty()
        agree(with_range(found, keep), row, [*days_of(row), "range"])


@answers("seg.play.us")
def test_segment_filter(expected):
    for row in expected:
        words, _, condition = row["measure"].partition(" where ")
        assert condition == "country is US"
        measure = {"uniques": "uniques", "active_pct": "active"}[words]
        found = shop().filter(country="US").segmentation("Play", measure=measure)
        agree(with_range(found), row, [*days_of(row), "range"])


@answers("seg.purchase.price")
def test_property_measures(expected):
    price = {"measure": "property", "of": "price"}
    for row in expected:
        what, keep = row["measure"], None
        if what == "totals":
            found = shop().segmentation("Purchase", measure="totals")
        elif what.startswith("dist "):
            bins = {"aggregate": "distribution", "bins": (0, 40, 10)}
            found = shop().segmentation("Purchase", **price, **bins)
            keep = pl.col("bucket") == what.removeprefix("dist ").replace(" ", ", ")
            assert not found.total.filter(keep).is_empty()
        else:
            found = shop().segmentation("Purchase", **price, aggregate=what)
        agree(with_range(found, keep), row, [*days_of(row), "range"])


@answers("seg.play.distinct_genre")
def test_distinct_values(expected):
    words = {
        "distinct genre per user": "distinct per user",
        "PROPCOUNT genre": "distinct",
    }
    for row in expected:
        what = words[row["measure"]]
        found = shop().segmentation(
            "Play", measure="property", of="genre", aggregate=what
        )
        agree(with_range(found), row, [*days_of(row), "range"])


@answers("seg.cart.expected")
def test_items_and_events(expected):
    events = log_of("seg.cart", lists=("item_category",))
    columns = {
        "totals ALL_VALUES": {"measure": "totals"},
        "totals UNIQUE_ARRAY_VALUES": {"measure": "totals", "items": "unique"},
        "uniques": {},
    }
    for column, options in columns.items():
        found = events.segmentation("Checkout", by="item_category", **options).total
        got = dict(found.select("item_category", "value").iter_rows())
        assert len(got) == len(expected)
        for row in expected:
            assert str(got[row["item_category"]]) == row[column], (row, column)


@answers("seg.play.windows")
def test_windows(expected):
    for row in expected:
        *over, measure = row["series"].split(" ")
        words = " ".join(over).replace("rolling window", "rolling")
        found = shop().segmentation("Play", measure=measure, over=words or None)
        agree(by_day(found.table), row, days_of(row))


@answers("seg.excluded")
def test_a_weekday_left_out_shrinks_the_divisor(expected):
    daily = {8: 3, 9: 6, 10: 9, 11: 12, 12: 15}
    days = [f"2024-01-{day:02}T12:00:00Z" for day, n in daily.items() for _ in range(n)]
    table = pl.DataFrame(
        {"user": ["ana"] * len(days), "time": days, "event": ["Play"] * len(days)}
    )
    events = rk.events(table, now=moment("2024-01-13T00:00:00Z"))
    events = events.since("2024-01-08", without="wednesday")
    columns = {
        "totals": None,
        "rolling window 3 totals": "rolling 3",
        "rolling average 3 totals": "rolling average 3",
    }
    for column, over in columns.items():
        found = events.segmentation("Play", measure="totals", over=over)
        got = by_day(found.table)
        assert "2024-01-10" not in got
        for row in expected:
            agree({column: got[row["day"]]}, row, [column])


@answers("seg.play.newusers")
def test_before_and_after_the_cohort(expected):
    texts = {
        "uniques (new users)": "UNIQUES(A)",
        "ROLLWIN(UNIQUES A 2) after filter": "ROLLWIN(UNIQUES, A, 2)",
        "ROLLWINBEFORE(UNIQUES A 2) before filter": "ROLLWINBEFORE(UNIQUES, A, 2)",
    }
    for row in expected:
        text = texts[row["series"]]
        found = shop().formula(text, "Play", segments={"new": "new"})
        agree(by_day(found.table), row, days_of(row))


@answers("seg.play.compare")
def test_compared_with_the_day_before(expected):
    found = shop().segmentation("Play", measure="totals", compare="1d").table
    columns = {"current": "value", "previous day": "past", "change_pct": "change"}
    days = {name: by_day(found, column) for name, column in columns.items()}
    assert [row["day"] for row in expected] == list(days["current"])
    for row in expected:
        agree({name: days[name][row["day"]] for name in columns}, row, list(columns))


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


def formula(text):
    return shop().formula(spelled(text), "Play", "Purchase", of={"B": "price"})


@answers("seg.formulas")
def test_formulas(expected):
    for row in expected:
        agree(by_day(formula(row["formula"]).table), row, days_of(row))


@answers("seg.formulas.range")
def test_formulas_over_the_range(expected):
    for row in expected:
        text, _, bucket = row["formula"].rpartition(") ")
        if not text:
            total = formula(row["formula"]).total
            agree({"range": total["value"].item()}, row, ["range"])
            continue
        total = formula(f"{text})").total
        counts = dict(total.select("bucket", "value").iter_rows())
        # HIST lists whole numbers: one that nobody reached is 0, beyond the last one.
        assert bucket.isdigit()
        assert int(bucket) <= 10
        agree({"range": counts.get(bucket, 0)}, row, ["range"])


@answers("seg.historical.expected")
def test_historical_count(expected):
    events = log_of("seg.historical").between("2024-02-01", "2024-02-07")
    runs = rk.event("*", event="run")
    queries = {
        "Any Event; event=run; Historical Count=1": runs.nth(1),
        "Any Event; event=run; Event Historical Count=1": runs.nth(
            1, numbering="before filters"
        ),
        "run; country=DE; Historical Count=2": rk.event("run", country="DE").nth(2),
        "custom(run or walk); Historical Count=2": rk.event("run", "walk").nth(2),
    }
    found = []
    for name, step in queries.items():
        point = events.segmentation(step.named("counted")).point()
        for row in point.users.table.iter_rows(named=True):
            found.append((name, row["user"], row["at"]))
    wanted = [(row["query"], row["user"], moment(row["time"])) for row in expected]
    assert sorted(found) == sorted(wanted)


@answers("ses.formula")
def test_session_formulas(expected):
    events = log_of("ses.events").between("2024-06-01", "2024-06-02")
    every = events.sessions()
    clicked = events.sessions(containing="Click", times=">= 1")
    for row in expected:
        text, _, rest = row["formula"].partition("; ")
        if rest:
            assert rest == "B = contains Click >= 1"
        if text == "PROPCOUNT(session_id) over active events":
            active = rk.event("*", active=True)
            found = events.formula("PROPCOUNT(A)", active, of={"A": "session_id"})
        else:
            found = events.session_formula(text, every, clicked)
        assert found.total["value"].item() == pytest.approx(float(row["value"])), row
