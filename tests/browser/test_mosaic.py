"""Replays side by side in a real browser: one clock, every page at its own moment."""

from __future__ import annotations

import live
import pytest

import replaykit as rk

pytestmark = pytest.mark.browser


def settled(page):
    page.wait_for_function(
        """() => {
          const root = document.querySelector("#host > div").shadowRoot;
          const stages = [...root.querySelectorAll(".rk-tile .rk-stage")];
          return stages.every((one) => one.getAttribute("aria-busy") === "false");
        }""",
        timeout=30_000,
    )
    page.wait_for_timeout(200)


def test_a_point_is_watched_side_by_side():
    steps = ("Search Submitted", "Add to Cart", "Checkout Started", "Purchase")
    funnel = rk.demo().events.funnel(*steps, within="7d")
    with live.shown(funnel.widget, width=1200, height=2000) as page:
        bar = page.locator(".barlayer .point path").nth(5)
        bar.wait_for(state="attached", timeout=60_000)
        page.wait_for_timeout(500)
        box = bar.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 4)
        page.get_by_role("button", name="More", exact=True).first.click()
        page.get_by_text("Watch side by side").click()
        page.locator(".rk-tile").first.wait_for(timeout=30_000)
        settled(page)
        (key,) = funnel._microscope._open
        shown = page.locator(".rk-tile .cap b").all_text_contents()
        watch = funnel._microscope.behind(key).watch
        assert shown == watch["user_id"].head(9).to_list()
        assert page.get_by_text("from the charted moment").count() == 1
        page.keyboard.press("Escape")
        assert page.locator(".rk-tile").count() == 0
        assert page.errors == []


@pytest.fixture(scope="module")
def mosaic():
    """Four tiles on screen; yields the page and the tiles."""
    view = rk.demo().replays.watch(at="Add to Cart", tiles=4)
    tiles = view._answers.answer("mosaic", {}).data["tiles"]
    with live.shown(view, width=1000, height=1900) as page:
        page.locator(".rk-tile").nth(3).wait_for(timeout=30_000)
        settled(page)
        yield page, tiles
        assert page.errors == []


def slider(page):
    return page.get_by_role("slider", name="Shared clock, from Add to Cart")


def now(page):
    return int(slider(page).get_attribute("aria-valuenow"))


def test_every_tile_shows_a_page(mosaic):
    page, tiles = mosaic
    assert now(page) == 0
    users = page.locator(".rk-tile .cap b").all_text_contents()
    assert users == [tile["user"] for tile in tiles]
    inner = [
        f for frame in page.frames for f in frame.child_frames if f.url == "about:blank"
    ]
    assert len(inner) == 4
    assert all(frame.locator("body *").count() > 10 for frame in inner)


def test_all_of_them_play_on_one_clock(mosaic):
    page, _ = mosaic
    page.get_by_role("button", name="Play all").click()
    page.wait_for_timeout(2500)
    page.get_by_role("button", name="Pause all").click()
    reached = now(page)
    assert 500 < reached < 6000
    assert page.evaluate("() => model.traits.time_ms") == pytest.approx(reached, abs=1)
    page.wait_for_timeout(400)
    assert now(page) == reached


def test_keys_move_all(mosaic):
    page, _ = mosaic
    slider(page).focus()
    page.keyboard.press("Home")
    assert now(page) == -20_000
    page.keyboard.press("ArrowRight")
    assert now(page) == -10_000
    page.keyboard.press("[")
    assert now(page) == 0
    settled(page)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause all").wait_for()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play all").wait_for()


def test_a_tile_opens_at_its_moment(mosaic):
    page, tiles = mosaic
    slider(page).focus()
    page.keyboard.press("[")
    page.keyboard.press("ArrowRight")
    at = now(page)
    page.get_by_role("button", name=f"Open {tiles[1]['user']} in the player").click()
    page.wait_for_function("() => model.traits.session !== ''", timeout=20_000)
    page.wait_for_timeout(300)
    replay, time_ms = page.evaluate("[model.traits.session, model.traits.time_ms]")
    assert replay == tiles[1]["replay"]
    assert 0 <= time_ms - (tiles[1]["anchor_t"] + at) < 10_000
    page.keyboard.press("Escape")
    assert page.locator(".rk-player").count() == 0


def test_what_is_over_or_has_not_begun_says_so(mosaic):
    page, tiles = mosaic
    page.get_by_role("button", name="20 s before to 40 s after").click()
    page.get_by_text("all of them, whole").click()
    slider(page).focus()
    page.keyboard.press("End")
    last = max(tile["length_ms"] - tile["anchor_t"] for tile in tiles)
    assert now(page) == last
    said = page.locator(".rk-tile > .rk-view .rk-veil:visible").all_text_contents()
    assert len(said) == 3
    assert all(text.startswith("Ended at +") for text in said)
    page.keyboard.press("Home")
    said = page.locator(".rk-tile > .rk-view .rk-veil:visible").all_text_contents()
    assert len(said) == 3
    assert all(text.startswith("Begins at \u2212") for text in said)


def test_the_next_ones_come(mosaic):
    page, tiles = mosaic
    page.get_by_role("button", name="The next ones").click()
    page.wait_for_function(
        "(first) => model.traits.replays[0] !== first", arg=tiles[0]["replay"]
    )
    settled(page)
    assert page.locator(".rk-tile .cap span").first.text_content() == "5"
