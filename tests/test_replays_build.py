"""Recordings become playable, listed, summed up; odd ones say what is wrong."""

from __future__ import annotations

import json
import zlib
from collections import Counter

import pytest
from recordings import (
    START,
    add,
    change,
    click,
    console,
    element,
    meta,
    mutation,
    page,
    session,
    snapshot,
    text,
)

from replaykit.ingest.rrweb_json import dumps, loads
from replaykit.replays.build import add_events, add_recordings
from replaykit.replays.keyframes import Limits
from replaykit.replays.reducer import Reducer
from replaykit.replays.sanitise import Sanitiser
from replaykit.store.recordings import Recordings


def stored(events):
    """Store events and return (row, summary, list of segments' events)."""
    store = Recordings()
    add_events(store, "d1/1717225200000", events)
    row = store.catalogue().row(0, named=True)
    parts = [
        loads(zlib.decompress(store.segment(row["replay_id"], at)))
        for at in range(row["segments"])
    ]
    return row, store.summary(row["replay_id"]), parts


def test_a_segment_begins_with_meta_and_snapshot_at_one_time():
    _, _, parts = stored(session())
    assert [event["type"] for event in parts[0][:2]] == [4, 2]
    assert {event["timestamp"] for event in parts[0][:2]} == {START}


def test_the_catalogue_row():
    row, _, _ = stored([*session(), click(20_500, 7), console(20_600, "error", "no")])
    assert row["replay_id"] == "d1/1717225200000"
    assert (row["device_id"], row["session_id"]) == ("d1", 1717225200000)
    assert row["start"].timestamp() * 1000 == START
    assert (row["length_ms"], row["events"], row["status"]) == (20_600, 44, "ok")
    assert (row["first_page"], row["pages"]) == ("https://shop.test/", 1)
    assert (row["width"], row["height"]) == (1000, 700)
    assert (row["clicks"], row["errors"]) == (1, 1)
    assert len(row["activity"]) == 48


def test_a_recording_without_a_snapshot_is_listed_but_has_nothing_to_play():
    row, summary, parts = stored([meta(0), click(5_000, 7), click(30_000, 7)])
    assert (row["status"], row["segments"], parts) == ("no_snapshot", 0, [])
    assert "no page to show" in summary["status_detail"]


def test_a_recording_that_starts_before_its_snapshot():
    events = [
        meta(0),
        change(100, 1, positions=[{"x": 5, "y": 6, "id": 7, "timeOffset": 0}]),
        mutation(200, adds=[add(4, element("p", 50))]),
        meta(3_000),
        snapshot(3_010, element("button", 7, text("Pay", 8))),
        click(15_000, 7),
    ]
    row, summary, parts = stored(events)
    assert row["length_ms"] == 15_000
    assert summary["segments"][0]["start"] == 0
    assert parts[0][0]["timestamp"] == START
    assert "button" in json.dumps(parts[0][1])
    # The pointer can be shown; a change of a page that nobody knows cannot.
    assert [e["data"].get("source") for e in parts[0][2:]] == [1, 2]
    assert row["status"] == "gaps"
    assert summary["gaps"] == [[0, 3_010]]
    assert "changes before the first snapshot: 1" in summary["warnings"]


def test_a_touch_recording():
    touches = [
        change(1_000, 2, type=7, id=7, x=20, y=30),
        change(1_100, 6, positions=[{"x": 25, "y": 33, "id": 7, "timeOffset": 0}]),
        change(1_200, 2, type=9, id=7, x=25, y=33),
        click(1_210, 7, 25, 33),
    ]
    row, _, parts = stored([*session(), *touches])
    assert (row["clicks"], row["status"]) == (1, "ok")
    assert any(e["data"].get("source") == 6 for e in parts[0])
    reducer = Reducer(limits=Limits(events=3, size=10**9, nodes=10**9))
    events = sorted([*session(), *touches[:2]], key=lambda e: e["timestamp"])
    last = [*reducer.feed(events), *reducer.finish()][-1]
    pointer = json.loads(b"".join(last.parts))[2]["data"]
    assert pointer == {
        "source": 6,
        "positions": [{"x": 25, "y": 33, "id": 7, "timeOffset": 0}],
    }


