"""Results and the home list in a bare page: a stub model, a real browser."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lab import chromium

from replaykit.points import parse_key
from tests.browser.bare.opened import FIGURES, RECORDED, REPLAY, USERS, Answers
from tests.browser.bare.server import STATIC, serving
from tests.browser.bare.sessions import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Where a point of each chart is drawn: selector of its shapes, and which one.
SHAPES = {
    "funnel": (".barlayer .point path", 6, "funnel|3|dropped|"),
    "segmentation": (".scatterlayer .points path", 3, "seg|0|(none)|"),
    "sessions": (".scatterlayer .points path", 3, "sessions||"),
    "journeys": (".sankey-node .node-rect", 1, "journey|1.1"),
    "icicle": (".slice path", 1, "journey|1.1"),
    "sunburst": (".slice path", 2, "journey|1."),
    "retention": (".heatmaplayer image", 0, "ret|2026-03-02|2"),
}


@dataclass
class Result:
    """A widget on the bare page, what it asked, and what went wrong."""

    page: Page
    answers: Answers
    errors: list[str] = field(default_factory=list)

    def show(self, kind: str = "result", **traits: Any) -> None:
        self.page.evaluate("(traits) => open_widget(traits)", {"kind": kind, **traits})
        ready = ".main-svg" if kind == "result" else ".rk-home .rk-tr, .rk-state"
        self.page.locator(ready).first.wait_for(state="attached")

    def one(self, selector: str) -> Locator:
        return self.page.locator(selector).first

    def asked(self, kind: str) -> list[dict[str, Any]]:
        return [params for name, params in self.answers.asked if name == kind]

    def click_point(self) -> str:
        """Click the point of `SHAPES` and return its key once it is open."""
        selector, index, _ = SHAPES[self.answers.figure]
        self.page.wait_for_timeout(400)
        box = self.page.locator(selector).nth(index).bounding_box()
        assert box is not None
        across, down = (2.5 / 8, 1.5 / 7) if "heat" in selector else (0.5, 0.5)
        x, y = box["x"] + box["width"] * across, box["y"] + box["height"] * down
        self.page.mouse.move(x, y)
        self.page.wait_for_timeout(200)
        self.page.mouse.click(x, y)
        self.page.locator(".rk-scope-stream .rk-tr").first.wait_for()
        return str(self.asked("point")[-1]["key"])

    def playing(self) -> bool:
        return bool(self.page.evaluate("model.get('playing')"))

    def settle(self) -> None:
        """Wait until the player beside the stream has opened something."""
        self.page.wait_for_function("model.get('session') !== ''", timeout=20_000)
        self.page.wait_for_timeout(300)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    assert (STATIC / "widget.js").exists(), "Build the bundle first: make bundle"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        yield opened
        opened.close()


@contextmanager
def showing(
    browser: Browser, figure: str = "funnel", *, width: int = 1000, **context: Any
) -> Iterator[Result]:
    answers = Answers(figure)
    with serving(answers) as url:
        page = browser.new_context(
            viewport={"width": width, "height": 1000}, **context
        ).new_page()
        result = Result(page, answers)
        page.on("pageerror", lambda error: result.errors.append(str(error)))
        page.goto(url)
        page.wait_for_function("window.ready")
        try:
            yield result
        finally:
            page.context.close()
        assert result.errors == []


@pytest.fixture
def result(browser: Browser) -> Iterator[Result]:
    with showing(browser) as made:
        yield made


# ── charts ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("figure", SHAPES)
def test_a_click_in_every_chart_opens_its_point_at_the_charted_moment(
    browser: Browser, figure: str
) -> None:
    with showing(browser, figure) as result:
        result.show()
        key = result.click_point()
        assert key.startswith(SHAPES[figure][2])
        assert str(parse_key(key)) == key
        result.settle()
        assert result.asked("session")[0] == {"replay": REPLAY, "point": key}
        assert "0:04" in result.one(".rk-scope-player .rk-clock").inner_text()
        assert not result.playing()


@pytest.mark.parametrize("figure", sorted(set(FIGURES) - {"many"}))
def test_every_point_of_the_figure_is_reached_by_key(
    browser: Browser, figure: str
) -> None:
    with showing(browser, figure) as result:
        result.show()
        walker = result.one(".rk-walker")
        walker.focus()
        result.page.keyboard.press("End")
        total = int(walker.inner_text().split(" of ")[-1].split(",")[0])
        assert f"point {total} of {total}" in walker.inner_text()
        result.page.keyboard.press("Enter")
        result.one(".rk-scope-stream .rk-tr").wait_for()
        assert parse_key(result.asked("point")[0]["key"])


def test_data_in_labels_are_text(result: Result) -> None:
    result.show()
    ticks = result.page.locator(".xtick text").all_text_contents()
    assert any("<b>bob</b> & $x$" in tick for tick in ticks)
    assert result.page.evaluate("root().querySelectorAll('.main-svg a').length") == 0


def test_the_open_point_turns_amber_and_back(result: Result) -> None:
    def fill() -> str:
        return result.page.evaluate(
            """() => {
              const path = root().querySelectorAll('.barlayer .point path')[6];
              return getComputedStyle(path).stroke;
            }"""
        )

    result.show()
    result.page.wait_for_timeout(400)
    before = fill()
    result.click_point()
    result.page.wait_for_timeout(300)
    assert fill() == "rgb(178, 106, 0)"
    result.one(".rk-scope [aria-label^='Close']").click()
    result.page.wait_for_timeout(300)
    assert fill() == before
    assert result.page.locator(".rk-scope").count() == 0


def test_the_theme_of_the_host_is_followed_while_it_shows(result: Result) -> None:
    def colours() -> list[str]:
        return result.page.evaluate(
            """() => [
              getComputedStyle(root().querySelector('.barlayer .point path')).fill,
              getComputedStyle(root().querySelector('.xtick text')).fill,
            ]"""
        )

    result.show()
    result.page.wait_for_timeout(400)
    assert colours()[0] == "rgb(59, 111, 182)"
    result.page.evaluate("document.body.classList.add('dark')")
    result.page.wait_for_timeout(400)
    bar, text = colours()
    assert bar == "rgb(116, 165, 224)"
    assert text.startswith("rgb(255, 255, 255")


def test_one_library_serves_all_charts_of_a_page_and_leaves_no_trace(
    result: Result,
) -> None:
    seen = "[Object.keys(window).sort(), document.head.innerHTML]"
    names, head = result.page.evaluate(seen)
    result.show()
    result.page.evaluate("show_view()")
    result.page.locator(".main-svg").nth(3).wait_for(state="attached")
    assert len(result.asked("plotly")) == 1
    after, head_after = result.page.evaluate(seen)
    # "model" is the page's own; nothing else came to window or to the head.
    assert set(after) - set(names) == {"model"}
    assert head_after == head


def test_a_chart_keeps_its_height_from_before_it_is_drawn_and_follows_its_width(
    result: Result,
) -> None:
    result.show()
    result.page.wait_for_timeout(400)
    box = result.one(".rk-chartpart").bounding_box()
    result.page.set_viewport_size({"width": 1400, "height": 1000})
    result.page.wait_for_timeout(500)
    wide = result.one(".rk-plot .main-svg").bounding_box()
    after = result.one(".rk-chartpart").bounding_box()
    assert box is not None
    assert wide is not None
    assert after is not None
    assert after["height"] == box["height"]
    assert wide["width"] > 1250


def test_no_chart_makes_the_page_scroll_sideways(browser: Browser) -> None:
    for figure in ("funnel", "segmentation", "retention", "journeys"):
        with showing(browser, figure, width=360) as result:
            result.show()
            result.page.wait_for_timeout(400)
            assert result.page.evaluate("document.documentElement.scrollWidth") <= 360


# ── microscope ───────────────────────────────────────────────────────────────


def test_streams_show_sessions_charted_rows_and_what_is_out_of_session(
    result: Result,
) -> None:
    result.show()
    result.click_point()
    result.settle()
    rows = result.page.locator(".rk-scope-stream")
    assert rows.locator(".rk-tr.is-hit").count() == 2
    assert rows.locator(".rk-tr.is-out").count() == 1
    assert rows.locator(".rk-tr-group").first.inner_text().endswith("not recorded")
    assert "2 before" in rows.locator(".rk-foot").inner_text()
    assert "2 charted events" in result.one(".rk-scope-note").inner_text()


def test_play_session_plays_and_the_row_under_the_playhead_moves(
    result: Result,
) -> None:
    result.show()
    result.click_point()
    result.settle()
    current = result.one(".rk-scope-stream .rk-tr[aria-current='true']")
    before = current.inner_text()
    result.page.get_by_role("button", name="Play session").first.click()
    result.page.wait_for_function("model.get('playing')")
    assert result.page.get_by_role("button", name="Playing").count() == 1
    result.page.wait_for_function(
        "(before) => root().querySelector(\".rk-scope-stream .rk-tr[aria-current='true']\")"
        ".innerText !== before",
        arg=before,
        timeout=20_000,
    )
    result.one(".rk-scope-player .rk-btn-main").click()
    result.page.wait_for_function("!model.get('playing')")


def test_a_row_seeks_the_replay_to_its_own_moment(result: Result) -> None:
    result.show()
    result.click_point()
    result.settle()
    row = result.page.locator(".rk-scope-stream .rk-tr.is-hit").first
    row.click()
    result.page.wait_for_timeout(600)
    session = session_of(REPLAY)
    moment = session["events"]["t"][session["events"]["charted"].index(1)]
    seconds = f"0:{moment // 1000:02}"
    assert seconds in result.one(".rk-scope-player .rk-clock").inner_text()
    assert row.get_attribute("aria-current") == "true"


def test_users_are_paged_and_the_box_brings_in_those_without_a_recording(
    result: Result,
) -> None:
    result.show()
    result.click_point()
    assert result.asked("users")[0]["with_replays"] is True
    assert "1,204 of 3,313 users" in result.one(".rk-scope .rk-filters").inner_text()
    users = result.one(".rk-scope-users .rk-list")
    users.evaluate("(node) => { node.scrollTop = node.scrollHeight }")
    result.page.wait_for_function(
        "root().querySelectorAll('.rk-scope-users .rk-li').length > 150"
    )
    result.page.get_by_role("checkbox", name="streams with session replays").click()
    result.page.wait_for_timeout(500)
    last = result.asked("users")[-1]
    assert (last["with_replays"], last["offset"]) == (False, 0)
    assert result.page.locator(".rk-scope-users .rk-li.is-dim").count() > 0


def test_names_from_data_are_text_everywhere(result: Result) -> None:
    result.show()
    result.click_point()
    listed = result.page.locator(".rk-scope-users .rk-li .a").all_inner_texts()
    assert listed[: len(USERS)] == USERS
    assert (
        result.page.evaluate(
            "root().querySelectorAll('.rk-scope b i, .rk-li b').length"
        )
        == 0
    )


def test_a_stream_that_fails_says_so_in_its_place_and_the_rest_goes_on(
    result: Result,
) -> None:
    result.show()
    result.click_point()
    result.settle()
    result.page.locator(".rk-scope-users .rk-li").nth(1).click()
    result.one(".rk-scope-stream .rk-state").wait_for()
    assert "cannot be read" in result.one(".rk-scope-stream .rk-state").inner_text()
    result.page.locator(".rk-scope-users .rk-li").nth(2).click()
    result.one(".rk-scope-stream .rk-tr.is-hit").wait_for()


@pytest.mark.parametrize(
    ("kind", "said"), [("point", "cannot be opened"), ("users", "cannot be listed")]
)
def test_an_answer_that_is_missing_is_told_calmly(
    result: Result, kind: str, said: str
) -> None:
    result.answers.failing.add(kind)
    result.show()
    result.one(".rk-walker").focus()
    result.page.keyboard.press("Enter")
    result.one(".rk-scope .rk-state").wait_for()
    assert said in result.one(".rk-scope .rk-state").inner_text()


def test_a_chart_without_its_library_says_so_and_asks_again_next_time(
    result: Result,
) -> None:
    result.answers.failing.add("plotly")
    result.page.evaluate("open_widget({ kind: 'result' })")
    result.one(".rk-plot .rk-state").wait_for()
    result.answers.failing.clear()
    result.page.evaluate("show_view()")
    result.page.locator(".main-svg").first.wait_for(state="attached")


def test_tabs_hold_users_and_replays_beside_the_same_player(result: Result) -> None:
    result.show()
    result.click_point()
    result.settle()
    result.page.get_by_role("tab", name="Replays").click()
    table = result.one(".rk-scope-wide .rk-home")
    table.locator("button", has_text="Play").nth(1).click()
    result.page.wait_for_function(
        "model.get('session') === 'todo_app' && model.get('playing')"
    )
    result.page.get_by_role("tab", name="Users").click()
    result.page.locator(".rk-people button").nth(2).click()
    result.page.wait_for_timeout(400)
    assert result.asked("stream")[-1]["user"] == USERS[2]
    assert result.one(".rk-scope-stream").is_visible()


def test_escape_closes_and_gives_the_focus_back_to_the_chart(result: Result) -> None:
    result.show()
    result.one(".rk-walker").focus()
    result.page.keyboard.press("ArrowRight")
    result.page.keyboard.press("Enter")
    result.one(".rk-scope-stream .rk-tr").wait_for()
    result.page.keyboard.press("Escape")
    assert result.page.locator(".rk-scope").count() == 0
    focused = result.page.evaluate("root().activeElement.className")
    assert "rk-walker" in focused


def test_all_users_are_downloaded(result: Result) -> None:
    result.show()
    result.click_point()
    with result.page.expect_download() as waiting:
        result.page.get_by_role("button", name="CSV").click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert waiting.value.suggested_filename == "Dropped-after-Add-to-Cart.csv"
    assert len(lines) == 3313 + 1
    assert lines[7].startswith('"tenant=9;""ana""",')
    assert len(lines) > RECORDED


