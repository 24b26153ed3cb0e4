"""A server on this machine's loopback that records what it is asked, with TLS or without."""

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CONTENT = "hello from the upstream"


@dataclass
class Upstream:
    port: int
    asked: list[str] = field(default_factory=list)
    """`GET /path Host-header` of every request."""


@contextmanager
def upstream(certificate: Path | None = None) -> Iterator[Upstream]:
    """
    Args:
        certificate: file of key and certificate; None: plain http.
    """
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path} {self.headers['Host']}")
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT.encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = _Server(("127.0.0.1", 0), Answer)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Upstream(server.server_address[1], asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that break off are what these tests are about."""


def make_certificate(folder: Path) -> Path:
    """For `localhost`, signed by itself: key and certificate in one file."""
    both, key = folder / "localhost.pem", folder / "key.pem"
    line = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:other.test"]
    subprocess.run(
        [*line.split(), "-keyout", key, "-out", both, *names], check=True, capture_output=True
    )
    both.write_text(key.read_text() + both.read_text())
    return both
