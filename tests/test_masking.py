"""A shared page: a secret planted anywhere is taken out, and found if it is not."""

from __future__ import annotations

import base64
import json
import re
import zlib
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import plotly.graph_objects as go
import polars as pl
import pytest

import replaykit as rk
from replaykit.errors import BadInput, NotMasked, UnknownOption
from replaykit.redaction import scrub
from replaykit.redaction.words import Words
from replaykit.replies import bundle_file
from replaykit.sharing.document import _script
from replaykit.sharing.proof import Searched, left_in

START = datetime(2026, 3, 3, 9, tzinfo=UTC)
AT = int(START.timestamp() * 1000)

#: Where a secret is planted, and what must stay unmasked for it to be left there.
IN_RECORDING = {
    "text": (),
    "attribute": (),
    "title": (),
    "css-string": (),
    "css-comment": (),
    "css-selector": (),
    "css-rule": (),
    "drawing": (),
    "canvas": (),
    "added": (),
    "changed-text": (),
    "changed-attribute": (),
    "value": ("inputs",),
    "typed": ("inputs",),
    "textarea": ("inputs",),
    "meta": ("addresses",),
    "link": ("addresses",),
    "console": ("console", "network"),
    "body": ("console", "network"),
}
IN_PAGE = {
    "property": ("properties",),
    "event-name": (),
    "output": (),
    "table": (),
    "error": (),
    "prose": (),
    "code": (),
    "hover": (),
    "label": (),
    "author-title": (),
}
PLACES = {**IN_RECORDING, **IN_PAGE}
BUY = "Buy ana-event-name-4711"


def secret(place: str) -> str:
    return f"ana-{place}-4711"


