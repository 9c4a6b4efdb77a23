"""Count what was taken out of a recording."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypeAlias

#: Different addresses that are told as missing.
_MISSING_KEPT: Final = 2_000
#: What was taken out, and missing addresses.
Counts: TypeAlias = "tuple[dict[str, int], dict[str, int]]"


@dataclass
class Taken:
    """What was taken out, and the addresses that are missing for it, counted."""

    removed: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    def add(self, more: Taken) -> None:
        """Count that in as well."""
        self.removed.update(more.removed)
        for address, count in more.missing.items():
            if address in self.missing or len(self.missing) < _MISSING_KEPT:
                self.missing[address] += count

    def without(self, less: Taken) -> Taken:
        """Return what is left without that."""
        return Taken(self.removed - less.removed, self.missing - less.missing)

    def counts(self) -> Counts:
        """Return it as plain dicts, to be saved."""
        return dict(self.removed), dict(self.missing)

    @classmethod
    def of(cls, counts: Counts) -> Taken:
        """Return what was saved."""
        return cls(*map(Counter, counts))


@dataclass(frozen=True)
class Cleaned:
    """What was taken out of a recording."""

    taken: Counts
    #: Of that, what comes to light once more when what is stored is read anew.
    again: Counts
