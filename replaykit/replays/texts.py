"""The JSON text of a page, kept while the page stays as it is.

Most of a page does not change between two keyframes. Every node keeps the text of its
subtree until something in it changes, and runs of short neighbours keep theirs joined.
So a keyframe costs what changed since the last one, not what the page holds, and what
did not change is the very same object, which the recording's file holds already.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import orjson
from orjson import Fragment

from replaykit.ingest.rrweb_json import dumps
from replaykit.replays.nodes import DOCUMENT, ELEMENT, Block, Node

#: Texts at least this long stand apart, so that they can be stored once.
APART: Final = 4_096
#: Joined neighbours are cut at a node of their own once they are this long, …
_BLOCK: Final = 8_192
#: … or at any node at this length.
_LONGEST_BLOCK: Final = 65_536
# Which nodes those are depends on their ids alone: about one in eight.
_MIX: Final = 40_503
_CUT_MASK: Final = 0x7 << 4

#: Nodes that hold others.
HOLDERS: Final = frozenset({DOCUMENT, ELEMENT})
_CHILD_NODES: Final = b',"childNodes":'
_CHILDREN: Final = b',"childNodes":['
_NO_CHILDREN: Final = b',"childNodes":[]}'
#: Stands for a long text while a node is serialised; nobody can guess it.
_MARK: Final = secrets.token_hex(16)
_MARK_JSON: Final = orjson.dumps(_MARK)

#: The text of a node that is known only as part of its ancestor's.
INSIDE: Final = b""
#: Subtrees of so many nodes at most are written in one go.
SMALL: Final = 32

Text = bytes | tuple[bytes, ...]


def text_parts(top: Node) -> tuple[bytes, ...]:
    """Return the JSON text of a subtree in parts; documents of frames are left out.

    Examples
    --------
    >>> body = Node({"id": 2, "type": 2, "tagName": "body"})
    >>> body.insert(Node({"id": 3, "type": 3, "textContent": "Hi"}), None)
    >>> text_parts(body)[0][-40:]
    b':[{"id":3,"type":3,"textContent":"Hi"}]}'
    """
    if not top.text:
        for node in reversed(_changed(top)):
            _assemble(node)
    text = top.text
    if not text:  # pragma: no cover - it has just been assembled
        raise RuntimeError
    return text if isinstance(text, tuple) else (text,)


def _changed(top: Node) -> list[Node]:
    """List nodes without a text, each before its children; write small ones at once."""
    found: list[Node] = []
    stack = [top]
    while stack:
        node = stack.pop()
        found.append(node)
        for first in _firsts(node):
            child: Node | None = first
            while child is not None:
                block = child.block
                if block is not None and block.text is not None:
                    if block.first is child:
                        child = block.last.next
                        continue
                elif not child.text and not _is_written(child):
                    stack.append(child)
                child = child.next
    return found


def _is_written(top: Node) -> bool:
    """Write a subtree in one go if it is small and plain; tell whether it was."""
    if top.shadow is not None:
        return False
    try:
        inner = top.inner
        if inner is None and top.first is not None and top.first.block is not None:
            return False
        head = orjson.dumps(top.data)
        if len(head) >= APART:
            return False
        if top.type not in HOLDERS:
            top.text = head
            return True
        if inner is None:
            inner = b"[]" if top.first is None else _written_children(top)
            if inner is None:
                return False
            top.inner = inner
    except TypeError:  # an integer of more than 64 bits
        return False
    top.text = b"".join((head[:-1], _CHILD_NODES, inner, b"}"))
    return True


def _written_children(top: Node) -> bytes | None:
    """Return the JSON of the children of a node if they are few and short.

    Children that have a text are taken as they are. What is below the others has no
    text of its own then, until something changes in it or beside it.
    """
    inside: list[Node] = []
    texts: list[bytes] = []
    children = _nested(top, inside, texts)
    known = sum(map(len, texts))
    if children is None or known > _BLOCK:
        return None
    raw = orjson.dumps(children)
    if len(raw) - known >= APART:
        return None  # there may be a long text in it
    for node in inside:
        node.text = INSIDE
    return raw


def _nested(
    parent: Node, inside: list[Node], texts: list[bytes]
) -> list[dict[str, Any] | Fragment] | None:
    """Return the children as they nest, in lists of their own; None if too many."""
    found: list[dict[str, Any] | Fragment] = []
    child = None if parent.tag == "iframe" else parent.first
    while child is not None:
        text = child.text
        if text:
            if type(text) is not bytes or len(texts) == SMALL:
                return None
            texts.append(text)
            found.append(Fragment(text))
        elif len(inside) == SMALL or child.shadow is not None:
            return None
        else:
            inside.append(child)
            data = child.data
            if child.type in HOLDERS:
                below: Fragment | list[dict[str, Any] | Fragment] | None
                if child.inner is not None:
                    if len(texts) == SMALL:
                        return None
                    texts.append(child.inner)
                    below = Fragment(child.inner)
                else:
                    below = _nested(child, inside, texts) if child.first else []
                if below is None:
                    return None
                data = {**data, "childNodes": below}
            found.append(data)
        child = child.next
    return found


def _firsts(node: Node) -> tuple[Node, ...]:
    """Return the first light child and the first shadow child, where there are any."""
    light = node.first
    if node.tag == "iframe":
        light = None  # a document, which an event of its own attaches
    shadow = node.shadow
    if shadow is None:
        return () if light is None else (light,)
    if shadow.first is None:
        return () if light is None else (light,)
    return (shadow.first,) if light is None else (light, shadow.first)


def _assemble(node: Node) -> None:
    """Set the text of a node whose children have theirs."""
    head, long = _head(node)
    if node.shadow is not None:
        node.shadow.text = b""  # what changes below tells its host
    if node.type not in HOLDERS:
        closing = b"}"
        firsts: tuple[Node, ...] = ()
    else:
        firsts = _firsts(node)
        closing = _CHILDREN if firsts else _NO_CHILDREN
    if not firsts:
        node.text = (*long, head + closing) if long else head + closing
        return
    blocks = long or firsts[0].block is not None
    short = [] if blocks else _short_texts(firsts)
    if short:
        node.text = b"%b%b%b]}" % (head, _CHILDREN, b",".join(short))
        return
    out: list[bytes] = [*long, head + closing]
    last: Block | None = None
    for first in firsts:
        last = _append_children(first, out)
    if last is None:
        out.pop()  # the comma after a long child
    else:
        if last.bare is None and last.text is not None:
            last.bare = last.text[:-1]
        out[-1] = last.bare or b""
    out.append(b"]}")
    node.text = tuple(out)


def _short_texts(firsts: tuple[Node, ...]) -> list[bytes]:
    """Return the children's texts if they are short together, otherwise nothing."""
    texts: list[bytes] = []
    size = 0
    for first in firsts:
        child: Node | None = first
        while child is not None:
            text = child.text
            if not isinstance(text, bytes):
                return []
            texts.append(text)
            size += len(text)
            if size > _BLOCK:
                return []
            child = child.next
    return texts


