"""State that outlives its event and that a snapshot's nodes cannot hold.

Values typed, scroll offsets, inserted style rules, adopted sheets, running media,
canvas commands, the selection and the pointer: a keyframe repeats the latest event
of each, so that a player that starts there arrives at the same page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replaykit.replays.canvas_commands import background, drawings, repaints
from replaykit.replays.nodes import DOCUMENT, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replaykit.replays.dom import Page
    from replaykit.replays.event_data import Pointer

# rrweb incremental sources (@rrweb/types, IncrementalSource).
MUTATION: Final = 0
MOUSE_MOVE: Final = 1
MOUSE_INTERACTION: Final = 2
SCROLL: Final = 3
VIEWPORT_RESIZE: Final = 4
INPUT: Final = 5
TOUCH_MOVE: Final = 6
MEDIA: Final = 7
STYLE_RULE: Final = 8
CANVAS: Final = 9
FONT: Final = 10
LOG: Final = 11
DRAG: Final = 12
STYLE_DECLARATION: Final = 13
SELECTION: Final = 14
ADOPTED_SHEET: Final = 15
CUSTOM_ELEMENT: Final = 16

#: Movements of a mouse, of a finger, and of what is dragged.
POINTERS: Final = frozenset({MOUSE_MOVE, TOUCH_MOVE, DRAG})

#: Inserted rules travel in blocks of this many, so that equal blocks are stored once.
_RULES_PER_EVENT: Final = 200
_TOUCH_START: Final = 7
#: Mouse interactions of fingers (start, end, cancel), and those that move the pointer.
_TOUCHES: Final = frozenset({_TOUCH_START, 9, 10})
_MOVING: Final = frozenset({0, 1, 2, _TOUCH_START, 9})
#: A visit adds so many faces at most.
_FONTS: Final = 64
#: What a node says of a film or sound, by the name in an event.
_MEDIA_ATTRIBUTES: Final = {
    "currentTime": "rr_mediaCurrentTime",
    "volume": "rr_mediaVolume",
    "muted": "rr_mediaMuted",
    "loop": "rr_mediaLoop",
    "playbackRate": "rr_mediaPlaybackRate",
}
#: A canvas whose commands since its last full repaint exceed this is not carried.
_CANVAS_COMMANDS: Final = 20_000

Data = dict[str, Any]


class Carried:
    """What a keyframe has to say after its snapshot."""

    def __init__(self, page: Page) -> None:
        """Follow the events of `page`."""
        self._page = page
        #: The event that last moved the pointer.
        self.pointer: Pointer | Data | None = None
        self._finger = False
        self._selection: Data | None = None
        self._sheets: dict[int, list[Data]] = {}
        #: Constructed sheet -> the document it was made in, the only one to use it.
        self._homes: dict[int, int] = {}
        self._adopted: dict[int, Data] = {}
        self._elements: dict[str, Data] = {}
        self._fonts: dict[str, Data] = {}
        #: Constructed sheets made since the last keyframe.
        self.fresh_sheets: set[int] = set()

    def reset(self) -> None:
        """Forget what a new full snapshot replaces; the pointer stays."""
        self._selection = None
        self._sheets = {}
        self._homes = {}
        self._adopted = {}
        self._fonts = {}

    # -- following

    def move(self, data: Pointer | Data) -> bool:
        """Remember where the pointer or finger is."""
        if isinstance(data, dict):
            _place(data)
        self.pointer = data
        return True

    def interact(self, data: Data) -> bool:
        """Remember where a button or finger acted, and whether a finger is down.

        As the Replayer has it: only these move its pointer, and only on a known node.
        """
        kind = data.get("type")
        if data["id"] in self._page.nodes:
            if kind in _TOUCHES:
                self._finger = kind == _TOUCH_START
            if kind in _MOVING:
                self.pointer = data
        return True

    def input(self, data: Data) -> bool:
        """Remember what a field holds."""
        return self._page.touch(data["id"], "input", data)

    def scroll(self, data: Data) -> bool:
        """Remember how far an element or document is scrolled."""
        return self._page.touch(data["id"], "scroll", data)

    def media(self, data: Data, timestamp: float) -> bool:
        """Remember what a video or sound is doing, and since when."""
        node_id = data["id"]
        known = self._page.touched.get(node_id, {}).get("media")
        merged = {**known[0], **data} if known else data
        if known and data.get("type") not in {0, 1}:
            # Seeking, volume and rate do not start or stop it.
            merged["type"] = known[0].get("type", 1)
            if "currentTime" not in data:
                merged = _advanced(merged, known[1], timestamp)
        return self._page.touch(node_id, "media", (merged, timestamp))

    def players(self, timestamp: float) -> None:
        """Note since when films and sounds play that came playing.

        The nodes say where they were when they came, and keyframes repeat the nodes.
        """
        for node in self._page.players:
            given = node.attributes
            if given.get("rr_mediaState") != "played":
                continue
            data: Data = {"source": MEDIA, "type": 0, "id": node.id, "currentTime": 0}
            for key, name in _MEDIA_ATTRIBUTES.items():
                if name in given:
                    data[key] = given[name]
            self._page.touch(node.id, "media", (data, timestamp))
        self._page.players.clear()

    def font(self, data: Data) -> bool:
        """Remember a face that a script added to the page."""
        if not isinstance(data.get("family"), str):
            return True
        key = repr((data["family"], data.get("fontSource"), data.get("descriptors")))
        self._fonts.setdefault(key, data)
        if len(self._fonts) > _FONTS:
            self._fonts.pop(next(iter(self._fonts)))
            self._page.warnings["fonts too many to carry into a keyframe"] += 1
        return True

    def canvas(self, data: Data) -> bool:
        """Remember the commands since a canvas was last painted over whole."""
        node_id = data["id"]
        node = self._page.nodes.get(node_id)
        if node is None:
            return False
        state = self._page.touched.setdefault(node_id, {})
        drawn: list[Data] = state.setdefault("canvas", [])
        if not drawn and data.get("type") == 0:
            drawn.extend(background(node))
        if repaints(data):
            drawn.clear()
        drawn.append(data)
        if len(drawn) > _CANVAS_COMMANDS:
            drawn.clear()
            self._page.warnings["canvas too busy to carry into a keyframe"] += 1
        return True

    def sheet(self, data: Data) -> bool:
        """Remember an edit of a style element's sheet or of a constructed sheet."""
        style_id = data.get("styleId")
        if style_id:
            self._sheets.setdefault(style_id, []).append(data)
            return True
        node_id = data["id"]
        if node_id not in self._page.nodes:
            return False
        state = self._page.touched.setdefault(node_id, {})
        state.setdefault("sheet", []).append(data)
        return True

    def adopt(self, data: Data) -> bool:
        """Remember which constructed sheets a document or shadow root uses."""
        host = self._page.nodes.get(data["id"])
        for style in data.get("styles") or ():
            created = {
                "source": STYLE_RULE,
                "styleId": style["styleId"],
                "adds": style.get("rules") or [],
            }
            self._sheets[style["styleId"]] = [created]
            self._homes[style["styleId"]] = self._document_of(host)
            self.fresh_sheets.add(style["styleId"])
        self._adopted[data["id"]] = data
        return data["id"] in self._page.nodes

    def knows_sheet(self, style_id: int) -> bool:
        """Tell whether a constructed sheet of this number was made."""
        return style_id in self._sheets

    def select(self, data: Data) -> bool:
        """Remember the selected ranges."""
        self._selection = data
        return True

    def define(self, data: Data) -> bool:
        """Remember a defined custom element; a new document does not forget it."""
        name = (data.get("define") or {}).get("name")
        if isinstance(name, str):
            self._elements[name] = data
        return True

    # -- repeating

    def pointer_event(self) -> list[Data]:
        """Return the event that puts the pointer where it was, if it was anywhere."""
        data = self.pointer
        if data is None:
            return []
        if isinstance(data, dict):
            source, place = _place(data)
        else:
            at = data.positions[-1]
            source, place = data.source, {"x": at.x, "y": at.y, "id": at.id}
        source = TOUCH_MOVE if source == TOUCH_MOVE else MOUSE_MOVE
        moved: Data = {"source": source, "positions": [{**place, "timeOffset": 0}]}
        if not self._finger:
            return [moved]
        return [moved, {"source": MOUSE_INTERACTION, "type": _TOUCH_START, **place}]

    def events(self, timestamp: float) -> tuple[list[Data], list[Data]]:
        """Return the data of the events that complete a snapshot at `timestamp`.

        Two lists: for before and after the documents of frames are attached. Attaching
        one puts the Replayer into its virtual document, where it applies edits of
        constructed sheets before it has made the sheets.
        """
        nodes = self._page.nodes
        before: list[Data] = [*self._elements.values(), *self._fonts.values()]
        after: list[Data] = []
        for host, adoption in self._adoptions():
            events = after if self._framed(host) else before
            events.extend(adoption)
        styles: list[Data] = []
        for node_id, state in self._page.touched.items():
            node = nodes.get(node_id)
            if node is None:
                continue
            events = after if self._framed(node) else before
            events.extend(_blocks(state.get("sheet") or (), {"id": node_id}))
            if state.get("style"):
                styles.append({"id": node_id, "attributes": {"style": state["style"]}})
            if "media" in state:
                data, since = state["media"]
                after.append(_advanced(data, since, timestamp))
            after.extend(drawings(state.get("canvas") or ()))
            after.extend(state[key] for key in ("input", "scroll") if key in state)
        if styles:
            lists = {"removes": [], "adds": [], "texts": [], "attributes": styles}
            after.insert(0, {"source": MUTATION, **lists})
        if self._selection is not None:
            after.append(self._selection)
        return before, after

    def _framed(self, node: Node) -> bool:
        """Tell whether a node lives in a frame, or is a frame's document."""
        if node.type == DOCUMENT:
            return node is not self._page.root
        return bool(node.data.get("rootId"))

    def _document_of(self, host: Node | None) -> int:
        """Return the id of the document that holds a host (itself, if it is one)."""
        root = self._page.root
        main = 0 if root is None else root.id
        if host is None:
            return main
        if host.type == DOCUMENT:
            return host.id
        number: int = host.data.get("rootId") or main
        return number

    def _adoptions(self) -> Iterator[tuple[Node, list[Data]]]:
        """Yield hosts, documents first, and what makes and gives them their sheets.

        A document makes all its sheets, also those that nobody uses at the moment: a
        later event may bring one back by its number alone.
        """
        nodes = self._page.nodes
        homes: dict[int, list[int]] = {}
        for style_id, home in self._homes.items():
            homes.setdefault(home, []).append(style_id)
        for home, made in homes.items():
            document = nodes.get(home)
            if document is None:
                continue
            event = self._adoption(home, self._adopted.get(home, {}))
            event["styles"] = [
                {"styleId": i, "rules": list(self._sheets[i][0]["adds"])} for i in made
            ]
            edits = [
                edit
                for style_id in made
                for edit in _blocks(self._sheets[style_id][1:], {"styleId": style_id})
            ]
            yield document, [event, *edits]
        for host_id, adopted in self._adopted.items():
            host = nodes.get(host_id)
            if host is not None and host_id not in homes:
                yield host, [self._adoption(host_id, adopted)]

    def _adoption(self, host_id: int, data: Data) -> Data:
        ids = [i for i in data.get("styleIds") or () if i in self._sheets]
        return {"source": ADOPTED_SHEET, "id": host_id, "styleIds": ids}


