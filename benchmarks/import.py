"""How long `import replaykit` takes in a fresh process, warm file cache."""

from __future__ import annotations

import statistics
import subprocess
import sys

from measure import report

ROUNDS = 9
CODE = """
import time
began = time.perf_counter()
import replaykit
print(time.perf_counter() - began)
"""

if __name__ == "__main__":
    seconds = []
    for _ in range(ROUNDS + 1):
        done = subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
        )
        seconds.append(float(done.stdout))
    report("import", {"seconds": statistics.median(seconds[1:])}, rounds=ROUNDS)
