"""A displayed result and a player work in marimo as they do in JupyterLab."""

from __future__ import annotations

import os
import sys

import lab
import pytest

APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import replaykit as rk

    shop = rk.demo()
    march = shop.events.between("2026-03-01", "2026-03-31")
    return march, rk, shop


@app.cell
def _(march):
    checkout = march.funnel("Checkout Started", "Payment Submitted", within="1d")
    checkout
    return (checkout,)


@app.cell
def _(checkout):
    checkout.dropped(after="Checkout Started").replays[:2].watch()
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("marimo")
    (folder / "app.py").write_text(APP)
    port = lab.free_port()
    command = [sys.executable, "-m", "marimo", "run", "app.py", "--headless"]
    command += ["--no-token", "--host", "127.0.0.1", "--port", str(port)]
    env = {**os.environ, "PYTHONPATH": str(lab.ROOT)}
    url = f"http://127.0.0.1:{port}"
    with (
        lab.served(command, f"{url}/health", folder, env),
        lab.browser_page(1200, 1600) as page,
    ):
        page.goto(url)
        yield page


def test_a_click_opens_people_and_plays(page):
    bars = page.locator(".bars .point path")
    bars.first.wait_for(timeout=120_000)
    box = bars.nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_text("Reached Payment Submitted").first.wait_for(timeout=20_000)
    page.get_by_role("button", name="Play session").first.click()
    page.wait_for_timeout(1500)
    sealed = [frame for frame in page.frames if frame.url.startswith("data:")]
    assert sealed
    assert any(
        child.locator("body *").count() > 20
        for frame in sealed
        for child in frame.child_frames
    )


def test_the_player_seeks(page):
    slider = page.get_by_role("slider").last
    slider.wait_for(timeout=20_000)
    grid = page.get_by_role("grid", name="Events").last
    before = slider.get_attribute("aria-valuenow")
    grid.locator(".rk-tr[role=row]:not(.is-out)").nth(2).click()
    page.wait_for_timeout(800)
    assert slider.get_attribute("aria-valuenow") != before
    shots = lab.ROOT / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=shots / "marimo.png")
