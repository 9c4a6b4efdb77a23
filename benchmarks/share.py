"""The tour as one page: how large, how fast written, what it asks for.

Beside it, per chart, the page that retentioneering exports, and, per replay, a page
with rrweb-player and the same recording. Each peer has an environment of its own and is
left out, loudly, where it is not installed:

    python -m venv build/peers/retentioneering
    build/peers/retentioneering/bin/pip install retentioneering==5.2.4
    npm install --prefix build/peers rrweb-player@2.1.6
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import orjson
import polars as pl
from measure import report

import replaykit as rk
from replaykit.sharing.browser import Browser, find_browser
from replaykit.sharing.filmstrip import DRAWN

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "build" / "peers"
ROUNDS = 3
CHARTS, REPLAYS = 5, 5
KIB = 1024

PEER = """
import json, sys, pandas as pd, retentioneering as rete, pathlib, time
frame = pd.read_parquet(sys.argv[1])
schema = {"path_cols": ["user"], "event_col": "event", "timestamp_col": "time"}
stream = rete.Eventstream(frame, schema=schema)
out = pathlib.Path(sys.argv[2])
widgets = [
    stream.transition_graph(),
    stream.step_matrix(),
    stream.step_sankey(),
    stream.funnel(steps=["Product Viewed", "Add to Cart", "Purchase"]),
]
sizes, seconds = [], []
for number, widget in enumerate(widgets):
    path = out / f"{number}.html"
    began = time.perf_counter()
    widget.export_html(str(path))
    seconds.append(time.perf_counter() - began)
    sizes.append(path.stat().st_size)
print(json.dumps({"bytes": sizes, "seconds": seconds}))
"""


def asked(shop):
    """Five charts and five replays, executed: what a page of the tour's size holds."""
    march = shop.events.between("2026-03-01", "2026-03-31")
    phones = march.filter(device_type="Phone")
    steps = ("Product Viewed", "Add to Cart", "Checkout Started", "Purchase")
    charts = [
        march.segmentation("Checkout Started", "Purchase", every="1d"),
        march.funnel(*steps, within="7d"),
        march.funnel(*steps[2:], within="1d", by="device_type"),
        phones.journeys(start="Checkout Started", depth=5, top=4),
        march.sessions(measure="average length", every="1w"),
    ]
    for chart in charts:
        chart.chart()
    return charts, rk.Player(shop.replays[:REPLAYS])


def computed() -> float:
    """Return the seconds this process and those it ended have computed."""
    ours = resource.getrusage(resource.RUSAGE_SELF)
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ours.ru_utime + ours.ru_stime + theirs.ru_utime + theirs.ru_stime


def opened(page: Path) -> tuple[int, float]:
    """Open a page, scroll through it, play a replay; requests and seconds to charts."""
    program = find_browser()
    if program is None:
        raise SystemExit("The page cannot be opened: no Chromium was found.")
    with Browser(program) as browser:
        browser.record()
        began = time.perf_counter()
        browser.open(page)
        first = "document.querySelector('[data-rk-figure] div')?.shadowRoot"
        if not browser.until(f"{first}?.querySelector('.main-svg')"):
            raise SystemExit("No chart was drawn.")
        seconds = time.perf_counter() - began
        player = "document.querySelector('.rk-fig-player')"
        inside = f"{player}.querySelector('div').shadowRoot"
        stage = f"{inside}?.querySelector('.rk-stage[aria-busy=false]')"
        # Charts above grow as they wake, and push it away again.
        if not browser.until(f"({player}.scrollIntoView(), !!{stage})"):
            raise SystemExit("No replay was drawn.")
        browser.run(f"{inside}.querySelector('.rk-ctl .rk-btn-main').click()")
        time.sleep(2)
        now = f"Number({inside}.querySelector('[role=slider]').ariaValueNow)"
        if not browser.run(now):
            raise SystemExit("The replay does not play.")
        asked_for = [
            url
            for url in browser.requested()
            if not url.startswith(("file:", "data:", "blob:", "about:"))
        ]
        return len(asked_for), seconds


