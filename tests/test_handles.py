"""Events, users and results through their public names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replaykit as rk
from replaykit import errors

DATA = Path(__file__).parent / "data"


def events_of(story, **more):
    """`{"ana": "0m Search, 2m Buy"}` as events of the morning of 1 March."""
    rows = [
        {
            "user": user,
            "time": datetime(2026, 3, 1, 9, int(when.strip("m"))),
            "event": name,
        }
        for user, text in story.items()
        for when, name in (part.split(" ", 1) for part in text.split(", "))
    ]
    return rk.events(pl.DataFrame(rows), **more)


STORY = {
    "ana": "0m Search, 2m Add, 5m Buy",
    "ben": "0m Search, 9m Add",
    "eve": "1m Search",
}


def test_set_algebra_keeps_the_reason():
    events = events_of(STORY)
    lost = events.funnel("Search", "Add", "Buy").dropped(after="Add")
    adders = events.users_who("Add")
    assert set(lost) == {"ben"}
    assert set(adders - lost) == {"ana"}
    assert set(adders & lost) == {"ben"}
    assert set(events.everyone() - adders) == {"eve"}
    assert set(lost | events.users_who("Buy")) == {"ana", "ben"}
    assert (adders - lost).label == "did Add, not Dropped after Add"


def test_a_filter_binds_the_first_step_and_a_condition_its_own():
    frame = pl.DataFrame(
        {
            "user": ["ana", "ana", "ben", "ben"],
            "time": [datetime(2026, 3, 1, 9, minute) for minute in (0, 1, 0, 1)],
            "event": ["Search", "Buy", "Search", "Buy"],
            "platform": ["web", "app", "app", "web"],
        }
    )
    events = rk.events(frame)
    web = events.filter(platform="web")
    assert web.funnel("Search", "Buy").table["users"].to_list() == [1, 1]
    assert web.segmentation("Buy", measure="totals").total["value"].to_list() == [1]
    buy = rk.event("Buy", platform="web")
    assert web.funnel("Search", buy).table["users"].to_list() == [1, 0]


def test_user_in_a_filter_is_the_public_id():
    events = events_of(STORY)
    assert set(events.filter(user="ana").collect()["user"]) == {"ana"}
    assert set(events.filter(pl.col("user") != "ana").everyone()) == {"ben", "eve"}
    with pytest.raises(errors.BadInput, match="stands alone"):
        events.filter((pl.col("user") == "ana") | (pl.col("event") == "Buy"))


def test_a_bare_end_date_includes_its_day():
    events = events_of(STORY)
    assert events.between("2026-03-01", "2026-03-01").collect().height == 6
    midnight = datetime(2026, 3, 1)
    assert events.between("2026-02-01", midnight).collect().height == 0
    with pytest.raises(errors.BadTime):
        events.between("2026-03-02", "2026-03-01")


def test_at_least_counts_and_refuses_zero():
    events = events_of({"ana": "0m Play, 1m Play", "ben": "0m Play"})
    assert set(events.users_who("Play", at_least=2)) == {"ana"}
    with pytest.raises(errors.BadInput, match="did not"):
        events.users_who("Play", at_least=0)


def test_points_name_exactly_the_number_shown():
    events = events_of(STORY)
    funnel = events.funnel("Search", "Add", "Buy")
    for row in funnel.table.iter_rows(named=True):
        assert funnel.reached(row["step"]).count() == row["users"]
    trend = events.segmentation("Search", every="1h")
    assert trend.point("Search", at="2026-03-01 09:00").count() == 3
    assert trend.point("Search").count() == 3
    tree = events.journeys(start="Search")
    for row in tree.table.iter_rows(named=True):
        assert tree.point(*row["path"]).count() == row["users"]


def test_a_point_that_is_not_there_is_named():
    funnel = events_of(STORY).funnel("Search", "Add", "Buy")
    with pytest.raises(errors.UnknownPoint, match="Did you mean 'Search'"):
        funnel.dropped(after="Serch")
    with pytest.raises(errors.UnknownPoint, match="last step"):
        funnel.dropped(after="Buy")


def test_watching_nobody_says_so():
    with pytest.raises(errors.UnknownReplay, match="no replay to watch"):
        events_of(STORY).users_who("Buy").watch()


def test_a_result_displays_widget_twin_and_bundle():
    shown = events_of({"<b>ana": "0m <script>, 1m Add"}).funnel("<script>", "Add")
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    bundle = data["application/vnd.replaykit.v1+json"]
    assert bundle["widget"] == "result"
    assert "<table>" in data["text/html"]
    assert "<script" not in data["text/html"]


def naive_funnel(rows, steps, days):
    """Depth per user by trying every entry: the definition, and slow."""
    best = {}
    for user, log in rows.items():
        depth = 0
        for i, (t0, name) in enumerate(log):
            if name != steps[0]:
                continue
            at, reached, used = t0, 1, {i}
            for step in steps[1:]:
                later = [
                    (t, j)
                    for j, (t, n) in enumerate(log)
                    if n == step
                    and t >= at
                    and t - t0 <= days * 86_400
                    and j not in used
                ]
                if not later:
                    break
                at, j = min(later)
                used.add(j)
                reached += 1
            depth = max(depth, reached)
        if depth:
            best[user] = depth
    return [sum(d >= k for d in best.values()) for k in range(1, len(steps) + 1)]


def test_funnel_on_the_ecom_log_equals_a_naive_count():
    frame = pl.read_csv(DATA / "ecom_clickstream.csv.gz")
    rows = {}
    stamped = frame.with_columns(
        s=pl.col("timestamp").str.to_datetime().dt.epoch("s")
    ).sort("s", maintain_order=True)
    for user, second, name in stamped.select("user_id", "s", "event").iter_rows():
        rows.setdefault(user, []).append((second, name))
    events = rk.events(
        DATA / "ecom_clickstream.csv.gz",
        user="user_id",
        time="timestamp",
        event="event",
        session="session_id",
    )
    for steps, days in (
        (("product_view", "add_to_cart", "purchase"), 7),
        (("search", "product_view", "cart", "purchase"), 1),
        (("home", "catalog"), 2),
    ):
        ours = events.funnel(*steps, within=f"{days}d").table["users"].to_list()
        assert ours == naive_funnel(rows, steps, days)


# No deadline: the first funnel of a new version compiles its kernel.
@settings(deadline=None)
@given(st.permutations(range(6)))
def test_row_order_never_matters(order):
    frame = events_of(STORY).collect()
    shuffled = rk.events(frame[list(order)])
    assert shuffled.funnel("Search", "Add", "Buy").table["users"].to_list() == [3, 2, 1]


def test_events_say_the_range_of_their_data():
    events = events_of(STORY)
    assert repr(events) == "1 Mar 2026 · 6 events · 3 users · 3 names · UTC"
    assert repr(events.between("2026-02-01", None)).startswith("since 1 Feb 2026 · ")


def test_a_narrowed_handle_says_what_it_keeps():
    events = events_of(STORY)
    assert "6 events · 3 users · 3 names" in repr(events)
    assert "3 events · 3 users · 1 name ·" in repr(events.filter(event="Search"))
    buyers = events.users_who("Buy").events
    assert "3 events · 1 user · 3 names" in repr(buyers)
