"""The player inside its hosts: keys, views and kernels of JupyterLab, and Notebook 7."""

from __future__ import annotations

import re

import lab
import nbformat
import pytest

CELLS = [
    "import replaykit as rk\n\nshop = rk.demo()\nplayer = rk.Player(shop.replays[:3])",
    "player",
    (
        "import ipywidgets\n\nslider = ipywidgets.IntSlider(max=10**7)\n"
        "ipywidgets.jslink((player, 'time_ms'), (slider, 'value'))\nslider"
    ),
    "seen = []\nplayer.observe(lambda change: seen.append(change['new']), 'window')",
]

#: What a notebook is, for comparison: cells, which of them is active, and the mode.
NOTEBOOK = """() => {
  const { content } = jupyterapp.shell.currentWidget;
  const cells = content.widgets.map(({ model }) => [model.type, model.id,
    model.sharedModel.source, model.sharedModel.toJSON().outputs?.length ?? 0,
    model.executionCount]);
  return JSON.stringify([cells, content.activeCellIndex, content.mode,
    jupyterapp.shell.leftCollapsed, [...jupyterapp.shell.widgets('main')].length]);
}"""


@pytest.fixture(scope="module")
def written(jupyter):
    """Two notebooks with a player on the server; yields its URL."""
    url, folder = jupyter
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    for name in ("player", "classic"):
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return url


@pytest.fixture(scope="module")
def opened(written):
    """The notebook in JupyterLab, run; yields the page."""
    with lab.browser_page(1300, 1100) as page:
        page.goto(f"{written}/lab/tree/player.ipynb?reset")
        lab.run_all(page)
        page.get_by_role("slider", name="Position").first.wait_for(timeout=60_000)
        yield page


def position(page, nth=0):
    return page.get_by_role("slider", name="Position").nth(nth)


def now(page, nth=0) -> float:
    return float(position(page, nth).get_attribute("aria-valuenow"))


def press(page, keystroke: str) -> None:
    """Press a key as JupyterLab writes it: `Accel Shift C`."""
    *held, key = keystroke.split(" ")
    names = {"Accel": "Control", "Ctrl": "Control", "Cmd": "Meta"}
    page.keyboard.press("+".join([*(names.get(one, one) for one in held), key]))


def activate(page, cell: int) -> None:
    """Select a cell in command mode, wherever it stands on the screen."""
    page.evaluate(
        "(cell) => { const { content } = jupyterapp.shell.currentWidget;"
        " content.activeCellIndex = cell; content.mode = 'command';"
        " content.activate(); content.node.focus(); }",
        cell,
    )


def test_no_shortcut_of_jupyterlab_acts_while_the_player_has_the_focus(opened):
    page = opened
    page.evaluate(
        "() => { window.ran = []; jupyterapp.commands.commandExecuted.connect("
        "(_, { id }) => ran.push(id)); }"
    )
    bound = page.evaluate(
        "() => jupyterapp.commands.keyBindings.map(({ keys }) => keys)"
    )
    strokes = sorted({tuple(keys) for keys in bound})
    assert len(strokes) > 80
    assert ("D", "D") in strokes
    lanes, grid = position(page), page.get_by_role("grid", name="Events")
    lanes.focus()
    page.wait_for_timeout(300)
    page.evaluate("ran.length = 0")
    before = page.evaluate(NOTEBOOK)
    for keys in strokes:
        lanes.focus()
        for key in keys:
            press(page, key)
    play = page.locator(".rk-ctl .rk-btn-main")
    for place in (grid, play, page.get_by_placeholder("Search events")):
        for key in [*"ddabxcvzmy1", "Enter", "Control+Enter", "Shift+Enter"]:
            place.focus()
            page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert page.evaluate(NOTEBOOK) == before
    # Saving is the host's in every place: the browser would save the page instead.
    assert set(page.evaluate("ran")) == {"docmanager:save"}
    # Outside of it they are untouched: the same keys act on a cell.
    activate(page, 3)
    page.keyboard.press("b")
    assert "notebook:insert-cell-below" in page.evaluate("ran")
    page.keyboard.press("d")
    page.keyboard.press("d")
    page.wait_for_timeout(200)


