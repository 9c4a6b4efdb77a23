"""Small parts of a page that sleep: whatever happens, as if all nodes had been made."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from browser.hostile import VECTORS
from recordings import START, add, click, element, meta, mutation, page, snapshot, text
from test_replays_faults import mutated

from replaykit.compiled import frozen
from replaykit.ingest.rrweb_events import Event, event_of
from replaykit.replays import pieces
from replaykit.replays.build import add_recordings
from replaykit.replays.dom import Page
from replaykit.replays.harmless import Harmless
from replaykit.replays.mirror import Sleeper
from replaykit.replays.nodes import text_of
from replaykit.replays.pieces_kernel import CHILDREN, NODE, WHOLE
from replaykit.replays.pieces_kernel import pieces as found
from replaykit.replays.reducer import Limits, Reducer
from replaykit.replays.sanitise import Sanitiser
from replaykit.replays.texts import text_parts
from replaykit.store.recordings import Recordings

HERE = Path(__file__).parent
NEVER = 10**12
TAGS = ["div", "p", "A", "span", "style", "img", "svg", "script", "iframe", "video"]
TAGS += ["x-card", "audio", "input", "textarea", "noscript", "canvas", "object"]
VALUES = [
    "plain", "two words", "", "color: red", "url(https://evil.test/a.png)", "a\\b", "@x",
    "https://shop.test/", "javascript:alert(1)", "naïve ✓", 'quote " and \n line', "1",
    "\u2028", "x" * 300, None, True, 7,
]  # fmt: skip
NAMES = ["class", "id", "href", "style", "src", "onclick", "data-x", "HREF", "title"]


@pytest.fixture(autouse=True)
def _learnt_nothing(monkeypatch):
    """Let every page be taken apart, by a parser that has learnt nothing yet."""
    monkeypatch.setattr(pieces, "_FEW", 0)
    monkeypatch.setattr(pieces, "_SHORTEST", 40)
    monkeypatch.setattr(pieces, "HARMLESS", Harmless())


class Grower:
    """Random pages."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.twice = not seed % 4
        self.next = 100

    def node(self, depth, *, odd):
        chance = self.random
        self.next += 1
        number = self.next
        if self.twice and chance.random() < 0.01:
            number = chance.randrange(100, self.next + 1)  # an id twice
        dice = chance.random()
        if depth == 0 or dice < 0.3:
            made = text(chance.choice(["\n  ", "Pay (now)", "say \\ it", "ok"]), number)
            if dice < 0.05:
                made["type"] = 5
            return made
        tag = chance.choice(TAGS if odd else TAGS[:4])
        inside = [
            self.node(depth - 1, odd=odd) for _ in range(chance.choice((0, 1, 2, 5)))
        ]
        made = element(tag, number, *inside)
        for _ in range(chance.randrange(4)):
            name = chance.choice(NAMES if odd else NAMES[:3])
            value = chance.choice(VALUES if odd else VALUES[:3])
            made["attributes"][name] = value
        if odd:
            if dice > 0.97:
                made["isShadow"] = True
            elif dice > 0.94:
                made["isSVG"] = True
            elif dice > 0.92:
                del made["childNodes"]
            elif dice > 0.9:
                made["unheard"] = {"childNodes": [{"id": 1}, 5]}
            elif dice > 0.89:
                made["attributes"] = chance.choice([[{"on": 1}], "text", None, [1]])
            elif dice > 0.88:
                made["rootId"] = 2**70
        return made

    def snapshot(self, *, odd):
        body = [self.node(5, odd=odd) for _ in range(12)]
        return snapshot(10, *body)


def written(event, style):
    """Return an event with its data spelled in one of several ways."""
    data = event["data"]
    raw = {
        "compact": lambda: json.dumps(data, separators=(",", ":"), ensure_ascii=False),
        "spaced": lambda: json.dumps(data),
        "escaped": lambda: json.dumps(data, separators=(",", ":")).replace("/", "\\/"),
        "points": lambda: json.dumps(data, separators=(",", ":")).replace(
            '"type":3', '"type":3.0'
        ),
    }[style]()
    return Event(event["type"], event["timestamp"], msgspec.Raw(raw.encode()))


