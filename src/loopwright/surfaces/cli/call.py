"""Running one command through typer: usage errors end with 64, as everywhere here, and not with 2."""

from __future__ import annotations

import sys
from importlib import import_module

import click
import typer

from loopwright.errors import OK, USAGE


def call(name: str, module: str, args: list[str]) -> int:
    """Load the command's module and run its `app` with `args`; returns the exit code."""
    app: typer.Typer = import_module(f"loopwright.surfaces.cli.verbs.{module}").app
    command = typer.main.get_command(app)
    try:
        code = command.main(args=args, prog_name=f"loopwright {name}", standalone_mode=False)
    except click.UsageError as error:
        print(f"loopwright {name}: {error.format_message()}; see loopwright {name} --help", file=sys.stderr)  # noqa: T201
        return USAGE
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else OK
