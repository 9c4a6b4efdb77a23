"""Peak memory of ingesting a large export, in a process of its own.

`SIZE=2M make bench NAME=memory` sets the number of rows (20M by default).
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from big_export import build_folder, export
from measure import report

import replaykit as rk

INGEST = "--ingest"


def rows_asked() -> int:
    return int(float(os.environ.get("SIZE", "20M").upper().removesuffix("M")) * 1e6)


def ingest(folder: Path, files: list[Path]) -> None:
    began = time.perf_counter()
    shop = rk.create(folder)
    told = shop.add_events(files, progress=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(told.new, peak, time.perf_counter() - began)


if __name__ == "__main__":
    if INGEST in sys.argv:
        ingest(Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]])
        sys.exit()
    rows = rows_asked()
    paths = export(build_folder() / f"export-{rows}", rows)
    if "--build" in sys.argv:
        sys.exit()
    folder = build_folder() / f"memory-{os.getpid()}.rk"
    try:
        done = subprocess.run(
            [sys.executable, __file__, INGEST, str(folder), *map(str, paths)],
            capture_output=True,
            check=True,
            text=True,
        )
        new, peak, seconds = map(float, done.stdout.split())
        report(
            "memory",
            {f"ingest_{rows // 1_000_000}m_peak_mib": peak, "seconds": seconds},
            rows=rows,
            new=int(new),
            threads=threading.active_count(),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
