"""A recording that comes piece by piece is the one that comes at once."""

from __future__ import annotations

import gzip
import json
import random
import tempfile
import zlib
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from recordings import (
    START,
    add,
    change,
    click,
    element,
    meta,
    mutation,
    session,
    snapshot,
    text,
)

from replaykit.ingest.rrweb_json import loads
from replaykit.replays import resuming, storing
from replaykit.replays.build import add_events, add_recordings
from replaykit.replays.keyframes import Limits
from replaykit.replays.reducer import Reducer
from replaykit.store.recording_files import read_index
from replaykit.store.recordings import Recordings
from tests.fidelity.stories import SOURCES, tell

HERE = Path(__file__).parent
REPLAY = f"d1/{START}"
#: Recordings, one of them of all that rrweb records, and a story of each event source.
REAL = {
    name: loads(gzip.decompress(data) if name.endswith("gz") else data)
    for name in ("data/rrweb_todo_app.json", "fidelity/everything.json.gz")
    for data in [(HERE / name).read_bytes()]
}
NAMES = [*REAL, "data/rrweb_code_editor.json", *SOURCES]


def recording(name, seed=0):
    if name in REAL:
        events = REAL[name]
    elif name in SOURCES:
        events = tell(name, seed)
    else:
        events = loads((HERE / name).read_bytes())[:600]
    return sorted(json.loads(json.dumps(events)), key=lambda e: e["timestamp"])


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    """Let small recordings have several segments."""
    short = partial(Reducer, limits=Limits(60, 60_000, 400))
    monkeypatch.setattr(storing, "Reducer", short)


def pieces(events, chance, most=6):
    """Cut a recording in up to `most` pieces, never between events of one ms."""
    stamps = [event["timestamp"] for event in events]
    places = [at for at in range(1, len(events)) if stamps[at] > stamps[at - 1]]
    cuts = sorted(chance.sample(places, min(most - 1, len(places))))
    return [events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]


def stored(store):
    """Return all that is kept: row, summary, notes, and every event of every part."""
    (row,) = store.catalogue().rows(named=True)
    row = {key: row[key] for key in row if key not in {"ingested", "bytes"}}
    summary = store.summary(REPLAY)
    for segment in summary["segments"]:
        del segment["bytes"]
    parts = [
        (note, loads(zlib.decompress(part))) for note, part in store.stored(REPLAY)
    ]
    return {"row": row, "summary": summary, "parts": parts}


def added(*chunks):
    """Return the store after so many additions of events."""
    store = Recordings()
    for chunk in chunks:
        assert not add_events(store, REPLAY, json.loads(json.dumps(chunk))).skipped
    return store


def without_copies(told):
    """Leave out what depends on how often an event came: that it came twice."""
    summary = told["summary"]
    warnings = [w for w in summary["warnings"] if not w.startswith("duplicate events")]
    kept = {**summary, "warnings": warnings, "removed": None}
    return {**told, "summary": kept}


def check(name, order, seed=0):
    events = recording(name, seed)
    chance = random.Random(f"{name} {order} {seed}")
    cut = pieces(events, chance)
    whole = stored(added(events))
    if order == "one after another":
        assert stored(added(*cut)) == whole
    elif order == "each with all before it":
        assert stored(added(*accumulate(cut))) == whole
    elif order == "any":
        chance.shuffle(cut)
        assert stored(added(*cut)) == whole
    elif order == "twice":
        again = chance.choice(cut)
        assert stored(added(*cut, again)) == whole
    else:
        overlapping = [[*one, *other] for one, other in pairwise([[], *cut])]
        chance.shuffle(overlapping)
        assert without_copies(stored(added(*overlapping))) == without_copies(whole)


ORDERS = ["one after another", "each with all before it", "any", "twice", "overlapping"]


@pytest.mark.parametrize("order", ORDERS)
def test_pieces_in_any_order_make_the_same_recording(order):
    for name in NAMES:
        check(name, order)


@pytest.mark.long
@pytest.mark.parametrize("order", ORDERS)
def test_pieces_cut_anywhere_make_the_same_recording(order):
    for name in NAMES:
        for seed in range(1, 9 if name in SOURCES else 5):
            check(name, order, seed)


def test_only_what_is_new_is_read_through_the_page(fed):
    events = session(400_000)
    store = added(events[:700])
    for begin, end in ((700, 702), (702, 710), (710, 711)):
        add_events(store, REPLAY, events[begin:end])
    assert fed == [700, 2, 8, 1]
    # Also if it comes with everything before it, as from a file that grows.
    add_events(store, REPLAY, events[:720])
    assert fed[-1] == 9
    assert stored(store) == stored(added(events[:720]))


