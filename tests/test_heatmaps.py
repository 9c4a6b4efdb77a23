"""Heat maps: the blocks of the specification, and recordings of a known page."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from recordings import change, click, element, meta, snapshot, text

import replaykit as rk
from replaykit.errors import BadInput, UnknownOption
from replaykit.heatmaps import heatmap
from replaykit.replays import frames, heat
from replaykit.replays.build import add_events
from replaykit.replays.heat import (
    average_fold,
    batched,
    click_map,
    on_page,
    scroll_map,
    selector_map,
)
from replaykit.store.recordings import Recordings
from tests.spec.blocks import answers, block


def clicks_of_home():
    rows = block("rep.heat.clicks")
    frame = pl.DataFrame(
        {
            "user": [row["user"] for row in rows],
            "url": [row["page"] for row in rows],
            "x": [int(row["x"]) for row in rows],
            "y": [int(row["y"]) for row in rows],
            "selector": [row["selector"] or None for row in rows],
            "time": [datetime.fromisoformat(row["t"]) for row in rows],
        }
    )
    return frame.filter(on_page("/home"))


@answers("rep.heat.points")
def test_click_map(expected):
    got = click_map(clicks_of_home())
    assert [{k: str(v) for k, v in row.items()} for row in got.to_dicts()] == expected


@answers("rep.heat.selectors")
def test_selector_map(expected):
    got = selector_map(clicks_of_home())
    assert [{k: str(v) for k, v in row.items()} for row in got.to_dicts()] == expected


@answers("rep.heat.batched")
def test_batched(expected):
    of_ana = clicks_of_home().filter(user="u1")
    got = batched(of_ana).with_columns(pl.col("hour").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert [{k: str(v) for k, v in row.items()} for row in got.to_dicts()] == expected


@answers("rep.heat.scroll.expected")
def test_scroll_map(expected):
    rows = block("rep.heat.scroll")
    sizes = ("max_scroll_height", "viewport_height")
    views = pl.DataFrame(
        {
            "user": [row["user"] for row in rows],
            **{name: [int(row[name]) for row in rows] for name in sizes},
        }
    )
    got = scroll_map(views, [float(row["depth_px"]) for row in expected])
    shown = [{k: f"{v:g}" for k, v in row.items()} for row in got.to_dicts()]
    assert shown == expected
    assert average_fold(views) == 750


def test_batched_clicks_count_as_the_clicks_they_stand_for():
    clicks = clicks_of_home()
    assert_frame_equal(click_map(batched(clicks)), click_map(clicks))


@pytest.mark.parametrize(
    ("page", "match", "found"),
    [
        ("/a.b", "exact", ["/a.b"]),
        ("/a.*", "pattern", ["/a.b", "/a.b?q=1"]),
        ("*q=*", "pattern", ["/a.b?q=1"]),
        (".b", "contains", ["/a.b", "/a.b?q=1"]),
        ("/a", "starts with", ["/a.b", "/a.b?q=1", "/axb"]),
    ],
)
def test_pages_are_named_in_four_ways(page, match, found):
    urls = pl.DataFrame({"url": ["/a.b", "/a.b?q=1", "/axb", None]})
    assert urls.filter(on_page(page, match))["url"].to_list() == found


def stored(*recordings):
    store = Recordings()
    for number, events in enumerate(recordings):
        add_events(store, f"d{number}/1717225200000", events)
    return store, [f"d{number}/1717225200000" for number in range(len(recordings))]


BUY = element("button", 7, text("Buy", 8), id="buy")


def rows_of(how, *recordings):
    store, ids = stored(*recordings)
    rows = frames.gather(store, ids, how, progress=False)
    names = pl.when(pl.col("replay_id") == ids[0]).then(pl.lit("ana"))
    return rows.with_columns(user=names)


HOME = "https://shop.test/"
VISIT = [
    meta(0, width=1000, height=700),
    snapshot(1, BUY),
    click(1_000, 8, 20, 30),
    change(2_000, 3, id=1, x=0, y=400),
    click(3_000, 7, 20, 30),
    meta(9_000, href=f"{HOME}cart", width=1000, height=700),
    snapshot(9_001, BUY),
    click(12_000, 7, 5, 5),
]
PHONE = [meta(0, width=400, height=800), snapshot(1, BUY), click(11_000, 7, 20, 430)]


def test_clicks_are_counted_on_the_page_not_in_the_window():
    rows = rows_of(heat.CLICKS, VISIT, PHONE)
    options = {"match": "exact", "bin_px": 1, "window": None}
    found = heatmap(rows, HOME, "clicks", **options)
    assert found.table.rows() == [(20.0, 430.0, 2), (20.0, 30.0, 1)]
    assert found.users == 2
    phones = heatmap(rows, HOME, "clicks", **{**options, "window": (0, 767)})
    assert phones.table.rows() == [(20.0, 430.0, 1)]
    by_element = heatmap(rows, HOME, "selectors", **options)
    assert by_element.table.rows() == [(1, "button#buy", 3, 2)]


def test_depth_is_the_lowest_px_that_was_on_the_screen():
    rows = rows_of(heat.VIEWS, VISIT, PHONE)
    assert rows["max_scroll_height"].to_list() == [1100, 700, 800]
    assert rows["url"].to_list() == [HOME, f"{HOME}cart", HOME]
    found = heatmap(rows, HOME, "scroll", match="exact", bin_px=1, window=None)
    assert dict(found.table.select("depth_px", "users").rows()) == {
        float(depth): 2 if depth <= 800 else 1 for depth in range(0, 1_200, 100)
    }
    assert found.average_fold == 750


def test_a_page_nobody_clicked_names_one_that_was():
    rows = rows_of(heat.CLICKS, VISIT)
    with pytest.raises(BadInput, match="shop.test"):
        heatmap(rows, "/nowhere", "clicks", match="exact", bin_px=1, window=None)


def test_options_are_words_and_bins_are_pixels():
    with pytest.raises(UnknownOption, match="starts with"):
        on_page("/", "begins")
    with pytest.raises(BadInput, match="bin_px=0"):
        click_map(clicks_of_home(), bin_px=0)


@pytest.mark.parametrize("kind", ["clicks", "selectors", "scroll"])
def test_a_chart_draws_its_table(kind):
    found = rk.demo().replays[:6].heatmap("*", kind, match="pattern", progress=False)
    drawn = found.chart().data[0]
    column = {"clicks": "y", "selectors": "clicks", "scroll": "pct"}[kind]
    values = list(drawn.y if kind == "clicks" else drawn.x)
    assert values == found.table[column].to_list()[: len(values)]
    assert str(found.users) in repr(found)


def test_thresholds_of_frustration_are_arguments():
    replays = rk.demo().replays
    usual, keen = (
        replays.clicks(progress=False),
        replays.clicks(
            rage_at_least=2, rage_within="2s", dead_within="1s", progress=False
        ),
    )
    assert keen["rage"].sum() > usual["rage"].sum() > 0
    assert keen["dead"].sum() >= usual["dead"].sum()
    assert_frame_equal(usual, replays.read("clicks", progress=False))
