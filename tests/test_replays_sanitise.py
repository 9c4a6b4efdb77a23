"""Nothing that runs, loads, navigates or grabs the focus stays in a recording."""

from __future__ import annotations

import json

import msgspec
import pytest
from recordings import add, change, element, meta, mutation, snapshot, text
from recordings import page as page_of

from replaykit.ingest.rrweb_events import Event
from replaykit.replays.dom import Page
from replaykit.replays.event_data import EventData
from replaykit.replays.keyframes import View
from replaykit.replays.reducer import Reducer
from replaykit.replays.sanitise import Sanitiser
from replaykit.replays.sanitise_canvas import clean_commands
from replaykit.replays.sanitise_css import clean_css

TRAP = "http://evil.test/"


def node(tag, **attributes):
    return {
        "type": 2,
        "tagName": tag,
        "attributes": attributes,
        "childNodes": [],
        "id": 50,
    }


#: One vector per line: what a recording could hold.
HOSTILE = [
    node("script", src=TRAP),
    node("SCRIPT", src=TRAP),
    node("sCrIpT", type="module", src=TRAP),
    {**node("script", href=TRAP), "isSVG": True},
    node("img", src=TRAP, onerror="alert(1)"),
    node("img", srcset=f"{TRAP} 2x"),
    node("IMG", SRC=TRAP, oNeRrOr="alert(1)"),
    node("img", rr_dataURL=TRAP),
    node("img", src="/logout"),
    node("img", src="//evil.test/a.png"),
    node("picture", srcset=TRAP),
    node("canvas", rr_dataURL=TRAP),
    {**node("svg", onload="alert(1)"), "isSVG": True},
    {**node("image", **{"xlink:href": TRAP}), "isSVG": True},
    {**node("use", **{"xlink:href": TRAP + "#a"}), "isSVG": True},
    {**node("feImage", href=TRAP), "isSVG": True},
    {**node("rect", fill=f"url({TRAP}#a)"), "isSVG": True},
    {**node("g", mask=f"url('{TRAP}#m')"), "isSVG": True},
    {
        **node("animate", attributeName="href", values=f"javascript:a;{TRAP}"),
        "isSVG": True,
    },
    node("a", href="javascript:fetch('http://evil.test/')"),
    node("a", href=" jAvAsCrIpT:fetch('http://evil.test/')"),
    node("a", href="java\nscript:fetch('http://evil.test/')"),
    node("a", href="data:text/html,<script src=http://evil.test/>"),
    node("a", ping=TRAP, href="#"),
    node("iframe", src=TRAP),
    node("IFRAME", SRC=TRAP),
    node("iframe", srcdoc=f"<img src={TRAP}>"),
    node("frame", src=TRAP),
    node("object", data=TRAP),
    node("embed", src=TRAP),
    node("applet", code=TRAP, codebase=TRAP),
    node("portal", src=TRAP),
    node("meta", **{"http-equiv": "refresh", "content": f"0;url={TRAP}"}),
    node("meta", **{"HTTP-EQUIV": "refresh", "content": f"0;url={TRAP}"}),
    node("base", href=TRAP),
    node("link", rel="stylesheet", href=TRAP),
    node("LINK", REL="stylesheet", HREF=TRAP),
    node("link", rel="preload", href=TRAP, imagesrcset=TRAP),
    node("link", rel="prefetch", href=TRAP),
    node("link", rel="icon", href=TRAP),
    node("link", rel="manifest", href=TRAP),
    node("link", _cssText=f"@import '{TRAP}';"),
    node("style", _cssText=f"a {{ background: url({TRAP}) }}"),
    node("p", style=f"background: url({TRAP})"),
    node("p", style=f"cursor: u\\72l({TRAP}), auto"),
    node("p", style=f"border-image: image-set('{TRAP}' 1x) 1"),
    node("body", background=TRAP),
    node("table", background=TRAP),
    node("video", src=TRAP, poster=TRAP),
    node("audio", src=TRAP),
    node("source", src=TRAP, srcset=TRAP),
    node("track", src=TRAP),
    node("input", type="image", src=TRAP),
    node("form", action=TRAP),
    node("button", formaction=TRAP),
    node("input", autofocus="", value="x"),
    node("dialog", rr_open_mode="modal", open=""),
    node("html", manifest=TRAP),
    node("__proto__", src=TRAP),
    node("b onclick=alert(1)", src=TRAP),
    node("p", **{"__proto__": TRAP, "x onload": "alert(1)"}),
]

