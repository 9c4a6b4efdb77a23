"""The page a recording describes: a tree that snapshots set and mutations edit.

The rules are the Replayer's own (`applyMutation` of rrweb 2.1), so that a snapshot
taken here equals the page that rrweb would have built by playing from the start.
What a mutation refers to and nobody recorded is counted in `warnings`, not guessed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from replaykit.replays.building import Built, build
from replaykit.replays.mirror import Mirror, Sleeper
from replaykit.replays.nodes import (
    AWAKE,
    DOCTYPE,
    DOCUMENT,
    ELEMENT,
    PLAYERS,
    TEXT,
    Node,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replaykit.replays.building import Cleaner
    from replaykit.replays.pieces import Pieces

#: Parents with rules of their own; "" is a document's tag.
_SPECIAL_PARENTS: Final = frozenset({"", "iframe", "style", "textarea"})

_RR_SPLIT: Final = "/* rr_split */"
#: Attributes that replace, as a whole text, what events did to the element, or (`src`)
#: the bytes that were recorded of an earlier one.
_STATEFUL: Final = {
    "style": "style",
    "_cssText": "sheet",
    "src": "",
    "width": "canvas",
    "height": "canvas",
}
#: A canvas that is given another size, or the same one, is empty.
_SIZES: Final = frozenset({"width", "height"})
#: Elements that lost their ids get ids from here on.
_SPARE_IDS: Final = 2**31


class Page:
    """The node tree of the page on screen, with the state that no attribute holds."""

    def __init__(self) -> None:
        """Start with no page at all."""
        #: A `Mirror` where some of them sleep.
        self.nodes: dict[int, Node] = {}
        self.root: Node | None = None
        self.warnings: Counter[str] = Counter()
        #: node id -> what events did to it: input, scroll, style, sheet, media, canvas
        self.touched: dict[int, dict[str, Any]] = {}
        #: Elements that play and came since somebody last looked.
        self.players: list[Node] = []
        self._orphans: dict[int, tuple[Node, dict[str, Any]]] = {}
        self._documents: dict[int, dict[str, Any]] = {}
        self._framing: dict[int, Node] = {}
        self._spare_id = _SPARE_IDS

    @property
    def unsettled(self) -> bool:
        """Whether a snapshot of the page could not tell all that is known of it."""
        return bool(self._orphans or self._documents or self._spare_id != _SPARE_IDS)

    # -- whole documents

    def load(
        self,
        serialised: dict[str, Any],
        clean: Cleaner | None = None,
        pieces: Pieces | None = None,
    ) -> int:
        """Replace the page by a full snapshot's node; return its number of nodes.

        `clean` cleans the children of each node, and `pieces` has those that are not
        among the data yet (`replays.building`).
        """
        # If this fails it leaves the page as it was.
        tree = build(serialised, clean, pieces)
        self.clear()
        self.root, self.nodes = tree.top, tree.nodes
        return self._came(tree)

    def _came(self, tree: Built) -> int:
        self.players.extend(tree.players)
        if tree.lost:
            self.warnings["nodes nested too deeply"] += tree.lost
        return tree.count

    def clear(self) -> None:
        """Leave no page; without this its nodes, linked in circles, would linger."""
        for node in self.nodes.values():
            node.parent = node.prev = node.block = None
            if node.shadow is not None:
                _unlink(node.shadow)
        self.nodes.clear()
        self.root = None
        self.nodes = {}
        self.touched = {}
        self.players = []
        self._orphans = {}
        self._framing = {}

    def _attach_document(self, frame: Node, add: dict[str, Any]) -> int:
        for child in list(frame.children()):
            child.detach()
            self._forget(child)
        tree = build(add["node"])
        if isinstance(self.nodes, Mirror):
            self.nodes.give_way(tree.nodes)
        self.nodes.update(tree.nodes)
        frame.insert(tree.top, None)
        self._framing.pop(frame.id, None)
        self._framing[frame.id] = frame
        return self._came(tree)

    def framed(self) -> Iterator[tuple[int, Node]]:
        """Yield frames' ids and documents, in the order in which they were attached."""
        for frame_id, frame in list(self._framing.items()):
            document = frame.last
            if self.nodes.get(frame_id) is not frame or document is None:
                del self._framing[frame_id]
            elif self._shown(frame):
                yield frame_id, document

    def _shown(self, node: Node) -> bool:
        """Tell whether a node hangs below the page's root."""
        at: Node | None = node
        while at is not None and at is not self.root:
            at = at.parent or at.host
        return at is not None

    # -- mutations

    def mutate(self, data: dict[str, Any]) -> int:
        """Apply one mutation event's data; return the number of nodes it added."""
        for removal in data["removes"]:
            self._remove(removal)
        added = self._add_all(data["adds"]) if data["adds"] else 0
        nodes = self.nodes
        for change in data["texts"]:
            node = nodes.get(change["id"])
            if node is None:
                self._missing(data, change["id"], "text of an unknown node")
            else:
                self._set_text(node, change.get("value"))
        for change in data["attributes"]:
            node = nodes.get(change["id"])
            if node is None:
                self._missing(data, change["id"], "attributes of an unknown node")
                continue
            attributes = node.own_attributes()
            for name, value in change["attributes"].items():
                if type(value) is str and name not in _STATEFUL:
                    attributes[name] = value
                else:
                    self._set_attribute(node, name, value)
        return added

    def _missing(self, data: dict[str, Any], node_id: int, what: str) -> None:
        if not any(removal.get("id") == node_id for removal in data["removes"]):
            self.warnings[what] += 1

    def _remove(self, removal: dict[str, Any]) -> None:
        node = self.nodes.get(removal["id"])
        parent = self.nodes.get(removal["parentId"])
        if node is None:
            self.warnings["removal of an unknown node"] += 1
            return
        if parent is None:
            self.warnings["removal from an unknown parent"] += 1
            return
        holder = node.parent
        if holder is not None:
            if holder is not parent and holder.host is not parent:
                self.warnings["removal from a parent the node was not in"] += 1
            node.detach()
            if node.type == TEXT and holder.tag == "style":
                self._reset_sheet(holder)
        self._forget(node)

    def _forget(self, top: Node) -> None:
        """Take a detached subtree's ids off the books, as rrweb's mirror does."""
        nodes, touched = self.nodes, self.touched
        stack = [top]
        while stack:
            node = stack.pop()
            if type(node) is Sleeper and node.inside is not None:
                for inside in node.mirror.forget(node):
                    touched.pop(inside, None)
            child = node.first
            while child is not None:
                stack.append(child)
                child = child.next
            number = node.id
            known = nodes.pop(number, None)
            if known is not node and known is not None:
                nodes[number] = known  # another one, which came under the same id
            elif touched and known is not None:
                touched.pop(number, None)
            if node.shadow is not None:
                stack.append(node.shadow)
            # As `_unlink` does.
            node.parent = node.prev = node.host = None
            node.block = None

    def _add_all(self, adds: list[dict[str, Any]]) -> int:
        """Add nodes in any order: one that needs another waits until it is there."""
        nodes = self.nodes
        orphans = self._orphans
        waiting: dict[int, list[dict[str, Any]]] = {}
        count = 0
        for add in adds:
            # The common case first: a new node, its parent and neighbour known, and
            # nothing else waiting for it.
            data = add["node"]
            number = data["id"]
            parent = nodes.get(add["parentId"])
            if (
                parent is not None
                and parent.tag not in _SPECIAL_PARENTS
                and number not in nodes
                and not waiting
                and not orphans
                and "rootId" not in data
                and "isShadow" not in data
                and not add.get("previousId")
            ):
                next_id = add.get("nextId")
                following = None if next_id is None else nodes.get(next_id)
                if next_id is None or (following and following.parent is parent):
                    if "childNodes" in data:
                        del data["childNodes"]
                    nodes[number] = node = Node(data)
                    parent.insert(node, following)
                    count += 1
                    if node.tag in AWAKE:
                        count += self._note(node)
                    continue
            ready = [add]
            while ready:
                current = ready.pop()
                needs = self._needs(current)
                if needs is not None:
                    waiting.setdefault(needs, []).append(current)
                    continue
                count += self._add(current)
                ready.extend(waiting.pop(current["node"]["id"], ()))
        if waiting:
            lost = sum(len(adds) for adds in waiting.values())
            self.warnings["added beside or under an unknown node"] += lost
        return count

    def _needs(self, add: dict[str, Any]) -> int | None:
        """Return the id this addition has to wait for, or None if it can go in."""
        parent_id, node = add["parentId"], add["node"]
        nodes = self.nodes
        if parent_id not in nodes:
            if node["type"] == DOCUMENT:
                return None
            missing: int = parent_id
            return missing
        next_id: int | None = add.get("nextId")
        if next_id is not None and next_id != -1 and next_id not in nodes:
            return next_id
        return None

    def _add(self, add: dict[str, Any]) -> int:
        nodes = self.nodes
        data = add["node"]
        parent = nodes.get(add["parentId"])
        if parent is None:  # a frame's document that came before its frame
            self._documents[add["parentId"]] = add
            return 0
        root_id = data.get("rootId")
        if root_id and root_id not in nodes:
            self.warnings["added to an unknown document"] += 1
            return 0
        if parent.tag == "iframe":
            return self._attach_document(parent, add)
        node = self._node_for(data)
        previous_id, next_id = add.get("previousId"), add.get("nextId")
        if previous_id == -1 or next_id == -1:
            # rrweb before 1.0 marked an unknown neighbour by -1: the node waits
            # aside until a neighbour names it.
            self._orphans[node.id] = (node, add)
            return 1
        holder = parent
        if data.get("isShadow"):
            holder = parent.shadow_root()
        self._make_room(holder, node)
        before = self._place(holder, previous_id, next_id)
        holder.insert(node, before)
        if node.type == TEXT and holder.tag == "style":
            self._reset_sheet(holder)
        count = 1
        if node.tag in AWAKE:
            count += self._note(node)
        if self._orphans and (previous_id or next_id):
            self._place_orphans(holder, node, add)
        return count

    def _note(self, node: Node) -> int:
        """Give a new frame the document that came before it; note what plays."""
        if node.tag in PLAYERS:
            self.players.append(node)
        elif node.id in self._documents:
            return self._attach_document(node, self._documents.pop(node.id))
        return 0

    def _place(
        self, holder: Node, previous_id: int | None, next_id: int | None
    ) -> Node | None:
        """Return the node to insert before, or None for the end."""
        previous = self.nodes.get(previous_id) if previous_id else None
        if previous and previous.next and previous.next.parent is holder:
            return previous.next
        following = self.nodes.get(next_id) if next_id else None
        return following if following and following.parent is holder else None

    def _node_for(self, data: dict[str, Any]) -> Node:
        """Return the node to insert: the known one if it is the same, or a new one."""
        known = self.nodes.get(data["id"])
        if known is not None:
            if _same(known.data, data):
                known.detach()
                return known
            # Added again under the same id without a removal: the Replayer leaves
            # the old element on the page, where nothing can reach it any more.
            self.warnings["added twice under one id"] += 1
            known.data = {**known.data, "id": self._spare_id}
            known.touch()
            self.touched.pop(known.id, None)
            known.id = self._spare_id
            self._spare_id += 1
        data.pop("childNodes", None)
        node = Node(data)
        self.nodes[node.id] = node
        return node

    def _make_room(self, holder: Node, node: Node) -> None:
        """Drop what an addition replaces: old text areas, style texts, doctypes."""
        if holder.type == DOCUMENT:
            _replace_in_document(holder, node)
        elif node.type != TEXT:
            return
        elif holder.tag == "textarea":
            for child in list(holder.children()):
                if child.type == TEXT:
                    child.detach()
            if "value" in holder.attributes:
                del holder.own_attributes()["value"]
        elif holder.tag == "style":
            css = holder.attributes.get("_cssText")
            if isinstance(css, str):
                self._unfold_css(holder)
                if holder.first is None:
                    # The text is the one that `_cssText` already stood for.
                    _mark_style(holder, node)
                    node.set_text(css.replace(_RR_SPLIT, ""))

    def _place_orphans(self, holder: Node, node: Node, add: dict[str, Any]) -> None:
        """Insert nodes that waited for a neighbour which has just been added."""
        stack = [(node, add)]
        while stack:
            at, change = stack.pop()
            for key, after in (("previousId", False), ("nextId", True)):
                found = self._orphans.pop(change.get(key) or 0, None)
                if found is not None and found[0].parent is None:
                    holder.insert(found[0], at.next if after else at)
                    stack.append(found)

    def _set_text(self, node: Node, value: str | None) -> None:
        parent = node.parent
        if node.type == ELEMENT:
            self.warnings["text set on an element"] += 1
            return
        if parent is not None and parent.tag == "style":
            if "_cssText" in parent.attributes:
                self._unfold_css(parent)
            self._reset_sheet(parent)
            _mark_style(parent, node)
        node.set_text(value or "")

    def _unfold_css(self, style: Node) -> None:
        """Turn `_cssText` back into the text children it stands for."""
        css = style.own_attributes().pop("_cssText")
        texts = [child for child in style.children() if child.type == TEXT]
        parts = css.split(_RR_SPLIT)
        while len(parts) > 1 and len(parts) > len(texts):
            last = parts.pop()
            parts[-1] += last
        for child, part in zip(texts, parts, strict=False):
            _mark_style(style, child)
            child.set_text(part)

    def _reset_sheet(self, style: Node) -> None:
        """Forget inserted rules: with a new text, a browser parses the style anew."""
        state = self.touched.get(style.id)
        if state is not None:
            state.pop("sheet", None)

    def _set_attribute(self, node: Node, name: str, value: Any) -> None:
        """Set an attribute to what is no text, or one that rules or styles hang on."""
        attributes = node.own_attributes()
        if name == "src" or (name in _SIZES and node.tag == "canvas"):
            attributes.pop("rr_dataURL", None)
        if value is None:
            attributes.pop(name, None)
            if name == "style" or name in _SIZES:
                self._drop(node, _STATEFUL[name])
        elif isinstance(value, str):
            attributes[name] = value
            if name in _STATEFUL:
                self._drop(node, _STATEFUL[name])
        elif name == "style" and isinstance(value, dict):
            # The order of the last change of each property decides (a shorthand
            # after a long form wins), so a changed one moves to the end.
            styles = self.touched.setdefault(node.id, {}).setdefault("style", {})
            for prop, setting in value.items():
                styles.pop(prop, None)
                styles[prop] = setting

    def _drop(self, node: Node, key: str) -> None:
        state = self.touched.get(node.id)
        if state is not None:
            state.pop(key, None)

    # -- state that events set on nodes

    def touch(self, node_id: int, key: str, value: Any) -> bool:
        """Remember the latest `key` of a node; False if the page has no such node."""
        if node_id not in self.nodes:
            return False
        self.touched.setdefault(node_id, {})[key] = value
        return True


def _mark_style(style: Node, text: Node) -> None:
    """Have rrweb adapt a text (of what is hovered) as it adapts `_cssText`."""
    if not style.data.get("isSVG"):
        text.data["isStyle"] = True


def _unlink(node: Node) -> None:
    """Break the circles of a node's links, which only a collection would free."""
    node.parent = node.prev = node.host = None
    node.block = None


def _replace_in_document(document: Node, node: Node) -> None:
    """Make room for a doctype or a root element: a document has one of each."""
    if node.type == DOCTYPE:
        first = document.first
        if first is not None and first.type == DOCTYPE:
            first.detach()
    elif node.tag == "html":
        for child in list(document.children()):
            if child.type == ELEMENT:
                child.detach()


def _same(known: dict[str, Any], data: dict[str, Any]) -> bool:
    """Tell whether two serialised nodes describe the same node (rrweb's rule)."""
    return all(
        known.get(key) == data.get(key)
        for key in (
            "type",
            "tagName",
            "attributes",
            "textContent",
            "isSVG",
            "needBlock",
        )
    )