def test_under_760_px_the_regions_stand_one_under_another(browser: Browser) -> None:
    with showing(browser, width=420) as result:
        result.show()
        result.one(".rk-walker").focus()
        result.page.keyboard.press("Enter")
        result.settle()
        tops = [
            box["y"]
            for part in ("users", "stream", "player")
            if (box := result.one(f".rk-scope-{part}").bounding_box())
        ]
        assert tops == sorted(tops)
        assert len(set(tops)) == 3
        assert result.page.evaluate("document.documentElement.scrollWidth") <= 420


def test_taking_the_view_down_leaves_nothing_behind(result: Result) -> None:
    result.show()
    result.click_point()
    result.settle()
    result.page.evaluate("close_view()")
    result.page.wait_for_timeout(300)
    assert (
        result.page.evaluate("document.getElementById('cell').childElementCount") == 0
    )


# ── home ─────────────────────────────────────────────────────────────────────


def test_home_lists_sessions_and_fetches_what_is_scrolled_to(result: Result) -> None:
    result.show("home")
    assert result.one(".rk-title h3").inner_text() == "shop.rk"
    assert result.page.locator(".rk-facts dd").all_inner_texts()[0] == "1,284"
    table = result.one(".rk-home")
    assert table.get_attribute("aria-rowcount") == "1284"
    assert result.asked("sessions") == []
    table.evaluate("(node) => { node.scrollTop = 28 * 640 }")
    result.page.wait_for_timeout(500)
    assert {"offset": 600, "limit": 100, "last": "7d"} in result.asked("sessions")
    assert table.locator(".rk-tr:not(.rk-th) .name").count() > 10