def followed(events):
    """Return all that a reducer makes of events, and how many of its nodes slept."""
    sanitiser = Sanitiser()
    reducer = Reducer(sanitiser, limits=Limits(events=3))
    slept = 0
    segments = []
    for event in events:
        segments += reducer.feed([event])
        slept = max(slept, len(getattr(reducer.page.nodes, "asleep", ())))
    numbers = {number for number in range(8_000) if number in reducer.page.nodes}
    assert len(numbers) == len(reducer.page.nodes)
    segments += reducer.finish()
    texts = [json.loads(b"".join(segment.parts)) for segment in segments]
    counts = (reducer.problems, reducer.page.warnings, sanitiser.state())
    return (texts, counts, numbers), slept


def both(monkeypatch, events):
    """Follow events with every node made, then with the small parts asleep."""
    with monkeypatch.context() as patch:
        patch.setattr(pieces, "_FEW", NEVER)
        whole, slept = followed(events())
        assert slept == 0
    # The first pages teach what is harmless, the last is read by who knows.
    for _ in range(4):
        parts, slept = followed(events())
        assert parts == whole
    return slept


def story(seed, numbers):
    """Return random mutations of the nodes with these ids."""
    chance = random.Random(seed)
    events = []
    for at in range(30):
        known = chance.choice(numbers)
        lists = chance.choice(
            (
                {"attributes": [{"id": known, "attributes": {"class": f"c{at}"}}]},
                {"texts": [{"id": known, "value": f"said {at}"}]},
                {"adds": [add(known, element("b", 5_000 + at))]},
                {"adds": [add(4, element("p", known))]},
                {"removes": [{"id": known, "parentId": chance.choice(numbers)}]},
            )
        )
        events += [mutation(100 + 10 * at, **lists), click(105 + 10 * at, known)]
    return events


@pytest.mark.parametrize("style", ["compact", "spaced", "escaped", "points"])
@pytest.mark.parametrize("odd", [False, True])
def test_random_pages_are_the_same_asleep(monkeypatch, style, odd):
    slept = 0
    for seed in range(12):
        first = Grower(seed).snapshot(odd=odd)
        ids = [int(part.split(b"}")[0].split(b",")[0]) for part in
               json.dumps(first).encode().split(b'"id": ')[1:]
               if part[:1].isdigit()]  # fmt: skip
        events = [first, *story(seed, ids)]

        def read(events=events):
            return [
                event_of(meta(0)),
                written(events[0], style),
                *(event_of(json.loads(json.dumps(event))) for event in events[1:]),
            ]

        slept += both(monkeypatch, read)
    assert slept > 40


def summed(store, replay_id):
    """Return a summary but for lengths of packed texts, in which keys may be moved."""
    summary = store.summary(replay_id)
    notes = [{**note, "bytes": 0} for note in summary["segments"]]
    missing = sorted(summary["missing"])  # in the order in which they were met
    return {**summary, "segments": notes, "missing": missing}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_hostile_parts_are_cleaned_as_any(monkeypatch, vector):
    given = vector.recording("https://trap.test/")
    # Beside much that is harmless, which the parser learns first.
    rows = [
        element("p", 2_000 + at, element("b", 3_000 + at), id="x") for at in range(9)
    ]
    given[1]["data"]["node"]["childNodes"][0]["childNodes"][1]["childNodes"] += rows
    both(monkeypatch, lambda: [event_of(json.loads(json.dumps(e))) for e in given])


@pytest.mark.parametrize("name", ["rrweb_todo_app.json", "rrweb_code_editor.json"])
def test_real_recordings_are_the_same_asleep(monkeypatch, name):
    events = json.loads((HERE / "data" / name).read_text())[:600]
    assert both(monkeypatch, lambda: [event_of(event) for event in events]) > 10


def test_half_a_character_is_the_same_asleep(monkeypatch):
    cut = text("cut \ud83d off", 200)
    cards = [card(1_000 + 10 * at) for at in range(20)]
    half = element("p", 199, cut, title="\ude00")
    events = [
        meta(0),
        snapshot(10, wide(*cards), half, element("p", 201, text("\ud83d", 202))),
    ]
    raw = [json.dumps(event["data"]).encode() for event in events]
    read = lambda: [  # noqa: E731
        Event(event["type"], event["timestamp"], msgspec.Raw(data))
        for event, data in zip(events, raw, strict=True)
    ]
    assert both(monkeypatch, read) > 20


def test_every_kind_of_event_is_the_same_asleep(monkeypatch):
    packed = (HERE / "fidelity/everything.json.gz").read_bytes()
    events = json.loads(gzip.decompress(packed))
    both(monkeypatch, lambda: [event_of(json.loads(json.dumps(e))) for e in events])


