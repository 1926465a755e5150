"""JUnit XML, as pytest, Maven, Gradle, Jest and others write it, read as a stream.

A `testcase` is a trial of the case `classname::name`; the same once more in the file is its next trial. `failure` is a failed
trial and `error` one without a verdict. A skipped test is no trial, but one that was expected to fail, and ran, failed. A
`property` of a test case named like a field of the exchange format sets that field.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.parsers import expat

from loopwright.adapters.importers.results.rows import MAX_ERROR, Row, Trials, clipped, row
from loopwright.audit.digest import digest
from loopwright.errors import RecordError

_ROOTS = ("testsuites", "testsuite")
_NOT_RUN = ("notrun", "skipped", "disabled", "ignored")
_RERUN = ("rerunFailure", "rerunError", "flakyFailure", "flakyError")
_TEXTS = ("eval_id", "run_id", "version", "mode_id", "layer", "suite_digest", "case_digest", "error")
_NUMBERS = ("score", "cost_usd", "latency_ms")
_WHOLE = ("trial", "tokens")
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}
_ENTITY = "entities and document types are refused, for they can be made to grow without end"


class _Test:
    """A test case that is being read."""

    def __init__(self, attributes: Mapping[str, str], suite: int) -> None:
        self.attributes, self.suite = attributes, suite
        self.found: list[tuple[str, str]] = []
        self.properties: list[tuple[str, str]] = []


class JUnit:
    """Rows out of one file of JUnit XML."""

    def __init__(self) -> None:
        self._trials = Trials()
        self._rows: list[Row] = []
        self._suites: list[tuple[str, ...]] = []
        self._seen: Counter[tuple[int, str]] = Counter()
        self._test: _Test | None = None
        self._text: list[str] = []
        self._root = False
        self.skipped = 0

    def read(self, chunks: Iterable[bytes]) -> Iterator[Row]:
        """All rows, once the file was read to its end; raises `RecordError` with the line in its problem."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        try:
            for chunk in chunks:
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise RecordError(
                f"malformed XML in line {error.lineno}, column {error.offset + 1}: {what}", cure="write the file again"
            ) from None
        except (LookupError, ValueError) as error:
            cure = "write the report as UTF-8"
            raise RecordError(f"the XML's encoding cannot be read: {clipped(error)}", cure=cure) from None
        run_id = f"junit-{digest(self._suites, self._rows)[:16]}"
        return ({"run_id": run_id} | made for made in self._rows)

    @property
    def notes(self) -> list[str]:
        """What a person should know of the file."""
        what = "test was skipped, and is no trial" if self.skipped == 1 else "tests were skipped, and are no trials"
        return [f"{self.skipped} {what}"] if self.skipped else []

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = _local(name)
        if not self._root:
            if name not in _ROOTS:
                raise RecordError(f"the XML is <{clipped(name)}>, not JUnit's <testsuites>", cure="give a JUnit report")
            self._root = True
        if name == "testsuite":
            self._suites.append(tuple(attributes.get(key, "") for key in ("name", "timestamp", "hostname", "package")))
        elif name == "testcase":
            self._test = _Test(attributes, len(self._suites) - 1)
        elif self._test is not None and name == "property":
            self._test.properties.append((attributes.get("name", ""), attributes.get("value", "")))
        elif self._test is not None and name in ("failure", "error", "skipped", *_RERUN):
            kind = "xfail" if name == "skipped" and attributes.get("type") == "pytest.xfail" else name
            self._test.found.append((kind, attributes.get("message") or attributes.get("type") or ""))
        self._text = []

    def _characters(self, text: str) -> None:
        if self._test is not None and sum(map(len, self._text)) < MAX_ERROR:
            self._text.append(text[:MAX_ERROR])

    def _end(self, name: str) -> None:
        name = _local(name)
        if self._test is None:
            return
        if name == "testcase":
            self._take(self._test)
            self._test = None
        elif name == "property" and self._test.properties and not self._test.properties[-1][1]:
            self._test.properties[-1] = (self._test.properties[-1][0], "".join(self._text))
        elif self._test.found and name in ("failure", "error", *_RERUN) and not self._test.found[-1][1]:
            self._test.found[-1] = (self._test.found[-1][0], "".join(self._text))

    def _take(self, test: _Test) -> None:
        """The trials of a test: one, and more where failures were tried again."""
        kinds = [kind for kind, _ in test.found]
        not_run = "[NOTRUN]" in next((told for kind, told in test.found if kind == "xfail"), "")
        status = (test.attributes.get("status") or test.attributes.get("result") or "").lower()
        if "skipped" in kinds or not_run or (status in _NOT_RUN and not kinds):
            self.skipped += 1
            return
        last = _verdict(test.found)
        again = [(kind, told) for kind, told in test.found if kind in _RERUN]
        verdicts = [last, *map(_tried, again)] if kinds[0:1] in (["failure"], ["error"]) else [*map(_tried, again), last]
        for index, (passed, error) in enumerate(verdicts):
            self._add(test, passed, error, repeat=index > 0)

    def _add(self, test: _Test, passed: bool | None, error: str, repeat: bool) -> None:
        fields = _fields(test)
        repeat = fields.pop("repeat", False) or repeat
        name, of = test.attributes.get("name", ""), test.attributes.get("classname") or test.attributes.get("class") or ""
        eval_id = fields.pop("eval_id", None) or clipped(f"{of}::{name}" if of and name else name or of)
        if not eval_id:
            raise RecordError("a testcase has neither name nor classname", cure="write the report with names")
        self._seen[test.suite, eval_id] += 1
        suite = self._suites[test.suite] if test.suite >= 0 else ()
        key = (suite, self._seen[test.suite, eval_id]) if any(suite[1:]) else None
        told = fields.pop("error", None)
        if passed is not True and told:
            passed, error = None, clipped(told)
        trial = fields.pop("trial", None)
        trial = trial if trial is not None and not repeat else self._trials.number(eval_id, key)
        self._rows.append(row(eval_id, trial, passed, error=error or None, repeat=repeat or None, **fields))


