"""CSS selectors on recorded nodes: which elements of a page at one moment match.

Type, universal, id, class and attribute selectors, `:not`, `:is`, `:where`, `:has` with
a relative list, the structural pseudo-classes, and all four combinators. What depends
on a reader's pointer or window (`:hover`, `:target`) is refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from replaykit.errors import BadInput
from replaykit.replays.nodes import ELEMENT, TEXT, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from replaykit.replays.dom import Page

    Test = Callable[[Node], bool]

# All but what ASCII has besides letters, digits, `_` and `-`.
_SIGN: Final = r"[^\x00-,./:-@\[-\^`{-\x7f]|\\(?:[0-9a-fA-F]{1,6}\s?|.)"
_NAME: Final = rf"(?:--|-?(?!\d)(?:{_SIGN}))(?:{_SIGN})*"
_TOKEN: Final = re.compile(
    rf"(?P<type>(?:(?:{_NAME}|\*)?\|)?(?:{_NAME}|\*))"
    rf"|\#(?P<id>(?:{_SIGN})+)"
    rf"|\.(?P<class>{_NAME})"
    rf"|\[\s*(?:[\w*]*\|)?(?P<attr>{_NAME})\s*"
    r"(?:(?P<op>[~|^$*]?=)\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
    rf"|(?:{_SIGN})+)\s*(?P<case>[iIsS])?\s*)?\]"
    rf"|::?(?P<pseudo>{_NAME})(?P<open>\()?",
)
_COMBINATOR: Final = re.compile(r"\s*([>+~])\s*|\s+")
_NTH: Final = re.compile(
    r"(?:(?P<a>[+-]?\d*)n\s*(?:(?P<s>[+-])\s*(?P<b>\d+))?|(?P<c>[+-]?\d+))\Z"
)
_ESCAPE: Final = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
#: Attributes whose values HTML compares without regard to case.
_CASELESS: Final = frozenset({"type", "method", "dir", "lang", "rel", "checked"})
_DEEPEST: Final = 32
#: Pseudo-classes with which a change far away may make an element match.
_FAR: Final = (":has(", ":root")


@dataclass(frozen=True)
class Selector:
    """A parsed selector list.

    Examples
    --------
    >>> body = Node({"id": 1, "type": 2, "tagName": "body", "attributes": {}})
    >>> data = {"id": 2, "type": 2, "tagName": "p", "attributes": {"class": "a b"}}
    >>> body.insert(Node(data), None)
    >>> [node.id for node in Selector.parse("body > p.b").among(body)]
    [2]
    """

    text: str
    #: One test per alternative, of the element and everything it depends on.
    tests: tuple[Test, ...]

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read a selector.

        Raises
        ------
        BadInput
            If it is not one, or asks for what a recording does not know.
        """
        if not isinstance(text, str) or not text.strip():
            raise BadInput(f"{text!r} is not a CSS selector.")
        reader = _Reader(text)
        tests = reader.alternatives(end="")
        return cls(text, tuple(tests))

    def matches(self, node: Node) -> bool:
        """Tell whether an element matches now."""
        return node.type == ELEMENT and any(test(node) for test in self.tests)

    def among(self, top: Node) -> Iterator[Node]:
        """Yield the elements at and under a node that match now."""
        return (node for node in top.subtree() if self.matches(node))


def affected(
    page: Page, data: dict[str, list[Any]], selectors: Sequence[Selector]
) -> list[Node]:
    """Return the nodes at and under which a mutation may have changed what matches.

    Parameters
    ----------
    page
        The page after the mutation.
    data
        The mutation's four lists.
    selectors
        What is looked for; `:has` and `:root` make a change far away count.
    """
    if page.root is not None and any(
        sign in one.text for one in selectors for sign in _FAR
    ):
        return [page.root]
    ids = [add.get("parentId") for add in data["adds"]]
    ids += [removal.get("parentId") for removal in data["removes"]]
    for change in data["attributes"]:
        node = page.nodes.get(change.get("id"))
        above = node.parent if node is not None else None
        ids.append(above.id if above is not None and above.id > 0 else change.get("id"))
    for change in data["texts"]:
        node = page.nodes.get(change.get("id"))
        if node is not None and node.type == TEXT and node.parent is not None:
            ids.append(node.parent.id)
    found = {one: page.nodes[one] for one in ids if one in page.nodes}
    return list(found.values())


