"""A page of somebody else: a small web server on another port of this machine, as any program or site may be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# fetch, told what came of it: the answer's text where the page may read it
ASK = """async ({url, ...options}) => {
    try {
        const answer = await fetch(url, options);
        return answer.type === "opaque" ? "opaque" : await answer.text();
    } catch (error) { return "blocked"; }
}"""
LISTEN = """url => new Promise(told => {
    const socket = new WebSocket(url, "prefect");
    socket.onopen = () => told("open");
    socket.onerror = () => told("blocked");
})"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def foreign_page() -> Iterator[str]:
    """Its address until the block is left."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
