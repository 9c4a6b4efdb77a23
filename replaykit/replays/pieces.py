"""Snapshots whose small parts are not parsed before they are looked at.

A page is mostly small parts side by side. Parsed all at once they fill memory that each
later pass has to fetch again; one after another, each is read, cleaned and written
while it is at hand, and then only its text is kept (`replays.mirror`).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
import orjson

from replaykit.ingest.rrweb_json import parsed
from replaykit.replays.harmless import HARMLESS
from replaykit.replays.nodes import AWAKE, ELEMENT
from replaykit.replays.texts import APART, HOLDERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.replays.mirror import Mirror
    from replaykit.replays.nodes import Node
    from replaykit.replays.sanitise import Sanitiser

Data: TypeAlias = "dict[str, Any]"

#: Smaller parts are not worth it.
_SHORTEST: Final = 128
#: Nor is taking a text of this length apart: loading the kernel takes a moment.
_FEW: Final = 2_097_152


class Pieces:
    """The small parts of a snapshot, by number.

    Parameters
    ----------
    text
        What they are parts of.
    spans
        Of each: where it begins and ends, where the list of its children does, and
        whether it holds what `Harmless` does not look at.
    sanitiser
        Cleans them; None if they are clean.
    """

    def __init__(
        self, text: bytes, spans: list[list[int]], sanitiser: Sanitiser | None
    ) -> None:
        """Open none of them yet."""
        self._text = text
        self._spans = spans
        self._sanitiser = sanitiser
        #: How many nodes are below the tops of those that were opened.
        self.below = 0

    def opened(
        self, tag: str, children: Sequence[int | Data], mirror: Mirror
    ) -> list[Node | Data]:
        """Return an element's children, with parts in place of their numbers.

        Those that come as nodes are clean, with all that is below; those that come as
        data are not.
        """
        return [
            self._open(tag, child, mirror) if isinstance(child, int) else child
            for child in children
        ]

    def _open(self, tag: str, number: int, mirror: Mirror) -> Node | Data:
        begin, end, inner, inner_end, odd = self._spans[number]
        text = self._text[begin:end]
        if not odd and inner != inner_end:
            read = HARMLESS.read(text)
            if read is not None:
                top, name, ids = read
                self.below += len(ids)
                span = (inner - begin, inner_end - begin)
                return mirror.sleep(top, name, ids, text, span)
        data: Any = parsed(msgspec.Raw(text))
        plain = _plain(data)
        return data if plain is None else self._cleaned(tag, data, plain, mirror)

    def _cleaned(
        self, tag: str, data: Data, holders: list[Data], mirror: Mirror
    ) -> Node:
        """Clean a part and all below it."""
        if self._sanitiser is not None:
            self._learn(holders, self._sanitiser)
            clean = self._sanitiser.children
            clean(tag, [data])
            for holder in holders:
                clean(holder["tagName"].lower(), holder["childNodes"])
        ids = [one["id"] for holder in holders for one in holder["childNodes"]]
        self.below += len(ids)
        text = _written(data)
        if text is None:
            return mirror.plant(data)
        return mirror.sleep(data["id"], data["tagName"], ids, *text)

    @staticmethod
    def _learn(holders: list[Data], sanitiser: Sanitiser) -> None:
        """Have elements taken for harmless from now on, if those of a part are."""
        below = chain.from_iterable(one["childNodes"] for one in holders)
        elements = [holders[0], *(one for one in below if one["type"] == ELEMENT)]
        tags = {one["tagName"] for one in elements}
        given = (one.get("attributes") for one in elements)
        names = {name for one in given if isinstance(one, dict) for name in one}
        if sanitiser.harmless(tags, names):
            HARMLESS.learn(tags, names)


def pieces_of(
    given: msgspec.Raw, sanitiser: Sanitiser | None = None
) -> tuple[Any, Pieces | None]:
    """Parse the data of a snapshot, but for its small parts.

    In place of those are their numbers, and the second value opens them, cleaned unless
    there is no sanitiser; it is None if the text was parsed as a whole.
    """
    if len(given) < _FEW:
        return parsed(given), None
    import numpy as np  # noqa: PLC0415 - with numba

    from replaykit.compiled import frozen  # noqa: PLC0415 - numba
    from replaykit.replays.pieces_kernel import (  # noqa: PLC0415 - numba
        CHILDREN,
        NODE,
        pieces,
    )

    text = bytes(given)
    found = np.empty((len(text) // _SHORTEST + 1, 5), np.int64)
    data = frozen(np.frombuffer(text, np.uint8))
    count = pieces(data, frozen(NODE), frozen(CHILDREN), _SHORTEST, APART - 1, found)
    if count <= 0:
        return parsed(given), None
    spans: list[list[int]] = found[:count].tolist()
    bones: list[bytes] = []
    at = 0
    for number, (begin, end, *_) in enumerate(spans):
        bones += (text[at:begin], b"%d" % number)
        at = end
    bones.append(text[at:])
    return parsed(msgspec.Raw(b"".join(bones))), Pieces(text, spans, sanitiser)


def _plain(data: Data) -> list[Data] | None:
    """Return all that holds others in a part; None if not all of it can sleep.

    What can is an element, with everything below it linked as its data say.
    """
    if data["type"] != ELEMENT or not data.get("childNodes"):
        return None
    holders = []
    stack = [[data]]
    while stack:
        for node in stack.pop():
            tag = node.get("tagName")
            below = node.get("childNodes")
            if "isShadow" in node:
                return None
            if node["type"] not in HOLDERS:
                if "childNodes" in node or type(node["id"]) is not int:
                    return None
                continue
            if (
                node["type"] != ELEMENT
                or type(tag) is not str
                or tag.lower() in AWAKE
                or type(below) is not list
                or type(node["id"]) is not int
            ):
                return None
            if below:
                holders.append(node)
                stack.append(below)
    return holders


def _written(data: Data) -> tuple[bytes, tuple[int, int]] | None:
    """Return the JSON of a part, and where its children stand in it.

    None if it cannot be written in one go, or if there may be a long text in it.
    """
    try:
        text = orjson.dumps(data)
        inner = orjson.dumps(data["childNodes"])
    except TypeError:  # an integer of more than 64 bits
        return None
    key = b'"childNodes":'
    if len(text) >= APART or text.count(key + inner) != 1:
        return None
    start = text.index(key + inner) + len(key)
    return text, (start, start + len(inner))