@pytest.mark.parametrize(
    "positions",
    [
        [{"x": 25, "y": 33, "id": 7, "timeOffset": 0}],
        [{"x": 25, "y": 33, "id": 7, "timeOffset": 0, "pressure": "firm"}],
        [{"x": 1, "y": 1, "id": 7}, {"x": 25, "y": 33, "id": 7, "timeOffset": -9}],
        [{"x": 25.0, "y": 33, "id": 7, "timeOffset": -0.5}],
    ],
)
def test_a_pointer_is_written_as_it_was_recorded(positions):
    event = change(1_000, 1, positions=positions)
    reducer = Reducer(limits=Limits(events=3, size=10**9, nodes=10**9))
    later = [change(t, 3, id=1, x=0, y=t) for t in range(1_001, 1_006)]
    first, *_, last = [*reducer.feed([*session(900), event, *later]), *reducer.finish()]
    assert reducer.problems == {}
    assert event in json.loads(b"".join(first.parts))
    pointer = json.loads(b"".join(last.parts))[2]["data"]["positions"]
    assert pointer == [{"x": 25, "y": 33, "id": 7, "timeOffset": 0}]


@pytest.mark.parametrize("positions", [[], None, 5, [None], [{}], [{"x": 1, "y": 2}]])
def test_a_pointer_without_a_place_is_left_out(positions):
    # The Replayer reads the last place of each, and would stop there.
    reducer = Reducer()
    events = [*session(900), change(1_000, 1, positions=positions)]
    parts = [p for s in [*reducer.feed(events), *reducer.finish()] for p in s.parts]
    assert reducer.problems == {"broken events": 1}
    assert b'"positions"' not in b"".join(parts)


def test_integers_of_any_length_are_written_as_recorded():
    huge = int("7" * 40)
    events = [
        *session(900),
        mutation(1_000, adds=[add(7, element("p", 90, **{"data-n": huge}))]),
        mutation(1_001, attributes=[{"id": 7, "attributes": {"class": "a"}}], n=huge),
        change(1_002, 3, id=1, x=0, y=huge),
        *(change(t, 3, id=7, x=0, y=t) for t in range(1_003, 1_020)),
    ]
    reducer = Reducer(Sanitiser(), limits=Limits(events=3, size=10**9, nodes=10**9))
    *_, last = [*reducer.feed(events), *reducer.finish()]
    assert reducer.problems == {}
    written = b"".join(last.parts)
    assert json.loads(written)
    assert str(huge).encode() in written


def test_a_copy_of_an_event_counts_once_wherever_it_came_from():
    # A piece of a file repeats what is stored, as a chunk that was sent twice does.
    store = Recordings()
    add_events(store, "d1/7", session(20_000))
    again = [e for e in session(30_000) if e["timestamp"] >= START + 10_000]
    add_events(store, "d1/7", again)
    (row,) = store.catalogue().rows(named=True)
    assert row["events"] == len(session(30_000))


def test_a_short_recording():
    assert stored(session(length=9_000))[0]["status"] == "short"


def test_duplicates_are_dropped_and_counted():
    events = session()
    row, summary, parts = stored([*events, *json.loads(json.dumps(events))])
    assert row["events"] == len(events)
    assert summary["warnings"] == [f"duplicate events: {len(events)}"]
    assert len(parts[0]) == len(events)