def recording() -> list[dict]:
    """One page with a secret of its own in every place."""
    element = lambda number, tag, attributes, *children: {  # noqa: E731
        "type": 2,
        "id": number,
        "tagName": tag,
        "attributes": attributes,
        "childNodes": list(children),
    }
    text = lambda number, words: {  # noqa: E731
        "type": 3,
        "id": number,
        "textContent": words,
    }
    drawing = f"<svg xmlns='http://www.w3.org/2000/svg'><text>{secret('drawing')}</text></svg>"
    css = (
        f".{secret('css-selector')} {{ color: red }} /* {secret('css-comment')} */"
        f" .b::after {{ content: '{secret('css-string')}'; background: url(data:image/png;base64,AAAA) }}"
    )
    html = element(
        2,
        "html",
        {},
        element(
            3,
            "head",
            {},
            element(4, "title", {}, text(5, f"Hello {secret('title')}")),
            element(6, "style", {}, {**text(7, css), "isStyle": True}),
        ),
        element(
            8,
            "body",
            {"class": f"b {secret('css-selector')}"},
            element(9, "p", {}, text(10, f"Dear {secret('text')}, welcome")),
            element(11, "div", {"data-owner": secret("attribute")}, text(12, "x")),
            element(13, "input", {"type": "text", "value": secret("value")}),
            element(14, "textarea", {}, text(15, secret("textarea"))),
            element(16, "a", {"href": f"/me?who={secret('link')}"}, text(17, "me")),
            element(18, "img", {"src": f"data:image/svg+xml,{quote(drawing)}"}),
            element(19, "canvas", {"rr_dataURL": "data:image/png;base64,AAAA"}),
            element(20, "input", {"type": "search"}),
        ),
    )
    page = {"type": 0, "id": 1, "childNodes": [html]}
    change = {"source": 0, "adds": [], "removes": [], "texts": [], "attributes": []}
    added = {
        "parentId": 8,
        "nextId": None,
        "node": element(30, "b", {}, text(31, secret("added"))),
    }
    data = [
        (3, {**change, "adds": [added]}),
        (3, {**change, "texts": [{"id": 12, "value": secret("changed-text")}]}),
        (
            3,
            {
                **change,
                "attributes": [
                    {"id": 11, "attributes": {"title": secret("changed-attribute")}}
                ],
            },
        ),
        (3, {"source": 5, "id": 20, "text": secret("typed"), "isChecked": False}),
        (
            3,
            {
                "source": 8,
                "id": 6,
                "adds": [{"rule": f'.b::before {{ content: "{secret("css-rule")}" }}'}],
            },
        ),
        (
            3,
            {
                "source": 9,
                "id": 19,
                "type": 0,
                "commands": [
                    {"property": "fillText", "args": [secret("canvas"), 1, 1]}
                ],
            },
        ),
        (
            6,
            {
                "plugin": "rrweb/console@1",
                "payload": {
                    "level": "error",
                    "payload": [f'"TypeError: no {secret("console")}"'],
                    "trace": [],
                },
            },
        ),
        (
            6,
            {
                "plugin": "rrweb/network@1",
                "payload": {
                    "requests": [
                        {
                            "url": "https://shop.example/api",
                            "method": "POST",
                            "status": 200,
                            "requestBody": f'{{"who": "{secret("body")}"}}',
                        }
                    ]
                },
            },
        ),
        (3, {"source": 1, "positions": [{"x": 9, "y": 9, "id": 8, "timeOffset": 0}]}),
    ]
    url = f"https://shop.example/cart?token={secret('meta')}"
    events = [
        {
            "type": 4,
            "timestamp": AT,
            "data": {"href": url, "width": 800, "height": 600},
        },
        {
            "type": 2,
            "timestamp": AT,
            "data": {"node": page, "initialOffset": {"top": 0, "left": 0}},
        },
    ]
    for index, (kind, one) in enumerate(data):
        events.append(
            {"type": kind, "timestamp": AT + 1_500 * (index + 1), "data": one}
        )
    return events


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project in which every secret is the id of somebody."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "rec").mkdir()
    (folder / "rec" / f"dev-0815_{AT}.json").write_text(json.dumps(recording()))
    late = START + timedelta(hours=2)
    rows = [
        ("ben-0815", "dev-0815", START + timedelta(seconds=2), "Search", AT),
        ("ben-0815", "dev-0815", START + timedelta(seconds=4), BUY, AT),
        *(
            (secret(place), f"dev-{place}", late, "Search", AT + 7_200_000 + n)
            for n, place in enumerate(PLACES)
        ),
    ]
    lines = [
        {
            "event_type": name,
            "user_id": user,
            "device_id": device,
            "event_time": f"{when:%Y-%m-%d %H:%M:%S.%f}",
            "session_id": session,
            "event_id": number,
            "uuid": f"00000000-0000-0000-0000-{number:012}",
            "event_properties": {"note": secret("property"), "price": 12.5},
            "user_properties": {},
        }
        for number, (user, device, when, name, session) in enumerate(rows)
    ]
    (folder / "export.json").write_text("\n".join(map(json.dumps, lines)))
    made = rk.create(folder / "shop.rk", now=START + timedelta(days=1))
    made.add_events(folder / "export.json", progress=False)
    made.add_replays(folder / "rec", progress=False)
    return made


@pytest.fixture(scope="module")
def events(shop):
    return shop.events


@pytest.fixture(scope="module")
def notebook(events, tmp_path_factory):
    """A notebook with a secret of its own in every kind of cell and output."""
    player = events.everyone().watch()
    data, _ = player._repr_mimebundle_()
    chart = go.Figure(
        go.Bar(
            x=["a"],
            y=[1],
            customdata=[[secret("hover")]],
            hovertext=[f"by {secret('hover')}"],
            name=secret("label"),
        ),
        {"title": {"text": f"<b>{secret('author-title')}</b>"}},
    )
    output = lambda data: {  # noqa: E731
        "output_type": "display_data",
        "metadata": {},
        "data": json.loads(json.dumps(data)),
    }
    cells = [
        (
            "markdown",
            f"# About {secret('prose').replace('-', chr(92) + '-')}\n\n## {secret('prose')}",
            [],
        ),
        ("code", f"shop.user('{secret('code')}')", [output(data)]),
        (
            "code",
            "1",
            [
                {
                    "output_type": "stream",
                    "name": "stdout",
                    "text": f"is {secret('output')[:8]}\x1b[1m{secret('output')[8:]}\x1b[0m",
                },
                output(
                    {
                        "text/html": f"<table><tr><th>who</th></tr><tr><td title='{secret('table')}'>{secret('table')}</td></tr></table>"
                    }
                ),
                output({"application/vnd.plotly.v1+json": json.loads(chart.to_json())}),
                {
                    "output_type": "error",
                    "ename": "E",
                    "evalue": "",
                    "traceback": [f"KeyError: {secret('error')}"],
                },
            ],
        ),
    ]
    path = tmp_path_factory.mktemp("notebook") / "a.ipynb"
    body = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "author": secret("text"),
            "widgets": {
                "application/vnd.jupyter.widget-state+json": {
                    "state": {"a": secret("text")}
                }
            },
        },
        "cells": [
            {"cell_type": kind, "metadata": {"who": secret("text")}, "source": source}
            | ({"outputs": outputs, "execution_count": 1} if kind == "code" else {})
            for kind, source, outputs in cells
        ],
    }
    path.write_text(json.dumps(body))
    return path


