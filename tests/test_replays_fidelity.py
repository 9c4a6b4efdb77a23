"""What our segments show is what rrweb shows when it plays from the start."""

from __future__ import annotations

import gzip
import json
import os
import random
from copy import deepcopy
from pathlib import Path

import pytest
from recordings import add, change, element, meta, mutation, session, snapshot, text

from replaykit.ingest import rrweb
from replaykit.ingest.rrweb_events import dict_of
from replaykit.replays.keyframes import Limits
from replaykit.replays.sanitise import Sanitiser
from tests.fidelity.harness import (
    bundle,
    differences,
    ours,
    player,
    segments,
    stepwise,
)
from tests.fidelity.stories import CLEAR, DOT, SOURCES, tell

HERE = Path(__file__).parent
#: The real recordings, and one of a page that does all that rrweb can record.
RECORDINGS = [
    HERE / "data" / "rrweb_code_editor.json",
    HERE / "data" / "rrweb_todo_app.json",
    HERE / "fidelity" / "everything.json.gz",
]
SAMPLE = HERE.parent / "replaykit" / "demoshop" / "sample" / "replays.zip"
MOMENTS = int(os.environ.get("REPLAYKIT_MOMENTS", "3"))

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def show(tmp_path_factory):
    with player(bundle(tmp_path_factory.mktemp("fidelity"))) as opened:
        yield opened


def load(path):
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def moments(events, name, count):
    """Pick random times between events: on an event's own ms it is not yet applied."""
    first = events[0]["timestamp"]
    length = max(event["timestamp"] for event in events) - first
    # rrweb shows nothing before its first snapshot; our first segment shows that one.
    opened = next(e["timestamp"] - first for e in events if e["type"] == 2)
    chosen = random.Random(name).sample(range(int(opened), int(length)), count)
    return [*(t + 0.5 for t in chosen), length + 1]


def same(show, parts, stock, *, pointer=False):
    """Jump about between the moments, there and back; each must show rrweb's page."""
    seen = dict if pointer else without_pointer
    there = list(stock)
    random.Random(len(there)).shuffle(there)
    for t in [*there, *sorted(stock, reverse=True)]:
        mine = ours(show, parts, t)
        assert differences(seen(stock[t]), seen(mine)) == [], t


def without_pointer(page):
    return {key: value for key, value in page.items() if key != "pointer"}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_any_moment_equals_rrweb(show, path):
    events = load(path)
    parts = segments(events)
    assert len(parts) > 3
    chosen = moments(events, path.name, MOMENTS)
    stock = {t: show(events, t) for t in chosen}
    same(show, parts, stock)


def test_recordings_of_the_sample_equal_rrweb(show):
    """A few of the shop's recordings, picked at random: several pages, masks, phones."""
    groups = rrweb.groups(SAMPLE)
    for group in random.Random(7).sample(groups, MOMENTS):
        events = [dict_of(e) for e in next(iter(rrweb.read(group))).events]
        parts = segments(events)
        chosen = moments(events, group.replay_id, 2)
        same(show, parts, {t: show(events, t) for t in chosen})


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_cleaned_recording_is_cut_as_faithfully(show, path):
    events = load(path)
    whole = segments(events, Sanitiser(), Limits(10**9, 10**9, 10**9))
    parts = segments(events, Sanitiser())
    chosen = moments(events, path.name, MOMENTS)
    played = {t: ours(show, whole, t) for t in chosen}
    same(show, parts, played)


def touched():
    """A phone: fingers that press, drag, let go, and a page that answers."""
    events = session(8_000)
    for t in range(600, 7_600, 700):
        drag = [
            {"x": 30, "y": t / 10, "id": 7, "timeOffset": -40},
            {"x": 31, "y": 9, "id": 7, "timeOffset": 0},
        ]
        events += [
            change(t, 2, type=7, id=7, x=20, y=30),
            change(t + 90, 6, positions=drag),
            change(t + 150, 3, id=4, x=0, y=t / 20),
            change(t + 200, 2, type=9 if t % 3 else 10, id=7, x=31, y=9),
        ]
    return events


