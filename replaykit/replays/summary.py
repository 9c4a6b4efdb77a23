"""What a player and a list want to know of a recording, gathered as it is read."""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from msgspec import Struct, convert

from replaykit.errors import BadRecording
from replaykit.replays import carry
from replaykit.replays.inactivity import inactive_periods, is_activity
from replaykit.replays.nodes import Node, text_of
from replaykit.replays.plugins import (
    Request,
    address_on,
    console_line,
    console_source,
    page_change,
    requests,
)
from replaykit.replays.signals import Click, dead_clicks, interactive, rage_clicks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.replays.dom import Page

#: More of these than a panel can show are counted, not kept.
MAX_CONSOLE: Final = 5_000
MAX_REQUESTS: Final = 5_000
MAX_PAGES: Final = 2_000
MAX_MARKS: Final = 2_000

#: Different addresses of one recording that can be searched for.
MAX_URLS: Final = 10_000
DENSITY_BINS: Final = 240
ACTIVITY_BINS: Final = 48
#: A silence without so much as a mutation is a gap only if it also lost data; see
#: `Observer.lost`.
_META: Final = 4
_CLICK: Final = 2
_TEXT_LIMIT: Final = 2_000
#: How times are packed: as steps from one whole number to the next, or as they are.
_WHOLE: Final = b"i"
_FRACTIONS: Final = b"f"
_LONGEST_STEP: Final = 2**31


@dataclass(frozen=True)
class Observed:
    """What an observer saw and its summary does not say. Times are packed."""

    start: int | float
    clicks: list[Click]
    counts: dict[str, int]
    urls: list[str]
    errors: bytes
    changes: bytes
    activity: bytes


class Shown(Struct):
    """What a summary repeats as it was seen."""

    pages: list[dict[str, int | float | str]]
    console: list[dict[str, int | float | str]]
    network: list[Request]
    agent: str | None
    width: int
    height: int