def everything_in(page: bytes) -> str:
    """The whole file with its parts inflated, unescaped in every simple way."""
    text = page.decode()
    parts = [
        zlib.decompress(base64.b64decode(body)).decode()
        for body in re.findall(r"data-rk-blob=\"[^\"]*\">([^<]*)<", text)
    ]
    return "\n".join([text, *parts])


def test_masking_takes_a_secret_out_of_every_place(notebook, tmp_path):
    rk.share(notebook, tmp_path / "a.html")
    masked = everything_in((tmp_path / "a.html").read_bytes())
    rk.share(notebook, tmp_path / "b.html", mask=False)
    plain = everything_in((tmp_path / "b.html").read_bytes())
    left = [place for place in PLACES if secret(place) in masked]
    planted = [place for place in PLACES if secret(place) in plain]
    assert left == []
    # Titles of author's figures lose their markup, output its colours: both are there.
    assert planted == list(PLACES)
    assert "ben-0815" in plain
    assert "ben-0815" not in masked
    assert "data:image/png;base64,AAAA" in masked


@pytest.mark.parametrize("place", PLACES)
def test_the_scan_finds_a_secret_that_was_left_in_its_place(
    notebook, tmp_path, monkeypatch, place
):
    whole, whole_mask = Words._replaced, scrub.mask_text
    monkeypatch.setattr(
        Words,
        "_replaced",
        lambda self, text: text if secret(place) in text else whole(self, text),
    )
    monkeypatch.setattr(
        scrub,
        "mask_text",
        lambda text: text if secret(place) in text else whole_mask(text),
    )
    every = {"users", "inputs", "addresses", "properties", "console", "network"}
    with pytest.raises(NotMasked, match=secret(place)):
        rk.share(notebook, tmp_path / "a.html", mask=every - set(PLACES[place]))
    assert not (tmp_path / "a.html").exists()


DEFLATED = base64.b64encode(
    zlib.compress(json.dumps([{"a": "x" * 30, "b": "ana.4711"}]).encode())
).decode()


@pytest.mark.parametrize(
    "wrapped",
    [
        "<p>ana.4711</p>",
        "<p>ana&#46;4711</p>",
        "<p title='ana.4711'>a</p>",
        "<a href='/x/ana%2E4711'>a</a>",
        "<!-- ana.4711 -->",
        "<style>.a { content: 'ana.4711' }</style>",
        '<script type="application/json">{"a": ["ana\\u002e4711"]}</script>',
        '<script type="application/json">{"ana.4711": 1}</script>',
        '<script type="application/json">{"a": "{\\"b\\": \\"ana.4711\\"}"}</script>',
        f'<script data-rk-blob="x">{DEFLATED}</script>',
        f"<p>{base64.urlsafe_b64encode(b'the user is ana.4711, I think').decode()}</p>",
        f'<img src="data:image/svg+xml;base64,{base64.b64encode(b"<svg>ana.4711</svg>").decode()}">',
    ],
)
def test_the_scan_reads_through_every_wrapping(wrapped):
    page = f"<!doctype html><body>{wrapped}</body>".encode()
    found = left_in(page, Searched(Words({"ana.4711": ""})), (), {})
    assert {one.text for one in found} == {"ana.4711"}
    assert left_in(page, Searched(Words({"ana.471": ""})), (), {}) == []
    found = left_in(page, Searched(Words({}), [re.compile(r"an[a]\.\d+")]), (), {})
    assert {one.text for one in found} == {"ana.4711"}


