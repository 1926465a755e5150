"""Real processes: several that write at once, and one that is killed while it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from loopwright.adapters.store.store import open_store
from loopwright.audit.trail import breaks
from loopwright.ports import TraceFilter
from span_parts import NOON

WORKER = Path(__file__).with_name("worker.py")
URL = "sqlite:///.loopwright/loopwright.db"


def start(folder: Path, name: str, count: int, *kinds: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), str(folder), name, str(count), *kinds]
    places = os.pathsep.join([str(WORKER.parents[2]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": places},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def test_processes_that_make_and_write_one_store_at_once_all_succeed(tmp_path: Path) -> None:
    processes = [start(tmp_path, f"w{number}", 40, "traces", "results", "audit") for number in range(3)]
    go(processes)
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    with open_store(URL, tmp_path, create=False) as store:
        assert store.count_traces() == 3 * 40 + 40
        assert len({r.eval_id for r in store.results("run-1")}) == 120
        entries = store.audit()
        assert len(entries) == 120
        assert breaks(store.trail()) == ()
        for number in range(3):
            subjects = [entry.subject for entry in entries if entry.actor == f"w{number}"]
            assert subjects == [f"w{number}-{i}" for i in range(40)]


def test_a_killed_process_leaves_all_that_was_acknowledged(tmp_path: Path) -> None:
    process = start(tmp_path, "w", 1_000_000, "traces", "results", "audit")
    go([process])
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(60)]
    process.send_signal(signal.SIGKILL)
    acknowledged += process.communicate(timeout=60)[0].split()[:-1]
    with open_store(URL, tmp_path, create=False) as store:
        traces = {trace.trace_id for trace in store.traces()}
        results = [result.eval_id for result in store.results("run-1")]
        subjects = [entry.subject for entry in store.audit()]
        assert set(acknowledged) <= traces
        assert acknowledged == results[: len(acknowledged)] == subjects[: len(acknowledged)]
        assert len(results) - len(acknowledged) <= 2
        assert breaks(store.trail()) == ()
        store.put_traces([])


def test_a_killed_process_leaves_no_decision_without_its_entries(tmp_path: Path) -> None:
    for number in range(6):
        process = start(tmp_path, f"w{number}", 1_000_000, "together")
        go([process])
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(5 + number)]
        process.send_signal(signal.SIGKILL)
        acknowledged += process.communicate(timeout=60)[0].split()[:-1]
        with open_store(URL, tmp_path, create=False) as store:
            decided = [d.decision_id for d in store.decisions()]
            entries = [(entry.subject, entry.action) for entry in store.audit()]
        assert set(acknowledged) <= set(decided)
        assert entries == [(id, action) for id in decided for action in ("gate approved", "evals queued")]


def test_a_process_killed_while_it_makes_the_store_leaves_one_that_opens(tmp_path: Path) -> None:
    for delay in (0.0, 0.002, 0.01, 0.03):
        process = start(tmp_path, "w", 1, "audit")
        go([process])
        try:
            process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate(timeout=60)
    with open_store(URL, tmp_path) as store:
        assert breaks(store.trail()) == ()


def test_a_killed_writer_of_spans_leaves_each_that_was_acknowledged_and_none_twice(tmp_path: Path) -> None:
    for number in range(4):
        process = start(tmp_path, f"w{number}", 1_000_000, "spans", "settling")
        go([process])
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(10 + 7 * number)]
        process.send_signal(signal.SIGKILL)
        acknowledged += process.communicate(timeout=60)[0].split()[:-1]
        with open_store(URL, tmp_path, create=False) as store:
            kept = Counter(trace_id for trace_id, _ in store.all_parts())
            assert set(kept) >= {f"{id}-{n}" for id in acknowledged for n in range(5)}
            assert set(kept.values()) == {1}
            assert store.count_spans() == 2 * len(kept)
            for line in store.find(TraceFilter(), 10_000):
                found = {one.trace_id for one in store.find(TraceFilter(text=line.trace_id), 99)}
                assert line.settled == (store.trace(line.trace_id) is not None) == (line.trace_id in found)


def test_an_import_a_server_and_a_query_share_one_store(tmp_path: Path) -> None:
    kinds = {"import": ["traces"], "serve": ["spans"], "settle": ["settling"], "serve2": ["spans", "settling"]}
    processes = [start(tmp_path, name, 40, *some) for name, some in kinds.items()]
    go(processes)
    with open_store(URL, tmp_path) as store:
        while any(process.poll() is None for process in processes):
            counted, listed = store.count_spans(), len(store.find(TraceFilter(), 50))
            assert counted % 10 == 0
            assert listed <= 50
        for process in processes:
            _, errors = process.communicate(timeout=120)
            assert (process.returncode, errors) == (0, "")
        assert store.count_spans() == 2 * 2 * 5 * 40
        left = store.pending(NOON, 1000)
        assert len(store.find(TraceFilter(), 1000)) == 2 * 40 + 2 * 5 * 40
        assert store.count_traces() == 2 * 40 + 2 * 5 * 40 - len(left)
