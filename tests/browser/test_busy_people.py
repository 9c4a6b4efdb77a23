"""People of a hundred thousand events, all of one moment, with ids that hold anything."""

from __future__ import annotations

from datetime import UTC, datetime

import live
import polars as pl
import pytest

import replaykit as rk
from replaykit.lookup import find_person
from replaykit.rows_as_json import to_json

COUNT = 100_000
MANY = f"{COUNT:,}"
#: A slash, quotes, an emoji of several parts, and markup.
ODD = 'a/b o\'brien "q" 👩‍👩‍👧 <b onmouseover=alert(1)>bob</b>'


@pytest.fixture(scope="module")
def busy():
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    frame = pl.DataFrame({"n": range(COUNT)}).with_columns(
        user=pl.lit(ODD), time=pl.lit(at), event=pl.lit("<i>Tick</i>")
    )
    return rk.events(frame)


def test_a_long_stream_travels_by_the_page(busy):
    """The parts put together are the whole, and each of them is light."""
    trend = busy.segmentation("<i>Tick</i>", every="1d")
    scope, (key,) = trend._microscope, set(trend._keys())
    question = {"key": key, "user": ODD}
    first = scope.answer("stream", question).data
    assert len(to_json(first)) < 100_000
    assert first["within"] == COUNT
    assert first["first_charted"] == 0
    whole = scope.answer("stream", {**question, "whole": True}).data["rows"]
    size = len(first["rows"]["id"])
    for offset in (0, size, 37 * size, COUNT - 1, COUNT):
        part = scope.answer("stream", {**question, "offset": offset}).data["rows"]
        for name, values in part.items():
            assert values == whole[name][offset : offset + size], (name, offset)


def test_every_row_of_a_long_stream_can_be_reached(busy):
    trend = busy.segmentation("<i>Tick</i>", every="1d")
    with live.shown(trend.widget, width=1000, height=1100) as page:
        page.evaluate(
            "() => { window.longest = 0; new PerformanceObserver((list) => {"
            " for (const one of list.getEntries())"
            "  window.longest = Math.max(window.longest, one.duration);"
            "}).observe({ entryTypes: ['longtask'] }); }"
        )
        page.locator(".scatterlayer .point").first.wait_for(timeout=60_000)
        page.evaluate("() => { window.longest = 0; }")
        page.locator(".scatterlayer .point").first.click(force=True)
        stream = page.locator(".rk-scope-stream")
        stream.locator(".rk-tr .name").first.wait_for(timeout=30_000)
        assert stream.locator(".rk-tr .name").first.text_content() == "<i>Tick</i>"
        foot = stream.locator(".rk-foot").inner_text()
        assert f"0 before · {MANY} in the window · 0 after" in foot
        table = stream.get_by_role("grid")
        assert int(table.get_attribute("aria-rowcount")) == COUNT
        table.focus()
        page.keyboard.press("End")
        table.evaluate("node => { node.scrollTop = node.scrollHeight; }")
        last = stream.locator(f'[aria-rowindex="{COUNT}"]')
        last.get_by_text("Tick").wait_for(timeout=20_000)
        assert "<b" in page.locator(".rk-scope-users").inner_text()
        assert page.locator("i, b").filter(has_text="bob").count() == 0
        assert page.evaluate("() => window.longest") < 2_000
        assert page.errors == []


def test_a_busy_person_is_looked_up(busy):
    with live.shown(find_person(busy.source, ODD).widget, width=1000) as page:
        table = page.get_by_role("grid", name="Activity")
        table.locator(".rk-tr .name").first.wait_for(timeout=30_000)
        table.evaluate("node => { node.scrollTop = node.scrollHeight; }")
        table.locator(f'[aria-rowindex="{COUNT}"] .name').wait_for(timeout=20_000)
        assert page.locator(".rk-profile").get_by_text(ODD).count() > 0
        assert page.locator("b").filter(has_text="bob").count() == 0
        assert page.errors == []
