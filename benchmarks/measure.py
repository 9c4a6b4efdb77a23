"""What every benchmark shares: interleaved rounds, medians, memory, the last line."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

PACKAGES = ("replaykit", "polars", "duckdb", "chdb", "numba", "deltalake")


def interleaved(
    runs: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """Run each in turn, round after round (A B A B …); return the median seconds.

    What each took of the processors, and what others took meanwhile, is reported.
    """
    taken: dict[str, list[float]] = {name: [] for name in runs}
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            ours, all_of_it = _processor_s()
            began = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - began)
            after, all_after = _processor_s()
            spent[name].append(after - ours)
            _MEANWHILE.append((all_after - all_of_it, after - ours, taken[name][-1]))
    _SPENT.update({name: statistics.median(times) for name, times in spent.items()})
    return {name: statistics.median(times) for name, times in taken.items()}


#: Name of a run to the seconds of all cores that it took, of all `interleaved`.
_SPENT: dict[str, float] = {}
#: Of each run: seconds of all cores that were used, that were ours, and by the clock.
_MEANWHILE: list[tuple[float, float, float]] = []


def _processor_s() -> tuple[float, float]:
    """Return what this group of processes took of the cores so far, and what all did.

    Where `/proc` tells nothing, both are those of this process.
    """
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return time.process_time(), time.process_time()
    tick = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, soft = map(int, lines[0].split()[1:8])
    ours = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold spaces.
            words = place.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[2]) == os.getpgrp():
            ours += sum(map(int, words[11:15]))
    return ours / tick, (user + nice + system + irq + soft) / tick


def _others() -> float:
    """Return how many cores others kept busy while `interleaved` ran."""
    used, ours, clock = map(sum, zip(*_MEANWHILE, strict=True))
    return max(0.0, (used - ours) / clock)


def only(runs: Mapping[str, Callable[[], object]]) -> None:
    """Run one of them alone and say the peak memory, if the command line asks for it.

    `python benchmarks/funnel.py --only f5` is how `peaks` measures each of them.
    """
    if "--only" not in sys.argv:
        return
    runs[sys.argv[sys.argv.index("--only") + 1]]()
    # Of this process alone; what getrusage says may be the parent's.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    print(int(peak) // 1024)
    sys.stdout.flush()
    # Some engines take their time to close, or fail to.
    os._exit(0)


def peaks(names: Iterable[str]) -> dict[str, int]:
    """Return the peak resident MiB of each run in a process of its own."""
    found = {}
    for name in names:
        command = [sys.executable, sys.argv[0], "--only", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[name] = int(done.stdout.split()[-1])
    return found


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
    if _SPENT:
        conditions |= {"cpu_s": seconds(_SPENT), "others_cores": round(_others(), 2)}
    rounded = {key: round(value, 3) for key, value in figures.items()}
    print(json.dumps({"name": name, "figures": rounded, "conditions": conditions}))


def compared(
    name: str,
    asked: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    ratios: Mapping[str, Sequence[str]],
    close: Callable[[], None],
    **conditions: object,
) -> None:
    """Run `ours` beside `read` and the peers, compare their answers, and report.

    Parameters
    ----------
    name
        The benchmark.
    asked
        What is run; `read` reads the columns, all others give one answer.
    rounds
        Of all of them, interleaved.
    ratios
        By key: the peers of which the fastest is compared; none means all.
    close
        Lets processes of their own open what is measured for memory.
    conditions
        What else to report.
    """
    only(asked)
    answers = {one: run() for one, run in asked.items() if one != "read"}
    equal = all(found == answers["ours"] for found in answers.values())
    print({one: found[:2] for one, found in answers.items()})  # type: ignore[index]
    taken = interleaved(asked, rounds)
    close()
    figures = {"vs_read": taken["ours"] / taken["read"]}
    if equal:
        peers = [one for one in asked if one not in {"read", "ours"}]
        for key, among in ratios.items():
            best = min(taken[one] for one in among or peers)
            figures[key] = best / taken["ours"]
    report(
        name,
        figures,
        **conditions,
        rounds=rounds,
        equal=equal,
        seconds=seconds(taken),
        peak_mib=peaks(asked),
    )


def seconds(taken: Mapping[str, float]) -> dict[str, float]:
    """Round times for the report."""
    return {name: round(value, 4) for name, value in taken.items()}
