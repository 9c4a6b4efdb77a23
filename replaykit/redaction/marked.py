"""The nodes of a recording that a selector matches at any of its moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replaykit.replays import carry
from replaykit.replays.dom import Page
from replaykit.replays.selectors import affected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from replaykit.replays.nodes import Node
    from replaykit.replays.selectors import Selector

_LISTS: Final = ("adds", "removes", "texts", "attributes")


def marked_nodes(
    segments: Iterable[tuple[bool, list[dict[str, Any]]]],
    selectors: Sequence[Selector],
) -> list[frozenset[int]]:
    """Return the marked ids of each segment: elements that match, and all inside them.

    What matches once is marked for as long as the page stays, before and after: the
    class may come later than the text it hides. Ids are given anew with each recorded
    snapshot, so marks end there.

    Parameters
    ----------
    segments
        Per segment, whether it starts with a recorded snapshot, and its events.
    selectors
        An element is marked if any of them matches.
    """
    pages: list[set[int]] = []
    page_of: list[int] = []
    for recorded, events in segments:
        if recorded or not pages:
            pages.append(set())
        page_of.append(len(pages) - 1)
        _mark(events, selectors, pages[-1])
    return [frozenset(pages[index]) for index in page_of]


def _mark(
    events: Iterable[dict[str, Any]], selectors: Sequence[Selector], marked: set[int]
) -> None:
    page = Page()
    for event in events:
        data = event.get("data")
        if not isinstance(data, dict):
            continue
        if event.get("type") == 2 and isinstance(data.get("node"), dict):
            page.load(data["node"])
            _match(page.root, selectors, marked)
        elif event.get("type") == 3 and data.get("source") == carry.MUTATION:
            # The page keeps what it is given, and this data is read again later.
            known = {name: list(data.get(name) or ()) for name in _LISTS}
            page.mutate({**data, **known})
            for top in affected(page, known, selectors):
                _match(top, selectors, marked)
    page.clear()


def _match(top: Node | None, selectors: Sequence[Selector], marked: set[int]) -> None:
    if top is None:
        return
    if top.id in marked:
        # The node stands in a marked one, or is one: so does all under it.
        marked.update(node.id for node in top.subtree())
        return
    for selector in selectors:
        for node in selector.among(top):
            if node.id not in marked:
                marked.update(inner.id for inner in node.subtree())
            else:
                marked.add(node.id)
