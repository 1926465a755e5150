from __future__ import annotations

import pytest

from builders import assistant, trace, user
from loopwright.watch.labelling import labels_of, to_label


def test_a_sample_is_even_and_its_labels_are_counted() -> None:
    records = to_label([trace(user(f"q{i}"), assistant("a"), id=f"t{i}") for i in range(100)], 4)
    assert [record["id"] for record in records] == ["t0", "t25", "t50", "t75"]
    assert records[0]["messages"] == [{"role": "user", "content": "q0"}, {"role": "assistant", "content": "a"}]
    for number, record in enumerate(records):
        record["metadata"]["label"] = "refund" if number else " baggage "
    assert labels_of(records) == {"baggage": 1, "refund": 3}


def test_a_record_without_a_label_is_named() -> None:
    with pytest.raises(ValueError, match="'t1' has no metadata.label"):
        labels_of([{"id": "t1", "metadata": {"label": " "}}])