class _Reader:
    """Reads selector text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def alternatives(self, *, end: str, relative: bool = False) -> list[Test]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadInput(f"The selector {self._text[:60]!r}… is nested too deeply.")
        tests = []
        while True:
            self._blank()
            tests.append(self._relative() if relative else self._complex())
            self._blank()
            if self._peek() == ",":
                self._at += 1
                continue
            if self._peek() != end:
                raise self._unread()
            self._at += len(end)
            self._depth -= 1
            return tests

    def _complex(self) -> Test:
        """Read compounds and combinators; the test starts from the last compound."""
        test = self._compound()
        while True:
            found = _COMBINATOR.match(self._text, self._at)
            if found is None:
                return test
            after = self._text[found.end() : found.end() + 1]
            if found[1] is None and after in {"", ",", ")"}:
                return test
            self._at = found.end()
            test = _joined(test, found[1] or " ", self._compound())

    def _relative(self) -> Test:
        """Read an argument of `:has`: what must be found from the element on."""
        found = re.compile(r"\s*([>+~])?\s*").match(self._text, self._at)
        how = found[1] if found else None
        self._at = found.end() if found else self._at
        inner = self._complex()
        walk = {">": _children, "+": _next, "~": _following}.get(
            how or "", _descendants
        )
        return lambda node: any(inner(other) for other in walk(node))

    def _compound(self) -> Test:
        tests: list[Test] = []
        while True:
            found = _TOKEN.match(self._text, self._at)
            if found is None or (found["type"] and tests):
                break
            self._at = found.end()
            tests.append(self._simple(found))
        if not tests:
            raise self._unread()
        if len(tests) == 1:
            return tests[0]
        return lambda node: all(test(node) for test in tests)

    def _simple(self, found: re.Match[str]) -> Test:
        if found["type"]:
            tag = _plain(found["type"].rpartition("|")[2]).lower()
            return lambda node: tag in {"*", node.tag}
        if found["id"]:
            name = _plain(found["id"])
            return lambda node: node.attributes.get("id") == name
        if found["class"]:
            word = _plain(found["class"])
            return lambda node: word in _words(node.attributes.get("class"))
        if found["attr"]:
            return _attribute(found)
        return self._pseudo(_plain(found["pseudo"]).lower(), bool(found["open"]))

    def _pseudo(self, name: str, opened: bool) -> Test:  # noqa: FBT001 - a parser's flag
        if not opened:
            if name not in _SIMPLE:
                self._refuse(name)
            return _SIMPLE[name]
        if name in {"not", "is", "where", "matches", "any", "-webkit-any"}:
            tests = self.alternatives(end=")")
            if name == "not":
                return lambda node: not any(test(node) for test in tests)
            return lambda node: any(test(node) for test in tests)
        if name == "has":
            tests = self.alternatives(end=")", relative=True)
            return lambda node: any(test(node) for test in tests)
        if name in _COUNTED:
            end = self._text.find(")", self._at)
            fits = _nth(self._text[self._at : max(end, 0)].strip().lower())
            if fits is None:
                raise self._unread()
            self._at = end + 1
            place = _COUNTED[name]
            return lambda node: fits(place(node))
        self._refuse(name)
        raise AssertionError

    def _blank(self) -> None:
        while self._peek().isspace():
            self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _unread(self) -> BadInput:
        return BadInput(
            f"{self._text!r} is not a CSS selector: it cannot be read from "
            f"{self._text[self._at : self._at + 20]!r} on."
        )

    def _refuse(self, name: str) -> None:
        known = ", ".join(f":{one}" for one in sorted({*_SIMPLE, *_COUNTED}))
        raise BadInput(
            f"The selector {self._text!r} asks for :{name}, which a recording does not "
            f"know. There are :not(), :is(), :where(), :has(), {known}."
        )


def _joined(left: Test, how: str, right: Test) -> Test:
    walk = {">": _parents, "+": _previous, "~": _before}.get(how, _ancestors)
    return lambda node: right(node) and any(left(other) for other in walk(node))


def _attribute(found: re.Match[str]) -> Test:
    name, how = _plain(found["attr"]), found["op"]
    lower = name.lower()
    if how is None:
        return lambda node: _value(node, lower) is not None
    raw = found["value"]
    wanted = _plain(raw[1:-1] if raw[0] in "\"'" else raw)
    case = (found["case"] or "").lower()
    fold = case == "i" or (not case and lower in _CASELESS)
    wanted = wanted.lower() if fold else wanted

    def test(node: Node) -> bool:
        value = _value(node, lower)
        if value is None:
            return False
        value = value.lower() if fold else value
        match how:
            case "=":
                return value == wanted
            case "~=":
                return wanted in value.split()
            case "|=":
                return value == wanted or value.startswith(f"{wanted}-")
            case "^=":
                return bool(wanted) and value.startswith(wanted)
            case "$=":
                return bool(wanted) and value.endswith(wanted)
            case _:
                return bool(wanted) and wanted in value

    return test


def _value(node: Node, lower: str) -> str | None:
    for name, value in node.attributes.items():
        if name.lower() == lower and value is not None and value is not False:
            return "" if value is True else str(value)
    return None


def _words(value: object) -> list[str]:
    return value.split() if isinstance(value, str) else []


def _plain(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[2]
        point = int(found[1], 16)
        return chr(point) if 0 < point < 0x110000 else "\ufffd"

    return _ESCAPE.sub(one, text) if "\\" in text else text


# -- the neighbours of an element; texts do not count


def _parent(node: Node) -> Node | None:
    above = node.parent
    return above if above is not None and above.type == ELEMENT else None


def _parents(node: Node) -> Iterator[Node]:
    above = _parent(node)
    if above is not None:
        yield above


def _ancestors(node: Node) -> Iterator[Node]:
    above = _parent(node)
    while above is not None:
        yield above
        above = _parent(above)


def _before(node: Node) -> Iterator[Node]:
    other = node.prev
    while other is not None:
        if other.type == ELEMENT:
            yield other
        other = other.prev


def _following(node: Node) -> Iterator[Node]:
    other = node.next
    while other is not None:
        if other.type == ELEMENT:
            yield other
        other = other.next


def _previous(node: Node) -> Iterator[Node]:
    for other in _before(node):
        yield other
        return


def _next(node: Node) -> Iterator[Node]:
    for other in _following(node):
        yield other
        return


def _children(node: Node) -> Iterator[Node]:
    return (child for child in node.children() if child.type == ELEMENT)


def _descendants(node: Node) -> Iterator[Node]:
    return (one for one in node.subtree() if one is not node and one.type == ELEMENT)


def _count(nodes: Iterator[Node]) -> int:
    return sum(1 for _ in nodes) + 1


def _of_type(node: Node, nodes: Iterator[Node]) -> int:
    return _count(other for other in nodes if other.tag == node.tag)


_COUNTED: Final[dict[str, Callable[[Node], int]]] = {
    "nth-child": lambda node: _count(_before(node)),
    "nth-last-child": lambda node: _count(_following(node)),
    "nth-of-type": lambda node: _of_type(node, _before(node)),
    "nth-last-of-type": lambda node: _of_type(node, _following(node)),
}


def _nth(text: str) -> Callable[[int], bool] | None:
    """Read `odd`, `3` or `2n + 1`; returns a test of a place counted from 1."""
    text = {"odd": "2n+1", "even": "2n"}.get(text, text)
    found = _NTH.match(text)
    if found is None:
        return None
    if found["c"] is not None:
        only = int(found["c"])
        return lambda place: place == only
    step = {"": 1, "+": 1, "-": -1}.get(found["a"])
    step = int(found["a"]) if step is None else step
    first = int(found["b"] or 0) * (-1 if found["s"] == "-" else 1)
    if step == 0:
        return lambda place: place == first
    return lambda place: (place - first) % step == 0 and (place - first) // step >= 0


_CONTROLS: Final = frozenset(
    {"button", "input", "select", "textarea", "option", "optgroup", "fieldset"}
)


def _disabled(node: Node) -> bool:
    """Tell whether a control is disabled, by itself or by what it stands in (HTML)."""
    if _value(node, "disabled") is not None:
        return True
    if node.tag == "option":
        group = _parent(node)
        return bool(
            group and group.tag == "optgroup" and _value(group, "disabled") is not None
        )
    if node.tag == "optgroup":
        return False
    inside = node
    for above in _ancestors(node):
        if above.tag == "fieldset" and _value(above, "disabled") is not None:
            legends = (one for one in _children(above) if one.tag == "legend")
            if next(legends, None) is not inside:
                return True
        inside = above
    return False


_SIMPLE: Final[dict[str, Test]] = {
    "root": lambda node: _parent(node) is None,
    "empty": lambda node: all(
        child.type != ELEMENT and not child.data.get("textContent")
        for child in node.children()
    ),
    "first-child": lambda node: _COUNTED["nth-child"](node) == 1,
    "last-child": lambda node: _COUNTED["nth-last-child"](node) == 1,
    "only-child": lambda node: not any(_before(node)) and not any(_following(node)),
    "first-of-type": lambda node: _COUNTED["nth-of-type"](node) == 1,
    "last-of-type": lambda node: _COUNTED["nth-last-of-type"](node) == 1,
    "only-of-type": lambda node: (
        _COUNTED["nth-of-type"](node) == _COUNTED["nth-last-of-type"](node) == 1
    ),
    "disabled": lambda node: node.tag in _CONTROLS and _disabled(node),
    "enabled": lambda node: node.tag in _CONTROLS and not _disabled(node),
    "required": lambda node: (
        node.tag in {"input", "select", "textarea"}
        and _value(node, "required") is not None
    ),
    "link": lambda node: node.tag in {"a", "area"} and _value(node, "href") is not None,
    "any-link": lambda node: (
        node.tag in {"a", "area"} and _value(node, "href") is not None
    ),
}
