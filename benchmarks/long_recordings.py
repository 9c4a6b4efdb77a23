"""Made-up recordings of a busy shop page: any length, any size, the same every time.

A catalogue page is filtered, searched, hovered, scrolled and typed into without pause.
One event in thirty renders the list of results anew, as single-page shops do, which is
where most of the bytes are.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

import replaykit as rk

if TYPE_CHECKING:
    from collections.abc import Iterator

START = 1_772_438_400_000
RESULTS = 20
RENDER_EVERY = 30
#: Analytics events lie this far apart: further than a player reads ahead.
EVENT_EVERY_MS = 180_000


@dataclass(frozen=True)
class Shape:
    """How long a recording is, and how big its page."""

    name: str
    hours: float
    events: int
    cards: int = 120
    css: int = 0

    @property
    def replay(self) -> str:
        """Return the id under which it is stored."""
        return f"{self.name}/{START}"

    @property
    def length_ms(self) -> int:
        return round(self.hours * 3_600_000)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("2h", 2, 200_000),
        Shape("12h", 12, 1_000_000),
        Shape("nodes10k", 0.5, 20_000, cards=888),
        Shape("nodes30k", 0.5, 20_000, cards=2_706),
        Shape("css500k", 0.5, 20_000, css=500_000),
    )
}


class Maker:
    """Builds nodes with ids, and the events that change them."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.random = random.Random(shape.name)
        self.last = 0
        self.results: list[int] = []

    def id(self) -> int:
        self.last += 1
        return self.last

    def text(self, words: str) -> dict[str, Any]:
        return {"type": 3, "textContent": words, "id": self.id()}

    def node(self, tag: str, *children: Any, **attributes: Any) -> dict[str, Any]:
        return {
            "type": 2,
            "tagName": tag,
            "attributes": {
                k.rstrip("_").replace("_", "-"): v for k, v in attributes.items()
            },
            "childNodes": list(children),
            "id": self.id(),
        }

    def card(self, number: int, kind: str = "card") -> dict[str, Any]:
        """Twelve nodes: what one article of a list is made of."""
        price = f"{self.random.randint(3, 240)}.{self.random.randint(0, 99):02}"
        name = f"{self.random.choice(WORDS)} {self.random.choice(WORDS)}"
        return self.node(
            "li",
            self.node("h3", self.text(f"{name} no. {number}"), class_="name"),
            self.node("p", self.text(f"In {self.random.choice(WORDS)}, made to order")),
            self.node(
                "div",
                self.node("span", self.text(f"{price} EUR"), class_="price"),
                self.node("button", self.text("Add"), type="button", class_="add"),
                class_="row",
            ),
            self.node(
                "i", class_=f"dot c{number % 7}", style=f"width: {number % 40}px"
            ),
            class_=kind,
            data_sku=f"{number:06}",
        )

    def page(self) -> dict[str, Any]:
        shape = self.shape
        sheet = STYLE + "".join(rules(shape.css))
        head = self.node(
            "head",
            self.node("title", self.text("Hearth & Linen")),
            self.node("style", {**self.text(sheet), "isStyle": True}),
        )
        results = [self.card(n, "card hit") for n in range(RESULTS)]
        self.search = self.node("input", type="search", name="q", value="")
        self.counter = self.text("20 results")
        self.list = self.node("ul", *results, class_="results")
        self.results = [card["id"] for card in results]
        self.cards = [self.card(n) for n in range(shape.cards)]
        self.scroller = self.node("ul", *self.cards, class_="catalogue")
        body = self.node(
            "body",
            self.node("header", self.search, self.node("b", self.counter)),
            self.list,
            self.scroller,
            self.node("footer", self.text("Terms")),
        )
        html = self.node("html", head, body, lang="en")
        return {"type": 0, "childNodes": [html], "id": self.id()}

    def render(self) -> dict[str, Any]:
        """Take all results out and put others in."""
        removes = [{"parentId": self.list["id"], "id": one} for one in self.results]
        fresh = [
            self.card(self.random.randint(0, 999_999), "card hit")
            for _ in range(RESULTS)
        ]
        self.results = [card["id"] for card in fresh]
        adds, after = [], None
        for card in reversed(fresh):
            adds.append({"parentId": self.list["id"], "nextId": after, "node": card})
            after = card["id"]
        count = f"{self.random.randint(20, 900)} results"
        return {
            "source": 0,
            "removes": removes,
            "adds": flat(adds),
            "texts": [{"id": self.counter["id"], "value": count}],
            "attributes": [],
        }

    def change(self, number: int) -> dict[str, Any]:
        """Return the data of one incremental event."""
        rng = self.random
        if number % RENDER_EVERY == 0:
            return self.render()
        choice = rng.random()
        card = rng.choice(self.cards)
        if choice < 0.62:
            moves = [
                {
                    "x": rng.randint(0, 1200),
                    "y": rng.randint(0, 700),
                    "id": card["id"],
                    "timeOffset": -50 * k,
                }
                for k in (3, 2, 1, 0)
            ]
            return {"source": 1, "positions": moves}
        if choice < 0.74:
            return {
                "source": 3,
                "id": self.scroller["id"],
                "x": 0,
                "y": rng.randint(0, 4000),
            }
        if choice < 0.82:
            kind = rng.choice((2, 1, 0, 5))
            return {"source": 2, "type": kind, "id": card["id"], "x": 50, "y": 60}
        if choice < 0.88:
            typed = rng.choice(WORDS)
            return {
                "source": 5,
                "id": self.search["id"],
                "text": typed,
                "isChecked": False,
            }
        name = rng.choice(("class", "style"))
        value = (
            f"card s{rng.randint(0, 9)}"
            if name == "class"
            else {"opacity": f"0.{rng.randint(5, 9)}"}
        )
        changes = [{"id": card["id"], "attributes": {name: value}}]
        return {
            "source": 0,
            "removes": [],
            "adds": [],
            "texts": [],
            "attributes": changes,
        }

    def events(self) -> Iterator[dict[str, Any]]:
        shape = self.shape
        view = {"href": "https://shop.example/search", "width": 1280, "height": 720}
        yield {"type": 4, "data": view, "timestamp": START}
        offset = {"left": 0, "top": 0}
        yield {
            "type": 2,
            "data": {"node": self.page(), "initialOffset": offset},
            "timestamp": START,
        }
        step = shape.length_ms / (shape.events - 2)
        for number in range(1, shape.events - 1):
            at = START + round(number * step)
            yield {"type": 3, "data": self.change(number), "timestamp": at}


