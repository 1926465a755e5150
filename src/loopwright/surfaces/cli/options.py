"""Options that the commands share: those that come from the table of settings, and the ones that every command has."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from loopwright.settings import Settings, load, setting


class OutputFormat(StrEnum):
    """What goes to stdout: tables for people, JSON for machines."""

    TEXT = "text"
    JSON = "json"


CONFIG = typer.Option(None, "--config", help="The loopwright.toml to read; otherwise the nearest one upward.", show_default=False)
FORMAT = typer.Option(OutputFormat.TEXT, "--format", help="text for people, json for machines (stdout then holds nothing else).")
MODEL = typer.Option(None, "--model", help="The language model, as provider:model. [LOOPWRIGHT_MODEL_NAME]", show_default=False)
BY = typer.Option(None, "--by", help="Who decides; otherwise git's user.name.", show_default=False)


def from_setting(name: str, *extra_flags: str) -> Any:
    """A typer option for a setting: its flag, its help, its default; None where the flag is not given."""
    row = setting(name)
    default = f"default: {row.default}; " if row.default != "" else ""
    return typer.Option(None, *extra_flags, row.flag, help=f"{row.help} [{default}{row.env}]", show_default=False)


def settle(config: Path | None, file_mode: bool = False, **values: Any) -> Settings:
    """Settings for one command. `values` are flags, by setting name with `__` for the dot.

    File mode reads no toml file unless `config` names one.
    """
    cli = {name.replace("__", "."): value for name, value in values.items()}
    return load(cli, file=config, start=None if file_mode else Path.cwd())
