"""From the head of a player to the person on screen, and back."""

from __future__ import annotations

import live
import pytest

import replaykit as rk

pytestmark = pytest.mark.browser


def test_the_person_is_looked_up_under_the_player():
    shop = rk.demo()
    player = shop.replays.watch()
    with live.shown(player, width=1200, height=1400) as page:
        page.wait_for_selector(".rk-stage[aria-busy=false]")
        user = page.locator(".rk-head .who").first.inner_text()
        button = page.get_by_role("button", name="Look up this user")
        button.click()
        page.wait_for_selector(
            ".rk-player-look .rk-look:not([aria-busy])", timeout=20_000
        )
        assert page.locator(".rk-player-look > .rk-head .who").inner_text() == user
        page.wait_for_selector(".rk-player-look .rk-profile dt")
        listed = page.locator(".rk-player-look .rk-tr:not(.rk-th)").count()
        assert listed > 0
        # Keys in it are not the player's; Escape leaves it, the focus goes back.
        before = page.evaluate("() => model.traits.time_ms")
        page.keyboard.press("End")
        assert page.evaluate("() => model.traits.time_ms") == before
        page.keyboard.press("Escape")
        page.wait_for_selector(".rk-player-look", state="detached")
        focused = page.evaluate(
            "() => document.querySelector('#host').firstElementChild.shadowRoot"
            ".activeElement.ariaLabel"
        )
        assert focused == "Look up this user"
        assert page.errors == []
