"""Recordings made up at random, each about one of the things that rrweb records.

A story opens a page, changes it on and on, and in between does what it is about: so that
keyframes must bring back what no node of the page says.
"""

from __future__ import annotations

from random import Random

from recordings import START, element, meta, text

from tests.fidelity.tree import NAMES, WORDS, Node, Tree

#: One red pixel.
DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4"
    "2mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
#: One pixel of nothing.
CLEAR = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
SHEET = (
    ".a { color: red } .b { color: blue } @media (min-width: 1px) { .c { top: 1px } }"
)
#: A style that makes the page long and the scroller scroll.
ROOM = "* { overflow-anchor: none } #scroller { height: 80px; width: 90px; overflow: auto } #tall { height: 4000px; width: 3000px }"


class Story:
    """Writes events in time order, and keeps the page that they make."""

    def __init__(self, seed: object, *, drawn: bool = False) -> None:
        self.drawn = drawn
        self.random = Random(str(seed))
        self.events: list[dict] = []
        self.t = 0
        self.tree = Tree(self.random)
        self.by_name: dict[str, int] = {}
        self.open_page()

    # -- the page

    def open_page(self, path: str = "/") -> None:
        """Record a page: its address and size, its nodes, and its frame's document."""
        self.tree = Tree(self.random, next(self.tree.numbers))
        tree, named = self.tree, self.by_name
        named.clear()

        def made(tag, *children, **attributes):
            number = tree.number()
            if "id" in attributes:
                named[attributes["id"]] = number
            return element(tag, number, *children, **attributes)

        def words(value):
            return text(value, tree.number())

        options = [made("option", words(w), value=w) for w in ("one", "two", "three")]
        shadow = {**made("i", words("in the shadow")), "isShadow": True}
        host = {**made("div", shadow, words("light"), id="host"), "isShadowHost": True}
        styles = [
            made("style", {**words(SHEET), "isStyle": True}, id="one"),
            made("style", id="empty"),
            made("style", {**words(ROOM), "isStyle": True}),
        ]
        linked = made("link", id="linked", rel="stylesheet")
        linked["attributes"]["_cssText"] = SHEET
        canvas = made("canvas", id="canvas", width="60", height="40")
        canvas["attributes"]["rr_dataURL"] = CLEAR
        drawn = made("canvas", id="drawn", width="60", height="40")
        drawn["attributes"]["rr_dataURL"] = DOT
        film = made("video", id="film", width="30", height="20", poster=DOT)
        film["attributes"] |= {
            "rr_mediaState": "played",
            "rr_mediaCurrentTime": 5,
            "rr_mediaVolume": 0.5,
            "rr_mediaMuted": True,
            "rr_mediaPlaybackRate": 2,
            "rr_mediaLoop": False,
        }
        body = made(
            "body",
            made("h1", words("A page")),
            made("input", id="text", type="text", value="start"),
            made("input", id="tick", type="checkbox"),
            *(made("input", id=f"r{n}", type="radio", name="r") for n in range(3)),
            made("input", id="range", type="range", min="0", max="9", value="3"),
            made("select", *options, id="select"),
            made("textarea", words("first"), id="area"),
            made("div", made("div", id="tall"), id="scroller"),
            made(
                "div",
                made("ul", made("li", words("a")), made("li", words("b"))),
                id="box",
            ),
            host,
            made("iframe", id="frame"),
            *([canvas, drawn] if self.drawn else []),
            made("audio", id="sound"),
            film,
            made("dialog", words("Hello"), id="dialog"),
            {**made("odd-thing", words("custom")), "isCustom": True},
            made("p", words("Select these words, please."), id="words"),
            made("div", id="tall2", style="height: 4000px; width: 3000px"),
        )
        html = made("html", made("head", *styles, linked), body, lang="en")
        doctype = {"type": 1, "name": "html", "publicId": "", "systemId": ""}
        doctype["id"] = tree.number()
        page = {"type": 0, "id": tree.number(), "childNodes": [doctype, html]}
        tree.root = tree.load(page)
        width = self.random.choice((1000, 800))
        self.write(meta(0, f"https://shop.test{path}", width)["data"], kind=4)
        self.t += self.random.randrange(2, 40)
        at = {"left": 0, "top": self.random.choice((0, 70))}
        self.write({"node": tree.root.whole(), "initialOffset": at}, kind=2)
        self.write(tree.attach(self.node("frame"), self.document()))

    def document(self, *, framed: bool = False) -> dict:
        """Make up a frame's document; it may hold a frame of its own."""
        tree = self.tree
        root = tree.number()
        own = {"rootId": root}
        style = element("style", tree.number())
        calm = "* { overflow-anchor: none }"
        style["childNodes"] = [
            {**text(f"{SHEET} {calm}", tree.number()), "isStyle": True, **own}
        ]
        body = element("body", tree.number(), style="margin: 0; height: 3000px")
        field = element("input", tree.number(), type="text", value="framed")
        inner = element("iframe", tree.number())
        box = element("div", tree.number(), **{"class": "a"})
        body["childNodes"] = [box, field, *([inner] if framed else [])]
        head = element("head", tree.number(), style)
        html = element("html", tree.number(), head, body)
        for one in (style, box, field, inner, body, head, html):
            one.update(own)
        return {"type": 0, "id": root, "childNodes": [html]}

    def node(self, name: str) -> Node:
        return self.tree.nodes[self.by_name[name]]

    # -- writing

    def write(self, data: dict, kind: int = 3) -> None:
        self.events.append({"type": kind, "data": data, "timestamp": START + self.t})

    def wait(self, most: int = 700) -> None:
        self.t += self.random.randrange(5, most)

    def change(self, source: int, **data: object) -> None:
        self.write({"source": source, **data})

    def mutate(self, **lists: list) -> None:
        empty = {"removes": [], "adds": [], "texts": [], "attributes": []}
        self.change(0, **{**empty, **lists})

    def told(self, about, steps: int = 110) -> list[dict]:
        """Let a story happen; return its events."""
        act = about(self)
        for _ in range(steps):
            self.wait()
            if self.random.random() < 0.35:
                mutation(self)()
            else:
                act()
        self.wait()
        self.change(11, level="log", payload=["the end"], trace=[])
        return self.events


