"""A large import: how much memory it takes, how long, and whether one that is killed goes on to the same end.

    python bench/import_size.py --data DIR [--megabytes 500] [--shape lines] [--packed]

The file is made here: OpenTelemetry spans of agents, ten a trace, about 1.4 kB each; DIR is only where benchmarks agree to look
for data, and nothing of it is read. `--shape object` writes all of it as one JSON object, `protobuf` as one message. The import
runs in a process of its own, which is killed once the store has grown to a twentieth of the file, and then run again: the spans
that the store counts and the ids of its traces must be those that were made.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import zstandard
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from loopwright import wiring
from loopwright.settings import Settings

SENTENCE = "please change the flight to Denver on Friday and keep the window seat if that costs no more than before"
SPANS = 10
STARTED = 1_767_225_600_000_000_000
PACE = 0.02


def main() -> None:
    """Make the file, import it, killed and run again, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--shape", choices=("lines", "object", "protobuf"), default="lines")
    parser.add_argument("--packed", action="store_true", help="pack the file with Zstandard")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        file, traces = written(folder, given.megabytes * 1_000_000, given.shape, given.packed)
        print(f"{file.stat().st_size / 1e6:,.0f} MB as {given.shape}, {traces:,} traces, {traces * SPANS:,} spans")
        print(f"{'import':<24}{'seconds':>9}{'spans/s':>10}{'peak MB':>9}{'spans':>10}{'traces':>9}  digest of ids")
        store = folder / "store"
        first, killed = run(file, store, kill_at=file.stat().st_size // (5 if given.packed else 20))
        begun = report("killed", first, killed, store)
        rest, again = run(file, store)
        ended = report("run again", rest, again, store)
        seconds, to_json = run(file, None)
        print(f"{'to JSON, without a store':<24}{seconds:>9.1f}{traces * SPANS / seconds:>10,.0f}{to_json:>9.0f}")
        made = traces * SPANS, traces, digest(f"{number + 1:032x}" for number in range(traces))
        print(f"killed within it: {'yes' if 0 < begun[0] < made[0] else 'NO'}")
        print(f"the end is what was made: {'yes' if ended == made else 'NO'}")
        print(f"memory under 300 MB: {'yes' if max(killed, again, to_json) < 300 else 'NO'}")


def written(folder: Path, size: int, shape: str, packed: bool) -> tuple[Path, int]:
    """A file of about `size` bytes, and how many traces are in it."""
    file = folder / {"lines": "spans.jsonl", "object": "spans.json", "protobuf": "spans.binpb"}[shape]
    rng = random.Random(7)
    written, count = 0, 0
    with file.open("wb") as plain:
        out: IO[bytes] = zstandard.ZstdCompressor(level=1).stream_writer(plain) if packed else plain
        out.write(b'{"resourceSpans":[' if shape == "object" else b"")
        while written < size:
            group = resource_spans(rng, count)
            written += out.write(encoded(group, shape, count == 0))
            count += 1
        out.write(b"]}" if shape == "object" else b"")
        if packed:
            out.close()
    if packed:
        file = file.rename(file.with_name(file.name + ".zst"))
    return file, count


def encoded(group: dict[str, Any], shape: str, first: bool) -> bytes:
    """One group of spans, as a line, as an element, or as a field."""
    if shape == "lines":
        return json.dumps({"resourceSpans": [group]}).encode() + b"\n"
    if shape == "object":
        return (b"" if first else b",\n") + json.dumps(group).encode()
    for span in group["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:
                span[name] = b64encode(bytes.fromhex(span[name])).decode()
    return ParseDict({"resourceSpans": [group]}, TracesData()).SerializeToString()


def resource_spans(rng: random.Random, number: int) -> dict[str, Any]:
    """A trace: an agent, its calls of a model, and its tools."""
    trace = f"{number + 1:032x}"
    spans = [span(rng, trace, number, place) for place in range(SPANS)]
    resource = {"attributes": attributes({"service.name": "desk", "service.version": f"v{number % 7}"})}
    return {"resource": resource, "scopeSpans": [{"scope": {"name": "bench"}, "spans": spans}]}


def span(rng: random.Random, trace: str, number: int, place: int) -> dict[str, Any]:
    """One span; the first is the root."""
    said = [" ".join(rng.choices(SENTENCE.split(), k=40)) for _ in range(3)]
    kind = "invoke_agent" if place == 0 else "chat" if place % 2 else "execute_tool"
    told: dict[str, Any] = {"gen_ai.operation.name": kind, "gen_ai.conversation.id": f"session-{number // 3}"}
    if kind == "execute_tool":
        told |= {
            "gen_ai.tool.name": "search",
            "gen_ai.tool.call.arguments": json.dumps({"q": said[0]}),
            "gen_ai.tool.call.result": said[1],
        }
    else:
        told |= {
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": said[0]}]}]),
            "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": said[1]}]}]),
            "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 100 + place, "gen_ai.usage.output_tokens": 20,
        }  # fmt: skip
    start = STARTED + number * 1_000_000_000 + place * 1_000_000
    made: dict[str, Any] = {
        "traceId": trace, "spanId": f"{number * SPANS + place + 1:016x}", "name": kind, "kind": 1,
        "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 900_000), "attributes": attributes(told),
    }  # fmt: skip
    if place:
        made["parentSpanId"] = f"{number * SPANS + 1:016x}"
    return made


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP writes them."""
    return [
        {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for name, value in values.items()
    ]


def run(file: Path, folder: Path | None, kill_at: int | None = None) -> tuple[float, float]:
    """Import in a process of its own, killed once the store has so many bytes; returns seconds and the most MB that it held."""
    command = [sys.executable, "-m", "loopwright", "import", str(file)]
    if folder is not None:
        folder.mkdir(exist_ok=True)
        command += ["--store", f"sqlite:///{folder}/loopwright.db"]
    else:
        command += ["--format", "json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started, peak, told = time.monotonic(), 0.0, tempfile.TemporaryFile()  # noqa: SIM115 - outlives the process
    process = subprocess.Popen(command, cwd=file.parent, stdout=subprocess.DEVNULL, stderr=told, env=environment)
    while process.poll() is None:
        peak = max(peak, held(process.pid))
        if kill_at is not None and folder is not None and sum(path.stat().st_size for path in folder.iterdir()) > kill_at:
            process.send_signal(signal.SIGKILL)
            process.wait()
        time.sleep(PACE)
    if process.returncode and kill_at is None:
        told.seek(0)
        raise SystemExit(f"the import ended with {process.returncode}: {told.read().decode()[-2000:]}")
    return time.monotonic() - started, peak


def held(process: int) -> float:
    """The most memory that a process has held, in MB; 0 once it is gone."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)


def report(name: str, seconds: float, peak: float, folder: Path) -> tuple[int, int, str]:
    """Print what came of an import; returns how many spans and traces there are, and a digest of the traces' ids."""
    with wiring.store(Settings({"store.url": f"sqlite:///{folder}/loopwright.db"})) as store:
        spans, traces, ids = store.count_spans(), store.count_traces(), digest({id for id, _ in store.all_parts()})
    print(f"{name:<24}{seconds:>9.1f}{spans / seconds:>10,.0f}{peak:>9.0f}{spans:>10,}{traces:>9,}  {ids[:12]}")
    return spans, traces, ids


def digest(ids: Iterable[str]) -> str:
    """A digest of a set of ids."""
    made = sha256()
    for id in sorted(ids):
        made.update(id.encode())
    return made.hexdigest()


if __name__ == "__main__":
    main()