def test_broken_events_are_counted():
    bad = [
        {"type": 3, "data": None, "timestamp": START + 1_000},
        change(1_500, 1, positions=[]),
        mutation(1_600, adds=[{"parentId": 4}]),
        change(1_700, 5, id=[1]),
        {"type": 2, "data": {"node": "?"}, "timestamp": START + 1_800},
    ]
    row, summary, _ = stored([*session(), *bad])
    assert row["status"] == "ok"
    assert "broken events: 5" in summary["warnings"]


def test_signals_pages_and_requests_become_marks():
    rage = [click(t, 7) for t in (1_000, 1_200, 1_400, 1_600)]
    dead = [click(8_000, 9)]
    failed = {
        "type": 5,
        "data": {
            "tag": "fetch-request",
            "payload": {
                "timestamp": START + 15_000,
                "method": "post",
                "url": "/pay",
                "status": 500,
                "duration": 80,
            },
        },
        "timestamp": START + 15_080,
    }
    events = [
        meta(0),
        snapshot(
            0,
            element("button", 7, text(" Pay  now ", 8)),
            element("a", 9, text("Help", 10), href="/help"),
        ),
        *rage,
        mutation(1_700, texts=[{"id": 8, "value": "Paying"}]),
        *dead,
        console(12_000, "error", "Payment failed"),
        failed,
        meta(19_000, href="https://shop.test/thanks"),
        snapshot(19_000),
        click(30_000, 4),
    ]
    row, summary, _ = stored(events)
    marks = [(m["t"], m["kind"], m["label"], m["count"]) for m in summary["marks"]]
    assert marks == [
        (1_000, "rage", "Pay now", 4),
        (8_000, "dead", "Help", 1),
        (12_000, "error", "Payment failed", 1),
        (15_000, "request", "POST /pay 500", 1),
    ]
    assert [p["url"] for p in summary["pages"]] == [
        "https://shop.test/",
        "https://shop.test/thanks",
    ]
    assert summary["pages"][0]["title"] == "Shop"
    assert summary["network"][0]["duration_ms"] == 80
    assert summary["inactive"] == [[19_000 - 11_000, 30_000]]
    counted = ("rage_clicks", "dead_clicks", "errors", "failed_requests", "inactive_ms")
    assert [row[name] for name in counted] == [1, 1, 1, 1, 22_000]


def test_sentrys_breadcrumbs_say_which_pages_were_seen():
    def went(t, to):
        payload = {"category": "navigation", "data": {"from": "/", "to": to}}
        data = {"tag": "breadcrumb", "payload": payload}
        return {"type": 5, "data": data, "timestamp": START + t}

    events = [
        meta(0),
        snapshot(1),
        went(900, "/cart?x=1"),
        went(1_900, "https://far.test/"),
    ]
    events.append(went(2_900, "/pay"))
    store = Recordings()
    assert not add_events(store, "a", events).skipped
    assert [page["url"] for page in store.summary("a")["pages"]] == [
        "https://shop.test/",
        "https://shop.test/cart?x=1",
        "https://far.test/",
        "https://far.test/pay",
    ]


def test_a_lone_meta_becomes_a_resize_not_a_cut():
    _, _, parts = stored(
        [*session(), meta(20_500, width=400, height=300), click(20_600, 7)]
    )
    kinds = [
        (e["type"], e["data"].get("source"), e["data"].get("width"))
        for e in parts[0][-2:]
    ]
    assert kinds == [(3, 4, 400), (3, 2, None)]


def test_absurd_sizes_are_clamped():
    row, _, parts = stored([meta(0, width=10**9), snapshot(1), click(20_000, 4)])
    assert parts[0][0]["data"]["width"] == 16_384
    assert row["width"] == 16_384


def test_segments_are_cut_by_each_limit():
    for limits in (Limits(events=5), Limits(size=900), Limits(nodes=4)):
        reducer = Reducer(limits=limits)
        parts = [*reducer.feed(session()), *reducer.finish()]
        assert len(parts) > 4
        assert [a.end for a in parts[:-1]] == [b.start for b in parts[1:]]