def test_a_file_that_grows_is_read_on(tmp_path, fed):
    store = Recordings(tmp_path / "store")
    path = tmp_path / f"d1_{START}.jsonl"
    lines = [json.dumps(event) for event in session(300_000)]
    for end in (400, 450, 602):
        path.write_text("\n".join(lines[:end]))
        add_recordings(store, path, progress=False)
    assert fed == [400, 50, 152]
    assert stored(store) == stored(added(session(300_000)))


def test_a_grown_file_whose_beginning_changed_is_read_with_what_is_stored(fed):
    events = session(60_000)
    store = added(events[:90])
    before = events[20]
    events[20] = {**before, "timestamp": before["timestamp"] + 1}
    add_events(store, REPLAY, events)
    assert fed == [90, len(events) + 1]
    assert stored(store) == stored(added([*events, before]))


def test_a_piece_before_the_end_is_read_with_the_whole(fed):
    events = session(60_000)
    store = added(events[:50], events[80:], events[50:80])
    assert fed == [50, len(events) - 80, len(events)]
    assert stored(store) == stored(added(events))


def test_what_segments_were_written_stays_where_it_was(tmp_path):
    store = Recordings(tmp_path)
    events = session(200_000)
    add_events(store, REPLAY, events[:300])
    before = opened(store)
    add_events(store, REPLAY, events[300:])
    after = opened(store)
    assert len(before[0].segments) > 3
    full = len(before[0].segments) - 1
    assert after[0].segments[:full] == before[0].segments[:full]
    end = before[0].segments[-1].pieces[-1][0]
    assert after[1][:end] == before[1][:end]


def test_a_recording_takes_no_more_room_for_having_come_in_pieces():
    events = recording("data/rrweb_code_editor.json")
    (whole,) = added(events).catalogue()["bytes"]
    cut = pieces(events, random.Random(1), most=40)
    (apart,) = added(*cut).catalogue()["bytes"]
    assert apart < whole * 1.1


def styled(count):
    """A page whose script sets one declaration of a sheet over and over."""
    sheet = element("style", 50, text(".a { color: red }", 51))
    told = {"property": "color", "priority": None}
    return [
        meta(0),
        snapshot(1, sheet),
        *(
            change(20 * at, 13, id=50, index=[0], set={**told, "value": f"#{at:06x}"})
            for at in range(1, count)
        ),
    ]


def test_edits_of_a_sheet_are_not_repeated_without_end():
    """Each keyframe has to repeat all of them, so there are fewer, the more there are."""
    events = styled(4_000)
    reducer = Reducer(limits=Limits(events=20))
    segments = [*reducer.feed(events), *reducer.finish()]
    size = sum(len(part) for segment in segments for part in segment.parts)
    assert len(segments) > 20
    assert size < 6 * len(json.dumps(events, separators=(",", ":")))


@pytest.mark.parametrize("pieces", [2, 5])
def test_edits_of_a_sheet_that_come_in_pieces_are_cut_as_at_once(pieces):
    events = styled(1_500)
    size = len(events) // pieces + 1
    parts = [events[at : at + size] for at in range(0, len(events), size)]
    assert stored(added(*parts)) == stored(added(events))


def test_a_window_that_was_told_before_a_break_belongs_to_the_page_after_it():
    # A Meta event at the end may be a lone one, or that of a snapshot to come.
    events = [*session(20_000), meta(21_000, href="https://shop.test/b", width=500)]
    later = [snapshot(21_010), click(40_000, 4)]
    store = added(events, later)
    assert stored(store) == stored(added([*events, *later]))
    assert store.summary(REPLAY)["pages"][-1]["url"] == "https://shop.test/b"


def test_what_was_counted_of_the_first_piece_stays_counted():
    broken = {"type": 3, "data": None, "timestamp": START + 1_000}
    first = [*session(20_000), broken, session(20_000)[5]]
    later = [click(30_000, 7)]
    between = [change(15_100, 3, id=1, x=0, y=5)]
    whole = stored(added([*first, *later, *between]))
    assert "broken events: 1" in whole["summary"]["warnings"]
    assert "duplicate events: 1" in whole["summary"]["warnings"]
    assert stored(added(first, later, between)) == whole


