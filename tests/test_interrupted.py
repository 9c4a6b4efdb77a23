"""An interrupt ends a question at once, whatever engine runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

#: A process that asks for what takes half a minute: in a search that runs to its end,
#: as machine code does, or in polars; and afterwards something else.
CHILD = """
import os, sys, time
import numpy as np, polars as pl, replaykit as rk
from replaykit.analyses import rows_kernel

folder, engine, kind = sys.argv[1:]
rows = 400_000
minutes = pl.Series(1_767_225_600_000 + np.arange(rows) * 60_000)
frame = pl.DataFrame(
    {
        "user": np.arange(rows) % 5_000,
        "time": minutes.cast(pl.Datetime("ms")),
        "event": np.where(np.arange(rows) % 3, "Search", "Buy"),
        "price": np.arange(rows) % 7 * 1.0,
    }
)
rk.create(folder).add_events(frame, progress=False)

def total():
    events = rk.open(folder, engine=engine).events
    return events.segmentation("Buy", measure="totals").total["value"].item()

def ask():
    events = rk.open(folder, engine=engine).events
    if kind == "search":
        rows_kernel.in_order = slow
    else:
        many = [(pl.col("price") * k).sort() for k in range(1_500)]
        events = events.filter(pl.sum_horizontal(many) >= 0)
        print("works", flush=True)
    events.funnel("Search", "Buy", within="7d")

def slow(*columns):
    print("works", flush=True)
    time.sleep(30)
    return True

wanted = total()
try:
    ask()
    print("finished", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print("right" if total() == wanted else "wrong", flush=True)
os._exit(0)
"""


#: Seconds, a third of what the question takes: an idle machine needs less than two, and
#: one that other programs keep busy several times that.
WAITED = 10


@pytest.mark.parametrize("engine", ["scan", "threads"])
@pytest.mark.parametrize("kind", ["search", "polars"])
def test_an_interrupt_ends_a_question_long_before_its_end(tmp_path, engine, kind):
    command = [sys.executable, "-c", CHILD, str(tmp_path / "shop.rk"), engine, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = (line.strip() for line in iter(child.stdout.readline, ""))
        assert next(said) == "works"
        time.sleep(0.7)
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        rest = (word for word in said if word != "works")
        assert next(rest) == "interrupted"
        assert time.monotonic() - began < WAITED
        # Nothing is left of the question in what is asked next.
        assert list(rest) == ["right"]
