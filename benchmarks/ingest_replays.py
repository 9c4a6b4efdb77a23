"""Recordings from JSON to segments on disk: events per second of one core.

Made recordings (`recorded.py`): two hours and 200,000 events of light use, one
whose every event draws nine nodes anew, and pages of 10,000 and 200,000 nodes under the
same use. Times are CPU seconds of this process, so that other processes do not count.

- `reduce_events_per_s_core`: events in memory to segments in memory, light use: the
  page is followed and keyframes are taken; nothing is cleaned, summed up or packed.
- `ingest_events_per_s_core`: file to project, light use: everything.
- `rate_200k_nodes_over_10k`: whole ingest on the larger page over that on the smaller.
- `append_10k_ms`, `append_80k_ms`, `append_300k_ms`: 200 more events, in a file of
  their own, to a stored recording of so many.
- `stored_share_of_json`: bytes on disk over bytes of JSON, of two hours of the packaged
  sample's real sessions, one after another.
- `stored_share_12_visits`: the same, of twelve visits to one site with 0.5 MB of style
  sheets, which are stored once.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measure import report
from recorded import (
    GROWING,
    HEAVY,
    LIGHT,
    PAGE_10K,
    PAGE_200K,
    START,
    VISITS,
    Recorded,
    sample_for,
)

from replaykit.ingest import rrweb
from replaykit.replays.build import add_recordings
from replaykit.replays.reducer import Reducer
from replaykit.store.recordings import Recordings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 3


def reduce(like: Recorded) -> float:
    """Return the CPU seconds from events to segments."""
    (group,) = rrweb.groups(like.path)
    (raw,) = rrweb.read(group)
    events = list(raw.events)
    reducer = Reducer()
    began = time.process_time()
    for produced in (reducer.feed(events), reducer.finish()):
        for _ in produced:
            pass
    return time.process_time() - began


def ingest(like: Recorded) -> float:
    """Return the CPU seconds from a file to a project."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        add_recordings(Recordings(folder), like.path, progress=False)
        return time.process_time() - began


def appended(like: Recorded, events: int) -> float:
    """Return the CPU seconds of adding 200 events to so many: a median."""
    seconds = []
    lines = like.path.read_bytes()[1:-1].split(b",\n")
    with tempfile.TemporaryDirectory() as folder:
        store = Recordings(folder)
        done = 0
        for more in (events, *[200] * ROUNDS):
            path = Path(folder) / f"piece{done}" / f"d1_{START}.json"
            path.parent.mkdir()
            path.write_bytes(b"\n".join(lines[done : done + more]))
            done += more
            gc.collect()
            began = time.process_time()
            add_recordings(store, path, progress=False)
            seconds.append(time.process_time() - began)
    return statistics.median(seconds[1:])


def stored(paths: Sequence[Path]) -> float:
    """Return the share of their JSON that recordings take on disk."""
    with tempfile.TemporaryDirectory() as folder:
        add_recordings(Recordings(folder), paths, progress=False)
        files = (Path(folder) / "files").iterdir()
        size = sum(path.stat().st_size for path in files)
    return size / sum(path.stat().st_size for path in paths)


if __name__ == "__main__":
    runs: dict[str, tuple[Callable[[Recorded], float], Recorded]] = {
        "reduce_light": (reduce, LIGHT),
        "reduce_heavy": (reduce, HEAVY),
        "ingest_light": (ingest, LIGHT),
        "ingest_10k": (ingest, PAGE_10K),
        "ingest_200k": (ingest, PAGE_200K),
        "ingest_heavy": (ingest, HEAVY),
    }
    for _, like in runs.values():
        print(f"{like.path.name}: {like.path.stat().st_size / 1e6:,.1f} MB")
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (run, like) in runs.items():
            gc.collect()
            seconds[name].append(run(like))
    rates = {
        name: like.events / statistics.median(seconds[name])
        for name, (_, like) in runs.items()
    }
    for name, rate in rates.items():
        print(f"{name}: {rate:,.0f} events/s")
    figures = {
        "reduce_events_per_s_core": rates["reduce_light"],
        "ingest_events_per_s_core": rates["ingest_light"],
        "rate_200k_nodes_over_10k": rates["ingest_200k"] / rates["ingest_10k"],
        "reduce_heavy_events_per_s_core": rates["reduce_heavy"],
        "ingest_heavy_events_per_s_core": rates["ingest_heavy"],
        "ingest_heavy_mb_per_s_core": HEAVY.path.stat().st_size
        / 1e6
        / statistics.median(seconds["ingest_heavy"]),
        **{
            f"append_{events // 1_000}k_ms": appended(GROWING, events) * 1_000
            for events in (10_000, 80_000, 300_000)
        },
        "stored_share_of_json": stored([sample_for(2)]),
        "stored_share_12_visits": stored([like.path for like in VISITS]),
    }
    report("ingest_replays", figures, rounds=ROUNDS, seconds=seconds)
