"""A player whose view the host takes away and gives back, in a real JupyterLab."""

from __future__ import annotations

import json

import lab
import polars as pl
import pytest

REPLAY = lab.ROOT / "tests" / "data" / "rrweb_code_editor.json"
WATCHED_MS = 42_000

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def notebook(jupyter):
    """JupyterLab with one player on screen; yields page and errors."""
    url, root = jupyter
    folder = root / "views"
    folder.mkdir()
    recorded = json.loads(REPLAY.read_text())
    start = recorded[0]["timestamp"]
    (folder / f"ana_{start}.json").write_text(json.dumps(recorded))
    log = pl.DataFrame(
        {"user": ["ana"], "time": [start + 500], "event": ["Opened"], "visit": [start]}
    )
    log = log.with_columns(pl.col("time").cast(pl.Datetime("ms", "UTC")))
    log.write_parquet(folder / "log.parquet")
    sources = [
        f"""import replaykit as rk
log = rk.events('log.parquet', session='visit', replays='ana_{start}.json')""",
        "player = log.everyone().watch()\nplayer",
        "1 + 1",
    ]
    lab.write_notebook(folder / "views.ipynb", sources)
    with lab.browser_page(1400, 1000) as page:
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{url}/lab/tree/views/views.ipynb?reset")
        lab.run_all(page)
        page.keyboard.press("Control+b")
        yield page, errors
    lab.stop_kernels(url)


def idle(player):
    player.locator(".rk-stage[aria-busy=false]").wait_for(timeout=20_000)


def position(player):
    return float(player.get_by_role("slider").first.get_attribute("aria-valuenow"))


def seek(player):
    """Go to 42 s by keys, as one would."""
    idle(player)
    slider = player.get_by_role("slider").first
    slider.focus()
    player.page.keyboard.press("Home")
    for _ in range(4):
        player.page.keyboard.press("ArrowRight")
    for _ in range(40):
        player.page.keyboard.press(".")
    idle(player)
    assert position(player) == WATCHED_MS


def elements(page):
    sealed = [frame for frame in page.frames if frame.url.startswith("data:")]
    inner = [child for frame in sealed for child in frame.child_frames]
    return [frame.evaluate("document.querySelectorAll('*').length") for frame in inner]


def test_a_moved_cell_goes_on_where_it_was(notebook):
    page, errors = notebook
    cell = page.locator(".jp-CodeCell").nth(1)
    seek(cell)
    cell.locator(".jp-InputPrompt").click()
    page.locator("[data-command='notebook:move-cell-down']:visible").first.click()
    page.wait_for_timeout(1000)
    moved = page.locator(".jp-CodeCell").nth(2)
    idle(moved)
    page.wait_for_timeout(500)
    assert position(moved) == WATCHED_MS
    assert elements(page)[-1] > 150
    assert not errors


def test_a_second_view_starts_there_and_both_play(notebook):
    page, errors = notebook
    cell = page.locator(".jp-CodeCell").nth(2)
    cell.scroll_into_view_if_needed()
    cell.locator(".jp-OutputArea-promptOverlay").first.click(button="right")
    page.get_by_role("menuitem", name="Create New View for Cell Output").click()
    second = page.locator(".jp-LinkedOutputView")
    second.locator(".rk-player").wait_for(timeout=20_000)
    idle(second)
    assert position(second) == WATCHED_MS
    second.get_by_role("toolbar", name="Playback").locator(".rk-btn-main").click()
    page.wait_for_timeout(1500)
    assert position(second) > WATCHED_MS + 500
    second.get_by_role("toolbar", name="Playback").locator(".rk-btn-main").click()
    assert len(elements(page)) >= 1
    assert not errors


def test_a_reloaded_page_goes_on_where_it_was(notebook):
    page, errors = notebook
    page.locator(".jp-NotebookPanel .jp-CodeCell").nth(1).locator(
        ".jp-InputPrompt"
    ).click()
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    page.reload()
    cell = page.locator(".jp-NotebookPanel .jp-CodeCell").nth(2)
    cell.locator(".rk-player").wait_for(timeout=60_000)
    idle(cell)
    assert position(cell) > WATCHED_MS, "the second view played on meanwhile"
    assert elements(page)[-1] > 150
    assert not errors


def test_a_gone_kernel_is_said_and_a_rerun_recovers(notebook):
    page, errors = notebook
    page.locator(".jp-NotebookPanel").first.click(position={"x": 300, "y": 60})
    page.click(".lm-MenuBar-itemLabel:text-is('Kernel')")
    page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
    cell = page.locator(".jp-NotebookPanel .jp-CodeCell").nth(2)
    cell.scroll_into_view_if_needed()
    cell.locator(".rk-notice", has_text="Kernel gone").wait_for(timeout=20_000)
    before = position(cell)
    cell.get_by_role("toolbar", name="Playback").locator(".rk-btn-main").click()
    page.wait_for_timeout(1500)
    assert position(cell) > before, "what is loaded plays on"
    page.click(".lm-MenuBar-itemLabel:text-is('Kernel')")
    page.get_by_role("menuitem", name="Restart Kernel and Run All Cells…").click()
    page.wait_for_timeout(1500)
    if page.locator(".jp-Dialog .jp-mod-accept").count():
        page.locator(".jp-Dialog .jp-mod-accept").click()
    fresh = page.locator(".jp-NotebookPanel .jp-CodeCell").nth(2)
    # The moved cell runs after the others: its output is replaced when it does.
    cell.locator(".rk-notice", has_text="Kernel gone").wait_for(
        state="detached", timeout=60_000
    )
    fresh.locator(".rk-stage[aria-busy=false]").wait_for(timeout=60_000)
    assert fresh.locator(".rk-notice", has_text="Kernel gone").count() == 0
    seek(fresh)
    assert not errors
