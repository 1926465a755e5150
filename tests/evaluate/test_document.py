from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.errors import SuiteError
from loopwright.evaluate.document import MAX_DEPTH, document


def plain(text: str) -> object:
    root = document(text, "suite.yaml")
    return None if root is None else root.plain()


def test_scalars_are_read_by_the_core_schema_of_yaml_1_2() -> None:
    text = "[no, yes, on, 2024-01-01, 1:30, 012, 0o12, 0xff, 1e3, .5, null, ~, true, False, '17', .inf, .nan]"

    assert plain(text) == [
        "no", "yes", "on", "2024-01-01", "1:30", 12, 10, 255, 1000.0, 0.5, None, None, True, False, "17", ".inf", ".nan",
    ]  # fmt: skip


def test_a_value_knows_the_line_of_its_key() -> None:
    root = document("a: 1\nb:\n  - x\n  - c: |\n      long\n      text\n    d: 2\n", "suite.yaml")

    assert root is not None
    assert root.value["b"].line == 2
    assert root.value["b"].value[1].value["d"].line == 7


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_holds_no_value(text: str) -> None:
    assert plain(text) is None


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\na: 2\n", 2, "stands twice"),
        ("a: &x 1\nb: *x\n", 1, "anchor or alias"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n", 1, "anchor or alias"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "YAML tag"),
        ("a: !custom 1\n", 1, "YAML tag"),
        ("a: 1\n---\nb: 2\n", 2, "second YAML document"),
        ("? [1, 2]\n: x\n", 1, "not plain text"),
        ("a: [1\n", 2, "not valid YAML"),
        ("a: 'open\n", 2, "not valid YAML"),
        ("ok: 1\na: \x07\n", 2, "control characters"),
        ("a: 1e999\n", 1, "too large"),
        ("a: " + "9" * 5000, 1, "5000 digits"),
        ("a: " + "[" * 100_000, 1, "levels deep"),
        ("a: " + "[" * 80 + "]" * 80, 1, "levels deep"),
        ("".join(" " * depth + "a:\n" for depth in range(3000)), 66, "levels deep"),
        ("\t- a", 1, "not valid YAML"),
    ],
)
def test_what_is_refused_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(SuiteError, match=said) as caught:
        document(text, "suite.yaml")
    assert (caught.value.source, caught.value.line) == ("suite.yaml", line)
    assert "\n" not in str(caught.value)


def test_depth_up_to_the_limit_is_fine() -> None:
    assert plain("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None


@given(st.text(max_size=60))
def test_any_text_is_a_value_or_a_suite_error(text: str) -> None:
    try:
        plain(text)
    except SuiteError as error:
        assert error.source == "suite.yaml"


@pytest.mark.parametrize(
    "text", ["cases:\n\t- id: a\n", "cases:\n  - id: a\n\t  input: b\n", "cases:\n  -\tid: a\n  \tinput: b\n"]
)
def test_a_tab_in_the_indentation_is_called_one(text: str) -> None:
    with pytest.raises(SuiteError, match=r"suite.yaml:\d: .* a tab stands in the indentation; indent with spaces"):
        document(text, "suite.yaml")


def test_a_tab_elsewhere_is_not_blamed() -> None:
    assert plain("a: 'x\ty'\n") == {"a": "x\ty"}
    with pytest.raises(SuiteError, match="is not valid YAML: (?!a tab)"):
        document("a: [1,\t2\nb: 3\n", "suite.yaml")