# -- what stories are about: each returns what to do at a step


def mutation(story: Story):
    """Additions, removals, moves, texts and attributes, alone and in one event."""
    tree, random = story.tree, story.random

    def act():
        lists = {"removes": [], "adds": [], "texts": [], "attributes": []}
        for _ in range(random.choice((1, 1, 1, 3))):
            _alter(tree, random, lists)
        if random.random() < 0.3:
            lists["adds"] = _reordered(random, lists["adds"])
        # A node that went again is told of by its removal alone.
        for key in ("texts", "attributes"):
            lists[key] = [one for one in lists[key] if one["id"] in tree.nodes]
        story.mutate(**lists)

    return act


def _reordered(random: Random, adds: list[dict]) -> list[dict]:
    """Tell siblings in another order; parents still come before their children."""
    waiting, told = list(adds), []
    while waiting:
        inside = {add["node"]["id"] for add in waiting}
        ready = [add for add in waiting if add["parentId"] not in inside]
        told.append(random.choice(ready))
        waiting.remove(told[-1])
    return told


def _alter(tree: Tree, random: Random, lists: dict) -> None:
    boxes, loose = tree.boxes(), tree.loose()
    fresh = {add["node"]["id"] for add in lists["adds"]}
    settled = [n for n in loose if not fresh.intersection(d.id for d in n.walk())]
    kind = random.random()
    if kind < 0.4 or len(settled) < 5:
        # What was added in this very event must not move again: one telling each.
        parents = [box for box in boxes if box.id not in fresh]
        parent = random.choice(parents)
        if not any(add["parentId"] == parent.id for add in lists["adds"]):
            data = tree.subtree(3, tree.root_id(parent))
            lists["adds"] += tree.put(data, parent)
    elif kind < 0.55 and len(tree.nodes) > 60 and not lists["adds"]:
        lists["removes"] += tree.take(random.choice(settled))
    elif kind < 0.7 and not lists["adds"]:
        node = random.choice(settled)
        inside = {one.id for one in node.walk()}
        if inside & tree.dressed:
            return  # its style would be told as it then reads
        parents = [box for box in boxes if box.id not in inside]
        removes, adds = tree.move(node, random.choice(parents))
        lists["removes"] += removes
        lists["adds"] += adds
    elif kind < 0.85:
        _retext(random, [n for n in loose if n.data["type"] == 3], lists)
    else:
        _dress(tree, [n for n in boxes if n.id not in fresh], lists)


