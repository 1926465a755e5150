from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loopwright.errors import StoreError, UsageError
from loopwright.ports import Key, KeyKind
from loopwright.surfaces.server.access import Rates, digest, host_name, known
from loopwright.surfaces.server.serving import allowed_hosts, check_keys, is_local, listen
from otlp_requests import span, traces
from serving_here import serving

BODY = traces([span(1, 1)]).SerializeToString()
PROTOBUF = {"content-type": "application/x-protobuf"}


class Ring:
    """Keys that are there."""

    def __init__(self, *keys: Key) -> None:
        self.held = keys

    def keys(self) -> Sequence[Key]:
        return self.held

    def add(self, key: Key) -> None:
        raise NotImplementedError

    def remove(self, key_id: str) -> Key:
        raise NotImplementedError


def key(kind: KeyKind, text: str, per_second: float | None = None, max_bytes: int | None = None) -> Key:
    return Key(text[:8], f"the {kind} one", kind, digest(text), datetime(2026, 1, 1, tzinfo=UTC), per_second, max_bytes)


def bearer(text: str) -> dict[str, str]:
    return {**PROTOBUF, "authorization": f"Bearer {text}"}


def test_a_key_for_sending_sends_and_reads_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, Ring(key("ingest", "send-it"), key("read", "read-it"))) as client:
        assert client.post("/v1/traces", content=BODY, headers=bearer("send-it")).status_code == 200
        assert client.post("/v1/traces", content=BODY, headers=bearer("read-it")).status_code == 403
        assert client.get("/v1/traces", headers=bearer("read-it")).status_code == 200
        for path in ("/v1/traces", "/v1/stats", f"/v1/traces/{1:032x}", "/v1/sessions/x"):
            assert client.get(path, headers=bearer("send-it")).status_code == 403
            assert client.get(path).status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "send-it"}, {"authorization": "Basic send-it"}, {"authorization": "Bearer send-i"},
                {"authorization": "Bearer "}, {"authorization": "Bearer send-it2"}]
)  # fmt: skip
def test_without_its_key_nothing_is_taken(tmp_path: Path, headers: dict[str, str]) -> None:
    with serving(tmp_path, Ring(key("ingest", "send-it"))) as client:
        answer = client.post("/v1/traces", content=BODY, headers={**PROTOBUF, **headers})
        told = client.post("/v1/feedback", json={"trace_id": "x", "feedback": "good"}, headers=headers)

    assert answer.status_code == told.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert told.json()["code"] == 16
    assert "loopwright keys" in told.json()["message"]


def test_health_needs_no_key_and_tells_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, Ring(key("ingest", "send-it"))) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ready"}
        assert client.get("/openapi.json").status_code == 200


def test_a_key_may_come_so_often_and_send_so_much(tmp_path: Path) -> None:
    with serving(tmp_path, Ring(key("ingest", "send-it", per_second=1.0, max_bytes=50))) as client:
        codes = [client.post("/v1/traces", content=BODY, headers=bearer("send-it")).status_code for _ in range(3)]
        late = client.post("/v1/traces", content=BODY, headers=bearer("send-it"))

    assert codes == [413, 413, 429]
    assert late.headers["retry-after"] == "1"


def test_rates_fill_up_again() -> None:
    now = 100.0
    rates = Rates(lambda: now)
    one = key("ingest", "x", per_second=2.0)

    assert [rates.wait(one) for _ in range(5)] == [0, 0, 0, 0, 0.5]
    now += 0.5
    assert rates.wait(one) == 0
    assert rates.wait(one) == 0.5
    assert rates.wait(key("ingest", "y")) == 0


def test_a_page_that_was_led_here_by_a_name_of_its_own_is_kept_out(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        for host in ("evil.example", "evil.example:4318", "localhost.evil.example", "", "127.0.0.1.evil.example"):
            assert client.get("/v1/traces", headers={"host": host}).status_code == 421
            assert client.post("/v1/traces", content=BODY, headers={**PROTOBUF, "host": host}).status_code == 421
        for host in ("localhost", "127.0.0.1:4318", "LOCALHOST:1"):
            assert client.get("/v1/stats", headers={"host": host}).status_code == 200


def test_other_origins_are_granted_nothing(tmp_path: Path) -> None:
    origin = {"origin": "https://evil.example"}
    with serving(tmp_path) as client:
        asked = client.options("/v1/traces", headers={**origin, "access-control-request-method": "POST"})
        read = client.get("/v1/stats", headers=origin)

    assert asked.status_code == 405
    for answer in (asked, read):
        assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    ("host", "name"), [("localhost:80", "localhost"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("A.B.", "a.b"), ("", "")]
)
def test_host_names(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("127.1.2.3", True), ("localhost", True), ("::1", True), ("0.0.0.0", False),
                        ("::", False), ("192.168.1.4", False), ("example.org", False)]
)  # fmt: skip
def test_what_is_reached_from_here_alone(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_elsewhere_it_listens_with_keys_only() -> None:
    with pytest.raises(UsageError, match="loopwright keys create"):
        check_keys("0.0.0.0", Ring())
    check_keys("0.0.0.0", Ring(key("ingest", "x")))
    check_keys("127.0.0.1", Ring())


def test_names_that_may_be_used() -> None:
    assert allowed_hosts("127.0.0.1", "") == ("localhost", "127.0.0.1", "::1", "127.0.0.1")
    assert allowed_hosts("0.0.0.0", "") is None
    assert "traces.example.org" in (allowed_hosts("0.0.0.0", "traces.example.org, b") or ())


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(UsageError, match="give another --port"):
        listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(UsageError, match="no address"):
        listen("no such host", 0)


def test_a_key_is_known_by_its_digest() -> None:
    one = key("ingest", "x")

    assert known([one], "x") is one
    assert known([one], one.digest) is None
    assert known([], "x") is None
    assert known([one], "\ud800") is None


def test_where_others_reach_it_nothing_is_taken_once_the_last_key_is_gone(tmp_path: Path) -> None:
    ring = Ring(key("read", "read-it"))
    with serving(tmp_path, ring, hosts=None, keyless=False) as client:
        assert client.get("/v1/stats", headers=bearer("read-it")).status_code == 200
        ring.held = ()
        for headers in ({}, bearer("read-it"), bearer("")):
            assert client.get("/v1/stats", headers=headers).status_code == 401
            assert client.post("/v1/traces", content=BODY, headers={**PROTOBUF, **headers}).status_code == 401
        assert client.get("/healthz").status_code == 200


class Unreadable(Ring):
    """Keys in a file that is damaged."""

    def keys(self) -> Sequence[Key]:
        raise StoreError("keys.json cannot be read as keys")


def test_while_keys_cannot_be_read_nobody_is_let_in_and_senders_try_again(tmp_path: Path) -> None:
    with serving(tmp_path, Unreadable()) as client:
        answer = client.post("/v1/traces", content=BODY, headers=bearer("send-it"))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.get("/v1/stats").status_code == 503
