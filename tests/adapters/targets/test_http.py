from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from loopwright.adapters.targets.http import HttpService
from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError


class Agent(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/moved":
            self.answer(302, b"", Location="/echo")
        elif self.path == "/broken":
            self.answer(500, b"no key")
        elif self.path == "/bytes":
            self.answer(200, b"\xff")
        elif self.path == "/much":
            self.answer(200, b"x" * 11_000_000)
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(100):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.1)
            except OSError:
                return
        else:
            assert self.headers["Content-Type"] == "application/json"
            self.answer(200, json.dumps({"output": given, "tokens": 3}).encode())

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Agent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def post(url: str, timeout_s: float = 20.0) -> TargetReply:
    async def main() -> TargetReply:
        target = HttpService(url)
        await target.open()
        return await target.call(CallTarget("hé", "c", 0, timeout_s))

    return asyncio.run(main())


def test_the_input_is_posted_as_json(url: str) -> None:
    reply = post(f"{url}/echo")
    assert (reply.output, reply.tokens, reply.error) == ("hé", 3, None)
    assert reply.latency_ms is not None


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/broken", "the service answered 500 Internal Server Error: no key"),
        ("/moved", "the service answered 302 Found"),
        ("/bytes", "the answer is not UTF-8"),
        ("/much", "the answer is longer than 10 MB"),
    ],
)
def test_a_service_that_fails_is_an_error_reply(url: str, path: str, error: str) -> None:
    assert post(url + path).error == error


def test_the_whole_exchange_is_under_the_time_out(url: str) -> None:
    reply = post(f"{url}/drip", timeout_s=0.5)
    assert (reply.timed_out, reply.error) == (True, "timed out after 0.5 s")


def test_a_service_that_is_not_there_is_an_error_reply() -> None:
    assert "cannot be reached" in str(post("http://127.0.0.1:9/").error)


def test_a_url_without_a_host_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="names no host"):
        HttpService("http://")
