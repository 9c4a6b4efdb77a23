"""The two recordings nobody here made: read, shared, and played to their end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import lab
import polars as pl
import pytest

import replaykit as rk

DATA = lab.ROOT / "tests" / "data"


@pytest.mark.parametrize(
    ("name", "at_start", "at_end", "length_ms"),
    [
        ("rrweb_code_editor", 220, 220, 81_080),
        ("rrweb_todo_app", 85, 180, 9_323),
    ],
)
def test_it_plays_to_its_end(name, at_start, at_end, length_ms, tmp_path):
    recording = json.loads((DATA / f"{name}.json").read_text())
    (tmp_path / "ana_s1.json").write_text(json.dumps(recording))
    begins = datetime.fromtimestamp(recording[0]["timestamp"] / 1000, UTC)
    log = pl.DataFrame(
        {
            "user": ["ana"],
            "time": [begins + timedelta(seconds=1)],
            "event": ["Opened"],
            "session": ["s1"],
        }
    )
    events = rk.events(log, session="session", replays=tmp_path / "ana_s1.json")
    events.everyone().watch().save(tmp_path / "page.html")
    with lab.browser_page(1200, 900) as page:
        page.goto((tmp_path / "page.html").as_uri())
        slider = page.get_by_role("slider").first
        slider.wait_for(timeout=30_000)
        page.wait_for_timeout(1500)

        def elements():
            (sealed,) = (one for one in page.frames if one.url.startswith("data:"))
            count = "document.querySelectorAll('*').length"
            return sealed.child_frames[0].evaluate(count)

        slider.focus()
        page.keyboard.press("Home")
        page.wait_for_timeout(800)
        assert elements() == at_start
        for _ in range(4):
            page.keyboard.press("+")
        page.keyboard.press(" ")
        for _ in range(80):
            page.wait_for_timeout(500)
            if float(slider.get_attribute("aria-valuenow")) >= length_ms:
                break
        page.wait_for_timeout(500)
        assert float(slider.get_attribute("aria-valuenow")) == length_ms
        assert elements() == at_end
