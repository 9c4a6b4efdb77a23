"""What one mutation adds, seen from the changes that the same mutation makes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replaykit.replays.dom import Page


class Additions:
    """What elements are called, on the page and among the additions of one event.

    An addition comes before what the same event changes, and may take an id that
    something else on the page had.
    """

    def __init__(self, adds: list[dict[str, Any]], page: Page) -> None:
        """Look at an event's additions and at the page before it."""
        self._adds = adds
        self._nodes = page.nodes

    @cached_property
    def _tags(self) -> dict[int, str]:
        tags = ((add["node"], add["node"].get("tagName")) for add in self._adds)
        return {node["id"]: str(tag or "").lower() for node, tag in tags}

    @cached_property
    def _parents(self) -> dict[int, int]:
        return {add["node"]["id"]: add["parentId"] for add in self._adds}

    def tag(self, node_id: int) -> str:
        """Return the element's name in lower case, empty if nobody knows it."""
        if node_id in self._tags:
            return self._tags[node_id]
        node = self._nodes.get(node_id)
        return "" if node is None else node.tag

    def parent_tag(self, node_id: int) -> str:
        """Return the name of the element that holds a node."""
        if node_id in self._parents:
            return self.tag(self._parents[node_id])
        node = self._nodes.get(node_id)
        return "" if node is None or node.parent is None else node.parent.tag
