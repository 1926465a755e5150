from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from builders import case
from loopwright.errors import SuiteError
from loopwright.evaluate.case import CaseStatus, Check, EvalCase, Layer
from loopwright.evaluate.checks import CHECKS
from loopwright.evaluate.suite import CASE_FIELDS, combine, json_schema, parse, schema_text
from loopwright.evaluate.writing import render

LEAST = """\
cases:
  - id: greets
    input: hello
    checks: [{type: contains, value: hello}]
"""
EVERYTHING = """\
cases:
  - id: refund-outside-window
    layer: behavioral
    input:
      - {role: user, content: I want my money back.}
      - role: assistant
        content: null
        tool_calls: [{id: c1, type: function, function: {name: get_order, arguments: '{"order": 17}'}}]
      - {role: tool, tool_call_id: c1, content: delivered last year}
    expected_behaviour: Says that the refund window has passed.
    failure_indicator: Refunds.
    scoring_rubric: [says why, offers an agent]
    tags: [refunds]
    severity: 4
    trials: 3
    timeout_s: 2.5
    deterministic: false
    mode_id: mode-1
    source_trace_ids: [t1, t2]
    fails_on_source: true
    not_admitted: its checks fail in sound conversations too
    status: draft
    approved_by: Ada
    checks:
      - {type: tool_not_called, name: refund, arguments: {order: 17}}
      - {type: numeric, expected: 3, abs: 0.5, which: any}
      - {type: exact_calls, calls: [{name: refund, arguments: {order: 17}}], tools: [refund, cancel]}
"""


def in_case(lines: str) -> str:
    return "cases:\n  - id: a\n    input: hello\n" + "".join(f"    {line}\n" for line in lines.splitlines())


def test_the_least_case() -> None:
    (found,) = parse(LEAST, "evals/a.yaml")

    assert found == EvalCase("greets", "hello", checks=(Check("contains", {"value": "hello"}),), file="evals/a.yaml", line=2)


