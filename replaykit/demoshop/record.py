"""Record the packaged sample: `python -m replaykit.demoshop.record`.

Scripted visitors drive the shop of `replaykit/demoshop/site` in headless Chromium while
rrweb records them. Console output comes through rrweb's console plugin
(`rrweb/console@1`), requests as `rrweb/network@1` plugin events, changes of address
without a page load as `amplitude/url-tracking@1`. All inputs are masked, the address
and the name of a customer are masked text, the loyalty card is a blocked block.

The page's clock is Playwright's. It stands still except when a visitor takes time, and
goes on over page loads, so timestamps never run backwards; dates and idle minutes cost
nothing. Every page load gives a Meta and a FullSnapshot.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import sync_playwright
from tqdm.auto import tqdm

from replaykit.demoshop.aims import Errand, email
from replaykit.demoshop.counter import Counter
from replaykit.demoshop.export import export_rows, write_events, write_replays
from replaykit.demoshop.hands import Hands, Lost
from replaykit.demoshop.itinerary import Visit, itinerary
from replaykit.demoshop.recorder_bundle import recorder_script
from replaykit.demoshop.sample import SAMPLE
from replaykit.demoshop.shop import Shop
from replaykit.demoshop.visitors import VISITORS
from replaykit.errors import MissingFile

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_META, _FULL_SNAPSHOT = 4, 2
_ATTEMPTS: Final = 2


class Recorded(NamedTuple):
    """What one visit left behind."""

    name: str
    events: list[dict[str, Any]]
    rows: list[dict[str, Any]]


def record_visit(browser: Browser, recorder: bytes, visit: Visit) -> Recorded:
    """Let one visitor come, and return the recording and the analytics rows."""
    person = VISITORS.row(visit.person, named=True)
    customer = {
        "id": person["user_id"],
        "plan": person["plan"] or "free",
        "name": f"Visitor {visit.person:02}",
        "email": email(visit),
    }
    start_ms = round(visit.start.timestamp() * 1000)
    counter = Counter(Shop(visit.number, {email(visit): customer}), recorder, start_ms)
    kept = {"device": visit.device_id, "events": str(visit.number * 1000)}
    if visit.standing == "in":
        kept["user"] = json.dumps(customer)
    context = browser.new_context(
        viewport=_screen(visit),
        is_mobile=visit.phone,
        has_touch=visit.phone,
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    try:
        context.add_init_script(
            f"if (!localStorage.length) Object.assign(localStorage, {json.dumps(kept)})"
        )
        hands = Hands(context, counter, random.Random(visit.number), phone=visit.phone)
        Errand(hands, visit, seed=1_000 + visit.number).run()
        lines = [json.loads(line[1:]) for line in hands.lines if line[0] == "R"]
        sent = [json.loads(line[1:]) for line in hands.lines if line[0] == "A"]
    finally:
        counter.close()
        context.close()
    session = sent[0]["session_id"]
    _check(lines, visit)
    return Recorded(f"{visit.device_id}_{session}", lines, export_rows(visit, sent))


def _screen(visit: Visit) -> dict[str, int]:
    sizes = (
        ((390, 844), (412, 915), (360, 780))
        if visit.phone
        else ((1280, 800), (1440, 900), (1366, 768))
    )
    width, height = sizes[visit.device % 3]
    return {"width": width, "height": height}


def _check(events: list[dict[str, Any]], visit: Visit) -> None:
    """Refuse a recording that no player could play."""
    kinds = {event["type"] for event in events}
    times = [event["timestamp"] for event in events]
    if not {_META, _FULL_SNAPSHOT} <= kinds:
        raise Lost(f"Visit {visit.number} has no full snapshot.")
    if times != sorted(times):
        raise Lost(f"The clock of visit {visit.number} ran backwards.")


def _work(recorder: bytes, browser_path: str, visits: list[Visit]) -> list[Recorded]:
    done: list[Recorded] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=list(_FLAGS)
        )
        for visit in visits:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    done.append(record_visit(browser, recorder, visit))
                    break
                except (Lost, BrowserError) as trouble:
                    note = f"visit {visit.number} ({visit.aim}): {trouble}"
                    print(note, file=sys.stderr)
                    if attempt == _ATTEMPTS:
                        raise
        browser.close()
    return done


def record(visits: list[Visit], *, workers: int = 2) -> list[Recorded]:
    """Record all visits, a few browsers side by side."""
    browser = next(
        filter(
            None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
        ),
        None,
    )
    if browser is None:
        raise MissingFile(
            "Recording the demo needs Chromium (Debian: apt-get install chromium)."
        )
    job = partial(_work, recorder_script(), browser)
    batches = [visits[at : at + 3] for at in range(0, len(visits), 3)]
    recorded: list[Recorded] = []
    with (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
        tqdm(total=len(visits), unit="visit") as bar,
    ):
        try:
            for batch in pool.map(job, batches):
                recorded += batch
                bar.update(len(batch))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return recorded


def main() -> None:
    """Record every visit of the itinerary and package the sample."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=SAMPLE, help="folder to write to")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of visits")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    began = time.monotonic()
    visits = [v for v in itinerary() if not options.only or v.number in options.only]
    recorded = record(visits, workers=options.workers)
    rows = [row for one in recorded for row in one.rows]
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.parent) as folder:
        write_events(Path(folder) / "events.json.gz", rows)
        write_replays(
            Path(folder) / "replays.zip", {one.name: one.events for one in recorded}
        )
        for file in Path(folder).iterdir():
            file.replace(options.out / file.name)
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(
        f"{len(recorded)} sessions, {len(rows):,} events, "
        f"{sum(len(one.events) for one in recorded):,} replay events, "
        f"{size / 1e6:.2f} MB in {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
