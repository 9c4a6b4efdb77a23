"""Recordings for benchmarks: a shop of any size, lightly used or drawn anew all day.

Everything is made from a seed, so each run and each machine reads the same bytes. The
files are made once, under build/bench/recordings.
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import zipfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replaykit.demoshop.sample import recorded_replays

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent.parent / "build" / "bench" / "recordings"
START = 1_767_225_600_000
NODES_PER_CARD = 9
WORDS = [
    *("linen", "shirt", "wool", "coat", "canvas", "shoe", "oak", "chair", "glass"),
    *("lamp", "steel", "bottle", "paper", "book", "cotton", "towel", "clay", "pot"),
    *("brass", "hook", "cork", "board", "silk", "scarf"),
]

Json = dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """What a made recording is like.

    `heavy` events each draw a card anew; the others are what a visitor at work
    gives: pointer, scrolling, typing, small changes of the page.
    """

    name: str
    events: int
    nodes: int
    seconds: int
    heavy: bool = False
    css: int = 60_000

    @property
    def path(self) -> Path:
        """Where the recording lies, made when it is first asked for."""
        path = FOLDER / f"{self.name}_{START}.json"
        if not path.exists():
            FOLDER.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".draft")
            with draft.open("w", encoding="utf-8") as file:
                for at, event in enumerate(Shop(self).events()):
                    file.write(",\n" if at else "[")
                    json.dump(event, file, separators=(",", ":"))
                file.write("]")
            draft.rename(path)
        return path


#: Two hours and 200,000 events on an ordinary page.
LIGHT = Recorded("light", 200_000, 1_600, 7_200)
#: Every event draws a card anew (nine nodes) and changes two texts and two attributes.
HEAVY = Recorded("heavy", 100_000, 1_600, 7_200, heavy=True)
PAGE_10K = Recorded("nodes10k", 100_000, 10_000, 3_600)
PAGE_30K = Recorded("nodes30k", 100_000, 30_000, 3_600)
PAGE_200K = Recorded("nodes200k", 100_000, 200_000, 3_600)
#: Twelve hours and a million events.
LONG = Recorded("long", 1_000_000, 1_600, 43_200)
#: Three hours that are added piece by piece.
GROWING = Recorded("growing", 301_000, 1_600, 10_800)
#: Half a megabyte of style sheets.
STYLED = Recorded("styled", 50_000, 1_600, 1_800, css=500_000)


#: Short visits to a site with half a megabyte of style sheets.
VISITS = [Recorded(f"visit{n}", 600, 1_600, 120, css=500_000) for n in range(12)]


def sample_for(hours: int) -> Path:
    """Return the sample's real sessions, one after another, as one recording."""
    path = FOLDER / f"sample{hours}h_{START}.json"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        events: list[Json] = []
        end = START
        with zipfile.ZipFile(recorded_replays()) as archive:
            names = sorted(n for n in archive.namelist() if ".json" in n)
            for name in itertools.cycle(names):
                raw = archive.read(name)
                text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
                visit = json.loads(text)
                shift = end + 1_000 - visit[0]["timestamp"]
                events += [{**e, "timestamp": e["timestamp"] + shift} for e in visit]
                end = events[-1]["timestamp"]
                if end - START >= hours * 3_600_000:
                    break
        path.write_text(json.dumps(events, separators=(",", ":")))
    return path


