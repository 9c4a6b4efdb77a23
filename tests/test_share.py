"""Sharing: what travels, what is refused, and that nothing of it becomes markup."""

from __future__ import annotations

import base64
import json
import re
import zlib
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

import replaykit as rk
from replaykit.bundle import MIME, POINTS, POINTS_BYTES, unpack
from replaykit.capsule import Blobs
from replaykit.errors import BadInput, MissingFile, UnknownOption
from replaykit.sharing import notebook as saved
from replaykit.sharing.clean import clean
from replaykit.sharing.library import OWN_PART
from replaykit.sharing.markup import Prose, code, plain
from replaykit.travelling import collect, planned, point_keys, saved_form, thaw

NASTY = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`--><!-- \u2028é"
)
START = datetime(2026, 3, 3, 9, tzinfo=UTC)


def recording(start: datetime, url: str = "https://shop.example/cart") -> list[dict]:
    """A recording of one page and two mouse moves."""
    at = int(start.timestamp() * 1000)
    page = {
        "type": 0,
        "id": 1,
        "childNodes": [
            {
                "type": 2,
                "id": 2,
                "tagName": "html",
                "attributes": {},
                "childNodes": [
                    {
                        "type": 2,
                        "id": 3,
                        "tagName": "body",
                        "attributes": {"title": NASTY},
                        "childNodes": [
                            {"type": 3, "id": 4, "textContent": f"Cart {NASTY}"}
                        ],
                    }
                ],
            }
        ],
    }
    return [
        {
            "type": 4,
            "timestamp": at,
            "data": {"href": url, "width": 800, "height": 600},
        },
        {
            "type": 2,
            "timestamp": at,
            "data": {"node": page, "initialOffset": {"top": 0, "left": 0}},
        },
        {
            "type": 3,
            "timestamp": at + 900,
            "data": {
                "source": 1,
                "positions": [{"x": 5, "y": 5, "id": 3, "timeOffset": 0}],
            },
        },
        {
            "type": 3,
            "timestamp": at + 9_000,
            "data": {
                "source": 1,
                "positions": [{"x": 9, "y": 9, "id": 3, "timeOffset": 0}],
            },
        },
    ]


def story(
    tmp_path, *, people: int = 12, recorded: int = 2, name: str = "Search"
) -> rk.Events:
    """People who search; every second one buys; the first ones are recorded."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    rows = []
    for n in range(people):
        user, start = f"user-{n}", START + timedelta(hours=n)
        session = int(start.timestamp() * 1000)
        rows.append((user, start + timedelta(seconds=1), name, NASTY, session))
        if n % 2 == 0:
            rows.append((user, start + timedelta(seconds=4), "Buy", NASTY, session))
        if n < recorded:
            events = recording(start, f"https://shop.example/cart?q={NASTY}")
            file = folder / f"{user}_{session}.json"
            file.write_text(json.dumps(events))
    columns = ["user", "time", "event", "note", "session"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return rk.events(frame, session="session", replays=folder)


def notebook(path, *cells: dict) -> str:
    path.write_text(
        json.dumps(
            {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
        )
    )
    return str(path)


def text(source: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def ran(source: str, *outputs: dict) -> dict:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "execution_count": 1,
        "outputs": list(outputs),
    }


def showed(data: dict) -> dict:
    return {"output_type": "display_data", "metadata": {}, "data": data}


def displayed(thing) -> dict:
    data, _ = thing._repr_mimebundle_()
    return showed(json.loads(json.dumps(data)))


class Tags(HTMLParser):
    """All tags of a page with their attributes, and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[tuple[dict, str]] = []
        self._script: dict | None = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._script = dict(attrs) if tag == "script" else None

    def handle_data(self, data):
        if self._script is not None:
            self.scripts.append((self._script, data))
            self._script = None

    def handle_endtag(self, tag):
        self._script = None


def blobs_of(page: str) -> dict[str, bytes]:
    return {
        attrs["data-rk-blob"]: zlib.decompress(base64.b64decode(body))
        for attrs, body in Tags(page).scripts
        if "data-rk-blob" in attrs
    }


def figures_of(page: str) -> list[dict]:
    index = next(
        body for attrs, body in Tags(page).scripts if attrs.get("id") == "rk-page"
    )
    blobs = blobs_of(page)
    return [json.loads(blobs[name]) for name in json.loads(index)["figures"]]


# ── what travels ─────────────────────────────────────────────────────────────


def test_a_result_brings_users_streams_and_the_first_replays(tmp_path):
    page = tmp_path / "page.html"
    funnel = story(tmp_path).funnel("Search", "Buy", within="1d")
    report = rk.share(funnel, to=page, mask=False)
    (figure,) = figures_of(page.read_text())
    assert figure["kind"] == "result"
    assert report.charts == 1
    users = figure["replies"]['users {"key":"funnel|2|reached|","with_replays":false}'][
        "data"
    ]
    assert [row["user"] for row in users["rows"]] == [
        f"user-{n}" for n in range(0, 12, 2)
    ]
    stream = figure["replies"]['stream {"key":"funnel|2|reached|","user":"user-0"}'][
        "data"
    ]
    assert [figure["rows"][row][1] for row in stream["rows"]["id"]] == ["Search", "Buy"]
    assert set(figure["replays"]) == report_replays(figure)
    assert report.replays == len(figure["replays"]) == 2


def report_replays(figure: dict) -> set[str]:
    return {
        json.loads(key.removeprefix("session "))["replay"]
        for key in figure["replies"]
        if key.startswith("session ")
    }


@pytest.mark.parametrize(
    ("export", "replays"), [("none", 0), ("shown", 0), (1, 2), (5, 2)]
)
def test_export_says_which_recordings_travel(tmp_path, export, replays):
    funnel = story(tmp_path).funnel("Search", "Buy", within="1d")
    report = rk.share(funnel, to=tmp_path / "page.html", export=export)
    assert report.replays == replays


def test_a_session_that_stays_behind_is_told_from_one_not_recorded(tmp_path):
    funnel = story(tmp_path).funnel("Search", "Buy", within="1d")
    rk.share(funnel, to=tmp_path / "page.html", export="none")
    (figure,) = figures_of((tmp_path / "page.html").read_text())
    sessions = [
        session
        for key, entry in figure["replies"].items()
        if key.startswith("stream ")
        for session in entry["data"]["sessions"]
    ]
    assert all(session["replay"] is None for session in sessions)
    assert {session.get("elsewhere", False) for session in sessions} == {True, False}
    recorded = figure["replies"]['point {"key":"funnel|1|reached|"}']["data"]
    assert recorded["users_with_replays"] == 2


def test_the_number_of_a_point_is_the_true_one_and_the_page_says_how_many_travel(
    tmp_path,
):
    funnel = story(tmp_path, people=30).funnel("Search", "Buy", within="1d")
    rk.share(funnel, to=tmp_path / "page.html")
    (figure,) = figures_of((tmp_path / "page.html").read_text())
    point = figure["replies"]['point {"key":"funnel|1|reached|"}']["data"]
    assert point["users"] == 30
    assert "the first 8 of 30 users are in this page" in point["subtitle"]


def test_two_figures_share_the_bytes_of_one_replay(tmp_path):
    events = story(tmp_path)
    player = events.everyone().watch()
    rk.share(player, to=tmp_path / "one.html")
    rk.share(player, player, to=tmp_path / "two.html")
    one, two = (
        blobs_of((tmp_path / name).read_text()) for name in ("one.html", "two.html")
    )
    assert set(one) == set(two)


def test_a_player_saves_itself(tmp_path):
    report = story(tmp_path).everyone().watch().save(tmp_path / "one.html")
    assert report.replays == 2
    (figure,) = figures_of((tmp_path / "one.html").read_text())
    assert figure["kind"] == "player"


def test_ready_answers_survive_a_notebook_without_a_project(tmp_path):
    funnel = story(tmp_path).funnel("Search", "Buy", within="1d")
    answers, bundle = funnel._replaykit_share_()
    blobs = Blobs()
    capsule = thaw(saved_form(answers, bundle)["capsule"], blobs)
    live = collect(
        answers, bundle, travelling=planned(answers, bundle, 1), blobs=Blobs(), people=3
    )
    assert capsule.replies == live.replies
    assert capsule.replays == live.replays
    named = {
        name for entry in capsule.replies.values() for name in entry.get("buffers", ())
    }
    assert named <= set(blobs.parts)


# ── notebooks ────────────────────────────────────────────────────────────────


def test_a_notebook_becomes_a_page_in_order(tmp_path):
    events = story(tmp_path)
    funnel = events.funnel("Search", "Buy", within="1d")
    source = notebook(
        tmp_path / "tour.ipynb",
        text("# Where they stop\n\nWe *looked*."),
        text("## First\n\n### Closer"),
        ran("funnel = 1  # a comment", displayed(funnel)),
        ran(
            "print(1)",
            {"output_type": "stream", "name": "stdout", "text": ["10 %\r", "100 %\n"]},
        ),
        ran("x", {"output_type": "stream", "name": "stderr", "text": "progress"}),
        ran(
            "1/0",
            {
                "output_type": "error",
                "ename": "ZeroDivisionError",
                "evalue": "division",
                "traceback": ["\x1b[31mZero\x1b[0m <b>"],
            },
        ),
        ran(
            "",
            showed(
                {
                    "text/html": "<table><tr><td onclick='x()'>cell 7</td></tr></table><style>p{}</style>"
                }
            ),
        ),
        text("## Second"),
    )
    report = rk.share(source, tmp_path / "tour.html")
    page = (tmp_path / "tour.html").read_text()
    assert "<title>Where they stop</title>" in page
    assert page.count("<h1>Where they stop</h1>") == 1
    assert re.findall(r"<nav.*?</nav>", page)[0].count("<a") == 3
    places = [
        page.index(words)
        for words in (
            "We <em>looked",
            "a comment",
            "data-rk-figure",
            ">100 %<",
            "Zero &lt;b&gt;",
            "<td>cell 7</td>",
            "Second</h2>",
        )
    ]
    assert places == sorted(places)
    assert "progress" not in page
    assert "\x1b" not in page
    assert report.charts == 1


def test_a_saved_notebook_gives_the_same_answers_as_the_live_result(tmp_path):
    _, funnel = project(tmp_path)
    source = notebook(tmp_path / "a.ipynb", ran("", displayed(funnel)))
    rk.share(source, tmp_path / "saved.html")
    rk.share(funnel, to=tmp_path / "live.html")
    (saved_one,) = figures_of((tmp_path / "saved.html").read_text())
    (live,) = figures_of((tmp_path / "live.html").read_text())
    assert saved_one == live


def project(tmp_path):
    """A project on disk with one funnel."""
    lines = []
    for n in range(6):
        start = START + timedelta(hours=n)
        for k, name in enumerate(["Search", "Buy"][: 1 + n % 2]):
            when = start + timedelta(seconds=1 + k)
            lines.append(
                {
                    "event_type": name,
                    "user_id": f"user-{n}",
                    "device_id": f"d-{n}",
                    "amplitude_id": n + 1,
                    "event_time": f"{when:%Y-%m-%d %H:%M:%S.%f}",
                    "session_id": int(start.timestamp() * 1000),
                    "event_id": len(lines),
                    "uuid": f"00000000-0000-0000-0000-{len(lines):012}",
                    "event_properties": {"note": NASTY},
                    "user_properties": {},
                }
            )
    (tmp_path / "export.json").write_text("\n".join(json.dumps(line) for line in lines))
    (tmp_path / "rec").mkdir()
    at = int(START.timestamp() * 1000)
    (tmp_path / "rec" / f"d-1_{at + 3_600_000}.json").write_text(
        json.dumps(recording(START + timedelta(hours=1)))
    )
    shop = rk.create(tmp_path / "shop.rk", now=START + timedelta(days=1))
    shop.add_events(tmp_path / "export.json", progress=False)
    shop.add_replays(tmp_path / "rec", progress=False)
    return shop, shop.events.funnel("Search", "Buy", within="1d")


def test_the_chart_library_is_ours_unless_a_figure_needs_more(tmp_path):
    entry = Path(rk.__file__).parent / "widgets" / "js" / "plotly-bundle.ts"
    (registered,) = re.findall(r"register\(\[(.*?)\]\)", entry.read_text())
    assert {"scatter", *registered.split(", ")} == OWN_PART
    for kind, label in (("bar", "chart library"), ("histogram", "whole chart library")):
        plot = {"data": [{"type": kind, "x": [1, 1, 2]}], "layout": {}}
        source = notebook(
            tmp_path / "a.ipynb",
            ran("", showed({"application/vnd.plotly.v1+json": plot})),
        )
        report = rk.share(source, tmp_path / "x.html")
        assert label in [part.label for part in report.parts]
        assert report.charts == 1


def test_nbconvert_writes_the_same_page(tmp_path):
    from nbconvert.exporters import get_exporter

    _, funnel = project(tmp_path)
    cell = {**ran("funnel", displayed(funnel)), "id": "a"}
    source = notebook(tmp_path / "a.ipynb", cell)
    exporter = get_exporter("replaykit.sharing.exporter.ReplaykitExporter")()
    page, resources = exporter.from_filename(source)
    rk.share(source, tmp_path / "x.html")
    assert page == (tmp_path / "x.html").read_text()
    assert resources["output_extension"] == ".html"


# ── named errors ─────────────────────────────────────────────────────────────


def test_a_missing_notebook_is_named(tmp_path):
    notebook(tmp_path / "tour.ipynb")
    with pytest.raises(MissingFile, match=r"Did you mean 'tour\.ipynb'"):
        rk.share(tmp_path / "tuor.ipynb", tmp_path / "x.html")


@pytest.mark.parametrize(
    "body", ["not json", "[1]", '{"worksheets": []}', "[" * 100_000]
)
def test_a_file_that_is_no_notebook_is_named(tmp_path, body):
    (tmp_path / "a.ipynb").write_text(body)
    with pytest.raises(BadInput, match="not a notebook"):
        rk.share(tmp_path / "a.ipynb", tmp_path / "x.html")


def test_a_notebook_that_shows_nothing_is_named(tmp_path):
    source = notebook(tmp_path / "a.ipynb", text("# Only words"))
    with pytest.raises(BadInput, match="shows no result"):
        rk.share(source, tmp_path / "x.html")


def test_a_project_that_has_moved_is_named_and_can_be_pointed_at(tmp_path):
    _, funnel = project(tmp_path)
    source = notebook(tmp_path / "a.ipynb", ran("", displayed(funnel)))
    (tmp_path / "shop.rk").rename(tmp_path / "moved.rk")
    with pytest.raises(
        MissingFile, match=r"shop\.rk, which is not at .*project='the/new/place'"
    ):
        rk.share(source, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()
    rk.share(source, tmp_path / "x.html", project=str(tmp_path / "moved.rk"))
    assert (tmp_path / "x.html").exists()


def test_a_project_that_has_changed_is_refused_or_allowed_with_a_note(tmp_path):
    shop, funnel = project(tmp_path)
    source = notebook(tmp_path / "a.ipynb", ran("", displayed(funnel)))
    more = {
        "event_type": "Search",
        "user_id": "new",
        "event_time": "2026-03-03 12:00:00.0",
        "uuid": "n",
        "event_id": 99,
        "session_id": -1,
    }
    (tmp_path / "more.json").write_text(json.dumps(more))
    shop.add_events(tmp_path / "more.json", progress=False)
    with pytest.raises(BadInput, match="was saved at version"):
        rk.share(source, tmp_path / "x.html")
    report = rk.share(source, tmp_path / "x.html", changed="allow")
    assert any("charts are as saved" in note for note in report.notes)


def test_a_budget_names_the_largest_parts_and_writes_nothing(tmp_path):
    funnel = story(tmp_path).funnel("Search", "Buy", within="1d")
    with pytest.raises(
        BadInput, match=r"over its budget of 100KB.*chart library \d+ KB"
    ):
        rk.share(funnel, to=tmp_path / "x.html", budget="100KB")
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize(
    "options",
    [{"export": "all"}, {"export": 0}, {"budget": "ten"}, {"changed": "maybe"}],
)
def test_unknown_options_are_named(tmp_path, options):
    with pytest.raises(UnknownOption):
        rk.share("a.ipynb", tmp_path / "x.html", **options)


def test_what_cannot_be_shared_is_named(tmp_path):
    with pytest.raises(BadInput, match="DataFrame cannot be shared"):
        rk.share(pl.DataFrame(), to=tmp_path / "x.html")
    with pytest.raises(BadInput, match="what to share and where to"):
        rk.share("a.ipynb")
    with pytest.raises(MissingFile, match="no folder"):
        rk.share(story(tmp_path).everyone().watch(), to=tmp_path / "no" / "x.html")


def test_a_damaged_output_is_named(tmp_path):
    _, funnel = project(tmp_path)
    output = displayed(funnel)
    output["data"][MIME]["points"] = "!!"
    with pytest.raises(BadInput, match="damaged"):
        rk.share(notebook(tmp_path / "a.ipynb", ran("", output)), tmp_path / "x.html")


def test_the_report_names_parts_and_totals(tmp_path):
    report = rk.share(
        story(tmp_path).funnel("Search", "Buy", within="1d"), to=tmp_path / "x.html"
    )
    assert report.bytes == (tmp_path / "x.html").stat().st_size
    # Line ends between the parts are all that the parts do not name.
    assert 0 <= report.bytes - sum(part.bytes for part in report.parts) < 200
    assert "chart library" in repr(report)


# ── hostile strings ──────────────────────────────────────────────────────────


def test_no_string_of_the_data_becomes_markup(tmp_path):
    events = story(tmp_path, name=NASTY)
    funnel = events.funnel(NASTY, "Buy", within="1d")
    output, seen = displayed(funnel), displayed(events.everyone().watch())
    plot = {
        "data": [{"type": "bar", "x": [NASTY], "y": [1]}],
        "layout": {"title": {"text": NASTY}},
    }
    source = notebook(
        tmp_path / "a.ipynb",
        text(
            f"# {NASTY}\n\n## {NASTY}\n\n[{NASTY}](javascript:alert(1)) ![x](http://evil.example/x.png) <iframe src=//evil.example></iframe>"
        ),
        ran(
            f"x = '{NASTY}'",
            output,
            seen,
            showed({"application/vnd.plotly.v1+json": plot}),
        ),
        ran(
            "",
            showed({"text/html": NASTY}),
            showed({"text/plain": NASTY}),
            showed({"text/markdown": NASTY}),
        ),
        ran("", showed({"image/png": '" onerror="alert(1)', "text/plain": NASTY})),
        ran("", {"output_type": "stream", "name": "stdout", "text": NASTY}),
        ran(
            "",
            {
                "output_type": "error",
                "ename": NASTY,
                "evalue": NASTY,
                "traceback": [NASTY],
            },
        ),
    )
    rk.share(source, tmp_path / "x.html", title=NASTY)
    page = (tmp_path / "x.html").read_text()
    found = Tags(page)
    scripts = [attrs for tag, attrs in found.tags if tag == "script"]
    assert all("src" not in attrs for attrs in scripts)
    kinds = [attrs.get("type") for attrs in scripts]
    assert kinds.count("module") == 1
    assert set(kinds) == {"module", "text/plain", "application/json"}
    for tag, attrs in found.tags:
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        assert tag not in {"iframe", "object", "embed", "base", "form", "link"}
        if tag in {"a", "img"}:
            for name in ("href", "src"):
                value = attrs.get(name) or "#"
                assert value.startswith(("#", "data:image/", "https://")), value


def test_the_policy_allows_no_network_and_our_three_scripts_only(tmp_path):
    rk.share(story(tmp_path).everyone().watch(), to=tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    policy = next(
        attrs["content"] for tag, attrs in Tags(page).tags if "http-equiv" in attrs
    )
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"('sha256-[\w+/=]{44}' ){3}blob:", rules["script-src"])
    assert "http" not in policy
    assert "connect-src" not in rules


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("<p onclick=x()>a</p>", "<p>a</p>"),
        ("<b>a", "<b>a</b>"),
        ("a</b></p>", "a"),
        (
            "<table><tr><td colspan=2 style=x>1</table>",
            '<table><tr><td colspan="2">1</td></tr></table>',
        ),
        ("<a href=' java\nscript:alert(1)'>x</a>", "<a>x</a>"),
        ("<a href='JAVASCRIPT:x'>x</a>", "<a>x</a>"),
        ("<a href='data:text/html,x'>x</a>", "<a>x</a>"),
        ("<a href='//evil.example'>x</a>", "<a>x</a>"),
        ("<a href='#s-x'>x</a>", '<a href="#s-x">x</a>'),
        (
            '<a href="https://x.example/\'">x</a>',
            '<a href="https://x.example/&#x27;" rel="noopener noreferrer" target="_blank">x</a>',
        ),
        ("<img src=http://evil.example/a.png alt='a <b>'>", "a &lt;b&gt;"),
        (
            "<img src='data:image/png;base64,AAAA' onerror=x>",
            '<img src="data:image/png;base64,AAAA">',
        ),
        ("<img src='data:text/html;base64,AAAA'>", ""),
        ("<svg><script>x</script></svg>b", "b"),
        ("<style>p{}</style><SCRIPT>x</SCRIPT >b", "b"),
        ("<math><mtext></table><mglyph><style><img src=x onerror=x>", ""),
        ("<noscript><p title='</noscript><img src=x onerror=x>'>", ""),
        ("<unknown-tag>a</unknown-tag>", "a"),
        ("<!-- x --><![CDATA[y]]>&lt;b&gt;", "&lt;b&gt;"),
        ("<scr<script>ipt>alert(1)</scr</script>ipt>", "ipt&gt;alert(1)ipt&gt;"),
    ],
)
def test_markup_of_others_is_reduced(given, written):
    assert clean(given) == written


def test_cleaning_twice_changes_nothing():
    once = clean(
        f"<div><p>{NASTY}</p><table><tr><th>a<td>b</table><ul><li>1<li>2</ul></div>"
    )
    assert clean(once) == once


def test_prose_keeps_images_beside_the_notebook_only(tmp_path):
    (tmp_path / "book").mkdir()
    png = b"\x89PNG\r\n\x1a\n0"
    (tmp_path / "book" / "in.png").write_bytes(png)
    (tmp_path / "out.png").write_bytes(png)
    (tmp_path / "book" / "secret.png").write_text("password")
    prose = Prose(tmp_path / "book")
    page = prose.write(
        "![a](in.png) ![b](../out.png) ![c](secret.png) ![d](https://x.example/d.png) ![e](attachment:f.png)",
        {"f.png": {"image/png": "AAAA"}},
    )
    assert page.count("<img") == 2
    assert "password" not in page
    assert len(prose.missing) == 3


def test_headings_get_names_of_their_own():
    prose = Prose()
    prose.write("## Same\n\n## Same\n\n## 日本")
    assert [one.anchor for one in prose.headings] == ["s-same", "s-same-2", "s-part"]


def test_code_and_print_are_escaped():
    assert "<script>" not in code(f"x = '''{NASTY}'''")
    assert "<script>" not in plain(NASTY)
    assert code("x = 1", language="no such language") == "x = 1"


def test_cells_can_be_left_out_by_tag(tmp_path):
    hidden = ran("secret()", {"output_type": "stream", "name": "stdout", "text": "out"})
    hidden["metadata"]["tags"] = ["remove-input"]
    gone = text("gone")
    gone["metadata"]["tags"] = ["remove-cell"]
    blocks = saved.read(notebook(tmp_path / "a.ipynb", hidden, gone))
    assert blocks == [saved.Printed("out")]


def test_every_point_of_a_chart_is_asked_about(tmp_path):
    funnel = story(tmp_path).funnel("Search", "Buy", within="1d")
    _, bundle = funnel._replaykit_share_()
    assert point_keys(bundle) == [entry["key"] for entry in unpack(bundle["points"])]
    assert "funnel|2|dropped|" in point_keys(bundle)


def test_sharing_reads_no_more_than_the_people_who_travel(tmp_path):
    """The questions of one figure read the events once, not once per question."""
    events = story(tmp_path, people=30)
    reads = []
    source = events.source

    def scan(properties, users=None, *, buckets=None):
        reads.append(properties)
        return source.scan(properties, users, buckets=buckets)

    from dataclasses import replace

    counted = replace(events, source=replace(source, scan=scan))
    funnel = counted.funnel("Search", "Buy", within="1d")
    answers, bundle = funnel._replaykit_share_()
    before = len(reads)
    collect(answers, bundle, travelling=[], blobs=Blobs())
    assert len(reads) - before <= 1 + len(point_keys(bundle))


def test_more_points_of_an_object_may_open_than_a_notebook_keeps(tmp_path):
    """Eighty days are eighty points: a notebook keeps the last 64 of them."""
    days = [START + timedelta(days=n) for n in range(80)]
    frame = pl.DataFrame({"user": ["anna"] * 80, "time": days, "event": ["Buy"] * 80})
    trend = rk.events(frame).segmentation("Buy", every="1d")

    def open_in(page, **options):
        rk.share(trend, to=page, **options)
        (figure,) = figures_of(page.read_text())
        return sum(key.startswith("point ") for key in figure["replies"])

    assert open_in(tmp_path / "a.html") == 64
    assert open_in(tmp_path / "b.html", points=80) == 80
    assert open_in(tmp_path / "c.html", points=0) == 0
    with pytest.raises(UnknownOption, match="points=-1"):
        rk.share(trend, to=tmp_path / "d.html", points=-1)


def test_a_preview_reports_and_writes_nothing(tmp_path):
    player = story(tmp_path).everyone().watch()
    report = rk.share(player, to=tmp_path / "a.html", preview=True)
    assert report.bytes > 300_000
    assert not (tmp_path / "a.html").exists()
    assert rk.share(player, to=tmp_path / "a.html").bytes == report.bytes


def test_what_a_notebook_saves_of_points_stays_in_its_budget_and_says_what_is_left(
    tmp_path,
):
    folder = tmp_path / "shop.rk"
    shop = rk.create(folder)
    rows = [
        (f"user-{n}-{'x' * 40}", START + timedelta(hours=n % 900), "Search")
        for n in range(9_000)
    ]
    frame = pl.DataFrame(rows, schema=["user", "time", "event"], orient="row")
    shop.add_events(frame, user="user", time="time", event="event")
    trend = rk.open(folder).events.segmentation("Search", every="1h")
    data, _ = trend._repr_mimebundle_()
    bundle = json.loads(json.dumps(data[MIME]))
    saved_points = unpack(bundle["points"])
    assert len(bundle["points"]) <= POINTS_BYTES
    assert 10 < len(saved_points) <= POINTS
    assert bundle["of"] == trend.table.filter(pl.col("value") > 0).height == 900
    newest = [f"|{int(moment.timestamp() * 1000)}" for moment in last_hours(trend)]
    for entry, ending in zip(saved_points, newest, strict=False):
        assert ending in entry["key"]
    source = notebook(tmp_path / "a.ipynb", ran("trend", displayed(trend)))
    report = rk.share(source, tmp_path / "a.html")
    words = f"{len(saved_points)} of its 900 points open here, the latest ones."
    assert words in (tmp_path / "a.html").read_text()
    left = 900 - len(saved_points)
    said = f"{left:,} listed replays or points stay behind"
    assert any(said in note for note in report.notes)


def last_hours(trend) -> list[datetime]:
    times = trend.table.filter(pl.col("value") > 0)["time"]
    return times.sort(descending=True).to_list()


def test_a_column_of_users_counts_them_or_names_them():
    table = (
        "<table><tr><th>step</th><th>{}</th></tr><tr><td>1</td><td>{}</td></tr></table>"
    )

    def shown(head: str, cell: str) -> str:
        written = clean(table.format(head, cell), None, lambda _: "person-1")
        return re.findall(r"<td>([^<]*)</td>", written)[1]

    assert shown("users", "1,234") == "1,234"
    assert shown("users", "285") == "285"
    assert shown("users", "ana") == "person-1"
    assert shown("user", "285") == "person-1"
    assert shown("user", "null") == "null"