def _fields(test: _Test) -> dict[str, Any]:
    """The fields of the exchange format that a test case tells: its time, and properties of their names."""
    seconds = _number(test.attributes.get("time", ""))
    fields: dict[str, Any] = {} if seconds is None else {"latency_ms": 1000 * seconds}
    for given, value in test.properties:
        name = given.removeprefix("loopwright.")
        if name in _TEXTS and value.strip():
            fields[name] = value.strip()
        elif name in ("deterministic", "repeat") and value.strip().lower() in _TRUTHS:
            fields[name] = _TRUTHS[value.strip().lower()]
        elif name == "tags":
            fields["tags"] = [*fields.get("tags", []), *(tag for tag in re.split(r"[,;\s]+", value) if tag)]
        elif (name in _NUMBERS or name in _WHOLE) and (number := _number(value)) is not None:
            fields[name] = int(number) if name in _WHOLE else number
    return fields


def _verdict(found: list[tuple[str, str]]) -> tuple[bool | None, str]:
    """A failure is a verdict, whatever broke beside it; an error alone is none."""
    kinds = {kind for kind, _ in found}
    if kinds & {"failure", "xfail"}:
        return False, ""
    error = next((told for kind, told in found if kind == "error"), None)
    return (True, "") if error is None else (None, clipped(error) or "error")


def _tried(found: tuple[str, str]) -> tuple[bool | None, str]:
    """What one of several tries came to."""
    return (None, clipped(found[1]) or "error") if found[0].endswith("Error") else (False, "")


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_doctype(*_: object) -> None:
    raise RecordError(f"the XML declares a document type; {_ENTITY}", cure="write the report without one", reason="DTD in XML")
