from __future__ import annotations

import pytest

from loopwright.collect.dialects.verdicts import verdict


@pytest.mark.parametrize(
    ("name", "score", "bad"),
    [
        ("is_correct", True, False),
        ("is_correct", False, True),
        ("answerRelevance", False, True),
        ("Hallucination", True, True),
        ("contains hallucination", False, False),
        ("PII-leak", True, True),
        ("is_refund_request", True, None),
        ("not_helpful", True, None),
        ("correct_or_wrong", True, None),
        ("correctness", 1, None),
        ("correctness", 0.0, None),
        ("", True, None),
    ],
)
def test_yes_or_no_is_bad_where_the_name_says_which(name, score, bad):
    found = verdict({"name": name, "score": score})
    assert found is not None
    assert (found.kind, found.value, found.negative) == ("evaluation", score, bad)


@pytest.mark.parametrize(
    ("label", "bad"), [("pass", False), ("Incorrect", True), ("factual", False), ("hallucinated", True), ("billing", None)]
)
def test_a_label_tells_by_itself(label, bad):
    found = verdict({"name": "hallucination", "label": label, "score": 1.0})
    assert found is not None
    assert (found.value, found.negative) == (label, bad)