class Observer:
    """Watches events go by and sums them up; `summary` is valid at any time."""

    def __init__(
        self, *, inactive_after: str = "10s", rage: dict[str, Any] | None = None
    ) -> None:
        """Start before the first event.

        Parameters
        ----------
        inactive_after
            Threshold of an inactive period.
        rage
            Thresholds of `rage_clicks`.
        """
        self.start: float = 0.0
        self.clicks: list[Click] = []
        self.counts: Counter[str] = Counter()
        self.pages: list[dict[str, Any]] = []
        #: Every address seen, once, in order; also those past the last kept page.
        self.urls: dict[str, None] = {}
        self.console: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self.errors = array("d")
        self.changes = array("d")
        self.activity = array("d")
        self.agent: str | None = None
        self.width = 0
        self.height = 0
        self.gaps: list[tuple[float, float]] = []
        self._inactive_after = inactive_after
        self._rage = rage or {}

    def begin(self, timestamp: float) -> None:
        """Set the recording's zero."""
        self.start = timestamp

    def observe(
        self, kind: int, source: int, timestamp: float, data: Any, page: Page
    ) -> None:
        """Take note of one event that was applied to the page."""
        t = timestamp - self.start
        if kind == 3:
            if is_activity(kind, source):
                if source == carry.MOUSE_INTERACTION and data["type"] == _CLICK:
                    self._click(t, data, page)  # which fails as a whole
                self.activity.append(t)
            elif source == carry.MUTATION:
                self.changes.append(t)
            return
        if kind == 2:
            self.changes.append(t)
            title = page_title(page.root)
            if self.pages and title:
                self.pages[-1]["title"] = title
            return
        if kind == _META:
            self._page(t, data.get("href"), "")
            if not self.width:
                self.width = _size(data.get("width"))
                self.height = _size(data.get("height"))
            return
        self._extra(kind, t, data)

    def _click(self, t: float, data: dict[str, Any], page: Page) -> None:
        node = page.nodes.get(data["id"])
        target = interactive(node)
        shown = target or node
        self.clicks.append(
            Click(
                t,
                shown.id if shown is not None else data["id"],
                float(data.get("x") or 0),
                float(data.get("y") or 0),
                label_of(shown) if shown is not None else "",
                interactive=target is not None,
            )
        )
        self.counts["clicks"] += 1

    def _page(self, t: float, url: object, title: str) -> None:
        if not isinstance(url, str) or not url:
            return
        url = address_on(self.pages[-1]["url"] if self.pages else "", url)
        if self.pages and self.pages[-1]["url"] == url:
            if title:
                self.pages[-1]["title"] = title
            return
        self.counts["pages"] += 1
        self.changes.append(t)
        if len(self.urls) < MAX_URLS:
            # One line each, wherever they are kept.
            self.urls[" ".join(url[:_TEXT_LIMIT].splitlines())] = None
        if len(self.pages) < MAX_PAGES:
            page = {"t": t, "url": url[:_TEXT_LIMIT], "title": title[:_TEXT_LIMIT]}
            self.pages.append(page)

    def _extra(self, kind: int, t: float, data: Any) -> None:
        """Read what plugins and custom events say: console, network, addresses."""
        if not isinstance(data, dict):
            return
        line = console_line(kind, data)
        if line is not None:
            level, text = line
            if level == "error":
                self.counts["errors"] += 1
                self.errors.append(t)
            if len(self.console) < MAX_CONSOLE:
                line_at = {"t": t, "level": level, "text": text}
                source = console_source(kind, data)
                self.console.append(
                    {**line_at, "source": source} if source else line_at
                )
            return
        change = page_change(kind, data)
        if change is not None:
            self._page(t, *change)
            return
        for request in requests(kind, data, t, self.start):
            if request.error:
                self.counts["failed_requests"] += 1
            if len(self.requests) < MAX_REQUESTS:
                self.requests.append(request)
        if self.agent is None:
            self.agent = _agent(data)

    # -- going on later

    def state(self) -> Observed:
        """Return what `resume` needs beside the summary."""
        return Observed(
            self.start,
            self.clicks,
            dict(self.counts),
            list(self.urls),
            *(packed_times(t) for t in (self.errors, self.changes, self.activity)),
        )

    def resume(self, earlier: Observed, summary: Mapping[str, Any]) -> None:
        """Go on after what was observed earlier, with the summary it gave.

        Raises
        ------
        BadRecording
            If they do not hold what this class puts there.
        """
        try:
            shown = convert(summary, Shown)
            self.errors, self.changes, self.activity = (
                unpacked_times(t)
                for t in (earlier.errors, earlier.changes, earlier.activity)
            )
        except (ValueError, zlib.error) as error:
            message = "What was observed of a stored recording cannot be read."
            raise BadRecording(message) from error
        self.start = earlier.start
        self.clicks = list(earlier.clicks)
        self.counts = Counter(earlier.counts)
        self.urls = dict.fromkeys(earlier.urls)
        self.pages, self.console = shown.pages, shown.console
        self.requests = shown.network
        self.agent, self.width, self.height = shown.agent, shown.width, shown.height

    # -- the result

    def summary(self, length: float, warnings: Counter[str]) -> dict[str, Any]:
        """Return the player's part of the recording, times in ms from its start."""
        rage = rage_clicks(self.clicks, **self._rage)
        changes = sorted(self.changes)
        dead = dead_clicks(self.clicks, changes, length)
        inactive = inactive_periods(sorted(self.activity), length)
        if self._inactive_after != "10s":
            inactive = inactive_periods(
                sorted(self.activity), length, longer_than=self._inactive_after
            )
        marks: list[dict[str, Any]] = [
            *(
                {"t": r.begin, "kind": "rage", "label": r.label, "count": r.clicks}
                for r in rage
            ),
            *({"t": c.t, "kind": "dead", "label": c.label, "count": 1} for c in dead),
            *(
                {
                    "t": line["t"],
                    "kind": "error",
                    "label": line["text"][:200],
                    "count": 1,
                }
                for line in self.console
                if line["level"] == "error"
            ),
            *(
                {"t": r.t, "kind": "request", "label": r.label(), "count": 1}
                for r in self.requests
                if r.error
            ),
        ]
        marks.sort(key=lambda mark: mark["t"])
        return {
            "pages": self.pages,
            "inactive": [list(period) for period in inactive],
            "gaps": [list(gap) for gap in self.gaps],
            "marks": marks[:MAX_MARKS],
            "console": self.console,
            "network": [r.as_row() for r in sorted(self.requests, key=lambda r: r.t)],
            "density": self._bins(length, DENSITY_BINS),
            "activity": self._bins(length, ACTIVITY_BINS),
            "width": self.width,
            "height": self.height,
            "agent": self.agent,
            "counts": {
                "clicks": self.counts["clicks"],
                "rage_clicks": len(rage),
                "dead_clicks": len(dead),
                "errors": self.counts["errors"],
                "failed_requests": self.counts["failed_requests"],
                "pages": self.counts["pages"],
                "inactive_ms": int(sum(end - begin for begin, end in inactive)),
            },
            "warnings": [
                f"{what}: {count:,}" for what, count in sorted(warnings.items())
            ],
        }

    def _bins(self, length: float, bins: int) -> list[int]:
        """Count the visitor's events per equal stretch, scaled to 0..255."""
        times = np.frombuffer(self.activity, dtype=np.float64)
        if not len(times):
            return [0] * bins
        counts, _ = np.histogram(times, bins=bins, range=(0.0, max(length, 1.0)))
        # Mouse moves outnumber clicks by far: a square root keeps quiet bins visible.
        scaled = np.sqrt(counts / counts.max()) * 255
        return [int(value) for value in np.ceil(scaled)]


