from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from loopwright.collect.intake import Intake, SourceCount
from loopwright.examples.conversations.files import COUNT, conversations
from loopwright.surfaces.cli.intake import tell_empty
from loopwright.surfaces.cli.main import main

HELLO = [{"role": "user", "content": "hello"}]


def loopwright(*args: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "loopwright", *map(str, args)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)


def line(id: str, **more) -> bytes:
    return json.dumps({"id": id, "messages": HELLO, **more}).encode() + b"\n"


def refusals(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    return done.stderr.decode().splitlines()


BAD = {
    "malformed": (b'{"id": "b", "messages": [}\n', "malformed JSON", "mend or remove the line"),
    "unknown format": (b'{"id": "b", "turns": []}\n', "the record's keys are id, turns", "known formats: chat"),
    "duplicate id": (line("a"), "duplicate id 'a', first at line 1", "give each record an id of its own"),
    "50 MB line": (line("b", x="y" * 50_000_000), "a record of 50,000,", "split it, or raise import.max_line_bytes"),
    "non-UTF-8": (b'{"id": "caf\xe9"}\n', "byte 0xe9 at byte offset 11", "save the file as UTF-8"),
    "nan": (b'{"id": "b", "score": NaN}\n', "NaN is not JSON", "write null"),
    "no role": (b'{"id": "b", "messages": [{"content": "x"}]}\n', "messages[0] has no role", "give it one of system"),
}


@pytest.mark.parametrize("empty", [{"id": "b", "messages": []}, {"task_id": 1, "trial": 0, "traj": []}])
def test_a_conversation_without_a_word_is_counted_and_told_and_not_taken(project, empty):
    file = project / "t.jsonl"
    file.write_bytes(line("a") + json.dumps(empty).encode() + b"\n" + line("c"))
    done = loopwright("import", file)
    assert done.returncode == 64
    told, count = refusals(done)
    assert told.startswith(f"loopwright: {file}:2: ")
    assert 'has no messages: nothing was said in it; give the conversation in "messages", or leave the record out' in told
    assert count == "loopwright: 1 not taken: no messages 1"
    assert b"taken: 2" in done.stdout
    mined = loopwright("mine", "--traces", file, "--format", "json")
    assert (mined.returncode, len(mined.stdout.splitlines())) == (0, 3), "mining lists every trace given"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_one_line_on_stderr_and_exit_64(project, name):
    content, value, cure = BAD[name]
    file = project / "t.jsonl"
    file.write_bytes(line("a") + content + line("c"))
    done = loopwright("import", file, "--format", "json")
    assert done.returncode == 64
    assert [json.loads(each)["trace_id"] for each in done.stdout.splitlines()] == ["a", "c"]
    told, count = refusals(done)
    assert told.startswith(f"loopwright: {file}:2: ")
    assert value in told
    assert cure in told
    assert len(told) < 600
    assert count.startswith("loopwright: 1 not taken: ")
    assert not (project / ".loopwright").exists()


def test_truncated_gzip_keeps_the_good_lines(project):
    file = project / "t.jsonl.gz"
    whole = gzip.compress(b"".join(line(f"t{n}", x=str(n * 7919)) for n in range(2000)))
    file.write_bytes(whole[: len(whole) // 2])
    done = loopwright("import", file, "--format", "json")
    good = len(done.stdout.splitlines())
    assert done.returncode == 64
    assert good > 100
    assert refusals(done)[0].startswith(
        f"loopwright: {file}:{good + 1}: truncated gzip: the data ends before its end mark; fetch"
    )


def test_a_missing_file_is_one_line_and_exit_64(project):
    done = loopwright("import", "nowhere.jsonl")
    assert done.returncode == 64
    assert refusals(done) == ["loopwright: nowhere.jsonl: no such file or folder; check the path; - reads standard input"]
    assert not (project / ".loopwright").exists()


def test_wrong_usage_is_64(project, capsys):
    assert main(["import"]) == 64
    assert main(["import", "x", "--from", "chta"]) == 64
    assert "did you mean 'chat'?" in capsys.readouterr().err


def test_many_refusals_are_told_in_part_and_counted_in_full(project):
    (project / "t.jsonl").write_bytes(b"no\n" * 30)
    told = refusals(loopwright("import", "t.jsonl", "--format", "json"))
    assert len(told) == 22
    assert told[-2:] == ["loopwright: ... and 10 more", "loopwright: 30 not taken: malformed JSON 30"]


def test_standard_input_and_an_empty_file(project):
    done = loopwright("import", "-", "--format", "json", stdin=gzip.compress(line("a")))
    assert (done.returncode, json.loads(done.stdout)["trace_id"]) == (0, "a")
    (project / "empty.jsonl").write_bytes(b"")
    done = loopwright("import", "empty.jsonl", "--format", "json")
    assert (done.returncode, done.stdout, refusals(done)) == (0, b"", ["loopwright: no records in empty.jsonl"])


def test_what_import_writes_it_reads_again_to_the_same_bytes(project):
    with conversations() as path:
        first = loopwright("import", path, "--format", "json")
    assert (first.returncode, first.stderr, len(first.stdout.splitlines())) == (0, b"", COUNT)
    again = loopwright("import", "-", "--format", "json", stdin=first.stdout)
    assert again.stdout == first.stdout
    assert not (project / ".loopwright").exists()


def test_the_shipped_conversations_hold_no_labels():
    with conversations() as path, gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(each) for each in lines]
    assert len(records) == COUNT
    assert {tuple(sorted(record)) for record in records} == {("task_id", "traj", "trial")}
    assert (Path(path).parent / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def test_a_text_import_goes_to_the_store_and_can_be_listed_and_read(project, capsys):
    hostile = "[bold]hi[/bold] \x1b[2Jbye"
    (project / "t.jsonl").write_bytes(line("a", feedback="down") + line("b", messages=[{"role": "user", "content": hostile}]))
    assert main(["import", "t.jsonl"]) == 0
    assert "taken: 2 (chat 2), in sqlite:///" in capsys.readouterr().out
    assert main(["import", "t.jsonl"]) == 0
    assert "of these, 2 were in the store already, unchanged" in capsys.readouterr().out
    (project / "u.jsonl").write_bytes(line("a", version="2"))
    assert main(["import", "u.jsonl"]) == 64
    assert "u.jsonl:1: the store holds other content under the id 'a'; what is stored is kept" in capsys.readouterr().err

    assert main(["traces", "--format", "json"]) == 0
    assert [json.loads(each)["trace_id"] for each in capsys.readouterr().out.splitlines()] == ["a", "b"]
    assert main(["traces", "--limit", "1"]) == 0
    assert "[bold]hi[/bold] \\x1b[2Jbye" in capsys.readouterr().out
    assert main(["traces", "show", "b"]) == 0
    assert "[0] user\n[bold]hi[/bold] \\x1b[2Jbye" in capsys.readouterr().out
    assert main(["traces", "show", "a"]) == 0
    assert "feedback: thumb down" in capsys.readouterr().out
    assert main(["traces", "show", "c"]) == 64
    assert "no trace 'c' in the store" in capsys.readouterr().err


def test_traces_without_a_store_says_what_to_do(project, capsys):
    assert main(["traces"]) == 64
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_file_that_was_read_to_its_end_before_it_was_broken_off_is_not_called_empty(capsys):
    files = (SourceCount("read.jsonl"), SourceCount("empty.jsonl"))
    tell_empty(Intake(files=files, resumed=("read.jsonl",)))
    assert capsys.readouterr().err == "loopwright: no records in empty.jsonl\n"