def early():
    """Recorded from before its first page: what comes first moves nothing."""
    first = [
        change(-900, 1, positions=[{"x": 1, "y": 2, "id": 7, "timeOffset": 0}]),
        change(-400, 3, id=4, x=0, y=50),
        mutation(-300, adds=[add(4, element("p", 90))]),
    ]
    return [*first, *session(6_000)]


MADE = {
    "touch": touched,
    "before its snapshot": early,
    "12 hours": lambda: session(43_200_000, 30_000),
}


@pytest.mark.parametrize("name", MADE)
def test_made_recordings_equal_rrweb(show, name):
    events = sorted(MADE[name](), key=lambda event: event["timestamp"])
    parts = segments(events)
    chosen = moments(events, name, MOMENTS)
    same(show, parts, {t: show(events, t) for t in chosen})


@pytest.mark.parametrize("name", [*SOURCES, "everything"])
def test_stories_about_each_source_equal_rrweb(show, name):
    events = tell(name)
    parts = segments(events, Sanitiser())
    assert len(parts) > 5
    chosen = moments(events, name, MOMENTS)
    same(show, parts, {t: show(events, t) for t in chosen}, pointer=True)


def test_a_recording_without_a_page_has_nothing_to_show():
    events = [event for event in session(6_000) if event["type"] != 2]
    assert segments(events) == []


def test_a_sheet_that_is_written_anew_comes_back_when_one_jumps_back(show):
    """rrweb writes a changed sheet into the snapshot that it was built from."""
    link = element("link", 60, rel="stylesheet", _cssText="p { color: red }")
    link["attributes"] = {"rel": "stylesheet", "_cssText": "p { color: red }"}
    events = [meta(0), snapshot(1, link, element("p", 61))]
    new = {"id": 60, "attributes": {"_cssText": "p { color: blue }"}}
    events += [mutation(1000, attributes=[new]), change(4000, 3, id=4, x=0, y=0)]
    parts = segments(events, limits=Limits(10**9, 10**9, 10**9))
    stock = {t: show(deepcopy(events), t) for t in (500, 2000)}
    assert differences(stock[500], stock[2000])
    same(show, parts, stock)


def test_a_masked_text_area_stays_so_by_whatever_way_one_comes_to_it(show):
    """Older recorders wrote the text that its value masks beneath it."""
    area = element("textarea", 60, text("secret", 61), value="******")
    events = [meta(0), snapshot(1, element("p", 62), area)]
    events += [mutation(t) for t in (500, 1_000, 2_000, 4_000)]
    stock = {t: show(deepcopy(events), t) for t in (400, 3_000)}
    parts = segments(events, limits=Limits(1, 10**9, 10**9))
    same(show, parts, stock)
    assert "secret" not in str(ours(show, parts, 3_000))


def test_a_style_of_several_texts_is_cut_as_faithfully(show):
    """One of them is written anew later: the other keeps its share."""
    css = ".a { top: 1px }/* rr_split */.b { top: 2px }"
    style = element("style", 60, text("", 61), text("", 62))
    style["attributes"] = {"_cssText": css}
    later = {"id": 62, "value": ".c { top: 3px }"}
    events = [meta(0), snapshot(1, style, element("p", 63)), mutation(500)]
    events += [mutation(800, texts=[later]), mutation(1_500), mutation(4_000)]
    for limits in (Limits(1, 10**9, 10**9), Limits(2, 10**9, 10**9)):
        parts = segments(events, limits=limits)
        stock = {t: show(deepcopy(events), t) for t in (300, 900, 3_000)}
        same(show, parts, stock)


