"""loopwright serve: traces in, by OpenTelemetry over HTTP; traces out."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.surfaces.cli.options import CONFIG, from_setting, settle
from loopwright.surfaces.cli.terminal import note
from loopwright.surfaces.server.service import Limits, Parts
from loopwright.surfaces.server.serving import allowed_hosts, check_keys, is_local
from loopwright.surfaces.server.serving import serve as run
from loopwright.wiring import collecting

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    host: str | None = from_setting("serve.host"),
    port: int | None = from_setting("serve.port"),
    max_request_bytes: int | None = from_setting("serve.max_request_bytes"),
    max_bytes_under_way: int | None = from_setting("serve.max_bytes_under_way"),
    body_seconds: float | None = from_setting("serve.body_seconds"),
    drain_seconds: float | None = from_setting("serve.drain_seconds"),
    allowed_hosts_: str | None = from_setting("serve.allowed_hosts"),
    quiet_seconds: float | None = from_setting("collect.quiet_seconds"),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Take traces over HTTP, as every OpenTelemetry SDK and Collector sends them, into the store.

    POST /v1/traces and /v1/logs take OTLP in protobuf or JSON; POST /v1/feedback takes thumbs, ratings and corrections. What is
    acknowledged is on disk, redacted. GET /v1/traces, /v1/traces/ID, /v1/sessions/ID and /v1/stats read; /openapi.json says how.

    It listens on this machine alone. To listen elsewhere, make keys first: loopwright keys create --ingest NAME. Once there is a
    key, every request needs one.

    Writes the store. Ends on Ctrl-C or SIGTERM, once what is under way is written.

    For example:

        loopwright serve

        OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python agent.py
    """
    settings = settle(
        config,
        serve__host=host,
        serve__port=port,
        serve__max_request_bytes=max_request_bytes,
        serve__max_bytes_under_way=max_bytes_under_way,
        serve__body_seconds=body_seconds,
        serve__drain_seconds=drain_seconds,
        serve__allowed_hosts=allowed_hosts_,
        collect__quiet_seconds=quiet_seconds,
        store__url=store,
    )
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    where, ring = str(settings["serve.host"]), collecting.key_ring(settings)
    check_keys(where, ring)
    limits = Limits(
        request=settings["serve.max_request_bytes"],
        under_way=settings["serve.max_bytes_under_way"],
        body_s=settings["serve.body_seconds"],
        drain_s=settings["serve.drain_seconds"],
    )
    with wiring.store(settings) as kept:
        parts = Parts(
            kept,
            collecting.splitter(settings),
            collecting.part_reader(),
            ring,
            wiring.clock(),
            settings["collect.quiet_seconds"],
            allowed_hosts(where, str(settings["serve.allowed_hosts"])),
            limits,
            collecting.with_cost,
            is_local(where),
        )
        kept.count_spans()  # a store that cannot be read is told now, and not to the first sender
        run(parts, where, settings["serve.port"], version("loopwright"), note)
    note("stopped; all that was acknowledged is in the store")
