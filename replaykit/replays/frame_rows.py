"""What recordings say, as rows: each reader walks one recording and yields its rows.

A row begins with a position in ms from the recording's first event; `frames` names the
columns of the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from replaykit.ingest.rrweb_events import META
from replaykit.replays import carry
from replaykit.replays.inactivity import inactive_periods, is_activity
from replaykit.replays.plugins import console_line, requests
from replaykit.replays.scene import selector_of
from replaykit.replays.signals import (
    Click,
    Thresholds,
    dead_clicks,
    error_clicks,
    interactive,
    rage_clicks,
)
from replaykit.replays.summary import label_of

if TYPE_CHECKING:
    from replaykit.replays.nodes import Node
    from replaykit.replays.scene import Scene

Rows: TypeAlias = Iterator[tuple[Any, ...]]


#: Plugins' and custom events, which may hold a line of the console.
_TOLD: Final = frozenset({5, 6})
_CLICKS: Final = {2: "click", 3: "context menu", 4: "double click"}
FOCUS: Final = {5: "focus", 6: "blur"}
TOUCHES: Final = {7: "start", 9: "end", 10: "cancel"}
_MEDIA: Final = {0: "play", 1: "pause", 2: "seek", 3: "volume", 4: "rate"}


def element_cells(
    node: Node | None,
) -> tuple[int | None, str | None, str | None, str]:
    """Return what a row says of an element (`ELEMENT_COLUMNS`)."""
    if node is None:
        return None, None, None, ""
    return node.id, node.tag or None, selector_of(node), label_of(node)


def _at(data: dict[str, Any], name: str) -> float | None:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def interactions(scene: Scene, actions: dict[int, str]) -> Rows:
    """Yield pointer interactions of some kinds: time, action, place, element, URL."""
    for t, _, source, event in scene:
        if source != carry.MOUSE_INTERACTION:
            continue
        data = event["data"]
        action = actions.get(data.get("type"))
        if action is None:
            continue
        x, y = _at(data, "x"), _at(data, "y")
        place = (
            x,
            y,
            None if x is None else x + scene.left,
            None if y is None else y + scene.top,
        )
        node = scene.page.nodes.get(data.get("id"))
        yield t, action, *place, *element_cells(node), scene.url or None


def clicks(scene: Scene, by: Thresholds) -> Rows:
    """Yield clicks, and which are part of a rage, dead, or followed by an error.

    The rules of the catalogue's columns, `spec/capture.md` 7.
    """
    errors: list[float] = []
    rows: list[tuple[Any, ...]] = []
    plain: list[Click] = []
    changes: list[float] = []
    address = ""
    for t, kind, source, event in scene:
        if kind == 2 or source == carry.MUTATION or scene.url != address:
            address = scene.url
            changes.append(t)
        if source != carry.MOUSE_INTERACTION:
            if _is_error(kind, event):
                errors.append(t)
            continue
        data = event["data"]
        action = _CLICKS.get(data.get("type"))
        if action is None:
            continue
        node = scene.page.nodes.get(data.get("id"))
        target = interactive(node)
        x, y = _at(data, "x"), _at(data, "y")
        if action == "click":
            shown = target or node
            number = shown.id if shown is not None else data.get("id", 0)
            plain.append(
                Click(t, number, x or 0, y or 0, interactive=target is not None)
            )
        page_x = None if x is None else x + scene.left
        page_y = None if y is None else y + scene.top
        rows.append(
            (
                t,
                action,
                x,
                y,
                page_x,
                page_y,
                *element_cells(target or node),
                target is not None,
                scene.url or None,
            )
        )
    angry = {
        index
        for run in rage_clicks(
            plain,
            at_least=by.rage_at_least,
            within=by.rage_within,
            box=by.rage_box,
        )
        for index in range(run.first, run.first + run.clicks)
    }
    dead = {
        id(click)
        for click in dead_clicks(plain, changes, scene.length, within=by.dead_within)
    }
    failed = {
        id(click) for click in error_clicks(plain, errors, within=by.error_within)
    }
    number = -1
    for row in rows:
        if row[1] != "click":
            yield *row, False, False, False
            continue
        number += 1
        one = id(plain[number])
        yield *row, number in angry, one in dead, one in failed


def _is_error(kind: int, event: dict[str, Any]) -> bool:
    line = console_line(kind, event["data"]) if kind in _TOLD else None
    return line is not None and line[0] == "error"


def inputs(scene: Scene) -> Rows:
    """Yield what fields were set to."""
    for t, _, source, event in scene:
        if source == carry.INPUT:
            data = event["data"]
            node = scene.page.nodes.get(data.get("id"))
            name = None if node is None else node.attributes.get("name")
            text, checked = data.get("text"), data.get("isChecked")
            yield (
                t,
                *element_cells(node),
                name if isinstance(name, str) else None,
                text if isinstance(text, str) else None,
                checked if isinstance(checked, bool) else None,
                scene.url or None,
            )


def scrolls(scene: Scene) -> Rows:
    """Yield how far elements and documents were scrolled."""
    for t, _, source, event in scene:
        if source == carry.SCROLL:
            data = event["data"]
            node = scene.page.nodes.get(data.get("id"))
            of_document = node is not None and node is scene.page.root
            x, y = _at(data, "x"), _at(data, "y")
            yield t, x, y, of_document, *element_cells(node), scene.url or None


def moves(scene: Scene) -> Rows:
    """Yield where the pointer or finger was."""
    for t, _, source, event in scene:
        if source in {carry.MOUSE_MOVE, carry.TOUCH_MOVE, carry.DRAG}:
            for at in event["data"].get("positions") or ():
                moment = max(0.0, t + (_at(at, "timeOffset") or 0))
                node = at.get("id")
                yield (
                    moment,
                    _at(at, "x"),
                    _at(at, "y"),
                    source == carry.TOUCH_MOVE,
                    node if isinstance(node, int) else None,
                    scene.url or None,
                )


def mutations(scene: Scene) -> Rows:
    """Yield how much each change of the page changed."""
    for t, _, source, event in scene:
        if source == carry.MUTATION:
            data = event["data"]
            counts = (
                len(data.get(name) or ())
                for name in ("adds", "removes", "texts", "attributes")
            )
            yield t, *counts, scene.url or None


def pages(scene: Scene) -> Rows:
    """Yield pages, each with the time until the next one or the end."""
    pages: list[tuple[float, str]] = []
    for t, *_ in scene:
        if scene.url and (not pages or pages[-1][1] != scene.url):
            pages.append((t, scene.url))
    ends = [t for t, _ in pages[1:]] + [scene.length]
    for (t, url), end in zip(pages, ends, strict=False):
        yield t, url, round(end - t)


def viewports(scene: Scene) -> Rows:
    """Yield the sizes of the window, as they change."""
    known: tuple[float | None, float | None] = None, None
    for t, kind, source, event in scene:
        if kind == META or source == carry.VIEWPORT_RESIZE:
            data = event["data"]
            size = _at(data, "width"), _at(data, "height")
            if size != known:
                known = size
                yield t, *size, scene.url or None


def console(scene: Scene) -> Rows:
    """Yield the lines of the console."""
    for t, kind, source, event in scene:
        data = event.get("data")
        if source < 0 and isinstance(data, dict):
            line = console_line(kind, data)
            if line is not None:
                yield t, *line, scene.url or None


def errors(scene: Scene) -> Rows:
    """Yield the errors in the console."""
    for t, level, text, url in console(scene):
        if level == "error":
            yield t, text, url


def network(scene: Scene) -> Rows:
    """Yield requests, at the time they began."""
    for t, kind, source, event in scene:
        data = event.get("data")
        if source < 0 and isinstance(data, dict):
            for one in requests(kind, data, t, scene.start or 0.0):
                yield (
                    one.t,
                    one.method,
                    one.url,
                    one.status,
                    one.duration_ms,
                    one.error,
                    scene.url or None,
                )


def inactive(scene: Scene) -> Rows:
    """Yield stretches in which nobody acted."""
    activity = [t for t, kind, source, _ in scene if is_activity(kind, source)]
    for begin, end in inactive_periods(sorted(activity), scene.length):
        yield begin, round(end), round(end - begin)


def media(scene: Scene) -> Rows:
    """Yield what was done to films and sounds."""
    for t, _, source, event in scene:
        if source == carry.MEDIA:
            data = event["data"]
            node = scene.page.nodes.get(data.get("id"))
            action = _MEDIA.get(data.get("type"))
            position = _at(data, "currentTime")
            yield t, action, position, *element_cells(node), scene.url or None