FORBIDDEN = (
    "evil.test",
    "alert(",
    "onerror",
    "javascript:",
    "/logout",
    "autofocus",
    "rr_open_mode",
    "srcdoc",
)


@pytest.mark.parametrize(
    "vector", HOSTILE, ids=lambda n: f"{n['tagName']} {' '.join(n['attributes'])}"
)
@pytest.mark.parametrize("way", ["snapshot", "mutation"])
def test_hostile_nodes_are_cleaned(vector, way):
    vector = json.loads(json.dumps(vector))
    vector["attributes"].setdefault("content-note", "kept")
    if way == "snapshot":
        events = [meta(0), snapshot(1, vector)]
    else:
        events = [meta(0), snapshot(1), mutation(2, adds=[add(4, vector)])]
    sanitiser = Sanitiser()
    reducer = Reducer(sanitiser)
    text = b"".join(
        part for s in [*reducer.feed(events), *reducer.finish()] for part in s.parts
    ).decode()
    assert not [
        word
        for word in FORBIDDEN
        if word in text.replace('"content":"0;url=http://evil.test/"', "")
    ]
    assert sum(sanitiser.removed.values()) > 0
    assert not reducer.problems


@pytest.mark.parametrize(
    "vector", HOSTILE[4:], ids=lambda n: f"{n['tagName']} {' '.join(n['attributes'])}"
)
def test_hostile_attributes_by_mutation_are_cleaned(vector):
    bare = {**json.loads(json.dumps(vector)), "attributes": {}}
    changes = [{"id": 50, "attributes": dict(vector["attributes"])}]
    events = [meta(0), snapshot(1, bare), mutation(2, attributes=changes)]
    reducer = Reducer(Sanitiser())
    text = b"".join(
        part for s in [*reducer.feed(events), *reducer.finish()] for part in s.parts
    ).decode()
    assert not [
        word
        for word in FORBIDDEN
        if word in text.replace('"content":"0;url=http://evil.test/"', "")
    ]


@pytest.mark.parametrize(
    "event",
    [
        change(
            2, 8, id=50, adds=[{"rule": f"a {{ background: url({TRAP}) }}", "index": 0}]
        ),
        change(2, 8, id=50, replaceSync=f"@import url({TRAP});"),
        change(
            2, 13, id=50, index=[0], set={"property": "cursor", "value": f"url({TRAP})"}
        ),
        change(
            2,
            15,
            id=1,
            styles=[{"styleId": 1, "rules": [{"rule": f"@import '{TRAP}'"}]}],
            styleIds=[1],
        ),
        change(2, 10, family="x", fontSource=f"url({TRAP})", buffer=False),
        mutation(2, texts=[{"id": 51, "value": f"@import '{TRAP}'; a {{}}"}]),
        mutation(2, adds=[add(50, text(f"a {{ src: url({TRAP}) }}", 60))]),
        mutation(
            2,
            attributes=[
                {"id": 50, "attributes": {"style": {"background": f"url({TRAP})"}}}
            ],
        ),
        mutation(
            2,
            attributes=[
                {
                    "id": 50,
                    "attributes": {
                        "style": {"background": [f"url({TRAP})", "important"]}
                    },
                }
            ],
        ),
        change(
            2,
            9,
            id=50,
            commands=[
                {"property": "drawImage", "args": [{"rr_type": "Image", "src": TRAP}]}
            ],
        ),
        change(
            2,
            9,
            id=50,
            property="__defineSetter__",
            args=[{"rr_type": "Function", "args": [TRAP]}],
        ),
    ],
)
def test_hostile_events_are_cleaned(event):
    events = [
        meta(0),
        snapshot(1, element("style", 50, text("a {}", 51))),
        json.loads(json.dumps(event)),
    ]
    sanitiser = Sanitiser()
    reducer = Reducer(sanitiser)
    text_ = b"".join(
        part for s in [*reducer.feed(events), *reducer.finish()] for part in s.parts
    )
    assert b"evil.test" not in text_
    assert sum(sanitiser.removed.values()) == 1


