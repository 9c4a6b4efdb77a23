"""How large a page is and why, said before it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from replaykit.errors import BadInput, UnknownOption

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_UNITS: Final = {"B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?B)\s*", re.IGNORECASE)
_NAMED: Final = 5


class Part(NamedTuple):
    """One part of a page and what it weighs there."""

    label: str
    bytes: int


@dataclass(frozen=True, eq=False)
class SharedPage:
    """A page that was written: where it is, what it holds and what weighs most.

    Attributes
    ----------
    path
        The file.
    bytes
        Its size.
    parts
        What it is made of, largest first.
    charts, replays
        How many of each it can show.
    notes
        What a reader of the page will miss, one sentence each.
    """

    path: Path
    bytes: int
    parts: tuple[Part, ...]
    charts: int
    replays: int
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Say what was written."""
        held = f"{_count(self.charts, 'chart')}, {_count(self.replays, 'replay')}"
        lines = [f"{self.path} · {size_words(self.bytes)} · {held}"]
        lines += [
            f"  {size_words(part.bytes):>8}  {part.label}"
            for part in self.parts[:_NAMED]
        ]
        rest = self.parts[_NAMED:]
        if rest:
            total = sum(part.bytes for part in rest)
            lines.append(
                f"  {size_words(total):>8}  {_count(len(rest), 'smaller part')}"
            )
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def size_words(size: int) -> str:
    """Write a size as people say it.

    Examples
    --------
    >>> size_words(3_412_000), size_words(41_200), size_words(12)
    ('3.4 MB', '41 KB', '12 B')
    """
    if size < 1_000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{round(size / 1_000)} KB"
    return f"{size / 1_000_000:.1f} MB"


def read_size(text: str) -> int:
    """Read a size such as "10MB" or "500 KB".

    Examples
    --------
    >>> read_size("10MB"), read_size("1.5 kb")
    (10000000, 1500)
    """
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise UnknownOption(
            f"budget={text!r} is not a size. Write '10MB' or '500KB', or give None."
        )
    return round(float(found[1]) * _UNITS[found[2].upper()])


def largest_first(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Add up parts of one name, and put the largest first.

    Examples
    --------
    >>> largest_first([Part("a", 1), Part("b", 5), Part("a", 6)])
    (Part(label='a', bytes=7), Part(label='b', bytes=5))
    """
    sums: dict[str, int] = {}
    for label, size in parts:
        sums[label] = sums.get(label, 0) + size
    found = [Part(label, size) for label, size in sums.items()]
    return tuple(sorted(found, key=lambda part: (-part.bytes, part.label)))


def check_budget(total: int, parts: tuple[Part, ...], budget: str | None) -> None:
    """Raise `BadInput` with the largest parts named if a page is over its budget."""
    if budget is None or total <= read_size(budget):
        return
    named = ", ".join(
        f"{part.label} {size_words(part.bytes)}" for part in parts[:_NAMED]
    )
    raise BadInput(
        f"The page would be {size_words(total)}, over its budget of {budget}. Nothing "
        f"was written. Largest parts: {named}. Share less with export='shown' or "
        "export='none', or allow more with budget=."
    )


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
