"""What a store of spans costs and answers: writing, bytes on disk, opening a trace, listing, and searching.

    python bench/queries.py --data DIR [--spans 300000]

Spans are agent traces of ten, about 1.7 kB a span, made here; and the conversations of DIR/tau_bench as spans, for bytes. Floors
in the same run: the same parts as plain rows of (trace id, bytes) in SQLite, and plain selects of them. `put` and `settle` are
microseconds of CPU a span; bytes a span are those of the whole file.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from loopwright import wiring
from loopwright.adapters.otlp.parts import split_traces
from loopwright.adapters.otlp.reading import read_part
from loopwright.adapters.store.store import SqlStore, open_store
from loopwright.collect.trace import Trace
from loopwright.ports import Imported, SpanPart, TraceFilter
from loopwright.settings import Settings
from loopwright.workflows.settling import trace_of

BATCH = 50
TRIES = 41
_TEXT = """
order refund customer ticket status invoice shipping address payment policy account search index summary report deploy rollback
commit branch error retry timeout schema query table column value result context agent plan step tool call argument response
the a of to in and is for with on that this from by not are as be it at
"""
WORDS = _TEXT.split()
Facts = dict[str, str | int]
RARE = 2000
"""Of so many rare words each trace has one, as real text has."""


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder that holds tau_bench")
    parser.add_argument("--spans", type=int, default=300_000)
    asked = parser.parse_args()
    print(f"{'load':<12}{'spans':>9}{'wire B':>8}{'put us':>8}{'floor':>7}{'settle':>8}{'B/span':>8}{'floor':>7}")
    if asked.data is not None:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            fill("tau-bench", batches(conversations(asked.data)), Path(folder)).close()
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        fill("generated", batches(generated(asked.spans)), Path(folder)) as store,
    ):
        print()
        queries(store, Path(folder))


def fill(name: str, load: Iterable[tuple[int, list[SpanPart]]], folder: Path) -> SqlStore:
    """Write a load and settle it; prints microseconds of CPU and bytes on disk for each span."""
    store = open_store("sqlite:///store.db", folder)
    floor = sqlite3.connect(folder / "floor.db", isolation_level=None)
    floor.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE parts (id TEXT PRIMARY KEY, data BLOB)")
    store.put_spans([SpanPart("0" * 32, ("0" * 16,), (bytes(8),), b"")], datetime.now(UTC))  # makes the file, out of the clock
    wire = put = plain = settled = 0.0
    for size, parts in load:
        wire += size
        put += timed(lambda: store.put_spans(parts, datetime.now(UTC)))  # noqa: B023
        plain += timed(lambda: as_rows(floor, parts))  # noqa: B023
        made = {part.trace_id: (trace_of(part.trace_id, [part.data], read_part), 1) for part in parts}
        settled += timed(lambda: store.settle(made))  # noqa: B023
    spans = store.count_spans()
    bytes_of = {file: on_disk(folder / file) for file in ("store.db", "floor.db")}
    costs = [seconds / spans * 1e6 for seconds in (put, plain, settled)]
    print(f"{name:<12}{spans:>9,}{wire / spans:>8,.0f}{costs[0]:>8.1f}{costs[1]:>7.1f}{costs[2]:>8.1f}", end="")
    print(f"{bytes_of['store.db'] / spans:>8,.0f}{bytes_of['floor.db'] / spans:>7,.0f}")
    floor.close()
    return store


def queries(store: SqlStore, folder: Path) -> None:
    """Print medians of what is asked of the store, beside plain selects of the floor."""
    rng = random.Random(1)
    floor = sqlite3.connect(folder / "floor.db")
    ids = [id for (id,) in floor.execute("SELECT id FROM parts")]
    rare = lambda: f"item{rng.randrange(RARE)}"  # noqa: E731
    rows: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        (
            "open a trace by id",
            lambda: store.trace(rng.choice(ids)),
            lambda: floor.execute("SELECT data FROM parts WHERE id = ?", (rng.choice(ids),)).fetchone(),
        ),
        (
            "spans of a trace",
            lambda: store.spans_of(rng.choice(ids)),
            lambda: floor.execute("SELECT data FROM parts WHERE id = ?", (rng.choice(ids),)).fetchone(),
        ),
        (
            "the newest 50",
            lambda: store.find(TraceFilter(), 50),
            lambda: floor.execute("SELECT id FROM parts ORDER BY rowid DESC LIMIT 50").fetchall(),
        ),
        ("the newest 50, whole", lambda: store.newest_traces(50), lambda: None),
        ("50 that failed", lambda: store.find(TraceFilter(error=True), 50), lambda: None),
        (
            "search, a rare word",
            lambda: store.find(TraceFilter(text=rare()), 50),
            lambda: floor.execute("SELECT id FROM parts WHERE instr(data, ?) LIMIT 50", (rare().encode(),)).fetchall(),
        ),
        ("search, two common words", lambda: store.find(TraceFilter(text=" ".join(rng.sample(WORDS, 2))), 50), lambda: None),
        ("search, rare and common", lambda: store.find(TraceFilter(text=f"{rare()} {rng.choice(WORDS)}"), 50), lambda: None),
        ("search, no such word", lambda: store.find(TraceFilter(text="zebra"), 50), lambda: None),
        ("count the spans", store.count_spans, lambda: floor.execute("SELECT count(*) FROM parts").fetchone()),
    ]
    print(f"{'median of ' + str(TRIES):<28}{'ms':>9}{'floor':>9}")
    for name, ask, plain in rows:
        floor_ms = f"{median_ms(plain, 5):>9.2f}" if plain() is not None else f"{'-':>9}"
        print(f"{name:<28}{median_ms(ask, TRIES):>9.2f}{floor_ms}")
    floor.close()


def batches(requests: Iterable[bytes]) -> Iterator[tuple[int, list[SpanPart]]]:
    """Requests as bytes on the wire and the parts in them."""
    for body in requests:
        yield len(body), list(split_traces(body).parts)


def generated(spans: int) -> Iterator[bytes]:
    """Export requests of 50 traces of ten spans."""
    rng = random.Random(7)
    start = time.time_ns() - spans // 10 * 50_000_000
    for first in range(0, spans // 10, BATCH):
        yield request([one for n in range(BATCH) for one in agent_trace(rng, start + (first + n) * 50_000_000, first + n)])


def conversations(data: Path) -> Iterator[bytes]:
    """The conversations of tau-bench as spans: one of the agent, one a reply of the model, one a tool call."""
    files = [str(path) for path in sorted((data / "tau_bench").glob("*.jsonl.gz"))]
    rng = random.Random(3)
    read = (record.trace for record in wiring.trace_reader(Settings()).read(files) if isinstance(record, Imported))
    some: list[Span] = []
    for number, trace in enumerate(read):
        some += spoken(trace, rng, 1_760_000_000_000_000_000 + number * 10**9)
        if len(some) >= 10 * BATCH:
            yield request(some)
            some = []
    if some:
        yield request(some)


def spoken(trace: Trace, rng: random.Random, at: int) -> list[Span]:
    """A conversation as spans."""
    trace_id, root = rng.randbytes(16), rng.randbytes(8)
    end = at + len(trace.messages) * 10**6
    spans = [span((trace_id, root, b""), "invoke_agent airline", (at, end), {"gen_ai.operation.name": "invoke_agent"})]
    for index, message in enumerate(trace.messages):
        begin = at + index * 10**6
        if message.role == "assistant":
            said = [chat(one.role, one.text) for one in trace.messages[max(0, index - 3) : index]]
            calls = [{"type": "tool_call", "id": c.id, "name": c.name, "arguments": c.arguments} for c in message.tool_calls]
            reply = [{"role": "assistant", "parts": [{"type": "text", "content": message.text}, *calls]}]
            facts = {
                "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4.1", "gen_ai.usage.input_tokens": 100 * index,
                "gen_ai.input.messages": json.dumps(said), "gen_ai.output.messages": json.dumps(reply),
            }  # fmt: skip
            spans.append(span((trace_id, rng.randbytes(8), root), "chat gpt-4.1", (begin, begin + 900_000), facts))
        elif message.role == "tool":
            facts = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": message.text}
            spans.append(
                span((trace_id, rng.randbytes(8), root), f"execute_tool {message.name}", (begin, begin + 900_000), facts)
            )
    return spans


def agent_trace(rng: random.Random, at: int, number: int) -> list[Span]:
    """Ten spans: an agent, four calls of a model, five of tools; one trace in sixteen has a tool that fails."""
    trace_id, root = rng.randbytes(16), rng.randbytes(8)
    question = f"{prose(rng, 345)} item{rng.randrange(RARE)}"
    told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support", "gen_ai.conversation.id": f"c{number // 3}"}
    told |= {"user.id": f"user-{number % 997}", "input.value": question, "output.value": prose(rng, 525)}
    failing = rng.randrange(80)
    spans = [span((trace_id, root, b""), "invoke_agent support", (at, at + 10**10), told, failing < 5)]
    for index, kind in enumerate("mtmttmttm"):
        begin = at + (index + 1) * 10**9
        if kind == "m":
            said = [chat("system", prose(rng, 610)), chat("user", question), chat("tool", prose(rng, 525))]
            facts: Facts = {
                "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4.1",
                "gen_ai.response.id": f"resp-{rng.randrange(16**12):012x}", "gen_ai.usage.input_tokens": rng.randrange(300, 4000),
                "gen_ai.usage.output_tokens": rng.randrange(20, 600), "gen_ai.input.messages": json.dumps(said),
                "gen_ai.output.messages": json.dumps([chat("assistant", prose(rng, 560))]),
            }  # fmt: skip
            spans.append(span((trace_id, rng.randbytes(8), root), "chat gpt-4.1", (begin, begin + 8 * 10**8), facts))
        else:
            facts = {
                "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "query_db",
                "gen_ai.tool.call.id": f"call_{rng.randrange(16**8):08x}",
                "gen_ai.tool.call.arguments": json.dumps({"id": rng.randrange(10**6), "query": prose(rng, 120)}),
                "gen_ai.tool.call.result": prose(rng, 610),
            }  # fmt: skip
            spans.append(
                span((trace_id, rng.randbytes(8), root), "execute_tool query_db", (begin, begin + 10**8), facts, failing == index)
            )
    return spans


def span(ids: tuple[bytes, bytes, bytes], name: str, at: tuple[int, int], facts: Facts, failed: bool = False) -> Span:
    """A span of OTLP: ids of its trace, itself and its parent, and its start and end."""
    return Span(
        trace_id=ids[0],
        span_id=ids[1],
        parent_span_id=ids[2],
        name=name,
        start_time_unix_nano=at[0],
        end_time_unix_nano=at[1],
        attributes=[KeyValue(key=key, value=_value(value)) for key, value in facts.items()],
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_OK),
    )


def request(spans: Sequence[Span]) -> bytes:
    """An export request."""
    resource = Resource(attributes=[KeyValue(key="service.name", value=_value("bench-agent"))])
    scoped = ScopeSpans(scope=InstrumentationScope(name="bench", version="1"), spans=spans)
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scoped])]).SerializeToString()


def chat(role: str, content: str) -> dict[str, object]:
    """A message as the GenAI conventions write it."""
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def prose(rng: random.Random, characters: int) -> str:
    """Words, about so many characters."""
    return " ".join(rng.choices(WORDS, k=characters // 6))


def as_rows(floor: sqlite3.Connection, parts: Sequence[SpanPart]) -> None:
    """The floor: plain rows, one transaction."""
    floor.execute("BEGIN IMMEDIATE")
    floor.executemany("INSERT INTO parts VALUES (?, ?)", [(part.trace_id, part.data) for part in parts])
    floor.execute("COMMIT")


def on_disk(file: Path) -> int:
    """The bytes of a database, once its write-ahead log is folded in."""
    raw = sqlite3.connect(file)
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    return file.stat().st_size


def timed(work: Callable[[], object]) -> float:
    """Seconds of CPU."""
    start = time.process_time()
    work()
    return time.process_time() - start


def median_ms(ask: Callable[[], object], tries: int) -> float:
    """The median of so many tries, in milliseconds of wall time."""
    taken = []
    for _ in range(tries):
        start = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def _value(value: str | int) -> AnyValue:
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)


if __name__ == "__main__":
    main()
