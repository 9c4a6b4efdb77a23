"""All that events change: the page, the window, and what a keyframe has to carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replaykit.ingest.rrweb_events import INCREMENTAL, Event
from replaykit.ingest.rrweb_json import parsed
from replaykit.replays import carry
from replaykit.replays.carry import EFFECTS, Carried
from replaykit.replays.dom import Page
from replaykit.replays.keyframes import View, keyframe
from replaykit.replays.pieces import pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from replaykit.replays.keyframes import Segment

#: What `Stage.change` returns for an event on a node that nobody knows.
UNKNOWN: Final = -1


class Stage:
    """A page that events happen on."""

    def __init__(self) -> None:
        """Start with no page at all."""
        self.page = Page()
        self.view = View()
        self.carried = Carried(self.page)

    def change(self, source: int, data: dict[str, Any], timestamp: float) -> int:
        """Apply what changes the page or the window, or depends on the time.

        That is what has no part in `EFFECTS`. Returns how many nodes came, or
        `UNKNOWN`.
        """
        if source == carry.MUTATION:
            added = self.page.mutate(data)
            if self.page.players:
                self.carried.players(timestamp)
            return added
        if source == carry.VIEWPORT_RESIZE:
            self.view.width, self.view.height = data["width"], data["height"]
        elif source == carry.MEDIA and not self.carried.media(data, timestamp):
            return UNKNOWN
        return 0

    def keyframe(self, start: float, timestamp: float, *, pointer: bool) -> Segment:
        """Open a segment that begins with the page as it stands."""
        segment = keyframe(
            self.page,
            self.carried,
            self.view,
            start=start,
            timestamp=timestamp,
            pointer=pointer,
        )
        self.carried.fresh_sheets.clear()
        return segment

    # -- once more

    def show(
        self, snapshot: msgspec.Raw, lead: Iterable[Event], timestamp: float
    ) -> None:
        """Bring back the page of a keyframe, which was made at this time.

        Parameters
        ----------
        snapshot
            The data of its snapshot, cleaned.
        lead
            The events after that which complete it.
        timestamp
            Since when films play.
        """
        data, pieces = pieces_of(snapshot)
        self.page.load(data["node"], None, pieces)
        self.page.players.clear()  # what they do now stands among the events
        offset = data["initialOffset"]
        self.view.left, self.view.top = offset["left"], offset["top"]
        for event in lead:
            self.repeat(event, timestamp)
        self.carried.fresh_sheets.clear()

    def repeat(self, event: Event, timestamp: float) -> int:
        """Let an event do what it did before; return how many nodes came."""
        if event.type != INCREMENTAL:
            return 0
        data: Any = parsed(event.data)
        effect = EFFECTS.get(data["source"])
        if effect is None:
            return max(0, self.change(data["source"], data, timestamp))
        effect(self.carried, data)
        return 0
