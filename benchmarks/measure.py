"""What every benchmark shares: interleaved rounds, medians, and the last line."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PACKAGES = ("replaykit", "polars", "duckdb", "numba", "deltalake")


def interleaved(
    runs: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """Run each in turn, round after round (A B A B …); return the median seconds."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def report(name: str, figures: Mapping[str, float], **conditions: object) -> None:
    """Print the JSON object that `make bench` ends with."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    conditions = {
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "python": platform.python_version(),
        "versions": versions,
        "load": round(os.getloadavg()[0], 1),
        **conditions,
    }
    rounded = {key: round(value, 3) for key, value in figures.items()}
    print(json.dumps({"name": name, "figures": rounded, "conditions": conditions}))
