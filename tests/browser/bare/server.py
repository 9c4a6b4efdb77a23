"""Serve the bare page, the built bundle and the answers a kernel would give."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
STATIC = HERE.parents[2] / "replaykit" / "widgets" / "static"


@contextmanager
def serving(
    answer: Callable[[str, dict[str, Any]], tuple[Any, list[bytes]]],
    policy: str | None = None,
    odd: list[str] | None = None,
) -> Iterator[str]:
    """Serve on a free port of this machine; yields the address.

    `answer` takes kind and parameters and gives data and buffers; a KeyError that it
    raises becomes a named error. `policy` is the Content-Security-Policy of the page; paths
    that do not belong to it are added to `odd`.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == "/":
                self._send((HERE / "bare.html").read_bytes(), "text/html")
            elif path.startswith("/static/"):
                body = (STATIC / path.removeprefix("/static/")).read_bytes()
                self._send(body, "text/javascript")
            else:
                if odd is not None:
                    odd.append(self.path)
                self.send_error(404)

        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            message = json.loads(self.rfile.read(size))
            try:
                data, buffers = answer(message["kind"], message["params"])
                head = {"id": message["id"], "ok": True, "data": data}
            except KeyError as error:
                buffers = []
                head = {
                    "id": message["id"],
                    "error": {
                        "code": "unknown",
                        "message": f"No replay {error}.",
                        "hint": None,
                    },
                }
            reply = {"head": head, "sizes": [len(one) for one in buffers]}
            self._send(b"".join(buffers), "application/octet-stream", reply)

        def _send(self, body: bytes, kind: str, head: object = None) -> None:
            self.send_response(200)
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            if policy is not None:
                self.send_header("content-security-policy", policy)
            if head is not None:
                self.send_header("x-head", quote(json.dumps(head)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
