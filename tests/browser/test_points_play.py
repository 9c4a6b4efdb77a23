"""One point clicked in each chart ends in a playing replay, at the moment it matched."""

from __future__ import annotations

import live
import polars as pl
import pytest

import replaykit as rk

pytestmark = pytest.mark.browser

#: Where the points of each kind of chart are drawn.
BARS = ".barlayer .point path"
DOTS = ".scatterlayer .points path"
NODES = ".sankey-node .node-rect"
CELLS = ".heatmaplayer image"


def week():
    return rk.demo().events.between("2026-03-24", "2026-03-31")


def funnel():
    steps = ("Search Submitted", "Add to Cart", "Checkout Started", "Purchase")
    return week().funnel(*steps, within="7d")


CHARTS = {
    "segmentation": (DOTS, lambda: week().segmentation("Add to Cart")),
    "funnel": (BARS, funnel),
    "journeys": (NODES, lambda: week().journeys(start="Search Submitted")),
    "sessions": (DOTS, lambda: week().sessions()),
    "retention": (CELLS, lambda: week().retention(start="Page Viewed")),
}

PRICE = {"measure": "property", "of": "price", "aggregate": "sum"}
EVERY_MEASURE = {
    **{
        f"segmentation {measure}": (
            DOTS,
            lambda measure=measure: week().segmentation("Add to Cart", measure=measure),
        )
        for measure in ("totals", "active", "average", "frequency")
    },
    "segmentation property": (
        DOTS,
        lambda: week().segmentation("Add to Cart", **PRICE),
    ),
    "segmentation expression": (
        DOTS,
        lambda: week().segmentation("Add to Cart", measure=pl.col("price").max()),
    ),
    "formula": (
        DOTS,
        lambda: week().formula(
            "%:UNIQUES(B)/UNIQUES(A)", "Search Submitted", "Add to Cart"
        ),
    ),
    **{
        f"sessions {measure}": (
            DOTS,
            lambda measure=measure: week().sessions(measure=measure),
        )
        for measure in (
            "length",
            "average length",
            "length distribution",
            "time per user",
            "per user",
        )
    },
}


def shapes(page, selector):
    """Points as they are drawn, the largest first; of an image, some of its cells."""
    page.locator(selector).first.wait_for(state="attached", timeout=60_000)
    page.wait_for_timeout(500)
    found = page.locator(selector)
    boxes = [found.nth(k).bounding_box() for k in range(min(found.count(), 60))]
    boxes = [box for box in boxes if box and box["height"] > 2 and box["width"] > 2]
    if selector == CELLS:
        (box,) = boxes[:1]
        return [
            (box["x"] + box["width"] * x, box["y"] + box["height"] * y)
            for y in (0.06, 0.2, 0.3)
            for x in (0.05, 0.2, 0.3)
        ]
    middles = [
        (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes
    ]
    sizes = [box["width"] * box["height"] for box in boxes]
    order = sorted(range(len(boxes)), key=lambda k: -sizes[k])
    return [middles[k] for k in order]


def open_a_recorded_point(page, result, selector):
    """Click points until one opens that somebody behind it was recorded for."""
    scope = result._microscope
    for x, y in shapes(page, selector):
        before = list(scope._open)
        page.mouse.click(x, y)
        for _ in range(40):
            if list(scope._open) != before:
                break
            page.wait_for_timeout(50)
        else:
            continue
        key = list(scope._open)[-1]
        if scope.behind(key).watch.height:
            return key
    pytest.fail("no point of this chart has a replay")


def check(chart):
    selector, ask = chart
    result = ask()
    with live.shown(result.widget, width=1200, height=1400) as page:
        key = open_a_recorded_point(page, result, selector)
        play = page.locator(".rk-tr-group").get_by_role("button", name="Play session")
        play.first.wait_for(timeout=20_000)
        page.wait_for_function("() => model.traits.session !== ''", timeout=20_000)
        page.wait_for_timeout(600)
        replay, at = page.evaluate("[model.traits.session, model.traits.time_ms]")
        watch = result._microscope.behind(key).watch
        wanted = watch.filter(pl.col("replay_id") == replay)["matched_at"][0]
        assert abs(at - wanted) <= 60, f"{key}: opened at {at}, matched at {wanted}"
        page.locator(".rk-scope-player .rk-btn-main").click()
        page.wait_for_function(
            "(at) => model.traits.playing && model.traits.time_ms > at", arg=at
        )
        inner = [f for frame in page.frames for f in frame.child_frames if f.url]
        assert max(frame.locator("body *").count() for frame in inner) > 10
        assert page.get_by_role("button", name="Playing").count() > 0
        assert not page.errors


@pytest.mark.parametrize("chart", CHARTS)
def test_a_click_ends_in_a_playing_replay(chart):
    check(CHARTS[chart])


@pytest.mark.long
@pytest.mark.parametrize("chart", EVERY_MEASURE)
def test_a_click_on_every_measure_ends_in_a_playing_replay(chart):
    check(EVERY_MEASURE[chart])
