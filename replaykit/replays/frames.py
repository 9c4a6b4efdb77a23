"""What recordings say, as frames: clicks, inputs, scrolls, requests and the rest.

Every frame begins with the same columns: `replay_id` String, `time_ms` Int64 (position
in ms from the recording's first event) and `time` Datetime("us", "UTC") (the recorder's
clock). Nothing is capped.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import polars as pl

from replaykit.errors import check_option
from replaykit.progress import over
from replaykit.replays import frame_rows
from replaykit.replays.scene import Scene
from replaykit.replays.signals import Thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from replaykit.replays.frame_rows import Rows
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

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

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
    for replay_id in over(replay_ids, "recordings", unit="replay", shown=progress):
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


def clicks(thresholds: Thresholds) -> Reading:
    """Return how clicks are read, flagged by these thresholds."""
    return Reading(
        lambda scene: frame_rows.clicks(scene, thresholds),
        _CLICK_COLUMNS,
        follow_page=True,
    )


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
        lambda scene: frame_rows.interactions(scene, frame_rows.FOCUS),
        {**_POINTER, **_URL},
        follow_page=True,
    ),
    "inputs": Reading(
        frame_rows.inputs,
        {**ELEMENT_COLUMNS, "name": _TEXT, "value": _TEXT, "checked": _FLAG, **_URL},
        follow_page=True,
    ),
    "scrolls": Reading(
        frame_rows.scrolls,
        {"x": _SIZE, "y": _SIZE, "of_document": _FLAG, **ELEMENT_COLUMNS, **_URL},
        follow_page=True,
    ),
    "moves": Reading(
        frame_rows.moves,
        {"x": _SIZE, "y": _SIZE, "touch": _FLAG, "node": _NUMBER, **_URL},
        follow_page=False,
    ),
    "touches": Reading(
        lambda scene: frame_rows.interactions(scene, frame_rows.TOUCHES),
        {**_POINTER, **_URL},
        follow_page=True,
    ),
    "mutations": Reading(
        frame_rows.mutations,
        {
            **dict.fromkeys(("added", "removed", "texts", "attributes"), _NUMBER),
            **_URL,
        },
        follow_page=False,
    ),
    "pages": Reading(
        frame_rows.pages, {"url": _TEXT, "length_ms": _NUMBER}, follow_page=False
    ),
    "viewports": Reading(
        frame_rows.viewports,
        {"width": _SIZE, "height": _SIZE, **_URL},
        follow_page=False,
    ),
    "console": Reading(
        frame_rows.console, {"level": _TEXT, "text": _TEXT, **_URL}, follow_page=False
    ),
    "network": Reading(
        frame_rows.network,
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
    "errors": Reading(frame_rows.errors, {"text": _TEXT, **_URL}, follow_page=False),
    "inactive": Reading(
        frame_rows.inactive,
        {"end_ms": _NUMBER, "length_ms": _NUMBER},
        follow_page=False,
    ),
    "media": Reading(
        frame_rows.media,
        {"action": _TEXT, "position_s": _SIZE, **ELEMENT_COLUMNS, **_URL},
        follow_page=True,
    ),
}
