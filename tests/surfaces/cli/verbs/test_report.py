from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builders import assistant, failure, mode, signal, trace, user
from loopwright import wiring
from loopwright.cluster.mode import Membership, ModeStatus, Recipe
from loopwright.mine.signal import Where
from loopwright.settings import load
from loopwright.surfaces.cli.main import main

PAGE = "loopwright-report.html"
AT = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def stored(project: Path) -> Path:
    """A store with ten traces, six failures, one mode with four of them, one one-off, one failure not grouped yet."""
    with wiring.store(load(environ={}, start=project)) as store:
        store.put_traces([trace(user(f"refund {i}"), assistant("no"), id=f"t{i}", started_at=AT) for i in range(10)])
        found = signal(where=Where(message_index=1), reason="the agent said no")
        store.replace_failures([failure(f"t{i}", score=0.9 - i / 10, signals=(found,)) for i in range(6)])
        held = mode("mode-1", size=4, representatives=("t0", "t1"), position=(0.1, 0.2), status=ModeStatus.OPEN)
        gone = mode("mode-2", size=0, name="gone")
        places = [*(Membership(f"t{i}", "mode-1", 0.9) for i in range(4)), Membership("t4", None, 0.0)]
        store.put_modes([held, gone], places)
    return project


def test_the_store_becomes_a_page(stored, capsys):
    assert main(["report"]) == 0
    told = capsys.readouterr()
    assert "10 traces read: 6 show strong or fair evidence of failure (60.0 %)." in told.out
    assert f"report: {PAGE}" in told.err
    html = (stored / PAGE).read_text(encoding="utf-8").replace("\u00a0", " ")
    assert "refund not found" in html
    assert "1 failure came after the last grouping" in html
    assert "gone" not in html
    assert "the agent said no" in html
    assert "loopwright traces show ID" in html
    assert "Map of failure modes" in html


def test_how_it_was_clustered_is_told_and_where_the_store_is_not(stored, capsys):
    assert main(["report"]) == 0
    html = (stored / PAGE).read_text(encoding="utf-8")
    assert "How it was done was not kept" in html
    assert f"<title>Failures in the store of {stored.name} · Loopwright</title>" in html
    assert str(stored) not in html
    with wiring.store(load(environ={}, start=stored)) as store:
        store.put_modes(store.modes()[:1], store.memberships(), Recipe("average", "minilm", 6, 0.413, 2.5, AT))
    assert main(["report", "--store", "sqlite:///.loopwright/loopwright.db"]) == 0
    html = (stored / PAGE).read_text(encoding="utf-8").replace("\u00a0", " ")
    assert "<title>Failures in the store · Loopwright</title>" in html
    for fact in ("average, over 6 distinct texts, 2026-02-01 00:00 UTC", "<dd>minilm</dd>", "cosine 0.413, granularity 2.50"):
        assert fact in html


def test_json_from_the_store(stored, capsys):
    assert main(["report", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [m["mode_id"] for m in found["modes"]] == ["mode-1"]
    assert found["failing"]["count"] == 6
    assert not (stored / PAGE).exists()


def test_no_store_is_told_with_the_cure_and_none_is_made(project, capsys):
    assert main(["report"]) == 64
    assert "loopwright import" in capsys.readouterr().err
    assert list(project.iterdir()) == []


def test_a_store_that_was_not_mined_claims_nothing(project, capsys):
    with wiring.store(load(environ={}, start=project)) as store:
        store.put_traces([trace(user("hello"), id="t1")])
    assert main(["report"]) == 0
    assert "no failure among them is recorded" in capsys.readouterr().out
    html = (project / PAGE).read_text(encoding="utf-8")
    assert "loopwright mine" in html
    assert "none shows a sign of failure" not in html


def test_failures_that_were_not_grouped_are_not_called_one_offs(project, capsys):
    with wiring.store(load(environ={}, start=project)) as store:
        store.put_traces([trace(user("hello"), id="t1")])
        store.replace_failures([failure("t1", signals=(signal(),))])
    assert main(["report"]) == 0
    assert "They are not grouped yet." in capsys.readouterr().out
    html = (project / PAGE).read_text(encoding="utf-8")
    assert 'id="one-offs"' not in html
    assert "loopwright cluster" in html


def test_the_store_is_never_written_over(stored, capsys):
    assert main(["report", "--out", ".loopwright/loopwright.db"]) == 64
    assert "would be overwritten" in capsys.readouterr().err
    assert main(["report", "--format", "json"]) == 0
