"""Suite files: YAML text becomes cases, cases become YAML text.

One table of fields (`CASE_FIELDS`) and the registered checks make the parser, the writer, the JSON schema and the reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields as dataclass_fields
from typing import Any

from loopwright.collect.conversation import ROLES, read_messages
from loopwright.errors import RecordError, SuiteError
from loopwright.evaluate.case import CaseStatus, Check, EvalCase, Layer, Suite
from loopwright.evaluate.checks import CHECKS
from loopwright.evaluate.document import Node, document
from loopwright.evaluate.shape import Anything, Choice, Field, Flag, Kind, ListOf, Number, Record, Text, Whole, wrong
from loopwright.registry import unknown

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"
_JUDGED = (Layer.SEMANTIC, Layer.BEHAVIORAL)


class _Input:
    """Text, or a list of chat messages."""

    def __init__(self) -> None:
        role = Field("role", Choice(tuple(ROLES)), "who speaks", required=True)
        content = Field("content", Anything(), "what is said: text, a list of parts, or nothing")
        self._messages = ListOf(Record((role, content), open=True), min_items=1)
        self._text = Text()

    def read(self, node: Node, what: str) -> Any:
        """The text, or the messages as plain mappings."""
        if isinstance(node.value, str):
            return self._text.read(node, what)
        if not isinstance(node.value, list):
            raise wrong(node, what, "give text, or a list of messages such as {role: user, content: hello}")
        messages = list(self._messages.read(node, what))
        try:
            read_messages(messages, what)
        except RecordError as error:
            raise node.error(error.problem, error.cure) from None
        return messages

    def schema(self) -> dict[str, Any]:
        """A string or an array."""
        return {"anyOf": [self._text.schema(), self._messages.schema()]}


class _Check:
    """One check: its type, and the options of that type."""

    def read(self, node: Node, what: str) -> Check:
        """The check; raises `SuiteError` naming the nearest known type or option."""
        if not isinstance(node.value, dict):
            raise wrong(node, what, "give a mapping such as {type: contains, value: hello}")
        if "type" not in node.value:
            raise node.error(f"{what} has no type", f"add `type:`, one of {', '.join(CHECKS.names())}")
        name = node.value["type"].value
        if not isinstance(name, str) or name not in CHECKS:
            raise node.value["type"].error(unknown("check", str(name), CHECKS.names()))
        kind = CHECKS.get(name)
        rest = Node({k: v for k, v in node.value.items() if k != "type"}, node.source, node.line)
        options = Record(kind.options, noun=f"option of {name}").read(rest, f"{what} ({name})")
        fault = kind.fault(options)
        if fault:
            raise node.error(f"{what}: {fault}")
        return Check(name, options)

    def schema(self) -> dict[str, Any]:
        """One of the registered checks."""
        return {"oneOf": [_check_schema(name) for name in CHECKS.names()]}


def _check_schema(name: str) -> dict[str, Any]:
    kind = CHECKS.get(name)
    rules = {key: value for rule in kind.rules for key, value in rule.items()}
    made = Record(kind.options, rules=rules).schema()
    type_ = {"const": name, "description": kind.help}
    return {**made, "properties": {"type": type_, **made["properties"]}, "required": ["type", *made["required"]]}


_ID = Text(pattern=r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?", expected="a name on one line", max_length=200)
_WORDS = ListOf(Text())

CASE_FIELDS: tuple[Field, ...] = (
    Field("id", _ID, "names the case; unique in the suite", required=True),
    Field("layer", Choice(tuple(x.value for x in Layer)), "deterministic (default); semantic and behavioral need a judge"),
    Field("input", _Input(), "what the agent is asked: text, or a list of chat messages", required=True),
    Field("expected_behaviour", Text(), "what the agent should do, in words"),
    Field("failure_indicator", Text(), "what the agent does when this case fails, in words"),
    Field("scoring_rubric", _WORDS, "criteria for a judge"),
    Field("severity", Whole(1, 5), "how bad a failure is, from 1 to 5 (default: 3)"),
    Field("tags", _WORDS, "words to select cases by"),
    Field("trials", Whole(1, 1000), "how often to try (default: the run's)"),
    Field("timeout_s", Number(above=0), "seconds after which a trial is stopped (default: the run's)"),
    Field(
        "deterministic",
        Flag(),
        "true: the agent answers alike each time, so one failure is proof for the gate (default: decide from history)",
    ),
    Field("checks", ListOf(_Check()), "what must hold of the answer; all of them"),
    Field("mode_id", Text(), "the failure mode that the case guards against"),
    Field("source_trace_ids", _WORDS, "the recorded failures that it came from"),
    Field("fails_on_source", Flag(), "whether its checks were seen to fail on the recorded failure"),
    Field("not_admitted", Text(), "why it was not admitted: what trying the draft on recordings did not show"),
    Field(
        "status", Choice(tuple(x.value for x in CaseStatus)), "approved (default), draft or rejected; only approved cases count"
    ),
    Field("approved_by", Text(), "who approved it"),
)
_CHECKED: dict[str, Any] = {"required": ["checks"], "properties": {"checks": {"minItems": 1}}}
_RUBRIC: dict[str, Any] = {"required": ["scoring_rubric"], "properties": {"scoring_rubric": {"minItems": 1}}}
_JUDGED_SCHEMA = {"required": ["layer"], "properties": {"layer": {"enum": [x.value for x in _JUDGED]}}}
_CASE = Record(CASE_FIELDS, rules={"if": _JUDGED_SCHEMA, "then": {"anyOf": [_CHECKED, _RUBRIC]}, "else": _CHECKED})
_FILE = Record((Field("cases", ListOf(_CASE), "the cases", required=True),))
_DEFAULTS = {f.name: f.default for f in dataclass_fields(EvalCase)}


def parse(text: str, source: str) -> tuple[EvalCase, ...]:
    """The cases in a suite file; raises `SuiteError` naming `source`, the line, the value and the cure."""
    root = document(text, source)
    if root is None or root.value is None:
        raise SuiteError("holds nothing", source=source, cure="begin with `cases:` and a list of cases")
    if not isinstance(root.value, dict):
        raise root.error("a suite file is a mapping", "begin with `cases:` and a list of cases")
    listed = Record((Field("cases", ListOf(Anything()), "a list of cases", required=True),))
    listed.read(root, "the file")
    return tuple(_case(node, index) for index, node in enumerate(root.value["cases"].value))


def combine(files: Iterable[Sequence[EvalCase]], drafts: bool = False) -> Suite:
    """One suite of the cases of all files: approved ones, and with `drafts` those too.

    A case id may stand once; raises `SuiteError` naming both places. A draft gives way to an approved case of its id.
    """
    cases = [case for file in files for case in file]
    first: dict[tuple[str, bool], EvalCase] = {}
    for case in cases:
        approved = case.status is CaseStatus.APPROVED
        known = first.setdefault((case.id, approved), case)
        if known is not case:
            raise SuiteError(
                f"case id {case.id!r} stands already at {known.file}:{known.line}",
                source=case.file,
                line=case.line,
                cure="give one of the two another id",
            )
    wanted = {CaseStatus.APPROVED, CaseStatus.DRAFT} if drafts else {CaseStatus.APPROVED}
    return Suite(
        tuple(
            case
            for case in cases
            if case.status in wanted and (case.status is CaseStatus.APPROVED or (case.id, True) not in first)
        )
    )


def plain(case: EvalCase) -> dict[str, Any]:
    """A case as a suite file holds it: its fields in the table's order, those with default values left out."""
    made = {f.name: _written(getattr(case, f.name), f.kind) for f in CASE_FIELDS if _is_set(case, f.name)}
    return {"id": case.id, **made}