def test_a_deep_page_passes_and_a_deeper_one_is_named(tmp_path):
    def nested(levels):
        node = text("core", 10)
        for at in range(levels):
            node = element("div", 100 + at, node)
        return node

    row, _, parts = stored([meta(0), snapshot(1, nested(512)), click(20_000, 4)])
    assert (row["status"], b"core" in dumps(parts[0][1])) == ("ok", True)
    deep = [meta(0), snapshot(1), click(20_000, 4)]
    raw = json.dumps(deep).replace(
        '"childNodes": [], "id": 4',
        '"childNodes": [' + "[" * 9_000 + "]" * 9_000 + '], "id": 4',
    )
    (tmp_path / "deep.json").write_text(raw)
    report = add_recordings(Recordings(), tmp_path, progress=False)
    assert "overflows" in next(iter(report.skipped.values()))


def test_adding_again_changes_nothing_and_growth_replaces(tmp_path):
    store = Recordings(tmp_path / "replays")
    path = tmp_path / "d1_1717225200000.json"
    path.write_text(json.dumps(session(length=20_000)))
    first = add_recordings(store, path, progress=False)
    again = add_recordings(store, path, progress=False)
    assert (first.added, again.added, again.unchanged) == (1, 0, 1)
    path.write_text(json.dumps(session(length=30_000)))
    grown = add_recordings(store, path, progress=False)
    assert (grown.replaced, grown.added) == (1, 0)
    assert store.catalogue()["length_ms"].to_list() == [30_000]


def test_pieces_that_arrive_apart_are_put_together(tmp_path):
    """In either order, twice, overlapping: the recording is the whole one."""
    early = [
        change(0, 1, positions=[{"x": 5, "y": 6, "id": 7, "timeOffset": 0}]),
        mutation(3, adds=[add(4, element("p", 90))]),
    ]
    later = [{**e, "timestamp": e["timestamp"] + 5} for e in session(length=40_000)]
    events = [*early, *later]
    whole, _, whole_parts = stored(events)
    for order in ((0, 1, 0, 1), (1, 0)):
        store = Recordings()
        for number in order:
            piece = (events[:50], events[45:])[number]
            folder = tmp_path / f"{order}{number}"
            folder.mkdir(exist_ok=True)
            (folder / "d1_1717225200000.json").write_text(json.dumps(piece))
            report = add_recordings(store, folder, progress=False)
        row = store.catalogue().row(0, named=True)
        parts = [loads(zlib.decompress(store.segment(row["replay_id"], 0)))]
        same = ("events", "length_ms", "pages", "status", "start")
        assert {key: row[key] for key in same} == {key: whole[key] for key in same}
        assert parts == whole_parts
    assert report.replaced == 1


def test_the_report_names_files_that_were_skipped(tmp_path):
    (tmp_path / "good.json").write_text(json.dumps(session()))
    (tmp_path / "bad.json").write_text("{")
    report = add_recordings(Recordings(), tmp_path, progress=False)
    assert report.added == 1
    assert "bad.json" in repr(report)


def test_missing_numbers_between_chunks_are_gaps(tmp_path):
    events = session(length=40_000)
    for number, chunk in ((0, events[:20]), (1, events[20:40]), (3, events[60:])):
        (tmp_path / f"d1_1717225200000_{number}.json").write_text(json.dumps(chunk))
    store = Recordings()
    add_recordings(store, tmp_path, progress=False)
    assert store.catalogue()["status"].to_list() == ["gaps"]
    before, after = (events[at]["timestamp"] - START for at in (39, 60))
    assert store.summary("d1/1717225200000")["gaps"] == [[before, after]]


@pytest.mark.parametrize("source", [9, 7, 14, 16, 13, 8, 15])
def test_hostile_shapes_of_rare_events_never_raise(source):
    reducer = Reducer()
    start = [meta(0), snapshot(1, element("style", 7))]
    odd = [change(at, source, **data) for at, data in enumerate(_ODD, 5)]
    assert [*reducer.feed([*start, *odd]), *reducer.finish()]
    assert isinstance(reducer.problems, Counter)