OURS = [
    *("base", "viewport", "module", "strong", "article", "noopener", "device-width"),
    *("form-action", "utf-8", "masked", "queries", "offline", "November", "Click"),
    *("tbody", "aria-label", "unsafe-inline", "rk-twin", "Contents"),
]


@pytest.fixture(scope="module")
def page_of_words(tmp_path_factory):
    """A page about people who are called as the page's own parts are."""
    folder = tmp_path_factory.mktemp("words")
    rows = [(user, START + timedelta(hours=n)) for n, user in enumerate(OURS)]
    frame = pl.DataFrame(rows, schema=["user", "time"], orient="row")
    events = rk.events(frame.with_columns(event=pl.lit("Search")), replays=None)
    rk.share(events.segmentation("Search", every="1d"), to=folder / "a.html")
    return (folder / "a.html").read_bytes()


@pytest.mark.parametrize("word", OURS)
def test_an_id_that_is_a_word_of_every_page_is_hunted_in_data_alone(
    page_of_words, word
):
    inside = [
        zlib.decompress(base64.b64decode(body)).decode()
        for body in re.findall(rb'data-rk-blob="[^"]*">([^<]*)<', page_of_words)
    ]
    capsule = next(text for text in inside if text.startswith('{"kind":"result"'))
    assert f'"{word}"' not in capsule
    assert '"person-' in capsule


@pytest.mark.parametrize("word", ["base", "viewport", "form-action", "utf-8"])
@pytest.mark.parametrize(
    "planted",
    [
        "<p>{}</p>",
        '<p title="{}">a</p>',
        '<p data-who="{}">a</p>',
        '<p class="{}">a</p>',
        '<p id="{}">a</p>',
        "<{0}>a</{0}>",
        "<p {}>a</p>",
        '<a href="#{}">a</a>',
        '<script type="text/plain" data-rk-blob="{}">a</script>',
        '<script type="application/json">{{"content": "{}"}}</script>',
        "<!-- {} -->",
    ],
)
def test_an_id_of_the_pages_words_is_found_wherever_data_stand(
    page_of_words, word, planted
):
    body = planted.format(word).encode()
    page = page_of_words.replace(b"</article>", body + b"</article>", 1)
    assert page != page_of_words
    style = bundle_file("page.css").read_text("utf-8")
    policy = re.search(r'-Policy" content="([^"]*)"', page.decode())[1]
    own = {style, _script(), policy}
    names = re.findall(r'"library": "(\w+)"', page.decode())
    found = left_in(page, Searched(Words({word: ""})), own | set(names), {})
    assert {one.text for one in found} == {word}
    clean = left_in(page_of_words, Searched(Words({word: ""})), own | set(names), {})
    assert clean == []


def test_words_are_found_alone_and_numbers_not_inside_dates():
    words = Words({"ana": "x", "anna": "N", "4711": "P", "a b.c": "Q"})
    assert words.replace("ana anna annab _anna anna-2") == "ana N annab _anna N-2"
    assert words.replace("4711, id=4711; 1,4711 14.4711 4711-01 2026-4711 (4711)") == (
        "P, id=P; 1,4711 14.4711 4711-01 2026-4711 (P)"
    )
    assert words.replace("see a b.c, not a b.cd") == "see Q, not a b.cd"


def test_short_ids_and_ordinary_words_are_replaced_where_a_user_stands(tmp_path):
    frame = pl.DataFrame(
        {
            "user": ["bo", "color", "Search", "anna"],
            "time": [START] * 4,
            "event": ["Search"] * 4,
        }
    )
    trend = rk.events(frame).segmentation("Search", every="1d")
    report = rk.share(trend, to=tmp_path / "a.html")
    text = everything_in((tmp_path / "a.html").read_bytes())
    users = re.findall(r'"user":"([^"]*)"', text)
    assert users
    assert {one.split("-")[0] for one in users} == {"person"}
    assert "Search" in text
    assert "anna" not in text.split("rk-page")[0]
    assert any("3 ids are short or ordinary words" in note for note in report.notes)


