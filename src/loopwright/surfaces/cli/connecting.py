"""`loopwright import langfuse://…`: projects of services, taken in as files are."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import msgspec
import typer

from loopwright import wiring
from loopwright.collect.intake import Intake
from loopwright.collect.record import trace_object
from loopwright.collect.trace import Trace
from loopwright.errors import USAGE, UsageError
from loopwright.settings import Settings
from loopwright.surfaces.cli.intake import Refusals, tell_empty, tell_intake
from loopwright.surfaces.cli.options import OutputFormat
from loopwright.surfaces.cli.terminal import TerminalProgress, note
from loopwright.wiring import collecting, connecting
from loopwright.workflows.connecting import pull, pull_into


def import_services(addresses: Sequence[str], settings: Settings, format: OutputFormat) -> None:
    """Take in each project in turn; exits 64 where something of one could not be read."""
    files = [address for address in addresses if not connecting.is_service(address)]
    if files:
        raise UsageError(f"{files[0]} is a file, beside a service's project; import them one after the other")
    refusals = Refusals()
    for address in addresses:
        intake = _import(address, settings, format is OutputFormat.JSON, refusals)
        refusals.close(intake)
        if intake.rejected_count:
            raise typer.Exit(USAGE)


def _import(address: str, settings: Settings, to_json: bool, refusals: Refusals) -> Intake:
    tell = lambda text: note(f"loopwright: {text}")  # noqa: E731
    service, asked = connecting.trace_service(address, settings, wiring.clock(), tell, keep=not to_json)
    progress = TerminalProgress()
    settling = collecting.settling()
    try:
        if to_json:
            intake = asyncio.run(pull(service, asked, settling, _write, refused=refusals, progress=progress))
            tell_empty(intake)
        else:
            with wiring.store(settings) as store:
                intake = asyncio.run(pull_into(store, service, asked, settling, refused=refusals, progress=progress))
                tell_intake(intake, store.url)
    finally:
        service.close()
    return intake


def _write(trace: Trace) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(trace_object(trace)) + b"\n")
