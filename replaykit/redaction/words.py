"""Strings to be taken out of texts, found where they stand as words of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Shorter strings stand in too many words to be looked for in free text.
SHORTEST: Final = 4

_RUN: Final = re.compile(r"\w+")
_NUMBER: Final = re.compile(r"\d+")
#: A number inside a date, a time, a decimal or thousands is not an id.
_DIGITS_BEFORE: Final = re.compile(r"\d[.,:-]\Z")
_DIGITS_AFTER: Final = re.compile(r"[.,:-]\d")


class Words:
    """A set of strings, each with what stands in its place.

    A string is found where no letter, digit or underscore touches it; one made of
    digits alone also not inside a date, a time or a longer number. Looking costs as
    much as the text is long, however many strings there are.

    Examples
    --------
    >>> words = Words({"ana.01": "person-1", "2026": "person-2"})
    >>> words.replace("ana.01, not ana.012; 2026-03-04, but user 2026")
    'person-1, not ana.012; 2026-03-04, but user person-2'
    """

    def __init__(
        self,
        replacements: Mapping[str, str | None],
        name: Callable[[str], str] = lambda _: "redacted",
    ) -> None:
        """Take the strings that are long enough to be looked for.

        One that stands for nothing yet gets its replacement from `name`, when it is
        first met.
        """
        self._known: dict[str, str | None] = {}
        self._name = name
        #: First run of word characters -> (its place in the string, length) to try.
        self._heads: dict[str, list[tuple[int, int]]] = {}
        self._cache: dict[str, str] = {}
        places: dict[str, set[tuple[int, int]]] = {}
        for text, instead in replacements.items():
            run = _RUN.search(text)
            if len(text) < SHORTEST or run is None:
                continue
            self._known[text] = instead
            places.setdefault(run[0], set()).add((run.start(), len(text)))
        for head, found in places.items():
            # The longest string that fits is the one that is meant.
            self._heads[head] = sorted(found, key=lambda place: -place[1])

    def __len__(self) -> int:
        """Return how many strings are looked for."""
        return len(self._known)

    def __iter__(self) -> Iterator[str]:
        """Yield the strings."""
        return iter(self._known)

    def __contains__(self, text: object) -> bool:
        """Tell whether a string is looked for."""
        return text in self._known

    def replace(self, text: str) -> str:
        """Return the text with every string replaced."""
        if not self._heads:
            return text
        known = self._cache.get(text)
        if known is None:
            known = self._replaced(text)
            if len(self._cache) > 50_000:
                self._cache.clear()
            self._cache[text] = known
        return known

    def _replaced(self, text: str) -> str:
        out: list[str] = []
        at = 0
        for start, end in self.places(text):
            out += [text[at:start], self._instead(text[start:end])]
            at = end
        return text if at == 0 else "".join([*out, text[at:]])

    def _instead(self, found: str) -> str:
        instead = self._known[found]
        if instead is None:
            instead = self._known[found] = self._name(found)
        return instead

    def without_numbers(self) -> Words:
        """Return those that are not digits alone."""
        kept = {one: "" for one in self._known if not _NUMBER.fullmatch(one)}
        return Words(kept)

    def anywhere(self, texts: Iterable[str]) -> bool:
        """Tell whether the beginning of any string stands in any of the texts.

        If not, `places` finds nothing in them: one look at all of them is much cheaper
        than a look at each.
        """
        if not self._heads:
            return False
        return not self._heads.keys().isdisjoint(_RUN.findall("\n".join(texts)))

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of every string in the text, none overlapping."""
        heads = self._heads
        after = 0
        for run in _RUN.finditer(text):
            tries = heads.get(run[0])
            if tries is None:
                continue
            for offset, length in tries:
                start = run.start() - offset
                end = start + length
                if start < after or end > len(text):
                    continue
                if text[start:end] not in self._known:
                    continue
                if _stands_alone(text, start, end):
                    yield start, end
                    after = end
                    break


def _stands_alone(text: str, start: int, end: int) -> bool:
    first, last = text[start], text[end - 1]
    if start and _word(first) and _word(text[start - 1]):
        return False
    if end < len(text) and _word(last) and _word(text[end]):
        return False
    if not _NUMBER.fullmatch(text, start, end):
        return True
    before, behind = text[max(0, start - 2) : start], text[end : end + 2]
    return not (_DIGITS_BEFORE.search(before) or _DIGITS_AFTER.match(behind))


def _word(char: str) -> bool:
    return char.isalnum() or char == "_"
