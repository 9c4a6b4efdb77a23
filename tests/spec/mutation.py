"""Spoil the answer blocks: changing any one cell makes exactly its test fail.

A plugin of pytest (`make spec-mutation`). Every test of an answer block is run once
more per cell, with that cell changed, and must fail each time. That no *other* test
would fail is checked in the sources: an answer block is read by its own test alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.spec.blocks import INPUTS, spoilt

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Replace the tests of answer blocks by one copy per cell, and drop all others."""
    spoiled = [copy for item in items for copy in _copies(item)]
    config.hook.pytest_deselected(items=[one for one in items if not _is_answer(one)])
    items[:] = spoiled


def _is_answer(item: pytest.Item) -> bool:
    return "expected" in getattr(getattr(item, "callspec", None), "params", {})


def _copies(item: pytest.Item) -> Iterator[pytest.Item]:
    if not _is_answer(item) or not isinstance(item, pytest.Function):
        return
    rows = item.callspec.params["expected"]
    name = item.callspec.id
    assert name not in INPUTS
    for at, row in enumerate(rows):
        for column in row:
            changed = spoilt(rows, at, column)
            spec = replace(
                item.callspec, params={**item.callspec.params, "expected": changed}
            )
            copy = pytest.Function.from_parent(
                item.parent,
                name=f"{item.originalname}[{name}/{at}/{column}]",
                callspec=spec,
                callobj=item.obj,
                fixtureinfo=item._fixtureinfo,
                originalname=item.originalname,
            )
            copy.add_marker(
                pytest.mark.xfail(
                    strict=True, reason=f"{name}: {row[column]!r} was changed"
                )
            )
            yield copy
