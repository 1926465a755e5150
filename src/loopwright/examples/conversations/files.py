"""Where the shipped conversations are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

NAME = "tau-bench-airline.jsonl.gz"
SUITE_NAME = "suite.yaml"
COUNT = 200
"""How many conversations the file holds: 50 tasks, four trials of each."""


@contextmanager
def conversations() -> Iterator[str]:
    """The path of the shipped conversations, a gzipped JSON Lines file of tau-bench records, for as long as the context is open.

    Use it as `with conversations() as path: ...`; the file is unpacked for that time where the package is zipped.
    """
    with as_file(files(__package__) / NAME) as path:
        yield str(path)


@contextmanager
def suite() -> Iterator[str]:
    """The path of the suite that goes with the conversations, for as long as the context is open."""
    with as_file(files(__package__) / SUITE_NAME) as path:
        yield str(path)
