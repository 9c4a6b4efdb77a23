"""The tour in a real JupyterLab, as its reader would go through it."""

from __future__ import annotations

from pathlib import Path

import lab
import pytest

ROOT = Path(__file__).parent.parent.parent
SHOTS = ROOT / "build" / "screenshots"

#: Finds an element through every shadow root.
DEEP = """(selector) => {
  const found = [];
  const walk = (root) => {
    for (const node of root.querySelectorAll('*')) {
      if (node.matches(selector)) found.push(node);
      if (node.shadowRoot) walk(node.shadowRoot);
    }
  };
  walk(document);
  return found;
}"""


def deep(page, selector, expression, *arguments):
    """Evaluate an expression over `found`, the elements behind all shadow roots."""
    script = f"(given) => {{ const found = ({DEEP})(given[0]); return {expression}; }}"
    return page.evaluate(script, [selector, *arguments])


@pytest.fixture(scope="module")
def tour(jupyter):
    """JupyterLab with the tour open and every cell run; yields page and errors."""
    url, _ = jupyter
    SHOTS.mkdir(parents=True, exist_ok=True)
    with lab.browser_page(1400, 1200) as page:
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{url}/lab/tree/01_tour.ipynb?reset")
        lab.run_all(page)
        page.keyboard.press("Control+b")
        yield page, errors


def cell_of(page, text):
    """Return the cell whose code holds a text, scrolled into view."""
    cell = page.locator(".jp-CodeCell", has_text=text).first
    cell.scroll_into_view_if_needed()
    # Outputs above it may still come into being and push it down.
    before = None
    for _ in range(40):
        page.wait_for_timeout(500)
        if (box := cell.bounding_box()) == before:
            break
        before = box
    return cell


def test_a_dropped_bar_leads_to_a_playing_replay(tour):
    page, errors = tour
    funnel = cell_of(page, "checkout = march.funnel(")
    bars = funnel.locator(".bars .point path")
    bars.first.wait_for(timeout=60_000)
    # The chart, not only some of its cell, must be where the mouse can go.
    bars.first.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    # The hatched bar above Payment Submitted: who started to check out and did not.
    boxes = [bars.nth(k).bounding_box() for k in range(bars.count())]
    hatched = [box for box in boxes[5:] if box and box["height"] > 2]
    target = hatched[-2]
    page.mouse.click(
        target["x"] + target["width"] / 2, target["y"] + target["height"] / 2
    )
    funnel.get_by_text("Dropped after Checkout Started").first.wait_for(timeout=20_000)
    with_replays = funnel.get_by_role("checkbox", name="streams with session replays")
    assert with_replays.get_attribute("aria-checked") == "true"
    funnel.get_by_role("button", name="Play session").first.click()
    page.wait_for_timeout(1500)
    page.screenshot(path=SHOTS / "lab-microscope.png")
    replay = replay_document(page)
    assert replay.locator("body *").count() > 20
    assert not errors


def replay_document(page):
    """Return the innermost frame: the recorded page itself."""
    sealed = [frame for frame in page.frames if frame.url.startswith("data:")]
    assert sealed, "the replay plays in a frame of opaque origin"
    inner = [child for frame in sealed for child in frame.child_frames]
    return inner[-1]


def test_a_row_seeks_and_playing_moves_the_row(tour):
    page, errors = tour
    cell = cell_of(page, "player = lost.replays")
    grid = cell.get_by_role("grid", name="Events").first
    grid.wait_for(timeout=30_000)
    position = cell.get_by_role("slider").first

    def now():
        return float(position.get_attribute("aria-valuenow"))

    rows = grid.locator(".rk-tr[role=row]:not(.is-out)")
    rows.nth(3).click()
    page.wait_for_timeout(800)
    at_row = now()
    rows.nth(5).click()
    page.wait_for_timeout(800)
    assert now() > at_row, "a later row is a later moment"
    before = grid.locator("[aria-current=true]").first.inner_text()
    page.screenshot(path=SHOTS / "lab-player.png")
    started = now()
    cell.get_by_role("toolbar", name="Playback").locator(".rk-btn-main").click()
    for _ in range(60):
        if grid.locator("[aria-current=true]").first.inner_text() != before:
            break
        page.wait_for_timeout(500)
    else:
        pytest.fail("playing did not move the row")
    assert now() > started, "time runs"
    assert not errors


def test_the_home_list_plays(tour):
    page, errors = tour
    cell = cell_of(page, "shop = rk.demo()")
    cell.get_by_role("button", name="Play").first.click()
    cell.get_by_role("slider").first.wait_for(timeout=20_000)
    page.wait_for_timeout(1500)
    page.screenshot(path=SHOTS / "lab-home.png")
    assert not errors