def test_what_plays_does_so_once_after_any_jump(show):
    film = element("video", 60)
    film["attributes"] = {"rr_mediaState": "played", "rr_mediaCurrentTime": 3}
    stopped = change(900, 7, type=1, id=60, currentTime=4)
    events = [meta(0), snapshot(1, film, element("audio", 61)), stopped]
    events += [change(t, 7, type=0, id=61) for t in (1_200, 2_000, 4_000)]
    parts = segments(events, limits=Limits(1, 10**9, 10**9))
    same(show, parts, {t: show(deepcopy(events), t) for t in (500, 1_000, 3_000)})


def test_a_page_that_scrolls_smoothly_is_where_it_was_at_once(show):
    """rrweb sets out for it, and is on its way when the next change comes."""
    smooth = "* { scroll-behavior: smooth } #s { height: 50px; overflow: auto }"
    tall = element("div", 63, style="height: 4000px")
    box = element("div", 62, element("div", 64, style="height: 900px"), id="s")
    box["attributes"]["rr_scrollTop"] = 120
    events = [meta(0), snapshot(1, element("style", 60, text(smooth, 61)), box, tall)]
    events += [change(900, 3, id=1, x=0, y=700), change(4_000, 3, id=1, x=0, y=0)]
    for limits in (Limits(1, 10**9, 10**9), Limits(10**9, 10**9, 10**9)):
        page = ours(show, segments(events, limits=limits), 3_000)
        assert page["window"][1] == 700
        assert [0, 120] in flat(page, "scroll")


def test_sheets_that_stand_at_nodes_are_used(show):
    """Amplitude's recorder writes them there; rrweb's Replayer does not look at them."""
    red = {"styleId": 2, "rules": [{"rule": "i { color: red }"}]}
    roots = []
    for number, sheet in ((60, red), (63, {"styleId": 2, "rules": []})):
        shadow = {**element("i", number + 1), "isShadow": True}
        host = {**element("div", number, shadow), "isShadowHost": True}
        roots.append({**host, "adoptedStyleSheets": [sheet]})
    late = {**element("div", 70), "isShadowHost": True}
    late["adoptedStyleSheets"] = [{"styleId": 3, "rules": [{"rule": "u { top: 1px }"}]}]
    events = [meta(0), snapshot(1, *roots), change(5, 15, id=60, styleIds=[2])]
    events[1]["data"]["node"]["adoptedStyleSheets"] = [
        {"styleId": 1, "rules": [{"rule": "b { top: 2px }"}]}
    ]
    edit = {"rule": "p { left: 0px }", "index": 1}
    events += [change(500, 8, styleId=2, adds=[edit]), mutation(600)]
    shadow = {**element("u", 71), "isShadow": True}
    events += [mutation(1_000, adds=[add(4, late), add(70, shadow)]), mutation(4_000)]
    both = ["i { color: red; }", "p { left: 0px; }"]
    for limits in (Limits(1, 10**9, 10**9), Limits(10**9, 10**9, 10**9)):
        page = ours(show, segments(events, Sanitiser(), limits), 3_000)
        assert page["sheets"] == [["b { top: 2px; }"]]
        assert flat(page, "shadowSheets") == [[both], [both], [["u { top: 1px; }"]]]


def test_edits_count_the_rules_of_a_sheet_as_they_were(show):
    """A sheet that imports another: its rules are edited by their number."""
    css = "@import url(https://x.test/a.css); .a { top: 1px } .b { top: 2px }"
    opened = [meta(0), snapshot(1, element("style", 60, text(css, 61)))]
    edits = [
        change(500, 8, id=60, adds=[{"rule": ".c { top: 3px }", "index": 1}]),
        change(600, 8, id=60, removes=[{"index": 3}]),
        change(700, 13, id=60, index=[2], set={"property": "left", "value": "9px"}),
    ]
    events = [*opened, *edits, change(4_000, 3, id=4, x=0, y=0)]
    (stock,) = flat(show(deepcopy(events), 3_000), "rules")
    for limits in (Limits(10**9, 10**9, 10**9), Limits(1, 10**9, 10**9)):
        parts = segments(events, Sanitiser(), limits)
        (mine,) = flat(ours(show, parts, 3_000), "rules")
        assert mine == ["@layer not-imported;", *stock[1:]]