def test_every_field_is_read_and_written() -> None:
    (found,) = parse(EVERYTHING, "a.yaml")

    assert found.layer is Layer.BEHAVIORAL
    assert found.status is CaseStatus.DRAFT
    assert found.scoring_rubric == ("says why", "offers an agent")
    assert found.fails_on_source is True
    assert found.checks[0].options == {"name": "refund", "arguments": {"order": 17}}
    assert found.timeout_s == 2.5
    assert parse(render([found]), "a.yaml") == (replace(found, line=2),)
    assert {f.name for f in CASE_FIELDS} == set(yaml.safe_load(EVERYTHING)["cases"][0])


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 0, "holds nothing; begin with `cases:`"),
        ("- id: a\n", 1, "a suite file is a mapping"),
        ("case: []\n", 1, "unknown field 'case'; did you mean 'cases'?"),
        ("cases: none\n", 1, 'cases is "none"; give a list'),
        ("cases:\n  - hello\n", 2, "give a mapping with id, input"),
        ("cases:\n  - input: x\n", 2, r"cases\[0\] has no id; add `id:`"),
        ("cases:\n  - id: 17\n", 2, "id is 17; give a name on one line; put it in quotes"),
        ("cases:\n  - id: a\n", 2, "case a has no input"),
        (in_case(""), 2, "case a checks nothing; add `checks:`"),
        (in_case("scoring_rubric: [kind]"), 2, "`layer: semantic`"),
        (in_case("checks: []"), 2, "checks nothing"),
        (in_case("chekcs: []"), 4, "unknown field 'chekcs'; did you mean 'checks'"),
        (in_case("layer: deterministc"), 4, "layer is \"deterministc\"; did you mean 'deterministic'"),
        (in_case("severity: 9"), 4, "severity is 9; give a whole number from 1 to 5"),
        (in_case("severity: true"), 4, "severity is true; give a whole number"),
        (in_case("trials: 0"), 4, "trials is 0"),
        (in_case("timeout_s: 0"), 4, "give a number above 0"),
        (in_case("deterministic: 1"), 4, "give true or false"),
        (in_case("tags: refunds"), 4, r"such as \[refunds\]"),
        (in_case("tags: [2024]"), 4, r"tags\[0\] is 2024; give text; put it in quotes"),
        (in_case("expected_behaviour:"), 4, "expected_behaviour is empty"),
        (in_case("checks: [{type: contain, value: x}]"), 4, "unknown check 'contain'; did you mean 'contains'"),
        (in_case("checks: [{value: x}]"), 4, r"checks\[0\] has no type"),
        (in_case("checks: [{type: contains}]"), 4, "has no value"),
        (in_case("checks: [{type: contains, value: x, ignorecase: true}]"), 4, "did you mean 'ignore_case'"),
        (in_case("checks: [{type: regex, pattern: '('}]"), 4, "not a regular expression"),
        (in_case("checks: [{type: json_path, path: a.b, equals: 1}]"), 4, "give a JSON path"),
        (in_case("checks: [{type: json_path, path: $.a}]"), 4, "give one of equals, pattern, exists"),
        (in_case("checks: [{type: tool_called, name: x, count: 1, max: 2}]"), 4, "give count alone"),
        (in_case("checks: [{type: tool_called, name: x, min: 3, max: 2}]"), 4, "min 3 above max 2"),
        ("cases:\n  - id: a\n    input: []\n", 3, "input is"),
        ("cases:\n  - id: a\n    input: [{role: usr, content: x}]\n", 3, "role is"),
        ("cases:\n  - id: a\n    input: [{role: assistant, tool_calls: [{}]}]\n", 3, "names no function"),
        ("cases:\n  - id: a\n    input: {question: x}\n", 3, "give text, or a list of messages"),
        ("cases:\n  - id: a\n    input: '  '\n", 3, "give text"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_value_and_cure(text: str, line: int, said: str) -> None:
    with pytest.raises(SuiteError, match=said) as caught:
        parse(text, "evals/a.yaml")
    assert (caught.value.source, caught.value.line) == ("evals/a.yaml", line)
    assert "\n" not in str(caught.value)


def test_a_rubric_is_enough_where_a_judge_decides() -> None:
    (found,) = parse(in_case("layer: semantic\nscoring_rubric: [kind]"), "a.yaml")
    assert found.checks == ()


def test_an_id_stands_once_and_both_places_are_named() -> None:
    one, other = parse(LEAST, "a.yaml"), parse("# more\n" + LEAST, "b.yaml")

    with pytest.raises(
        SuiteError, match=r"^b.yaml:3: case id 'greets' stands already at a.yaml:2; give one of the two another id$"
    ):
        combine([one, other])


def test_drafts_count_only_when_asked_for_and_give_way_to_the_approved_case() -> None:
    approved = case("a")
    drafts = [case("a", status=CaseStatus.DRAFT), case("b", status=CaseStatus.DRAFT), case("c", status=CaseStatus.REJECTED)]

    assert [c.id for c in combine([drafts, [approved]]).cases] == ["a"]
    assert [(c.id, c.status.value) for c in combine([drafts, [approved]], drafts=True).cases] == [
        ("b", "draft"),
        ("a", "approved"),
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
SPOKEN = TEXT.filter(str.strip) | st.sampled_from(
    ["no", "~", "0o17", "1e5", "2024-01-01", "a: b", "- x", "# c", "|\n x", " lead\n", "\n\nx"]
)
NAME = st.from_regex(r"[a-z][a-z0-9 _.-]{0,10}[a-z0-9]", fullmatch=True) | st.sampled_from(
    ["1e5", "no", "0x1F", "null", "a: b", "#1"]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
CHECK = st.one_of(
    st.builds(lambda v, i: Check("contains", {"value": v, "ignore_case": i}), SPOKEN, st.booleans()),
    st.builds(lambda v: Check("json_path", {"path": "$.a[0]", "equals": v}), ANY),
    st.builds(lambda n, a: Check("tool_called", {"name": n, "arguments": a}), SPOKEN, st.dictionaries(TEXT, ANY, max_size=2)),
    st.builds(lambda e, t: Check("numeric", {"expected": e, "abs": t}), st.integers(), st.floats(0, 1e6)),
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXT}), min_size=1, max_size=3
)
CASES = st.builds(
    EvalCase,
    id=NAME,
    input=SPOKEN | MESSAGES,
    expected_behaviour=SPOKEN,
    failure_indicator=SPOKEN,
    scoring_rubric=st.lists(SPOKEN, max_size=3).map(tuple),
    tags=st.lists(SPOKEN, max_size=3).map(tuple),
    severity=st.integers(1, 5),
    layer=st.sampled_from(Layer),
    checks=st.lists(CHECK, min_size=1, max_size=2).map(tuple),
    trials=st.none() | st.integers(1, 1000),
    deterministic=st.none() | st.booleans(),
    timeout_s=st.none() | st.floats(0.001, 1e6),
    mode_id=st.none() | SPOKEN,
    source_trace_ids=st.lists(SPOKEN, max_size=2).map(tuple),
    fails_on_source=st.none() | st.booleans(),
    not_admitted=SPOKEN | st.just(""),
    status=st.sampled_from(CaseStatus),
    approved_by=st.none() | SPOKEN,
)


@given(st.lists(CASES, max_size=2))
@settings(max_examples=150)
def test_what_is_written_is_read_back_to_the_same(cases: list[EvalCase]) -> None:
    text = render(cases)
    assert [replace(c, file="", line=0) for c in parse(text, "a.yaml")] == cases
    Draft202012Validator(json_schema()).validate({"cases": [json.loads(json.dumps(c.plain())) for c in listed(text)]})


def listed(text: str) -> list[Any]:
    from loopwright.evaluate.document import document

    root = document(text, "a.yaml")
    assert root is not None
    return list(root.value["cases"].value)


VALUE = st.sampled_from(
    [
        "x", "", " ", 0, 1, 3, 6, 2.5, 3.0, -1, True, None, [], ["x"], [1], {}, {"a": 1}, "deterministic", "semantic", "draft",
        "$.a", "$.a[", "a" * 201, "two\nlines", [{"role": "user", "content": "x"}], [{"role": "usr"}],
        [{"type": "contains", "value": "x"}], [{"type": "contains"}], [{"type": "exact_calls", "calls": []}],
        [{"type": "not_exact_calls", "calls": [], "tools": ["a"]}], [{"type": "exact_calls", "calls": [{"name": "a"}]}],
        [{"type": "nope"}], [{"type": "json_valid"}],
        [{"type": "json_path", "path": "$.a", "exists": True}],
        [{"type": "json_path", "path": "$.a", "exists": True, "equals": 1}],
        [{"type": "tool_called", "name": "t", "count": -1}], [{"type": "numeric", "expected": 1, "abs": -1}],
        [{"type": "numeric", "expected": 1, "which": "any"}], [{"type": "no_signal", "detector": "tool_error"}],
    ]
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*(f.name for f in CASE_FIELDS), "chekcs"]), VALUE, max_size=6), st.booleans())
@settings(max_examples=400)
def test_the_schema_and_the_parser_agree(fields: dict[str, Any], sound: bool) -> None:
    base = {"id": "a", "input": "hello", "checks": [{"type": "contains", "value": "x"}]} if sound else {}
    given_ = {"cases": [{**base, **fields}]}

    valid = Draft202012Validator(json_schema()).is_valid(given_)
    try:
        parse(json.dumps(given_), "a.yaml")
    except SuiteError as error:
        assert not valid, str(error)
    else:
        assert valid


