"""Notebooks run from top to bottom, and are committed as they come out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from replaykit.demoshop.tour import execute, settle
from replaykit.sharing.notebook import FILM

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
BUNDLE = "application/vnd.replaykit.v1+json"


def shown(node):
    """What a reader sees of each cell: source, texts, tables, chart titles."""
    for cell in node["cells"]:
        outputs = []
        for output in cell.get("outputs", []):
            if FILM in output.get("metadata", {}):
                continue  # drawn afterwards, where there is a browser
            data = dict(output.get("data", {}))
            bundle = data.pop(BUNDLE, None)
            if bundle is not None:
                chart = bundle.get("chart") or {}
                data["chart"] = [chart.get("title"), chart.get("note")]
            outputs.append(data or output.get("text"))
        yield "".join(cell["source"]), json.loads(json.dumps(outputs))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_committed_as_it_comes_out(path):
    import nbformat

    committed = nbformat.read(path, as_version=4)
    again = settle(execute(path))
    assert list(shown(again)) == list(shown(committed))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_small_and_says_something_without_scripts(path):
    assert path.stat().st_size <= 1_000_000
    node = json.loads(path.read_text())
    assert "widgets" not in node["metadata"]
    bundles = 0
    for cell in node["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            assert "application/vnd.jupyter.widget-view+json" not in data
            if BUNDLE in data:
                bundles += 1
                assert "<table>" in "".join(data["text/html"])
    assert bundles
