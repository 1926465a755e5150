"""What comes in: traces, feedback, records and text, as streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from loopwright.collect.intake import Rejected
    from loopwright.collect.joining import GivenFeedback
    from loopwright.collect.trace import Trace
    from loopwright.ports.spans import SpanPart


@dataclass(frozen=True, slots=True)
class Imported:
    """One record read from a source: the trace, its place and its format. `offset` is how many bytes of the source were read.

    `others` are further sources that hold parts of the trace. `record` is the record's number in its source, from 1; 0 for what
    is known only once all of a source was read. `again` is the refusal of a record whose id came before, for who can do nothing
    else with it.
    """

    trace: Trace
    source: str
    line: int
    format: str
    offset: int = 0
    others: tuple[str, ...] = ()
    record: int = 0
    again: Rejected | None = None


@dataclass(frozen=True, slots=True)
class ImportedParts:
    """Spans read from a source, as the store keeps them; their place is as in `Imported`."""

    parts: tuple[SpanPart, ...]
    source: str
    line: int
    format: str
    offset: int = 0
    record: int = 0


@dataclass(frozen=True, slots=True)
class ImportedFeedback:
    """Feedback read by itself, to be joined with its trace; its place is as in `Imported`."""

    given: GivenFeedback
    source: str
    line: int
    offset: int = 0
    record: int = 0


class TraceReader(Protocol):
    """Files of traces, as a stream: bad records come out as `Rejected`, in their place, and reading goes on.

    Memory does not grow with the size of the files. A record whose id was read before, in these paths, is `Rejected`. A trace
    whose parts are spread over records comes once it is put together, at the latest at the end.
    """

    def sources(self, paths: Sequence[str]) -> list[tuple[str, int | None]]:
        """The files that `paths` (files, folders, `-`) stand for, with their sizes.

        Names are as in `Imported.source`, sizes in bytes as stored, None where the size is not known.

        Raises `InputError` for a path that does not exist and for a folder without files of records.
        """

    def read(self, paths: Sequence[str], format: str | None = None) -> Iterator[Imported | ImportedFeedback | Rejected]:
        """Read `paths` (`-` is standard input) in order; `format` None means sniff it, record by record.

        Raises `InputError` as `sources` does, and `UsageError` for an unknown format, before anything is read.
        """

    def read_parts(
        self, paths: Sequence[str], format: str | None = None, after: Mapping[str, int] | None = None
    ) -> Iterator[Imported | ImportedParts | ImportedFeedback | Rejected]:
        """As `read`, but spans come as they are read, and are not put together.

        `after` says of a source how many of its records are to be passed over, for they were read before.
        """

    def mark(self, source: str) -> str | None:
        """A name for a source and its content, under which the position in it is kept; None where it cannot be read twice."""


class RecordReader(Protocol):
    """JSON Lines records that are not traces (failures, trial results), as plain objects."""

    def read(self, path: str) -> Iterator[tuple[int, dict[str, Any]] | Rejected]:
        """Yield (line, object), or `Rejected` for a line that is not a JSON object; raises `InputError` for a missing file."""


class TextReader(Protocol):
    """Files of text that are not JSON, such as CSV."""

    def lines(self, path: str) -> Iterator[str]:
        """The lines with their ends, of a file (gzip too) or standard input (`-`); raises `InputError` for one not readable."""
