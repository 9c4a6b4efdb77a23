"""A player that follows a recording which grows, answered by a real project."""

from __future__ import annotations

import json

import lab
import live
import pytest
from recordings import START, session

import replaykit as rk

pytestmark = pytest.mark.browser

#: A host that swallows frames of their own origin.
NO_FRAMES = """
Object.defineProperty(HTMLIFrameElement.prototype, "src", {
  set(address) { this.setAttribute("src", address.startsWith("data:") ? "about:blank" : address); }
});
"""


class Growing:
    """A project with one recording that becomes longer."""

    def __init__(self, folder):
        self.folder = folder / "in"
        self.folder.mkdir()
        self.shop = rk.create(folder / "shop.rk", tz="UTC")

    def grow(self, length):
        path = self.folder / f"d1_{START}.json"
        path.write_text(json.dumps(session(length, 250)))
        self.shop.add_replays(self.folder, progress=False)


@pytest.fixture
def growing(tmp_path):
    made = Growing(tmp_path)
    made.grow(12_000)
    return made


def shown_at(page):
    """The clock, in ms."""
    minutes, seconds = page.locator(".rk-clock b").inner_text().split(":")
    return round((int(minutes) * 60 + float(seconds)) * 1000)


def total(page):
    return page.locator(".rk-clock .rk-2").inner_text()


def paragraphs(page):
    """How many paragraphs the recorded page has: all that came before its moment."""
    counts = [0]
    for frame in page.frames[1:]:
        counts.append(frame.locator("p").count())
    return max(counts)


def boxes(page):
    script = """() => [".rk-head", ".rk-view", ".rk-time", ".rk-ctl", ".rk-panel"].map((name) => {
      const root = document.querySelector("#host").firstElementChild.shadowRoot;
      const box = root.querySelector(name).getBoundingClientRect();
      return [box.left, box.top, box.width, box.height].map(Math.round);
    })"""
    return page.evaluate(script)


def at_the_edge(page):
    page.wait_for_selector(".rk-live:visible")
    page.wait_for_selector(".rk-stage[aria-busy=false]")
    page.locator(".rk-player-box").focus()
    page.keyboard.press("End")
    page.keyboard.press("Space")
    page.wait_for_selector(".rk-wait:visible")


@pytest.mark.parametrize("frames", ["sealed", "in the page"])
def test_plays_on_at_the_live_edge(growing, frames):
    player = growing.shop.replays.watch(follow=True)
    with live.site() as url, lab.browser_page(width=1000, height=900) as page:
        if frames != "sealed":
            page.add_init_script(NO_FRAMES)
        live.connect(page, player)
        page.goto(url)
        page.wait_for_selector(".rk-live:visible", timeout=20_000)
        if frames != "sealed":
            page.wait_for_selector(".rk-notice.is-seal", timeout=20_000)
        at_the_edge(page)
        assert page.locator(".rk-live").inner_text() == "Live"
        assert (shown_at(page), total(page)) == (12_000, "/ 0:12")
        assert paragraphs(page) == 47
        before = boxes(page)

        growing.grow(24_000)
        page.wait_for_selector(".rk-wait", state="hidden", timeout=8_000)
        assert total(page) == "/ 0:24"
        first = shown_at(page)
        assert 12_000 <= first < 14_000
        page.wait_for_timeout(1_500)
        assert shown_at(page) > first
        assert paragraphs(page) > 50
        assert boxes(page) == before
        # In step with its clock to the new end, where it waits again.
        page.wait_for_selector(".rk-wait:visible", timeout=15_000)
        assert (shown_at(page), paragraphs(page)) == (24_000, 95)