def _retext(random: Random, texts: list[Node], lists: dict) -> None:
    told = {one["id"] for one in lists["texts"]}
    fresh = {add["node"]["id"] for add in lists["adds"]}
    texts = [n for n in texts if n.id not in told | fresh]
    if texts:
        node = random.choice(texts)
        node.data["textContent"] = value = random.choice([*WORDS, ""])
        lists["texts"].append({"id": node.id, "value": value})


def _dress(tree: Tree, boxes: list[Node], lists: dict) -> None:
    random = tree.random
    told = {one["id"] for one in lists["attributes"]}
    boxes = [n for n in boxes if n.id not in told]
    if not boxes:
        return
    node = random.choice(boxes)
    attributes = node.data["attributes"]
    kind = random.random()
    if kind < 0.3:
        change = {random.choice(NAMES): random.choice([*WORDS, "", None])}
    elif kind < 0.5:
        change = {"class": random.choice(("a", "b c", "", None))}
    elif kind < 0.6:
        change = {"style": random.choice(("left: 3px; color: red", "", None))}
    else:
        change = {"style": _styles(random)}
    for name, value in change.items():
        if value is None:
            attributes.pop(name, None)
        elif isinstance(value, str):
            attributes[name] = value
        else:
            tree.dressed.add(node.id)
    lists["attributes"].append({"id": node.id, "attributes": change})


def _styles(random: Random) -> dict:
    choices = {
        "color": ["red", "blue", False, ["green", "important"]],
        "margin": ["1px 2px", "0", False],
        "margin-left": ["7px", ["9px", "important"], False],
        "--own-Prop": ["1", "two words", False],
        "background": ["yellow", "none", False],
        "background-color": ["pink", False],
    }
    names = random.sample(sorted(choices), random.randrange(1, 4))
    return {name: random.choice(choices[name]) for name in names}


def _place(story: Story) -> dict:
    random = story.random
    return {"x": random.randrange(900), "y": random.randrange(600)}


def _target(story: Story) -> int:
    """Return an element of the page itself."""
    random = story.random
    able = [
        n
        for n in story.tree.nodes.values()
        if n.data["type"] == 2 and not n.data.get("rootId")
    ]
    return random.choice(able).id


def _pointing(source: int):
    def about(story: Story):
        def act():
            positions = [
                {**_place(story), "id": _target(story), "timeOffset": -offset}
                for offset in sorted(story.random.sample(range(500), 4), reverse=True)
            ]
            story.change(source, positions=positions)

        return act

    return about


def interaction(story: Story):
    """Every kind: buttons, clicks, focus, blur, and fingers."""

    def act():
        kind = story.random.randrange(11)
        place = {} if kind in {5, 6} else _place(story)
        story.change(2, type=kind, id=_target(story), **place)

    return act


def scroll(story: Story):
    """The window, an element, a frame's window."""
    tree, random = story.tree, story.random

    def act():
        frame = tree.frames[story.by_name["frame"]]
        target = random.choice((tree.root.id, story.by_name["scroller"], frame.id))
        across = 0 if target == frame.id else random.randrange(300)
        story.change(3, id=target, x=across, y=random.randrange(1500))

    return act


def resize(story: Story):
    """The window in several sizes."""

    def act():
        width, height = story.random.choice(((1000, 700), (360, 640), (801, 333)))
        story.change(4, width=width, height=height)

    return act