def test_mutated_real_recordings_are_the_same_asleep(monkeypatch, tmp_path):
    path = tmp_path / f"d1_{START}.json"
    for seed in range(40):
        path.write_bytes(mutated(random.Random(seed)))
        stores = []
        for few in (NEVER, 0, 0):
            monkeypatch.setattr(pieces, "_FEW", few)
            store = Recordings()
            report = add_recordings(store, path, progress=False)
            stores.append((store, report))
        (plain, wanted), *others = stores
        for store, report in others:
            assert report.problems == wanted.problems, seed
            assert report.removed == wanted.removed, seed
            assert report.replay_ids == wanted.replay_ids, seed
            for replay_id in wanted.replay_ids:
                for part, same in zip(
                    store.stored(replay_id), plain.stored(replay_id), strict=True
                ):
                    assert part == same or len(part) == len(same), seed
                assert summed(store, replay_id) == summed(plain, replay_id), seed


# -- single nodes


def asleep(*body, harmless=()):
    """Return a page on which the given nodes sleep."""
    for name in harmless:
        pieces.HARMLESS.learn([name], ["class"])
    raw = json.dumps({"node": page(*body)}, separators=(",", ":")).encode()
    sanitiser = Sanitiser()
    data, parts = pieces.pieces_of(msgspec.Raw(raw), sanitiser)
    shown = Page()
    shown.load(data["node"], sanitiser.children, parts)
    return shown


def card(number):
    label = element("b", number + 1, text("Buy", number + 2))
    return element("div", number, label, element("i", number + 3), id="card")


def wide(*cards):
    return element("main", 90, *cards, *(text("x" * 900, 91 + at) for at in range(6)))


def test_only_what_is_asked_for_wakes():
    shown = asleep(wide(*(card(100 + 10 * at) for at in range(8))))
    nodes = shown.nodes
    assert {101, 102, 103, 171} <= nodes.asleep.keys()
    assert len(nodes) == 6 + 1 + 6 + 8 * 4
    top = nodes[110]
    assert isinstance(top, Sleeper)
    assert top.attributes == {"id": "card"}
    assert 111 in nodes.asleep, "its attributes are its own"
    assert nodes[112].parent.parent is top
    assert not {111, 112, 113} & nodes.asleep.keys()
    assert [child.id for child in top.children()] == [111, 113]
    assert text_of(nodes[120]) == "Buy"
    assert nodes.get(999) is None
    assert 999 not in nodes
    with pytest.raises(KeyError):
        nodes[999]


def test_an_attribute_of_its_top_wakes_nobody():
    shown = asleep(wide(card(100), card(110)))
    change = {"id": 100, "attributes": {"id": "hot"}}
    shown.mutate({"removes": [], "adds": [], "texts": [], "attributes": [change]})
    raw = b"".join(text_parts(shown.root))
    assert {101, 102, 103} <= shown.nodes.asleep.keys()
    fresh = json.loads(raw)["childNodes"][0]["childNodes"][1]["childNodes"][0]
    assert fresh["childNodes"][0] == {**card(100), "attributes": {"id": "hot"}}


def test_what_is_removed_asleep_is_gone():
    shown = asleep(wide(card(100), card(110)))
    shown.touch(102, "scroll", {"y": 1})
    removal = {"id": 100, "parentId": 90}
    shown.mutate({"removes": [removal], "adds": [], "texts": [], "attributes": []})
    assert not {100, 101, 102, 103} & {n for n in range(200) if n in shown.nodes}
    assert shown.touched == {}
    assert len(shown.nodes) == 6 + 1 + 6 + 4


# -- what needs no cleaning


def as_text(node):
    return json.dumps(node, separators=(",", ":")).encode()


def linked(**attributes):
    label = element("b", 2, text("Buy", 3), {"type": 5, "textContent": "x", "id": 4})
    return {**element("a", 1, label), "attributes": attributes}


