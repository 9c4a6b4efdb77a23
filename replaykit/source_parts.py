"""What a source is made of: how its events and recordings are read, what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    import polars as pl


class Recordings(Protocol):
    """What a source needs of its recordings, on disk or in memory."""

    def catalogue(self) -> pl.DataFrame:
        """One row per replay."""
        ...

    def segment(self, replay_id: str, index: int) -> bytes:
        """One deflated segment."""
        ...

    def stored(self, replay_id: str) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield the note and the stream of all that is kept of a recording."""
        ...

    def summary(self, replay_id: str) -> dict[str, object]:
        """Return what the timeline and the panels show of one recording."""
        ...

    def extent(self, replay_id: str) -> tuple[int, int]:
        """Return its newest length in ms and number of segments, whoever added them."""
        ...


class Scan(Protocol):
    """How the events of a source are read."""

    def __call__(
        self,
        properties: Iterable[str] | None,
        users: Iterable[int] | None = None,
        *,
        buckets: Iterable[int] | None = None,
    ) -> pl.LazyFrame:
        """Return canonical columns and properties, of some users or of all.

        `buckets` limits it to these partitions; a user is in one of them.
        """
        ...


@dataclass(frozen=True, eq=False)
class Known:
    """What the catalogue of a project tells without reading any event.

    Parameters
    ----------
    names
        Returns event names and their rows: `event`, `rows`, most frequent first.
    edges
        The first and the last time.
    users
        How many people there are.
    buckets
        The partitions of the table.
    codes
        The numbers of all event names (`schema.CODE`), if each has one.
    mapped
        Whether all partitions have a covering index that questions will take.
    """

    names: Callable[[], pl.DataFrame]
    edges: tuple[datetime, datetime] | None
    users: int
    buckets: Sequence[int]
    codes: Mapping[str, int] | None = None
    mapped: bool = False
