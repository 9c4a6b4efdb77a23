"""What happened to the elements a CSS selector matches, in recordings.

The page is followed as the player would show it, so a selector is asked of the page of
each moment. What depends on the size of things (whether an element was in view) is not
in a recording.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import polars as pl

from replaykit.errors import check_option
from replaykit.ingest.rrweb_events import FULL_SNAPSHOT
from replaykit.replays import carry
from replaykit.replays.frame_rows import element_cells
from replaykit.replays.frames import ELEMENT_COLUMNS, Reading, gather
from replaykit.replays.nodes import ELEMENT, Node, text_of
from replaykit.replays.reducer import BROKEN
from replaykit.replays.selectors import Selector, affected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from replaykit.replays.dom import Page
    from replaykit.replays.frame_rows import Rows
    from replaykit.replays.scene import Scene, Stored

Happening: TypeAlias = Literal["clicked", "typed", "appeared", "disappeared", "changed"]
"""What can happen to an element: it is clicked, something is typed into it or chosen,
it begins or ceases to match, or its text changes."""

HAPPENINGS: Final = ("clicked", "typed", "appeared", "disappeared", "changed")

_CLICK: Final = 2
_LISTS: Final = ("adds", "removes", "texts", "attributes")
#: Texts are compared up to this length.
_TEXT: Final = 2_000


def elements(
    recordings: Stored,
    replay_ids: Iterable[str],
    selector: str,
    happening: Happening,
    *,
    progress: bool,
) -> pl.DataFrame:
    """Read what happened to the elements that a selector matches, one row each.

    Parameters
    ----------
    recordings
        The store.
    replay_ids
        Which recordings, in the order of the result.
    selector
        A CSS selector list.
    happening
        What to look for (`Happening`).
    progress
        Show a bar while reading.

    Raises
    ------
    BadInput
        If the selector cannot be read.
    """
    check_option("happening", happening, HAPPENINGS)
    wanted = Selector.parse(selector)
    read: Callable[[Selector, Scene], Rows] = {
        "clicked": _clicked,
        "typed": _typed,
    }.get(happening, partial(_watched, happening))
    columns = {**ELEMENT_COLUMNS, "url": pl.String()}
    how = Reading(partial(read, wanted), columns, follow_page=True)
    return gather(recordings, replay_ids, how, progress=progress)


def _clicked(wanted: Selector, scene: Scene) -> Rows:
    for t, _, source, event in scene:
        if source == carry.MOUSE_INTERACTION and event["data"].get("type") == _CLICK:
            yield from _at(wanted, scene, t, event)


def _typed(wanted: Selector, scene: Scene) -> Rows:
    for t, _, source, event in scene:
        if source == carry.INPUT:
            yield from _at(wanted, scene, t, event)


def _at(wanted: Selector, scene: Scene, t: float, event: dict[str, Any]) -> Rows:
    """Yield a row if the event's node, or one around it, matches."""
    node = scene.page.nodes.get(event["data"].get("id"))
    while node is not None:
        if wanted.matches(node):
            yield t, *element_cells(node), scene.url or None
            return
        node = node.parent or node.host


def _watched(happening: Happening, wanted: Selector, scene: Scene) -> Rows:
    """Follow which elements match, and yield the changes that were asked for."""
    watch = _Watch(wanted, scene.page)
    before: tuple[float, int, int, dict[str, Any]] | None = None
    url = ""
    for moment in scene:
        # The page has taken in the event before this one, and not yet this one.
        if before is not None:
            for what, cells in watch.after(before, url):
                if what == happening:
                    yield before[0], *cells, url or None
        before, url = moment, scene.url
    if before is not None:
        for what, cells in watch.after(before, url):
            if what == happening:
                yield before[0], *cells, url or None


class _Watch:
    """The elements that match now, and what is remembered of each."""

    def __init__(self, wanted: Selector, page: Page) -> None:
        self._wanted = wanted
        self._page = page
        #: node id -> its text, and what a row says of it.
        self._now: dict[int, tuple[str, tuple[Any, ...]]] = {}
        self._url = ""

    def after(
        self, moment: tuple[float, int, int, dict[str, Any]], url: str
    ) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield what the event changed, now that the page has taken it in."""
        _, kind, source, event = moment
        if kind == FULL_SNAPSHOT:
            yield from self._snapshot(url)
        elif source == carry.MUTATION:
            data = event["data"]
            lists = {name: list(data.get(name) or ()) for name in _LISTS}
            try:
                yield from self._mutation(lists)
            except BROKEN:
                return

    def _snapshot(self, url: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Compare two whole pages, whose node ids have nothing in common.

        Recorders take snapshots of an unchanged page as well, so on one address an
        element is taken for the same if its selector and its label are.
        """
        old, self._now = self._now, {}
        kept = Counter(cells[2:] for _, cells in old.values())
        if url != self._url:
            kept = Counter()
        self._url = url
        left = kept.copy()
        root = self._page.root
        for node in () if root is None else self._wanted.among(root):
            cells = self._keep(node)
            if left[cells[2:]] > 0:
                left[cells[2:]] -= 1
            else:
                yield "appeared", cells
        stayed = kept - left
        for _, cells in old.values():
            if stayed[cells[2:]] > 0:
                stayed[cells[2:]] -= 1
            else:
                yield "disappeared", cells

    def _mutation(
        self, lists: dict[str, list[Any]]
    ) -> Iterator[tuple[str, tuple[Any, ...]]]:
        now, nodes = self._now, self._page.nodes
        if lists["removes"]:
            for node_id in [one for one in now if one not in nodes]:
                yield "disappeared", now.pop(node_id)[1]
        tops = affected(self._page, lists, (self._wanted,))
        for node in (node for top in tops for node in top.subtree()):
            if node.type != ELEMENT:
                continue
            matches = self._wanted.matches(node)
            if matches and node.id not in now:
                yield "appeared", self._keep(node)
            elif not matches and node.id in now:
                yield "disappeared", now.pop(node.id)[1]
        for node in self._around(tops):
            text = text_of(node, _TEXT)
            if text != now[node.id][0]:
                yield "changed", self._keep(node)

    def _around(self, tops: list[Node]) -> list[Node]:
        """Return the matching elements whose text a mutation may have changed."""
        found: dict[int, Node] = {}
        for top in tops:
            for inner in top.subtree():
                if inner.id in self._now:
                    found[inner.id] = inner
            above: Node | None = top
            while above is not None:
                if above.id in self._now:
                    found[above.id] = above
                above = above.parent or above.host
        return list(found.values())

    def _keep(self, node: Node) -> tuple[Any, ...]:
        cells = element_cells(node)
        self._now[node.id] = text_of(node, _TEXT), cells
        return cells
