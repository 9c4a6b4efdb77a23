"""The tour as one file: opened from disk, the network refused, errors forbidden."""

from __future__ import annotations

import lab
import pytest

import replaykit as rk


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """Write the committed tour as a page and open it; yields page, errors, requests."""
    target = tmp_path_factory.mktemp("page") / "tour.html"
    report = rk.share(lab.ROOT / "notebooks" / "01_tour.ipynb", target)
    assert report.bytes <= 10_000_000
    with lab.browser_page(1200, 1000) as page:
        errors, requests = [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.context.set_offline(True)
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file:", "data:", "blob:"))
                else requests.append(request.url)
            ),
        )
        page.goto(target.as_uri())
        yield page, errors, requests


def figure_with(page, text):
    figure = page.locator("figure, .rk-fig", has_text=text).first
    figure.scroll_into_view_if_needed()
    return figure


def test_charts_are_drawn_and_a_point_opens(tour):
    page, errors, requests = tour
    page.get_by_text("Where do they stop?").first.scroll_into_view_if_needed()
    bars = page.locator(".bars .point path")
    bars.first.wait_for(timeout=30_000)
    bars.nth(1).scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = bars.nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_text("Reached Add to Cart").first.wait_for(timeout=20_000)
    assert not errors
    assert not requests


def test_a_replay_plays_and_an_event_row_seeks(tour):
    page, errors, requests = tour
    page.get_by_text("Watch three of them").last.scroll_into_view_if_needed()
    page.mouse.wheel(0, 600)
    grid = page.get_by_role("grid", name="Events").last
    grid.wait_for(timeout=30_000)
    slider = page.get_by_role("slider").last
    grid.locator(".rk-tr[role=row]:not(.is-out)").nth(1).click()
    page.wait_for_timeout(600)
    first = float(slider.get_attribute("aria-valuenow"))
    grid.locator(".rk-tr[role=row]:not(.is-out)").nth(4).click()
    page.wait_for_timeout(600)
    second = float(slider.get_attribute("aria-valuenow"))
    assert second > first
    page.get_by_role("toolbar", name="Playback").last.locator(".rk-btn-main").click()
    page.wait_for_timeout(2500)
    assert float(slider.get_attribute("aria-valuenow")) > second
    sealed = [frame for frame in page.frames if frame.url.startswith("data:")]
    assert any(
        child.locator("body *").count() > 20
        for frame in sealed
        for child in frame.child_frames
    )
    assert not errors
    assert not requests


def test_playing_from_a_list_shows_the_player(tour):
    page, errors, _ = tour
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("button", name="Play").first.click()
    box = page.locator(".rk-home-player .rk-player").first
    box.wait_for()
    page.wait_for_function(
        "one => one.getBoundingClientRect().top < innerHeight - 300",
        arg=box.element_handle(),
    )
    assert not errors


def test_a_link_at_a_moment_is_followed(tour):
    page, errors, requests = tour
    link = page.locator(".rk-cap a[href^='#replay=']").last
    t = int(link.get_attribute("href").rpartition("t=")[2])
    link.click()
    slider = page.locator(".rk-fig-player").get_by_role("slider")
    slider.wait_for(timeout=30_000)
    for _ in range(100):
        if abs(float(slider.get_attribute("aria-valuenow")) - t) < 100:
            break
        page.wait_for_timeout(100)
    else:
        raise AssertionError("the link was not followed")
    assert not errors
    assert not requests


def test_without_scripts_tables_and_moments_are_there(tour):
    page, _, _ = tour
    still = page.context.browser.new_context(java_script_enabled=False).new_page()
    still.goto(page.url.partition("#")[0])
    twin = still.locator(".rk-fig-player .rk-twin")
    assert twin.get_by_text("Session replay of person-").is_visible()
    moments = twin.locator("table").first
    assert moments.locator("td").count() == 6
    assert moments.get_by_text("/checkout/payment").first.is_visible()
    assert twin.locator("table").nth(1).get_by_text("Coupon Rejected").is_visible()
    assert still.locator(".rk-fig .rk-twin table").count() >= 7
    still.context.close()