def test_a_linked_slider_moves_the_player_and_follows_it(opened):
    page = opened
    readout = page.locator(".widget-readout")
    position(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(600)
    assert readout.inner_text().replace(",", "") == str(int(now(page)))
    readout.fill("20000")
    page.keyboard.press("Enter")
    page.wait_for_timeout(600)
    assert now(page) == 20_000


def test_a_second_view_and_a_moved_cell_show_the_same_moment(opened):
    page = opened
    slider = position(page)
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(600)
    at = now(page)
    assert at > 0
    activate(page, 1)
    page.evaluate("() => jupyterapp.commands.execute('notebook:move-cell-down')")
    page.wait_for_timeout(1500)
    assert now(page) == at
    recorded = [
        child.locator("body *").count()
        for frame in page.frames
        if frame.url.startswith("data:")
        for child in frame.child_frames
    ]
    assert max(recorded) > 20
    page.evaluate("() => jupyterapp.commands.execute('notebook:move-cell-up')")
    page.evaluate("() => jupyterapp.commands.execute('notebook:create-output-view')")
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-LinkedOutputView').length === 1"
    )
    sliders = page.get_by_role("slider", name="Position")
    for _ in range(50):
        if sliders.count() == 2 and now(page, 1) == at:
            break
        page.wait_for_timeout(200)
    assert now(page, 1) == at
    sliders.nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(800)
    assert now(page, 0) == now(page, 1) > at
    page.evaluate("() => jupyterapp.shell.currentWidget?.close()")
    page.evaluate(
        "() => [...jupyterapp.shell.widgets('main')]"
        ".find((one) => one.content.hasClass('jp-LinkedOutputView'))?.close()"
    )


def test_position_and_session_survive_a_reload_of_the_page(opened):
    page = opened
    page.evaluate(
        "() => [...jupyterapp.shell.widgets('main')].find((one) => one.context)"
        ".context.save()"
    )
    page.get_by_role("button", name=re.compile("^Next session")).first.click()
    page.wait_for_timeout(1500)
    position(page).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(800)
    at, who = now(page), page.locator(".rk-head .who").first.inner_text()
    page.reload()
    page.get_by_role("slider", name="Position").first.wait_for(timeout=60_000)
    for _ in range(50):
        if now(page) == at:
            break
        page.wait_for_timeout(200)
    assert now(page) == at
    assert page.locator(".rk-head .who").first.inner_text() == who


def test_without_a_kernel_it_says_so_and_recovers_on_rerun(opened):
    page = opened
    at = now(page)
    page.evaluate(
        "() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()"
    )
    page.get_by_text("Kernel gone").first.wait_for(timeout=20_000)
    assert now(page) == at
    page.locator(".rk-ctl .rk-btn-main").first.click()
    page.wait_for_timeout(1200)
    assert now(page) > at, "what was loaded plays on"
    page.evaluate(
        "() => jupyterapp.shell.currentWidget.context.sessionContext.startKernel()"
    )
    lab.run_all(page)
    page.get_by_role("slider", name="Position").first.wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    assert page.get_by_text("Kernel gone").count() == 0
    grid = page.get_by_role("grid", name="Events").first
    grid.locator(".rk-tr[role=row]:not(.is-out)").nth(3).click()
    page.wait_for_timeout(500)
    assert now(page) > 0


def test_notebook_7_plays_seeks_and_keeps_its_cells(written, opened):
    page = opened.context.new_page()
    page.goto(f"{written}/notebooks/classic.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.wait_for_selector(
        ".jp-Notebook-ExecutionIndicator[data-status=idle]",
        timeout=60_000,
        state="attached",
    )
    slider = page.get_by_role("slider", name="Position")
    for _ in range(5):
        page.click(".lm-MenuBar-itemLabel:text-is('Run')")
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            slider.wait_for(timeout=20_000)
            break
        except Exception:  # noqa: BLE001 - asked for too early, it forgets the run
            continue
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    cells = page.locator(".jp-Cell").count()
    grid = page.get_by_role("grid", name="Events")
    grid.locator(".rk-tr[role=row]:not(.is-out)").nth(3).click()
    page.wait_for_timeout(600)
    at = now(page)
    assert at > 0
    slider.focus()
    for key in "ddxabz":
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    page.keyboard.press(" ")
    page.wait_for_timeout(1500)
    assert now(page) > at
    sealed = [frame for frame in page.frames if frame.url.startswith("data:")]
    assert any(
        child.locator("body *").count() > 20
        for frame in sealed
        for child in frame.child_frames
    )
    shots = lab.ROOT / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=shots / "notebook7.png")
    assert not errors