def typed(story: Story):
    """Text fields, areas, boxes to tick, radio buttons, choices, ranges, and defaults."""
    random, named = story.random, story.by_name

    def act():
        name = random.choice(
            ["text", "tick", "r0", "r1", "r2", "range", "select", "area", "default"]
        )
        word = random.choice(WORDS)
        if name == "default":
            story.node("text").data["attributes"]["value"] = word
            change = {"id": named["text"], "attributes": {"value": word}}
            story.mutate(attributes=[change])
        elif name == "tick":
            ticked = random.random() < 0.5
            story.change(5, id=named[name], text="on", isChecked=ticked)
        elif name.startswith("r") and name != "range":
            story.change(5, id=named[name], text="on", isChecked=True)
            for other in {"r0", "r1", "r2"} - {name}:
                story.change(5, id=named[other], text="on", isChecked=False)
        else:
            value = {"range": str(random.randrange(10))}.get(name, word)
            if name == "select":
                value = random.choice(("one", "two", "three"))
            story.change(5, id=named[name], text=value, isChecked=False)

    return act


def media(story: Story):
    """Sound and film: started, stopped, sought, louder, faster."""
    random, named = story.random, story.by_name

    def act():
        kind = random.randrange(5)
        state = {
            "currentTime": random.randrange(100) / 2,
            "volume": random.randrange(11) / 10,
            "muted": random.random() < 0.5,
            "loop": random.random() < 0.5,
            "playbackRate": random.choice((0.5, 1, 2)),
        }
        for name in random.sample(
            sorted({*state} - {"currentTime"}), random.randrange(3)
        ):
            del state[name]
        story.change(7, type=kind, id=named[random.choice(("sound", "film"))], **state)

    return act


def _rule(random: Random) -> str:
    name = random.choice("abcdef")
    kind = random.random()
    if kind < 0.2:
        return (
            f"@media (min-width: {random.randrange(9)}px) {{ .{name} {{ top: 1px }} }}"
        )
    if kind < 0.3:
        return f"@keyframes {name} {{ from {{ top: 0px }} to {{ top: 5px }} }}"
    return f".{name}{random.randrange(99)} {{ left: {random.randrange(99)}px }}"


def rules(story: Story):
    """Rules put in and taken out, within others too, and texts that begin anew."""
    random, named = story.random, story.by_name

    def act():
        name = random.choice(("one", "one", "empty", "linked"))
        kind = random.random()
        if kind < 0.5:
            index = random.choice((0, 1, 2, 99, None))
            add = {"rule": _rule(random), **({} if index is None else {"index": index})}
            story.change(8, id=named[name], adds=[add])
        elif kind < 0.65:
            # Scripts empty a sheet by taking out its first rule over and over.
            for _ in range(random.choice((1, 1, 3))):
                edit = {"index": random.randrange(3) if kind < 0.6 else 0}
                story.change(8, id=named[name], removes=[edit])
        elif kind < 0.85:
            place = [random.randrange(4), random.randrange(2)]
            story.change(
                8, id=named[name], adds=[{"rule": _rule(random), "index": place}]
            )
        elif kind < 0.95:
            story.change(
                8, id=named[name], removes=[{"index": [random.randrange(4), 0]}]
            )
        elif name == "one":
            words = story.node("one").children[0]
            words.data["textContent"] = value = random.choice((SHEET, ".z { top: 0 }"))
            story.mutate(texts=[{"id": words.id, "value": value}])

    return act


def declarations(story: Story):
    """Single properties of rules, set and removed."""
    random, named = story.random, story.by_name

    def act():
        index = random.choice(([0], [1], [2, 0]))
        data = {"id": named[random.choice(("one", "linked"))], "index": index}
        name = random.choice(("color", "margin", "margin-top", "--own"))
        if random.random() < 0.7:
            value = {"color": "green", "--own": "x y"}.get(name, "3px")
            priority = random.choice(("important", None))
            change = {"property": name, "value": value, "priority": priority}
            story.change(13, **data, set=change)
        else:
            story.change(13, **data, remove={"property": name})

    return act


