"""A widget on a bare page, answered by Python: as quick as a unit test, as real as a browser."""

from __future__ import annotations

import base64
import functools
import http.server
import threading
from contextlib import contextmanager

import lab
import traitlets

from replaykit.replies import STATIC

PAGE = """<!doctype html><meta charset="utf-8">
<body style="margin:0;padding:8px"><div id="host"></div>
<script type="module">
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
class Model {
  constructor(traits) { this.traits = traits; this.listeners = new Map(); this.asked = []; }
  get(name) { return this.traits[name]; }
  set(name, value) { this.traits[name] = value; }
  save_changes() {}
  on(event, then) { (this.listeners.get(event) ?? this.listeners.set(event, new Set()).get(event)).add(then); }
  off(event, then) { this.listeners.get(event)?.delete(then); }
  async send(content) {
    this.asked.push(content.kind);
    const { message, buffers } = await answer(content);
    const views = buffers.map((text) => new DataView(bytes(text).buffer));
    for (const then of this.listeners.get("msg:custom") ?? []) then(message, views);
  }
}
const module = await import("/widget.js");
window.model = new Model(await traits());
module.default.initialize?.({ model: window.model });
window.close_widget = module.default.render({ model: window.model, el: document.getElementById("host") });
</script>"""


class _Static(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_):
        pass


@contextmanager
def site():
    """Serve the page and the built front end."""
    handler = functools.partial(_Static, directory=STATIC)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def connect(page, view):
    """Let a page's model be answered by a Python widget."""
    sent = []
    view.send = lambda message, buffers=(): sent.append((message, buffers))

    def answer(content):
        sent.clear()
        view._on_message(view, content, [])
        ((message, buffers),) = sent
        texts = [base64.b64encode(bytes(one)).decode() for one in buffers]
        return {"message": message, "buffers": texts}

    def traits():
        names = view.traits(sync=True)
        plain = (
            traitlets.Unicode,
            traitlets.Int,
            traitlets.Float,
            traitlets.Bool,
            traitlets.List,
        )
        return {
            name: getattr(view, name)
            for name, trait in names.items()
            if isinstance(trait, plain) and not name.startswith("_")
        }

    page.expose_function("answer", answer)
    page.expose_function("traits", traits)


@contextmanager
def shown(view, **options):
    """Show a widget on a bare page; yields the page, with `page.errors`."""
    with site() as url, lab.browser_page(**options) as page:
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(f"{error} {error.stack}"))
        connect(page, view)
        page.goto(url)
        page.wait_for_selector(".rk-frame", state="attached")
        yield page