def test_what_the_sanitiser_calls_harmless_is_read_without_it():
    known = Harmless()
    good = as_text(linked(href="/a", style="top: 1px", id="x"))
    assert known.read(good) is None, "nothing is known yet"
    known.learn(["a", "b"], ["href", "style", "id"])
    assert known.read(good) == (1, "a", [2, 3, 4])
    known.learn(["style", "iframe", "audio"], ["id"])
    known.learn([], [])
    for tag in ("style", "iframe", "audio", "script"):
        assert known.read(as_text(element(tag, 1, id="x"))) is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"onclick": "run"},
        {"href": "javascript:run"},
        {"href": " javascript:run"},
        {"style": "@import 'x'"},
        {"style": "a\\75 rl"},
        {"id": ["x"]},
        {"id": {"x": 1}},
    ],
)
def test_what_may_be_bad_is_not(attributes):
    known = Harmless()
    known.learn(["a", "b"], ["href", "style", "id"])
    assert known.read(as_text(linked(**attributes))) is None
    inner = element("b", 9, linked(**attributes))
    assert known.read(as_text(inner)) is None
    for more in ({"isShadow": True}, {"isStyle": True}, {"other": 1}):
        assert known.read(as_text({**linked(id="x"), **more})) is None


def test_most_of_a_page_needs_no_cleaning(monkeypatch):
    cleaned = []
    plain = pieces.Pieces._cleaned
    monkeypatch.setattr(
        pieces.Pieces,
        "_cleaned",
        lambda self, *given: cleaned.append(1) or plain(self, *given),
    )
    asleep(wide(*(card(100 + 10 * at) for at in range(50))))
    assert 0 < len(cleaned) < 10, "the first teach the parser what is harmless"


# -- the kernel


def spans(raw, shortest=1, longest=4_000):
    into = np.zeros((len(raw) + 1, 5), np.int64)
    data = frozen(np.frombuffer(raw, np.uint8))
    count = found(data, frozen(NODE), frozen(CHILDREN), shortest, longest, into)
    return count if count == WHOLE else [tuple(row) for row in into[:count].tolist()]


def test_parts_are_the_largest_that_are_small_enough():
    small = b'{"id":3,"childNodes":[{"id":4}]}'
    raw = b'{"node":{"id":1,"childNodes":[{"id":2,"childNodes":[%b,%b]}]}}'
    raw = raw % (small, small)
    parts = spans(raw, longest=len(small))
    assert [raw[begin:end] for begin, end, *_ in parts] == [small, small]
    assert [raw[begin:end] for _, _, begin, end, _ in parts] == [b'[{"id":4}]'] * 2
    assert len(spans(raw)) == 1
    assert spans(raw, shortest=len(small) + 1, longest=len(small) + 1) == []


@pytest.mark.parametrize(
    "node",
    [
        b'{"childNodes":[5]}',
        b'{"childNodes":["a"]}',
        b'{"childNodes":[[{"id":1}]]}',
        b'{"childNodes":[null]}',
        b'{"childNodes":[{"id":1}',
        b'{"childNodes":[{"id":1}]}}}}',
    ],
)
def test_a_list_of_anything_else_is_left_to_the_parser(node):
    assert spans(b'{"node":%b}' % node) == WHOLE


@pytest.mark.parametrize(
    "raw",
    [
        b'{"other":{"childNodes":[{"id":1}]}}',
        b'{"node":{"attributes":{"childNodes":[{"id":1}]}}}',
        b'{"node":{"a\\"childNodes":[{"id":1}]}}',
        b'{"node":{"x":"\\"childNodes\\":[{}]"}}',
        b'{"x":{"node":{"childNodes":[{"id":1}]}}}',
        b'[{"node":{"childNodes":[{"id":1}]}}]',
        b'{"node":[{"childNodes":[{"id":1}]}]}',
    ],
)
def test_only_the_children_of_the_page_are_parts(raw):
    json.loads(raw)
    assert spans(raw) == []


@pytest.mark.parametrize(
    ("part", "odd"),
    [
        (b'{"a":"b","n":-5}', 1),
        (b'{"a":"plain \\n \\" text [{"}', 0),
        (b'{"a":"url("}', 1),
        (b'{"a":"\\u0028"}', 1),
        (b'{"a":"\\\\u"}', 0),
        (b'{"a":"\\/"}', 1),
        (b'{"a": 1}', 1),
        (b'{"a":1.0}', 1),
        (b'{"a":1e3}', 1),
        (b'{"a":1E3}', 1),
        (b'{"a":true,"b":false,"c":null,"d":12}', 0),
    ],
)
def test_what_a_browser_would_not_write_is_marked(part, odd):
    json.loads(part)
    ((begin, end, *_, mark),) = spans(b'{"node":{"childNodes":[%b]}}' % part)
    assert end - begin == len(part)
    assert mark == odd
