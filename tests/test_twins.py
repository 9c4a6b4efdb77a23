"""What is seen without scripts: tables and moments that every viewer lets through."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import replaykit as rk
from replaykit.bundle import MIME
from replaykit.sharing.browser import Browser, find_browser
from replaykit.sharing.filmstrip import DRAWN, Filmstrip
from replaykit.sharing.filmstrips import filmstrips
from replaykit.twins import Moment, moments, player_twin, strip

ROOT = Path(__file__).parent.parent

#: What a viewer that trusts nobody lets through: no script, style, frame or handler, and
#: no attribute but these. GitHub, nbviewer and an untrusted JupyterLab let through more.
TAGS = {
    *("div", "p", "strong", "code", "br", "table", "thead", "tbody", "tr", "th", "td"),
    *("img", "a", "em", "ul", "ol", "li", "pre", "span", "h1", "h2", "h3"),
}
ATTRIBUTES = {"img": {"src", "alt", "width"}, "a": {"href"}}
VOID = {"br", "img"}


class Sanitiser(HTMLParser):
    """An allow-list sanitiser: writes what is allowed, drops the rest with its content."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._dropped: list[str] = []

    def handle_starttag(self, tag, attrs):
        if self._dropped or tag not in TAGS:
            if tag not in VOID:
                self._dropped.append(tag)
            return
        kept = [
            f' {name}="{html.escape(value or "")}"'
            for name, value in attrs
            if name in ATTRIBUTES.get(tag, ())
            and "script:" not in (value or "").lower()
        ]
        self.out.append(f"<{tag}{''.join(kept)}>")

    def handle_endtag(self, tag):
        if self._dropped:
            if tag == self._dropped[-1]:
                self._dropped.pop()
        elif tag in TAGS:
            self.out.append(f"</{tag}>")

    def handle_data(self, data):
        if not self._dropped:
            self.out.append(html.escape(data))


def sanitised(markup: str) -> str:
    reader = Sanitiser()
    reader.feed(markup)
    reader.close()
    return "".join(reader.out)


def test_the_sanitiser_takes_out_what_viewers_take_out():
    hostile = (
        "<div onclick='x()' style='a'>a<script>b</script><style>c</style>"
        "<iframe src='d'>e</iframe><img src='f' onerror='g'></div>"
    )
    assert sanitised(hostile) == '<div>a<img src="f"></div>'


@pytest.fixture(scope="module")
def shop():
    return rk.demo()


def shown_by(thing) -> dict:
    return thing._repr_mimebundle_()[0]


def test_twins_pass_an_allow_list_untouched(shop):
    player = rk.Player(shop.replays[:2])
    trend = shop.events.segmentation("Purchase", every="1d")
    for thing in (player, shop, trend):
        twin = shown_by(thing)["text/html"]
        assert sanitised(twin) == twin
        assert "<table>" in twin
    twin = sanitised(shown_by(player)["text/html"])
    assert twin.count("<table>") == 2  # moments, and the event table
    assert "<code>/cart</code>" in twin
    assert "and 1 more" in twin


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_committed_notebooks_are_small_and_show_a_table_for_every_widget(path):
    assert path.stat().st_size <= 1_000_000
    for cell in json.loads(path.read_text())["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if MIME in data:
                assert "<table>" in sanitised("".join(data["text/html"]))


def test_plain_nbconvert_shows_the_twin(shop, tmp_path):
    from nbconvert.exporters import HTMLExporter

    player = rk.Player(shop.replays[0])
    output = {"output_type": "display_data", "metadata": {}, "data": shown_by(player)}
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": "player",
        "execution_count": 1,
        "outputs": [json.loads(json.dumps(output))],
    }
    body = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (tmp_path / "a.ipynb").write_text(json.dumps(body))
    page, _ = HTMLExporter().from_filename(str(tmp_path / "a.ipynb"))
    assert "Session replay of hana.0024" in page
    assert "<code>/cart</code>" in page


def session(**given) -> dict:
    events = given.pop("events", [])
    plain = {
        "user": "<ana>",
        "length_ms": 60_000,
        "opened_t": None,
        "because": None,
        "marks": [],
        "pages": [],
        "events": {
            "t": [t for t, *_ in events],
            "name": [name for _, name, *_ in events],
            "charted": [int(len(rest) > 2) for rest in events],
        },
    }
    return {**plain, **given}


def test_moments_are_the_telling_ones_in_time_order_and_apart():
    found = moments(
        session(
            opened_t=30_000,
            because="Dropped",
            events=[
                (500, "View"),
                (30_200, "Pay", 1),
                (45_000, "Buy", 1),
                (99_000, "Late", 1),
                (-5, "Early"),
            ],
            marks=[
                {"t": 40_000, "kind": "error", "label": "TypeError", "count": 1},
                {"t": 41_900, "kind": "rage", "label": "Pay", "count": 5},
                {"t": 40_900, "kind": "dead", "label": "Pay", "count": 1},
            ],
            pages=[
                {"t": 0, "url": "https://x.test/", "title": "Home"},
                {"t": 20_000, "url": "https://x.test/pay?a=1", "title": ""},
            ],
        )
    )
    assert found == [
        Moment(0, "View", "Home", "/"),
        Moment(20_000, "", "Home", "/pay?a=1"),
        Moment(30_000, "Dropped", "Home", "/pay?a=1"),
        Moment(40_000, "error: TypeError", "Home", "/pay?a=1"),
        Moment(41_900, "rage clicks: Pay", "Home", "/pay?a=1"),
        Moment(45_000, "Buy", "Home", "/pay?a=1"),
    ]


