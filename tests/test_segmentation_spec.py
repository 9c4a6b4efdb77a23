"""The answer blocks of `segmentation.md`, one test each, through `segmentation`."""

from __future__ import annotations

import polars as pl

from replaykit.analyses.segmentation import segmentation
from replaykit.analyses.segments import Segment
from replaykit.timeline import between
from tests.answerblocks import assert_series, events_of
from tests.spec.blocks import answers

SPAN = between("2024-01-08", "2024-01-10")


def shop():
    return events_of("seg.events")[0]


def by_day(found, keep=None, *, day="%Y-%m-%d"):
    """Return {day: value, "range": value} of the one series that `keep` selects."""
    table = found.table if keep is None else found.table.filter(keep)
    total = found.total if keep is None else found.total.filter(keep)
    assert total.height <= 1
    days = dict(zip(table["time"].dt.strftime(day), table["value"], strict=True))
    return {**days, "range": total["value"].item() if total.height else 0}


def days_of(row):
    return [column for column in row if column[:2] == "20" or column == "range"]


@answers("seg.play")
def test_six_measures(expected):
    asked = {
        "uniques": ("Play", "uniques"),
        "totals": ("Play", "totals"),
        "average": ("Play", "average"),
        "active_pct": ("Play", "active"),
        "active_pct of Push Received": ("Push Received", "active"),
        "active_users": ("*", "uniques"),
    }
    assert {row["measure"] for row in expected} == set(asked)
    for row in expected:
        event, measure = asked[row["measure"]]
        where = pl.col("active") if row["measure"] == "active_users" else None
        found = segmentation(shop(), event, measure=measure, span=SPAN, segments=where)
        assert_series(by_day(found), row, days_of(row))


@answers("seg.play.frequency")
def test_frequency(expected):
    found = segmentation(shop(), "Play", measure="frequency", span=SPAN)
    for row in expected:
        assert_series(
            by_day(found, pl.col("bucket") == row["bucket"]), row, days_of(row)
        )


@answers("seg.play.newyork")
def test_in_the_projects_zone(expected):
    span = between("2024-01-07", "2024-01-10", "America/New_York")
    for row in expected:
        found = segmentation(shop(), "Play", measure=row["measure"], span=span)
        assert_series(by_day(found), row, days_of(row))


@answers("seg.play.groupby")
def test_group_by(expected):
    for row in expected:
        name, *rest = row["series"].split(" ", 2)
        if rest[0].startswith("genre="):
            keep = pl.col("genre") == rest[0].removeprefix("genre=")
            found = segmentation(shop(), "Play", span=SPAN, by="genre")
        else:
            keep = pl.col("country") == rest[0]
            measure = "active" if name == "active_pct" else name
            level = "segment_by" if rest[1:] == ["(segment group-by)"] else "by"
            found = segmentation(
                shop(), "Play", measure=measure, span=SPAN, **{level: "country"}
            )
        assert_series(by_day(found, keep), row, days_of(row))


@answers("seg.play.us")
def test_segment_filter(expected):
    for row in expected:
        words, _, condition = row["measure"].partition(" where ")
        assert condition == "country is US"
        measure = {"uniques": "uniques", "active_pct": "active"}[words]
        found = segmentation(
            shop(),
            "Play",
            measure=measure,
            span=SPAN,
            segments=pl.col("country") == "US",
        )
        assert_series(by_day(found), row, days_of(row))


@answers("seg.purchase.price")
def test_property_measures(expected):
    for row in expected:
        what = row["measure"]
        if what.startswith("dist "):
            found = segmentation(
                shop(),
                "Purchase",
                measure="property",
                of="price",
                aggregate="distribution",
                bins=(0, 40, 10),
                span=SPAN,
            )
            bucket = what.removeprefix("dist ").replace(" ", ", ")
            assert_series(by_day(found, pl.col("bucket") == bucket), row, days_of(row))
            continue
        if what == "totals":
            found = segmentation(shop(), "Purchase", measure="totals", span=SPAN)
        else:
            found = segmentation(
                shop(),
                "Purchase",
                measure="property",
                of="price",
                aggregate=what,
                span=SPAN,
            )
        assert_series(by_day(found), row, days_of(row))


@answers("seg.play.distinct_genre")
def test_distinct_values(expected):
    for row in expected:
        what = {
            "distinct genre per user": "distinct per user",
            "PROPCOUNT genre": "distinct",
        }[row["measure"]]
        found = segmentation(
            shop(), "Play", measure="property", of="genre", aggregate=what, span=SPAN
        )
        assert_series(by_day(found), row, days_of(row))


@answers("seg.cart.expected")
def test_items_and_events(expected):
    cart, _ = events_of("seg.cart", lists={"item_category"})
    columns = {
        "totals ALL_VALUES": ("totals", "all"),
        "totals UNIQUE_ARRAY_VALUES": ("totals", "unique"),
        "uniques": ("uniques", "all"),
    }
    for column, (measure, items) in columns.items():
        found = segmentation(
            cart, "Checkout", measure=measure, by="item_category", items=items
        )
        got = dict(found.total.select("item_category", "value").iter_rows())
        assert got == {row["item_category"]: int(row[column]) for row in expected}


@answers("model.users.expected")
def test_active_and_new_users(expected):
    frame, _ = events_of("model.users")
    span = between("2024-05-01", "2024-05-03")

    def asked(event, measure, kind, where=()):
        segment = Segment(where=where, kind=kind)
        return by_day(
            segmentation(frame, event, measure=measure, span=span, segments=segment)
        )

    found = {
        "active users": asked("*", "uniques", "any", (pl.col("active"),)),
        "any-event users": asked("*", "uniques", "any"),
        "new users": asked("*", "uniques", "new"),
        "Play totals (any users)": asked("Play", "totals", "any"),
        "Play totals (new users)": asked("Play", "totals", "new"),
        "Play totals (active users)": asked("Play", "totals", "active"),
    }
    for row in expected:
        assert {name: found[name][row["day"]] for name in found} == {
            name: int(row[name]) for name in found
        }
        assert set(row) == {"day", *found}
