"""What recordings say, as frames: clicks, inputs, scrolls, requests and the rest.

Every frame begins with the same columns: `replay_id` String, `time_ms` Int64 (position
in ms from the recording's first event) and `time` Datetime("us", "UTC") (the recorder's
clock). Nothing is capped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import polars as pl
from tqdm.auto import tqdm

from replaykit.errors import check_option
from replaykit.replays import carry
from replaykit.replays.inactivity import inactive_periods, is_activity
from replaykit.replays.plugins import console_line, requests
from replaykit.replays.reducer import META
from replaykit.replays.scene import Scene, selector_of
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
    from collections.abc import Iterable

    from replaykit.replays.nodes import Node
    from replaykit.replays.scene import Stored

FrameKind: TypeAlias = Literal[
    "clicks",
    "focus",
    "inputs",
    "scrolls",
    "moves",
    "touches",
    "mutations",
    "pages",
    "viewports",
    "console",
    "network",
    "errors",
    "inactive",
    "media",
]
"""What a frame of recordings can hold."""

Rows: TypeAlias = Iterator[tuple[Any, ...]]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Plugins' and custom events, which may hold a line of the console.
_TOLD: Final = frozenset({5, 6})
_CLICKS: Final = {2: "click", 3: "context menu", 4: "double click"}
_FOCUS: Final = {5: "focus", 6: "blur"}
_TOUCHES: Final = {7: "start", 9: "end", 10: "cancel"}
_MEDIA: Final = {0: "play", 1: "pause", 2: "seek", 3: "volume", 4: "rate"}

_TEXT: Final = pl.String()
_NUMBER: Final = pl.Int64()
_SIZE: Final = pl.Float64()
_FLAG: Final = pl.Boolean()
ELEMENT_COLUMNS: Final[dict[str, pl.DataType]] = {
    "node": _NUMBER,
    "tag": _TEXT,
    "selector": _TEXT,
    "label": _TEXT,
}


class Reading(NamedTuple):
    """How one frame is read: rows that begin with a time, and their columns."""

    read: Callable[[Scene], Rows]
    columns: dict[str, pl.DataType]
    follow_page: bool


def frame(
    recordings: Stored, replay_ids: Iterable[str], kind: FrameKind, *, progress: bool
) -> pl.DataFrame:
    """Read one kind of happening from recordings, one row each, in time order.

    Parameters
    ----------
    recordings
        The store.
    replay_ids
        Which recordings, in the order of the result.
    kind
        What to read (`FrameKind`).
    progress
        Show a bar while reading.

    Examples
    --------
    >>> from replaykit.replays.build import add_events
    >>> from replaykit.store.recordings import Recordings
    >>> meta = {"href": "https://shop.test/", "width": 800, "height": 600}
    >>> stored = Recordings()
    >>> _ = add_events(stored, "d1/7", [{"type": 4, "data": meta, "timestamp": 7_000}])
    >>> pages = frame(stored, ["d1/7"], "pages", progress=False)
    >>> pages.select("replay_id", "time_ms", "url").rows()
    [('d1/7', 0, 'https://shop.test/')]
    """
    check_option("kind", kind, tuple(_KINDS))
    return gather(recordings, replay_ids, _KINDS[kind], progress=progress)


def gather(
    recordings: Stored, replay_ids: Iterable[str], how: Reading, *, progress: bool
) -> pl.DataFrame:
    """Read recordings one after the other; see `frame`."""
    schema = {
        "replay_id": _TEXT,
        "time_ms": _NUMBER,
        "time": pl.Datetime("us", "UTC"),
        **how.columns,
    }
    found: list[pl.DataFrame] = []
    for replay_id in tqdm(
        list(replay_ids),
        disable=not progress,
        unit="replay",
        leave=False,
        delay=0.5,
    ):
        scene = Scene(recordings, replay_id, follow_page=how.follow_page)
        rows = list(how.read(scene))
        rows.sort(key=_moment)
        start = _EPOCH + timedelta(milliseconds=scene.start or 0.0)
        stamped = [
            (replay_id, int(t), start + timedelta(milliseconds=t), *rest)
            for t, *rest in rows
        ]
        found.append(pl.DataFrame(stamped, schema=schema, orient="row"))
    return pl.concat(found) if found else pl.DataFrame(schema=schema)


def _moment(row: tuple[Any, ...]) -> float:
    t: float = row[0]
    return t


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


def _interactions(scene: Scene, actions: dict[int, str]) -> Rows:
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


def clicks(thresholds: Thresholds) -> Reading:
    """Return how clicks are read, flagged by these thresholds."""
    return Reading(
        lambda scene: _clicks(scene, thresholds), _CLICK_COLUMNS, follow_page=True
    )


def _clicks(scene: Scene, by: Thresholds) -> Rows:
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


def _inputs(scene: Scene) -> Rows:
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


def _scrolls(scene: Scene) -> Rows:
    for t, _, source, event in scene:
        if source == carry.SCROLL:
            data = event["data"]
            node = scene.page.nodes.get(data.get("id"))
            of_document = node is not None and node is scene.page.root
            x, y = _at(data, "x"), _at(data, "y")
            yield t, x, y, of_document, *element_cells(node), scene.url or None


def _moves(scene: Scene) -> Rows:
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


def _mutations(scene: Scene) -> Rows:
    for t, _, source, event in scene:
        if source == carry.MUTATION:
            data = event["data"]
            counts = (
                len(data.get(name) or ())
                for name in ("adds", "removes", "texts", "attributes")
            )
            yield t, *counts, scene.url or None


def _pages(scene: Scene) -> Rows:
    """Yield pages, each with the time until the next one or the end."""
    pages: list[tuple[float, str]] = []
    for t, *_ in scene:
        if scene.url and (not pages or pages[-1][1] != scene.url):
            pages.append((t, scene.url))
    ends = [t for t, _ in pages[1:]] + [scene.length]
    for (t, url), end in zip(pages, ends, strict=False):
        yield t, url, round(end - t)


def _viewports(scene: Scene) -> Rows:
    known: tuple[float | None, float | None] = None, None
    for t, kind, source, event in scene:
        if kind == META or source == carry.VIEWPORT_RESIZE:
            data = event["data"]
            size = _at(data, "width"), _at(data, "height")
            if size != known:
                known = size
                yield t, *size, scene.url or None


def _console(scene: Scene) -> Rows:
    for t, kind, source, event in scene:
        data = event.get("data")
        if source < 0 and isinstance(data, dict):
            line = console_line(kind, data)
            if line is not None:
                yield t, *line, scene.url or None


def _errors(scene: Scene) -> Rows:
    for t, level, text, url in _console(scene):
        if level == "error":
            yield t, text, url


def _network(scene: Scene) -> Rows:
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


def _inactive(scene: Scene) -> Rows:
    activity = [t for t, kind, source, _ in scene if is_activity(kind, source)]
    for begin, end in inactive_periods(sorted(activity), scene.length):
        yield begin, round(end), round(end - begin)


def _media(scene: Scene) -> Rows:
    for t, _, source, event in scene:
        if source == carry.MEDIA:
            data = event["data"]
            node = scene.page.nodes.get(data.get("id"))
            action = _MEDIA.get(data.get("type"))
            position = _at(data, "currentTime")
            yield t, action, position, *element_cells(node), scene.url or None


_POINTER: Final[dict[str, pl.DataType]] = {
    "action": _TEXT,
    "x": _SIZE,
    "y": _SIZE,
    "page_x": _SIZE,
    "page_y": _SIZE,
    **ELEMENT_COLUMNS,
}
_URL: Final[dict[str, pl.DataType]] = {"url": _TEXT}

_CLICK_COLUMNS: Final[dict[str, pl.DataType]] = {
    **_POINTER,
    "interactive": _FLAG,
    **_URL,
    **dict.fromkeys(("rage", "dead", "error"), _FLAG),
}

_KINDS: Final[dict[str, Reading]] = {
    "clicks": clicks(Thresholds()),
    "focus": Reading(
        lambda scene: _interactions(scene, _FOCUS),
        {**_POINTER, **_URL},
        follow_page=True,
    ),
    "inputs": Reading(
        _inputs,
        {**ELEMENT_COLUMNS, "name": _TEXT, "value": _TEXT, "checked": _FLAG, **_URL},
        follow_page=True,
    ),
    "scrolls": Reading(
        _scrolls,
        {"x": _SIZE, "y": _SIZE, "of_document": _FLAG, **ELEMENT_COLUMNS, **_URL},
        follow_page=True,
    ),
    "moves": Reading(
        _moves,
        {"x": _SIZE, "y": _SIZE, "touch": _FLAG, "node": _NUMBER, **_URL},
        follow_page=False,
    ),
    "touches": Reading(
        lambda scene: _interactions(scene, _TOUCHES),
        {**_POINTER, **_URL},
        follow_page=True,
    ),
    "mutations": Reading(
        _mutations,
        {
            **dict.fromkeys(("added", "removed", "texts", "attributes"), _NUMBER),
            **_URL,
        },
        follow_page=False,
    ),
    "pages": Reading(_pages, {"url": _TEXT, "length_ms": _NUMBER}, follow_page=False),
    "viewports": Reading(
        _viewports, {"width": _SIZE, "height": _SIZE, **_URL}, follow_page=False
    ),
    "console": Reading(
        _console, {"level": _TEXT, "text": _TEXT, **_URL}, follow_page=False
    ),
    "network": Reading(
        _network,
        {
            "method": _TEXT,
            "request": _TEXT,
            "status": _NUMBER,
            "duration_ms": _SIZE,
            "failed": _FLAG,
            **_URL,
        },
        follow_page=False,
    ),
    "errors": Reading(_errors, {"text": _TEXT, **_URL}, follow_page=False),
    "inactive": Reading(
        _inactive, {"end_ms": _NUMBER, "length_ms": _NUMBER}, follow_page=False
    ),
    "media": Reading(
        _media,
        {"action": _TEXT, "position_s": _SIZE, **ELEMENT_COLUMNS, **_URL},
        follow_page=True,
    ),
}
