"""`loopwright doctor` in real folders: what it says, what it leaves alone, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from loopwright import wiring
from loopwright.improve.proposal import Proposal, ProposalKind
from loopwright.settings import load
from loopwright.surfaces.cli.main import main
from loopwright.surfaces.cli.verbs.doctor import ci_files


def examined(capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["doctor", "--format", "json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_an_empty_folder_is_at_the_first_stage_and_stays_empty(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "You are at stage 1 of 5, manual evals" in out
    assert out.rstrip().endswith("loopwright init")
    assert list(project.iterdir()) == []


def test_it_follows_what_is_done(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init"])
    found = examined(capsys)
    assert {f["name"]: f["ok"] for f in found["findings"]} == {
        "python": True, "loopwright": True, "git": None, "embedder": True, "harness": None, "target": True, "suite": True,
        "store": True,
    }  # fmt: skip
    assert found["evidence"] | {"cases": 6, "own_target": False} == found["evidence"]
    assert found["evidence"]["ci"] == [".github/workflows/loopwright.yml"]
    assert found["adoption"]["next"]["command"] == "loopwright run"
    assert {s["name"]: s["source"] for s in found["settings"]}["target.url"] == str(project / "loopwright.toml")


def test_a_broken_target_is_told_with_exit_code_one(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init"])
    (project / "agent_example.py").write_text("raise ImportError('no key')\n")
    found = examined(capsys, code=1)
    assert [f["name"] for f in found["findings"] if f["ok"] is False] == ["target"]
    assert found["adoption"]["number"] == 1
    assert main(["doctor"]) == 1
    assert "Next: mend target" in capsys.readouterr().out


def test_a_broken_suite_leaves_the_stage_open(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init"])
    (project / "evals/more.yaml").write_text(
        "cases:\n  - {id: order-status, input: hello, checks: [{type: contains, value: x}]}\n"
    )
    found = examined(capsys, code=1)
    assert found["adoption"] is None
    broken = next(f["detail"] for f in found["findings"] if f["ok"] is False)
    assert "evals/more.yaml:2: case id 'order-status' stands already at" in broken


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[guards.retry_budget\n", "is not TOML"),
        ('[guards.retry_budget]\nmode = "enfroce"\n', "guards.retry_budget.mode is 'enfroce'; give off, shadow or enforce"),
        ("[guards.retry]\n", "unknown guard 'retry'"),
    ],
)
def test_a_broken_harness_is_told_with_exit_code_one(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    main(["init"])
    (project / "harness.toml").write_text(text)
    found = examined(capsys, code=1)
    broken = [f for f in found["findings"] if f["ok"] is False]
    assert [f["name"] for f in broken] == ["harness"]
    assert str(project / "harness.toml") in broken[0]["detail"]
    assert says in broken[0]["detail"]


def test_a_harness_changed_by_hand_is_told_with_the_cure(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init"])
    proposal = Proposal(ProposalKind.RETRY_BUDGET, ("t1",), {"per_tool": 5})
    with wiring.store(load(start=project, environ={})) as store:
        store.put_proposals([proposal])
    for command in (["approve", "--unverified", "the agent cannot be run here"], ["apply"]):
        assert main(["improve", *command, proposal.proposal_id, "--by", "Ada"]) == 0
    told = {f["name"]: f["detail"] for f in examined(capsys)["findings"]}
    assert told["harness"] == "1 guard, 1 of them enforced"
    assert main(["audit", "verify"]) == 0
    file = project / "harness.toml"
    sound = file.read_text()

    def differs(text: str, says: str) -> None:
        file.write_text(text)
        (broken,) = (f for f in examined(capsys, code=1)["findings"] if f["ok"] is False)
        assert broken["name"] == "harness on record"
        assert says in broken["detail"]
        assert main(["audit", "verify"]) == 1
        out = capsys.readouterr().out
        assert out.startswith("whole: ")
        assert says in out

    cure = f"put it back: loopwright improve apply {proposal.proposal_id} --mode enforce"
    differs(sound.replace("per_tool = 5", "per_tool = 77"), f"per_tool is 77, and was 5; {cure}")
    differs(sound.replace('"enforce"', '"off"'), f"mode is 'off', and was 'enforce'; {cure}")
    differs("", f"it is gone; {cure}")
    differs(sound + '\n[guards.deduplicate_calls]\nmode = "enforce"\n', "[guards.deduplicate_calls] enforces, and no applied")
    assert main(["audit", "verify", "--format", "json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["whole"], [edit["guard"] for edit in verdict["harness"]]) == (True, ["deduplicate_calls"])

    file.write_text(sound.replace("per_tool = 5", "per_tool = 77"))
    assert main([*cure.partition(": loopwright ")[2].split(), "--by", "Ada"]) == 0
    file.write_text(file.read_text() + "\n[guards.deduplicate_calls]\n")
    noted = next(f for f in examined(capsys)["findings"] if f["name"] == "harness on record")
    assert "was written by hand (no applied proposal stands behind it); in mode shadow it alters nothing" in noted["detail"]
    assert main(["audit", "verify"]) == 0

    assert main(["improve", "rollback", proposal.proposal_id, "--why", "too strict", "--by", "Ada"]) == 0
    examined(capsys)
    differs('[guards.retry_budget]\nmode = "enforce"\n', "[guards.retry_budget] enforces, and it was taken out on record")
    file.unlink()
    examined(capsys)


def test_a_store_that_knows_of_nothing_says_nothing_against_a_harness(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init"])
    (project / "harness.toml").write_text('[guards.retry_budget]\nmode = "enforce"\n')
    told = {f["name"]: f["detail"] for f in examined(capsys)["findings"]}
    assert "this store has nothing on record to hold it against" in told["harness on record"]


def test_an_unknown_setting_is_an_error_of_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "loopwright.toml").write_text("[gate]\nalfa = 1\n")
    assert main(["doctor"]) == 64
    assert "did you mean 'gate.alpha'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (".github/workflows/x.yaml", "run: loopwright gate\n", True),
        (".github/workflows/x.yaml", "run: pytest\n", False),
        ("Jenkinsfile", "sh 'loopwright gate'", True),
        (".circleci/config.yml", "loopwright gate", True),
        ("notes.yml", "loopwright gate", False),
    ],
)
def test_ci_files_that_gate_are_found(project: Path, path: str, text: str, found: bool) -> None:
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text(text)
    assert ci_files(project) == ((path.replace("/", os.sep),) if found else ())


def test_a_ci_file_that_cannot_be_read_is_passed_over(project: Path) -> None:
    (project / ".ci").mkdir()
    (project / ".ci/gone").symlink_to(project / "nowhere")
    assert ci_files(project) == ()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("LOOPWRIGHT_STORE_URL", "postgresql://ann:s3cret@db.example/loop"),
        ("LOOPWRIGHT_STORE_URL", "sqlite://ann:s3cret@db.example/loop"),
        ("LOOPWRIGHT_STORE_URL", "postgresql://db.example/loop?user=ann&password=s3cret"),
        ("LOOPWRIGHT_TARGET_URL", "https://ann:s3/cret@agent.example/ask"),
    ],
)
def test_no_password_is_shown(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch, name: str, url: str) -> None:
    monkeypatch.setenv(name, url)
    for command in (["doctor"], ["doctor", "--format", "json"], ["modes"]):
        main(command)
        said = capsys.readouterr()
        assert "cret" not in said.out + said.err
        assert "ann:" not in said.out + said.err
    main(["doctor", "--format", "json"])
    assert "***" in capsys.readouterr().out


def test_it_names_the_files_by_which_the_agent_is_another_than_its_commit(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for words in (("init", "-q"), (*author, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *words], check=True)
    clean = {f["name"]: f["detail"] for f in examined(capsys)["findings"]}["git"]
    (project / "log.txt").write_text("asked")
    dirty = {f["name"]: f["detail"] for f in examined(capsys)["findings"]}["git"]
    assert len(clean) == 40
    assert dirty.endswith("; changed or new: log.txt. Have git ignore what is no part of the agent")


def test_it_says_what_is_missing_of_git(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    assert {f["name"]: f["detail"] for f in examined(capsys)["findings"]}["git"] == "not in a git repository"
