"""A page's kept text is always the text one would write anew."""

from __future__ import annotations

import json
import random

import pytest
from recordings import element, page, text

from replaykit.replays import texts
from replaykit.replays.dom import Page
from replaykit.replays.nodes import DOCUMENT, ELEMENT, Node


def plainly(node):
    """Serialise a subtree the slow way."""
    out = dict(node.data)
    if node.shadow is not None:
        out["isShadowHost"] = True
    if node.type in {DOCUMENT, ELEMENT}:
        light = [] if node.tag == "iframe" else list(node.children())
        inside = list(node.shadow.children()) if node.shadow is not None else []
        out["childNodes"] = [plainly(child) for child in (*light, *inside)]
    return out


def read(node):
    return json.loads(b"".join(texts.text_parts(node)))


class Story:
    """Random edits of a page, as a recording would have them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.page = Page()
        self.page.load(page(*(element("div", 100 + at) for at in range(12))))
        self.next = 1_000

    def elements(self, *, hosts=True):
        return [
            node
            for node in self.page.nodes.values()
            if node.type == ELEMENT and node.tag in {"div", "body", "section"}
            if hosts or node.tag != "body"
        ]

    def fresh(self):
        self.next += 1
        kind = self.random.random()
        if kind < 0.4:
            return text("word " * self.random.randrange(20), self.next)
        if kind < 0.45:
            return element("style", self.next, _cssText="a{} " * 1_500)
        if kind < 0.5:
            return element("iframe", self.next)
        return element(self.random.choice(("div", "section", "p")), self.next)

    def add(self):
        parent = self.random.choice(self.elements())
        children = list(parent.children())
        before = self.random.choice([None, *children])
        node = self.fresh()
        if node["type"] == 2 and self.random.random() < 0.2:
            node["isShadow"] = True
            before = None
        add = {"parentId": parent.id, "node": node}
        add["nextId"] = before.id if before is not None else None
        self.page.mutate({**EMPTY, "adds": [add]})
        if node.get("tagName") == "iframe":
            self.next += 3
            inner = element("body", self.next, text("framed", self.next - 1))
            document = {"type": 0, "childNodes": [inner], "id": self.next - 2}
            add = {"parentId": node["id"], "nextId": None, "node": document}
            self.page.mutate({**EMPTY, "adds": [add]})

    def remove(self):
        nodes = [n for n in self.page.nodes.values() if n.type != DOCUMENT]
        node = self.random.choice(nodes)
        small = node.first is None or self.random.random() < 0.1
        if node.parent is None or node.tag in {"html", "head", "body"} or not small:
            return
        parent = node.parent.host or node.parent
        self.page.mutate({**EMPTY, "removes": [{"id": node.id, "parentId": parent.id}]})

    def move(self):
        node = self.random.choice([*self.elements(hosts=False), self.page.root])
        inside = set(node.subtree())
        parents = [n for n in self.elements() if n not in inside]
        if node.parent is None or not parents:
            return
        data = {"id": 0, **node.data}
        home = node.parent.host or node.parent
        removal = {"id": node.id, "parentId": home.id}
        parent = self.random.choice(parents)
        add = {"parentId": parent.id, "nextId": None, "node": data}
        self.page.mutate({**EMPTY, "removes": [removal], "adds": [add]})

    def change(self):
        node = self.random.choice(list(self.page.nodes.values()))
        if node.type == 3:
            change = {"id": node.id, "value": f"said {self.random.random()}"}
            self.page.mutate({**EMPTY, "texts": [change]})
        elif node.type == ELEMENT:
            change = {"id": node.id, "attributes": {"class": str(self.random.random())}}
            self.page.mutate({**EMPTY, "attributes": [change]})


EMPTY = {"removes": [], "adds": [], "texts": [], "attributes": []}


@pytest.mark.parametrize("seed", range(12))
def test_the_kept_text_equals_a_fresh_one(monkeypatch, seed):
    # Small blocks, so that a small page has many.
    monkeypatch.setattr(texts, "_BLOCK", (60, 300, 2_000)[seed % 3])
    monkeypatch.setattr(texts, "_LONGEST_BLOCK", 4_000)
    story = Story(seed)
    for _ in range(120):
        for _ in range(story.random.randrange(1, 12)):
            edits = (story.add, story.add, story.add, story.remove, story.move)
            story.random.choice((*edits, story.change))()
        assert read(story.page.root) == plainly(story.page.root)
        for frame_id, document in story.page.framed():
            assert story.page.nodes[frame_id].first is document
            assert read(document) == plainly(document)


def test_what_did_not_change_is_the_same_object():
    rows = [element("p", at, text("row " * 40, at + 1)) for at in range(100, 2_100, 2)]
    shown = Page()
    shown.load(page(*rows))
    before = texts.text_parts(shown.root)
    change = {"id": 1_000, "attributes": {"class": "hot"}}
    shown.mutate({**EMPTY, "attributes": [change]})
    after = texts.text_parts(shown.root)
    same = {id(part) for part in before} & {id(part) for part in after}
    long = [part for part in after if len(part) > texts.APART]
    assert len(long) > 10
    assert sum(id(part) not in same for part in long) == 1


def test_long_values_stand_apart():
    css = "a { color: red } " * 1_000
    style = element("style", 7, _cssText=css, media="all")
    style["textContent"] = ""
    shown = Page()
    shown.load(page(style, element("p", 8, text("x" * 5_000, 9))))
    parts = texts.text_parts(shown.root)
    assert json.dumps(css).encode() in parts
    assert json.dumps("x" * 5_000).encode() in parts
    assert read(shown.root) == plainly(shown.root)


def test_a_node_cannot_name_the_mark_that_stands_for_long_values():
    values = {"title": texts._MARK, "alt": "y" * 5_000}
    node = Node(element("img", 1, **values))
    node.data.pop("childNodes")
    assert read(node)["attributes"] == values


def test_a_page_holds_no_nodes_that_its_text_does_not_tell_of():
    """Or a recording that is read on from its text would go on with another page."""
    odd = {**text("no holder", 7), "childNodes": [text("inside", 8)]}
    frame = element("iframe", 9, element("p", 10, text("fallback", 11)))
    shown = Page()
    shown.load(page(odd, frame, element("p", 12, text("kept", 13))))
    again = Page()
    again.load(read(shown.root))
    assert {*shown.nodes} == {*again.nodes} == {1, 2, 3, 4, 5, 6, 7, 9, 12, 13}
