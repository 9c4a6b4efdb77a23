"""Every text of a recording's events, by where it stands, to be read or changed.

One walk serves both: what is looked for and what is taken out are found in the same
places. A stretch of events must begin with a whole page, as every segment does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from replaykit.replays import carry

if TYPE_CHECKING:
    from collections.abc import Iterable

Place = Literal["text", "attribute", "address", "input", "private", "style", "said"]
"""Where a text stands: `text` of a page, `attribute`, `address`, `input` = typed,
`private` = typed into a field for personal data, `style` = style sheet, `said` = by a
recorder's plug-in (console, requests)."""

_ELEMENT: Final = 2
_NO_TEXT_NAMES: Final = frozenset({"rr_dataurl"})
_ADDRESSES: Final = frozenset(
    (
        *("href", "src", "action", "formaction", "poster", "background", "cite"),
        *("data", "longdesc", "ping", "rr_src", "xlink:href", "manifest"),
    )
)
#: Inputs whose value is a label or a choice of the page, not what somebody typed.
_LABELS: Final = frozenset(
    {"button", "submit", "reset", "image", "checkbox", "radio", "range", "color"}
)
_PRIVATE_TYPES: Final = frozenset({"password", "email", "tel", "hidden"})
#: Names of fields and parameters that ask for something personal.
PRIVATE_NAMES: Final = re.compile(
    r"mail|phone|mobile|name|address|street|zip|postal|post-?code|city|card|iban|cvv|cvc"
    r"|ssn|birth|passw|token|secret|user|login|account",
    re.IGNORECASE,
)
_EDITABLE: Final = frozenset({"", "true", "plaintext-only"})


class See(Protocol):
    """Reads one text, and returns what shall stand there."""

    def __call__(self, place: Place, name: str, text: str, *, marked: bool) -> str:
        """Return the text; `name` is the attribute's, `marked` of a chosen node."""
        ...


class _Known(NamedTuple):
    """What a later event needs to know of a node."""

    tag: str
    #: Where its `value` and what is typed into it stand.
    value: Place
    #: Where the text of its children stands.
    inside: Place


_PLAIN: Final = _Known("", "input", "text")


