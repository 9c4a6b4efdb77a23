"""What happened to the elements of a selector: by example, and against a slow oracle."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import (
    START,
    add,
    change,
    click,
    element,
    meta,
    mutation,
    page,
    snapshot,
    text,
)

import replaykit as rk
from replaykit.errors import BadInput, UnknownOption
from replaykit.replays.build import add_events
from replaykit.replays.elements import elements
from replaykit.replays.scene import Scene
from replaykit.replays.selectors import Selector
from replaykit.store.recordings import Recordings


def stored(*events):
    recordings = Recordings()
    add_events(recordings, "d1/7", deepcopy(list(events)))
    return recordings


def found(selector, happening, *events):
    frame = elements(stored(*events), ["d1/7"], selector, happening, progress=False)
    return frame.select("time_ms", "label").rows()


FORM = element(
    "form",
    7,
    element("button", 8, element("b", 9, text("Pay now", 10))),
    element("input", 11, name="card", type="text"),
    id="pay",
)
PAGE = (meta(0), snapshot(10, FORM))
BANNER = element("div", 20, **{"class": "banner"})


def test_a_click_inside_counts_for_what_is_around_it():
    events = [*PAGE, click(100, 9), click(200, 11), click(300, 4)]
    assert found("#pay > button", "clicked", *events) == [(100, "Pay now")]
    assert [t for t, _ in found("form", "clicked", *events)] == [100, 200]


def test_typing():
    assert found(
        "input[name=card]",
        "typed",
        *PAGE,
        change(50, 5, id=11, text="4", isChecked=False),
    ) == [(50, "card")]


def test_an_element_that_is_added_and_removed():
    events = [
        *PAGE,
        mutation(100, adds=[add(4, BANNER), add(20, text("Sorry", 21))]),
        mutation(200, removes=[{"parentId": 4, "id": 20}]),
        mutation(300, adds=[add(4, BANNER), add(20, text("Again", 21))]),
    ]
    assert found(".banner", "appeared", *events) == [(100, "Sorry"), (300, "Again")]
    assert found(".banner", "disappeared", *events) == [(200, "Sorry")]


def test_an_element_that_comes_to_match():
    on = {"id": 8, "attributes": {"class": "busy"}}
    off = {"id": 8, "attributes": {"class": None}}
    events = [
        *PAGE,
        mutation(100, attributes=[on]),
        mutation(150, attributes=[on]),
        mutation(200, attributes=[off]),
    ]
    assert found("button.busy", "appeared", *events) == [(100, "Pay now")]
    assert found("button.busy", "disappeared", *events) == [(200, "Pay now")]


def test_a_moved_element_is_the_same_one():
    move = mutation(
        100,
        removes=[{"parentId": 7, "id": 8}],
        adds=[
            add(
                4,
                {
                    "type": 2,
                    "tagName": "button",
                    "attributes": {},
                    "childNodes": [],
                    "id": 8,
                },
            )
        ],
    )
    assert [t for t, _ in found("button", "appeared", *PAGE, move)] == [10]
    assert found("button", "disappeared", *PAGE, move) == []


def test_a_text_that_changes():
    events = [
        *PAGE,
        mutation(100, texts=[{"id": 10, "value": "Paying"}]),
        mutation(150, texts=[{"id": 10, "value": "Paying"}]),
        mutation(200, adds=[add(9, text(" …", 30))]),
        mutation(300, attributes=[{"id": 9, "attributes": {"class": "x"}}]),
    ]
    assert found("button", "changed", *events) == [(100, "Paying"), (200, "Paying …")]


def test_a_snapshot_of_the_same_page_makes_nothing_appear():
    same = deepcopy(snapshot(500, FORM))
    assert [t for t, _ in found("button", "appeared", *PAGE, same)] == [10]
    assert found("button", "disappeared", *PAGE, same) == []


def test_a_new_page_makes_all_its_elements_appear():
    events = [*PAGE, meta(500, "https://shop.test/next"), deepcopy(snapshot(510, FORM))]
    assert [t for t, _ in found("button", "appeared", *events)] == [10, 510]
    assert [t for t, _ in found("button", "disappeared", *events)] == [510]


def test_the_last_event_counts():
    assert (
        found(".banner", "appeared", *PAGE, mutation(100, adds=[add(4, BANNER)]))[0][0]
        == 100
    )


def test_mistakes_are_named():
    with pytest.raises(BadInput, match="selector"):
        found("li >", "clicked", *PAGE)
    with pytest.raises(UnknownOption, match="appeared"):
        found("li", "shown", *PAGE)
    with pytest.raises(BadInput, match="hover"):
        rk.demo().replays.elements("a:hover", "clicked", progress=False)


# -- the whole page searched anew after every event says the same


def slowly(recordings, selector):
    """(time, node id) of every element that begins or ceases to match, by brute force."""
    wanted, before, at = Selector.parse(selector), set(), None
    came, went = [], []

    def compare(scene, t):
        nonlocal before
        root = scene.page.root
        now = set() if root is None else {node.id for node in wanted.among(root)}
        came.extend((int(t), one) for one in now - before)
        went.extend((int(t), one) for one in before - now)
        before = now

    scene = Scene(recordings, "d1/7", follow_page=True)
    for t, *_ in scene:
        if at is not None:
            compare(scene, at)
        at = t
    compare(scene, at)
    return sorted(came), sorted(went)


SELECTORS = [
    "p",
    ".on",
    "p.on",
    "div > p",
    "p + p",
    "div p",
    ".on ~ p",
    "p:first-child",
    "div:empty",
    "div:has(.on)",
    "p:not(.on)",
    ":nth-child(2)",
]


@st.composite
def edits(draw):
    """A page of few nodes, and mutations that add, remove, move and mark them."""
    ids, inside = [4], {4: []}
    events, next_id = (
        [
            meta(0),
            {
                "type": 2,
                "data": {"node": page(), "initialOffset": {"left": 0, "top": 0}},
                "timestamp": START + 10,
            },
        ],
        100,
    )
    for step in range(draw(st.integers(1, 14))):
        t = 100 * (step + 1)
        what = draw(st.sampled_from(["add", "add", "remove", "mark"]))
        others = [one for one in ids if one != 4]
        if what == "add" or not others:
            parent = draw(st.sampled_from(ids))
            tag = draw(st.sampled_from(["p", "div"]))
            marked = {"class": "on"} if draw(st.booleans()) else {}
            before = draw(st.sampled_from([None, *inside[parent]]))
            events.append(
                mutation(t, adds=[add(parent, element(tag, next_id, **marked), before)])
            )
            row = inside[parent]
            row.insert(len(row) if before is None else row.index(before), next_id)
            ids.append(next_id)
            inside[next_id] = []
            next_id += 1
        elif what == "mark":
            value = draw(st.sampled_from(["on", None]))
            events.append(
                mutation(
                    t,
                    attributes=[
                        {
                            "id": draw(st.sampled_from(others)),
                            "attributes": {"class": value},
                        }
                    ],
                )
            )
        else:
            gone = draw(st.sampled_from(others))
            parent = next(one for one, row in inside.items() if gone in row)
            events.append(mutation(t, removes=[{"parentId": parent, "id": gone}]))
            inside[parent].remove(gone)
            doomed = [gone]
            while doomed:
                one = doomed.pop()
                doomed.extend(inside.pop(one))
                ids.remove(one)
    return events


@settings(max_examples=60, deadline=None)
@given(edits(), st.sampled_from(SELECTORS))
def test_equals_searching_the_whole_page_after_every_event(events, selector):
    recordings = stored(*events)
    came, went = slowly(recordings, selector)
    for happening, expected in (("appeared", came), ("disappeared", went)):
        frame = elements(recordings, ["d1/7"], selector, happening, progress=False)
        assert sorted(frame.select("time_ms", "node").rows()) == expected
