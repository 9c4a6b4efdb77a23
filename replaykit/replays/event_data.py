"""What a recorded event says: its data, read once and cleaned, and what to write."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from replaykit.ingest.rrweb_events import FULL_SNAPSHOT, INCREMENTAL, Event
from replaykit.ingest.rrweb_json import dumps, parsed
from replaykit.replays import carry
from replaykit.replays.inline_sheets import has_sheets, taken_sheets
from replaykit.replays.pieces import pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from replaykit.replays.dom import Page
    from replaykit.replays.keyframes import View
    from replaykit.replays.pieces import Pieces
    from replaykit.replays.sanitise import Sanitiser

_NODE: Final = itemgetter("node")
_MUTATION_LISTS: Final = ("removes", "adds", "texts", "attributes")
#: Sources whose data are cleaned.
_CLEANED: Final = frozenset(
    {
        carry.MUTATION,
        carry.STYLE_RULE,
        carry.STYLE_DECLARATION,
        carry.ADOPTED_SHEET,
        carry.CANVAS,
        carry.FONT,
        carry.VIEWPORT_RESIZE,
    }
)
_STYLED: Final = frozenset(
    {carry.STYLE_RULE, carry.STYLE_DECLARATION, carry.ADOPTED_SHEET}
)
_EMPTY: Final = msgspec.Raw(b"{}")
#: How the data of pointers begin, as rrweb writes them.
_POINTER: Final = re.compile(rb'\{"source": ?(?:1|6|12),')


class Position(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Where the pointer was, so many ms before its event."""

    x: int | float
    y: int | float
    id: int
    timeOffset: int | float = 0  # noqa: N815 - rrweb's spelling


class Pointer(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The data of a mouse's or finger's movement: numbers and nothing else.

    Most of a recording is these, so they are read apart, and written as they came in.
    """

    source: Literal[1, 6, 12]
    positions: Annotated[list[Position], msgspec.Meta(min_length=1)]


#: Tells whether data begin as a pointer's, in which case the other reads them, if they
#: are as rrweb writes them; else it raises one of `REFUSED`.
is_pointer = _POINTER.match
pointer_of = msgspec.json.Decoder(Pointer).decode


class EventData:
    """Reads the data of events in the shape that the Replayer relies on.

    Parameters
    ----------
    sanitiser
        Cleans what is read; None trusts the recording.
    page, view
        As they stand before the event.
    knows_sheet
        Whether a constructed sheet of this number was made before.
    """

    def __init__(
        self,
        sanitiser: Sanitiser | None,
        page: Page,
        view: View,
        knows_sheet: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Read nothing yet."""
        self._sanitiser = sanitiser
        self._page = page
        self._view = view
        self._knows_sheet = knows_sheet
        #: What the nodes of the last event said of sheets (`replays.inline_sheets`).
        self.sheets: list[dict[str, Any]] = []

    def snapshot(self, event: Event) -> tuple[Any, Pieces | None]:
        """Read a snapshot's data, but for its small parts (`replays.pieces`)."""
        if self._sanitiser is None or not has_sheets(event.data):
            return pieces_of(event.data, self._sanitiser)
        data: Any = parsed(event.data)
        self.sheets = taken_sheets([data["node"]], lambda _: False)
        return data, None

    def adoptions(self, event: Event | dict[str, Any]) -> list[Event]:
        """Return the events to follow one whose nodes said which sheets they use."""
        at = event.timestamp if isinstance(event, Event) else event["timestamp"]
        sheets, self.sheets = self.sheets, []
        source = {"source": carry.ADOPTED_SHEET}
        texts = (msgspec.Raw(dumps({**source, **data})) for data in sheets)
        return [Event(INCREMENTAL, at, text) for text in texts]

    def read(self, event: Event) -> tuple[int, Any, Event | None]:
        """Return the source, the data, and the event to write: None if nothing is left.

        The source is -1 if the event has none.
        """
        if event.type != INCREMENTAL:
            if event.type < FULL_SNAPSHOT:
                return -1, {}, Event(event.type, event.timestamp, _EMPTY)
            return -1, parsed(event.data), event
        data: Any = parsed(event.data)
        source = data["source"]
        if type(source) is not int:
            raise TypeError
        if source == carry.MUTATION:
            if self._mutation(data):
                event = _rewritten(event, data)
        elif source in _CLEANED and self._sanitiser is not None:
            if not self._clean(source, data, self._sanitiser):
                return source, data, None
            event = _rewritten(event, data)
        return source, data, event

    def _mutation(self, data: Any) -> bool:
        """Clean a mutation; tell whether anything of it may have changed."""
        changed = False
        for key in _MUTATION_LISTS:
            if type(data.get(key)) is not list:
                data[key] = []
                changed = True
        adds = data["adds"]
        if adds and None in map(_NODE, adds):
            # rrweb before 1.0 wrote nodes that it left out as null, and skipped them.
            data["adds"] = [add for add in adds if add["node"] is not None]
            changed = True
        sanitiser = self._sanitiser
        if sanitiser is None:
            return changed
        changed |= sanitiser.mutation(data, self._page)
        if sanitiser.sheeted:
            self.sheets = taken_sheets(sanitiser.sheeted, self._knows_sheet)
            sanitiser.sheeted = []
        return changed

    def _clean(self, source: int, data: Any, sanitiser: Sanitiser) -> bool:
        """Clean any other event; False if nothing of it may stay."""
        if source in _STYLED:
            sanitiser.style_event(data)
        elif source == carry.CANVAS:
            sanitiser.canvas(data)
        elif source == carry.FONT:
            return sanitiser.font(data)
        else:
            view = self._view
            width = sanitiser.viewport(data["width"])
            height = sanitiser.viewport(data["height"])
            sanitiser.relied |= not (width and height)
            data["width"] = width or view.width
            data["height"] = height or view.height
        return True


def _rewritten(event: Event, data: Any) -> Event:
    return Event(event.type, event.timestamp, msgspec.Raw(dumps(data)))