class Walk:
    """Goes over the events of one segment and lets `see` change every text.

    Parameters
    ----------
    see
        Called with each text.
    marked
        Ids of nodes of which all is to be taken out.
    silent
        Empty what plug-ins said: console lines, requests with their bodies, events of
        the page's own. Lists beside the recording say what a reader needs.
    """

    def __init__(
        self, see: See, *, marked: Iterable[int] = (), silent: bool = False
    ) -> None:
        """Start before the first event."""
        self._see = see
        self._marked = set(marked)
        self._silent = silent
        self._nodes: dict[int, _Known] = {}

    def events(self, events: Iterable[dict[str, Any]]) -> None:
        """Go over events in order, changing them in place."""
        for event in events:
            data = event.get("data")
            if not isinstance(data, dict):
                continue
            match event.get("type"):
                case 2:
                    self._nodes.clear()
                    self._tree(data.get("node"), _PLAIN, marked=False)
                case 3:
                    self._change(data)
                case 4:
                    self._field(data, "href", "address")
                case 5 | 6:
                    self._plugin(data)
                case _:
                    self._rest(data, "said")

    # -- nodes

    def _tree(
        self,
        top: Any,  # noqa: ANN401 - JSON
        parent: _Known,
        *,
        marked: bool,
    ) -> None:
        stack = [(top, parent, marked)]
        while stack:
            node, above, inside = stack.pop()
            if not isinstance(node, dict):
                continue
            if inside:
                self._marked.add(_id(node))
            known = self._node(node, above)
            children = node.get("childNodes")
            if isinstance(children, list):
                inside = _id(node) in self._marked
                stack.extend((child, known, inside) for child in children)

    def _node(self, node: dict[str, Any], parent: _Known) -> _Known:
        known = parent
        node_id = _id(node)
        marked = node_id in self._marked
        if node.get("type") == _ELEMENT:
            attributes = node.get("attributes")
            attributes = attributes if isinstance(attributes, dict) else {}
            tag = str(node.get("tagName", "")).lower()
            known = _element(tag, attributes, parent)
            self._attributes(known, attributes, marked=marked)
        text = node.get("textContent")
        if isinstance(text, str):
            place: Place = "style" if node.get("isStyle") else parent.inside
            node["textContent"] = self._see(place, "", text, marked=marked)
        if node_id >= 0:
            self._nodes[node_id] = known
        return known

    def _attributes(
        self, known: _Known, attributes: dict[str, Any], *, marked: bool
    ) -> None:
        for name, value in attributes.items():
            lower = name.lower()
            if isinstance(value, str):
                if lower in _NO_TEXT_NAMES:
                    continue
                place = _place(known, lower)
                attributes[name] = self._see(place, lower, value, marked=marked)
            elif isinstance(value, dict | list):
                attributes[name] = self._declarations(value)

    def _declarations(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the declarations of a changed style, a value or [value, priority]."""
        if isinstance(value, str):
            return self._see("style", "style", value, marked=False)
        if isinstance(value, list):
            return [self._declarations(item) for item in value]
        if isinstance(value, dict):
            return {name: self._declarations(item) for name, item in value.items()}
        return value

    # -- changes

    def _change(self, data: dict[str, Any]) -> None:
        match data.get("source"):
            case carry.MUTATION:
                self._mutation(data)
            case carry.INPUT:
                known = self._nodes.get(_id(data), _PLAIN)
                text = data.get("text")
                if isinstance(text, str):
                    marked = _id(data) in self._marked
                    data["text"] = self._see(known.value, "value", text, marked=marked)
            case carry.STYLE_RULE | carry.STYLE_DECLARATION | carry.ADOPTED_SHEET:
                for name in ("adds", "replace", "replaceSync", "set", "styles"):
                    if name in data:
                        data[name] = self._declarations(data[name])
            case carry.LOG:
                self._plugin(data)
            case carry.MOUSE_MOVE | carry.TOUCH_MOVE | carry.SCROLL:
                return
            case _:
                self._rest(data, "text")

    def _mutation(self, data: dict[str, Any]) -> None:
        self._adds(data)
        for change in data.get("attributes") or ():
            node_id, attributes = _id(change), change.get("attributes")
            if not isinstance(attributes, dict):
                continue
            known = self._nodes.get(node_id, _PLAIN)
            if "type" in attributes or "contenteditable" in attributes:
                again = _element(known.tag, attributes, known)
                # What was private once stays so: a password made visible.
                value = "private" if known.value == "private" else again.value
                known = self._nodes[node_id] = again._replace(value=value)
            self._attributes(known, attributes, marked=node_id in self._marked)
        for change in data.get("texts") or ():
            node_id, text = _id(change), change.get("value")
            if isinstance(text, str):
                place = self._nodes.get(node_id, _PLAIN).inside
                marked = node_id in self._marked
                change["value"] = self._see(place, "", text, marked=marked)

    def _adds(self, data: dict[str, Any]) -> None:
        waiting = [add for add in data.get("adds") or () if isinstance(add, dict)]
        while waiting:
            # Nodes may be added in any order: one waits until its parent is known.
            later: list[dict[str, Any]] = []
            for add in waiting:
                parent = self._nodes.get(_id(add, "parentId"))
                if parent is None:
                    later.append(add)
                else:
                    inside = add.get("parentId") in self._marked
                    self._tree(add.get("node"), parent, marked=inside)
            if len(later) == len(waiting):
                for add in later:
                    self._tree(add.get("node"), _PLAIN, marked=False)
                break
            waiting = later

    # -- everything else

    def _plugin(self, data: dict[str, Any]) -> None:
        if not self._silent:
            self._rest(data, "said")
            return
        for name in data:
            if name == "payload":
                data[name] = {}
            elif name not in {"source", "type"}:
                data[name] = ""

    def _field(self, data: dict[str, Any], name: str, place: Place) -> None:
        if isinstance(data.get(name), str):
            data[name] = self._see(place, name, data[name], marked=False)

    def _rest(self, value: Any, place: Place) -> Any:  # noqa: ANN401 - JSON
        """Let `see` have every text under a value, in place where it can be."""
        if isinstance(value, str):
            return self._see(place, "", value, marked=False)
        if isinstance(value, list):
            value[:] = [self._rest(item, place) for item in value]
        elif isinstance(value, dict):
            for name in value:
                value[name] = self._rest(value[name], place)
        return value


def _element(tag: str, attributes: dict[str, Any], parent: _Known) -> _Known:
    value: Place = "attribute"
    if tag in {"input", "textarea", "select"}:
        kind = str(attributes.get("type") or "").lower()
        if kind not in _LABELS:
            value = "private" if _is_private(kind, attributes) else "input"
    inside: Place = "text"
    if parent.inside in {"input", "private"}:
        inside = parent.inside
    if tag == "style":
        inside = "style"
    elif tag == "textarea":
        inside = value
    editable = attributes.get("contenteditable")
    if isinstance(editable, str):
        inside = "input" if editable.lower() in _EDITABLE else "text"
    if inside == "input" and value == "attribute":
        value = "input"
    return _Known(tag, value, inside)


def _is_private(kind: str, attributes: dict[str, Any]) -> bool:
    if kind in _PRIVATE_TYPES:
        return True
    filled = str(attributes.get("autocomplete") or "off").lower()
    if filled not in {"off", "on", "false", "nope", "new-password"}:
        return True
    names = (attributes.get(n) for n in ("name", "id", "placeholder", "aria-label"))
    return any(isinstance(n, str) and PRIVATE_NAMES.search(n) for n in names)


def _place(known: _Known, name: str) -> Place:
    if name == "value":
        return known.value
    if name in {"style", "_csstext"}:
        return "style"
    return "address" if name in _ADDRESSES else "attribute"


def _id(data: Any, name: str = "id") -> int:  # noqa: ANN401 - JSON
    found = data.get(name) if isinstance(data, dict) else None
    return found if isinstance(found, int) else -1