def test_a_style_that_is_told_again_knows_what_is_hovered(show):
    """Its text stood for `_cssText`, which rrweb adapts; so does a text told anew."""
    first, told_anew = text("", 61), text("b { top: 1px }", 63)
    styles = [element("style", 60, first), element("style", 62, told_anew)]
    styles[0]["attributes"]["_cssText"] = "a:hover { color: red }"
    opened = [meta(0), snapshot(1, *styles)]
    made = element("style", 65)
    made["attributes"]["_cssText"] = css = "u:hover { top: 4px }"
    more = [add(60, text("i { top: 2px }", 64)), add(4, made), add(65, text(css, 66))]
    texts = [{"id": 63, "value": "b:hover { top: 3px }"}]
    events = [*opened, mutation(500, adds=more), mutation(600, texts=texts)]
    events += [mutation(2_000), mutation(4_000)]
    stock = {3_000: show(deepcopy(events), 3_000)}
    assert str(stock).count("\\\\:hover") >= 6
    for sanitiser in (None, Sanitiser()):
        same(show, segments(events, sanitiser, Limits(1, 10**9, 10**9)), stock)


def test_a_shadow_that_a_jump_builds_anew_is_as_it_was(show):
    """Its parts were known under the ids that they have again."""
    style = {**element("style", 61, text("", 62)), "isShadow": True}
    style["attributes"]["_cssText"] = "i { top: 1px }"
    parts = [{**element(tag, number), "isShadow": True} for number, tag in ((63, "i"),)]
    host = {**element("div", 60, style, *parts), "isShadowHost": True}
    events = [meta(0), snapshot(1, host), *(mutation(t) for t in (500, 2_000, 4_000))]
    for t in (900, 2_500):
        put = {**element("u", 60 + t), "isShadow": True}
        events.append(mutation(t, adds=[add(60, put)]))
    events.sort(key=lambda event: event["timestamp"])
    stock = {t: show(deepcopy(events), t) for t in (300, 1_500, 3_000)}
    same(show, segments(events, limits=Limits(1, 10**9, 10**9)), stock)


def test_a_picture_that_changes_is_the_later_one(show):
    picture = element("img", 60, src="https://x.test/a.png")
    picture["attributes"]["rr_dataURL"] = DOT
    changed = {"id": 60, "attributes": {"src": CLEAR}}
    events = [meta(0), snapshot(1, picture), mutation(1_000, attributes=[changed])]
    events += [mutation(2_000), mutation(4_000)]
    for sanitiser in (None, Sanitiser()):
        parts = segments(events, sanitiser, Limits(1, 10**9, 10**9))
        # The later one first: its keyframe is built, not changed into.
        shown = [ours(show, parts, t) for t in (3_000, 500)]
        stock = [show(deepcopy(events), t) for t in (3_000, 500)]
        for page in (shown, stock):
            pictures = [str(one).count(DOT) for one in page]
            assert pictures == [0, 1]


def test_rrweb_in_one_leap_forgets_clicks_on_nodes_it_just_built(show):
    """It leaves the pointer at 1000 px, where the last click on an older node was.

    The recording has it at 174 px at that time, and playing at normal speed shows that.
    """
    events = load(RECORDINGS[1])
    t = 2615.5
    assert show(events, t, leap=True)["pointer"] == "1000px"
    assert ours(show, segments(events), t)["pointer"] == "174px"