def test_what_is_harmless_stays_as_it_was():
    body = [
        element("a", 10, text("Shop", 11), href="https://shop.test/p", title="on sale"),
        element("img", 12, src="data:image/png;base64,AAAA", alt="one"),
        {**element("use", 13, href="#icon"), "isSVG": True},
        {**element("rect", 14, fill="url(#gradient)"), "isSVG": True},
        element(
            "style",
            15,
            text('.icon::before { content: "\\f101" } a { color: red }', 16),
        ),
        element(
            "div", 17, style="background: url(data:image/png;base64,AAAA)", data_on="x"
        ),
        element(
            "input", 18, type="text", value="data", placeholder="javascript course"
        ),
    ]
    before = json.dumps(body)
    sanitiser = Sanitiser()
    sanitiser.tree({"type": 0, "childNodes": body, "id": 1})
    assert json.dumps(body) == before
    assert sum(sanitiser.removed.values()) == 0


def test_placeholders_say_what_was_there():
    frame = node("iframe", rr_src="https://pay.test/")
    body = [
        node("img", src="https://cdn.test/private.png"),
        node("canvas"),
        node("object", data="game.swf"),
        node("embed", src="map.pdf"),
        node("lottie-player", src="dance.json"),
        frame,
    ]
    for at, vector in enumerate(body):
        vector["id"] = 50 + at
    Sanitiser().tree({"type": 0, "childNodes": body, "id": 1})
    labels = [
        "image",
        "canvas",
        "plug-in%20object",
        "plug-in%20object",
        "animation",
        "embedded%20page",
    ]
    for vector, label in zip(body, labels, strict=True):
        shown = json.dumps(vector["attributes"]).replace(" ", "%20")
        assert f"{label}%20not%20in%20the%20recording" in shown


def test_an_object_that_shows_a_picture_is_shown():
    shown = node(
        "object", type="image/png", data="data:image/png;base64,QQ==", width="9"
    )
    Sanitiser().node(shown, styled=False)
    assert (shown["tagName"], shown["attributes"]) == (
        "img",
        {"width": "9", "src": "data:image/png;base64,QQ=="},
    )


def test_a_frame_that_was_recorded_after_all_loses_its_label():
    frame = node("iframe", rr_src="https://shop.test/inner", style="width: 9px")
    document = {"type": 0, "childNodes": [], "id": 70}
    attach = mutation(2, adds=[{"parentId": 50, "nextId": None, "node": document}])
    reducer = Reducer(Sanitiser())
    list(reducer.feed([meta(0), snapshot(1, frame), attach]))
    assert reducer.page.nodes[50].attributes["style"] == "width: 9px"


def test_assets_stand_in_for_what_was_not_recorded():
    assets = {"https://cdn.test/a.png": "data:image/png;base64,QQ=="}
    sanitiser = Sanitiser(assets)
    image = node("img", src="https://cdn.test/a.png")
    styled = node("p", style="background: url(https://cdn.test/a.png)")
    for vector in (image, styled):
        sanitiser.node(vector, styled=False)
    assert image["attributes"]["src"] == "data:image/png;base64,QQ=="
    assert "QQ==" in styled["attributes"]["style"]


def test_a_picture_recorded_with_its_bytes_is_shown_by_them():
    """rrweb would leave the placeholder that stands for its address."""
    bytes_of_it = "data:image/png;base64,QQ=="
    far = node("img", src="/a.png", srcset="/b.png 2x", alt="A", rr_dataURL=bytes_of_it)
    inline = node("img", src="data:image/gif;base64,R0==", rr_dataURL=bytes_of_it)
    sanitiser = Sanitiser()
    for vector in (far, inline):
        sanitiser.node(vector, styled=False)
    assert far["attributes"] == {"alt": "A", "src": bytes_of_it}
    assert inline["attributes"] == {"src": "data:image/gif;base64,R0=="}
    assert not sanitiser.missing


def test_of_several_pictures_those_that_are_there_stay():
    mixed = "data:image/gif;base64,AA 1x, /b.png 2x,https://cdn.test/c.png 3x"
    sanitiser = Sanitiser({"/b.png": "data:image/png;base64,QQ=="})
    source, gone = node("source", srcset=mixed), node("source", srcset="/far.png 2x")
    for vector in (source, gone):
        sanitiser.node(vector, styled=False)
    kept = "data:image/gif;base64,AA 1x, data:image/png;base64,QQ== 2x"
    assert source["attributes"] == {"srcset": kept}
    assert gone["attributes"] == {}


