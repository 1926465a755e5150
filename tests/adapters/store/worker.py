"""A process of its own that writes to a store, and says what was acknowledged: python worker.py FOLDER NAME COUNT [KIND...]."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from loopwright.adapters.store.store import open_store
from loopwright.collect.trace import Message, Trace
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import GateDecision
from loopwright.ports import StoredDecision
from span_parts import NOON, part

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(folder: str, name: str, count: str, *kinds: str) -> None:
    say("ready")
    sys.stdin.readline()
    with open_store("sqlite:///.loopwright/loopwright.db", Path(folder)) as store:
        for number in range(int(count)):
            id = f"{name}-{number}"
            if "traces" in kinds:
                store.put_traces([Trace(id, (Message("user", "hello " * 40),)), Trace(f"shared-{number}")])
            if "results" in kinds:
                store.put_result(EvalResult(id, True, run_id="run-1", output="x" * 300))
            if "audit" in kinds:
                store.append_audit(NOW, name, "wrote", id, {"number": number})
            if "spans" in kinds:
                store.put_spans([part(f"{id}-{n}", f"{id}-{n}-a", f"{id}-{n}-b", root_ended=True) for n in range(5)], NOON)
            if "settling" in kinds:
                due = store.pending(NOON, 20)
                store.settle({one.trace_id: (Trace(one.trace_id, (Message("user", one.trace_id),)), one.parts) for one in due})
            if "together" in kinds:
                with store.transaction():
                    store.put_decision(StoredDecision(id, GateDecision(approved=True), NOW))
                    store.append_audit(NOW, name, "gate approved", id, {})
                    store.append_audit(NOW, name, "evals queued", id, {})
            say(id)


if __name__ == "__main__":
    main(*sys.argv[1:])
