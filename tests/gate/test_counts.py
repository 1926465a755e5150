from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import result
from loopwright.gate.counts import count_groups, counted_cases
from loopwright.gate.decide import decide
from loopwright.gate.tally import tally

ROWS = st.builds(
    result,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([True, False, None]),
    st.integers(0, 3),
    mode_id=st.sampled_from([None, "m"]),
    repeat=st.booleans(),
    deterministic=st.sampled_from([None, True]),
    run_id=st.sampled_from(["r", "s"]),
)


@settings(derandomize=True, max_examples=100)
@given(st.lists(ROWS, max_size=12), st.lists(ROWS, max_size=12), st.sets(st.sampled_from("abc")))
def test_the_counts_come_back_as_they_were(before: list, after: list, quarantined: set[str]) -> None:
    cases = tally(before, after, quarantined).cases
    groups = json.loads(json.dumps(count_groups(cases)))
    assert counted_cases(groups, quarantined) == list(cases)


def test_a_large_suite_whose_cases_are_alike_takes_little_room() -> None:
    rows = [result(f"case-{i}", True, t) for i in range(500) for t in range(2)]
    decision = decide(rows, rows)
    (group,) = decision.statistics["counts"]
    assert group["before"] == group["after"] | {"runs": 1} == {"passes": 2, "trials": 2, "runs": 1}
    assert len(group["eval_ids"]) == 500
