"""Following in a real JupyterLab: another process adds to what is on screen."""

from __future__ import annotations

import json
import subprocess
import sys

import lab
import pytest
from recordings import START, session

import replaykit as rk

pytestmark = pytest.mark.browser

ADD = "import sys, replaykit as rk; rk.open(sys.argv[1]).add_replays(sys.argv[2])"


def write(folder, length):
    folder.mkdir(exist_ok=True)
    (folder / f"d1_{START}.json").write_text(json.dumps(session(length, 250)))


@pytest.fixture
def opened(jupyter):
    url, root = jupyter
    folder = root / "growing"
    folder.mkdir()
    write(folder / "in", 12_000)
    rk.create(folder / "shop.rk", tz="UTC").add_replays(folder / "in", progress=False)
    sources = [
        "import replaykit as rk\nshop = rk.open('shop.rk')",
        "player = shop.replays.watch(follow=True)\nplayer",
    ]
    lab.write_notebook(folder / "growing.ipynb", sources)
    with lab.browser_page(1400, 1000) as page:
        page.goto(f"{url}/lab/tree/growing/growing.ipynb?reset")
        lab.run_all(page)
        page.keyboard.press("Control+b")
        yield page, folder
    lab.stop_kernels(url)


def test_a_recording_that_another_process_adds_to_plays_on(opened):
    page, folder = opened
    box = page.locator(".rk-player-box")
    box.locator(".rk-stage[aria-busy=false]").wait_for(timeout=30_000)
    box.focus()
    page.keyboard.press("End")
    page.keyboard.press("Space")
    page.locator(".rk-wait:visible").wait_for(timeout=15_000)
    assert page.locator(".rk-clock .rk-2").inner_text() == "/ 0:12"
    write(folder / "in", 24_000)
    subprocess.run(
        [sys.executable, "-c", ADD, str(folder / "shop.rk"), str(folder / "in")],
        check=True,
        capture_output=True,
    )
    page.locator(".rk-wait").wait_for(state="hidden", timeout=20_000)
    assert page.locator(".rk-clock .rk-2").inner_text() == "/ 0:24"
    # To its new end, where it waits again; Python's player is there as well.
    page.locator(".rk-wait:visible").wait_for(timeout=30_000)
    sealed = next(frame for frame in page.frames if frame.url.startswith("data:"))
    assert sealed.child_frames[0].locator("p").count() == 95
    assert page.locator(".rk-clock b").inner_text() == "0:24.0"
