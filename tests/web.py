"""An HTTP server on loopback that answers as a test tells it, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """One HTTP response."""

    status: int = 200
    body: bytes = b""
    length: int | None = None
    """Content-Length where it is a lie: the connection is closed after the body."""


@dataclass
class Web:
    """The running server."""

    url: str
    answers: list[Answer]
    """Given in order; the last one for ever."""
    asked: list[str] = field(default_factory=list)
    """Paths, in the order of the requests."""


@contextmanager
def serve(*answers: Answer) -> Iterator[Web]:
    """A server with these answers, for the time of a `with` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = web.answers.pop(0) if len(web.answers) > 1 else web.answers[0]
            web.asked.append(self.path)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            self.end_headers()
            self.wfile.write(answer.body)

        def do_PATCH(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web = Web(url=f"http://127.0.0.1:{server.server_port}", answers=list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refused_url() -> str:
    """A URL on loopback where nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"