def test_what_is_taken_out_does_not_depend_on_what_was_read_before():
    # Nor does what is written: with it, a recording would be cut elsewhere.
    rules = "".join(f".c{n} {{ background: url(/{n}.png) }}" for n in range(60))
    sheet = element("style", 20, text(rules, 21))
    events = [
        *(meta(0), snapshot(10, sheet, element("my-box", 7, onclick="x()"))),
        mutation(500, adds=[add(4, element("my-box", 40)), add(4, element("i", 41))]),
        *(meta(20_000), snapshot(20_010, sheet, element("my-box", 7))),
        *(mutation(20_500 + n, adds=[add(4, element("b", 50 + n))]) for n in range(90)),
    ]
    spaced = [json.dumps(event) for event in events]
    assert "images and fonts" in str(stored(added(events))["summary"]["removed"])
    for end in (3, 5, 40):
        assert stored(added(events[:end], events[end:])) == stored(added(events))
        read = [Recordings(), Recordings()]
        for store, cuts in zip(read, ((end, 95), (95,)), strict=True):
            for cut in cuts:
                add_lines(store, spaced[:cut])
        assert stored(read[0]) == stored(read[1])


def add_lines(store, lines):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"d1_{START}.jsonl"
        path.write_text("\n".join(lines))
        add_recordings(store, path, progress=False)


def test_a_gap_between_numbered_pieces_closes_when_the_piece_comes(tmp_path):
    store = Recordings()
    events = session(60_000)
    cut = {0: events[:40], 1: events[40:80], 2: events[80:]}
    status = []
    for number in (0, 2, 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / f"d1_{START}_{number}.json"
        path.write_text(json.dumps(cut[number]))
        add_recordings(store, path, progress=False)
        status += store.catalogue()["status"].to_list()
    assert status == ["ok", "gaps", "ok"]


def test_what_may_be_shown_is_asked_anew(tmp_path, fed):
    path = tmp_path / f"d1_{START}.json"
    store = Recordings()
    for end, hosts in ((60, ()), (80, ("cdn.shop.test",)), (100, ("cdn.shop.test",))):
        path.write_text(json.dumps(session(60_000)[:end]))
        add_recordings(store, path, allow_network=hosts, progress=False)
    assert fed == [60, 80, 20]


# -- what is saved is not trusted


def opened(store):
    """Return the index and the bytes of the only recording's file."""
    with store.batch() as batch:
        name = batch.row(REPLAY)["file"]
    with store._shelf.open(name) as file:
        index = read_index(file)
        file.seek(0)
        return index, file.read()


def damage(store, where, monkeypatch):
    """Change what is stored of how to go on."""
    index, content = opened(store)
    with store.batch() as batch:
        name = batch.row(REPLAY)["file"]
    wrong = bytearray(content)
    if where == "state":
        wrong[index.state[0] + index.state[1] // 2] ^= 1
    elif where == "summary":
        wrong[index.summary[0] + index.summary[1] // 2] ^= 1
    elif where == "segment":
        wrong[index.segments[0].pieces[-1][0] + 30] ^= 1
    elif where == "last segment":
        wrong[index.segments[-1].pieces[-1][0] + 30] ^= 1
    elif where == "version":
        monkeypatch.setattr(resuming, "VERSION", resuming.VERSION + 1)
    elif where == "another state":  # of the same form
        at, size = index.state
        state = zlib.decompress(content[at : at + size])
        assert b'"events":110' in state
        other = zlib.compress(state.replace(b'"events":110', b'"events":100'), 9)
        assert len(other) <= size
        wrong[at : at + size] = other.ljust(size, b"\0")
    store._shelf._files[name] = bytes(wrong)


@pytest.mark.parametrize(
    "where",
    ["state", "another state", "summary", "segment", "last segment", "version"],
)
def test_what_does_not_match_is_read_anew(where, monkeypatch, fed):
    events = session(60_000)
    store = added(events[:110])
    damage(store, where, monkeypatch)
    add_events(store, REPLAY, events)
    assert fed[-1] == len(events)
    assert stored(store) == stored(added(events))


@pytest.mark.parametrize("where", ["state", "summary", "version"])
def test_a_piece_goes_on_without_what_was_saved(where, monkeypatch, fed):
    events = session(60_000)
    store = added(events[:110])
    damage(store, where, monkeypatch)
    add_events(store, REPLAY, events[110:])
    assert fed[-1] == len(events)
    assert stored(store) == stored(added(events))


@pytest.mark.parametrize("where", ["segment", "last segment"])
def test_a_piece_of_what_is_damaged_is_refused(where, monkeypatch):
    events = session(60_000)
    store = added(events[:110])
    damage(store, where, monkeypatch)
    report = add_events(store, REPLAY, events[110:])
    assert "add its files again" in report.skipped[REPLAY]
    assert store.catalogue()["events"].to_list() == [110]


def test_recordings_of_earlier_versions_are_gone_on_with(monkeypatch):
    """They keep nothing of how to go on."""
    events = session(60_000)
    monkeypatch.setattr(resuming.Saved, "pack", lambda _: None)
    store = added(events[:110])
    assert opened(store)[0].state is None
    monkeypatch.undo()
    add_events(store, REPLAY, events[110:])
    assert store.catalogue()["events"].to_list() == [len(events)]