def _append_children(first: Node, out: list[bytes]) -> Block | None:
    """Append the texts of siblings with a comma after each.

    Returns the block that came last, or None if the last child stands alone.
    """
    child: Node | None = first
    last: Block | None = None
    while child is not None:
        block = child.block
        if block is None or block.text is None or block.first is not child:
            text = child.text
            if isinstance(text, tuple):
                child.block = last = None
                out.extend(text)
                out.append(b",")
                child = child.next
                continue
            block = _join(child)
        last = block
        out.append(block.text or b"")
        child = block.last.next
    return last


def _join(first: Node) -> Block:
    """Join the texts of short neighbours, from `first` on."""
    block = Block(first)
    texts: list[bytes] = []
    size = 0
    last = first
    child: Node | None = first
    while child is not None:
        text = child.text
        if type(text) is not bytes:
            break
        if size >= _BLOCK:
            known = child.block
            if (
                size >= _LONGEST_BLOCK
                or not (child.id * _MIX) & _CUT_MASK
                or (
                    known is not None
                    and known.text is not None
                    and known.first is child
                )
            ):
                break
        child.block = block
        last = child
        texts.append(text)
        size += len(text)
        child = child.next
    block.last = last
    texts.append(b"")
    block.text = b",".join(texts)
    return block


def _head(node: Node) -> tuple[bytes, tuple[bytes, ...]]:
    """Return a node's JSON without children and closing brace.

    Long texts in it (a style sheet, an inlined picture) come apart: then the second
    value holds what stands before the rest.
    """
    data = node.data
    if node.shadow is not None:
        data = {**data, "isShadowHost": True}
    raw = dumps(data)[:-1]
    if len(raw) < APART:
        return raw, ()
    return _cut_long(data, raw)


def _cut_long(data: dict[str, Any], raw: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    values: list[str] = []

    def mark(value: object) -> object:
        if isinstance(value, str) and len(value) >= APART:
            values.append(value)
            return _MARK
        return value

    marked = {key: mark(value) for key, value in data.items()}
    attributes = data.get("attributes")
    if isinstance(attributes, dict):
        marked["attributes"] = {key: mark(value) for key, value in attributes.items()}
    if not values:
        return raw, ()
    pieces = dumps(marked)[:-1].split(_MARK_JSON)
    if len(pieces) != len(values) + 1:
        return raw, ()
    out: list[bytes] = []
    # In the order in which they stand in the text: attributes keep their key's place.
    for piece, value in zip(pieces, _in_order(data), strict=False):
        out.extend((piece, orjson.dumps(value)))
    return pieces[-1], tuple(out)


def _in_order(data: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for key, value in data.items():
        nested = key == "attributes" and isinstance(value, dict)
        texts = value.values() if nested else (value,)
        found.extend(t for t in texts if isinstance(t, str) and len(t) >= APART)
    return found
