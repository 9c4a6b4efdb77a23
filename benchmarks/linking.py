"""From a number to the replay: a click on a funnel's drop-off, and a search of replays.

A million people with some 18 million events, built once under `build/bench`; 100,000 of
their sessions (a million for the search) have a recording, each one of the sample's
real ones. A click is timed in a real browser on a bare page, from the press of the
mouse to the first frame of the first replay, with nothing of the point known before; a
search from the call to its rows. Two of the searches are counted anew the plain way.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from events import BUILT, CHUNK, _drawn
from measure import report

import replaykit as rk
from replaykit.handles import Events
from replaykit.replay_list import Replays

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "browser"))

USERS = int(float(os.environ.get("USERS", "1e6")))
MOST_EVENTS = 20
CLICKED, SEARCHED = 100_000, 1_000_000
EDITION = 1


def project() -> rk.Project:
    """Build the project, or find it built."""
    folder = BUILT / f"linking-{EDITION}-{USERS}.rk"
    if not folder.exists():
        beside = folder.with_suffix(".building")
        made = rk.create(beside)
        firsts = range(0, USERS, CHUNK)
        made._store.append(*(_some(first) for first in firsts))
        beside.rename(folder)
    # What "the last days" are counted from is the end of the data.
    made = rk.open(folder)
    return rk.open(folder, now=made._store.last)


def _some(first: int) -> pl.DataFrame:
    many = min(CHUNK, USERS - first)
    drawn = _drawn(np.random.default_rng((EDITION, first)), first, many)
    place = pl.int_range(pl.len()).over("user_id")
    return drawn.filter(place < MOST_EVENTS)


class Recorded:
    """Sessions of the project, each recorded as one of the sample's recordings."""

    def __init__(self, sessions: pl.DataFrame, sample: rk.Project) -> None:
        self._sample = sample.source.recordings
        known = self._sample.catalogue().filter(pl.col("status") == "ok")
        of = known[np.arange(sessions.height) % known.height]
        start = sessions["start"]
        ids = pl.format("device-{}/{}", sessions["user_id"], sessions["session_id"])
        self._rows = of.with_columns(
            sample_id=pl.col("replay_id"),
            replay_id=pl.select(ids).to_series(),
            user_id=sessions["user_id"],
            device_id=pl.lit(None, pl.String),
            session_id=sessions["session_id"],
            start=start,
            end=start + pl.duration(milliseconds="length_ms"),
        )
        self._of = dict(self._rows.select("replay_id", "sample_id").iter_rows())

    def catalogue(self) -> pl.DataFrame:
        rows = self._rows.drop("sample_id")
        return rows.sort(["start", "replay_id"], descending=[True, False])

    def segment(self, replay_id: str, index: int) -> bytes:
        return self._sample.segment(self._of[replay_id], index)

    def summary(self, replay_id: str) -> dict[str, Any]:
        return self._sample.summary(self._of[replay_id])


def sessions_of(shop: rk.Project, count: int) -> pl.DataFrame:
    found = (
        shop.source.scan(())
        .drop_nulls("session_id")
        .group_by("user", "session_id")
        .agg(start=pl.col("time").min())
        .collect(engine="streaming")
        .sort("user", "session_id")
    )
    found = found.sample(min(count, found.height), seed=EDITION)
    return found.with_columns(shop.source.user_ids(found["user"]).alias("user_id"))


def recorded(shop: rk.Project, count: int) -> Events:
    recordings = Recorded(sessions_of(shop, count), rk.demo())
    return Events(replace(shop.source, recordings=recordings))


# ── clicks ────────────────────────────────────────────────────────────────────────────

#: The moment of the press, and the moment at which a replay's page is painted.
WATCH = """() => {
  window.press = 0; window.frame = 0;
  addEventListener("pointerdown", () => { window.press = performance.now(); }, true);
  const look = () => {
    const root = document.querySelector("#host > div")?.shadowRoot;
    const page = root?.querySelector(".rk-stage .page");
    const shown = page?.querySelector("iframe") && page.style.visibility === "";
    if (window.press > 0 && window.frame === 0 && shown) {
      requestAnimationFrame(() => { window.frame = performance.now(); });
    }
    requestAnimationFrame(look);
  };
  look();
}"""


class Click(NamedTuple):
    """One click: its time to the first frame, and what it cost."""

    seconds: float
    #: Of the kernel and of the browser, both with all their threads and children.
    kernel_cpu: float
    browser_cpu: float
    #: Seconds that the kernel took to answer, by question.
    answers: dict[str, float]


def timed(view: Any) -> dict[str, float]:
    """Let a widget note how long it takes to answer, by question."""
    answers: dict[str, float] = {}
    plain = view._reply

    def reply(kind: str, params: Any) -> Any:
        began = time.perf_counter()
        found = plain(kind, params)
        answers[kind] = answers.get(kind, 0) + time.perf_counter() - began
        return found

    view._reply = reply
    return answers


