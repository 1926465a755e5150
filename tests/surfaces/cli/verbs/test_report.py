from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builders import assistant, failure, mode, signal, trace, user
from loopwright import wiring
from loopwright.cluster.mode import Membership, ModeStatus, Recipe
from loopwright.improve.proposal import Effect, Proposal, ProposalKind, ProposalStatus, Replay, Verification
from loopwright.mine.signal import Where
from loopwright.release.record import Release
from loopwright.settings import load
from loopwright.surfaces.cli.main import main
from loopwright.watch.finding import DriftFinding, DriftKind

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


@pytest.fixture
def whole(stored: Path) -> Path:
    """The same store, with a proposal that a person applied, one that nobody decided on, a drift, and two releases."""
    helped = Effect("failure", 0.4, 0.1, -0.3, -0.4, -0.2)
    other = {name: Effect(name, None, None) for name in ("success", "runtime_ms", "cost_usd")}
    tried = Verification("helping", 80, helped, reason="the failure became rarer", at=AT, cases=20, **other)
    quotes = ("t8: “no” (refund was called 3 times)",)
    twice = Proposal(ProposalKind.DEDUPLICATE_CALLS, ("t7", "t8", "t9"), {"limit": 2}, quotes=quotes, traces=10)
    storm = Proposal(ProposalKind.RETRY_BUDGET, ("t1", "t2", "t3"), {"per_tool": 2}, traces=10, replay=Replay(3, 3, 1, 7))
    drift = DriftFinding(
        DriftKind.DISTRIBUTION_SHIFT, "inputs", "2026-W05", "what users ask <differs>", 0.001, 0.2,
        responses=(("loopwright watch sample", "label them"),), found_at=AT,
    )  # fmt: skip
    with wiring.store(load(environ={}, start=stored)) as store:
        store.put_proposals([twice, storm])
        store.put_verification(twice.proposal_id, tried)
        store.set_proposal_status(twice.proposal_id, ProposalStatus.APPROVED, "Ada", AT, "it helps")
        store.put_findings([drift])
        store.put_release(Release("1.0", AT.replace(month=1), "Ada"))
        store.put_release(Release("1.1", AT, "Grace", proposal_ids=(twice.proposal_id,), despite="a hot fix"))
    return stored


def test_the_rest_of_the_loop_is_on_the_page(whole, capsys):
    assert main(["report"]) == 0
    assert "Answer a repeated tool call with its earlier result" in capsys.readouterr().out
    html = (whole / PAGE).read_text(encoding="utf-8").replace("\u00a0", " ")
    for told in (
        "80 paired trials of 20 cases", "40.0 % → 10.0 %", "−30.0 points", "approved by Ada, 2026-02-01 00:00 UTC: it helps",
        "refund was called 3 times", "trace <code>t8</code>", "<b>1</b> of 7", "loopwright improve verify proposal-",
        "What users ask &lt;differs&gt;", "loopwright watch sample", "Released despite the gate: a hot fix",
        "1 entry in the decision trail", "the chain is whole",
    ):  # fmt: skip
        assert told in html, told


def test_json_has_proposals_drift_releases_and_the_trail(whole, capsys):
    assert main(["report", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(p["kind"], p["status"]) for p in found["proposals"]] == [("deduplicate_calls", "approved"), ("retry_budget", "open")]
    assert [f["kind"] for f in found["drift"]] == ["distribution_shift"]
    assert [r["version"] for r in found["releases"]] == ["1.0", "1.1"]
    assert found["trail"]["entries"] == 1
    assert found["trail"]["whole"] is True


def test_a_trail_that_was_tampered_with_is_told(whole, capsys):
    with sqlite3.connect(whole / ".loopwright" / "loopwright.db") as raw:
        raw.execute("UPDATE audit SET actor = 'Eve'")
    assert main(["report"]) == 0
    html = (whole / PAGE).read_text(encoding="utf-8")
    assert "The trail is broken" in html
    assert "was changed after it was recorded" in html
    assert "the chain is whole" not in html


def test_what_a_release_did_is_told(project, capsys):
    with wiring.store(load(environ={}, start=project)) as store:
        for version in ("1.0", "1.1"):
            store.put_traces([trace(user("hi"), id=f"{version}-{i}", version=version, started_at=AT) for i in range(60)])
        failing = [f"1.0-{i}" for i in range(40)]
        places = [Membership(id, "mode-1", 1.0) for id in failing]
        store.replace_failures([failure(id, signals=(signal(),)) for id in failing])
        store.put_modes([mode("mode-1", size=40, representatives=("1.0-0",))], places)
        store.put_release(Release("1.0", AT.replace(month=1), "Ada"))
        store.put_release(Release("1.1", AT, "Ada"))
    assert main(["report"]) == 0
    html = (project / PAGE).read_text(encoding="utf-8").replace("\u00a0", " ")
    assert "Failures of any kind fell. 1 mode fell." in html
    assert "66.7 % → 0 %" in html