def retentioneering(shop, folder: Path) -> dict[str, float]:
    """What the peer's pages weigh and take, per chart; nothing without the peer."""
    python = PEERS / "retentioneering" / "bin" / "python"
    if not python.exists():
        print(f"SKIPPED: retentioneering is not in {python.parent} (see this file)")
        return {}
    rows = shop.events.between("2026-03-01", "2026-03-31").collect()
    frame = rows.select("user", "event", pl.col("time").dt.replace_time_zone(None))
    frame.write_parquet(folder / "events.parquet")
    done = subprocess.run(
        [str(python), "-c", PEER, str(folder / "events.parquet"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "RETENTIONEERING_NO_TRACK": "1"},
    )
    if done.returncode:
        print(f"SKIPPED: retentioneering failed\n{done.stderr[-2000:]}")
        return {}
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        "peer_kib_per_chart": statistics.mean(found["bytes"]) / KIB,
        "peer_s_per_chart": statistics.mean(found["seconds"]),
    }


def rrweb_player(shop) -> dict[str, float]:
    """What a page with rrweb-player and one recording weighs; nothing without it."""
    built = PEERS / "node_modules" / "rrweb-player" / "dist"
    files = [built / "rrweb-player.umd.min.cjs", built / "style.min.css"]
    if not files[0].exists():
        files = [built / "rrweb-player.umd.cjs", built / "style.css"]
    if not all(file.exists() for file in files):
        print(f"SKIPPED: rrweb-player is not in {built} (see this file)")
        return {}
    own = sum(file.stat().st_size for file in files)
    pages = []
    for replay in shop.replays[:REPLAYS].frame["replay_id"]:
        stored = shop.source.recordings
        parts = range(len(stored.summary(replay)["segments"]))
        events = []
        for index in parts:
            some = orjson.loads(zlib.decompress(stored.segment(replay, index)))
            lead = stored.summary(replay)["segments"][index].get("lead") or 0
            events += some[lead:]
        pages.append(own + len(orjson.dumps(events).replace(b"<", b"\\u003c")))
    return {"peer_kib_per_replay": statistics.mean(pages) / KIB}


def main() -> None:
    shop = rk.demo()
    charts, player = asked(shop)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = []
        seconds: dict[str, list[float]] = {"write_s": [], "unmasked_s": []}
        worked = []
        for number in range(ROUNDS):
            for key, mask in (("write_s", True), ("unmasked_s", False)):
                DRAWN.clear()  # the pictures of a page that is written first
                began, busy = time.perf_counter(), computed()
                page = rk.share(
                    *charts, player, to=folder / f"{key}{number}.html", mask=mask
                )
                seconds[key].append(time.perf_counter() - began)
                worked += [computed() - busy] if mask else []
                pages.append(page)
        began = time.perf_counter()
        rk.share(*charts, player, to=folder / "again.html")
        again = time.perf_counter() - began
        page = pages[-2]
        per_chart = [p.bytes for p in page.parts if "(result)" in p.label]
        per_replay = [p.bytes for p in page.parts if p.label.startswith("replay of")]
        library = next(p.bytes for p in page.parts if p.label == "chart library")
        requests, drawn = opened(page.path)
        figures = {
            "page_mib": page.bytes / KIB**2,
            **{key: statistics.median(times) for key, times in seconds.items()},
            # What the writing itself computes, its browser too, whoever else is there.
            "write_cpu_s": statistics.median(worked),
            "rewrite_s": again,
            "requests": requests,
            "kib_per_chart": statistics.mean(per_chart) / KIB,
            "kib_per_replay": statistics.mean(per_replay) / KIB,
            "library_kib": library / KIB,
            "first_chart_s": drawn,
            **retentioneering(shop, folder),
            **rrweb_player(shop),
        }
        report(
            "share",
            figures,
            rounds=ROUNDS,
            charts=page.charts,
            replays=page.replays,
            rows=shop.source.rows,
            browser=find_browser(),
        )


if __name__ == "__main__":
    sys.exit(main())
