from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from loopwright.surfaces.server.access import _discard
from loopwright.surfaces.server.connections import Connection
from loopwright.surfaces.server.serving import listen

SLOW_BODY_S = 0.6


class Hasty(Connection):
    head_s = 0.3
    most = 3


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads a request to its end, and answers it."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def served() -> Iterator[int]:
    """The port of a server with connections of little patience."""
    with closing(listen("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(slow, http=Hasty, lifespan="off", ws="none", log_level="error"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_connection_without_a_request_is_closed(sent: bytes) -> None:
    with served() as port, opened(port) as client:
        client.sendall(sent)
        assert client.recv(100) == b""


def test_bytes_now_and_then_do_not_keep_it_open() -> None:
    with served() as port, opened(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        client.settimeout(0.05)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                client.sendall(b"X: y\r\n")
                if client.recv(100) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
        pytest.fail("it stayed open")


def test_a_body_has_its_own_time_and_the_connection_serves_again() -> None:
    with served() as port, opened(port) as client:
        for _ in range(2):
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
            time.sleep(SLOW_BODY_S)
            client.sendall(b"b")
            answer = b""
            while not answer.endswith(b"ok"):
                answer += client.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")


def test_more_connections_than_may_be_open_are_broken_off() -> None:
    with served() as port:
        held = [opened(port) for _ in range(Hasty.most)]
        time.sleep(0.05)
        with opened(port) as more, suppress(ConnectionResetError):
            assert more.recv(1) == b""
        for client in held:
            client.close()
        time.sleep(0.05)
        with opened(port) as next_one:
            next_one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert next_one.recv(1000).startswith(b"HTTP/1.1 200")


def test_what_is_refused_is_not_read_for_ever() -> None:
    async def trickle() -> dict[str, object]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def last() -> dict[str, object]:
        return {"type": "http.request", "body": b"x", "more_body": False}

    assert not asyncio.run(_discard(trickle, seconds=0.05))
    assert asyncio.run(_discard(last))