def test_home_plays_by_key_and_gives_the_focus_back(result: Result) -> None:
    result.show("home")
    result.one(".rk-home").focus()
    result.page.keyboard.press("ArrowDown")
    result.page.keyboard.press("Enter")
    result.page.wait_for_function(
        f"model.get('session') === '{REPLAY}' && model.get('playing')"
    )
    assert result.one(".rk-home-player").is_visible()
    result.one(".rk-home-player > .rk-head [aria-label^='Close']").click()
    assert not result.one(".rk-home-player").is_visible()
    assert "rk-home" in result.page.evaluate("root().activeElement.className")


def test_home_turns_off_what_cannot_be_played_with_the_reason(result: Result) -> None:
    result.show("home")
    row = result.page.locator(".rk-home .rk-tr", has_text="expired").first
    button = row.locator("button")
    assert button.get_attribute("aria-disabled") == "true"
    assert button.get_attribute("title") == "Its retention period is over"


def test_an_empty_range_says_so_and_offers_a_longer_one(result: Result) -> None:
    result.show("home")
    result.page.get_by_role("button", name="30 d").click()
    result.one(".rk-home-list .rk-state").wait_for()
    result.page.get_by_role("button", name="Look at the last 60 d").click()
    result.one(".rk-home .rk-tr .name").wait_for()
    assert result.asked("home")[-1] == {"last": "60d"}
