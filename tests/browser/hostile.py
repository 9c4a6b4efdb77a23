"""Recordings that attack, one way each, and the traps that would notice.

`TRAP` stands for a server that nobody may ask, `RUN` for a script that tells on itself:
to the page on top, to its own console and to that server.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from recordings import START, add, change, element, meta, mutation, snapshot, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRAP, RUN = "TRAP", "RUN"
#: Where the attacked node's parent and its style sheet stand.
BODY, SHEET, BOX, FRAME = 4, 40, 42, 43


@dataclass(frozen=True)
class Vector:
    """One attack: nodes that stand in the first page, then events."""

    name: str
    nodes: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def recording(self, trap: str) -> list[dict[str, Any]]:
        """Return the events of a recording, with the traps' addresses filled in."""
        target = f"{trap}{self.name}"
        run = (
            f"try{{top.hits.push('{self.name}')}}catch(e){{}}"
            f"console.log('TRAP {self.name}');new Image().src='{target}-script'"
        )
        sheet = element(
            "style", SHEET, {**text("p { color: red }", 41), "isStyle": True}
        )
        box = element("div", BOX, element("p", 44, text("words", 45)))
        frame = element("iframe", FRAME)
        events = [
            meta(0),
            snapshot(1, sheet, box, frame, *self.nodes),
            *self.events,
            change(900, 3, id=BODY, x=0, y=0),
            # Built a second time, as a mutation: the way most pages are made.
            *(mutation(1000, adds=[add(BODY, again(node))]) for node in self.nodes),
            change(1900, 1, positions=[{"x": 9, "y": 9, "id": BOX, "timeOffset": 0}]),
            change(12_000, 3, id=BODY, x=0, y=1),
        ]
        raw = json.dumps(events)
        for mark, value in ((TRAP, target), (RUN, run)):
            raw = raw.replace(mark, json.dumps(value)[1:-1])
        return json.loads(raw)