def _place(data: Data) -> tuple[int, Data]:
    """Return the source of a pointer event, and where it left the pointer."""
    if data["source"] == MOUSE_INTERACTION:
        source = TOUCH_MOVE if data.get("type") in _TOUCHES else MOUSE_MOVE
        place = {"x": data.get("x") or 0, "y": data.get("y") or 0, "id": data["id"]}
        return source, place
    at = data["positions"][-1]
    return data["source"], {"x": at["x"], "y": at["y"], "id": at["id"]}


#: What events of these sources leave behind; they tell whether their node is known.
EFFECTS: Final[dict[int, Callable[[Carried, Any], bool]]] = {
    MOUSE_MOVE: Carried.move,
    MOUSE_INTERACTION: Carried.interact,
    SCROLL: Carried.scroll,
    INPUT: Carried.input,
    TOUCH_MOVE: Carried.move,
    STYLE_RULE: Carried.sheet,
    CANVAS: Carried.canvas,
    FONT: Carried.font,
    DRAG: Carried.move,
    STYLE_DECLARATION: Carried.sheet,
    SELECTION: Carried.select,
    ADOPTED_SHEET: Carried.adopt,
    CUSTOM_ELEMENT: Carried.define,
}


def _blocks(edits: list[Data] | tuple[()], target: Data) -> list[Data]:
    """Merge runs of plain rule insertions into blocks; keep every other edit."""
    events: list[Data] = []
    run: list[Data] = []
    for edit in edits:
        plain = edit.get("adds") and not any(
            edit.get(key)
            for key in ("removes", "replace", "replaceSync", "set", "remove")
        )
        if plain:
            run.extend(edit["adds"])
            continue
        events.extend(_runs(run, target))
        run = []
        events.append(edit)
    events.extend(_runs(run, target))
    return events


def _runs(rules: list[Data], target: Data) -> list[Data]:
    return [
        {"source": STYLE_RULE, **target, "adds": rules[at : at + _RULES_PER_EVENT]}
        for at in range(0, len(rules), _RULES_PER_EVENT)
    ]


def _advanced(data: Data, since: float, timestamp: float) -> Data:
    """Return a media event as it stands at `timestamp`: playing moves its position."""
    if data.get("type") != 0 or not isinstance(data.get("currentTime"), int | float):
        return data
    rate = data.get("playbackRate") or 1
    played = max(0.0, timestamp - since) / 1000 * rate
    # Microseconds: it is the same however often it is told on the way.
    return {**data, "currentTime": round(data["currentTime"] + played, 6)}