def packed_times(times: array[float]) -> bytes:
    """Pack times in ms: nearly always whole ones that grow slowly.

    Examples
    --------
    >>> unpacked_times(packed_times(array("d", [1, 2.5]))).tolist()
    [1.0, 2.5]
    """
    values = np.frombuffer(times, dtype=np.float64)
    whole = values.astype(np.int64)
    steps = np.diff(whole, prepend=0)
    if (whole == values).all() and (abs(steps) < _LONGEST_STEP).all():
        return _WHOLE + zlib.compress(steps.astype("<i4").tobytes(), 1)
    return _FRACTIONS + zlib.compress(values.astype("<f8").tobytes(), 1)


def unpacked_times(packed: bytes) -> array[float]:
    """Return what `packed_times` was given.

    Raises
    ------
    ValueError, zlib.error
        If it was given nothing of the kind.
    """
    kind, raw = packed[:1], zlib.decompress(packed[1:])
    if kind == _WHOLE:
        values = np.cumsum(np.frombuffer(raw, dtype="<i4"), dtype=np.int64)
    elif kind == _FRACTIONS:
        values = np.frombuffer(raw, dtype="<f8")
    else:
        raise ValueError(kind)
    return array("d", values.astype(np.float64).tobytes())


def page_title(root: Node | None) -> str:
    """Return the text of a document's title element, or an empty string."""
    if root is None:
        return ""
    for html in root.children():
        for head in html.children():
            if head.tag == "head":
                for child in head.children():
                    if child.tag == "title":
                        return text_of(child, 200)
    return ""


def label_of(node: Node) -> str:
    """Name an element as a reader would: its text, else what it calls itself.

    Examples
    --------
    >>> label_of(Node({"id": 1, "type": 2, "tagName": "input",
    ...                "attributes": {"placeholder": "Coupon"}}))
    'Coupon'
    """
    text = text_of(node, 60)
    if text:
        return text
    attributes = node.attributes
    for name in ("aria-label", "title", "alt", "placeholder", "name", "id"):
        value = attributes.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:60]
    return f"<{node.tag}>" if node.tag else ""


def _agent(data: dict[str, Any]) -> str | None:
    payload = data.get("payload")
    if isinstance(payload, dict):
        for key in ("userAgent", "user_agent", "ua"):
            value = payload.get(key)
            if isinstance(value, str):
                return value[:500]
    return None


def _size(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 10**6 else 0
