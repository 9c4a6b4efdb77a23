"""Names that stand for people, devices and replays, the same one everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class Pseudonyms:
    """Numbers strings in the order in which they are met.

    The number says nothing of who is meant, and no name that is given out is itself
    the id of somebody.

    Examples
    --------
    >>> names = Pseudonyms("person", taken=["person-1"])
    >>> names("ana"), names("ben"), names("ana")
    ('personx-1', 'personx-2', 'personx-1')
    """

    def __init__(self, word: str, taken: Collection[str] = ()) -> None:
        """Choose a word with which no id could be confused."""
        while any(re.fullmatch(rf"{word}-\d+", one) for one in taken):
            word += "x"
        self._word = word
        self._given: dict[str, str] = {}
        self._names: set[str] = set()

    def __call__(self, text: str) -> str:
        """Return the name that stands for a string."""
        known = self._given.get(text)
        if known is None:
            known = self._given[text] = f"{self._word}-{len(self._given) + 1}"
            self._names.add(known)
        return known

    def __len__(self) -> int:
        """Return how many were named."""
        return len(self._given)

    def given(self, name: str) -> bool:
        """Tell whether a string is one of the names given out."""
        return name in self._names
