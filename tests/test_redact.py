"""`rk.redact`: selectors at every moment, expressions, properties; sheets stay whole."""

from __future__ import annotations

import json
import re
import zlib
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import replaykit as rk
from replaykit.bundle import MIME
from replaykit.errors import BadInput, UnknownProperty
from replaykit.redaction.addresses import mask_address, mask_addresses
from replaykit.redaction.style import change_css
from replaykit.replays.dom import Page
from replaykit.replays.selectors import Selector

START = datetime(2026, 3, 3, 9, tzinfo=UTC)
AT = int(START.timestamp() * 1000)


def element(number, tag, attributes=None, *children):
    return {
        "type": 2,
        "id": number,
        "tagName": tag,
        "attributes": attributes or {},
        "childNodes": list(children),
    }


def text(number, words):
    return {"type": 3, "id": number, "textContent": words}


def page_of(*body):
    # A page takes what it is given apart.
    body = json.loads(json.dumps(body))
    inside = element(2, "html", {}, element(3, "body", {}, *body))
    page = Page()
    page.load({"type": 0, "id": 1, "childNodes": [inside]})
    return page


BODY = (
    element(
        10,
        "ul",
        {"id": "list", "class": "menu big"},
        element(11, "li", {"class": "first"}, text(12, "a")),
        element(13, "LI", {"data-k": "One Two"}, element(14, "b", {}, text(15, "b"))),
        element(16, "li", {"data-k": "one-x"}),
        text(17, " "),
        element(18, "li", {"class": "last", "lang": "en-GB"}),
    ),
    element(20, "p", {}, element(21, "input", {"type": "TEXT", "disabled": ""})),
    element(22, "p", {"class": "x:y", "id": "5"}),
    element(23, "a", {"href": "/cart"}, element(24, "span")),
)


@pytest.mark.parametrize(
    ("selector", "ids"),
    [
        ("li", [11, 13, 16, 18]),
        ("*", [2, 3, 10, 11, 13, 14, 16, 18, 20, 21, 22, 23, 24]),
        ("#list > li.first", [11]),
        ("ul li", [11, 13, 16, 18]),
        ("body > li", []),
        (".menu.big", [10]),
        ("li.first + li", [13]),
        ("li.first ~ li", [13, 16, 18]),
        ("[data-k]", [13, 16]),
        ("[data-k~=Two]", [13]),
        ("[data-k|=one]", [16]),
        ("[data-k^='One']", [13]),
        ("[data-k^='one' i]", [13, 16]),
        ('[data-k$="-x"]', [16]),
        ("[data-k*='e T']", [13]),
        ("[lang|=en]", [18]),
        ("[type=text]", [21]),
        ("li:nth-child(2n+1)", [11, 16]),
        ("li:nth-child(-n + 2)", [11, 13]),
        ("li:nth-last-child(1), p:first-of-type", [18, 20]),
        ("li:not(.first, .last)", [13, 16]),
        (":is(ul, p):has(> input)", [20]),
        ("li:has(b)", [13]),
        ("p:has(+ a)", [22]),
        ("li:empty", [16, 18]),
        ("input:disabled", [21]),
        (".x\\:y", [22]),
        ("#\\35", [22]),
        ("a[href] span:only-child", [24]),
        (":root > body", [3]),
        ("p , a", [20, 22, 23]),
        ("svg|a, *|a", [23]),
    ],
)
def test_selectors_match_as_in_a_browser(selector, ids):
    page = page_of(*BODY)
    found = sorted(node.id for node in Selector.parse(selector).among(page.root))
    assert found == ids


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "  ",
        "li >",
        "> li",
        "li,,b",
        "a[",
        "a:hover",
        ":nth-child(x)",
        "a)",
        "..a",
        ":not(" * 99,
    ],
)
def test_what_is_no_selector_is_named(bad):
    with pytest.raises(BadInput, match="selector"):
        Selector.parse(bad)


def recording(*changes, body=BODY):
    inside = element(
        2, "html", {}, element(3, "body", {}, *json.loads(json.dumps(body)))
    )
    page = {"type": 0, "id": 1, "childNodes": [inside]}
    events = [
        {"type": 4, "data": {"href": "https://x.test/", "width": 800, "height": 600}},
        {"type": 2, "data": {"node": page, "initialOffset": {"top": 0, "left": 0}}},
        *({"type": 3, "data": one} for one in changes),
        {
            "type": 3,
            "data": {
                "source": 1,
                "positions": [{"x": 1, "y": 1, "id": 3, "timeOffset": 0}],
            },
        },
    ]
    for index, event in enumerate(events):
        event["timestamp"] = AT + max(0, index - 1) * 1_500
    return events


