"""The policy as a decision keeps it: what changed, what is more lenient, what changed together with the agent."""

from __future__ import annotations

import pytest

from loopwright.gate.policy import Policy
from loopwright.gate.policy_change import (
    Touched,
    differences,
    more_lenient,
    policy_of,
    policy_record,
    told_differences,
    told_touched,
)


def test_a_policy_is_what_its_record_says() -> None:
    policy = Policy(alpha=0.01, sealed_gap="block", window=3)
    assert policy_of(policy_record(policy)) == policy
    assert policy_of({"alpha": 0.1, "given_up_since": 1}) == Policy(alpha=0.1)


def test_what_changed_is_told_and_a_field_that_one_lacks_says_nothing() -> None:
    found = differences({**policy_record(Policy()), "old": 1}, {**policy_record(Policy(alpha=0.2, min_cases=9)), "new": 2})
    assert told_differences(found) == "alpha from 0.05 to 0.2, min_cases from 5 to 9"


@pytest.mark.parametrize(
    ("used", "looser"),
    [
        (Policy(alpha=0.01), ["alpha"]),
        (Policy(alpha=0.2), []),
        (Policy(min_cases=1), ["min_cases"]),
        (Policy(max_missing=0.5, max_errors=0.5), ["max_missing", "max_errors"]),
        (Policy(max_missing=0, max_errors=0, sealed_gap="block", window=3), []),
        (Policy(sealed_gap="off"), ["sealed_gap"]),
    ],
)
def test_more_lenient_is_what_lets_more_through(used: Policy, looser: list[str]) -> None:
    assert list(more_lenient(Policy(), used)) == looser


def test_policy_and_suite_are_pointed_out_where_the_agent_changed_too() -> None:
    both = Touched(("loopwright.toml",), ("evals/a.yaml", "evals/b.yaml", "evals/c.yaml"), ("agent.py",))
    told = told_touched(both, "the baseline's commit abc")
    assert told.startswith("the policy (loopwright.toml) and the suite (evals/a.yaml, evals/b.yaml and 1 more) changed since")
    assert "1 other file (agent.py)" in told
    assert told_touched(Touched(suite=("evals/a.yaml",)), "x") == ""
    assert told_touched(Touched(others=("agent.py",)), "x") == ""
