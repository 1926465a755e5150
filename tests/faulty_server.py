"""A real HTTP server on the loopback that answers as it is told, and fails as it is told."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def one(self, name: str, default: str | None = None) -> str | None:
        return self.query.get(name, [default])[0]


@dataclass(frozen=True)
class Answer:
    """What the server says. `cut` closes the connection after so many bytes of the body; `stall` waits before it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: float = 0.0


Service = Callable[[Asked], Answer | None]
Fault = Answer | Callable[[Answer], Answer] | None


class FaultyServer:
    """`faults` are used up, one a request, before the service answers; a function of the true answer spoils it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.asked: list[Asked] = []
        self.faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer
            disable_nagle_algorithm = True

            def handle_one(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw
                split = urlsplit(self.path)
                headers = {key.lower(): value for key, value in self.headers.items()}
                asked = Asked(self.command, split.path, parse_qs(split.query), headers, body, time.monotonic())
                self.say(outer.answer(asked))

            do_GET = do_POST = do_PATCH = do_PUT = handle_one  # noqa: N815

            def say(self, answer: Answer) -> None:
                if answer.stall:
                    time.sleep(answer.stall)
                data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                try:
                    self.send_response(answer.status)
                    for key, value in {"Content-Type": "application/json", **answer.headers}.items():
                        self.send_header(key, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data if answer.cut is None else data[: answer.cut])
                    self.wfile.flush()
                    if answer.cut is not None:
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that went away is no matter."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.host = self.url.removeprefix("http://")
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            fault = self.faults.popleft() if self.faults else None
            if isinstance(fault, Answer):
                return fault
            true = self.service(asked) or Answer(404, {"detail": "Not Found"})
            return true if fault is None else fault(true)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


@contextmanager
def serving(service: Service) -> Iterator[FaultyServer]:
    server = FaultyServer(service)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
