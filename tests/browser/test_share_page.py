"""A shared page in a browser with no network: everything works, nothing is asked for."""

from __future__ import annotations

import functools
import http.server
import json
import re
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from browser.lab import browser_page

import replaykit as rk

pytestmark = pytest.mark.browser

TODO_APP = Path(__file__).parent.parent / "data" / "rrweb_todo_app.json"
START = datetime(2026, 3, 3, 9, tzinfo=UTC)
LATE = 15_000


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A notebook with prose, a funnel and a player, shared."""
    folder = tmp_path_factory.mktemp("share")
    (folder / "rec").mkdir()
    recorded = json.loads(TODO_APP.read_text())
    first = recorded[0]["timestamp"]
    rows = []
    for n in range(10):
        start = START + timedelta(hours=n)
        for k, name in enumerate(["Search", "Add to cart", "Checkout"][: 1 + n % 3]):
            when = start + timedelta(seconds=2 + 2 * k)
            rows.append((f"user-{n}", when, name, k, int(start.timestamp() * 1000)))
        if n in (2, 5):
            begun = int(start.timestamp() * 1000)
            events = [
                {**event, "timestamp": event["timestamp"] - first + begun}
                for event in recorded
            ]
            (folder / "rec" / f"user-{n}_{begun}.json").write_text(json.dumps(events))
    columns = ["user", "time", "event", "price", "session"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    events = rk.events(
        frame, session="session", replays=folder / "rec", tz="Europe/Paris"
    )
    funnel = events.funnel("Search", "Add to cart", "Checkout", within="1d")
    player = funnel.reached("Checkout").watch()
    cells = [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": "# Why they stop\n\nWords.",
        },
        {"cell_type": "markdown", "metadata": {}, "source": "## Where"},
        {
            "cell_type": "code",
            "metadata": {},
            "source": "funnel",
            "outputs": [output(funnel)],
        },
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": "## Watch\n\n" + "More words.\n\n" * 30,
        },
        {
            "cell_type": "code",
            "metadata": {},
            "source": "player",
            "outputs": [output(player)],
        },
    ]
    source = folder / "a.ipynb"
    source.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    )
    rk.share(source, folder / "a.html")
    return folder / "a.html"


def first_person(page_file) -> str:
    """The pseudonym of the person whose replay the player shows first."""
    return re.findall(r"Session replay of (person-\d+)", page_file.read_text())[0]


def output(thing) -> dict:
    data, _ = thing._repr_mimebundle_()
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": json.loads(json.dumps(data)),
    }


class Watched:
    """A page with the network refused, and what it asked for and complained about."""

    def __init__(self, page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on(
            "console",
            lambda line: self.said.append(line.text) if line.type == "error" else None,
        )
        page.route("http*://**", lambda route: route.abort())

    def clean(self) -> None:
        outside = [
            url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))
        ]
        assert outside == []
        assert self.said == []


def clock(page) -> float:
    minutes, seconds = page.locator(".rk-player .rk-clock b").inner_text().split(":")
    return int(minutes) * 60 + float(seconds)


def test_the_chart_opens_people_and_their_replay(page_file):
    with browser_page(offline=True) as page:
        watched = Watched(page)
        page.goto(page_file.as_uri())
        bars = page.locator(".rk-plot .barlayer .point path")
        bars.first.wait_for(timeout=LATE)
        box = bars.nth(2).bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        scope = page.locator(".rk-scope")
        scope.get_by_text(first_person(page_file)).first.wait_for(timeout=LATE)
        assert "2 of 3 users" in scope.inner_text()
        row = scope.locator(".rk-tr", has_text="Add to cart").first
        row.click()
        scope.locator(".rk-mini .rk-clock", has_text="0:04").wait_for(timeout=LATE)
        watched.clean()


def test_the_player_plays_and_follows_its_event_table(page_file):
    with browser_page(offline=True) as page:
        watched = Watched(page)
        page.goto(page_file.as_uri())
        page.locator(".rk-fig-player").scroll_into_view_if_needed()
        player = page.locator(".rk-player")
        player.locator(".rk-tr", has_text="Checkout").first.wait_for(timeout=LATE)
        player.locator(".rk-tr", has_text="Checkout").first.click()
        at(page, "0:06")
        recorded = next(
            frame
            for frame in page.frames
            if frame.parent_frame and frame.parent_frame.parent_frame
        )
        assert recorded.evaluate("document.querySelectorAll('*').length") > 100
        player.locator(".rk-ctl .rk-btn-main").click()
        page.wait_for_timeout(1200)
        assert clock(page) > 6.8
        watched.clean()


def until(page, holds, seconds=15) -> None:
    """Wait in Python: the page's policy refuses the strings a browser would evaluate."""
    for _ in range(seconds * 10):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came true")


def at(page, text: str) -> None:
    clock_text = page.locator(".rk-player .rk-clock")
    until(page, lambda: clock_text.inner_text().startswith(text))


