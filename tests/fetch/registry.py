"""A package registry on this machine, as far as `npm pack` asks one."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(name: str, archive: bytes) -> Generator[str]:
    """Serve one package, version 1.0, from the loopback interface; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = f"http://127.0.0.1:{self.server.server_address[1]}"
            body = {f"/{name}": document(base), f"/{name}.tgz": archive}.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *_arguments: object) -> None:
            """Say nothing."""

    def document(base: str) -> bytes:
        digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
        dist = {"tarball": f"{base}/{name}.tgz", "integrity": f"sha512-{digest}"}
        versions = {"1.0.0": {"name": name, "version": "1.0.0", "dist": dist}}
        return json.dumps({"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": versions}).encode()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
