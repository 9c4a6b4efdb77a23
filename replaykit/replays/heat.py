"""Heat maps: where a page is clicked, what on it, and how far down it is seen.

Three pure functions on frames (`spec/capture.md` 6), and the two readings that make
such frames of recordings: the visitors' clicks, and their views of pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, overload

import polars as pl

from replaykit.errors import BadInput, check_option
from replaykit.ingest.rrweb_events import FULL_SNAPSHOT, META
from replaykit.replays import carry
from replaykit.replays.frames import Reading
from replaykit.replays.scene import selector_of
from replaykit.replays.signals import interactive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from replaykit.replays.scene import Scene

PageMatch: TypeAlias = Literal["exact", "pattern", "contains", "starts with"]
"""How `page` names pages: as it stands, with `*` for anything, or by a part of it."""

PAGE_MATCHES: Final = ("exact", "pattern", "contains", "starts with")

_CLICK: Final = 2
#: Depths are asked every so many px, if nobody says where.
_STEP: Final = 100


def on_page(page: str, match: PageMatch = "exact", column: str = "url") -> pl.Expr:
    """Return the condition that a row's page is among those named.

    Examples
    --------
    >>> urls = pl.DataFrame({"url": ["/home", "/home/a", "/cart"]})
    >>> urls.filter(on_page("/home*", "pattern"))["url"].to_list()
    ['/home', '/home/a']
    """
    check_option("match", match, PAGE_MATCHES)
    url = pl.col(column)
    if match == "exact":
        return url == page
    if match == "contains":
        return url.str.contains(page, literal=True)
    if match == "starts with":
        return url.str.starts_with(page)
    parts = (pl.Series([page]).str.split("*").explode()).to_list()
    return url.str.contains("(?s)^" + ".*".join(map(_quoted, parts)) + "$")


def _quoted(text: str) -> str:
    return "".join(f"\\{c}" if c in _SPECIAL else c for c in text)


_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$#&-~")


def click_map(clicks: pl.DataFrame, *, bin_px: int = 1) -> pl.DataFrame:
    """Count the clicks at each place of a page.

    Parameters
    ----------
    clicks
        `x`, `y` (px on the page), and `count` where a row stands for several clicks.
    bin_px
        Places are squares of so many px; a square is named by its upper left corner.

    Returns
    -------
    DataFrame
        `x`, `y` (the dtype given), `clicks` Int64; the most clicked first, then by `x`
        and `y`. Clicks without a place are left out.

    Examples
    --------
    >>> clicks = pl.DataFrame({"x": [12, 18, 40], "y": [5, 9, 5]})
    >>> click_map(clicks, bin_px=10).rows()
    [(10, 0, 2), (40, 0, 1)]
    """
    if bin_px < 1:
        raise BadInput(f"bin_px={bin_px} is no number of pixels; 1 is the finest.")
    place = [(pl.col(name) // bin_px * bin_px).alias(name) for name in ("x", "y")]
    return (
        clicks.drop_nulls(["x", "y"])
        .group_by(place)
        .agg(clicks=_count(clicks))
        .sort(["clicks", "x", "y"], descending=[True, False, False])
    )


def selector_map(clicks: pl.DataFrame) -> pl.DataFrame:
    """Count the clicks on each element, named by its selector.

    Parameters
    ----------
    clicks
        `selector`, `user`, and `count` where a row stands for several clicks. Rows
        without a selector are left out; rows without a user count as clicks only.

    Returns
    -------
    DataFrame
        `rank` Int64 (from 1), `selector` String, `clicks` Int64, `users` Int64; the
        most clicked first, equal ones by their selector.

    Examples
    --------
    >>> clicks = pl.DataFrame({"selector": ["#buy", "#buy", None],
    ...                        "user": ["ana", "ben", "ana"]})
    >>> selector_map(clicks).rows()
    [(1, '#buy', 2, 2)]
    """
    counted = (
        clicks.drop_nulls("selector")
        .group_by("selector")
        .agg(
            clicks=_count(clicks),
            users=pl.col("user").drop_nulls().n_unique().cast(pl.Int64),
        )
        .sort(["clicks", "selector"], descending=[True, False])
    )
    return counted.with_row_index("rank", offset=1).cast({"rank": pl.Int64})


def batched(clicks: pl.DataFrame) -> pl.DataFrame:
    """Put clicks on one place of one element in one hour together.

    Parameters
    ----------
    clicks
        `x`, `y`, `selector`, `time` (Datetime).

    Returns
    -------
    DataFrame
        `x`, `y`, `selector`, `hour` (its start, dtype of `time`), `count` Int64; by
        `hour`, then place and selector. `click_map` and `selector_map` read it too.

    Examples
    --------
    >>> from datetime import datetime
    >>> times = [datetime(2024, 7, 1, 10, minute) for minute in (5, 40)]
    >>> clicks = pl.DataFrame({"x": [1, 1], "y": [2, 2], "selector": ["#buy"] * 2,
    ...                        "time": times})
    >>> batched(clicks)["count"].to_list()
    [2]
    """
    hour = pl.col("time").dt.truncate("1h").alias("hour")
    return (
        clicks.group_by("x", "y", "selector", hour)
        .agg(count=_count(clicks))
        .sort("hour", "x", "y", "selector")
    )


def scroll_map(
    views: pl.DataFrame, depths: Iterable[float] | None = None
) -> pl.DataFrame:
    """Count the users who saw each depth of a page.

    Parameters
    ----------
    views
        `user`, `max_scroll_height`: per view, the lowest px of the page that was on
        the screen.
    depths
        At which depths, in px; by default every 100 px down to the deepest view.

    Returns
    -------
    DataFrame
        `depth_px` Float64, `users` Int64, `pct` Float64: distinct users whose deepest
        view of the page reached the depth, and their share of all its users.

    Examples
    --------
    >>> views = pl.DataFrame({"user": ["ana", "ana", "ben"],
    ...                       "max_scroll_height": [800, 2400, 600]})
    >>> scroll_map(views, [600, 601, 2500]).rows()
    [(600.0, 2, 100.0), (601.0, 1, 50.0), (2500.0, 0, 0.0)]
    """
    deepest = (
        views.drop_nulls(["user", "max_scroll_height"])
        .group_by("user")
        .agg(pl.col("max_scroll_height").max().cast(pl.Float64))
        .sort("max_scroll_height")["max_scroll_height"]
    )
    if depths is None:
        last = deepest.max()
        end = int(last) if isinstance(last, float) else 0
        depths = range(0, end + _STEP, _STEP)
    asked = pl.Series("depth_px", list(depths), dtype=pl.Float64)
    total = len(deepest)
    below = deepest.search_sorted(asked, side="left").cast(pl.Int64)
    users = (total - below).alias("users")
    share = users * 100 / total if total else users.cast(pl.Float64)
    return pl.DataFrame([asked, users, share.alias("pct")])


def average_fold(views: pl.DataFrame) -> float | None:
    """Return the mean of users' mean `viewport_height`, None without views.

    Examples
    --------
    >>> average_fold(pl.DataFrame({"user": ["ana", "ana", "ben"],
    ...                            "viewport_height": [800, 800, 600]}))
    700.0
    """
    means = (
        views.drop_nulls(["user", "viewport_height"])
        .group_by("user")
        .agg(pl.col("viewport_height").mean())
    )
    mean = means["viewport_height"].mean()
    return float(mean) if isinstance(mean, int | float) else None


def _count(clicks: pl.DataFrame) -> pl.Expr:
    several = pl.col("count").sum() if "count" in clicks.columns else pl.len()
    return several.cast(pl.Int64)


class _Window:
    """How large the window is, as the events go by."""

    def __init__(self) -> None:
        self.width = self.height = 0.0

    def follow(self, kind: int, source: int, data: dict[str, Any]) -> None:
        if kind == META or source == carry.VIEWPORT_RESIZE:
            self.width = _size(data, "width", self.width)
            self.height = _size(data, "height", self.height)


def _clicks(scene: Scene) -> Iterator[tuple[Any, ...]]:
    """Yield each click: its place on the page, its element, its window."""
    window = _Window()
    for t, kind, source, event in scene:
        data = _data(event)
        window.follow(kind, source, data)
        if source != carry.MOUSE_INTERACTION or data.get("type") != _CLICK:
            continue
        node = scene.page.nodes.get(data.get("id", 0))
        selector = selector_of(interactive(node) or node)
        x, y = _size(data, "x", None), _size(data, "y", None)
        if x is not None and y is not None:
            x, y = x + scene.left, y + scene.top
        yield t, scene.url or None, x, y, selector, window.width, window.height


def _views(scene: Scene) -> Iterator[tuple[Any, ...]]:
    """Yield each view of a page: how far down it was seen, and in what window."""
    window = _Window()
    begun, address, lowest, top = 0.0, "", 0.0, 0.0
    for t, kind, source, event in scene:
        if scene.url != address:
            if address:
                yield begun, address, window.width, window.height, lowest
            begun, address, lowest = t, scene.url, 0.0
            top = 0.0 if kind == META else top  # another address of the same document
        data = _data(event)
        window.follow(kind, source, data)
        if kind == FULL_SNAPSHOT:
            top = _size(data.get("initialOffset") or {}, "top", 0.0)
        elif source == carry.SCROLL and scene.is_document(data.get("id")):
            top = _size(data, "y", top)
        lowest = max(lowest, top + window.height)
    if address:
        yield begun, address, window.width, window.height, lowest


def _data(event: dict[str, Any]) -> dict[str, Any]:
    data = event.get("data")
    return data if isinstance(data, dict) else {}


@overload
def _size(data: dict[str, Any], name: str, otherwise: float) -> float: ...
@overload
def _size(data: dict[str, Any], name: str, otherwise: None) -> float | None: ...
def _size(data: dict[str, Any], name: str, otherwise: float | None) -> float | None:
    value = data.get(name)
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return otherwise if value is None or not known else float(value)


#: One row per click.
CLICKS: Final = Reading(
    _clicks,
    {
        "url": pl.String(),
        "x": pl.Float64(),
        "y": pl.Float64(),
        "selector": pl.String(),
        "viewport_width": pl.Float64(),
        "viewport_height": pl.Float64(),
    },
    follow_page=True,
)
#: One row per view of a page.
VIEWS: Final = Reading(
    _views,
    {
        "url": pl.String(),
        "viewport_width": pl.Float64(),
        "viewport_height": pl.Float64(),
        "max_scroll_height": pl.Float64(),
    },
    follow_page=False,
)
