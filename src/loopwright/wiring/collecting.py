"""What takes traces in: each adapter is built in a small function of its own, and loaded when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from loopwright.collect.pricing import priced
from loopwright.collect.trace import Trace
from loopwright.ports import KeyRing, PartReader, Splitter
from loopwright.settings import Settings

if TYPE_CHECKING:
    from loopwright.collect.redaction.redactor import Redactor
    from loopwright.workflows.settling import Settling


def part_reader() -> PartReader:
    """Reads the parts of traces that the store keeps."""
    from loopwright.adapters.otlp.reading import read_part

    return read_part


def settling() -> Settling:
    """What it takes to make traces of the spans that a command keeps."""
    from loopwright.wiring import clock
    from loopwright.workflows.settling import Settling

    return Settling(clock(), part_reader(), with_cost)


def splitter(settings: Settings) -> Splitter:
    """Cuts OTLP requests into parts, redacted as the settings say."""
    from loopwright.adapters.otlp.parts import PartSplitter

    return PartSplitter(redactor(settings))


def with_cost(trace: Trace) -> Trace:
    """A trace with its cost, where it tells none: what is done to each trace that is settled."""
    from loopwright.adapters.llm.prices import price

    return priced(trace, price)


def key_ring(settings: Settings) -> KeyRing:
    """The server's keys, in a file beside the store."""
    from loopwright.adapters.store.key_file import KeyFile

    place = str(settings["store.url"]).partition("sqlite:///")[2]
    folder = settings.folder / Path(unquote(place)).parent if place else settings.folder / ".loopwright"
    return KeyFile(folder / "keys.json")


def redactor(settings: Settings, *, keep_key: bool = True) -> Redactor:
    """What takes secrets, and personal data where the settings say so, out of all that comes in; see `redacting`."""
    from loopwright.wiring.redacting import redactor

    return redactor(settings, keep_key=keep_key)
