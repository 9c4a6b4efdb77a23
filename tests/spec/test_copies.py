"""The copied specification is the shared one, and its blocks are listed."""

from __future__ import annotations

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


def test_an_empty_cell_is_none() -> None:
    assert blocks.block("fun.step2")[0]["item"] is None