def flat(adds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """List added trees node by node, as the recorder writes them."""
    listed: list[dict[str, Any]] = []
    stack = list(reversed(adds))
    while stack:
        add = stack.pop()
        node = add["node"]
        listed.append(
            {
                **add,
                "node": {**node, "childNodes": []} if "childNodes" in node else node,
            }
        )
        after = None
        for child in reversed(node.get("childNodes", ())):
            stack.append({"parentId": node["id"], "nextId": after, "node": child})
            after = child["id"]
    return listed


WORDS = [
    "ash",
    "birch",
    "clay",
    "dune",
    "ember",
    "flint",
    "grove",
    "heath",
    "ivory",
    "jade",
    "kiln",
    "linen",
    "moss",
    "navy",
    "ochre",
    "pearl",
    "quartz",
    "rust",
    "sand",
    "teal",
    "umber",
    "violet",
    "wheat",
]

STYLE = """
* { box-sizing: border-box }
body { margin: 0; font: 14px/1.4 sans-serif; color: #234 }
header { padding: 12px; background: #f4f1ec; display: flex; gap: 12px }
ul { list-style: none; margin: 0; padding: 8px; display: flex; flex-wrap: wrap }
ul { gap: 8px }
.catalogue { height: 420px; overflow: auto }
.card { width: 176px; border: 1px solid #dcd; padding: 6px }
.results .card { width: 118px; font-size: 11px }
h3, p { margin: 0 }
.row { display: flex; gap: 6px }
.dot { display: block; height: 6px; background: #b85 }
.price { font-weight: 600 }
"""


def rules(size: int) -> Iterator[str]:
    """Yield rules until they weigh `size` bytes, as a framework's sheet would."""
    made = number = 0
    while made < size:
        rule = (
            f".u{number}-x:hover > .u{number}-y, .card .u{number} {{ "
            f"margin: {number % 9}px; color: #{number % 4096:03x}; "
            f"transition: opacity .{number % 9}s ease-in-out }}\n"
        )
        made += len(rule)
        number += 1
        yield rule


def write(shape: Shape, folder: Path) -> Path:
    """Write a recording as one JSON array, if it is not there yet."""
    target = folder / f"{shape.name}_{START}.json"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with part.open("wb") as file:
        for number, event in enumerate(Maker(shape).events()):
            file.write(b"[" if number == 0 else b",\n")
            file.write(orjson.dumps(event))
        file.write(b"]")
    part.rename(target)
    return target


def analytics(shape: Shape) -> Iterator[dict[str, Any]]:
    """Yield analytics events in Amplitude's export form, few and far apart."""
    for number in range(max(2, shape.length_ms // EVENT_EVERY_MS)):
        at = START + 1_000 + number * EVENT_EVERY_MS
        seconds, ms = divmod(at, 1000)
        stamp = stamp_of(seconds, ms)
        yield {
            "user_id": f"visitor-{shape.name}",
            "device_id": shape.name,
            "session_id": START,
            "event_type": ("Search Submitted", "Product Viewed", "Add to Cart")[
                number % 3
            ],
            "event_time": stamp,
            "event_id": number,
            "$insert_id": f"{shape.name}-{number}",
            "event_properties": {"number": number},
        }


def stamp_of(seconds: int, ms: int) -> str:
    return (
        datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
        + f".{ms:03}000"
    )


def project(folder: Path, names: tuple[str, ...] = tuple(SHAPES)) -> rk.Project:
    """Return a project that holds the recordings, built on the first call."""
    raw = folder / "raw"
    place = folder / "long.rk"
    shop = rk.open(place) if place.exists() else rk.create(place)
    known = set(shop.replays.frame["replay_id"])
    for name in names:
        shape = SHAPES[name]
        if shape.replay in known:
            continue
        lines = raw / f"{name}.events.json"
        path = write(shape, raw)
        lines.write_text("\n".join(json.dumps(one) for one in analytics(shape)))
        print(shop.add_events(lines, progress=False))
        print(shop.add_replays(path, progress=False))
    return shop


if __name__ == "__main__":
    print(project(Path(__file__).parent.parent / "build" / "bench" / "player"))