def test_rrweb_in_one_leap_forgets_edits_of_constructed_sheets(show):
    """It applies the edits before it has made the sheets; step by step it does not."""
    events = load(RECORDINGS[2])
    first = events[0]["timestamp"]
    edited = [
        e["timestamp"] - first
        for e in events
        if e["data"].get("styleId") and e["data"]["source"] != 15
    ]
    parts = segments(events)
    t = next(p["start"] for p in parts if p["start"] > edited[-1]) + 0.5
    right = show(events, t, stepwise(events, t))
    assert ours(show, parts, t)["sheets"] == right["sheets"]
    assert show(events, t, leap=True)["sheets"] != right["sheets"]


def test_rrweb_in_one_leap_misses_custom_properties_with_capital_letters(show):
    """Its virtual document writes `--placeholderTextColor` as `--placeholder-text-color`.

    Playing sets the property that the page had, and so do we.
    """
    events = load(RECORDINGS[1])
    t = 7663.5
    played = str(show(events, t))
    wanted = "--placeholderTextColor:rgba(73, 69, 79, 1)"
    assert wanted in played
    assert wanted in str(ours(show, segments(events), t))
    assert wanted not in str(show(events, t, leap=True))


# -- where the Replayer differs from what was recorded, and we do not follow it


def told(*more, **lists):
    """Return a page with a few nodes on it, and further events."""
    opened = element(
        "div", 7, element("p", 8, text("first", 9)), style="height: 4000px"
    )
    return [meta(0), snapshot(10, opened), *more, change(9_000, 4, width=1, height=1)]


def test_additions_told_before_their_parents_are_kept(show):
    """rrweb drops what is told two levels before its parent; the page did have it."""
    inner, middle, outer = element("b", 21), element("li", 22), element("ul", 20)
    adds = [add(22, inner), add(20, middle), add(7, outer)]
    events = told(mutation(500, adds=adds), mutation(3_000))
    parts = segments(events, limits=Limits(1, 10**9, 10**9))
    assert "'id': 21" not in str(show(events, 4_000))
    assert "'id': 21" in str(ours(show, parts, 4_000))


def test_a_new_document_of_a_frame_begins_at_its_top_and_without_sheets(show):
    """rrweb leaves it scrolled as the document before was, and with its sheets."""

    def document(t, number):
        body = element("body", number + 1, style="height: 3000px")
        html = element("html", number + 2, body)
        page = {"type": 0, "id": number, "childNodes": [html]}
        adds = [{"parentId": 20, "nextId": None, "node": page}]
        lists = {"adds": adds, "removes": [], "texts": [], "attributes": []}
        return change(t, 0, isAttachIframe=True, **lists)

    sheet = {"styleId": 1, "rules": [{"rule": ".old { top: 1px }"}]}
    events = told(
        mutation(100, adds=[add(4, element("iframe", 20))]),
        document(200, 30),
        change(800, 15, id=30, styles=[sheet], styleIds=[1]),
        change(900, 3, id=30, x=0, y=200),
        document(2_000, 40),
    )
    stock = show(events, 3_000)
    assert [0, 200] in flat(stock, "scrolled")
    assert ".old" in str(flat(stock, "sheets"))
    # Played on from the old document, and begun at a keyframe after the new one.
    for limits in (Limits(10**9, 10**9, 10**9), Limits(1, 10**9, 10**9)):
        mine = ours(show, segments(events, limits=limits), 3_000)
        assert flat(mine, "scrolled") == [[0, 0], [0, 0]]
        assert flat(mine, "sheets") == [[], []]


def test_a_canvas_of_another_size_is_empty(show):
    """rrweb in one leap draws later: also what was drawn before the size changed."""

    def drawn(t, x):
        return change(t, 9, id=20, type=0, property="fillRect", args=[x, 0, 5, 5])

    opened = mutation(100, adds=[add(4, element("canvas", 20, width="30", height="9"))])
    wider = mutation(1_000, attributes=[{"id": 20, "attributes": {"width": "40"}}])
    rest = [drawn(2_000, 20), mutation(4_000)]
    (once,) = flat(show(told(opened, wider, *rest), 5_000), "drawn")
    events = told(opened, drawn(500, 1), wider, *rest)
    assert flat(show(events, 5_000), "drawn") != [once]
    parts = segments(events, Sanitiser(), Limits(1, 10**9, 10**9))
    assert flat(ours(show, parts, 5_000), "drawn") == [once]


