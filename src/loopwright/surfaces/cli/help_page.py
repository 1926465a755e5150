"""What `--help` shows: paragraphs that flow to the width of the terminal, examples as they stand, every name in full."""

from __future__ import annotations

import inspect
from typing import Any

WIDEST = 100
"""Longer lines are hard to read, however wide the terminal is."""


def teach(command: Any) -> Any:
    """The command, and those below it, with help that is laid out here; returns it.

    A docstring's paragraphs are wrapped anew; an indented block, such as an example, stays as it is written.
    """
    command.rich_markup_mode = None
    command.context_settings = {**command.context_settings, "max_content_width": WIDEST}
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    command.short_help = " ".join(paragraphs[0].split())
    command.help = "\n\n".join(f"\b\n{p}" if p.startswith("    ") else p for p in paragraphs)
    for below in getattr(command, "commands", {}).values():
        teach(below)
    return command
