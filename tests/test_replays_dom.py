"""The page after any mutations equals that of a slow and obvious tree."""

from __future__ import annotations

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import add, element, page, text

from replaykit.replays.carry import Carried
from replaykit.replays.dom import Page
from replaykit.replays.keyframes import View, keyframe


class SlowPage:
    """Nested dicts and lists, searched from the top every time."""

    def __init__(self, document):
        self.document = copy.deepcopy(document)

    def find(self, node_id, node=None, parent=None):
        node = node or self.document
        if node["id"] == node_id:
            return node, parent
        for child in node.get("childNodes", ()):
            found = self.find(node_id, child, node)
            if found:
                return found
        return None

    def mutate(self, data):
        for removal in data["removes"]:
            found = self.find(removal["id"])
            if found:
                found[1]["childNodes"].remove(found[0])
        waiting = list(data["adds"])
        while waiting:
            still = [a for a in waiting if not self.add(a)]
            if len(still) == len(waiting):
                break
            waiting = still
        for change in data["texts"]:
            found = self.find(change["id"])
            if found:
                found[0]["textContent"] = change["value"]
        for change in data["attributes"]:
            found = self.find(change["id"])
            if found:
                for name, value in change["attributes"].items():
                    if value is None:
                        found[0]["attributes"].pop(name, None)
                    else:
                        found[0]["attributes"][name] = value

    def add(self, addition):
        found = self.find(addition["parentId"])
        if not found:
            return False
        children = found[0]["childNodes"]
        at = len(children)
        if addition["nextId"] is not None:
            ids = [child["id"] for child in children]
            if addition["nextId"] not in ids:
                return False
            at = ids.index(addition["nextId"])
        children.insert(at, copy.deepcopy(addition["node"]))
        return True


def plain(node):
    """The tree as comparable JSON."""
    kept = {k: v for k, v in node.items() if k != "childNodes"}
    if node["type"] in {0, 2}:
        kept["childNodes"] = [plain(child) for child in node.get("childNodes", ())]
    return kept


def ours(fast):
    """The tree as a keyframe writes it."""
    parts = keyframe(fast, Carried(fast), View(), start=0, timestamp=0).parts
    return plain(json.loads(b"".join(parts))[1]["data"]["node"])


START = page(element("ul", 7, element("li", 8, text("a", 9)), element("li", 10)))


@st.composite
def stories(draw):
    """Draw mutations as a browser would send them: valid, additions in any order."""
    known = SlowPage(START)
    next_id = 100
    story = []
    for _ in range(draw(st.integers(1, 6))):
        data = {"removes": [], "adds": [], "texts": [], "attributes": []}
        nodes = _elements(known.document)
        for node in draw(st.lists(st.sampled_from(nodes), max_size=2, unique_by=id)):
            parent = known.find(node["id"])
            if node["id"] > 4 and parent and parent[1]:
                removal = {"parentId": parent[1]["id"], "id": node["id"]}
                data["removes"].append(removal)
                known.mutate({**_EMPTY, "removes": [removal]})
        for _ in range(draw(st.integers(0, 6))):
            parent = draw(st.sampled_from(_elements(known.document)))
            ids = [child["id"] for child in parent["childNodes"]]
            before = draw(st.sampled_from([None, *ids]))
            kind = draw(st.booleans())
            node = element("b", next_id) if kind else text("t", next_id)
            next_id += 1
            data["adds"].append(add(parent["id"], node, before))
            known.mutate({**_EMPTY, "adds": data["adds"][-1:]})
        changed = draw(st.sampled_from(_elements(known.document)))
        value = draw(st.sampled_from([None, "x", "y"]))
        data["attributes"].append({"id": changed["id"], "attributes": {"class": value}})
        known.mutate({**_EMPTY, "attributes": data["attributes"]})
        # What was added before a sibling that came later still names that sibling.
        data["adds"] = _as_sent(data["adds"], known)
        data["adds"] = draw(st.permutations(data["adds"]))
        story.append(data)
    return story


_EMPTY = {"removes": [], "adds": [], "texts": [], "attributes": []}


def _elements(node):
    found = [node] if node["type"] == 2 else []
    for child in node.get("childNodes", ()):
        found += _elements(child)
    return found


def _as_sent(adds, known):
    """Give every addition the next sibling it has at the end of the batch."""
    sent = []
    for addition in adds:
        node, parent = known.find(addition["node"]["id"])
        ids = [child["id"] for child in parent["childNodes"]]
        at = ids.index(node["id"]) + 1
        following = ids[at] if at < len(ids) else None
        bare = {**addition["node"], **({"childNodes": []} if node["type"] == 2 else {})}
        sent.append(add(parent["id"], bare, following))
    return sent