def test_what_is_after_the_body_stays_there(show):
    """rrweb takes the body out as it builds a page, and puts it back as the last."""
    opened = told()
    later = element("canvas", 20, width="3", height="2")
    rest = told(mutation(500, adds=[add(2, later)]), mutation(3_000))
    html = opened[1]["data"]["node"]["childNodes"][-1]
    html["childNodes"].append(element("div", 21, text("after", 22)))
    rest[1] = deepcopy(opened[1])
    for limits in (Limits(10**9, 10**9, 10**9), Limits(1, 10**9, 10**9)):
        mine = ours(show, segments(rest, limits=limits), 4_000)
        (page,) = [one for one in mine["children"] if one["name"] == "HTML"]
        names = [one["name"] for one in page["children"]]
        assert names[-3:] == ["BODY", "DIV", "CANVAS"], names


def flat(page, key):
    """Return all values of a key, wherever in a described page."""
    if isinstance(page, list):
        return [value for one in page for value in flat(one, key)]
    if not isinstance(page, dict):
        return []
    own = [page[key]] if page.get(key) is not None else []
    return own + [value for one in page.values() for value in flat(one, key)]


def test_what_is_put_above_does_not_push_a_scrolled_page(show):
    """The browser of the visitor moved the page then, and its scroll was recorded.

    In rrweb's document the browser does so a second time ("scroll anchoring").
    """
    block = element("div", 20, style="height: 300px")
    events = told(
        change(500, 3, id=1, x=0, y=1_000), mutation(1_500, adds=[add(4, block, 7)])
    )
    assert show(events, 3_000)["window"][1] > 1_200
    assert ours(show, segments(events), 3_000)["window"][1] == 1_000


def test_a_sound_goes_on_where_an_old_recorder_told_no_position(show):
    """rrweb takes it back to the last position told, whenever its volume changes."""
    sound = mutation(100, adds=[add(4, element("audio", 20))])
    started = change(1_000, 7, type=0, id=20, currentTime=5)
    louder = change(4_000, 7, type=3, id=20, volume=0.5)
    events = told(sound, started, louder, mutation(5_000))
    parts = segments(events, limits=Limits(1, 10**9, 10**9))
    (stock,) = flat(show(events, 6_000), "at")
    (mine,) = flat(ours(show, parts, 6_000), "at")
    assert stock == pytest.approx(7, abs=0.2)
    assert mine == pytest.approx(10, abs=0.2)


def test_fonts_that_bring_no_bytes_are_not_loaded(show):
    """They would ask the network; rrweb makes them all."""
    faces = [
        change(500, 10, family="Own", fontSource="[0, 1]", buffer=True, descriptors={}),
        change(600, 10, family="Far", fontSource="url(https://x.test/f)", buffer=False),
    ]
    events = told(*faces)
    cleaned = segments(events, Sanitiser())
    assert show(events, 3_000)["fonts"] == ["Far normal normal", "Own normal normal"]
    assert ours(show, cleaned, 3_000)["fonts"] == ["Own normal normal"]


def test_what_no_recording_holds_says_so(show):
    """rrweb shows a canvas or film without its picture as nothing at all."""
    canvas, film = element("canvas", 20), element("video", 21)
    events = told(mutation(500, adds=[add(4, canvas), add(4, film)]))
    stock = str(show(events, 3_000))
    mine = str(ours(show, segments(events, Sanitiser()), 3_000))
    for words in ("canvas not in the recording", "video not in the recording"):
        assert words not in stock
        assert words in mine.replace("%20", " ")
