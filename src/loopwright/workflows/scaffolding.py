"""Scaffolding: the first files of the loop in a user's repository, none of which overwrites what stands there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loopwright.ports import Scaffold

IGNORED = (".loopwright/", "loopwright-report.html", "__pycache__/")
"""What git leaves alone: what users said in production, and what running the agent leaves behind."""


@dataclass(frozen=True, slots=True)
class Scaffolded:
    """What was done: the files `created`, and those `kept` since they were there before."""

    created: tuple[str, ...]
    kept: tuple[str, ...]


async def scaffold(files: Scaffold, texts: Mapping[str, str]) -> Scaffolded:
    """Create each file of `texts`, by path, that is not there yet, and have git ignore the store's folder and the report."""
    created: list[str] = []
    kept: list[str] = []
    for path, text in texts.items():
        (created if files.create(path, text) else kept).append(path)
    added = [files.ensure_line(".gitignore", line) for line in IGNORED]
    (created if any(added) else kept).append(".gitignore")
    return Scaffolded(tuple(created), tuple(kept))
