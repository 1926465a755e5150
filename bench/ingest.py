"""How fast spans are taken in, until they can be read, beside the least that any receiver does and beside Phoenix.

    python bench/ingest.py [--spans 50000] [--data DIR] [--peers DIR] [--runs 1]

Traces of 10 spans, about 1.7 kB each, from two processes in requests of 500, to an empty store; the clock stops when the server's
own API counts them all. Ours is on disk (synchronous=FULL) before it answers and redacts, the floor neither. Bytes are those of
the store after a clean end, with every trace settled. With --data, what the conversations of DIR/tau_bench take on disk; with
--peers, Phoenix, installed into an environment there where it is not, with fewer spans, since it takes minutes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ingest_servers import Floor, Ours, Phoenix, Server
from otlp_load import SPANS, Senders, requests, tau_bench

PORT = 16018
SETTLE_S = 600
Batches = Sequence[tuple[bytes, int]]
ROWS = {
    "secrets only": {"LOOPWRIGHT_REDACT_PERSONAL": "none"},
    "full redaction": {"LOOPWRIGHT_REDACT_PERSONAL": "all"},
}
"""Settings of our rows."""


class Row(NamedTuple):
    """What was measured of one server."""

    spans: int
    readable_s: float
    cpu_us: float
    p50_ms: float
    p95_ms: float
    again: int
    peak_mb: float
    bytes: float
    settled_s: float | None = None

    @property
    def rate(self) -> float:
        """Spans a second until they could be read."""
        return self.spans / self.readable_s


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=50_000)
    parser.add_argument("--peer-spans", type=int, default=5_000, help="how many Phoenix gets")
    parser.add_argument("--runs", type=int, default=1, help="the median of so many is printed")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--peers", type=Path)
    asked = parser.parse_args()
    warm = list(requests(500, first=10**6))
    load = list(requests(asked.spans))
    size = sum(len(body) for body, _ in load)
    print(f"{asked.spans:,} spans, {SPANS} a trace, {size / asked.spans:,.0f} bytes each; 2 senders, {len(load)} requests\n")
    makers: dict[str, Callable[[Path], Server]] = {
        name: lambda folder, settings=settings: Ours(folder, PORT, settings) for name, settings in ROWS.items()
    }
    makers["floor"] = lambda folder: Floor(folder, PORT)
    print(f"{'':<16}{'spans/s':>9}{'of floor':>10}{'CPU us':>8}{'p50 ms':>8}{'p95 ms':>8}{'again':>7}{'peak MB':>9}"
          f"{'B/span':>8}{'settled s':>11}")  # fmt: skip
    rows = {}
    for name in ("floor", *ROWS):
        measured = [measure(makers[name], warm, load) for _ in range(asked.runs)]
        rows[name] = sorted(measured, key=lambda row: row.rate)[len(measured) // 2]
        show(name, rows[name], rows["floor"].rate)
    if asked.data:
        tau(asked.data)
    if asked.peers:
        few = list(requests(asked.peer_spans))
        rows["phoenix"] = measure(lambda folder: Phoenix(folder, PORT, asked.peers), warm, few)
        show("phoenix", rows["phoenix"], rows["floor"].rate)
        for name in ROWS:
            print(f"{name}: {rows[name].rate / rows['phoenix'].rate:,.0f} x Phoenix (which got {asked.peer_spans:,} spans)")


def measure(make: Callable[[Path], Server], warm: Batches, load: Batches) -> Row:
    """One server, from an empty store to a clean end."""
    with tempfile.TemporaryDirectory(prefix="ingest-") as name, make(Path(name)) as server:
        Senders(server.port, warm, server.path, 1).run()
        before = _readable(server, sum(spans for _, spans in warm))
        spans = sum(count for _, count in load)
        senders = Senders(server.port, load, server.path)
        cpu, began = server.cpu_s(), time.perf_counter()
        sent = senders.run()
        _readable(server, before + spans)
        readable = time.perf_counter() - began
        cpu = server.cpu_s() - cpu
        settled = _settle(server) if isinstance(server, Ours) else None
        peak = server.peak_mb()
        server.stop()
        seconds = sorted(second for one in sent for second in one.seconds)
        return Row(
            spans, readable, cpu / spans * 1e6, statistics.median(seconds) * 1e3, seconds[int(0.95 * len(seconds))] * 1e3,
            sum(one.again for one in sent), peak, server.bytes_on_disk() / (spans + before), settled,
        )  # fmt: skip


def tau(data: Path) -> None:
    """What real conversations take on disk."""
    load = list(tau_bench(data))
    spans = sum(count for _, count in load)
    with tempfile.TemporaryDirectory(prefix="ingest-") as name, Ours(Path(name), PORT, ROWS["secrets only"]) as server:
        Senders(server.port, load, server.path).run()
        _readable(server, spans)
        _settle(server)
        server.stop()
        came = sum(len(body) for body, _ in load) / spans
        print(f"\ntau-bench text: {spans:,} spans of {came:,.0f} bytes take {server.bytes_on_disk() / spans:,.0f} on disk each\n")


def show(name: str, row: Row, floor: float) -> None:
    """One line of the table."""
    settled = "" if row.settled_s is None else f"{row.settled_s:.1f}"
    print(f"{name:<16}{row.rate:>9,.0f}{row.rate / floor:>10.2f}{row.cpu_us:>8.0f}{row.p50_ms:>8.0f}{row.p95_ms:>8.0f}"
          f"{row.again:>7}{row.peak_mb:>9.0f}{row.bytes:>8,.0f}{settled:>11}", flush=True)  # fmt: skip


def _readable(server: Server, wanted: int, seconds: float = 600) -> int:
    """Wait until the server counts so many spans."""
    until = time.monotonic() + seconds
    while (found := server.count()) < wanted:
        if time.monotonic() > until:
            raise RuntimeError(f"{server.name} counts {found:,} of {wanted:,} spans")
        time.sleep(0.05 if server.name != "phoenix" else 0.5)
    if found > wanted:
        raise RuntimeError(f"{server.name} counts {found:,} spans, of {wanted:,} that were sent")
    return found


def _settle(server: Ours) -> float:
    """Wait until every trace is settled; the seconds that took."""
    began = time.perf_counter()
    while server.pending():
        if time.perf_counter() - began > SETTLE_S:
            raise RuntimeError("the traces do not settle")
        time.sleep(0.5)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
