"""A replay asks nobody for anything, unless a host was allowed when it was added."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading

import live
from recordings import click, element, meta, snapshot

import replaykit as rk


@contextlib.contextmanager
def host():
    """A server on loopback, and the paths it was asked for."""
    asked = []

    class Pictures(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/svg+xml")
            self.end_headers()
            self.wfile.write(
                b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
            )

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def player(folder, address, name, **hosts):
    """A player of one recording whose page names a picture of that name."""
    picture = element("img", 7, src=f"{address}/{name}.svg", alt="")
    events = [meta(0), snapshot(10, picture), click(20_000, 4)]
    (folder / f"{name}_1.json").write_text(json.dumps(events))
    shop = rk.create(folder / f"{name}.rk")
    shop.add_replays(folder / f"{name}_1.json", progress=False, **hosts)
    return rk.Player(shop.replays)


def test_only_what_was_allowed_is_asked_for(tmp_path):
    with host() as (address, asked):
        allowed = player(tmp_path, address, "a", allow_network=["127.0.0.1"])
        with live.shown(allowed) as page:
            page.wait_for_function("() => window.model", timeout=20_000)
            for _ in range(100):
                if asked:
                    break
                page.wait_for_timeout(100)
            assert page.errors == []
        assert asked == ["/a.svg"]
        with live.shown(player(tmp_path, address, "b")) as page:
            page.wait_for_timeout(2_500)
        other = player(tmp_path, address, "c", allow_network=["elsewhere.test"])
        with live.shown(other) as page:
            page.wait_for_timeout(2_500)
        assert asked == ["/a.svg"]
