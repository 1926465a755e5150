from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.adapters.importers import envelopes
from loopwright.adapters.importers.envelopes import Cutting
from loopwright.adapters.importers.sources import BrokenSourceError
from loopwright.adapters.importers.splitting import pieces

TEXT = st.text(alphabet='ab{}[]",:\\\n é', max_size=8)
VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | TEXT, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXT, v, max_size=3), max_leaves=6
)
ELEMENTS = st.lists(st.dictionaries(TEXT, VALUES, max_size=3), max_size=6)
REST = st.dictionaries(TEXT.filter(lambda name: name not in ("data", "spans")), VALUES, max_size=3)


def cut(text: bytes, size: int) -> list[dict]:
    cutting, found = Cutting(), []
    for start in range(0, len(text), size):
        found += cutting.feed(text[start : start + size])
    assert cutting.ended
    return [json.loads(one.data) for one in found]


@settings(max_examples=200, deadline=None)
@given(before=REST, elements=ELEMENTS, size=st.integers(1, 40), indent=st.sampled_from([None, 1]))
def test_every_element_comes_once_with_what_stands_before(
    before,
    elements,
    size,
    indent,
):
    text = json.dumps({**before, "data": elements}, indent=indent).encode()
    found = cut(text, size)
    assert [item for one in found for item in one["data"]] == elements
    assert all({name: value for name, value in one.items() if name != "data"} == before for one in found)


@settings(max_examples=100, deadline=None)
@given(groups=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3), min_size=1, max_size=3), size=st.integers(1, 60))
def test_spans_come_with_their_own_resource_and_scope(groups, size):
    number = iter(range(1000))
    whole = {
        "resourceSpans": [
            {
                "resource": {"attributes": [], "n": place},
                "scopeSpans": [
                    {"scope": {"name": f"{place}-{inner}"}, "spans": [{"id": next(number)} for _ in range(count)]}
                    for inner, count in enumerate(counts)
                ],
            }
            for place, counts in enumerate(groups)
        ]
    }  # fmt: skip
    expected = [
        (g["resource"]["n"], s["scope"]["name"], one["id"])
        for g in whole["resourceSpans"]
        for s in g["scopeSpans"]
        for one in s["spans"]
    ]
    found = [
        (g["resource"]["n"], s["scope"]["name"], one["id"])
        for envelope in cut(json.dumps(whole).encode(), size)
        for g in envelope["resourceSpans"]
        for s in g["scopeSpans"]
        for one in s["spans"]
    ]
    assert found == expected


def test_elements_are_handed_out_before_the_end_and_what_comes_behind_is_too(monkeypatch):
    monkeypatch.setattr(envelopes, "BATCH", 10)
    found = cut(b'{"trace": 1, "observations": [{"a": 1}, {"a": 2}, {"a": 3}], "late": 2}', 1000)
    assert found == [
        {"trace": 1, "observations": [{"a": 1}, {"a": 2}]},
        {"trace": 1, "observations": [{"a": 3}]},
        {"trace": 1, "observations": [], "late": 2},
    ]


def test_a_resource_behind_its_spans_is_an_error():
    with pytest.raises(BrokenSourceError, match="a resource stands behind"):
        cut(b'{"resourceSpans": [{"scopeSpans": [{"spans": [{}]}], "resource": {}}]}', 7)


@pytest.mark.parametrize("text", [b'{"data": [1}', b'{"data": [{"a": 1]}', b'{"a": [}'])
def test_brackets_that_do_not_match_are_an_error(text):
    with pytest.raises(BrokenSourceError, match="malformed JSON"):
        cut(text + b" " * 10, 4)


def test_a_large_object_is_cut_and_a_large_line_is_passed_over():
    large = json.dumps({"data": [{"n": n, "x": "y" * 100} for n in range(50)]}).encode()
    found = list(pieces([large, b"\n", b'{"id": 1}\n'], 1000, cuts=True))
    assert [item["n"] for one in found if one.partial for item in json.loads(one.data)["data"]] == list(range(50))
    assert json.loads(found[-1].data) == {"id": 1}
    plain = json.dumps({"text": "y" * 5000}).encode()
    found = list(pieces([plain, b'\n{"id": 1}\n'], 1000, cuts=True))
    assert [(one.line, one.data) for one in found] == [(1, None), (2, b'{"id": 1}')]


def test_a_large_object_that_breaks_off_gives_what_came_and_an_error():
    large = json.dumps({"data": [{"n": n, "x": "y" * 100} for n in range(5000)]}).encode()
    found = []
    with pytest.raises(BrokenSourceError, match="not closed"):
        found.extend(one for piece in pieces([large[:400_000]], 1000, cuts=True) for one in json.loads(piece.data)["data"])
    assert [item["n"] for item in found] == list(range(len(found)))
    assert len(found) > 1000
