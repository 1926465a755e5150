"""The servers of the ingest benchmark: ours, the floor, and Phoenix."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import venv
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PHOENIX = "arize-phoenix==20.26.1"
START_S = 180


class Server(ABC):
    """A server in a process of its own, over a store in `folder`; a context manager."""

    name = ""
    path = "/v1/traces"
    ready = "/healthz"

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    def environment(self) -> dict[str, str]:
        """What it is told by the environment."""
        return {}

    @abstractmethod
    def count(self) -> int:
        """How many spans can be read, as the server itself tells."""

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1", **self.environment()}, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                self.get(self.ready)
            except OSError:
                time.sleep(0.05)
            else:
                return
        self.kill()
        raise RuntimeError(f"{self.name} did not start:\n{self._log.read_text(errors='replace')[-1500:]}")

    def stop(self) -> None:
        """End it as a person would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, with all that it started."""
        assert self._process is not None
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def get(self, path: str, body: Any = None) -> Any:
        """An answer, as JSON where it is."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text[:1] in (b"{", b"[") else text

    def peak_mb(self) -> float:
        """The most memory that it held, in megabytes."""
        return self._status("VmHWM")

    def cpu_s(self) -> float:
        """The processor time that it took."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def bytes_on_disk(self) -> int:
        """What its store takes."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file() and file != self._log)

    def _status(self, name: str) -> float:
        assert self._process is not None
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


class Ours(Server):
    """`loopwright serve`."""

    name = "loopwright"

    def __init__(self, folder: Path, port: int, settings: dict[str, str] | None = None) -> None:
        super().__init__(folder, port)
        self._settings = settings or {}

    def command(self) -> list[str]:
        """The command line."""
        return [str(Path(sys.executable).parent / "loopwright"), "serve", "--port", str(self.port)]

    def environment(self) -> dict[str, str]:
        """Settings."""
        return self._settings

    def count(self) -> int:
        """By the reading API."""
        return int(self.get("/v1/stats")["spans"])

    def pending(self) -> int:
        """Traces that are not settled."""
        return int(self.get("/v1/stats")["pending"])


class Floor(Server):
    """The least that a Python receiver has to do: decode, insert a row a span, commit, answer. No product."""

    name = "floor"
    ready = "/count"

    def command(self) -> list[str]:
        """This file, run by itself."""
        return [sys.executable, "-c", _FLOOR, str(Path(__file__).parent), str(self.port), str(self.folder / "spans.db")]

    def count(self) -> int:
        """By a count over its table."""
        return int(self.get("/count")["spans"])


class Phoenix(Server):
    """Arize Phoenix, from an environment of its own."""

    name = "phoenix"

    def __init__(self, folder: Path, port: int, peers: Path) -> None:
        super().__init__(folder, port)
        self._bin = peers / "phoenix" / "bin"
        if not (self._bin / "phoenix").exists():
            venv.create(peers / "phoenix", with_pip=True)
            subprocess.run([str(self._bin / "pip"), "install", "-q", PHOENIX], check=True)

    def command(self) -> list[str]:
        """Its own."""
        return [str(self._bin / "phoenix"), "serve"]

    def environment(self) -> dict[str, str]:
        """Where it keeps things, and that it tells nobody."""
        return {
            "PHOENIX_WORKING_DIR": str(self.folder), "PHOENIX_PORT": str(self.port), "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_GRPC_PORT": str(self.port + 1), "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false", "DO_NOT_TRACK": "1",
        }  # fmt: skip

    def count(self) -> int:
        """By its own GraphQL."""
        edges = self.get("/graphql", {"query": "{projects{edges{node{name recordCount}}}}"})["data"]["projects"]["edges"]
        return sum(edge["node"]["recordCount"] for edge in edges if edge["node"]["name"] == "bench")


_SCHEMA = """PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS spans (trace BLOB NOT NULL, span BLOB NOT NULL, parent BLOB, name TEXT, kind INT, start INT,
  finish INT, status INT, message TEXT, attributes TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS spans_by_id ON spans (trace, span);
CREATE INDEX IF NOT EXISTS spans_by_start ON spans (start);"""


def _rows(body: bytes) -> list[tuple[Any, ...]]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    rows = []
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                attributes = {}
                for item in span.attributes:
                    kind = item.value.WhichOneof("value")
                    attributes[item.key] = getattr(item.value, kind) if kind else None
                rows.append((
                    span.trace_id, span.span_id, span.parent_span_id or None, span.name, span.kind, span.start_time_unix_nano,
                    span.end_time_unix_nano, span.status.code, span.status.message, json.dumps(attributes),
                ))  # fmt: skip
    return rows


def floor(port: int, file: str) -> None:
    """Serve as the floor does."""
    database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    database.executescript(_SCHEMA)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            rows = _rows(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                database.execute("BEGIN")
                database.executemany("INSERT OR IGNORE INTO spans VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
                database.execute("COMMIT")
            self._answer(b"", "application/x-protobuf")

        def do_GET(self) -> None:
            with lock:
                (count,) = database.execute("SELECT count(*) FROM spans").fetchone()
            self._answer(json.dumps({"spans": count}).encode(), "application/json")

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


_FLOOR = "import sys; sys.path.insert(0, sys.argv[1]); import ingest_servers; ingest_servers.floor(int(sys.argv[2]), sys.argv[3])"