@pytest.mark.parametrize(("tag", "name"), [("source", "srcset"), ("video", "src")])
def test_a_value_that_cannot_stay_takes_the_one_before_it_away(tag, name):
    inline = {name: "data:image/gif;base64,AA"}
    changes = [{"id": 50, "attributes": {name: "/far.gif"}}]
    events = [meta(0), snapshot(1, node(tag, **inline))]
    reducer = Reducer(Sanitiser())
    list(reducer.feed([*events, mutation(2, attributes=changes)]))
    assert name not in reducer.page.nodes[50].attributes


def test_a_dialog_above_all_is_said_to_be_one_but_not_opened_so():
    modal = node("dialog", open="", rr_open_mode="modal")
    sanitiser = Sanitiser()
    sanitiser.node(modal, styled=False)
    assert modal["attributes"] == {"open": "", "data-rk-opened": "modal"}
    assert sanitiser.removed == {"modal dialogs": 1}


def test_own_attributes_of_a_page_are_no_handlers():
    own = {"on": "1", "on-dark": "2", "on:click": "3"}
    vector = node("my-switch", **own, onclick="a()", ONLOAD="b()")
    Sanitiser().node(vector, styled=False)
    assert vector["attributes"] == own


@pytest.mark.parametrize(
    ("css", "cleaned"),
    [
        ("@import 'a.css';b{}", "@layer not-imported;b{}"),
        (
            "/*x*/@charset 'u';@layer a,b;@import url(x;y) layer(q.r) print;",
            "/*x*/@charset 'u';@layer a,b;@layer q.r;",
        ),
        (
            "@import 'a';@namespace url(x);b{}",
            "@layer not-imported;@layer not-imported;b{}",
        ),
        # No sheet imports after its first rule: that is none, and never was.
        ("b{} @import 'a'; c{}", "b{}  c{}"),
    ],
)
def test_a_sheet_keeps_the_number_of_its_rules(css, cleaned):
    """Later events count them: put one in at 5, take out the third."""
    assert clean_css(css, lambda _: None)[0] == cleaned


def test_a_node_that_was_left_out_leaves_the_rest_of_its_event():
    left_out = {"parentId": 4, "nextId": None, "node": None}
    adds = [add(4, element("p", 60)), left_out, add(4, element("p", 61))]
    reducer = Reducer(Sanitiser())
    list(reducer.feed([meta(0), snapshot(1), mutation(2, adds=adds)]))
    assert {60, 61} <= set(reducer.page.nodes)
    assert not reducer.problems


def test_allowed_hosts_stay():
    sanitiser = Sanitiser(allow_network=["cdn.test"])
    near, far = (
        node("img", src="https://cdn.test/a.png"),
        node("img", src="https://cdn.test.evil.test/a"),
    )
    for vector in (near, far):
        sanitiser.node(vector, styled=False)
    assert near["attributes"]["src"] == "https://cdn.test/a.png"
    assert far["attributes"]["src"].startswith("data:")


@pytest.mark.parametrize(
    "css",
    [
        "@import url(http://e/);",
        "@import 'http://e/' screen;",
        '@IMPORT "http://e/";a{}',
        "@\\69mport 'http://e/';",
        "a{background:url(http://e/)}",
        "a{background:url( 'http://e/' )}",
        'a{background:URL("http://e/")}',
        "a{background:\\75 rl(http://e/)}",
        "a{background:\\000075rl(http://e/)}",
        "a{background:image-set('http://e/' 1x)}",
        "a{background:-webkit-image-set(url(http://e/) 1x)}",
        "@font-face{font-family:x;src:url(http://e/)}",
        "a{background:url(//e/)}",
        "a{background:url(http://e/",
        "a{background:src('http://e/')}",
        "@namespace url(http://e/);",
    ],
)
def test_css_loads_nothing(css):
    cleaned, imports, addresses = clean_css(css, lambda _: None)
    assert "//e/" not in cleaned
    assert imports + addresses >= 1


def test_parts_of_the_page_itself_stay_what_they_are():
    """rrweb writes `url(#shade)` as an address of the page's folder."""
    css = 'fill: url("https://shop.test/a/#shade-1"); filter: url(https://x.test/b/#c)'
    rect = element("rect", 60, style=css)
    reducer = Reducer(sanitiser := Sanitiser())
    events = [meta(0, "https://shop.test/a/b"), snapshot(1, rect)]
    (segment,) = [*reducer.feed(events), *reducer.finish()]
    told = json.loads(b"".join(segment.parts))
    cleaned = 'fill: url("#shade-1"); filter: url("data:,")'
    assert cleaned in str(told).replace("\\'", "'")
    assert list(sanitiser.missing) == ["https://x.test/b/#c"]


