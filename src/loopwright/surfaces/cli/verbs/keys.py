"""loopwright keys: who may send to the server, and who may read from it."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import UsageError
from loopwright.ports import Key, KeyKind
from loopwright.surfaces.cli.options import CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, table
from loopwright.surfaces.server.access import digest
from loopwright.wiring import collecting

app = typer.Typer(add_completion=False, invoke_without_command=True, no_args_is_help=False)


@app.callback()
def keys(
    context: typer.Context,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """List the keys of the server; make one, revoke one.

    A key for ingest may send traces, logs and feedback, and read nothing; a key for reading may only read. They are kept beside
    the store, in keys.json, as digests: a key is shown once, when it is made. A server that runs takes changes up at once.

    Reads keys.json; writes nothing. With --format json, a key a line.

    For example:

        loopwright keys create --ingest support-agent
    """
    settings = settle(config, store__url=store)
    context.obj = settings
    if context.invoked_subcommand is not None:
        return
    found = collecting.key_ring(settings).keys()
    if format is OutputFormat.JSON:
        for key in found:
            row = {name: value for name, value in asdict(key).items() if name != "digest"}
            emit(json.dumps({**row, "created_at": key.created_at.isoformat()}))
    elif found:
        rows = [(key.key_id, key.name, key.kind, f"{key.created_at:%Y-%m-%d}", _limits(key)) for key in found]
        table("", ["id", "name", "for", "made", "limits"], rows, whole=[0])
    else:
        note("there are no keys: the server takes requests from this machine alone, without one")


@app.command()
def create(
    context: typer.Context,
    ingest: str | None = typer.Option(None, "--ingest", help="A key that may only send, of this name.", show_default=False),
    read: str | None = typer.Option(None, "--read", help="A key that may only read, of this name.", show_default=False),
    per_second: float | None = typer.Option(
        None, "--per-second", min=0.001, help="Requests a second that it may make; otherwise any.", show_default=False
    ),
    max_bytes: int | None = typer.Option(
        None, "--max-bytes", min=1, help="Bytes of a request, unpacked; otherwise as the server says.", show_default=False
    ),
) -> None:
    """Make a key, and print it: it is shown this once.

    Writes keys.json beside the store. The key alone goes to stdout.

    For example:

        loopwright keys create --ingest support-agent --per-second 50
    """
    if (ingest is None) == (read is None):
        raise UsageError("a key is for one of the two: give --ingest NAME or --read NAME")
    kind: KeyKind = "read" if ingest is None else "ingest"
    name = (ingest if ingest is not None else read or "").strip()
    if not name:
        raise UsageError(f"a key needs a name: give --{kind} NAME")
    text = f"lw_{kind}_{secrets.token_urlsafe(32)}"
    hashed = digest(text)
    key = Key(hashed[:8], name, kind, hashed, wiring.clock().now(), per_second, max_bytes)
    collecting.key_ring(context.obj).add(key)
    emit(text)
    note(f"key {key.key_id}, for {kind}: send it as Authorization: Bearer KEY; it is not shown again")


@app.command()
def revoke(context: typer.Context, key_id: str = typer.Argument(help="The id of a key, as loopwright keys lists it.")) -> None:
    """Take a key back: whoever sends it is refused from now on.

    Writes keys.json beside the store.

    For example:

        loopwright keys revoke 1f0c9a2b
    """
    gone = collecting.key_ring(context.obj).remove(key_id)
    left = collecting.key_ring(context.obj).keys()
    note(f"the key {gone.name!r} is revoked" + ("" if left else _NONE_LEFT))


_NONE_LEFT = "; none is left: a server for this machine alone takes requests without one, one that others reach takes none"


def _limits(key: Key) -> str:
    told = []
    if key.requests_per_second is not None:
        told.append(f"{key.requests_per_second:g} requests a second")
    if key.max_bytes is not None:
        told.append(f"{key.max_bytes:,} bytes a request")
    return ", ".join(told)