def mutation(**lists):
    empty = {"source": 0, "adds": [], "removes": [], "texts": [], "attributes": []}
    return {**empty, **lists}


def replays_of(folder, *recordings):
    (folder / "rec").mkdir()
    for n, events in enumerate(recordings):
        (folder / "rec" / f"u{n}_{AT + n}.json").write_text(json.dumps(events))
    frame = pl.DataFrame(
        {
            "user": [f"u{n}" for n in range(len(recordings))],
            "time": [START + timedelta(seconds=1)] * len(recordings),
            "event": ["Search"] * len(recordings),
            "session": [AT + n for n in range(len(recordings))],
            "mail": ["ana@x.test"] * len(recordings),
            "query": ["order 4711-22"] * len(recordings),
        }
    )
    return (
        rk.events(frame, session="session", replays=folder / "rec").everyone().replays
    )


def shown(replays, index=0):
    """All that a player can show of a replay, as one text."""
    player = replays.watch()
    replay = player.replays[index]
    session = player._watching.answer("session", {"replay": replay}).data
    parts = [json.dumps(session)]
    for number in range(len(session["segments"])):
        question = {"replay": replay, "index": number}
        body = player._watching.answer("segment", question).buffers[0]
        parts.append(zlib.decompress(body).decode())
    return "\n".join(parts)


def test_what_matches_at_any_moment_is_masked_before_and_after(tmp_path):
    """The class comes late; the text was there from the start and moves after."""
    replays = replays_of(
        tmp_path,
        recording(
            mutation(attributes=[{"id": 20, "attributes": {"class": "secret"}}]),
            mutation(
                adds=[
                    {
                        "parentId": 20,
                        "nextId": None,
                        "node": element(
                            40, "i", {"title": "Lisbon"}, text(41, "Porto")
                        ),
                    }
                ]
            ),
            mutation(attributes=[{"id": 20, "attributes": {"class": ""}}]),
            mutation(texts=[{"id": 31, "value": "Braga"}]),
            body=(
                element(
                    20,
                    "p",
                    {},
                    text(31, "Faro"),
                    element(32, "img", {"src": "data:image/png;base64,AAAA"}),
                ),
                element(33, "b", {}, text(34, "Evora")),
            ),
        ),
    )
    plain = shown(replays)
    safe = shown(rk.redact(replays, selector="p.secret"))
    for word in ("Lisbon", "Porto", "Braga", "Faro", "base64,AAAA"):
        assert word in plain
        assert word not in safe
    assert "Evora" in safe
    assert "****" in safe


def test_a_selector_of_neighbours_sees_nodes_that_come_and_go(tmp_path):
    replays = replays_of(
        tmp_path,
        recording(
            mutation(adds=[{"parentId": 3, "nextId": 33, "node": element(50, "hr")}]),
            mutation(removes=[{"parentId": 3, "id": 50}]),
            body=(
                element(20, "p", {}, text(31, "Faro")),
                element(33, "b", {}, text(34, "Evora")),
            ),
        ),
    )
    safe = shown(rk.redact(replays, selector="hr + b"))
    assert "Evora" not in safe
    assert "Faro" in safe


def test_ids_are_told_apart_by_the_page_they_belong_to(tmp_path):
    first = recording(body=(element(20, "p", {"class": "secret"}, text(31, "Faro")),))
    second = recording(body=(element(20, "p", {}, text(31, "Evora")),))
    for event in second:
        event["timestamp"] += 20_000
    replays = replays_of(tmp_path, first + second)
    safe = shown(rk.redact(replays, selector=".secret"))
    assert "Faro" not in safe
    assert "Evora" in safe


def test_expressions_reach_every_text_and_no_code_of_a_sheet(tmp_path):
    css = ".a4711-22{order:4711;color:#471122}.b::after{content:'4711-22'}/* 4711-22 */"
    replays = replays_of(
        tmp_path,
        recording(
            {"source": 5, "id": 21, "text": "4711-22", "isChecked": False},
            body=(
                element(19, "style", {}, {**text(30, css), "isStyle": True}),
                element(
                    20, "p", {"title": "no 4711-22"}, text(31, "Order 4711-22 of 17")
                ),
                element(21, "input", {}),
                element(22, "img", {"src": "data:image/png;base64,4711/4711+4711"}),
            ),
        ),
    )
    assert shown(replays).count("4711-22") >= 6
    safe = shown(rk.redact(replays, regex=r"\d{4}-\d{2}(?!\d)|ana@\S+"))
    assert "4711-22" not in safe.replace(".a4711-22", "")
    assert ".a4711-22{order:4711;color:#471122}" in safe
    assert "base64,4711/4711+4711" in safe
    assert "ana@" not in safe
    assert "Order ******* of 17" in safe


