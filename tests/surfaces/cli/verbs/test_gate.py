"""`loopwright gate` as a user meets it: real processes, real files, the contract to the letter."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main

PASSING = [{"eval_id": f"case-{i}", "trial": t, "passed": True} for i in range(20) for t in range(2)]
LOST = [{**row, "passed": int(str(row["eval_id"])[5:]) > 9} for row in PASSING]


def write(name: str, rows: list[dict[str, Any]]) -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loopwright", "gate", *args]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def decided(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code = main(["gate", *args, "--format", "json"])
    captured = capsys.readouterr()
    assert all(line.startswith("not in the commit here: ") for line in captured.err.splitlines())
    assert captured.out.count("\n") == 1
    return code, json.loads(captured.out)


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["gate", *args]) == 64
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize(("candidate", "code", "outcome"), [(PASSING, 0, "approved"), (LOST, 1, "blocked"), ([], 2, "undecided")])
def test_the_contract(project: Path, candidate: list[dict[str, Any]], code: int, outcome: str) -> None:
    done = run("--baseline", write("b.jsonl", PASSING), "--candidate", write("c.jsonl", candidate), "--format", "json")
    assert (done.returncode, done.stderr) == (code, "")
    said = json.loads(done.stdout)
    assert said["decision"] == outcome
    assert {"decision", "regressions", "fixed", "flaky", "missing", "statistics", "next", "message"} <= set(said)
    assert {"alpha", "suite", "modes", "cases", "min_detectable_drop"} <= set(said["statistics"])
    assert all({"level", "p_value"} <= set(r) for r in said["regressions"])
    assert sorted(p.name for p in project.iterdir()) == ["b.jsonl", "c.jsonl"]


def test_a_person_reads_the_verdict_first(project: Path) -> None:
    done = run("--baseline", write("b.jsonl", PASSING), "--candidate", write("c.jsonl", LOST))
    assert done.returncode == 1
    assert done.stdout.startswith("BLOCKED  the suite's pass rate fell; 100 % of trials passed before and 50.0 % now.\n")
    assert "naive rule" in done.stdout


@pytest.mark.parametrize("missing", ["b.jsonl", "c.jsonl"])
def test_a_file_that_is_not_there_decides_nothing(project: Path, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    write("b.jsonl", PASSING)
    write("c.jsonl", PASSING)
    Path(missing).unlink()
    code, said = decided(capsys, "--baseline", "b.jsonl", "--candidate", "c.jsonl")
    assert (code, said["decision"]) == (2, "undecided")
    assert f"{missing} does not exist" in said["message"]
    cure = "loopwright gate --baseline b.jsonl --candidate RESULTS --establish" if missing == "b.jsonl" else "--out c.jsonl"
    assert cure in said["message"]
    assert len(said["reasons"]) == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"eval_id": "a", "trial": 0', "c.jsonl:41: malformed JSON"),
        ("[1, 2]", "c.jsonl:41: [1, 2] is not a JSON object"),
        ('{"eval_id": "a", "trial": 0, "passed": "yes"}', 'c.jsonl:41: passed is "yes"; give true, false, or null'),
        ('{"eval_id": "a", "trial": 0}', "c.jsonl:41: passed is missing"),
        ('{"eval_id": "a", "trial": 0, "passed": true, "score": NaN}', "c.jsonl:41: NaN is not JSON"),
    ],
)
def test_a_line_that_cannot_be_taken(project: Path, capsys: pytest.CaptureFixture[str], line: str, says: str) -> None:
    write("b.jsonl", PASSING)
    write("c.jsonl", PASSING)
    with Path("c.jsonl").open("a") as file:
        file.write(line + "\n")
    assert says in refused(capsys, "--baseline", "b.jsonl", "--candidate", "c.jsonl", "--format", "json")


def test_not_utf8_and_broken_gzip(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl", PASSING)
    Path("c.jsonl").write_bytes(b'{"eval_id": "\xff"}\n')
    assert "c.jsonl:1: not UTF-8" in refused(capsys, "--baseline", "b.jsonl", "--candidate", "c.jsonl")
    Path("c.jsonl.gz").write_bytes(gzip.compress(Path("b.jsonl").read_bytes())[:-20])
    assert "c.jsonl.gz" in refused(capsys, "--baseline", "b.jsonl", "--candidate", "c.jsonl.gz")


def test_compressed_files_and_standard_input(project: Path) -> None:
    Path("b.jsonl.gz").write_bytes(gzip.compress(Path(write("b.jsonl", PASSING)).read_bytes()))
    done = run("--baseline", "b.jsonl.gz", "--candidate", "-", stdin=Path("b.jsonl").read_text())
    assert done.returncode == 0


def test_several_baselines_are_a_history(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [write(f"b{n}.jsonl", PASSING) for n in range(3)]
    code, said = decided(capsys, *(arg for f in files for arg in ("--baseline", f)), "--candidate", write("c.jsonl", PASSING))
    assert code == 0
    assert said["statistics"]["suite"]["before"] == [120, 120]
    code, said = decided(capsys, "--baseline", files[0], "--baseline", files[0], "--candidate", "c.jsonl")
    assert code == 2
    assert "more than once" in said["message"]


def test_a_version_that_contradicts_the_rows(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("old.jsonl", [{**row, "version": "v1"} for row in PASSING])
    write("new.jsonl", [{**row, "version": "v2"} for row in PASSING])
    assert decided(capsys, "--baseline", "old.jsonl", "--candidate", "new.jsonl", "--candidate-version", "v2")[0] == 0
    assert decided(capsys, "--baseline", "new.jsonl", "--candidate", "old.jsonl", "--candidate-version", "v2")[0] == 2


def test_file_mode_reads_no_settings_but_those_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("loopwright.toml").write_text("[gate]\nmin_cases = 500\n")
    args = ("--baseline", write("b.jsonl", PASSING), "--candidate", write("c.jsonl", PASSING))
    assert decided(capsys, *args)[0] == 0
    assert decided(capsys, *args, "--config", "loopwright.toml")[0] == 2
    assert decided(capsys, *args, "--min-cases", "21")[0] == 2


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--baseline", "b.jsonl"], "give --candidate FILE"),
        (["--candidate", "b.jsonl"], "give --baseline FILE"),
        (["--baseline", "-", "--candidate", "-"], "standard input can be read once"),
        (["--baseline", "b.jsonl", "--candidate", "b.jsonl", "--run", "r1"], "give one or the other"),
        (["--baseline", "b.jsonl", "--candidate", "b.jsonl", "--alpha", "0.9"], "gate.alpha is 0.9"),
        (["--extend"], "--establish"),
        (["--establish", "--extend", "--replace"], "give one of them"),
        (["--run", "r1"], "no run 'r1'"),
        (["--no-such-flag"], "No such option"),
    ],
)
def test_wrong_usage(project: Path, capsys: pytest.CaptureFixture[str], args: list[str], says: str) -> None:
    write("b.jsonl", PASSING)
    assert says in refused(capsys, *args)


def test_a_baseline_file_is_made_extended_and_replaced_under_a_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day in ("monday", "tuesday"):
        write(f"{day}.jsonl", [{**row, "run_id": day} for row in PASSING])
    make = ("--baseline", "evals/baseline.jsonl", "--by", "Ada Lovelace", "--establish")
    code, said = decided(capsys, *make, "--candidate", "monday.jsonl")
    assert (code, said["by"], said["results"]) == (0, "Ada Lovelace", 40)
    assert json.loads(Path("evals/baseline.jsonl").read_text().splitlines()[0])["established_by"] == "Ada Lovelace"
    assert "exists already" in refused(capsys, *make, "--candidate", "tuesday.jsonl")
    assert decided(capsys, *make, "--candidate", "tuesday.jsonl", "--extend")[1]["results"] == 80
    assert "more than once" in refused(capsys, *make, "--candidate", "tuesday.jsonl", "--extend")
    assert decided(capsys, "--baseline", "evals/baseline.jsonl", "--candidate", "tuesday.jsonl")[0] == 0
    assert decided(capsys, *make, "--candidate", "tuesday.jsonl", "--replace")[1]["results"] == 40
    assert "would be overwritten" in refused(capsys, *make, "--candidate", "evals/baseline.jsonl", "--replace")
    assert [p.name for p in Path("evals").iterdir()] == ["baseline.jsonl"]


def test_a_baseline_needs_a_name_and_results(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(project))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    make = ("--baseline", "b.jsonl", "--establish", "--candidate")
    assert "--by NAME" in refused(capsys, *make, write("c.jsonl", PASSING))
    assert "no results" in refused(capsys, *make, write("c.jsonl", []), "--by", "Ada")
    errors = [{"eval_id": "a", "trial": t, "passed": None, "error": "x"} for t in range(3)]
    assert "has a verdict" in refused(capsys, *make, write("c.jsonl", errors), "--by", "Ada")
    assert not Path("b.jsonl").exists()


def test_an_empty_store_is_undecided_and_leaves_nothing_behind(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = decided(capsys)
    assert (code, said["decision"]) == (2, "undecided")
    assert list(project.iterdir()) == []


AGENT = "def answer(given):\n    return given.replace('seven', 'six')\n"
CASE = "  - id: {id}\n    input: {text}\n    deterministic: true\n    checks: [{{type: contains, value: {text}}}]\n"


def suite(**cases: str) -> None:
    """A suite of these cases: each asks for its text, and wants it back."""
    Path("evals").mkdir(exist_ok=True)
    Path("evals/cases.yaml").write_text("cases:\n" + "".join(CASE.format(id=id, text=text) for id, text in cases.items()))


TEXTS = {f"case-{i}": f"text-{i}" for i in range(6)}
RUN = ("run", "--target", "python:agent:answer", "--exit-zero")


@pytest.fixture
def desk(project: Path) -> Path:
    """A store with a baseline of six cases."""
    Path("agent.py").write_text(AGENT)
    suite(**TEXTS)
    assert [main(list(command)) for command in (RUN, ("gate", "--establish", "--by", "Ada"))] == [0, 0]
    return project


def said(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str]:
    """A command in this process: its exit code and what it printed."""
    capsys.readouterr()
    code = main(list(command))
    return code, capsys.readouterr().out


def test_a_suite_that_grows_is_approved_and_keeps_its_history(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite(**TEXTS, new="text-6", failing="seven")
    said(capsys, *RUN)
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("APPROVED")
    assert "New, and not compared: failing, new." in done.stdout
    made = json.loads(said(capsys, "gate", "--establish", "--extend", "--by", "Ada", "--format", "json")[1])
    assert (len(made["baseline"]), made["replaced"], made["new"]) == (2, [], ["failing", "new"])
    said(capsys, *RUN)
    counts = decided(capsys)[1]["statistics"]["suite"]
    assert (counts["before"], counts["after"]) == ([13, 14], [7, 8])


def test_a_case_that_is_weakened_or_removed_is_undecided_and_a_loss_beside_it_blocks(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite(**{**TEXTS, "case-1": "another"})
    said(capsys, *RUN)
    code, told = said(capsys, "gate")
    assert code == 2
    assert told.startswith("UNDECIDED  case-1 changed since the baseline")
    suite(**{id: text for id, text in TEXTS.items() if id != "case-1"})
    said(capsys, *RUN)
    assert said(capsys, "gate")[0] == 2
    Path("agent.py").write_text(AGENT.replace("seven", "text-3"))
    said(capsys, *RUN, "--version", "v2")
    code, told = said(capsys, "gate")
    assert code == 1
    assert "case-3" in told
    assert "case-1" in told
    Path("agent.py").write_text(AGENT)
    said(capsys, *RUN, "--version", "v3")
    assert "In it no longer: case-1." in said(capsys, "gate", "--establish", "--extend", "--by", "Ada")[1]
    said(capsys, *RUN, "--version", "v3", "--fresh")
    assert said(capsys, "gate")[0] == 0


def test_a_baseline_file_goes_on_with_the_cases_that_are_the_same(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = (*RUN, "--out")
    make = ("gate", "--baseline", "baseline.jsonl", "--establish", "--by", "Ada", "--candidate")
    said(capsys, *out, "monday.jsonl")
    said(capsys, *make, "monday.jsonl")
    suite(**{**TEXTS, "case-1": "another", "new": "text-6"})
    said(capsys, *out, "tuesday.jsonl")
    compared = ("gate", "--baseline", "baseline.jsonl", "--candidate")
    assert said(capsys, *compared, "tuesday.jsonl")[0] == 2
    made = json.loads(said(capsys, *make, "tuesday.jsonl", "--extend", "--format", "json")[1])
    assert (made["results"], made["new"], made["changed"], made["gone"]) == (12, ["new"], ["case-1"], [])
    said(capsys, *out, "wednesday.jsonl")
    assert said(capsys, *compared, "wednesday.jsonl")[0] == 0


def test_files_of_another_suite_without_case_digests_are_never_approved(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("b.jsonl", [{**row, "suite_digest": "s1"} for row in PASSING])
    for name, fields in {"none": {}, "one side": {"case_digest": "x"}}.items():
        write("c.jsonl", [{**row, "suite_digest": "s2", **fields} for row in PASSING])
        code, said = decided(capsys, "--baseline", "b.jsonl", "--candidate", "c.jsonl")
        assert (code, said["decision"]) == (2, "undecided"), name


HARNESS = '[guards.retry_budget]\nmode = "enforce"\nper_tool = {n}\n'


def git(*arguments: str) -> None:
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *author, *arguments], check=True, capture_output=True)


@pytest.fixture
def committed(project: Path) -> Path:
    """An agent in a git repository, its harness kept out of git, and a baseline of what is there."""
    Path("agent.py").write_text(AGENT)
    Path("harness.toml").write_text(HARNESS.format(n=3))
    Path(".gitignore").write_text("harness.toml\n")
    Path("loopwright.toml").write_text('[store]\nurl = "sqlite:///kept.db"\n')
    suite(**TEXTS)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    assert [main(list(command)) for command in (RUN, ("gate", "--establish", "--by", "Ada"), RUN)] == [0, 0, 0]
    return project


def test_a_run_of_what_is_here_decides_and_is_recorded_once(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "gate")[0] == 0
    code, told = said(capsys, "gate")
    assert code == 0
    assert "note: this was decided on " in told
    assert said(capsys, "audit", "--format", "json")[1].count("gate approved") == 1


def test_a_change_since_the_run_leaves_it_undecided(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = decided(capsys)[1]["candidate"]["run_id"]
    Path("harness.toml").write_text(HARNESS.format(n=4))
    code, told = decided(capsys)
    assert (code, told["decision"]) == (2, "undecided")
    assert "the harness changed since" in told["message"]
    assert f"loopwright gate --run {run_id}" in told["message"]
    code, told = decided(capsys, "--run", run_id)
    assert (code, "the harness changed since" in told["notes"][0]) == (0, True)
    said(capsys, *RUN)
    assert decided(capsys)[0] == 0
    Path("agent.py").write_text(AGENT + "\n")
    assert decided(capsys)[0] == 2
    said(capsys, *RUN)
    assert decided(capsys)[0] == 0
    Path("agent.py").write_text(AGENT + "\n\n")
    assert decided(capsys)[0] == 2
    said(capsys, *RUN, "--version", "v9")
    assert decided(capsys)[0] == 0
    Path("tools.py").write_text("TOOLS = 1\n")
    assert "the code (" in decided(capsys)[1]["message"]
    assert main(["gate"]) == 2
    assert "agent.py, tools.py; have git ignore what is no part" in capsys.readouterr().err


def test_a_blocked_run_becomes_the_baseline_with_a_reason_alone(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    another = AGENT.replace("seven", "text-") + "# longer: no compiled module of the same second is taken for it\n"
    Path("agent.py").write_text(another)
    said(capsys, *RUN, "--version", "v2")
    for change in ("--extend", "--replace"):
        make = ("gate", "--establish", change, "--by", "Ada")
        assert main([*make]) == 1
        assert "give --despite" in capsys.readouterr().err
        for why in ("ok", "-", "regardless", "a b", "1234567 89012"):
            assert main([*make, "--despite", why]) == 64, why
    why = "the six cases ask for what was dropped"
    assert said(capsys, "gate", "--establish", "--replace", "--by", "Ada", "--despite", why)[0] == 0
    entry = json.loads(said(capsys, "audit", "--last", "1", "--format", "json")[1])
    assert (entry["actor"], entry["action"], entry["details"]["despite"]) == ("Ada", "baseline set", why)
    assert entry["details"]["against"].startswith("Blocked")


def test_a_blocked_file_becomes_the_baseline_with_a_reason_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl", [{**row, "run_id": "one"} for row in PASSING])
    write("c.jsonl", [{**row, "run_id": "two"} for row in LOST])
    make = ("gate", "--baseline", "b.jsonl", "--candidate", "c.jsonl", "--establish", "--by", "Ada")
    for change in ("--extend", "--replace"):
        assert main([*make, change]) == 1
        assert main([*make, change, "--despite", "so be it, the ten cases are obsolete"]) == 0
        rows = [json.loads(line) for line in Path("b.jsonl").read_text().splitlines()]
        assert rows[-1]["established_despite"] == "so be it, the ten cases are obsolete"
        assert "Blocked" in rows[-1]["established_against"]
        write("b.jsonl", [{**row, "run_id": "one"} for row in PASSING])


def test_the_files_that_a_run_writes_are_no_change_of_the_agent(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("kept.db").unlink()  # without a store, nothing says that it is one
    for _ in range(2):
        assert said(capsys, *RUN, "--out", "results.jsonl")[0] == 0
    versions = {json.loads(line)["version"] for line in Path("results.jsonl").read_text().splitlines()}
    assert [len(version) for version in versions] == [40]
