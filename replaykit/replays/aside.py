"""Events that no snapshot came before, kept aside.

A piece that arrives later may hold the snapshot that all of them belong to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replaykit.replays.keyframes import Kept, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replaykit.ingest.rrweb_events import Event
    from replaykit.replays.keyframes import Limits


class Aside:
    """Collects events into segments that cannot be played."""

    def __init__(self, limits: Limits) -> None:
        """Start with none; a segment is closed at the size of `limits`."""
        self._limits = limits
        self._open: Segment | None = None

    def append(
        self, event: Event, start: float, original: Event | None = None
    ) -> Iterator[Segment]:
        """Keep an event of a recording that began at `start`; yield what is full.

        `original` is the event as it came, if that is to be kept as well.
        """
        aside = self._opened(event, start)
        if original is not None:
            aside.originals.append(Kept(len(aside.tail), instead=True, event=original))
        aside.append(event)
        if aside.size > self._limits.size:
            yield from self.close(start)

    def keep(self, event: Event, start: float) -> None:
        """Keep an event of which nothing is written."""
        aside = self._opened(event, start)
        aside.originals.append(Kept(len(aside.tail), instead=False, event=event))

    def _opened(self, event: Event, start: float) -> Segment:
        if self._open is None:
            at = event.timestamp
            self._open = Segment(at - start, at, playable=False, last=at)
        return self._open

    def close(self, start: float) -> Iterator[Segment]:
        """Yield what is left, if anything is."""
        aside, self._open = self._open, None
        if aside is not None:
            yield aside.close(aside.last - start)
