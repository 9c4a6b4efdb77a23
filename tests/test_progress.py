"""What progress leaves behind: a line of words in a notebook, nothing in a terminal."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from time import sleep

import nbclient
import nbformat
import pytest

from replaykit.progress import bar, over

SLOW = """
from time import sleep
from replaykit.progress import over
for _ in over(range(8), "recordings", unit="replay", shown=True):
    sleep(0.12)
"""
QUICK = """
from replaykit.progress import over
total = sum(over(range(8), "recordings", unit="replay", shown=True))
"""
BYTES = """
from time import sleep
from replaykit.ingest.report import progress
with progress("events", 4096) as bar:
    for _ in range(8):
        sleep(0.12)
        bar.update(512)
"""
BROKEN = """
from time import sleep
from replaykit.progress import over
try:
    for number in over(range(8), "recordings", unit="replay", shown=True):
        sleep(0.2)
        if number == 5:
            raise KeyboardInterrupt
except KeyboardInterrupt:
    pass
"""


@pytest.fixture(scope="module")
def outputs():
    cells = [nbformat.v4.new_code_cell(code) for code in (SLOW, QUICK, BYTES, BROKEN)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=60).execute()
    return [cell.outputs for cell in notebook.cells]


def text_of(cell):
    (output,) = cell
    assert list(output["data"]) == ["text/plain"]
    return output["data"]["text/plain"]


def test_what_took_a_while_ends_as_a_line_of_words(outputs):
    assert text_of(outputs[0]) in {
        "recordings: 8 replays in 00:00",
        "recordings: 8 replays in 00:01",
    }


def test_what_was_quick_leaves_nothing(outputs):
    assert outputs[1] == []


def test_bytes_are_told_in_their_size(outputs):
    assert text_of(outputs[2]).startswith("events: 4.00kB in ")


def test_what_was_stopped_says_how_far_it_came(outputs):
    assert text_of(outputs[3]).startswith("recordings: 5 replays in ")


def test_a_terminal_is_left_clean():
    written = io.StringIO()
    with redirect_stderr(written), bar("x", 2, unit="file", shown=True) as shown:
        sleep(0.6)
        shown.update(1)
    last = written.getvalue().split("\r")
    assert any("50%" in part for part in last)
    assert last[-2].strip() == last[-1] == ""


def test_nothing_is_shown_where_it_is_not_wanted(capsys):
    for _ in over(range(3), "x", unit="file", shown=False):
        sleep(0.25)
    assert capsys.readouterr().err == ""