def test_pseudonyms_are_the_same_everywhere_and_nobody_elses_id(events, tmp_path):
    funnel = events.segmentation("Search", every="1d")
    rk.share(funnel, events.everyone().watch(), to=tmp_path / "a.html")
    text = everything_in((tmp_path / "a.html").read_bytes())
    (watched,) = set(re.findall(r'"user":"([^"]*)"[^{}]*"warnings"', text))
    assert f"Session replay of {watched}," in text
    assert f'"{watched}"' in text.split('"stream {')[1]
    assert text.count("person-") > 3
    frame = pl.DataFrame(
        {"user": ["person-1", "other-7"], "time": [START] * 2, "event": ["Search"] * 2}
    )
    rk.share(
        rk.events(frame).segmentation("Search", every="1d"), to=tmp_path / "b.html"
    )
    text = everything_in((tmp_path / "b.html").read_bytes())
    assert "personx-1" in text
    assert not re.search(r"\bperson-1\b", text)


def test_allowed_properties_travel_and_no_others(tmp_path):
    frame = pl.DataFrame(
        {
            "user": ["anna"],
            "time": [START],
            "event": ["Buy"],
            "price": [12.5],
            "mail": ["anna@example.com"],
        }
    )
    funnel = rk.events(frame).segmentation("Buy", every="1d")
    rk.share(funnel, to=tmp_path / "a.html", properties=["price"])
    text = everything_in((tmp_path / "a.html").read_bytes())
    assert '{"price":12.5}' in text
    assert "example.com" not in text
    assert "properties but price" in text
    rk.share(funnel, to=tmp_path / "b.html", properties="all", mask=["users"])
    assert "@example.com" in everything_in((tmp_path / "b.html").read_bytes())


def test_ids_of_a_frame_that_is_gone_are_known_to_a_saved_notebook(tmp_path):
    users = [f"ana-{n:04}" for n in range(300)]
    frame = pl.DataFrame({"user": users, "time": [START] * 300, "event": ["Buy"] * 300})
    data, _ = rk.events(frame).segmentation("Buy", every="1d")._repr_mimebundle_()
    shown = {"output_type": "display_data", "metadata": {}, "data": data}
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "watch('ana-0299')",
        "execution_count": 1,
        "outputs": [json.loads(json.dumps(shown))],
    }
    body = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (tmp_path / "a.ipynb").write_text(json.dumps(body))
    rk.share(tmp_path / "a.ipynb", tmp_path / "a.html")
    assert "ana-0" not in everything_in((tmp_path / "a.html").read_bytes())


def test_numeric_ids_are_found_in_packed_arrays_and_counts_stay(tmp_path):
    frame = pl.DataFrame(
        {"user": ["810000001", "810000002"], "time": [START] * 2, "event": ["Buy"] * 2}
    )
    import numpy as np

    chart = go.Figure(
        go.Bar(
            x=["a", "b"], y=[5, 810000001], customdata=np.array([810000001, 810000002])
        )
    )
    player = rk.events(frame).segmentation("Buy", every="1d")
    data, _ = player._repr_mimebundle_()
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "",
        "execution_count": 1,
        "outputs": [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": json.loads(json.dumps(one)),
            }
            for one in (
                data,
                {"application/vnd.plotly.v1+json": json.loads(chart.to_json())},
            )
        ],
    }
    body = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (tmp_path / "a.ipynb").write_text(json.dumps(body))
    rk.share(tmp_path / "a.ipynb", tmp_path / "a.html")
    text = everything_in((tmp_path / "a.html").read_bytes())
    assert '"customdata":["person-' in text
    assert "bdata" not in text.split('"customdata":["person-')[1][:60]


def test_what_mask_and_properties_take(events, tmp_path):
    funnel = events.segmentation("Search", every="1d")
    with pytest.raises(UnknownOption, match="mask='user'"):
        rk.share(funnel, to=tmp_path / "a.html", mask=["user"])
    with pytest.raises(BadInput, match="names no properties"):
        rk.share(funnel, to=tmp_path / "a.html", properties=3)
    rk.share(funnel, to=tmp_path / "a.html", mask=["users", "inputs"])
    page = (tmp_path / "a.html").read_text()
    assert "masked: ids, inputs" in page
    assert "as recorded: queries, properties, console, requests" in page
    rk.share(funnel, to=tmp_path / "a.html", mask=False)
    assert "not masked" in (tmp_path / "a.html").read_text()
