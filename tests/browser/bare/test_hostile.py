"""Recordings that attack, in a bare page: sealed, and in the page where no frame boots.

Each is played as it is, with no cleaning at all (the frame alone must hold), and as
ingest leaves it.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import hostile
import pytest
from lab import browser_page

from replaykit.replays.reducer import Reducer
from replaykit.replays.sanitise import Sanitiser
from tests.browser.bare import sessions
from tests.browser.bare.server import STATIC, serving
from tests.fidelity.harness import HERE as FIDELITY
from tests.fidelity.harness import bundle

pytestmark = pytest.mark.browser

VECTORS = {vector.name: vector for vector in hostile.VECTORS}


class Answers:
    """A kernel that holds the hostile recordings, raw and cleaned."""

    def __init__(self, trap: str) -> None:
        self.trap = trap
        self.made: dict[str, list[dict[str, Any]]] = {}

    def segments(self, replay: str) -> list[dict[str, Any]]:
        """Return one segment: raw, just as it was recorded, or what ingest makes of it."""
        if replay not in self.made:
            how, _, name = replay.partition("/")
            events = VECTORS[name].recording(self.trap)
            if how == "raw":
                body = zlib.compress(json.dumps(events).encode())
                self.made[replay] = [
                    {"start": 0, "end": 12_000, "lead": 0, "body": body}
                ]
            else:
                reducer = Reducer(Sanitiser())
                cut = [*reducer.feed(events), *reducer.finish()]
                self.made[replay] = [
                    {
                        "start": one.start,
                        "end": one.end,
                        "lead": 0,
                        "body": zlib.compress(b"".join(one.parts)),
                    }
                    for one in cut
                ]
        return self.made[replay]

    def __call__(self, kind: str, params: dict[str, Any]) -> tuple[Any, list[bytes]]:
        if kind == "playlist":
            return {"total": 0, "rows": []}, []
        replay = params["replay"]
        parts = self.segments(replay)
        if kind == "segment":
            return {}, [parts[params["index"]]["body"]]
        words = hostile.words(self.trap)
        session = sessions.session_of("todo_app", **hostile.started(replay))
        session["segments"] = [
            {key: part[key] for key in ("start", "end", "lead")}
            | {"bytes": len(part["body"])}
            for part in parts
        ]
        return session | about(words), []


def about(words: list[str]) -> dict[str, Any]:
    """Return everything a session says of itself, in hostile words."""
    count = len(words)
    times = [1000 * (n + 1) for n in range(count)]
    return {
        "user": words[0],
        "country": words[1],
        "agent": words[3],
        "because": words[4],
        "inactive": [],
        "status_detail": words[5],
        "pages": [{"t": t, "url": w, "title": w} for t, w in zip(times, words, strict=True)],
        "marks": [{"t": t, "kind": "error", "label": w, "count": 1} for t, w in zip(times, words, strict=True)],
        "console": [{"t": t, "level": w, "text": w} for t, w in zip(times, words, strict=True)],
        "network": [{"t": t, "method": w, "url": w, "status": 500, "duration_ms": 1, "error": w} for t, w in zip(times, words, strict=True)],
        "events": {
            "id": [str(n) for n in range(count)],
            "t": times,
            "name": words,
            "props": [{w: w} for w in words],
            "state": [0] * count,
            "charted": [0] * count,
        },
        "warnings": words,
    }  # fmt: skip


#: Opens a recording, goes past what it changes later, and plays a stretch.
ATTACK = """() => {
window.attack = async (name) => {
  const idle = async () => {
    for (let tries = 0; tries < 400; tries += 1) {
      if (root().querySelector(".rk-stage")?.ariaBusy === "false") return;
      await new Promise((then) => setTimeout(then, 10));
    }
    throw new Error(`${name} did not come`);
  };
  model.set("session", name);
  await idle();
  model.set("time_ms", 1500);
  await idle();
  model.set("playing", true);
  await new Promise((then) => setTimeout(then, 20));
  model.set("playing", false);
};
}"""


@pytest.mark.parametrize("seal", ["sealed", "page"])
def test_nothing_runs_asks_or_takes_the_focus(seal):
    policy = None if seal == "sealed" else "frame-src 'self'"
    with hostile.trap_server() as (trap, asked):
        answers = Answers(trap)
        odd: list[str] = []
        with serving(answers, policy, odd) as url, browser_page() as page:
            watch = hostile.Watch(page, asked)
            page.goto(url)
            page.wait_for_function("window.ready")
            page.evaluate("open_widget({ session: 'raw/script', speed: 16 })")
            if seal == "page":
                page.wait_for_function("root().querySelector('.is-seal')")
            settle(page)

            page.evaluate(ATTACK)

            def show(name: str) -> None:
                page.evaluate("(name) => attack(name)", name)

            # Cleaned ones are the second layer: they matter most where the first is less.
            layers = ("raw",) if seal == "sealed" else ("raw", "clean")
            names = [f"{how}/{name}" for how in layers for name in VECTORS]
            found = watch.each(names, show)
            for tab in page.locator("[role=tab]").all():
                tab.evaluate("(node) => node.click()")
                page.wait_for_timeout(50)
            found |= {"words": words} if (words := watch.found()) else {}
            shown = page.evaluate("root().querySelector('.rk-shield').title")
            assert ("Sealed" in shown) == (seal == "sealed")
            inner = [f for f in page.frames if f.parent_frame and f != page.main_frame]
            assert inner, "a recording was on screen"
    assert found == {}
    assert odd == [], "nothing relative reached the server of the page either"
    assert len(VECTORS) >= 60


@pytest.mark.parametrize("seal", ["sealed", "page"])
def test_recorded_canvas_is_drawn_inside_the_sealed_frame_only(seal):
    policy = None if seal == "sealed" else "frame-src 'self'"
    events = drawing()
    body = zlib.compress(json.dumps(events).encode())

    def answer(kind, params):
        if kind == "segment":
            return {}, [body]
        session = sessions.session_of("todo_app", **hostile.started("drawing"))
        part = {"start": 0, "end": 12_000, "lead": 0, "bytes": len(body)}
        return session | {"segments": [part], "inactive": []}, []

    with serving(answer, policy) as url, browser_page() as page:
        page.goto(url)
        page.wait_for_function("window.ready")
        page.evaluate("open_widget({ session: 'drawing', time_ms: 5000 })")
        if seal == "page":
            page.wait_for_function("root().querySelector('.is-seal')")
        settle(page)
        page.wait_for_timeout(300)
        inner = page.frames[-1]
        element = inner.frame_element()
        assert element.get_attribute("sandbox") == "allow-same-origin"
        colour = inner.evaluate(
            "[...document.querySelector('canvas').getContext('2d')"
            ".getImageData(2, 2, 1, 1).data]"
        )
    assert colour == ([255, 0, 0, 255] if seal == "sealed" else [0, 0, 0, 0])


def drawing():
    """Return a recording of a canvas that is filled with red."""
    canvas = hostile.element("canvas", 50, width="9", height="9")
    return [
        hostile.meta(0),
        hostile.snapshot(1, canvas),
        hostile.canvas(500, "fillStyle", "red", setter=True),
        hostile.canvas(501, "fillRect", 0, 0, 9, 9),
        hostile.change(12_000, 3, id=hostile.BODY, x=0, y=1),
    ]


def settle(page) -> None:
    page.wait_for_function(
        "() => root().querySelector('.rk-stage')?.ariaBusy === 'false'", timeout=10_000
    )


def test_the_trap_catches(tmp_path):
    """The same recordings, as rrweb plays them at its least safe, in the page itself."""
    script = bundle(tmp_path, FIDELITY.parent / "browser" / "control.js")
    with hostile.trap_server() as (trap, asked), browser_page() as page:
        watch = hostile.Watch(page, asked)
        with serving(Answers(trap)) as url:
            page.goto(url)
            page.add_script_tag(content=script.read_text(encoding="utf-8"))

            def show(name: str) -> None:
                page.evaluate("(events) => play(events)", VECTORS[name].recording(trap))
                page.wait_for_timeout(60)

            found = watch.each(list(VECTORS), show)
    everything = [one for many in found.values() for one in many]
    scripts = {
        n
        for n, many in found.items()
        if any("TRAP" in m or "script" in m for m in many)
    }
    requests = {
        n for n, many in found.items() if any(m.startswith("request") for m in many)
    }
    assert len(scripts) >= 8, sorted(scripts)
    assert len(requests) >= 20, sorted(requests)
    assert any(one.startswith("focus") for one in everything)


def test_the_host_part_of_the_bundle_cannot_replay_canvases():
    """What may draw recorded canvases is the program of the sealed frame alone."""
    for name in ("widget.js", "page.js"):
        bundle = (STATIC / name).read_text(encoding="utf-8")
        frame, mark, host = bundle.partition("\nreturn rkFrame}")
        assert mark
        assert "UNSAFE_replayCanvas" in frame
        assert "UNSAFE_" not in host