@settings(max_examples=150, deadline=None)
@given(stories())
def test_mutations_equal_the_slow_page(story):
    slow, fast = SlowPage(START), Page()
    fast.load(copy.deepcopy(START))
    for data in story:
        slow.mutate(copy.deepcopy(data))
        fast.mutate(copy.deepcopy(data))
        assert ours(fast) == plain(slow.document)
    assert not fast.warnings
    assert sorted(fast.nodes) == sorted(_ids(slow.document))


@settings(max_examples=50, deadline=None)
@given(stories())
def test_a_keyframe_reads_back_as_the_same_page(story):
    fast = Page()
    fast.load(copy.deepcopy(START))
    for data in story:
        fast.mutate(copy.deepcopy(data))
    again = Page()
    again.load(ours(fast))
    assert ours(again) == ours(fast)


def _ids(node):
    return [
        node["id"],
        *(i for child in node.get("childNodes", ()) for i in _ids(child)),
    ]


def loaded(*body):
    fast = Page()
    fast.load(page(*body))
    return fast


def test_what_nobody_recorded_is_counted_not_guessed():
    fast = loaded()
    fast.mutate(
        {
            "removes": [{"parentId": 4, "id": 77}],
            "adds": [add(99, element("p", 50)), add(4, element("p", 51), 98)],
            "texts": [{"id": 97, "value": "x"}],
            "attributes": [{"id": 96, "attributes": {}}],
        }
    )
    assert fast.warnings == {
        "removal of an unknown node": 1,
        "added beside or under an unknown node": 2,
        "text of an unknown node": 1,
        "attributes of an unknown node": 1,
    }
    assert [child.id for child in fast.nodes[4].children()] == []


def test_a_text_of_a_removed_node_is_no_warning():
    fast = loaded(element("p", 50, text("x", 51)))
    fast.mutate(
        {
            **_EMPTY,
            "removes": [{"parentId": 4, "id": 50}, {"parentId": 50, "id": 51}],
            "texts": [{"id": 51, "value": "y"}],
        }
    )
    assert "text of an unknown node" not in fast.warnings


def test_nodes_with_unknown_neighbours_wait_as_before_rrweb_1():
    fast = loaded(element("p", 50))
    late = {"parentId": 4, "previousId": -1, "nextId": None, "node": element("p", 60)}
    fast.mutate({**_EMPTY, "adds": [late]})
    assert [child.id for child in fast.nodes[4].children()] == [50]
    named = {"parentId": 4, "previousId": 60, "nextId": None, "node": element("p", 61)}
    fast.mutate({**_EMPTY, "adds": [named]})
    assert [child.id for child in fast.nodes[4].children()] == [50, 60, 61]


def test_style_text_replaces_what_the_recorder_had_inlined():
    fast = loaded(element("style", 50, text("", 51), _cssText="a{} /* rr_split */b{}"))
    fast.nodes[50].data["attributes"] = {"_cssText": "a{}"}
    fast.mutate({**_EMPTY, "texts": [{"id": 51, "value": "c{}"}]})
    assert "_cssText" not in fast.nodes[50].attributes
    assert fast.nodes[51].data["textContent"] == "c{}"


def test_inserted_rules_go_when_the_style_is_parsed_anew():
    fast = loaded(element("style", 50, text("a{}", 51)))
    carried = Carried(fast)
    carried.sheet({"source": 8, "id": 50, "adds": [{"rule": "b{}", "index": 0}]})
    assert [data["adds"] for data in carried.events(0)[0]] == [
        [{"rule": "b{}", "index": 0}]
    ]
    fast.mutate({**_EMPTY, "texts": [{"id": 51, "value": "c{}"}]})
    assert carried.events(0) == ([], [])


def test_another_picture_replaces_the_bytes_of_the_one_before():
    fast = loaded(element("img", 50, src="/a.png"))
    fast.nodes[50].data["attributes"]["rr_dataURL"] = "data:image/png;base64,QQ=="
    fast.mutate({**_EMPTY, "attributes": [{"id": 50, "attributes": {"src": "/b"}}]})
    assert fast.nodes[50].attributes == {"src": "/b"}


def test_playing_media_goes_on_between_its_event_and_the_keyframe():
    fast = loaded(element("video", 50))
    carried = Carried(fast)
    carried.media(
        {"source": 7, "id": 50, "type": 0, "currentTime": 3, "playbackRate": 2}, 1_000
    )
    assert carried.events(3_000)[1][0]["currentTime"] == 7
    carried.media({"source": 7, "id": 50, "type": 1, "currentTime": 7}, 3_000)
    assert carried.events(9_000)[1][0]["currentTime"] == 7


def test_a_whole_repaint_replaces_a_canvas_history():
    fast = loaded(element("canvas", 50))
    carried = Carried(fast)
    frame = {
        "id": 50,
        "commands": [
            {"property": "clearRect", "args": [0, 0, 9, 9]},
            {"property": "drawImage", "args": []},
        ],
    }
    carried.canvas({"id": 50, "property": "fillRect", "args": [0, 0, 1, 1]})
    carried.canvas(frame)
    carried.canvas(frame)
    assert carried.events(0) == ([], [frame])