class Shop:
    """The recorded page, and a visitor who uses it."""

    def __init__(self, like: Recorded) -> None:
        """Start with nothing drawn."""
        self._like = like
        self._random = random.Random(like.name)
        self._next = 100
        self._cards: list[Json] = []

    def events(self) -> Iterator[Json]:
        """Yield Meta, FullSnapshot and then the events, in time order."""
        like = self._like
        size = {"href": "https://shop.test/list", "width": 1280, "height": 800}
        yield {"type": 4, "data": size, "timestamp": START}
        offset = {"left": 0, "top": 0}
        data = {"node": self._page(), "initialOffset": offset}
        yield {"type": 2, "data": data, "timestamp": START + 20}
        step = like.seconds * 1000 / like.events
        for at in range(like.events - 2):
            data = self._drawn_anew() if like.heavy else self._used()
            kind = 3 if "source" in data else 6
            stamp = START + 21 + int(at * step)
            yield {"type": kind, "data": data, "timestamp": stamp}

    # -- the page

    def _id(self) -> int:
        self._next += 1
        return self._next

    def _text(self, words: int) -> Json:
        text = " ".join(self._random.choices(WORDS, k=words))
        return {"type": 3, "textContent": text, "id": self._id()}

    def _element(self, tag: str, *children: Json, **attributes: str) -> Json:
        return {
            "type": 2,
            "tagName": tag,
            "attributes": {k.strip("_"): v for k, v in attributes.items()},
            "childNodes": list(children),
            "id": self._id(),
        }

    def _card(self) -> Json:
        number = self._random.randrange(10**6)
        name = self._text(3)
        return self._element(
            "div",
            self._element(
                "a",
                self._element(
                    "img", alt=name["textContent"], class_="card__picture lazy loaded"
                ),
                href=f"https://shop.test/products/{number}?from=list",
                class_="card__link",
            ),
            self._element("h3", name, class_="card__title"),
            self._element("p", self._text(9), class_="card__text text--muted"),
            self._element(
                "button",
                self._text(2),
                class_="btn btn-primary card__buy",
                type="button",
                style="margin-top: 4px;",
            ),
            class_="card card--product col-3",
            data_id=str(number),
        )

    def _page(self) -> Json:
        count = max(1, (self._like.nodes - 12) // NODES_PER_CARD)
        self._cards = [self._card() for _ in range(count)]
        rows = [
            self._element("div", *self._cards[at : at + 20], class_="grid__row")
            for at in range(0, count, 20)
        ]
        self._grid = deque(
            (card, rows[at // 20]["id"], at) for at, card in enumerate(self._cards)
        )
        self._search = self._element("input", type="search", id="q", name="q")
        self._total = self._text(2)
        head = self._element(
            "head",
            self._element("title", self._text(2)),
            self._element("style", {"type": 3, "textContent": "", "id": self._id()}),
        )
        head["childNodes"][1]["attributes"]["_cssText"] = self._sheet()
        body = self._element(
            "body",
            self._element("nav", self._search, self._element("p", self._total)),
            self._element("main", *rows, class_="grid"),
        )
        html = self._element("html", head, body, lang="en")
        doctype = {"type": 1, "name": "html", "publicId": "", "systemId": "", "id": 2}
        return {"type": 0, "childNodes": [doctype, html], "id": 1}

    def _sheet(self) -> str:
        chance = random.Random("sheet")  # the site's, the same in every recording
        rules = []
        length = 0
        while length < self._like.css:
            word = chance.choice(WORDS)
            rule = (
                f".{word}-{len(rules)} > .card:hover "
                f"{{ color: #{len(rules) % 4096:03x}; "
                f"margin: {chance.randrange(40)}px; transition: color 0.2s }}"
            )
            rules.append(rule)
            length += len(rule) + 1
        return "\n".join(rules)

    # -- the visitor

    def _any_card(self) -> Json:
        return self._random.choice(self._cards)

    def _used(self) -> Json:
        """Return one event of a visitor at work."""
        chance = self._random
        dice = chance.random()
        card = self._any_card()
        if dice < 0.55:
            x, y = chance.randrange(1280), chance.randrange(800)
            count = chance.randrange(3, 9)
            positions = [
                {"x": x + i, "y": y + 2 * i, "id": card["id"], "timeOffset": -60 * i}
                for i in range(count - 1, -1, -1)
            ]
            return {"source": 1, "positions": positions}
        if dice < 0.67:
            change = {
                "id": card["id"],
                "attributes": {"class": f"card hot-{x_of(dice)}"},
            }
            text = {"id": self._total["id"], "value": f"{x_of(dice * 7)} found"}
            return mutation(attributes=[change], texts=[text])
        if dice < 0.72:
            return self._renewed(1)
        if dice < 0.82:
            return {"source": 3, "id": 1, "x": 0, "y": chance.randrange(5_000)}
        if dice < 0.90:
            kind = chance.choice((0, 1, 2, 5, 6))
            x, y = chance.randrange(1280), chance.randrange(800)
            return {"source": 2, "type": kind, "id": card["id"], "x": x, "y": y}
        if dice < 0.95:
            text = " ".join(chance.choices(WORDS, k=2))
            return {
                "source": 5,
                "id": self._search["id"],
                "text": text,
                "isChecked": False,
            }
        line = json.dumps(f"rendered {x_of(dice)} cards")
        payload = {"level": "log", "payload": [line], "trace": ["list.js:1:1"]}
        return {"plugin": "rrweb/console@1", "payload": payload}

    def _drawn_anew(self) -> Json:
        """Return one event that draws a card anew and changes four more."""
        data = self._renewed(1)
        for _ in range(2):
            card = self._random.choice(self._cards)
            change = {"class": f"card hot-{self._random.randrange(99)}"}
            data["attributes"].append({"id": card["id"], "attributes": change})
            title = card["childNodes"][1]["childNodes"][0]
            text = " ".join(self._random.choices(WORDS, k=3))
            data["texts"].append({"id": title["id"], "value": text})
        return data

    def _renewed(self, count: int) -> Json:
        """Take the oldest cards out and put new ones in, node by node as rrweb does."""
        removes, adds = [], []
        for _ in range(count):
            old, row, place = self._grid.popleft()
            removes.append({"parentId": row, "id": old["id"]})
            new = self._card()
            self._cards[place] = new
            self._grid.append((new, row, place))
            adds.extend(flat(row, new))
        return mutation(removes=removes, adds=adds)


def x_of(dice: float) -> int:
    """Return a number to write somewhere."""
    return int(dice * 1_000_003) % 997


def mutation(**lists: list[Json]) -> Json:
    """Return the data of a mutation event."""
    empty: Json = {"texts": [], "attributes": [], "removes": [], "adds": []}
    return {"source": 0, **empty, **lists}


def flat(parent: int, node: Json) -> Iterator[Json]:
    """Yield the additions that rrweb writes for a subtree: one per node, last first."""
    bare = {**node, "childNodes": []} if "childNodes" in node else node
    yield {"parentId": parent, "nextId": None, "node": bare}
    following = None
    for child in reversed(node.get("childNodes", ())):
        for add in flat(node["id"], child):
            if add["node"]["id"] == child["id"]:
                add["nextId"] = following
            yield add
        following = child["id"]
