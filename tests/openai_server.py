"""A real HTTP server on this machine that speaks OpenAI's chat completions, with replies and faults as a test scripts them.

    with OpenAIServer("hello", {"passed": True}, Fault.status(429)) as server:
        ...  # the client of the code under test, with `base_url=server.url`
    assert server.prompts[0].startswith("Say hello")

Each request takes the next scripted reply; the last one is repeated. The fixture `openai_server` (tests/conftest.py) starts one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Fault:
    """What a broken service sends: a status, a body as it stands, headers, and seconds of silence before that."""

    code: int = 200
    body: str = ""
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def status(cls, code: int, message: str = "scripted fault") -> Fault:
        """An error as OpenAI words it. A client that retries is told to wait for a moment only."""
        return cls(code, json.dumps({"error": {"message": message, "type": "scripted"}}), headers={"retry-after-ms": "1"})

    @classmethod
    def malformed(cls) -> Fault:
        """A success whose body is no JSON."""
        return cls(200, "<html>gateway says hello</html>")

    @classmethod
    def silence(cls, delay_s: float) -> Fault:
        """Nothing for so many seconds, then an error that no client should be waiting for."""
        return cls(503, "{}", delay_s)


Scripted = str | dict[str, Any] | list[Any] | Fault
Reply = Scripted | Callable[[str], Scripted]
"""Text, a value to be sent as JSON text, a fault, or what makes one of these from the prompt."""


@dataclass(frozen=True)
class Received:
    """One request: its path, its headers with names in lower case, and its body."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """All that the messages say, a line apart."""
        return "\n".join(_text(message.get("content")) for message in self.body.get("messages", ()))


class OpenAIServer:
    """The server, running from `__enter__` to `__exit__`. `usage` is what every answer is said to have taken."""

    def __init__(self, *replies: Reply, usage: tuple[int, int] = (100, 20)) -> None:
        self.replies: list[Reply] = list(replies) or ["ok"]
        self.usage = usage
        self.received: list[Received] = []
        self._lock = Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        """The base URL to give a client."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def prompts(self) -> list[str]:
        """What was asked, in the order in which it came."""
        return [one.prompt for one in self.received]

    def script(self, *replies: Reply) -> None:
        """What to answer from now on."""
        with self._lock:
            self.replies = list(replies)

    def take(self, received: Received) -> Scripted:
        """Note a request, and the answer to it."""
        with self._lock:
            self.received.append(received)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(received.prompt) if callable(reply) else reply

    def __enter__(self) -> Self:
        Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()


def _handler_of(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            scripted = server.take(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            fault = scripted if isinstance(scripted, Fault) else Fault(200, _completion(scripted, body["model"], server.usage))
            time.sleep(fault.delay_s)
            payload = fault.body.encode()
            try:
                self.send_response(fault.code)
                for name, value in {"content-type": "application/json", **fault.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client did not wait, as it should

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _completion(content: str | dict[str, Any] | list[Any], model: str, usage: tuple[int, int]) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
        }
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content)
    return content or ""