def test_canvas_keeps_drawing_and_loses_the_rest():
    draw = {
        "property": "drawImage",
        "args": [{"rr_type": "ImageBitmap", "args": [{"rr_type": "Blob", "data": []}]}],
    }
    data = {"commands": [draw, {"property": "x", "args": [{"rr_type": "WebSocket"}]}]}
    assert clean_commands(data) == 1
    assert data["commands"] == [draw]


def test_what_one_event_adds_and_changes_is_seen_as_what_it_becomes():
    """Ids may be taken over, and changes may speak of what the event adds."""
    cleaner, page = Sanitiser(), Page()
    page.load(page_of(element("div", 50)))
    data = {
        "removes": [],
        "adds": [
            add(4, element("style", 50)),
            add(50, text("b{}", 51)),
            add(4, element("OBJECT", 52)),
        ],
        "texts": [{"id": 51, "value": "@import 'http://evil.test/a.css';"}],
        "attributes": [{"id": 52, "attributes": {"data": "http://evil.test/a.swf"}}],
    }
    cleaner.mutation(data, page)
    assert "evil" not in json.dumps(data)


def test_a_text_that_is_no_style_sheet_stays_as_it_is():
    cleaner, page = Sanitiser(), Page()
    page.load(page_of(element("p", 50)))
    said = "use @import url(a.css)"
    data = {
        "removes": [],
        "adds": [add(50, text(said, 51))],
        "texts": [{"id": 51, "value": said}],
        "attributes": [],
    }
    cleaner.mutation(data, page)
    assert (data["adds"][0]["node"]["textContent"], data["texts"][0]["value"]) == (
        said,
        said,
    )


#: Attributes that a change may set, plain or not, as texts and as styles.
CHANGES = [
    {"class": "card"},
    {"style": {"color": "red", "background": [f"url({TRAP})", "important"]}},
    {"style": {"color": "red", "width": ["1px", "important"], "height": False}},
    {"style": f"background: url({TRAP})"},
    {"src": TRAP, "onclick": "x()"},
    {"href": "javascript:x()"},
    {"data-x": "calc(1px)", "title": None},
]


@pytest.mark.parametrize(
    "data",
    [
        *({"adds": [{"parentId": 4, "nextId": None, "node": one}]} for one in HOSTILE),
        *({"attributes": [{"id": 50, "attributes": one}]} for one in CHANGES),
        {"texts": [{"id": 51, "value": f"a {{ background: url({TRAP}) }}"}]},
        {"texts": [{"id": 51, "value": "a { color: red }"}]},
        {"adds": [{"parentId": 50, "nextId": None, "node": text("a (b)", 52)}]},
    ],
    ids=json.dumps,
)
def test_what_is_not_written_anew_stayed_as_it_was(data):
    held = Page()
    held.load(page_of(element("style", 50, text("a {}", 51))))
    lists = {"removes": [], "adds": [], "texts": [], "attributes": []}
    given = json.loads(json.dumps({"source": 0, **lists, **data}))
    before = json.dumps(given)
    changed = Sanitiser().mutation(given, held)
    assert changed or json.dumps(given) == before


def test_a_plain_mutation_is_written_as_it_was_recorded():
    changes = [{"id": 5, "attributes": {"class": "seen"}}]
    event = mutation(
        2,
        adds=[{"parentId": 4, "nextId": None, "node": node("p")}],
        attributes=changes,
    )
    recorded = json.dumps({"more": 1, **event["data"]}).encode()
    held = Page()
    held.load(page_of(element("b", 5)))
    reader = EventData(Sanitiser(), held, View())
    given = Event(3, 2, msgspec.Raw(recorded))
    reader.read(given)  # looks the names up
    assert reader.read(given)[2] is given
    changes[0]["attributes"]["onclick"] = "x()"
    event["data"]["attributes"] = changes
    given = Event(3, 2, msgspec.Raw(json.dumps(event["data"]).encode()))
    written = reader.read(given)[2]
    assert written is not given
    assert b"onclick" not in bytes(written.data)
