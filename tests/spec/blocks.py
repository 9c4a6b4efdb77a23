"""Read the answer and input blocks of the specification that stands beside this file.

A block is a fenced csv table, opened with ``csv id=NAME``. `INPUTS` names the blocks
that only hold data; every other block is an answer, and has one test whose id is the
block's name (`answers`).
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pytest import MarkDecorator  # noqa: PT013

HERE: Final = Path(__file__).parent
_FENCE: Final = re.compile(r"^```csv id=(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

#: Blocks that are data and not answers.
INPUTS: Final = frozenset(
    {
        "coh.events",
        "fun.drivers",
        "fun.events",
        "fun.hold",
        "fun.landing",
        "fun.optional",
        "fun.simul",
        "fun.step2",
        "fun.totals",
        "ins.stream",
        "jny.events",
        "model.clock",
        "model.identity",
        "model.users",
        "rep.captured",
        "rep.heat.clicks",
        "rep.heat.scroll",
        "rep.clicks",
        "rep.inactive.events",
        "rep.mask",
        "rep.replays",
        "rep.search",
        "ret.events",
        "ret.index",
        "seg.cart",
        "seg.events",
        "seg.historical",
        "ses.custom",
        "ses.events",
    }
)

Row = dict[str, str | None]


@cache
def texts() -> dict[str, str]:
    """Return every block's csv text by block id."""
    found: dict[str, str] = {}
    for path in sorted(HERE.glob("*.md")):
        for match in _FENCE.finditer(path.read_text(encoding="utf-8")):
            name = match.group(1)
            if name in found:
                raise ValueError(f"the specification holds two blocks named {name}")
            found[name] = match.group(2)
    return found


def block(name: str) -> list[Row]:
    """Return the rows of a block; an empty cell is None, everything else is text."""
    header, *lines = csv.reader(texts()[name].splitlines())
    return [
        {column: cell or None for column, cell in zip(header, line, strict=True)}
        for line in lines
    ]


def answers(name: str) -> MarkDecorator:
    """Mark a test as the one of an answer block: it gets the rows as `expected`."""
    if name in INPUTS:
        raise ValueError(f"{name} holds data, not answers")
    return pytest.mark.parametrize("expected", [pytest.param(block(name), id=name)])


def spoilt(rows: list[Row], at: int, column: str) -> list[Row]:
    """Return the rows with one cell changed: a number by one, a text by a word."""
    cell = rows[at][column]
    try:
        changed = str(float(cell or "0") + 1)
    except ValueError:
        changed = f"not {cell}"
    return [
        {**row, column: changed} if number == at else dict(row)
        for number, row in enumerate(rows)
    ]
