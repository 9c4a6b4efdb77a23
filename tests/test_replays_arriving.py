"""Whatever pieces a recording comes in, and in whatever order, it is the same one."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from functools import partial
from itertools import pairwise

import pytest
from recordings import START, add, change, click, element, meta, mutation, session
from recordings import snapshot as snapshot_of
from test_replays_faults import mutated
from test_replays_resuming import (
    NAMES,
    REPLAY,
    added,
    recording,
    stored,
    without_copies,
)

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_formats import decode, unpacked
from replaykit.replays import storing
from replaykit.replays.build import add_events, add_recordings
from replaykit.replays.keyframes import Limits
from replaykit.replays.reducer import Reducer
from replaykit.store.recordings import Recordings

SNAPSHOT = 2
CDN = "https://cdn.test"


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    """Let small recordings have several segments."""
    short = partial(Reducer, limits=Limits(60, 60_000, 400))
    monkeypatch.setattr(storing, "Reducer", short)


# -- pieces of a recording, at random; the oracle is the whole, added at once


def crowded(events, chance):
    """Move events to the time of the one before, so that many have the same time."""
    told, snapshots, moved = set(), set(), []
    at = 0
    for came in events:
        at = at if moved and chance.random() < 0.4 else max(at, came["timestamp"])
        if came["type"] == SNAPSHOT:
            at += at in snapshots  # there is one of a time
            snapshots.add(at)
        event = {**came, "timestamp": at}
        if json.dumps(event) not in told:  # copies are another matter
            moved.append(event)
        told.add(json.dumps(event))
    return moved


def moment_of(times, begin, end):
    """Tell whether a stretch is a part of one moment: nobody knows which."""
    return times[begin] == times[end - 1] and times.count(times[begin]) > end - begin


def cover(events, chance):
    """Return pieces at random that overlap, come twice, and together are the whole."""
    times = [event["timestamp"] for event in events]
    size = len(events)
    cuts = sorted(chance.sample(range(1, size), min(3, size - 1)))
    stretches = [
        (max(0, begin - chance.choice([0, 0, 1, 30])), end)
        for begin, end in pairwise([0, *cuts, size])
    ]
    for _ in range(chance.randint(0, 5)):
        begin = chance.randrange(size)
        end = begin + chance.randint(1, chance.choice([2, 20, 200]))
        stretches.append((begin, min(end, size)))
    parts = [events[a:b] for a, b in stretches if not moment_of(times, a, b)]
    if len(parts) < len(stretches) or chance.random() < 0.3:
        parts.append(events)
    if chance.random() < 0.3:
        gone = {*chance.sample(times, chance.randint(0, size // 3))}
        parts.append([event for event in events if event["timestamp"] not in gone])
    return [part for part in [*parts, chance.choice(parts)] if part]


def write(folder, events, kind="array", number=None):
    """Write a piece to a file of its own."""
    folder.mkdir(parents=True)
    name = f"d1_{START}" if number is None else f"d1_{START}_{number}"
    lines = [json.dumps(event) for event in events]
    text = "\n".join(lines) if kind == "lines" else f"[{','.join(lines)}]"
    path = folder / f"{name}.json"
    path.write_bytes(
        gzip.compress(text.encode()) if kind == "packed" else text.encode()
    )
    return path


def grow(store, folder, events, chance, number):
    """Add a file whenever it has become longer, but for the last time; return it."""
    times = [event["timestamp"] for event in events]
    ends = [at for at in range(1, len(events)) if times[at] > times[0]]
    for end in sorted(chance.sample(ends, min(3, len(ends)))):
        path = write(folder / str(end), events[:end], number=number)
        assert not add_recordings(store, path, progress=False).skipped
    return write(folder / "whole", events, number=number)


def check(folder, events, chance):
    """Add pieces in any order, some of them together, some as files that grow."""
    parts = sorted(cover(events, chance), key=lambda part: part[0]["timestamp"])
    numbered = chance.random() < 0.3
    distinct = [part for at, part in enumerate(parts) if part not in parts[:at]]
    numbers = [distinct.index(part) if numbered else None for part in parts]
    pairs = list(zip(parts, numbers, strict=True))
    chance.shuffle(pairs)
    store = Recordings()
    while pairs:
        paths = []
        for _ in range(min(len(pairs), chance.choice([1, 1, 1, 2, 5]))):
            at = folder / str(len(pairs))
            part, number = pairs.pop()
            kind = chance.choice(["array", "lines", "packed", "growing"])
            if kind == "growing":
                paths.append(grow(store, at, part, chance, number))
            else:
                paths.append(write(at, part, kind, number))
        chance.shuffle(paths)
        assert not add_recordings(store, paths, progress=False).skipped
    whole = Recordings()
    add_recordings(whole, write(folder / "whole", events), progress=False)
    assert stored(store) == stored(whole)
    (row,) = store.catalogue().rows(named=True)
    assert row["events"] == len(events)


def check_any(folder, seeds):
    for seed in seeds:
        for name in NAMES:
            chance = random.Random(f"{seed} {name}")
            events = crowded(recording(name, seed), chance)
            check(folder / f"{seed} {name.replace('/', ' ')}", events, chance)


@pytest.mark.parametrize("seed", range(3))
def test_any_pieces_in_any_order_are_the_whole(tmp_path, seed):
    check_any(tmp_path, [seed])


@pytest.mark.long
@pytest.mark.parametrize("first", range(10, 110, 10))
def test_many_pieces_in_any_order_are_the_whole(tmp_path, first):
    check_any(tmp_path, range(first, first + 10))


# -- the same of recordings in which something is wrong


def check_mutated(folder, seed):
    """Add a wrong recording in pieces: what was wrong with it is the same too."""
    chance = random.Random(seed)
    try:
        found = decode(mutated(chance), Counter())
    except BadRecording:
        return
    events = [event for part in found for event in unpacked(part.events)]
    events.sort(key=lambda event: event.timestamp)
    times = [event.timestamp for event in events]
    edges = [at for at in range(1, len(events)) if times[at] > times[at - 1]]
    chosen = [0, *sorted(chance.sample(edges, min(4, len(edges)))), len(events)]
    parts = [events[begin:end] for begin, end in pairwise(chosen)]
    chance.shuffle(parts)
    if overlapping := chance.random() < 0.3:
        parts.insert(chance.randrange(len(parts)), events[: chance.choice(chosen[1:])])
    whole, store = Recordings(), Recordings()
    path = folder / f"d1_{START}.json"
    path.write_bytes(b"[%b]" % b",".join(event.text() for event in events))
    add_recordings(whole, path, progress=False)
    for part in parts:
        path.write_bytes(b"[%b]" % b",".join(event.text() for event in part))
        if add_recordings(store, path, progress=False).skipped:
            return  # all of this piece is broken, and so it is no recording
    if whole.catalogue()["replay_id"].to_list() == [REPLAY]:
        told, oracle = stored(store), stored(whole)
        if overlapping:
            told, oracle = without_copies(told), without_copies(oracle)
        assert told == oracle, seed


def test_pieces_of_a_wrong_recording_are_the_whole(tmp_path):
    for seed in range(60):
        check_mutated(tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("first", range(1_000, 5_000, 1_000))
def test_pieces_of_many_wrong_recordings_are_the_whole(tmp_path, first):
    for seed in range(first, first + 1_000):
        check_mutated(tmp_path, seed)


# -- nothing is lost


def of_two(events, at):
    """Return a recording in which two events have the same last time."""
    late = [change(at, 3, id=4, x=0, y=5), change(at, 3, id=4, x=0, y=9)]
    return [*[event for event in events if event["timestamp"] < START + at], *late]


def test_a_file_that_lacks_one_of_the_last_events_replaces_nothing():
    events = of_two(session(20_000), 19_000)
    lacking = [*events[:20], change(9_100, 3, id=4, x=0, y=2), *events[20:-1]]
    store = added(events, lacking)
    assert stored(store) == stored(added([*lacking, events[-1]]))
    assert store.catalogue()["events"].to_list() == [len(events) + 1]


def test_a_file_that_lacks_the_middle_replaces_nothing():
    events = session(60_000)
    first = [*events[:40], *events[60:]]
    other = [*events[:70], *events[90:]]
    assert stored(added(first, other)) == stored(added(events))
    assert stored(added(other, first)) == stored(added(events))


def test_what_is_stored_already_is_nothing_new():
    events = session(60_000)
    store = added(events)
    for part in (events[10:40], [*events[:30], *events[50:]], events[3:]):
        report = add_events(store, REPLAY, part)
        assert (report.replaced, report.unchanged) == (0, 1)
    assert stored(store) == stored(added(events))


def test_a_piece_that_overlaps_the_end_is_read_on(fed):
    events = session(400_000)
    store = added(events[:700])
    add_events(store, REPLAY, events[600:720])
    assert fed == [700, 20]
    assert stored(store) == stored(added(events[:720]))


def test_an_event_that_needs_a_page_to_come_is_kept_as_it_came():
    """What is cleaned of an address depends on the element, which comes last."""
    source = "https://cdn.test/a.png"
    first = [meta(0), snapshot_of(10, element("p", 7))]
    between = [mutation(900, adds=[add(4, element("img", 50))])]
    later = [
        mutation(1_000, attributes=[{"id": 50, "attributes": {"src": source}}]),
        mutation(1_100, texts=[{"id": 51, "value": "a { color: url(/a) }"}]),
        click(12_000, 4),
    ]
    whole = stored(added([*first, *between, *later]))
    assert "image not in the recording" in str(whole["parts"]).replace("%20", " ")
    for order in ([first, later, between], [later, between, first]):
        assert stored(added(*order)) == whole


def test_events_of_one_time_are_known_again_after_cleaning():
    """Each has something taken out, and something that depends on the page."""
    start = [meta(0), snapshot_of(10, element("a", 7))]
    events = [
        mutation(
            900,
            adds=[add(4, element("p", 100 + at, onclick="x()"))],
            attributes=[{"id": 7, "attributes": {"href": f"https://shop.test/{at}"}}],
        )
        for at in range(300)
    ]
    last = click(12_000, 4)
    store = added([*start, *events[:200]], [*events[100:], last])
    assert stored(store) == stored(added([*start, *events, last]))


def test_a_snapshot_that_breaks_leaves_its_meta_event_alone():
    broken = snapshot_of(10)
    broken["data"]["initialOffset"] = "?"
    events = [meta(0), broken, *session(20_000)[2:]]
    whole = stored(added(events))
    assert whole["row"]["start"].timestamp() * 1_000 == START
    assert stored(added(events[:5], events[20:], events[5:20])) == whole


def test_pieces_that_meet_in_one_moment_are_in_order(tmp_path):
    start = session(20_000)[:2]
    moment = [change(900, 3, id=4, x=0, y=y) for y in range(4)]
    last = click(12_000, 4)
    store = added([*moment[1:], last])
    paths = [
        write(tmp_path / "a", [*start, moment[0]]),
        write(tmp_path / "b", [*moment[2:], last]),
    ]
    add_recordings(store, paths, progress=False)
    assert stored(store) == stored(added([*start, *moment, last]))


def test_a_piece_under_other_rules_doubles_nothing(tmp_path):
    """What was cleaned by other rules than hold now is known by the rest of it."""
    images = [
        mutation(
            500 + at, adds=[add(4, element("img", 50 + at, src=f"{CDN}/{at}.png"))]
        )
        for at in range(40)
    ]
    events = [*session(20_000)[:2], *images, click(19_000, 4)]
    store = Recordings()
    add_recordings(store, write(tmp_path / "a", events[:30]), progress=False)
    later = write(tmp_path / "b", events[10:])
    add_recordings(store, later, allow_network=["cdn.test"], progress=False)
    assert store.catalogue()["events"].to_list() == [len(events)]
    assert store.summary(REPLAY)["warnings"] == [
        "allowed to load from the network: cdn.test"
    ]


def test_a_font_that_may_be_shown_later_is_kept(tmp_path):
    font = change(
        *(800, 10),
        family="Face",
        fontSource="url(https://cdn.test/f.woff2)",
        buffer=False,
    )
    events = [*session(20_000)[:2], font, *session(20_000)[2:]]
    store = Recordings()
    path = write(tmp_path / "a", events)
    add_recordings(store, path, progress=False)
    assert store.catalogue()["events"].to_list() == [len(events)]
    path = write(tmp_path / "b", [*events[5:], click(20_500, 4)])
    add_recordings(store, path, allow_network=["cdn.test"], progress=False)
    assert "f.woff2" in str(stored(store)["parts"])


def test_what_came_is_not_kept_where_it_can_be_shown():
    """Only how to go on with a recording says it, and nobody plays that."""
    evil = mutation(
        900, attributes=[{"id": 99, "attributes": {"src": "//evil.test/a"}}]
    )
    store = added([*session(20_000)[:2], evil, *session(20_000)[2:]])
    assert "evil.test" not in str(stored(store)["parts"])


# -- where pieces cannot be the whole


def test_a_piece_of_which_nothing_can_be_read_is_refused(tmp_path):
    broken = {"type": 3, "data": None, "timestamp": START + 5_050}
    store = Recordings()
    report = add_recordings(store, write(tmp_path / "a", [broken]), progress=False)
    assert "no event that can be read" in next(iter(report.skipped.values()))
    # Once there is a recording that it belongs to, it is counted.
    add_events(store, REPLAY, session(20_000))
    report = add_recordings(store, write(tmp_path / "b", [broken]), progress=False)
    assert report.problems == {"broken events": 1}


def test_how_often_an_event_came_is_counted_within_a_piece_alone():
    """That two pieces share an event says nothing against the recorder."""
    events = session(20_000)
    twice = [*events[:10], events[9], *events[10:]]
    whole = stored(added(twice))
    assert "duplicate events: 1" in whole["summary"]["warnings"]
    apart = stored(added(twice[:10], twice[10:]))
    assert apart["summary"]["warnings"] == []
    assert without_copies(apart) == without_copies(whole)


def test_parts_of_one_moment_are_in_the_order_in_which_they_came():
    """Nothing tells where in the millisecond such a piece was; nothing is lost."""
    start = session(20_000)[:2]
    moment = [change(900, 3, id=4, x=0, y=y) for y in range(6)]
    cut = [*start, *moment[:2]], moment[2:4], moment[4:]
    in_order = stored(added(*cut))
    assert in_order == stored(added([*start, *moment]))
    (row,) = added(cut[2], cut[0], cut[1]).catalogue().rows(named=True)
    assert row["events"] == len(start) + len(moment)
