"""Constructed style sheets that stand at the nodes which use them.

Amplitude's recorder writes the sheets of a document or shadow root into its node, and
later names them by their numbers alone. The Replayer only knows rrweb's own form, an
event for each, so that is made of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import msgspec

#: Where a node says which sheets it uses.
SHEETS: Final = "adoptedStyleSheets"
_MARK: Final = b'"adoptedStyleSheets"'

Data = dict[str, Any]


def has_sheets(text: msgspec.Raw) -> bool:
    """Tell whether the text of an event may hold nodes with sheets."""
    return _MARK in bytes(text)


def taken_sheets(nodes: Iterable[Data], is_known: Callable[[int], bool]) -> list[Data]:
    """Take sheets from serialised nodes; return the data of the events instead.

    Parameters
    ----------
    nodes
        With all that is under them, in the order of the document.
    is_known
        Whether a sheet was told before: then it stands there by its number alone.

    Examples
    --------
    >>> red = {"styleId": 1, "rules": [{"rule": "b { color: red }"}]}
    >>> hosts = [{"id": n, "adoptedStyleSheets": [red]} for n in (7, 8)]
    >>> made = taken_sheets(hosts, lambda number: False)
    >>> [(data["id"], data["styleIds"], len(data["styles"])) for data in made]
    [(7, [1], 1), (8, [1], 0)]
    """
    made: list[Data] = []
    told: set[int] = set()
    for node in _walk(nodes):
        sheets = node.pop(SHEETS, None)
        if not isinstance(sheets, list) or not sheets:
            continue
        numbers = [sheet["styleId"] for sheet in sheets]
        styles: list[Data] = []
        for sheet in sheets:
            number, rules = sheet["styleId"], sheet.get("rules") or []
            if number not in told and (rules or not is_known(number)):
                told.add(number)
                styles.append({"styleId": number, "rules": rules})
        made.append({"id": node["id"], "styleIds": numbers, "styles": styles})
    return made


def _walk(nodes: Iterable[Data]) -> Iterator[Data]:
    stack = list(nodes)[::-1]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(node.get("childNodes") or ())
