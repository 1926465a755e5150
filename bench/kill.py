"""What is left after a kill: the server is killed again and again while spans are sent, and counted by what it acknowledged.

    python bench/kill.py [--kills 10] [--seed 1]

Two processes send traces in requests of random sizes to one store; at random moments the server gets SIGKILL, and is started
again on the same store. What was not acknowledged is sent once more, as exporters do. In the end every acknowledged span must be
there, and none twice: all are read back from the store, span by span.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest_servers import Ours
from loopwright import wiring
from loopwright.settings import Settings
from loopwright.wiring import collecting
from otlp_load import HEADERS, request, trace

PORT = 16028
PROCESSES = 2


def main() -> None:
    """Kill, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="not read")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        folder, told, stop = Path(name), context.Queue(), context.Event()
        senders = [
            context.Process(target=send, args=(asked.seed * 100 + number, told, stop), daemon=True) for number in range(PROCESSES)
        ]
        with Ours(folder, PORT) as server:
            for sender in senders:
                sender.start()
            for number in range(asked.kills):
                time.sleep(rng.uniform(0.2, 2.5))
                server.kill()
                server.start()
                print(f"kill {number + 1}: {server.count():,} spans there", flush=True)
            time.sleep(1)
            stop.set()
            acknowledged: set[str] = set()
            cut = 0
            for _ in senders:
                ids, broken = told.get(timeout=60)
                acknowledged |= ids
                cut += broken
            counted = server.count()
            server.stop()
        there = stored(folder)
    lost = acknowledged - there.keys()
    twice = [span for span, times in there.items() if times > 1]
    print(f"\n{asked.kills} kills, {cut} requests cut off and sent again")
    print(f"{'acknowledged':>14}{'there':>10}{'counted':>10}{'lost':>8}{'twice':>8}")
    print(f"{len(acknowledged):>14,}{len(there):>10,}{counted:>10,}{len(lost):>8}{len(twice):>8}")
    if lost or twice or counted != len(there):
        raise SystemExit(1)


def send(seed: int, told: Any, stop: Any) -> None:
    """Send until told to stop; tell the ids of spans acknowledged, and how often a request was cut off."""
    rng = random.Random(seed)
    acknowledged: set[str] = set()
    cut = number = 0
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    while not stop.is_set():
        spans = [span for index in range(rng.randrange(1, 51)) for span in trace(rng, number + index, time.time_ns())]
        number += 50
        body = request(spans)
        ids = [
            (span.trace_id + span.span_id).hex()
            for span in ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
        ]
        while True:
            try:
                connection.request("POST", "/v1/traces", body, HEADERS)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                cut += 1
                time.sleep(0.1)
                continue
            if answer.status == 200:
                acknowledged.update(ids)
                break
            time.sleep(0.2)
    told.put((acknowledged, cut))


def stored(folder: Path) -> Counter[str]:
    """How often each span is in the store."""
    read_part = collecting.part_reader()
    with wiring.store(Settings(folder=folder), create=False) as store:
        return Counter(span.trace_id + span.span_id for _, data in store.all_parts() for span in read_part(data)[0])


if __name__ == "__main__":
    main()