def adopted(story: Story):
    """Constructed sheets of the page, a shadow root and a frame, shared and edited."""
    tree, random, named = story.tree, story.random, story.by_name
    made: dict[int, list[int]] = {}

    def act():
        frame = tree.frames[named["frame"]]
        host = random.choice((tree.root.id, named["host"], frame.id))
        # A document takes only sheets that were made in it.
        own = made.setdefault(frame.id if host == frame.id else 0, [])
        kind = random.random()
        if not own or kind < 0.3:
            number = 1 + sum(len(ids) for ids in made.values())
            own.append(number)
            sheet = {"styleId": number, "rules": [{"rule": _rule(random)}]}
            kept = random.sample(own[:-1], random.randrange(len(own)))
            story.change(15, id=host, styles=[sheet], styleIds=[*kept, number])
        elif kind < 0.5:
            story.change(
                15, id=host, styleIds=random.sample(own, random.randrange(len(own) + 1))
            )
        elif kind < 0.75:
            add = {"rule": _rule(random), "index": random.randrange(2)}
            story.change(8, styleId=random.choice(own), adds=[add])
        elif kind < 0.85:
            story.change(8, styleId=random.choice(own), removes=[{"index": 0}])
        elif kind < 0.93:
            text = f"{_rule(random)} {_rule(random)}"
            story.change(8, styleId=random.choice(own), replaceSync=text)
        else:
            change = {"property": "top", "value": "8px"}
            story.change(13, styleId=random.choice(own), index=[0], set=change)

    return act


def fonts(story: Story):
    """Faces that a script added, by address and by bytes."""
    random = story.random

    def act():
        family = f"Face {random.randrange(5)}"
        how = {"weight": random.choice(("400", "700")), "style": "normal"}
        if random.random() < 0.5:
            story.change(
                10,
                family=family,
                fontSource="url(data:font/woff2;base64,AAAA)",
                buffer=False,
                descriptors=how,
            )
        else:
            story.change(
                10,
                family=family,
                fontSource="[0, 1, 0, 0]",
                buffer=True,
                descriptors=how,
            )

    return act


def canvas(story: Story):
    """Drawings, one command an event and several, over nothing and over a picture."""
    random, named = story.random, story.by_name

    def box():
        return [random.randrange(50), random.randrange(30), random.randrange(20), 9]

    def act():
        target = named[random.choice(("canvas", "drawn"))]
        colour = random.choice(("red", "blue", "#0a0"))
        if random.random() < 0.5:
            story.change(
                9, id=target, type=0, property="fillStyle", args=[colour], setter=True
            )
            story.change(9, id=target, type=0, property="fillRect", args=box())
        else:
            commands = [
                {"property": "clearRect", "args": box()},
                {"property": "fillStyle", "args": [colour], "setter": True},
                {"property": "fillRect", "args": box()},
            ]
            story.change(9, id=target, type=0, commands=commands)

    return act


def selection(story: Story):
    """Words selected, and none."""
    random = story.random
    words = story.node("words").children[0]

    def act():
        first, last = sorted((random.randrange(20), random.randrange(20)))
        span = {
            "start": words.id,
            "startOffset": first,
            "end": words.id,
            "endOffset": last,
        }
        story.change(14, ranges=[span] if random.random() < 0.8 else [])

    return act


def log(story: Story):
    """The console, as old recorders wrote it and as its plugin does."""
    random = story.random

    def act():
        payload = {
            "level": random.choice(("log", "error")),
            "payload": ['"x"'],
            "trace": [],
        }
        if random.random() < 0.5:
            story.change(11, **payload)
        else:
            story.write({"plugin": "rrweb/console@1", "payload": payload}, kind=6)

    return act


def custom(story: Story):
    """Elements of the page's own making."""
    tree, random = story.tree, story.random

    def act():
        name = f"x-{random.choice('abc')}"
        if random.random() < 0.5:
            story.change(16, define={"name": name})
        else:
            data = {**element(name, tree.number(), text("own", 0)), "isCustom": True}
            data["childNodes"][0]["id"] = tree.number()
            story.mutate(adds=tree.put(data, story.node("box")))

    return act


