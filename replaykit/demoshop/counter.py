"""The shop's counter in the recorder: requests are taken at once, answered when due."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from playwright.sync_api import Error as BrowserError

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from replaykit.demoshop.shop import Reply, Shop

#: Where the shop stands; a reserved name, answered by the recorder itself.
HOME: Final = "https://www.alderandoat.example"


@dataclass  # no slots: Playwright notes its wrapper on the handler's object
class Counter:
    """The shop's counter: takes requests from the page, answers when due."""

    shop: Shop
    recorder: bytes
    now_ms: int
    held: list[tuple[int, Route, Reply]] = field(default_factory=list)

    def take(self, route: Route) -> None:
        """Answer files at once and hold back what takes the shop its time."""
        request = route.request
        path = request.url.removeprefix(HOME)
        if path == "/recorder.js":
            route.fulfill(body=self.recorder, content_type="text/javascript")
            return
        raw = request.post_data if request.method == "POST" else None
        reply = self.shop.answer(request.method, path, json.loads(raw or "{}"))
        if reply.delay_ms:
            self.held.append((self.now_ms + reply.delay_ms, route, reply))
        else:
            hand_over(route, reply)

    def close(self) -> None:
        """Answer nobody any more."""
        for _, route, _ in self.held:
            with suppress(BrowserError):
                route.abort()
        self.held.clear()

    def due(self, until_ms: int) -> tuple[int, Route, Reply] | None:
        """Return the first answer due by then, and forget it."""
        waiting = sorted(self.held, key=lambda entry: entry[0])
        if not waiting or waiting[0][0] > until_ms:
            return None
        self.held.remove(waiting[0])
        return waiting[0]


def hand_over(route: Route, reply: Reply) -> None:
    """Give the page its answer."""
    route.fulfill(status=reply.status, body=reply.body, content_type=reply.content_type)
