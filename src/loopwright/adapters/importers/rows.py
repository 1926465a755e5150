"""Tables as text, CSV or the like, by row: each row is a record."""

from __future__ import annotations

import ast
import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from loopwright.adapters.importers.sources import BrokenSourceError
from loopwright.collect.formats import table
from loopwright.errors import RecordError
from loopwright.wording import counted

_DELIMITERS = ",;\t|"
_KNOWN = frozenset(name for names in table.COLUMNS.values() for name in names) | frozenset(
    ("traceid", "annotation_name", "context.trace_id", "context.span_id", "run_type", "dotted_order", "span_kind", "datatype")
)
_ENOUGH = 2
_HEAD = 64 * 1024
_LITERAL = 1024 * 1024
"""The longest cell that is read as Python prints values: reading it takes far more room than it has."""
_PRINTED = re.compile(r"\[*\{['}]")
_TIME = re.compile(r"datetime\.datetime\(([0-9, ]+)(?:, tzinfo=datetime\.timezone\.utc)?\)")


def delimiter(head: bytes) -> str | None:
    """What divides the cells of a table that begins so; None for what is no table with a header that tells what is in it."""
    line = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")[0][:_HEAD]
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not text or text[0] in "{[":
        return None
    best = max(_DELIMITERS, key=text.count)
    if not text.count(best):
        return None
    try:
        names = {_plain(cell) for cell in next(csv.reader([text], delimiter=best))}
    except (csv.Error, StopIteration):
        return None
    return best if len(names) >= _ENOUGH and names & _KNOWN else None


def rows(chunks: Iterable[bytes], between: str, limit: int) -> Iterator[tuple[int, dict[str, Any] | RecordError]]:
    """The rows of a table below its header, with their lines; a row that does not fit under it is an error in its place.

    Empty cells are left out. Raises `BrokenSourceError` where the table cannot be read on.
    """
    csv.field_size_limit(limit)
    lines = _Lines(chunks, limit)
    reader = csv.reader(lines, delimiter=between, strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            line = max(1, reader.line_num)
            if header is None:
                header = [cell.strip() for cell in cells] if any(cells) else None
            elif any(cell.strip() for cell in cells):
                yield line, _row(header, cells)
    except csv.Error as error:
        raise BrokenSourceError(
            f"is not a table: {error}", "mend the row, or write the table again", "malformed CSV", reader.line_num
        ) from None
    except BrokenSourceError as broken:
        broken.line = broken.line or reader.line_num + 1
        raise


def _row(header: list[str], cells: list[str]) -> dict[str, Any] | RecordError:
    if len(cells) > len(header):
        return RecordError(
            f"the row has {len(cells)} cells, and the header {len(header)}",
            cure="put quotes around cells that hold the delimiter",
            reason="malformed CSV",
        )
    return {name: _value(cell) for name, cell in zip(header, cells, strict=False) if cell != ""}


def _value(cell: str) -> Any:
    """A cell; dicts, and lists of them, as Python prints them, which is how pandas writes them into CSV, become what they say."""
    if not _PRINTED.match(cell) or len(cell) > _LITERAL:
        return cell
    try:
        value = ast.literal_eval(_TIME.sub(_time, cell))
        return msgspec.json.decode(msgspec.json.encode(value))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, msgspec.MsgspecError):
        return cell


def _time(found: re.Match[str]) -> str:
    numbers = [int(number) for number in found.group(1).split(",")]
    try:
        return repr(datetime(*numbers, tzinfo=UTC).isoformat())  # type: ignore[arg-type,misc]
    except (TypeError, ValueError):
        return found.group()


class _Lines:
    """The lines of a text in UTF-8 that comes in chunks, with their ends; none longer than the limit."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._lines = self._read(chunks, limit)

    def __iter__(self) -> Iterator[str]:
        return self._lines

    @staticmethod
    def _read(chunks: Iterable[bytes], limit: int) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        rest = ""
        number = 1
        try:
            for chunk in chunks:
                text = rest + decoder.decode(chunk)
                *ended, rest = text.split("\n")
                for line in ended:
                    number += 1
                    yield line.replace("\0", "") + "\n"
                if len(rest) > limit:
                    raise BrokenSourceError(
                        f"a line of more than {counted(limit, 'character')}", "break it", "record too long", number
                    )
            rest += decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise BrokenSourceError(
                f"not UTF-8: byte 0x{error.object[error.start]:02x}", "save the file as UTF-8", "not UTF-8", number
            ) from None
        if rest:
            yield rest.replace("\0", "")


def _plain(cell: str) -> str:
    return cell.strip().lower().replace(" ", "_").replace("-", "_")
