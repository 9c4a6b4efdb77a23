"""The look-up's small charts, its pins, and what captured rows are called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import live
import polars as pl
import pytest

import replaykit as rk
from replaykit.lookup import find_person

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def look_up():
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    clicked = "[Amplitude] Element Clicked"
    rows = [
        (0, "Open", None, 1),
        (1, clicked, "<b>Buy now</b>", None),
        (2, "Open", None, 2),
        (3, "Open", None, 3),
    ]
    wide = {f"property {n}": ["x"] * len(rows) for n in range(9)}
    frame = pl.DataFrame(
        {
            "user": ["ana"] * len(rows),
            "time": [start + timedelta(days=row[0]) for row in rows],
            "event": [row[1] for row in rows],
            "[Amplitude] Element Text": [row[2] for row in rows],
            "zeal": [row[3] for row in rows],
            **wide,
        }
    )
    person = find_person(rk.events(frame).source, "ana")
    with live.shown(person.widget, width=1000, height=800) as page:
        page.get_by_role("grid", name="Activity").locator(".name").first.wait_for()
        yield page
        assert page.errors == []


def names(page):
    page.wait_for_timeout(300)
    return (
        page.get_by_role("grid", name="Activity").locator(".name").all_text_contents()
    )


def test_captured_rows_say_what_they_were(look_up):
    page = look_up
    assert names(page) == ["Open", "Open", "Clicked “<b>Buy now</b>”", "Open"]
    cell = page.locator(".name.is-generated")
    assert cell.get_attribute("title").endswith("([Amplitude] Element Clicked)")
    page.get_by_role("button", name="Raw").click()
    assert names(page)[2] == "[Amplitude] Element Clicked"
    page.get_by_role("button", name="Info").click()


def test_a_bar_opens_its_day(look_up):
    page = look_up
    page.get_by_role("tab", name="Insights").click()
    bars = page.get_by_role("region", name="Events per day").locator("button")
    bars.first.wait_for()
    assert bars.count() == 4
    assert not page.get_by_role("grid", name="Activity").is_visible()
    assert bars.nth(1).get_attribute("aria-label") == "Mon 2 Mar 2026: 1"
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert names(page) == ["Clicked “<b>Buy now</b>”"]
    assert page.get_by_role("tab", name="Activity").get_attribute("aria-selected") == (
        "true"
    )


def test_a_name_opens_its_events(look_up):
    page = look_up
    day = page.get_by_role("button", name="2 Mar 2026", exact=True)
    if day.count():
        day.click()
        page.get_by_role("button", name="All time").click()
    page.get_by_role("tab", name="Insights").click()
    page.locator(".rk-insight-names .row").first.click()
    assert names(page) == ["Open", "Open", "Open"]


def test_properties_are_found_and_pinned(look_up):
    page = look_up
    first = page.locator(".rk-profile dl.pins dt").first
    before = first.text_content()
    page.get_by_role("searchbox", name="Find a property").fill("zea")
    assert page.locator(".rk-profile dl.pins dt").all_text_contents() == ["zeal"]
    page.get_by_role("button", name="Pin zeal").click()
    page.get_by_role("searchbox", name="Find a property").fill("")
    assert before != "zeal"
    assert first.text_content() == "zeal"
    assert page.locator(".rk-profile dl.pins dd").first.text_content() == "3"
    page.get_by_role("button", name="Unpin zeal").click()
    assert first.text_content() == before
