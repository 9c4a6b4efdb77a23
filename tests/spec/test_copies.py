"""The copied specification is the shared one, and its blocks are listed."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.spec import blocks

SHARED = Path(__file__).parents[3] / "shared" / "spec"
NAMES = sorted(path.name for path in blocks.HERE.glob("*.md"))


@pytest.mark.parametrize("name", NAMES)
def test_copy_is_the_shared_text(name: str) -> None:
    if not SHARED.is_dir():
        return  # the shared folder is not part of a clone
    copy = (blocks.HERE / name).read_text(encoding="utf-8")
    shared = (SHARED / name).read_text(encoding="utf-8")
    if name == "README.md":  # ours adds the list of blocks below the shared text
        assert copy.startswith(shared)
    else:
        assert copy == shared


def test_every_shared_text_is_copied() -> None:
    if SHARED.is_dir():
        assert sorted(path.name for path in SHARED.glob("*.md")) == NAMES


def test_every_input_block_exists() -> None:
    assert set(blocks.texts()) >= blocks.INPUTS


def test_the_readme_lists_inputs_and_answers() -> None:
    text = (blocks.HERE / "README.md").read_text(encoding="utf-8")
    listed = text.partition("## Blocks\n")[2]
    inputs, _, answered = listed.partition("Answers:")
    assert {name for name in blocks.INPUTS if f"`{name}`" in inputs} == blocks.INPUTS
    expected = set(blocks.texts()) - blocks.INPUTS
    assert {name for name in expected if f"`{name}`" in answered} == expected


#: The files whose every answer is a test; the others belong to parts still growing.
WHOLE = (
    *("model", "segmentation", "formulas", "funnel", "funnel-measures", "journeys"),
    *("sessions", "retention", "cohorts"),
)


def test_every_answer_has_exactly_one_test_that_reads_it() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for path in blocks.HERE.parent.rglob("test_*.py")
        if path != Path(__file__)
    ]
    marks = Counter(name for text in sources for name in _MARK.findall(text))
    read = Counter(name for text in sources for name in _TEXT.findall(text))
    wanted = {
        name
        for file in WHOLE
        for name in _FENCED.findall((blocks.HERE / f"{file}.md").read_text("utf-8"))
    } - blocks.INPUTS
    assert {name for name, times in marks.items() if times > 1} == set()
    assert wanted <= set(marks)
    assert {name for name in wanted if read[name] != 1} == set()


_MARK = re.compile(r'@answers\("([^"]+)"\)')
_TEXT = re.compile(r'"([a-z]+\.[a-z0-9_.]+)"')
_FENCED = re.compile(r"^```csv id=(\S+)$", re.MULTILINE)


def test_an_empty_cell_is_none() -> None:
    assert blocks.block("fun.step2")[0]["item"] is None
