"""Records of one file, in whatever format, as traces, parts of traces and feedback."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from loopwright.adapters.importers import binary
from loopwright.adapters.importers.contents import Record, rejected
from loopwright.adapters.importers.redacted import redact_given, redact_trace
from loopwright.adapters.importers.sources import Source
from loopwright.adapters.importers.span_parts import parts_of
from loopwright.adapters.otlp.parts import split_logs, split_object, split_traces
from loopwright.adapters.otlp.redacting import Redactor
from loopwright.collect.formats import catalogue, frames, managed, table
from loopwright.collect.formats.found import Found
from loopwright.collect.formats.langfuse import PARTIAL
from loopwright.collect.intake import Rejected
from loopwright.collect.trace import Trace
from loopwright.errors import RecordError
from loopwright.ports import Imported, ImportedFeedback, ImportedParts, Split

OTLP = "otlp"

_MEND = "export spans whole, and log records with the span they belong to"
_IDS = re.compile(r"(?i)(trace|span|parentspan) ?id is ")

Item = Imported | ImportedParts | ImportedFeedback | Rejected


class Converter:
    """Reads the records of one source. `format` is what they are taken for; None tells each by its keys."""

    def __init__(self, source: Source, limit: int, format: str | None, redactor: Redactor | None) -> None:
        self._source, self._limit, self._format, self._redactor = source, limit, format, redactor
        self._calls = managed.Calls()
        self._repeats: Counter[str] = Counter()
        self.line = 0

    def of(self, record: Record) -> Iterator[Item]:
        """What a record holds; a refusal where it cannot be taken, or a part of it."""
        self.line = record.line
        try:
            yield from self._of(record)
        except RecordError as error:
            yield rejected(self._source, record.line, error)
        except RecursionError:
            yield self._refused("it is nested too deep", "flatten the record", "nested too deep", record.line)

    def pass_over(self, record: Record) -> None:
        """A record that was taken before: of rows only how often each came counts, for it makes their ids."""
        self.line = record.line
        if not isinstance(record.value, dict):
            return
        name = self._name(record.value, record)
        if name == table.NAME and table.makes_id(record.value):
            with suppress(RecordError):
                self._read(record.value, name, record)

    def end(self) -> Iterator[Item]:
        """The source has ended: what its lines together make up."""
        made = None
        try:
            made = self._calls.trace()
        except RecordError as error:
            yield rejected(self._source, self._calls.line, error)
        if made is not None:
            yield self._imported(made, managed.NAME, self._calls.line, 0)
        elif self._calls.line:
            problem = "the recorded calls hold no conversation"
            yield Rejected(self._source.name, self._calls.line, problem, "record the session from its beginning", "no messages")

    def _of(self, record: Record) -> Iterator[Item]:
        if isinstance(record.value, bytes):
            yield from self._of_protobuf(record.value, record)
        elif isinstance(record.value, list):
            self._take_call(record)
        else:
            value = self._named(record)
            name = self._name(value, record)
            if name is None and not catalogue.is_expected_chat(value) and (listed := frames.rows(value, _tells)) is not None:
                for row in listed:
                    yield from self.of(replace(record, value=row, row=True))
                return
            if name == OTLP:
                yield from self._of_split(split_object(value, self._redactor), record)
                yield from self._metrics(value, record.line)
            else:
                yield from self._of_found(*self._read(value, name, record), record)

    def _name(self, value: Mapping[str, Any], record: Record) -> str | None:
        name = catalogue.sniff(value) if self._format is None else self._format
        return table.NAME if name is None and record.row else name

    def _named(self, record: Record) -> dict[str, Any]:
        return {**record.value, PARTIAL: True} if record.partial else record.value

    def _read(self, value: Mapping[str, Any], name: str | None, record: Record) -> tuple[Found, str]:
        if name is None and record.partial:
            return Found(), ""
        found, known = catalogue.read(value, name)
        if known == table.NAME:
            found = replace(found, traces=tuple(self._of_its_own(trace, value) for trace in found.traces))
        return found, known

    def _of_its_own(self, trace: Trace, row: Mapping[str, Any]) -> Trace:
        """A row whose id was made of its content, told from rows before it that say the same."""
        if not table.makes_id(row):
            return trace
        self._repeats[trace.trace_id] += 1
        times = self._repeats[trace.trace_id]
        return trace if times == 1 else replace(trace, trace_id=f"{trace.trace_id}-{times}")

    def _of_found(self, found: Found, format: str, record: Record) -> Iterator[Item]:
        for given in found.feedback:
            clean = redact_given(given, self._redactor)
            yield ImportedFeedback(clean, self._source.name, record.line, self._source.offset, record.number)
        if found.spans:
            yield self._parts(parts_of(found.spans, self._redactor), format, record)
        for trace in found.traces:
            yield self._imported(trace, format, record.line, record.number)

    def _of_protobuf(self, data: bytes, record: Record) -> Iterator[Item]:
        signal = binary.signal(data)
        if signal == "metrics":
            yield self._refused("holds metrics, and no trace", "leave metrics out", "metrics", record.line)
        elif signal is not None:
            split = split_traces if signal == "traces" else split_logs
            yield from self._of_split(split(data, self._redactor), record)

    def _of_split(self, split: Split, record: Record) -> Iterator[Item]:
        for given in split.feedback:
            yield ImportedFeedback(
                redact_given(given, self._redactor), self._source.name, record.line, self._source.offset, record.number
            )
        if split.parts:
            yield self._parts(split.parts, OTLP, record)
        for reason, count in split.refused.items():
            for _ in range(count):
                yield self._refused(reason, _MEND, "bad id" if _IDS.search(reason) else "not taken from its request", record.line)

    def _metrics(self, message: Mapping[str, Any], line: int) -> Iterator[Rejected]:
        groups = message.get("resourceMetrics") or message.get("resource_metrics")
        if groups:
            count = sum(
                len(scope.get("metrics") or [])
                for group in (groups if isinstance(groups, list) else [])
                if isinstance(group, Mapping)
                for scope in group.get("scopeMetrics") or group.get("scope_metrics") or []
                if isinstance(scope, Mapping)
            )
            yield self._refused(f"holds {count} metrics, and no trace", "leave metrics out", "metrics", line)

    def _take_call(self, record: Record) -> None:
        method, payload = record.value
        self._calls.line = self._calls.line or record.line
        self._calls.size += len(msgspec.json.encode(payload))
        if self._calls.size > self._limit:
            raise RecordError(
                f"the calls of a file hold more than {self._limit:,} bytes",
                cure="raise import.max_line_bytes (LOOPWRIGHT_IMPORT_MAX_LINE_BYTES)",
                reason="record too long",
            )
        self._calls.take(method, payload)

    def _parts(self, parts: Sequence[Any], format: str, record: Record) -> ImportedParts:
        return ImportedParts(tuple(parts), self._source.name, record.line, format, self._source.offset, record.number)

    def _imported(self, trace: Trace, format: str, line: int, number: int) -> Imported:
        clean = redact_trace(trace, self._redactor)
        return Imported(clean, self._source.name, line, format, self._source.offset, record=number)

    def _refused(self, problem: str, cure: str, reason: str, line: int) -> Rejected:
        return Rejected(self._source.name, line, problem, cure, reason, self._source.offset)


def _tells(row: Mapping[str, Any]) -> bool:
    return catalogue.sniff(row) is not None
