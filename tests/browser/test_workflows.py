"""Two ways an analyst works, in a real JupyterLab, with the mouse.

Watch session activity to troubleshoot a bug: search, look a person up, make a chart of
their events, watch. Identify trends: open points together, follow the lost, keep them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import lab
import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parent.parent.parent
SHOTS = ROOT / "build" / "screenshots"
TROUBLE, TRENDS = "09_troubleshoot.ipynb", "10_trends.ipynb"


@pytest.fixture(scope="module")
def server(jupyter):
    url, folder = jupyter
    for name in (TROUBLE, TRENDS):
        shutil.copy(ROOT / "notebooks" / name, folder)
    SHOTS.mkdir(parents=True, exist_ok=True)
    with lab.browser_page(1400, 1200) as page:
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        yield url, page
    lab.stop_kernels(url)


def opened(server, name):
    url, page = server
    page.errors.clear()
    page.goto(f"{url}/lab/tree/{name}?reset")
    lab.run_all(page)
    page.keyboard.press("Control+b")
    return page


def cell_of(page, text):
    cell = page.locator(".jp-CodeCell", has_text=text).first
    cell.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    return cell


def drawn(page):
    """Say whether the last replay's page comes to be there."""
    for _ in range(100):
        if recorded_page(page).locator("body *").count() > 20:
            return True
        page.wait_for_timeout(200)
    return False


def recorded_page(page):
    """Return the innermost frame of the last replay: the page that was recorded."""
    sealed = [frame for frame in page.frames if frame.url.startswith("data:")]
    inner = [child for frame in sealed for child in frame.child_frames]
    assert inner, "a replay plays in a frame of opaque origin"
    return inner[-1]


def test_watching_session_activity_to_troubleshoot_a_bug(server):
    page = opened(server, TROUBLE)
    # The home list as a search: sessions with an error, and the call that finds them.
    home = cell_of(page, "shop = rk.demo()")
    home.get_by_role("button", name="30 d").click()
    home.get_by_role("button", name="Filter", exact=True).click()
    home.get_by_role("textbox", name="Find a field").fill("coupon rej")
    home.locator(".rk-filter-menu .it").first.click()
    call = 'shop.replays.search(last="30d", event="Coupon Rejected")'
    code = home.locator(".rk-code pre")
    for _ in range(40):
        if code.inner_text().replace("'", '"') == call:
            break
        page.wait_for_timeout(250)
    assert code.inner_text().replace("'", '"') == call
    page.wait_for_timeout(500)
    home.get_by_role("button", name="Play").first.click()
    home.get_by_role("slider").first.wait_for(timeout=20_000)
    page.wait_for_timeout(1500)
    assert drawn(page)
    page.screenshot(path=SHOTS / "lab-search.png")
    # A person: their stream, two of their events, a chart with its call.
    person = cell_of(page, "person = shop.user(")
    boxes = person.locator(".rk-look .rk-tr .rk-check")
    boxes.nth(4).click()
    boxes.nth(1).click()
    chart = person.locator(".rk-picked").get_by_role("button", name="Funnel")
    chart.click()
    made = person.locator("section[aria-label='Created chart']")
    made.locator(".bars .point path").first.wait_for(state="attached", timeout=60_000)
    assert made.locator(".rk-code pre").inner_text().startswith("shop.events.funnel(")
    person.get_by_role("button", name="Play session").first.click()
    person.get_by_role("button", name="Playing").first.wait_for(timeout=20_000)
    page.screenshot(path=SHOTS / "lab-lookup.png")
    # The player of those who met it opens where they did.
    watched = cell_of(page, "player = point.watch()")
    rows = watched.locator(".rk-tr.is-hit")
    rows.first.wait_for(timeout=20_000)
    assert "Coupon Rejected" in rows.first.inner_text()
    assert not page.errors


def test_identifying_trends(server):
    page = opened(server, TRENDS)
    trend = cell_of(page, "trend = march.segmentation(")
    trend.locator(".scatterlayer .points path").first.wait_for(timeout=60_000)
    trend.get_by_role("button", name="Select").click()
    page.get_by_role("menuitem", name="In a box").click()
    page.wait_for_timeout(500)
    box = trend.locator(".nsewdrag").first.bounding_box()
    left, right = box["x"] + box["width"] * 0.8, box["x"] + box["width"] * 0.99
    page.mouse.move(left, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(right, box["y"] + box["height"] - 4, steps=8)
    page.mouse.up()
    scope = trend.locator(".rk-scope")
    scope.get_by_role("tab", name="Streams").wait_for(timeout=30_000)
    assert "points" in scope.locator(".who").first.inner_text()
    scope.get_by_role("button", name="Play session").first.click()
    scope.get_by_role("button", name="Playing").first.wait_for(timeout=20_000)
    assert drawn(page)
    page.screenshot(path=SHOTS / "lab-selected.png")
    # Those who were lost, and what they did instead.
    funnel = cell_of(page, "funnel = march.funnel(")
    bars = funnel.locator(".bars .point path")
    bars.first.wait_for(state="attached", timeout=60_000)
    boxes = [bars.nth(k).bounding_box() for k in range(bars.count())]
    lost = [one for one in boxes[4:] if one and one["height"] > 4][-1]
    page.mouse.click(lost["x"] + lost["width"] / 2, lost["y"] + lost["height"] / 2)
    scope = funnel.locator(".rk-scope")
    scope.get_by_role("tab", name="Drivers").wait_for(timeout=30_000)
    scope.get_by_role("button", name="More").first.click()
    page.get_by_role("menuitem", name="Journeys of these users").click()
    led = funnel.locator(".rk-beyond")
    led.locator(".sankey-node").first.wait_for(state="attached", timeout=60_000)
    assert led.locator(".rk-code pre").first.inner_text().endswith(".journeys()")
    page.screenshot(path=SHOTS / "lab-followed.png")
    page.keyboard.press("Escape")
    assert not page.errors
