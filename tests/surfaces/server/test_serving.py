"""The server as a process: real exporters, kills, its end, and what it says of itself."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from schemathesis.specs.openapi.checks import positive_data_acceptance

from otlp_requests import span, traces

PROTOBUF = {"content-type": "application/x-protobuf"}


class Process:
    """A server over the store of a folder."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loopwright", "serve", "--port", "0", *options],
            cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self.process.stderr is not None
        self.said = self.process.stderr.readline()
        self.url = self.said.split()[-1]

    def send(self, path: str, body: bytes | None = None, headers: dict[str, str] = PROTOBUF) -> tuple[int, bytes]:
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def spans(self) -> int:
        return int(json.loads(self.send("/v1/stats")[1])["spans"])

    def end(self, by: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        if self.process.poll() is None:
            self.process.send_signal(by)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path)
    yield made
    made.end()


def test_a_real_exporter_is_served(server: Process) -> None:
    exporter = OTLPSpanExporter(endpoint=f"{server.url}/v1/traces", compression=Compression.Gzip)
    provider = TracerProvider(resource=Resource({"service.name": "shop", "service.version": "3"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    for number in range(20):
        told = {"gen_ai.conversation.id": f"c{number % 2}"}
        with tracer.start_as_current_span("invoke_agent", attributes=told), tracer.start_as_current_span("chat"):
            pass
    provider.shutdown()

    lines = json.loads(server.send("/v1/traces")[1])["traces"]
    assert server.spans() == 40
    assert len(lines) == 20
    assert {(line["agent"], line["version"], line["spans"]) for line in lines} == {("shop", "3", 2)}


def test_the_end_waits_for_what_is_under_way(tmp_path: Path) -> None:
    server = Process(tmp_path)
    answers: list[int] = []

    def send(first: int) -> None:
        for number in range(first, first + 10):
            body = traces([span(number, inner, text="x" * 500) for inner in range(1, 100)]).SerializeToString()
            try:
                answers.append(server.send("/v1/traces", body)[0])
            except OSError:
                return

    senders = [threading.Thread(target=send, args=(first,)) for first in (1, 101, 201)]
    for sender in senders:
        sender.start()
    while len(answers) < 4:
        time.sleep(0.01)
    code, said = server.end()
    for sender in senders:
        sender.join()

    assert code == 0
    assert said.splitlines()[-1] == "stopped; all that was acknowledged is in the store"
    assert "Traceback" not in said
    again = Process(tmp_path)
    assert again.spans() >= 99 * answers.count(200)
    assert again.end()[0] == 0


def test_what_was_acknowledged_is_there_after_kills_and_nothing_twice(tmp_path: Path) -> None:
    rng = random.Random(3)
    sent: set[int] = set()
    number = 0
    for _ in range(3):
        server = Process(tmp_path)
        stop = time.monotonic() + rng.uniform(0.2, 0.8)
        killer = threading.Timer(stop - time.monotonic(), server.process.kill)
        killer.start()
        while True:
            number += 1
            body = traces([span(number, inner) for inner in range(1, 8)]).SerializeToString()
            try:
                for _ in range(2):  # once more, as after an answer that got lost
                    assert server.send("/v1/traces", body)[0] == 200
            except OSError:
                break
            sent.add(number)
        killer.join()
        server.end()
    server = Process(tmp_path)
    missing = [id for id in sent if server.send(f"/v1/traces/{id:032x}")[0] != 200]
    counted = server.spans()
    server.end()

    assert sent
    assert not missing
    assert 7 * len(sent) <= counted <= 7 * number


def test_settling_goes_on_after_a_kill(tmp_path: Path) -> None:
    first = Process(tmp_path)
    body = traces([span(number, 1) for number in range(1, 400)]).SerializeToString()
    assert first.send("/v1/traces", body)[0] == 200
    first.process.kill()
    first.end()
    second = Process(tmp_path)
    until = time.monotonic() + 60
    while (stats := json.loads(second.send("/v1/stats")[1]))["pending"]:
        assert time.monotonic() < until, stats
        time.sleep(0.1)
    second.end()

    assert stats == {"spans": 399, "traces": 399, "pending": 0}


def test_a_model_call_whose_cost_nobody_told_is_priced(server: Process) -> None:
    tokens = {"gen_ai__usage__input_tokens": 1000, "gen_ai__usage__output_tokens": 100}
    told = {"gen_ai__operation__name": "chat", "gen_ai__provider__name": "openai", "gen_ai__request__model": "gpt-4o-mini"}
    server.send("/v1/traces", traces([span(1, 1, **told, **tokens)]).SerializeToString())

    trace = json.loads(server.send(f"/v1/traces/{1:032x}")[1])

    assert trace["usage"]["cost_usd"] > 0


def test_keys_that_are_made_while_it_runs_count_at_once(server: Process, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "loopwright", "keys", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    body = traces([span(1, 1)]).SerializeToString()
    assert server.send("/v1/traces", body)[0] == 200
    made = run("create", "--ingest", "agent")
    assert server.send("/v1/traces", body)[0] == 401
    assert server.send("/v1/traces", body, {**PROTOBUF, "authorization": f"Bearer {made}"})[0] == 200
    kept = (tmp_path / ".loopwright" / "keys.json").read_text()
    assert made not in kept
    assert (tmp_path / ".loopwright" / "keys.json").stat().st_mode & 0o077 == 0
    (line,) = run("--format", "json").splitlines()
    run("revoke", json.loads(line)["key_id"])
    assert server.send("/v1/traces", body)[0] == 200


def test_a_store_that_cannot_be_read_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("no store" * 1000)
    command = [sys.executable, "-m", "loopwright", "serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/other.db"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.returncode == 64
    assert "not a Loopwright store" in done.stderr
    assert "listening" not in done.stderr


def test_elsewhere_without_a_key_it_does_not_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loopwright", "serve", "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.returncode == 64
    assert "loopwright keys create --ingest" in done.stderr
    assert not (tmp_path / ".loopwright").exists()


def test_the_interface_is_as_it_is_described(server: Process) -> None:
    server.send("/v1/traces", traces([span(1, 1, session__id="s")]).SerializeToString())
    described = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    paths = []
    for found in described.get_all_operations():
        operation = found.ok()
        paths.append((operation.method.upper(), operation.path))

        @settings(max_examples=15, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            case.call_and_validate(excluded_checks=[positive_data_acceptance])  # bytes at random are no export request

        check()
    assert ("POST", "/v1/traces") in paths
    assert len(paths) == 9