def json_schema() -> dict[str, Any]:
    """The schema of a suite file, for editors (JSON Schema 2020-12)."""
    return {
        "$schema": SCHEMA_ID,
        "title": "Loopwright eval suite",
        "description": "Cases that an agent is run against.",
        **_FILE.schema(),
    }


def schema_text() -> str:
    """The schema as the file that is shipped."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _case(node: Node, index: int) -> EvalCase:
    named = node.value.get("id") if isinstance(node.value, dict) else None
    name = f"case {named.value}" if named is not None and isinstance(named.value, str) else f"cases[{index}]"
    values = _CASE.read(node, name)
    case = EvalCase(**_typed(values), file=node.source, line=node.line)
    _need_verdict(case, node)
    return case


def _need_verdict(case: EvalCase, node: Node) -> None:
    if case.checks or (case.scoring_rubric and case.layer in _JUDGED):
        return
    if case.scoring_rubric:
        cure = "add `checks:`, or `layer: semantic` so that a judge decides by the rubric"
    else:
        cure = "add `checks:`, such as [{type: contains, value: hello}]"
    raise node.error(f"case {case.id} checks nothing", cure)


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    typed = dict(values)
    if "layer" in typed:
        typed["layer"] = Layer(typed["layer"])
    if "status" in typed:
        typed["status"] = CaseStatus(typed["status"])
    return typed


def _is_set(case: EvalCase, name: str) -> bool:
    return name == "input" or getattr(case, name) != _DEFAULTS[name]


def _written(value: Any, kind: Kind) -> Any:
    if isinstance(value, Layer | CaseStatus):
        return value.value
    if isinstance(value, tuple):
        return [_written(item, kind) for item in value]
    if isinstance(value, Check):
        return {"type": value.type, **value.options}
    return value