def shadows(story: Story):
    """Shadow trees that come, change and go, and hosts within them."""
    tree, random = story.tree, story.random

    def act():
        hosts = [n for n in tree.nodes.values() if n.data.get("isShadowHost")]
        kind = random.random()
        if kind < 0.3:
            inner = {**element("b", tree.number()), "isShadow": True}
            inner["childNodes"] = [tree.subtree(2)]
            more = [
                {**element("u", tree.number()), "isShadow": True}
                for _ in range(random.randrange(3))
            ]
            data = {**element("div", tree.number(), inner, *more), "isShadowHost": True}
            parents = [
                story.node("box"),
                *(s for h in hosts for s in h.shadow if s.tag == "b"),
            ]
            story.mutate(adds=tree.put(data, random.choice(parents)))
        elif kind < 0.7:
            host = random.choice(hosts)
            inner = {
                **element("u", tree.number(), text("new", tree.number())),
                "isShadow": True,
            }
            story.mutate(adds=tree.put(inner, host))
        elif kind < 0.85:
            inside = [n for host in hosts for n in host.shadow if n.tag == "u"]
            if inside:
                story.mutate(removes=tree.take(random.choice(inside)))
        else:
            texts = [
                n
                for h in hosts
                for s in h.shadow
                for n in s.walk()
                if n.data["type"] == 3
            ]
            if texts:
                story.mutate(
                    texts=[{"id": random.choice(texts).id, "value": "told anew"}]
                )

    return act


def frames(story: Story):
    """Documents of frames: attached, changed, typed into, scrolled, and loaded anew."""
    tree, random = story.tree, story.random

    def act():
        able = [n for n in tree.nodes.values() if n.tag == "iframe"]
        frame = random.choice(able)
        document = tree.frames.get(frame.id)
        kind = random.random()
        if document is None or kind < 0.15:
            nested = frame.id == story.by_name["frame"] and random.random() < 0.6
            story.write(tree.attach(frame, story.document(framed=nested)))
            # rrweb leaves the new document with the scroll and the sheets of the old one.
            attached = tree.frames[frame.id].id
            story.change(3, id=attached, x=0, y=0)
            story.change(15, id=attached, styleIds=[])
            return
        inside = list(document.walk())
        if kind < 0.5:
            box = next(n for n in inside if n.tag == "div")
            story.mutate(adds=tree.put(tree.subtree(2, document.id), box))
        elif kind < 0.65:
            field = next(n for n in inside if n.tag == "input")
            story.change(5, id=field.id, text=random.choice(WORDS), isChecked=False)
        elif kind < 0.8:
            story.change(3, id=document.id, x=0, y=random.randrange(1500))
        else:
            style = next(n for n in inside if n.tag == "style")
            story.change(8, id=style.id, adds=[{"rule": _rule(random), "index": 0}])

    return act


def dialogs(story: Story):
    """Dialogs that open and close."""
    random = story.random

    def act():
        opened = random.random() < 0.6
        node = story.node("dialog")
        node.data["attributes"].pop("open", None)
        change = {"open": "" if opened else None}
        if opened:
            node.data["attributes"]["open"] = ""
        story.mutate(attributes=[{"id": node.id, "attributes": change}])

    return act


#: rrweb's incremental sources by name, each with what is told of it.
SOURCES = {
    "0 mutation": mutation,
    "1 mouse move": _pointing(1),
    "2 mouse interaction": interaction,
    "3 scroll": scroll,
    "4 viewport resize": resize,
    "5 input": typed,
    "6 touch move": _pointing(6),
    "7 media": media,
    "8 style sheet rule": rules,
    "9 canvas": canvas,
    "10 font": fonts,
    "11 log": log,
    "12 drag": _pointing(12),
    "13 style declaration": declarations,
    "14 selection": selection,
    "15 adopted style sheet": adopted,
    "16 custom element": custom,
    "shadow roots": shadows,
    "frames": frames,
    "dialogs": dialogs,
}


def tell(name: str, seed: object = 0) -> list[dict]:
    """Return the events of a recording about one source, or about all of them."""
    # Pictures take time to load: only where they are what it is about.
    story = Story(f"{name} {seed}", drawn=name in {"9 canvas", "everything"})
    if name in SOURCES:
        return story.told(SOURCES[name])
    return _everything(story)


def _everything(story: Story) -> list[dict]:
    """Several pages, one after the other, and on each of them all at once."""
    for page in ("/cart", "/pay", None):
        acts = [about(story) for about in SOURCES.values()]
        for _ in range(90):
            story.wait()
            story.random.choice(acts)()
        story.wait()
        if page is not None:
            story.open_page(page)
    return story.events