def test_the_schema_is_a_schema_and_the_shipped_file_is_up_to_date() -> None:
    Draft202012Validator.check_schema(json_schema())
    for text in (LEAST, EVERYTHING):
        Draft202012Validator(json_schema()).validate(yaml.safe_load(text))

    shipped = Path(__file__).parents[2] / "docs" / "reference" / "suite.schema.json"
    assert shipped.read_text(encoding="utf-8") == schema_text()


def test_every_check_and_field_has_its_place_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "suite-format.md").read_text(encoding="utf-8")

    assert [name for name in CHECKS.names() if f"\n### `{name}`\n" not in page] == []
    assert [f.name for f in CASE_FIELDS if f"| `{f.name}` |" not in page] == []
    for kind in CHECKS:
        section = page.split(f"\n### `{kind.name}`\n")[1].split("\n### ")[0]
        assert [f.name for f in kind.options if f"`{f.name}`" not in section] == []


def test_the_examples_in_the_documentation_are_suites() -> None:
    docs = Path(__file__).parents[2] / "docs"
    blocks = [
        block.split("```")[0]
        for page in ("how-to/write-cases.md", "reference/suite-format.md")
        for block in (docs / page).read_text(encoding="utf-8").split("```yaml\n")[1:]
    ]

    assert len(blocks) >= len(CHECKS)
    for block in blocks:
        assert parse(block if block.startswith(("cases:", "# yaml")) else in_case("checks:\n" + block), "docs")
