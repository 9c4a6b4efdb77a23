"""Read small parts of a page that nothing has to be cleaned of.

Most of a page is made of the same few elements with the same few attributes, about
which the sanitiser has nothing to say. Their names make a type, and the parser itself
refuses what is not of that type. What it takes needs no second look; what it refuses is
read and cleaned as anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Union

import msgspec
from msgspec import Struct

from replaykit.replays.nodes import AWAKE
from replaykit.replays.sanitise_rules import HARMLESS_STARTS, LINKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Names are learned up to so many, and the type made anew so often at most.
_NAMES: Final = 2_000
_TYPES: Final = 200

_Scalar = Union[str, int, float, bool, None]  # noqa: UP007 - a value for msgspec


class Words(Struct, tag_field="type", tag=3, gc=False, forbid_unknown_fields=True):
    """A text node."""

    id: int
    textContent: str  # noqa: N815 - rrweb's spelling
    rootId: int = 0  # noqa: N815 - rrweb's spelling


class Comment(Words, tag=5):
    """A comment."""


#: Elements whose content or coming is of interest, whatever their attributes.
_NEVER: Final = frozenset({*AWAKE, "style"})
#: The type of elements that was made last: it is named in its own making.
Element: type[Struct] = Struct


class Harmless:
    """The elements known to be harmless, and the parser that takes no others.

    Whether a name is harmless depends on nothing but the name, so what was learned of
    one recording is true of all.
    """

    def __init__(self) -> None:
        """Know of no element."""
        self._tags: set[str] = set()
        self._names: set[str] = set()
        self._decode: Callable[[bytes], Any] | None = None
        self._types = 0
        #: How many parts are to be refused before the type is made anew.
        self._patience = 0

    def read(self, text: bytes) -> tuple[int, str, list[int]] | None:
        """Return an element's id, name, and the ids below it; None if it may be bad.

        Parameters
        ----------
        text
            JSON without parentheses and without escapes by number: so no style in it
            calls anything.
        """
        if self._decode is None:
            return None
        try:
            top = self._decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        if not _harmless(top.tagName, top.attributes):
            return None
        found: list[int] = []
        stack = [top.childNodes]
        while stack:
            for node in stack.pop():
                found.append(node.id)
                if isinstance(node, Words):
                    continue
                if not _harmless(node.tagName, node.attributes):
                    return None
                if node.childNodes:
                    stack.append(node.childNodes)
        return top.id, top.tagName, found

    def learn(self, tags: Iterable[str], names: Iterable[str]) -> None:
        """Take names of elements and attributes for harmless, as the sanitiser does."""
        if len(self._tags) + len(self._names) < _NAMES:
            self._tags.update(tag for tag in tags if tag.lower() not in _NEVER)
            self._names.update(names)
        self._patience -= 1
        if self._patience < 0 and self._types < _TYPES and self._tags and self._names:
            self._types += 1
            self._patience = self._types
            self._decode = _parser(tuple(self._tags), tuple(self._names))


def _harmless(tag: str, given: dict[str, Any]) -> bool:
    """Tell whether the values of an element's attributes are harmless."""
    if "style" in given:
        style = given["style"]
        if type(style) is str and ("@" in style or "\\" in style):
            return False
    if "href" in given:
        href = given["href"]
        if type(href) is str:
            return tag.lower() in LINKS and href.startswith(HARMLESS_STARTS)
    return True


def _parser(tags: tuple[str, ...], names: tuple[str, ...]) -> Callable[[bytes], Any]:
    """Make the type of the elements with these names, and a parser of it."""
    global Element  # noqa: PLW0603 - msgspec looks the name up here
    Element = msgspec.defstruct(
        "Element",
        [
            ("id", int),
            ("tagName", Literal[tags]),
            ("attributes", dict[Literal[names], _Scalar]),  # type: ignore[valid-type]
            ("childNodes", list[Union["Element", Words, Comment]]),  # type: ignore[valid-type]
            ("rootId", int, 0),
            ("isSVG", bool, False),
            ("isCustom", bool, False),
            ("needBlock", bool, False),
        ],
        module=__name__,
        tag_field="type",
        tag=2,
        gc=False,
        forbid_unknown_fields=True,
    )
    return msgspec.json.Decoder(Element).decode


#: What all recordings have taught.
HARMLESS: Final = Harmless()