def test_playing_behind_the_edge_runs_into_what_was_added(growing):
    player = growing.shop.replays.watch(follow=True)
    with live.shown(player, width=1000, height=900) as page:
        page.wait_for_selector(".rk-stage[aria-busy=false]")
        page.locator(".rk-player-box").focus()
        page.keyboard.press("s")  # nobody acts in this recording
        page.keyboard.press("Space")
        page.wait_for_timeout(2_000)
        growing.grow(16_000)
        page.wait_for_function(
            "() => model.traits.time_ms > 1000 && [...document.querySelector('#host')"
            ".firstElementChild.shadowRoot.querySelectorAll('.rk-clock .rk-2')]"
            ".some((one) => one.textContent === '/ 0:16')",
            timeout=9_000,
        )
        assert shown_at(page) < 11_500
        page.wait_for_selector(".rk-live.is-behind")
        for _ in range(60):
            if shown_at(page) > 14_000:
                break
            page.wait_for_timeout(200)
        assert paragraphs(page) >= 54
        assert page.errors == []


def test_paused_it_becomes_longer_and_nothing_moves(growing):
    player = growing.shop.replays.watch(follow=True)
    with live.shown(player, width=1000, height=900) as page:
        page.wait_for_selector(".rk-stage[aria-busy=false]")
        page.locator(".rk-player-box").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(400)
        here, looks = shown_at(page), paragraphs(page)
        growing.grow(60_000)
        page.wait_for_function(
            "() => document.querySelector('#host').firstElementChild.shadowRoot"
            ".querySelector('.rk-clock .rk-2').textContent === '/ 1:00'",
            timeout=12_000,
        )
        assert (shown_at(page), paragraphs(page)) == (here, looks)
        page.locator(".rk-live").click()
        page.wait_for_selector(".rk-wait:visible")
        assert (shown_at(page), paragraphs(page)) == (60_000, 239)


def test_without_a_kernel_it_keeps_what_it_has(growing):
    player = growing.shop.replays.watch(follow=True)
    with live.shown(player, width=1000, height=900) as page:
        at_the_edge(page)
        page.evaluate(
            "() => { for (const then of model.listeners.get('comm_live_update')) then(); }"
        )
        marker = page.locator(".rk-live")
        assert marker.inner_text() == "Not live"
        assert "kernel is gone" in marker.get_attribute("title")
        page.wait_for_selector(".rk-wait", state="hidden")
        page.keyboard.press("Home")
        page.wait_for_timeout(500)
        assert paragraphs(page) < 48
        asked = page.evaluate("() => model.asked.length")
        page.wait_for_timeout(3_000)
        assert page.evaluate("() => model.asked.length") == asked


def test_following_is_switched_in_the_menu(growing):
    player = growing.shop.replays.watch()
    with live.shown(player, width=1000, height=900) as page:
        page.wait_for_selector(".rk-stage[aria-busy=false]")
        assert page.locator(".rk-live:visible").count() == 0
        page.get_by_label("More about this session").click()
        page.get_by_text("Follow as it grows").click()
        page.wait_for_selector(".rk-live:visible")
        assert page.evaluate("() => model.traits.follow") is True
        growing.grow(20_000)
        page.wait_for_function(
            "() => document.querySelector('#host').firstElementChild.shadowRoot"
            ".querySelector('.rk-clock .rk-2').textContent === '/ 0:20'",
            timeout=12_000,
        )


def test_a_narrow_player_has_room_for_the_marker_and_what_it_says(growing):
    player = growing.shop.replays.watch()
    with live.shown(player, width=360, height=900) as page:
        page.wait_for_selector(".rk-stage[aria-busy=false]")
        before = boxes(page)
        player.follow = True
        page.evaluate(
            "() => { model.set('follow', true);"
            " for (const then of model.listeners.get('change:follow')) then(); }"
        )
        at_the_edge(page)
        assert boxes(page) == before
        stage, pill = (
            page.locator(one).bounding_box() for one in (".rk-stage", ".rk-wait")
        )
        assert stage["x"] <= pill["x"]
        assert pill["x"] + pill["width"] <= stage["x"] + stage["width"]
        marker, wall = (
            page.locator(one).bounding_box() for one in (".rk-live", ".rk-wall")
        )
        assert marker["x"] + marker["width"] <= wall["x"]
        assert abs(marker["y"] - wall["y"]) < 8
