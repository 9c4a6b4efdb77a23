"""What recorders say in plugin and custom events: console, requests, addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from replaykit.errors import BadRecording
from replaykit.ingest.rrweb_json import loads

if TYPE_CHECKING:
    from collections.abc import Iterator

_CUSTOM: Final = 5
_PLUGIN: Final = 6
_TEXT_LIMIT: Final = 2_000
_SOURCE_LIMIT: Final = 500
#: A file and a line, perhaps a column, at the end of a line of a trace.
_PLACE: Final = re.compile(r"([^\s()@]{1,2000}:\d{1,9}(?::\d{1,9})?)\)?\s*$")
#: The site of a page's address.
_SITE: Final = re.compile(r"https?://[^/?#\s]{1,300}", re.IGNORECASE)
_LEVELS: Final = {"assert": "error", "warning": "warn", "trace": "log", "dir": "log"}
_FAILED_STATUS: Final = 400
#: Epoch milliseconds start about here; smaller numbers are times since page load.
_EPOCH_MS: Final = 10**11


@dataclass(frozen=True)
class Request:
    """One network request of the recorded page."""

    t: int | float
    method: str
    url: str
    status: int | None
    duration_ms: int | float | None
    error: bool

    def label(self) -> str:
        """Return one line: method, address, status."""
        status = self.status or "failed"
        return f"{self.method} {self.url[:150]} {status}"

    def as_row(self) -> dict[str, Any]:
        """Return the row of the network panel."""
        return {
            "t": self.t,
            "method": self.method,
            "url": self.url,
            "status": self.status,
            "duration_ms": self.duration_ms,
            "error": self.error,
        }


def console_line(kind: int, data: dict[str, Any]) -> tuple[str, str] | None:
    """Return (level, text) if the event is a console line.

    Understands rrweb's console plugin and Sentry's console breadcrumbs.

    Examples
    --------
    >>> payload = {"level": "error", "payload": ['"Payment failed"'], "trace": []}
    >>> console_line(6, {"plugin": "rrweb/console@1", "payload": payload})
    ('error', 'Payment failed')
    """
    payload = data.get("payload")
    if not isinstance(payload, dict):
        return None
    if kind == _PLUGIN and str(data.get("plugin", "")).startswith("rrweb/console"):
        level = str(payload.get("level", "log"))
        words = payload.get("payload")
        text = (
            " ".join(_plain(word) for word in words) if isinstance(words, list) else ""
        )
    elif kind == _CUSTOM and data.get("tag") == "breadcrumb":
        if payload.get("category") != "console":
            return None
        level = str(payload.get("level", "log"))
        text = str(payload.get("message", ""))
    else:
        return None
    return _LEVELS.get(level, level), text[:_TEXT_LIMIT]


def console_source(kind: int, data: dict[str, Any]) -> str:
    """Return where a console line was written from, as recorded: `file:line:column`.

    An empty text if the recorder did not tell. The first line of the trace that names a
    place counts: rrweb's plugin leaves its own out.

    Examples
    --------
    >>> trace = ["pay (https://shop.test/basket.js:1:2345)", "https://shop.test/a.js:7"]
    >>> payload = {"level": "log", "trace": trace}
    >>> console_source(6, {"plugin": "rrweb/console@1", "payload": payload})
    'https://shop.test/basket.js:1:2345'
    """
    payload = data.get("payload")
    trace = payload.get("trace") if isinstance(payload, dict) else None
    if kind != _PLUGIN or not isinstance(trace, list):
        return ""
    for line in trace:
        found = _PLACE.search(line) if isinstance(line, str) else None
        if found is not None:
            return found[1][:_SOURCE_LIMIT]
    return ""


def _plain(word: object) -> str:
    """Undo the quoting of one logged value; objects stay as they were written."""
    if not isinstance(word, str):
        return str(word)
    if word[:1] == '"':
        try:
            inner = loads(word)
        except BadRecording:
            return word  # the recorder cuts long values, so this is common
        if isinstance(inner, str):
            return inner
    return word


def page_change(kind: int, data: dict[str, Any]) -> tuple[str, str] | None:
    """Return (address, title) if the event says where the visitor went.

    Understands Amplitude's plugin, PostHog's page views and Sentry's breadcrumbs, whose
    addresses may be paths (`address_on`).
    """
    payload = data.get("payload")
    if not isinstance(payload, dict):
        return None
    if kind == _CUSTOM and data.get("tag") == "breadcrumb":
        details = payload.get("data")
        if payload.get("category") != "navigation" or not isinstance(details, dict):
            return None
        to = details.get("to")
        return (to, "") if isinstance(to, str) and to else None
    tracked = kind == _PLUGIN and "url-tracking" in str(data.get("plugin", ""))
    viewed = kind == _CUSTOM and data.get("tag") in {"$pageview", "$url_changed"}
    href = payload.get("href")
    if (tracked or viewed) and isinstance(href, str):
        return href, str(payload.get("title") or "")
    return None


def address_on(page: str, address: str) -> str:
    """Return the whole of an address that may be a path on the site of a page.

    Examples
    --------
    >>> address_on("https://shop.test/a?b", "/cart"), address_on("", "/cart")
    ('https://shop.test/cart', '/cart')
    """
    site = _SITE.match(page)
    path = address.startswith("/") and not address.startswith("//")
    return f"{site[0]}{address}" if site is not None and path else address


def requests(
    kind: int, data: dict[str, Any], t: float, start: float
) -> Iterator[Request]:
    """Yield the network requests that an event reports, at the time they began.

    Understands Amplitude's `fetch-request`, rrweb's and PostHog's network plugin and
    Sentry's performance spans.
    """
    payload = data.get("payload")
    if not isinstance(payload, dict):
        return
    if kind == _CUSTOM and data.get("tag") == "fetch-request":
        yield _request(payload, payload.get("url"), t, start)
    elif kind == _CUSTOM and data.get("tag") == "performanceSpan":
        if str(payload.get("op", "")).startswith(("resource.fetch", "resource.xhr")):
            yield _span(payload, t, start)
    elif kind == _PLUGIN and "network@" in str(data.get("plugin", "")):
        for entry in payload.get("requests") or ():
            if isinstance(entry, dict) and entry.get("entryType") in {None, "resource"}:
                yield _request(entry, entry.get("url") or entry.get("name"), t, start)


def _request(entry: dict[str, Any], url: object, t: float, start: float) -> Request:
    status = _number(entry.get("status", entry.get("responseStatus")))
    duration = _number(entry.get("duration"))
    if duration is None:
        begun, ended = _number(entry.get("startTime")), _number(entry.get("endTime"))
        if begun is not None and ended is not None:
            duration = ended - begun
    at = _number(entry.get("timestamp"))
    if at is not None and at > _EPOCH_MS:
        t = max(0.0, at - start)
    elif duration is not None:
        t = max(0.0, t - duration)
    failed = bool(entry.get("error")) or (status or 0) >= _FAILED_STATUS
    return Request(
        t,
        str(entry.get("method") or "GET").upper(),
        str(url or "")[:_TEXT_LIMIT],
        int(status) if status else None,
        duration,
        failed,
    )


def _span(payload: dict[str, Any], t: float, start: float) -> Request:
    begun, ended = (
        _number(payload.get(key)) for key in ("startTimestamp", "endTimestamp")
    )
    details = payload.get("data")
    details = details if isinstance(details, dict) else {}
    status = _number(details.get("statusCode"))
    duration = None
    if begun is not None:
        t = max(0.0, begun * 1000 - start)
        duration = (ended - begun) * 1000 if ended is not None else None
    return Request(
        t,
        str(details.get("method") or "GET"),
        str(payload.get("description") or "")[:_TEXT_LIMIT],
        int(status) if status else None,
        duration,
        (status or 0) >= _FAILED_STATUS,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value
