"""A visitor's hands: mouse or finger, keyboard, and the patience in between.

The page's clock stands still (`page.clock.pause_at`) and moves only when a hand or an
eye takes its time, so a visit of twenty minutes is over in seconds and every recorded
timestamp is the one that was meant. Answers of the server are held back until the
page's clock has reached the moment at which they are due.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import TimeoutError as BrowserTimeout

from replaykit.demoshop.counter import HOME, hand_over

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, CDPSession, Page

    from replaykit.demoshop.counter import Counter

#: Milliseconds between two recorded positions of the mouse.
_STRIDE: Final = 50
#: Real seconds after which a page that does not answer is given up.
_PATIENCE: Final = 10.0

#: How often a tap is tried that the page did not take.
_TRIES: Final = 3

#: Counts the clicks that arrive.
_CLICKS: Final = "clicks = 0; addEventListener('click', () => { clicks += 1; }, true)"
_BOX: Final = """selector => {
  const all = [...document.querySelectorAll(selector)];
  const one = all.find(e => e.getClientRects().length);
  if (!one) return null;
  const b = one.getBoundingClientRect();
  return [b.x, b.y, b.width, b.height, innerHeight, scrollY,
          document.documentElement.scrollHeight];
}"""
_TICK: Final = """() => new Promise(done => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => done([window.inflight ?? 0, document.readyState]);
  channel.port2.postMessage(0);
})"""


class Lost(RuntimeError):
    """The visitor looked for something that the page does not show."""


class Hands:
    """One visitor in one tab.

    Parameters
    ----------
    context
        A fresh browser context; its clock is taken over.
    counter
        The server's side.
    rng
        Source of every hesitation.
    phone
        Touch instead of mouse.
    """

    def __init__(
        self,
        context: BrowserContext,
        counter: Counter,
        rng: random.Random,
        *,
        phone: bool,
    ) -> None:
        self._context, self._counter, self._rng = context, counter, rng
        self.phone = phone
        self.lines: list[str] = []
        start = datetime.fromtimestamp(counter.now_ms / 1000, UTC)
        # The clock runs between these two calls, so it is set a minute early.
        context.clock.install(time=start - timedelta(minutes=1))
        context.clock.pause_at(start)
        context.add_init_script(_CLICKS)
        context.route("**/*", counter.take)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(_PATIENCE * 1000)
        self._cdp: CDPSession = context.new_cdp_session(self.page)
        self._at = (rng.uniform(300, 900), rng.uniform(200, 600))

    # -- time ----------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """The page's time."""
        return self._counter.now_ms

    @property
    def arrived(self) -> bool:
        """Whether the visitor has come to the shop yet."""
        address: str = self.page.url
        return address.startswith(HOME)

    def wait(self, seconds: float, *, idle: bool = False) -> None:
        """Let the page's time pass; `idle` jumps, as for someone who went away."""
        until = self._counter.now_ms + round(seconds * 1000)
        while answer := self._counter.due(until):
            due, route, reply = answer
            self._advance(max(0, due - self._counter.now_ms), idle=idle)
            try:
                hand_over(route, reply)
            except BrowserError:
                continue  # the page that asked is gone
            self.settle()
        self._advance(until - self._counter.now_ms, idle=idle)

    def _advance(self, ms: int, *, idle: bool) -> None:
        if ms <= 0:
            return
        if idle:
            self._context.clock.fast_forward(ms)
        else:
            self._context.clock.run_for(ms)
        self._counter.now_ms += ms

    def pause(self, low: float, high: float) -> None:
        """Hesitate."""
        self.wait(self._rng.uniform(low, high))

    def away(self, minutes: float) -> None:
        """Leave the tab alone for a while."""
        self.wait(minutes * 60, idle=True)

    def settle(self) -> None:
        """Wait, in real time, until the page has only held answers left to expect."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            inflight, state = self.page.evaluate(_TICK)
            if state == "complete" and inflight == len(self._counter.held):
                self.page.evaluate(_TICK)
                return
            time.sleep(0.003)
        raise Lost(f"{self.page.url} did not settle")

    def until(self, selector: str, patience: float = 20.0) -> None:
        """Watch the page, on its clock, until something shows."""
        for _ in range(round(patience / 0.2)):
            if self._box(selector):
                return
            self.wait(0.2)
        raise Lost(f"{selector} is not on {self.page.url}")

    # -- places --------------------------------------------------------------------

    def open(self, path: str) -> None:
        """Come to a page by its address, as from a mail or another site."""
        self._load(lambda: self.page.goto(HOME + path))

    def reload(self) -> None:
        """Load the page again."""
        self._load(self.page.reload)

    def _load(self, act: Callable[[], Any]) -> None:
        self.collect()
        self._counter.close()
        act()
        self.settle()
        self.wait(0.4)

    def collect(self) -> None:
        """Fetch what the recorder has kept so far."""
        if self.arrived:
            self.lines += self.page.evaluate("drain()").splitlines()

    def sees(self, selector: str) -> bool:
        """Whether something of that kind is on the page."""
        return self._box(selector) is not None

    def value(self, selector: str) -> str:
        """Return what stands in a field."""
        text: str = self.page.evaluate(
            "selector => document.querySelector(selector).value", selector
        )
        return text

    def _box(self, selector: str) -> list[float] | None:
        found: list[float] | None = self.page.evaluate(_BOX, selector)
        return found

    def find(self, selector: str) -> tuple[float, float]:
        """Scroll until it is in view, and return a point in it."""
        top, bottom = (210, 70) if self.phone else (130, 60)
        for _ in range(24):
            box = self._box(selector)
            if box is None:
                raise Lost(f"{selector} is not on {self.page.url}")
            x, y, width, height, view, scrolled, full = box
            middle = y + height / 2
            above = middle < top and scrolled > 0
            below = middle > view - bottom and scrolled + view < full - 2
            if not above and not below:
                spread = self._rng.uniform(0.3, 0.7), self._rng.uniform(0.35, 0.65)
                return x + width * spread[0], y + height * spread[1]
            far = middle - view * self._rng.uniform(0.4, 0.6)
            step = min(abs(far), view * self._rng.uniform(0.35, 0.7))
            self.scroll(step if far > 0 else -step)
            self.pause(0.1, 0.5)
        raise Lost(f"{selector} cannot be reached on {self.page.url}")

    # -- acts ----------------------------------------------------------------------

    def scroll(self, distance: float) -> None:
        """Scroll the page down, or up when negative."""
        if self.phone:
            self._swipe(distance)
            return
        notches = max(1, round(abs(distance) / 140))
        for _ in range(notches):
            before = self.page.evaluate("scrollY")
            self.page.mouse.wheel(0, distance / notches)
            self._until_still(before)
            self.wait(self._rng.uniform(0.03, 0.09))

    def _swipe(self, distance: float) -> None:
        length = max(-520.0, min(520.0, distance))
        x = self._rng.uniform(120, 280)
        y = 680.0 if length > 0 else 240.0
        steps = self._rng.randint(6, 10)
        before = self.page.evaluate("scrollY")
        self._touch("touchStart", x, y)
        for step in range(1, steps + 1):
            ease = 1 - (1 - step / steps) ** 2
            self._touch(
                "touchMove", x + 6 * ease + self._rng.random(), y - length * ease
            )
            self._advance(_STRIDE // 2, idle=False)
        self._touch("touchEnd")
        self._until_still(before)
        self.wait(self._rng.uniform(0.1, 0.3))

    def _touch(self, kind: str, *point: float) -> None:
        points = [{"x": point[0], "y": point[1]}] if point else []
        self._cdp.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
        )

    def _until_still(self, before: float) -> None:
        """Let the compositor finish scrolling, which it does in real time."""
        last, still = before, 0
        for turn in range(40):
            time.sleep(0.008)
            here = self.page.evaluate("scrollY")
            still = still + 1 if here == last and (here != before or turn > 4) else 0
            if still >= 2:
                return
            last = here

    def move(self, x: float, y: float) -> None:
        """Move the mouse there along a bent path, fast first and slow at the end."""
        if self.phone:
            return
        (x0, y0), rng = self._at, self._rng
        far = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
        if far < 2:
            return
        bend = rng.uniform(-0.18, 0.18) * far
        nx, ny = -(y - y0) / far * bend, (x - x0) / far * bend
        steps = max(3, round((140 + 34 * far**0.5 * rng.uniform(0.8, 1.3)) / _STRIDE))
        for step in range(1, steps + 1):
            s = step / steps
            s = s * s * (3 - 2 * s)
            arc = 4 * s * (1 - s)
            self.page.mouse.move(
                x0 + (x - x0) * s + nx * arc + rng.uniform(-1, 1),
                y0 + (y - y0) * s + ny * arc + rng.uniform(-1, 1),
            )
            self._advance(_STRIDE, idle=False)
        self._at = (x, y)

    def press(self, selector: str, *, loads: bool = False) -> None:
        """Click or tap something; `loads` when it leads to another document."""
        x, y = self.find(selector)
        self.move(x, y)
        self.pause(0.12, 0.5)
        if loads:
            self._load(lambda: self._leave(x, y))
            return
        for _ in range(_TRIES):
            before = self.page.evaluate("clicks")
            self._click(x, y)
            self.page.evaluate(_TICK)
            if self.page.evaluate("clicks") != before:
                break
            # A finger that lands while the page still glides only stops it.
            self.pause(0.3, 0.6)
            x, y = self.find(selector)
        self.settle()
        self.wait(self._rng.uniform(0.25, 0.6))

    def _leave(self, x: float, y: float) -> None:
        for attempt in range(_TRIES):
            try:
                with self.page.expect_navigation(wait_until="load", timeout=4_000):
                    self._click(x, y)
            except BrowserTimeout:
                if attempt + 1 == _TRIES:
                    raise
            else:
                return

    def _click(self, x: float, y: float) -> None:
        if self.phone:
            self.page.touchscreen.tap(x, y)
        else:
            self.page.mouse.down()
            self._advance(self._rng.randint(50, 110), idle=False)
            self.page.mouse.up()

    def hammer(self, selector: str, times: int) -> None:
        """Press the same thing again and again, fast: it does not react."""
        x, y = self.find(selector)
        self.move(x, y)
        for _ in range(times):
            self._click(x + self._rng.uniform(-4, 4), y + self._rng.uniform(-3, 3))
            self.page.evaluate(_TICK)
            self._advance(self._rng.randint(130, 240), idle=False)
        self.settle()

    def write(self, selector: str, text: str) -> None:
        """Put the cursor in a field and type, with a slip now and then.

        What stands in the field already is replaced.
        """
        self.press(selector)
        if self.value(selector):
            self.page.keyboard.press("Control+A")
            self.pause(0.2, 0.5)
        for letter in text:
            if letter.isalpha() and self._rng.random() < 0.02:
                self.page.keyboard.type(chr(ord("a") + self._rng.randrange(26)))
                self.pause(0.15, 0.4)
                self.page.keyboard.press("Backspace")
                self.pause(0.1, 0.2)
            self.page.keyboard.type(letter)
            self.wait(self._rng.uniform(0.06, 0.24))

    def enter(self) -> None:
        """Press the Enter key."""
        self.page.keyboard.press("Enter")
        self.settle()
        self.wait(0.3)

    def read(self, seconds: float, *, down: bool = True) -> None:
        """Look around for a while: drift, scroll a little, stand still."""
        end = self._counter.now_ms + seconds * 1000
        while self._counter.now_ms < end:
            self.pause(0.8, 3.4)
            turn = self._rng.random()
            if down and turn < 0.42:
                self.scroll(self._rng.uniform(180, 420))
            elif down and turn < 0.5:
                self.scroll(-self._rng.uniform(150, 320))
            elif turn < 0.8:
                self.move(
                    min(1240, max(40, self._at[0] + self._rng.gauss(0, 160))),
                    min(760, max(60, self._at[1] + self._rng.gauss(0, 110))),
                )
