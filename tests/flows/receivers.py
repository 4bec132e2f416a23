"""Receivers on loopback for what a server sends out: a webhook and a mail server that keep what they get."""

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def webhook() -> Iterator[tuple[str, list[str]]]:
    """Give an address, and the bodies that were posted to it so far."""
    bodies: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}/hook", bodies


@contextmanager
def mail_server() -> Iterator[tuple[str, list[EmailMessage]]]:
    """Give an address for Apprise, and the messages that came to it so far."""
    messages: list[EmailMessage] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            for line in self.rfile:
                word = line.strip().upper()
                self.wfile.write(b"354 go on\r\n" if word == b"DATA" else b"250 well\r\n")
                if word == b"DATA":
                    lines = iter(self.rfile.readline, b".\r\n")
                    message: Any = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                    messages.append(message)
                    self.wfile.write(b"250 kept\r\n")
                if word == b"QUIT":
                    return

    with _served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"mailto://127.0.0.1:{port}?from=varemix@example.org&to=you@example.org&mode=insecure", messages


@contextmanager
def _served(server: socketserver.TCPServer) -> Iterator[int]:
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()
