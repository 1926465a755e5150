"""Which tool wrote a file of results, by its first bytes."""

from __future__ import annotations

from loopwright.adapters.importers.json_parts import first_keys
from loopwright.adapters.importers.results import table
from loopwright.adapters.importers.sources import ZIP
from loopwright.errors import RecordError

FORMATS = ("loopwright", "promptfoo", "inspect", "deepeval", "junit", "csv")
HEAD = 64 * 1024
"""Bytes that are looked at."""


def sniff(head: bytes) -> str:
    """One of `FORMATS`; `loopwright`, the gate's own JSON Lines, where nothing speaks for another."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(ZIP):
        return "inspect"
    if start.startswith(b"<"):
        return "junit"
    first = start.partition(b"\n")[0]
    if start[:1] in (b"{", b"["):
        keys = _keys(first)
        return _of_keys(keys if "eval_id" in keys else _keys(start))
    return "csv" if first and table.knows(first.decode("utf-8", "replace").rstrip("\r")) else "loopwright"


def _of_keys(keys: set[str]) -> str:
    if "eval_id" in keys:
        return "loopwright"
    if {"testCases", "testRunData", "conversationalTestCases"} & keys:
        return "deepeval"
    if "eval" in keys and {"status", "plan", "samples"} & keys:
        return "inspect"
    if {"promptIdx", "testCase", "gradingResult"} & keys or (
        "results" in keys and {"evalId", "config", "stats", "version"} & keys
    ):
        return "promptfoo"
    return "loopwright"


def _keys(start: bytes) -> set[str]:
    try:
        return first_keys(start)
    except RecordError:
        return set()