_ODD = (
    {},
    {"id": 7},
    {"id": 7, "adds": [{"rule": "b{}"}], "removes": None},
    {"id": 7, "adds": 3, "set": 1},
    {"id": 7, "commands": None},
    {"id": 7, "commands": [{}]},
    {"styleId": 4, "adds": [{"rule": "b{}"}], "id": 7},
    {"id": 7, "styles": [{"styleId": 1, "rules": None}], "styleIds": [1, 2]},
    {"id": 7, "define": None, "ranges": None, "type": 0, "currentTime": "x"},
)


def test_page_helper_is_a_document():
    assert page()["childNodes"][0]["tagName"] == "html"


def emptied():
    """A page whose sheet a script empties: the same edit again in one ms, and again."""
    style = element("style", 60, text("a{} b{} c{} d{} e{} f{}", 61))
    edit = {"source": 8, "id": 60, "removes": [{"index": 0}]}
    opened = [meta(0), snapshot(1, style, element("p", 62))]
    pointer = change(900, 1, positions=[{"x": 1, "y": 2, "id": 62, "timeOffset": 0}])
    edits = [{"type": 3, "data": edit, "timestamp": START + 1_000} for _ in range(4)]
    return [*opened, pointer, *edits, change(12_000, 3, id=4, x=0, y=0)]


@pytest.mark.parametrize(
    "told",
    [
        lambda events: [events],
        lambda events: [[*events, *events]],
        lambda events: [events, events],
        lambda events: [events[:5], events[3:]],
        lambda events: [events[3:], events[:3]],
    ],
)
def test_an_edit_done_again_is_no_copy(told, tmp_path):
    """A copy is what another file holds as well, or what comes where time goes back."""
    store = Recordings(tmp_path)
    for piece in told(emptied()):
        add_events(store, "d1/7", json.loads(json.dumps(piece)))
    row = store.catalogue().row(0, named=True)
    parts = [store.segment(row["replay_id"], at) for at in range(row["segments"])]
    events = [event for part in parts for event in loads(zlib.decompress(part))]
    edits = [event for event in events if event["data"].get("source") == 8]
    assert len(edits) == 4


def test_of_events_that_all_come_twice_in_a_row_one_is_kept():
    row, _, _ = stored([event for event in emptied() for _ in (1, 2)])
    assert row["events"] == 5


@pytest.mark.parametrize("way", ["array", "lines", "dicts", "damaged", "one object"])
def test_half_a_character_costs_no_page(way, tmp_path):
    """Scripts that cut texts short cut through emoji; browsers write the half."""
    words = text("cut \ud83d, whole \U0001f600, \\ud83d", 8)
    told = [meta(0), snapshot(1, element("p", 7, words))]
    told += [mutation(500, texts=[{"id": 8, "value": "\udc00 end"}]), mutation(20_000)]
    store, path = Recordings(tmp_path / "p"), tmp_path / f"d1_{START}.json"
    if way == "dicts":
        add_events(store, "d1/7", told)
    else:
        lines = [json.dumps(event) for event in told]
        array = "[" + ",".join(lines) + "]"
        path.write_text(
            {
                "lines": "\n".join(lines),
                "damaged": array[:-1],
                "one object": f'{{"events": {array}}}',
            }.get(way, array)
        )
        add_recordings(store, path, progress=False)
    row = store.catalogue().row(0, named=True)
    assert (row["events"], row["status"]) == (4, "ok")
    packed = zlib.decompress(store.segment(row["replay_id"], 0))
    assert "cut \ufffd, whole \U0001f600, \\ud83d" in str(loads(packed)).replace(
        "\\\\", "\\"
    )
    assert "\ufffd end" in str(loads(packed))
