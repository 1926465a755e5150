"""Running one command through typer: usage errors end with 64, as everywhere here, and not with 2."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import typer
import typer.main

from loopwright.errors import OK, USAGE
from loopwright.surfaces.cli.help_page import teach

_SELDOM = (50_000, 20, 20)
"""When rubbish is collected. A command makes many objects that stay; to look through them again and again took a seventh of the
time of a gate over 50,000 results."""


def call(name: str, module: str, args: list[str]) -> int:
    """Load the command's module and run its `app` with `args`; returns the exit code.

    Raises `KeyboardInterrupt` and `BrokenPipeError` where typer would have made them exit code 1, which here means blocked.
    """
    gc.set_threshold(*_SELDOM)
    app: typer.Typer = import_module(f"loopwright.surfaces.cli.verbs.{module}").app
    command = teach(typer.main.get_command(app))
    try:
        code = command.main(args=args, prog_name=f"loopwright {name}", standalone_mode=False)
    except typer.TyperException as error:
        message = " ".join(error.format_message().split()).rstrip(".")
        print(f"loopwright {name}: {message}; see loopwright {name} --help", file=sys.stderr)  # noqa: T201
        return USAGE
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            raise BrokenPipeError from None
        raise
    if code == 130:  # what typer makes of Ctrl-C
        raise KeyboardInterrupt
    return code if isinstance(code, int) else OK
