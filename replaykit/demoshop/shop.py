"""The shop's server: its pages and the answers of its interface.

`python -m replaykit.demoshop.shop` serves the shop at http://127.0.0.1:8040 to click
through. The recorder asks the same `Shop` without a network in between.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from replaykit.demoshop import stories
from replaykit.demoshop.catalogue import Query, catalogue, catalogue_bytes, found
from replaykit.errors import MissingFile

if TYPE_CHECKING:
    from collections.abc import Mapping

SITE: Final = Path(__file__).with_name("site")
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
#: Addresses that several views share one document for.
_DOCUMENTS: Final = {
    "cart": "checkout.html",
    "checkout": "checkout.html",
    "account": "account.html",
}
#: Cards that end so are declined.
DECLINED_CARD: Final = "0002"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and after how many milliseconds the shop gives it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    delay_ms: int = 0


@dataclass(slots=True)
class Shop:
    """The server's side of the shop.

    Parameters
    ----------
    seed
        Of the small differences in how long answers take.
    people
        Who can log in: e-mail -> what the page may know of them.

    Examples
    --------
    >>> shop = Shop(seed=1)
    >>> shop.answer("POST", "/api/coupon", {"code": "SPRING15"}).status
    422
    >>> shop.answer("POST", "/api/coupon", {"code": "SPRING15", "cart": "1"}).status
    200
    """

    seed: int = 0
    people: Mapping[str, dict[str, str]] = field(default_factory=dict)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Seed the shop's moods."""
        self._random = random.Random(self.seed)

    def answer(self, method: str, url: str, body: Mapping[str, object]) -> Reply:
        """Answer one request for a page, a file or the interface."""
        parts = urlsplit(url)
        match method, parts.path.strip("/").split("/"):
            case "GET", ["api", "catalogue"]:
                return Reply(200, catalogue_bytes(), delay_ms=self._quick(90))
            case "GET", ["api", "search"]:
                return self._search(parse_qs(parts.query).get("q", [""])[0])
            case "POST", ["api", "coupon"]:
                return self._coupon(body)
            case "POST", ["api", "orders"]:
                declined = body.get("last") == DECLINED_CARD
                status, word = (402, "declined") if declined else (201, "paid")
                return self._json(status, {"state": word}, self._quick(900))
            case "POST", ["api", ("login" | "account") as door]:
                return self._person(door, str(body.get("email", "")))
            case "POST", ["api", _]:
                return Reply(204, b"", delay_ms=self._quick(80))
            case _, [first, *_]:
                return _file(first)
        return self._json(405, {"state": "no such thing"}, 0)

    def _search(self, query: str) -> Reply:
        """Find by words; more than one word scans every text, slowly."""
        delay = (
            self._random.randint(*stories.SLOW_MS)
            if Query(query.strip(), 0).slow
            else self._quick(stories.FAST_MS)
        )
        return self._json(200, {"found": found(query)}, delay)

    def _coupon(self, body: Mapping[str, object]) -> Reply:
        code = str(body.get("code", ""))
        known = catalogue()
        if not body.get("cart"):
            return self._refuse("cart_missing")
        if code in known.expired_coupons:
            return self._refuse("expired")
        if code not in known.coupons:
            return self._refuse("unknown")
        return self._json(200, {"share": known.coupons[code]}, self._quick(260))

    def _refuse(self, reason: str) -> Reply:
        return self._json(422, {"reason": reason}, self._quick(240))

    def _person(self, door: str, email: str) -> Reply:
        guest = {"id": "guest", "plan": "free", "name": "Guest", "email": email}
        person = self.people.get(email, guest)
        status = 201 if door == "account" else 200
        return self._json(status, {"user": person}, self._quick(420))

    def _json(self, status: int, data: object, delay_ms: int) -> Reply:
        return Reply(status, json.dumps(data).encode(), delay_ms=delay_ms)

    def _quick(self, median_ms: int) -> int:
        return round(median_ms * self._random.lognormvariate(0, 0.35))


def _file(name: str) -> Reply:
    if name == "recorder.js":
        return Reply(200, b"/* nobody records */", _TYPES[".js"])
    path = SITE / _DOCUMENTS.get(name, name or "index.html")
    if path.suffix not in _TYPES:
        path = SITE / "index.html"
    return Reply(200, path.read_bytes(), _TYPES[path.suffix])


class _Handler(BaseHTTPRequestHandler):
    shop = Shop()

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        reply = self.shop.answer(self.command, self.path, json.loads(raw or b"{}"))
        time.sleep(reply.delay_ms / 1000)
        self.send_response(reply.status)
        self.send_header("content-type", reply.content_type)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = _serve  # noqa: N815 - the names http.server calls


def main() -> None:
    """Serve the shop on this machine."""
    if not SITE.exists():
        raise MissingFile(
            "The shop's pages are not in the installed package. Run this in a checkout."
        )
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=8040)
    port = parser.parse_args().port
    print(f"Alder & Oat is open at http://127.0.0.1:{port}")
    ThreadingHTTPServer(("127.0.0.1", port), _Handler).serve_forever()


if __name__ == "__main__":
    main()