def test_a_link_opens_at_its_moment_and_copying_makes_one(page_file):
    link = f"{page_file.as_uri()}#replay=replay-2&t=4500"
    with browser_page(offline=True) as page:
        watched = Watched(page)
        page.goto(link)
        at(page, "0:04.5")
        until(page, lambda: page.evaluate("scrollY") > 300)
        head = page.locator(".rk-player .rk-head")
        assert "person-" in head.inner_text()
        assert first_person(page_file) not in head.inner_text()
        page.evaluate(
            "document.execCommand = () => { window.copied = true; return true }"
        )
        page.evaluate(
            "navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve() }"
        )
        # In a figure of this width it stands in the menu.
        page.locator(".rk-player .rk-ctl").get_by_label("More", exact=True).click()
        page.locator(".rk-menu").get_by_text("Copy link to this moment").click()
        until(page, lambda: page.evaluate("window.copied") == link)
        watched.clean()


def test_without_scripts_the_tables_are_there(page_file):
    with browser_page(offline=True, java_script_enabled=False) as page:
        page.goto(page_file.as_uri())
        for words in (
            "Why they stop",
            f"Session replay of {first_person(page_file)}",
            "Checkout",
        ):
            assert page.get_by_text(words).first.is_visible()
        assert page.get_by_text("Click a point").is_hidden()


def test_a_host_that_blocks_scripts_still_shows_the_tables(page_file):
    """Served under a policy without our script, the twins come forth in their place."""
    with (
        Served(
            page_file.parent, "default-src 'none'; style-src 'unsafe-inline'"
        ) as base,
        browser_page() as page,
    ):
        page.goto(f"{base}/a.html")
        page.get_by_text(f"Session replay of {first_person(page_file)}").wait_for(
            state="visible", timeout=LATE
        )


def test_under_a_strict_policy_that_allows_inline_scripts_all_works(page_file):
    policy = "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data:; frame-src data:"
    with Served(page_file.parent, policy) as base, browser_page() as page:
        page.goto(f"{base}/a.html")
        page.locator(".rk-plot .barlayer .point path").first.wait_for(timeout=LATE)
        page.locator(".rk-fig-player").scroll_into_view_if_needed()
        page.locator(".rk-player .rk-tr", has_text="Checkout").first.click(timeout=LATE)
        at(page, "0:06")


@pytest.mark.parametrize(
    ("sandbox", "charts", "warned"),
    [
        ("", False, False),
        ("allow-scripts", True, True),
        ("allow-scripts allow-same-origin", True, False),
    ],
)
def test_inside_a_mail_viewer(page_file, sandbox, charts, warned):
    """Without scripts the tables, with scripts the charts, and replays where frames may be."""
    viewer = f'<iframe sandbox="{sandbox}" src="a.html" style="width: 1200px; height: 3000px"></iframe>'
    (page_file.parent / "viewer.html").write_text(viewer)
    with (
        Served(page_file.parent, "frame-ancestors 'self'") as base,
        browser_page(height=3100) as page,
    ):
        page.goto(f"{base}/viewer.html")
        inside = page.frame_locator("iframe")
        if charts:
            inside.locator(".rk-plot .barlayer .point path").first.wait_for(
                timeout=LATE
            )
            inside.locator(".rk-player .rk-tr", has_text="Checkout").first.wait_for(
                timeout=LATE
            )
        else:
            inside.get_by_text(f"Session replay of {first_person(page_file)}").wait_for(
                timeout=LATE
            )
        assert inside.get_by_text("This viewer does not let").count() == int(warned)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_and_widgets_follow_the_system_and_a_named_theme(page_file, scheme):
    with browser_page(offline=True, scheme=scheme) as page:
        page.goto(page_file.as_uri())
        page.locator(".rk-plot .barlayer .point path").first.wait_for(timeout=LATE)
        dark = "rgb(33, 33, 33)"
        outside = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (outside == dark) == (scheme == "dark")
        page.evaluate("document.documentElement.dataset.rkTheme = 'dark'")
        until(
            page,
            lambda: (
                page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
            ),
        )
        inside = "getComputedStyle(document.querySelector('[data-rk-figure] div').shadowRoot.querySelector('.rk')).backgroundColor"
        until(page, lambda: page.evaluate(inside) == dark)


def test_a_phone_reads_it_without_scrolling_sideways(page_file):
    with browser_page(width=390, height=844, offline=True) as page:
        page.goto(page_file.as_uri())
        page.locator(".rk-plot .barlayer .point path").first.wait_for(timeout=LATE)
        page.locator(".rk-fig-player").scroll_into_view_if_needed()
        page.locator(".rk-player .rk-tr").first.wait_for(timeout=LATE)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


class Served:
    """A folder behind a server that sends a policy of its own."""

    def __init__(self, folder: Path, policy: str) -> None:
        class Handler(http.server.SimpleHTTPRequestHandler):
            def end_headers(self):
                self.send_header("Content-Security-Policy", policy)
                super().end_headers()

            def log_message(self, *args):
                pass

        handler = functools.partial(Handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def test_on_paper_every_figure_says_something(page_file):
    """What nobody has scrolled to has not been drawn: its twin is printed instead."""
    with browser_page(width=794, height=500) as page:
        watched = Watched(page)
        page.goto(page_file.as_uri())
        page.locator(".rk-fig-result.is-live .main-svg").first.wait_for()
        assert page.locator(".rk-fig-player.is-live").count() == 0
        page.emulate_media(media="print")
        twin = page.locator(".rk-fig-player .rk-twin")
        assert twin.is_visible()
        figure = page.locator(".rk-fig-player")
        assert abs(figure.bounding_box()["height"] - twin.bounding_box()["height"]) < 4
        assert page.locator(".rk-fig-result .main-svg").first.is_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 794
        watched.clean()
