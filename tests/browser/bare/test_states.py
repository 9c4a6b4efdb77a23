"""Picking by keys, and that nothing moves when something is said above the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.bare.test_player import COPIES, browser, view, viewing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.bare.test_player import View

pytestmark = pytest.mark.browser

__all__ = ["browser", "view"]

#: Where pictures of the states go, to be looked at; none are taken without it.
SHOTS = os.environ.get("REPLAYKIT_SHOTS")
PARTS = ("head", "view", "time", "ctl")


def focused(view: View) -> str:
    return view.page.evaluate("() => root().activeElement?.className ?? ''")


def label(view: View) -> str:
    return view.text(".rk-pick-box output")


def walked(view: View, key: str) -> str:
    before = label(view)
    view.press(key)
    view.wait(
        "(before) => root().querySelector('.rk-pick-box output').textContent !== before",
        arg=before,
    )
    return label(view)


def test_an_element_is_picked_by_keys(view: View) -> None:
    view.page.evaluate(COPIES)
    view.open(session="todo_app", time_ms=9000)
    view.painted()
    button = view.page.get_by_role("button", name="The page at this moment")
    button.focus()
    view.press("Enter")
    view.press("ArrowDown")
    view.press("Enter")
    view.wait("() => root().querySelector('.rk-pick')")
    view.press("ArrowDown")
    view.wait("() => root().querySelector('.rk-pick-box:not([hidden])')")
    assert "rk-pick" in focused(view)
    assert label(view) == "body"
    position = view.position()
    inner = view.inner()
    child = walked(view, "ArrowDown")
    assert inner.locator(child).count() == 1
    assert inner.evaluate(
        "(chosen) => document.querySelector(chosen).parentElement === document.body",
        child,
    )
    assert walked(view, "ArrowUp") == "body"
    down = walked(view, "ArrowDown")
    deeper = walked(view, "ArrowDown")
    assert inner.evaluate(
        "([outer, one]) => document.querySelector(one).parentElement"
        " === document.querySelector(outer)",
        [down, deeper],
    )
    # Arrows walk; nothing seeks, and Home or space do nothing to the player.
    view.press("Home")
    assert view.position() == position
    view.press("Enter")
    assert view.page.locator(".rk-pick").count() == 0
    view.wait("() => window.copied !== null")
    assert view.page.evaluate("copied") == deeper
    # The focus is back where it came from.
    assert "rk-btn" in focused(view)


def test_escape_leaves_without_having_picked(view: View) -> None:
    view.open(session="todo_app", time_ms=9000)
    view.painted()
    view.page.get_by_role("button", name="The page at this moment").click()
    view.page.get_by_text("Copy an element's selector").click()
    view.press("ArrowDown")
    view.wait("() => root().querySelector('.rk-pick-box:not([hidden])')")
    view.press("Escape")
    assert view.page.locator(".rk-pick").count() == 0
    assert "rk-btn" in focused(view)


def places(view: View) -> dict[str, list[int]]:
    script = """(names) => Object.fromEntries(names.map((name) => {
      const box = root().querySelector(`.rk-${name}`).getBoundingClientRect();
      return [name, [box.top, box.height].map(Math.round)];
    }))"""
    return view.page.evaluate(script, list(PARTS))


@pytest.mark.parametrize("width", [360, 700, 1000])
def test_nothing_moves_when_a_reason_or_a_notice_comes(
    browser: Browser, width: int
) -> None:
    """The reason comes with the session; that the kernel is gone is said later."""
    with viewing(browser, width=width) as view:
        traits = {"session": "code_editor", "replays": ["code_editor", "todo_app"]}
        view.open(**traits)
        view.page.evaluate("model.delay = 700; close_view(); show_view()")
        view.wait("() => root().querySelector('.rk-load')")
        empty = places(view)
        view.painted()
        assert "dropped after" in view.text(".rk-head .rk-tag")
        assert places(view) == empty
        view.page.evaluate(
            "() => { for (const then of model.listeners.get('comm_live_update')) then(); }"
        )
        view.wait("() => root().querySelector('.rk-notice.is-gone')")
        assert places(view) == empty


@pytest.mark.skipif(not SHOTS, reason="pictures are taken when somebody looks at them")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000, 1600])
def test_pictures_of_the_states(browser: Browser, width: int, scheme: str) -> None:
    with viewing(browser, width=width) as view:
        view.page.emulate_media(color_scheme=scheme)
        if scheme == "dark":
            view.page.evaluate("() => document.body.classList.add('dark')")

        def shot(name: str) -> None:
            path = Path(SHOTS or "") / f"{name}-{width}-{scheme}.png"
            view.page.screenshot(path=path)

        view.open(replays=["code_editor"])
        view.painted()
        shot("reason")
        view.page.get_by_role("tab", name="Console").click()
        view.page.wait_for_timeout(300)
        shot("console")
        more = view.page.get_by_label("More about this session")
        more.click()
        view.page.wait_for_timeout(200)
        shot("menu")
        view.page.keyboard.press("Escape")
        place = view.page.get_by_role("button", name="The page at this moment")
        (place if place.is_visible() else view.page.get_by_label("More").last).click()
        view.page.get_by_text("Copy an element's selector").click()
        view.press("ArrowDown")
        view.wait("() => root().querySelector('.rk-pick-box:not([hidden])')")
        view.press("ArrowDown")
        view.press("ArrowDown")
        view.page.wait_for_timeout(300)
        shot("picking")
