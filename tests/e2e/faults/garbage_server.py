"""A web server that answers wrongly; `python3 -m tests.e2e.faults.garbage_server MODE PORT UPSTREAM`, inside the lab.

MODE `everything`: every answer is 200 with bytes that mean nothing. MODE `packages`: what UPSTREAM has, but Debian
packages with their last byte changed, so that only their checksum tells.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GARBAGE = bytes(range(256)) * 16


class Wrong(BaseHTTPRequestHandler):
    """Answers a GET."""

    mode = "everything"
    upstream = ""

    def do_GET(self) -> None:
        """The answer that the mode asks for."""
        status, body = (200, GARBAGE) if self.mode == "everything" else self._changed()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _changed(self) -> tuple[int, bytes]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.upstream}{self.path}", timeout=60) as answer:
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            return error.code, b""
        return 200, body[:-1] + bytes([body[-1] ^ 1]) if self.path.endswith(".deb") else body


if __name__ == "__main__":
    Wrong.mode, Wrong.upstream = sys.argv[1], sys.argv[3]
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), Wrong).serve_forever()