def test_a_replay_without_pages_or_events_still_has_a_twin():
    twin = player_twin(session())
    assert "&lt;ana&gt;" in twin
    assert twin == sanitised(twin)
    assert strip([]) == ""


# ── drawn by a browser ───────────────────────────────────────────────────────


@pytest.fixture
def chromium(monkeypatch):
    monkeypatch.delenv("REPLAYKIT_BROWSER")
    found = find_browser()
    if found is None:
        pytest.fail("The browser tests need Chromium: make chromium")
    return found


@pytest.mark.browser
def test_a_player_draws_its_moments_and_a_page_shows_them(shop, tmp_path, chromium):
    player = rk.Player(shop.replays[:2])
    drawn = player.filmstrip()
    assert drawn.table.columns == ["t", "what", "title", "path"]
    assert len(drawn.pictures) == drawn.table.height == 6
    assert all(picture.startswith(b"\x89PNG") for picture in drawn.pictures)
    assert len(set(drawn.pictures)) >= 4
    data, about = drawn._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png"}
    rk.share(player, to=tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    twin = re.findall(r'<div class="rk-twin.*?</figure>', page, re.DOTALL)[0]
    assert twin.count('<img src="data:image/png;base64,') == 6

    output = {"output_type": "display_data", "metadata": about, "data": data}
    shown = {"output_type": "display_data", "metadata": {}, "data": shown_by(player)}
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "",
        "execution_count": 1,
        "outputs": [json.loads(json.dumps(one)) for one in (shown, output)],
    }
    body = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (tmp_path / "a.ipynb").write_text(json.dumps(body))
    report = rk.share(tmp_path / "a.ipynb", tmp_path / "b.html", filmstrip=False)
    assert data["image/png"] not in (tmp_path / "b.html").read_text()
    assert any("filmstrip drawn in the notebook" in note for note in report.notes)
    rk.share(tmp_path / "a.ipynb", tmp_path / "b.html", mask=False, filmstrip=False)
    assert data["image/png"] in (tmp_path / "b.html").read_text()


@pytest.mark.browser
def test_a_saved_notebook_is_completed_with_pictures(shop, tmp_path, chromium):
    """Displaying a player draws nothing; the notebook gets its pictures at the end."""
    path = tmp_path / "a.ipynb"
    shown = {"output_type": "display_data", "metadata": {}}
    shown["data"] = shown_by(rk.Player(shop.replays[:2]))
    assert "image/png" not in shown["data"]
    chart = {"output_type": "display_data", "metadata": {}}
    chart["data"] = shown_by(shop.events.segmentation("Purchase", every="1w"))
    cell = {"cell_type": "code", "metadata": {}, "source": "", "execution_count": 1}
    body = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
    body["cells"] = [{**cell, "outputs": [shown, chart]}]
    path.write_text(json.dumps(body))
    assert filmstrips(path, budget="10KB") == 0
    assert filmstrips(path) == 1
    assert filmstrips(path) == 1
    outputs = json.loads(path.read_text())["cells"][0]["outputs"]
    assert [set(one["data"]) & {MIME, "image/png"} for one in outputs] == [
        {MIME},
        {"image/png"},
        {MIME},
    ]
    assert base64.b64decode(outputs[1]["data"]["image/png"]).startswith(b"\x89PNG")
    assert path.stat().st_size < 1_000_000
    report = rk.share(path, tmp_path / "a.html", filmstrip=False)
    assert any("filmstrip drawn in the notebook" in note for note in report.notes)


@pytest.mark.browser
def test_the_drawing_browser_reaches_nothing(tmp_path, chromium):
    (tmp_path / "a.html").write_text("<p>a</p>")
    with Browser(chromium) as browser:
        browser.open(tmp_path / "a.html")
        browser.record()
        reached = browser.run(
            "fetch('http://example.com/').then(() => 'reached', () => 'refused')"
        )
        assert reached == "refused"
        assert browser.run("1 + 1") == 2
        assert browser.requested() == ["http://example.com/"]
    with pytest.raises(
        rk.errors.ReplayKitError if hasattr(rk, "errors") else Exception
    ):
        browser.run("1")


@pytest.mark.browser
def test_without_a_working_browser_there_are_cards(shop, tmp_path, monkeypatch):
    DRAWN.clear()
    for program in ("", shutil.which("false")):
        monkeypatch.setenv("REPLAYKIT_BROWSER", program)
        drawn = Filmstrip.of(rk.Player(shop.replays[0]))
        assert drawn.pictures == (None,) * 6
        data, _ = drawn._repr_mimebundle_()
        assert "<code>/cart</code>" in data["text/html"]
        rk.share(rk.Player(shop.replays[0]), to=tmp_path / "a.html")
        assert "<code>/cart</code>" in (tmp_path / "a.html").read_text()