def again(node: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a node whose ids are new."""
    copied = json.loads(json.dumps(node))
    stack = [copied]
    while stack:
        one = stack.pop()
        one["id"] += 500
        stack.extend(one.get("childNodes", ()))
    return copied


def node(tag: str, *children: Any, **attributes: Any) -> dict[str, Any]:
    made = element(tag, 50, *children)
    made["attributes"] = {
        k.rstrip("_").replace("__", ":"): v for k, v in attributes.items()
    }
    return made


def svg(*children: Any, **attributes: Any) -> dict[str, Any]:
    made = node("svg", *children, **attributes)
    stack = [made]
    for number in range(100):
        if not stack:
            break
        one = stack.pop()
        if one["type"] == 2:
            one["isSVG"] = True
        one["id"] = 60 + number
        stack.extend(one.get("childNodes", ()))
    return made


def styled(css: str) -> dict[str, Any]:
    return node("style", {**text(css, 51), "isStyle": True})


def document(*body: Any) -> dict[str, Any]:
    """Return a document for a frame, with ids of its own."""
    inside = element("html", 301, element("head", 302), element("body", 303, *body))
    return {"type": 0, "childNodes": [inside], "id": 300}


def attrs(t: float, target: int, **values: Any) -> dict[str, Any]:
    return mutation(t, attributes=[{"id": target, "attributes": values}])


def canvas(t: float, name: str, *args: Any, **more: Any) -> dict[str, Any]:
    command = {"property": name, "args": list(args), **more}
    return change(t, 9, id=50, type=0, commands=[command])


def made(kind: str, *args: Any) -> dict[str, Any]:
    return {"rr_type": kind, "args": list(args)}


HTML = "<script>RUN</script><img src=TRAP onerror='RUN'>"

VECTORS = [
    Vector("script", [node("script", text("RUN", 51))]),
    Vector("script-upper", [node("SCRIPT", text("RUN", 51))]),
    Vector("script-src", [node("SCRIPT", src="TRAP")]),
    Vector("script-svg", [svg(node("script", text("RUN", 51)))]),
    Vector("script-svg-href", [svg(node("script", href="TRAP"))]),
    Vector("script-module", [node("Script", text("RUN", 51), type="module")]),
    Vector("img", [node("img", src="TRAP")]),
    Vector("img-onerror", [node("img", src="data:image/png,x", onerror="RUN")]),
    Vector("img-onload-case", [node("img", src="data:,x", oNeRrOr="RUN")]),
    Vector("img-srcset", [node("img", srcset="TRAP 1x, TRAP 2x")]),
    Vector("img-lazy", [node("img", loading="eager", src="TRAP")]),
    Vector("img-dataurl", [node("img", rr_dataURL="TRAP")]),
    Vector("img-relative", [node("img", src="/logout?TRAP")]),
    Vector("img-scheme", [node("img", src="//127.0.0.1/TRAP")]),
    Vector("picture", [node("picture", node("source", srcset="TRAP"), node("img"))]),
    Vector("canvas-dataurl", [node("canvas", rr_dataURL="TRAP")]),
    Vector("svg-onload", [svg(onload="RUN")]),
    Vector("svg-image", [svg(node("image", xlink__href="TRAP"))]),
    Vector("svg-use", [svg(node("use", href="TRAP#a"))]),
    Vector("svg-feimage", [svg(node("filter", node("feImage", href="TRAP")))]),
    Vector("svg-fill", [svg(node("rect", fill="url(TRAP#a)", width="9", height="9"))]),
    Vector("svg-mask", [svg(node("rect", mask="url(TRAP#a)", width="9", height="9"))]),
    Vector("svg-animate", [svg(node("a", node("animate", attributeName="href", values="javascript:RUN;TRAP", begin="0s", onbegin="RUN")))]),
    Vector("svg-foreign", [svg(node("foreignObject", node("img", src="TRAP", onerror="RUN")))]),
    Vector("link-javascript", [node("a", text("x", 51), href="javascript:RUN", autofocus="")]),
    Vector("iframe-src", [node("iframe", src="TRAP")]),
    Vector("iframe-rr-src", [node("iframe", rr_src="TRAP")]),
    Vector("iframe-javascript", [node("iframe", src="javascript:RUN")]),
    Vector("iframe-data", [node("iframe", src=f"data:text/html,{HTML}")]),
    Vector("iframe-srcdoc", [node("iframe", srcdoc=HTML)]),
    Vector("iframe-sandbox", [node("iframe", srcdoc=HTML, sandbox="allow-scripts allow-same-origin allow-top-navigation")]),
    Vector("frame", [node("frameset", node("frame", src="TRAP"))]),
    Vector("object", [node("object", data="TRAP")]),
    Vector("object-html", [node("object", data=f"data:text/html,{HTML}", type="text/html")]),
    Vector("embed", [node("embed", src="TRAP")]),
    Vector("embed-svg", [node("embed", src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='RUN'/>")]),
    Vector("meta-refresh", [node("meta", **{"http-equiv": "refresh", "content": "0;url=TRAP"})]),
    Vector("meta-refresh-js", [node("META", **{"HTTP-EQUIV": "refresh", "content": "0;url=javascript:RUN"})]),
    Vector("meta-csp", [node("meta", **{"http-equiv": "Content-Security-Policy", "content": "default-src *; report-uri TRAP"})]),
    Vector("base", [node("base", href="TRAP/"), node("img", src="a.png")]),
    Vector("link-css", [node("link", rel="stylesheet", href="TRAP")]),
    Vector("link-csstext", [node("link", _cssText="@import 'TRAP'; p { background: url(TRAP) }")]),
    Vector("link-preload", [node("link", rel="preload", href="TRAP", **{"as": "image"})]),
    Vector("link-prefetch", [node("link", rel="prefetch", href="TRAP")]),
    Vector("link-modulepreload", [node("link", rel="modulepreload", href="TRAP")]),
    Vector("link-icon", [node("link", rel="icon", href="TRAP")]),
    Vector("link-manifest", [node("link", rel="manifest", href="TRAP")]),
    Vector("link-preconnect", [node("link", rel="preconnect", href="TRAP")]),
    Vector("link-prerender", [node("link", rel="prerender", href="TRAP")]),
    Vector("style-import", [styled("@import url(TRAP);")]),
    Vector("style-url", [styled("body { background: url('TRAP') }")]),
    Vector("style-escaped", [styled("body { background: u\\72l(TRAP) }")]),
    Vector("style-font", [styled("@font-face { font-family: f; src: url(TRAP) } * { font-family: f }")]),
    Vector("style-image-set", [styled("body { background: image-set('TRAP' 1x) }")]),
    Vector("style-cursor", [styled("* { cursor: url(TRAP), auto }")]),
    Vector("style-namespace", [styled("@namespace url(TRAP); p { list-style: url(TRAP) }")]),
    Vector("style-inline", [node("p", style="background: url(TRAP)")]),
    Vector("style-border", [node("p", style="border-image: url(TRAP) 1; border-width: 3px")]),
    Vector("style-content", [styled("p::before { content: url(TRAP) }")]),
    Vector("body-background", [node("table", background="TRAP")]),
    Vector("input-image", [node("input", type="image", src="TRAP")]),
    Vector("video", [node("video", src="TRAP", poster="TRAP", autoplay="")]),
    Vector("audio", [node("audio", src="TRAP", autoplay="", onerror="RUN")]),
    Vector("source-track", [node("video", node("source", src="TRAP"), node("track", src="TRAP", default=""))]),
    Vector("input-autofocus", [node("input", autofocus="", onfocus="RUN")]),
    Vector("textarea-autofocus", [node("textarea", autofocus="", onfocus="RUN")]),
    Vector("dialog-modal", [node("dialog", node("input", autofocus=""), rr_open_mode="modal", open="")]),
    Vector("dialog-plain", [node("dialog", node("button", text("x", 52)), rr_open_mode="non-modal", open="")]),
    Vector("popover", [node("div", node("input", autofocus=""), popover="auto")]),
    Vector("details-ontoggle", [node("details", open="", ontoggle="RUN")]),
    Vector("custom-element", [node("x-evil", onclick="RUN", is_="x")]),
    Vector("marquee", [node("marquee", onstart="RUN")]),
    Vector("form", [node("form", node("input", type="submit", formaction="javascript:RUN"), action="TRAP")]),
    Vector("portal", [node("portal", src="TRAP") ]),
    Vector("fencedframe", [node("fencedframe", src="TRAP")]),
    Vector("template-shadow", [node("template", text(HTML, 51), shadowrootmode="open")]),
    Vector("tag-prototype", [node("__proto__", src="TRAP", onload="RUN")]),
    Vector("tag-markup", [node("b onclick=RUN", src="TRAP")]),
    Vector("attribute-markup", [node("p", **{"x onload=RUN": "1", "__proto__": "RUN"})]),
    Vector("text-markup", [element("p", 50, text(HTML, 51))]),
    Vector("noscript", [node("noscript", text(HTML, 51))]),
    Vector("huge-meta", events=[change(100, 4, width=10**9, height=10**9)]),
    Vector("mutated-handler", events=[attrs(100, BOX, onclick="RUN", onmouseover="RUN", onfocus="RUN", tabindex="0")]),
    Vector("mutated-src", [node("img")], [attrs(100, 50, src="TRAP", onerror="RUN")]),
    Vector("mutated-srcdoc", events=[attrs(100, FRAME, srcdoc=HTML)]),
    Vector("mutated-frame-src", events=[attrs(100, FRAME, src="javascript:RUN")]),
    Vector("mutated-style", events=[attrs(100, BOX, style={"background": "url(TRAP)"})]),
    Vector("mutated-sheet", events=[mutation(100, texts=[{"id": 41, "value": "p { background: url(TRAP) }"}])]),
    Vector("insert-rule", events=[change(100, 8, id=SHEET, adds=[{"rule": "p { background: url(TRAP) }", "index": 0}])]),
    Vector("insert-import", events=[change(100, 8, id=SHEET, replaceSync="@import url(TRAP); p { background: url(TRAP) }")]),
    Vector("declaration", events=[change(100, 13, id=SHEET, index=[0], set={"property": "background", "value": "url(TRAP)"})]),
    Vector("adopted", events=[change(100, 15, id=1, styleIds=[1], styles=[{"styleId": 1, "rules": [{"rule": "p { background: url(TRAP) }", "index": 0}]}])]),
    Vector("font", events=[change(100, 10, family="evil", fontSource="url(TRAP)", buffer=False), attrs(150, BOX, style="font-family: evil")]),
    Vector("frame-document", events=[mutation(100, isAttachIframe=True, adds=[add(FRAME, document(element("img", 305, src="TRAP", onerror="RUN"), element("SCRIPT", 306, text("RUN", 307))))])]),
    Vector("shadow", events=[mutation(100, adds=[add(BOX, {**element("img", 310, src="TRAP", onerror="RUN"), "isShadow": True})])]),
    Vector("canvas-function", [node("canvas", width="9", height="9")], [canvas(100, "fillText", made("Function", "RUN"), 1, 1), canvas(101, "__defineSetter__", "fillStyle", made("Function", "RUN")), canvas(102, "fillStyle", "red", setter=True)]),
    Vector("canvas-image", [node("canvas", width="9", height="9")], [canvas(100, "drawImage", {"rr_type": "Image", "src": "TRAP"}, 0, 0)]),
    Vector("canvas-socket", [node("canvas", width="9", height="9")], [canvas(100, "fill", made("WebSocket", "ws://127.0.0.1/TRAP"), made("Worker", "TRAP"), made("EventSource", "TRAP"), made("FontFace", "f", "url(TRAP)"))]),
    Vector("canvas-constructor", [node("canvas", width="9", height="9")], [canvas(100, "constructor", made("Function", "RUN")), canvas(101, "canvas", "RUN", setter=True)]),
    Vector("focus-events", [node("input")], [change(100, 2, type=5, id=50), change(101, 2, type=2, id=50, x=1, y=1), change(102, 2, type=0, id=50, x=1, y=1)]),
    Vector("click-link", [node("a", text("x", 51), href="TRAP", target="_top", ping="TRAP")], [change(100, 2, type=2, id=50, x=1, y=1), change(101, 2, type=4, id=50, x=1, y=1)]),
    Vector("click-submit", [node("form", node("button", text("x", 52)), action="TRAP", target="_top")], [change(100, 2, type=2, id=50, x=1, y=1)]),
    Vector("input-value", [node("input", type="file")], [change(100, 5, id=50, text="/etc/passwd", isChecked=True)]),
]  # fmt: skip

#: What the analytics side could be made of: none of it may become markup or an address.
WORDS = [
    "<script>RUN</script>",
    "<img src=TRAP onerror=RUN>",
    "javascript:RUN",
    '"><svg onload=RUN>',
    "</textarea><iframe srcdoc='<script>RUN</script>'>",
    "${RUN}{{RUN}}`RUN`",
    "\u202e<b onmouseover=RUN>\u0000",
    "__proto__",
]  # fmt: skip


def words(trap: str) -> list[str]:
    """Return the hostile words with a script and an address that can be noticed."""
    run = "top.hits.push('words')"
    return [w.replace(RUN, run).replace(TRAP, f"{trap}words") for w in WORDS]


@contextmanager
def trap_server() -> Iterator[tuple[str, list[str]]]:
    """Serve anything to anybody, and write down who asked; yields address and list."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "image/svg+xml")
            self.send_header("access-control-allow-origin", "*")
            self.end_headers()
            self.wfile.write(b"<svg xmlns='http://www.w3.org/2000/svg'/>")

        do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - the names that it calls

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


#: Runs in every document: notices scripts that tell, and whoever takes the focus.
HOOKS = """
window.hits = [];
window.lost = [];
for (const name of ["alert", "confirm", "prompt", "open"])
  window[name] = () => { hits.push(name); return null; };
if (window === top) {
  window.anchor = () => {
    const button = document.createElement("button");
    button.textContent = "anchor";
    button.style.cssText = "position: fixed; top: 0; left: 0; z-index: 9";
    document.body.append(button);
    button.focus();
    button.addEventListener("blur", () => lost.push(document.activeElement?.tagName ?? ""));
    window.before = look();
  };
  window.look = () => JSON.stringify([document.title, location.href, document.cookie,
    Object.keys(localStorage).length, history.length, getSelection().toString()]);
}
"""


@dataclass
class Watch:
    """What a page did that it should not have done."""

    page: Any
    asked: list[str]
    said: list[str] = field(default_factory=list)
    popups: list[str] = field(default_factory=list)
    #: The hooks are in the page already.
    hooked: bool = False

    def __post_init__(self) -> None:
        if not self.hooked:
            self.page.add_init_script(HOOKS)
        self.page.on("console", self._console)
        self.page.context.on("page", lambda page: self.popups.append(page.url))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))

    def _console(self, line: Any) -> None:
        if line.text.startswith("TRAP"):
            self.said.append(line.text)

    def each(
        self, names: list[str], show: Callable[[str], None]
    ) -> dict[str, list[str]]:
        """Show one recording after another; return what each of them managed."""
        self.page.evaluate("anchor()")
        done: dict[str, list[str]] = {}
        for name in names:
            show(name)
            found = self.found()
            if found:
                done[name] = found
        return done

    def found(self) -> list[str]:
        """Return and forget what happened since the last look."""
        told, lost, same = self.page.evaluate(
            "() => [hits.splice(0), lost.splice(0), look() === before]"
        )
        found = [
            *(f"script {one}" for one in told),
            *self.said,
            *(f"request {one}" for one in self.asked),
            *(f"focus {one}" for one in lost),
            *(f"window {one}" for one in self.popups),
            *([] if same else ["the page around it changed"]),
        ]
        for kept in (self.said, self.asked, self.popups):
            kept.clear()
        if lost:
            self.page.evaluate("document.querySelector('button').focus()")
        return found


def started(name: str) -> dict[str, Any]:
    """Return the times of a recording: all of them are alike."""
    return {"start_ms": START, "length_ms": 12_000, "replay": name}