def children_cpu() -> float:
    """Return the seconds of CPU that all living descendants of this process used."""
    spent: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in brackets may hold anything, spaces included.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        ticks = sum(map(int, fields[11:15]))
        spent[int(stat.parent.name)] = int(fields[1]), ticks
    ours, total = {os.getpid()}, 0
    while True:
        more = {pid for pid, (of, _) in spent.items() if of in ours} - ours
        if not more:
            return total / os.sysconf("SC_CLK_TCK")
        total += sum(spent[pid][1] for pid in more)
        ours |= more


def clicks(events: Events, funnels: int = 10) -> list[Click]:
    """Click on two drop-offs of each of some funnels, and wait for the first frame."""
    live = import_module("live")
    taken = []
    names = [f"Event {number:02}" for number in range(1, 11)]
    for number in range(funnels):
        steps = (names[number], names[(number + 3) % 10], names[(number + 6) % 10])
        funnel = events.funnel(*steps, within="7d")
        for bar in (4, 5):
            fresh = replace(funnel)
            fresh.__dict__["asked"] = funnel.asked
            answers = timed(fresh.widget)
            with live.shown(fresh.widget, width=1200, height=1400) as page:
                bars = page.locator(".bars .point path")
                bars.nth(5).wait_for(state="attached", timeout=120_000)
                page.wait_for_timeout(500)
                page.evaluate(WATCH)
                box = bars.nth(bar).bounding_box()
                answers.clear()
                kernel, browser = time.process_time(), children_cpu()
                page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 3)
                page.wait_for_function("() => window.frame > 0", timeout=60_000)
                inner = page.frames[-1].locator("body *")
                if not inner.count():
                    raise RuntimeError("no page is drawn")
                seconds = "() => (window.frame - window.press) / 1000"
                kernel = time.process_time() - kernel
                browser = children_cpu() - browser
                click = Click(page.evaluate(seconds), kernel, browser, dict(answers))
                parts = ", ".join(f"{kind} {s:.3f}" for kind, s in answers.items())
                print(
                    f"click {len(taken) + 1}: {click.seconds:.3f} s; CPU of the kernel "
                    f"{kernel:.3f}, of the browser {browser:.3f}; answers: {parts}"
                )
                taken.append(click)
    return taken


# ── searches ──────────────────────────────────────────────────────────────────────────

SEARCHES: dict[str, dict[str, Any]] = {
    "range": {"last": "30d"},
    "event": {"event": "Event 09"},
    "rare event": {"event": "Event 39", "last": "60d"},
    "step": {"event": rk.event("Event 09", pl.col("price") > 150)},
    "property": {"where": pl.col("country") == "DE"},
    "is not": {"where": pl.col("country") != "US"},
    "two": {"where": (pl.col("country") != "US") & (pl.col("price") > 100)},
    "length": {"duration": ("60s", "10m"), "signals": "error"},
}


def searches(events: Events, rounds: int = 3) -> dict[str, list[float]]:
    replays = Replays(events.source, events.source.catalogue)
    taken: dict[str, list[float]] = {name: [] for name in SEARCHES}
    for _ in range(rounds):
        for name, query in SEARCHES.items():
            began = time.perf_counter()
            replays.search(**query)
            taken[name].append(time.perf_counter() - began)
    return taken


def check(events: Events) -> None:
    """Count two of the searches anew, the plain way."""
    catalogue = events.source.catalogue
    rows = events.source.scan(["country", "price"])
    key = ["user", "session_id"]
    did = rows.filter(event="Event 09").select(key).unique().collect()
    plain = catalogue.join(did, on=key, how="semi").height
    replays = Replays(events.source, catalogue)
    assert len(replays.search(event="Event 09")) == plain
    values = rows.group_by(key).agg(pl.col("country").drop_nulls().unique()).collect()
    joined = catalogue.join(values, on=key, how="left", suffix="_of")
    column = "country_of" if "country_of" in joined.columns else "country"
    others = joined[column].list.eval(pl.element() != "US").list.any()
    empty = joined[column].list.len().fill_null(0) == 0
    negative = replays.search(where=pl.col("country") != "US")
    assert len(negative) == (others | empty).sum()


def p95(values: list[float]) -> float:
    return float(np.quantile(values, 0.95, method="higher"))


if __name__ == "__main__":
    shop = project()
    if "build" in sys.argv:
        raise SystemExit
    few = recorded(shop, CLICKED)
    few.source.catalogue  # noqa: B018 - opening the project is not part of a click
    clicked = clicks(few)
    many = recorded(shop, SEARCHED)
    check(many)
    searched = searches(many)
    figures = {
        "click_to_frame_p95_s": p95([one.seconds for one in clicked]),
        "search_1m_p95_s": p95([one for times in searched.values() for one in times]),
    }
    report(
        "linking",
        figures,
        users=shop._store.users,
        events=shop._store.rows,
        clicks=len(clicked),
        click_to_frame_p50_s=round(statistics.median(c.seconds for c in clicked), 3),
        first_click_s=round(clicked[0].seconds, 3),
        click_kernel_cpu_p95_s=round(p95([one.kernel_cpu for one in clicked]), 3),
        click_browser_cpu_p95_s=round(p95([one.browser_cpu for one in clicked]), 3),
        searches={name: round(max(times), 3) for name, times in searched.items()},
    )
