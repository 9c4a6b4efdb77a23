"""Frustration signals of a recording: rage, dead clicks, clicks into an error."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from replaykit.timeline import microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.replays.nodes import Node

_BUTTON_INPUTS: Final = frozenset({"button", "submit", "reset", "image"})
_ROLES: Final = frozenset(
    [
        "button",
        "link",
        "menuitem",
        "menuitemcheckbox",
        "menuitemradio",
        "tab",
        "option",
        "switch",
        "checkbox",
        "radio",
        "treeitem",
    ]
)


@dataclass(frozen=True)
class Click:
    """One click: when, on which element, where in the window."""

    t: int | float
    element: int | str
    x: float
    y: float
    label: str = ""
    interactive: bool = False


@dataclass(frozen=True)
class Thresholds:
    """When clicks count as rage, dead or into an error; vendors differ."""

    rage_at_least: int = 4
    rage_within: str = "1s"
    rage_box: float = 50
    dead_within: str = "3s"
    error_within: str = "1s"


@dataclass(frozen=True)
class RageClick:
    """A whole run of angry clicks; its time is the first click's."""

    begin: float
    end: float
    clicks: int
    element: int | str
    label: str
    first: int


def rage_clicks(
    clicks: Sequence[Click], *, at_least: int = 4, within: str = "1s", box: float = 50
) -> list[RageClick]:
    """Find runs of quick clicks on one spot of one element.

    Each click of a run comes less than `within` after the one `at_least - 1` before it
    (or after the run's first, while the run is shorter), on the same element, and the
    whole run fits into a square of `box` pixels. Any other click starts a new run.

    Examples
    --------
    >>> clicks = [Click(t, "pay", 10, 10) for t in (0, 300, 600, 900)]
    >>> [(run.begin, run.end, run.clicks) for run in rage_clicks(clicks)]
    [(0, 900, 4)]
    """
    window = microseconds(within) / 1000
    runs: list[RageClick] = []
    begin = 0
    left = right = top = bottom = 0.0

    def close(end: int) -> None:
        if end - begin >= at_least:
            first, last = clicks[begin], clicks[end - 1]
            runs.append(
                RageClick(
                    first.t, last.t, end - begin, first.element, first.label, begin
                )
            )

    for at, click in enumerate(clicks):
        if at > begin:
            earlier = clicks[max(begin, at - at_least + 1)]
            wider = max(right, click.x) - min(left, click.x)
            higher = max(bottom, click.y) - min(top, click.y)
            if (
                click.element == clicks[begin].element
                and click.t - earlier.t < window
                and wider <= box
                and higher <= box
            ):
                left, right = min(left, click.x), max(right, click.x)
                top, bottom = min(top, click.y), max(bottom, click.y)
                continue
            close(at)
            begin = at
        left = right = click.x
        top = bottom = click.y
    close(len(clicks))
    return runs


def dead_clicks(
    clicks: Sequence[Click],
    changes_ms: Sequence[float],
    length_ms: float,
    *,
    within: str = "3s",
) -> list[Click]:
    """Find clicks on interactive elements after which nothing happened.

    Parameters
    ----------
    clicks
        In time order; those on elements that are not interactive are passed over.
    changes_ms
        Times of page changes and navigations, ascending.
    length_ms
        A click less than `within` before the end is never called dead.
    within
        How long the page has to answer. While one click waits for its answer, further
        clicks are not looked at.

    Examples
    --------
    >>> clicks = [Click(0, 1, 0, 0, interactive=True), Click(9, 1, 0, 0)]
    >>> len(dead_clicks(clicks, [4_000], 10_000)), len(dead_clicks(clicks, [5], 10_000))
    (1, 0)
    """
    window = microseconds(within) / 1000
    dead: list[Click] = []
    busy_until = float("-inf")
    for click in clicks:
        if not click.interactive or click.t < busy_until:
            continue
        at = bisect_left(changes_ms, click.t)
        if at < len(changes_ms) and changes_ms[at] - click.t <= window:
            busy_until = changes_ms[at]
            continue
        busy_until = click.t + window
        if busy_until <= length_ms:
            dead.append(click)
    return dead


def error_clicks(
    clicks: Sequence[Click], errors_ms: Sequence[float], *, within: str = "1s"
) -> list[Click]:
    """Find clicks that an error followed within the given time.

    Examples
    --------
    >>> len(error_clicks([Click(0, 1, 0, 0)], [400])), len(error_clicks([], [400]))
    (1, 0)
    """
    window = microseconds(within) / 1000
    found = []
    for click in clicks:
        at = bisect_left(errors_ms, click.t)
        if at < len(errors_ms) and errors_ms[at] - click.t <= window:
            found.append(click)
    return found


def interactive(node: Node | None) -> Node | None:
    """Return the nearest element, from `node` up, that is made to be clicked.

    Links that open a new tab do not count: what they do happens elsewhere.
    """
    while node is not None:
        if node.tag:
            attributes = node.attributes
            if node.tag == "a" and "href" in attributes:
                return None if attributes.get("target") == "_blank" else node
            kind = str(attributes.get("type", "")).lower()
            if (
                node.tag in {"button", "summary"}
                or (node.tag == "input" and kind in _BUTTON_INPUTS)
                or str(attributes.get("role", "")).lower() in _ROLES
            ):
                return node
        node = node.parent or node.host
    return None
