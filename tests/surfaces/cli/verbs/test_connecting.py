"""`import langfuse://…`, `export` and `feedback`, as a person calls them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from faulty_server import Answer, serving
from loopwright import wiring
from loopwright.settings import load
from loopwright.surfaces.cli.main import main
from tracing_services import START, LangfuseServer, PhoenixServer

SINCE = "since=2026-11-01&until=2026-11-02"


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("LOOPWRIGHT_ENDPOINT", "LOOPWRIGHT_TOKEN", "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOOPWRIGHT_CONNECT_TRIES", "2")


@pytest.fixture
def keys(monkeypatch):
    monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", "pk")
    monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk")


def stored():
    return wiring.store(load({"store.url": "sqlite:///.loopwright/loopwright.db"}, environ={}))


def test_a_project_is_imported_and_imported_again(keys, capsys):
    data = LangfuseServer()
    for number in range(3):
        data.add(number)
    with serving(data) as server:
        assert main(["import", f"langfuse://{server.host}/desk?{SINCE}"]) == 0
        first = capsys.readouterr()
        assert "taken: 3 (langfuse 3), in sqlite:///" in first.out
        assert main(["import", f"langfuse://{server.host}/desk?{SINCE}&again=1"]) == 0
        assert "3 were in the store already, unchanged" in capsys.readouterr().out
    assert "sk" not in (first.out + first.err).split()


def test_json_leaves_no_store_behind(capsys, tmp_path):
    data = PhoenixServer()
    data.add(4)
    with serving(data) as server:
        assert main(["import", f"phoenix://{server.host}/desk?{SINCE}", "--format", "json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["session_id"] == "s4"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("langfuse://cloud.langfuse.com/desk", 2, "set LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY"),
        ("langfuse://pk:hunter2@cloud.langfuse.com/desk", 64, "holds a login"),
        ("phoenix://localhost:6006", 64, "names no project"),
        ("phoenix://localhost:6006/desk?since=soon", 64, "since is 'soon'"),
        ("phoenix://localhost:6006/desk?form=x", 64, "unknown option"),
        ("phoenix+ftp://localhost:6006/desk", 64, "phoenix+ftp"),
    ],
)
def test_an_address_that_names_nothing_is_told(address, code, said, capsys):
    assert main(["import", address]) == code
    told = capsys.readouterr().err
    assert said in told
    assert "hunter2" not in told


def test_keys_of_another_project_are_told(keys, capsys):
    with serving(LangfuseServer()) as server:
        assert main(["import", f"langfuse://{server.host}/other"]) == 2
    assert "the keys are those of desk; set the keys of other" in capsys.readouterr().err


def test_keys_that_expired_are_told_with_the_cure(keys, capsys):
    data = LangfuseServer()
    data.key = "new:new"
    with serving(data) as server:
        assert main(["import", f"langfuse://{server.host}/desk"]) == 2
    told = capsys.readouterr().err
    assert "does not take the credentials (401); set LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY" in told


def test_export_names_what_it_wrote_and_where(keys, capsys):
    data = LangfuseServer()
    data.add(1)
    data.observations[0].update(level="ERROR", statusMessage="the tool failed")
    with serving(data) as server:
        address = f"langfuse://{server.host}/desk"
        assert main(["import", f"{address}?{SINCE}"]) == 0
        assert main(["mine"]) == 0
        capsys.readouterr()
        assert main(["export", address, "--what", "signals"]) == 0
        assert "loopwright.failure" in capsys.readouterr().out
        assert len(data.scores) >= 2
        assert main(["export", address, "--what", "signals"]) == 0
        assert "were there already" in capsys.readouterr().out
        assert main(["export", address, "--what", "moods"]) == 64
        assert main(["export", "somewhere"]) == 64


def test_feedback_goes_into_the_store_and_waits_there(capsys):
    assert main(["feedback", "down", "--trace", "t1", "--comment", "wrong date"]) == 0
    assert "its trace has not come yet" in capsys.readouterr().out
    with stored() as kept:
        (given,) = kept.waiting_feedback()
    assert (given.trace_id, given.verdicts[0].negative, given.verdicts[0].comment) == ("t1", True, "wrong date")


def test_feedback_goes_to_a_server(monkeypatch, capsys, tmp_path):
    with serving(lambda asked: Answer(200, {}) if asked.path == "/v1/feedback" else None) as server:
        monkeypatch.setenv("LOOPWRIGHT_ENDPOINT", server.url)
        assert main(["feedback", "--rating", "2", "--max", "5", "--session", "s1"]) == 0
        assert server.asked[0].json["feedback"] == {"rating": 2.0, "max": 5.0}
        server.service = lambda _: Answer(401, {"detail": "no key"})
        assert main(["feedback", "up", "--response", "r1"]) == 2
    assert list(tmp_path.iterdir()) == []
    assert "did not take the feedback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["down"], ["--trace", "t"], ["--comment", "x", "--trace", "t"], ["", "--trace", "t"]])
def test_feedback_that_says_nothing_is_told(arguments):
    assert main(["feedback", *arguments]) == 64


@pytest.mark.parametrize("to", [[], ["--to", "http://127.0.0.1:1"]])
def test_a_rating_that_is_not_on_its_scale_is_told_before_it_goes_anywhere(to, capsys, tmp_path):
    assert main(["feedback", "--rating", "1e308", "--max", "5", "--trace", "t", *to]) == 64
    assert "the rating is 1e+308, of 5; give 0 to 5" in capsys.readouterr().err
    assert main(["feedback", "--rating", "nan", "--trace", "t", *to]) == 64
    assert list(tmp_path.iterdir()) == []


def test_what_comes_is_redacted_before_it_is_kept(keys, tmp_path):
    secret = "sk-proj-" + "aB3dE5gH7jK9" * 4
    data = LangfuseServer()
    id = data.add(1)
    for row in data.observations:
        row["input"] = json.dumps([{"role": "user", "content": f"my key is {secret}"}])
    data.score("a1", id, 0.0, at=START, comment=f"it leaked {secret}")
    with serving(data) as server:
        assert main(["import", f"langfuse://{server.host}/desk?{SINCE}"]) == 0
    assert main(["feedback", "--correction", f"say nothing of {secret}", "--trace", id]) == 0
    with stored() as kept:
        trace = kept.trace(id)
    assert "my key is" in trace.messages[0].text
    assert len(trace.feedback) == 2
    assert secret not in repr(trace)


def test_a_killed_import_goes_on_and_gives_the_same(tmp_path):
    data = PhoenixServer()
    ids = {data.add(number, at=START + timedelta(minutes=10 * number)) for number in range(60)}

    def slowly(asked):
        return replace(data(asked) or Answer(404, {}), stall=0.05)

    store = f"sqlite:///{tmp_path / 'killed.db'}"
    kept = []
    with serving(slowly) as server:
        command = [sys.executable, "-m", "loopwright", "import", f"phoenix://{server.host}/desk?{SINCE}", "--store", store]
        for allowed in (8, 14):
            seen = len(server.asked)
            with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                while len(server.asked) < seen + allowed and process.poll() is None:
                    time.sleep(0.01)
                process.kill()
            with wiring.store(load({"store.url": store}, environ={})) as opened:
                kept.append(opened.count_traces())
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    with wiring.store(load({"store.url": store}, environ={})) as opened:
        assert {trace.trace_id for trace in opened.traces()} == ids
        assert opened.count_traces() == len(ids)
    assert kept[0] < len(ids)