def test_properties_are_left_out_and_unknown_ones_named(tmp_path):
    replays = replays_of(tmp_path, recording())
    safe = rk.redact(replays, properties="mail")
    assert "ana@x.test" not in shown(safe)
    assert "4711-22" in shown(safe)
    with pytest.raises(UnknownProperty, match="Did you mean 'mail'"):
        rk.redact(replays, properties=["mial"])
    again = rk.redact(safe, regex=r"\d+-\d+")
    assert "4711-22" not in shown(again)
    assert "ana@x.test" not in shown(again)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "what to take out"),
        ({"regex": "("}, "cannot be read"),
        ({"regex": "a*"}, "matches nothing at all"),
        ({"selector": "a:hover"}, "does not"),
        ({"selector": 3}, "neither a text nor a list"),
    ],
)
def test_redact_names_what_it_cannot_do(tmp_path, options, words):
    with pytest.raises(BadInput, match=words):
        rk.redact(replays_of(tmp_path, recording()), **options)


def test_redact_takes_replays_or_users():
    with pytest.raises(BadInput, match="takes replays or users"):
        rk.redact([1], regex="abc")


def test_a_saved_notebook_and_its_page_stay_without_it(tmp_path):
    """The redaction is saved with the output: sharing reads the project again."""
    replays = replays_of(
        tmp_path,
        recording(
            body=(
                element(20, "p", {"class": "secret"}, text(31, "Rua 4711 Faro")),
                element(21, "b", {}, text(32, "Evora")),
            )
        ),
    )
    safe = rk.redact(replays, selector=".secret", properties="query")
    data, _ = safe.watch()._repr_mimebundle_()
    assert data[MIME]["redaction"]["selectors"] == [".secret"]
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "# nothing",
        "execution_count": 1,
        "outputs": [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": json.loads(json.dumps(data)),
            }
        ],
    }
    body = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (tmp_path / "a.ipynb").write_text(json.dumps(body))
    for mask in (True, False):
        rk.share(tmp_path / "a.ipynb", tmp_path / "a.html", mask=mask)
        page = (tmp_path / "a.html").read_text()
        import base64

        parts = [
            zlib.decompress(base64.b64decode(one)).decode()
            for one in re.findall(r"data-rk-blob=\"[^\"]*\">([^<]*)<", page)
        ]
        whole = "\n".join([page, *parts])
        assert "Rua 4711" not in whole
        assert "Evora" in whole


def test_the_page_is_proved_free_of_what_was_redacted(tmp_path):
    """The author wrote the redacted address down: it goes, or nothing is written."""
    replays = replays_of(
        tmp_path,
        recording(
            body=(element(20, "p", {"class": "secret"}, text(31, "Rua 4711 Faro")),)
        ),
    )
    safe = rk.redact(replays, selector=".secret")
    rk.share(
        safe.watch(), to=tmp_path / "a.html", title="From Rua 4711 Faro", mask=False
    )
    assert "Rua 4711" not in (tmp_path / "a.html").read_text()


def test_sheets_keep_their_code():
    css = "@media (min-width:4px){.b:not(.c){margin:0 4px;background:url(a.png?k=1)}}"
    assert change_css(css, lambda words: words) == css
    assert change_css('.a{content:"x\'y"}', lambda _: "a'b\"}c") == '.a{content:"ab}c"}'
    odd = "/* open"
    assert change_css(odd, str.upper) == "/* OPEN"


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("/a?q=1&r", "/a?q=*&*"),
        ("?q=1", "?q=*"),
        (
            "https://u:p@x.test:8/a?q=a%20b;c=d#e=f&g",
            "https://x.test:8/a?q=*;c=*#e=*&*",
        ),
        ("https://x.test/a#section", "https://x.test/a#section"),
        ("data:text/plain,a?b=c", "data:text/plain,a?b=c"),
        ("mailto:a@x.test?subject=hi", "mailto:a@x.test?subject=*"),
        ("a?q=***&r=", "a?q=***&r="),
        ("", ""),
    ],
)
def test_addresses_lose_the_values_of_their_queries(address, masked):
    assert mask_address(address, lambda name, value: "*") == masked


def test_addresses_inside_a_text_are_found():
    star = lambda name, value: "*"  # noqa: E731
    found = mask_addresses(
        "GET /api?a=1 200, (see https://x.test/b?c=d). Why? a?b", star
    )
    assert found == "GET /api?a=* 200, (see https://x.test/b?c=*). Why? a?b"
