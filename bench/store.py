"""How fast the store writes and reads, and what compression costs, beside plain files that are synced as often.

    python bench/store.py --data DIR

Small traces are made here; the others are the conversations of DIR/tau_bench. The floors: JSON Lines appended to a file, with
one fsync for every batch of traces and one for every result, which is what an acknowledged write means.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from loopwright import wiring
from loopwright.adapters.store import codec
from loopwright.collect.trace import Message, ToolCall, Trace
from loopwright.evaluate.result import EvalResult
from loopwright.ports import Imported
from loopwright.settings import Settings

BATCH = 500
RESULTS = 500


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    files = [str(path) for path in sorted((parser.parse_args().data / "tau_bench").glob("*.jsonl.gz"))]
    read = wiring.trace_reader(Settings()).read(files)
    conversations = [record.trace for record in read if isinstance(record, Imported)]
    small = [_small(number) for number in range(5000)]
    compression({"small": small[:1000], "tau-bench": conversations})
    print()
    throughput({"small": small, "tau-bench": conversations})


def compression(sets: dict[str, Sequence[Trace]]) -> None:
    """Print, for each level, the share of JSON's bytes that is left and the microseconds a trace takes."""
    print(f"{'compression':<12}{'level':>6}{'of JSON':>10}{'us':>8}")
    for name, traces in sets.items():
        texts = [codec.to_json(trace) for trace in traces]
        for level in (1, 2, 3, 4, 5, 6, 9):
            seconds = min(_timed(lambda: [zlib.compress(text, level) for text in texts]) for _ in range(3))  # noqa: B023
            left = sum(len(zlib.compress(text, level)) for text in texts) / sum(map(len, texts))
            print(f"{name:<12}{level:>6}{left:>10.1%}{seconds / len(texts) * 1e6:>8.0f}")


def throughput(sets: dict[str, Sequence[Trace]]) -> None:
    """Print rows a second: the store, and files synced as often."""
    print(f"{'a second':<12}{'write':>9}{'again':>9}{'read':>9}{'floor':>9}   {'results':>9}{'floor':>9}{'bytes/trace':>13}")
    for name, traces in sets.items():
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            settings = Settings(folder=Path(folder))
            with wiring.store(settings) as store:
                batches = [traces[start : start + BATCH] for start in range(0, len(traces), BATCH)]
                write = _timed(lambda: [store.put_traces(batch) for batch in batches])  # noqa: B023
                again = _timed(lambda: [store.put_traces(batch) for batch in batches])  # noqa: B023
                read = _timed(lambda: sum(1 for _ in store.traces()))
                results = [EvalResult(f"case-{n}", True, run_id="run-1", output="x" * 300) for n in range(RESULTS)]
                put = _timed(lambda: [store.put_result(result) for result in results])  # noqa: B023
            size = sum(file.stat().st_size for file in (Path(folder) / ".loopwright").iterdir())
            texts = [[codec.to_json(trace) for trace in batch] for batch in batches]
            floor = _timed(lambda: _append(Path(folder) / "traces.jsonl", texts))  # noqa: B023
            singles = [[codec.to_json(result)] for result in results]
            result_floor = _timed(lambda: _append(Path(folder) / "results.jsonl", singles))  # noqa: B023
        rates = [len(traces) / seconds for seconds in (write, again, read, floor)]
        print(f"{name:<12}" + "".join(f"{rate:>9,.0f}" for rate in rates), end="   ")
        print(f"{RESULTS / put:>9,.0f}{RESULTS / result_floor:>9,.0f}{size / len(traces):>13,.0f}")


def _append(file: Path, batches: Sequence[Sequence[bytes]]) -> None:
    with file.open("wb") as out:
        for batch in batches:
            out.write(b"\n".join(batch) + b"\n")
            out.flush()
            os.fsync(out.fileno())


def _small(number: int) -> Trace:
    asked = Message("user", f"I want a refund for order {number}.")
    called = Message("assistant", "I looked it up.", (ToolCall("call-1", "find_order", {"order": number}),))
    told = Message("tool", "order not found", tool_call_id="call-1")
    answered = Message("assistant", "I am sorry, I cannot find that order.")
    return Trace(f"trace-{number}", (asked, called, told, answered), session_id=f"user-{number % 50}", version="v1")


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
