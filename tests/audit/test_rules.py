from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.audit.rules import PROTECTED, RULES, Intent, breaches, enforce
from loopwright.errors import BLOCKED, RuleError

PARAMETERS = frozenset({"limit", "exempt"})
SOUND = Intent("propose", change={"limit": 2}, parameters=PARAMETERS)
APPROVAL = replace(SOUND, action="approve", by="Ann", status="verified", verdict="helping")
APPLICATION = replace(
    SOUND,
    action="apply",
    by="Ann",
    status="approved",
    mode="enforce",
    writes=("/shop/harness.toml",),
    protected={"evals": ["/shop/evals"], "policy": ["/shop/loopwright.toml"], "audit": ["/shop/.loopwright/loopwright.db"]},
)
REJECTION = replace(SOUND, action="reject", by="Ann", status="open", why="polling")
ROLLBACK = replace(APPLICATION, action="roll back", status="applied", why="too strict")

TRIED: list[tuple[str, Intent]] = [
    ("leave-evals-alone", replace(SOUND, change={"suite.cases": []})),
    ("leave-evals-alone", replace(SOUND, change={"limit": 2, "evals": "none"})),
    ("leave-evals-alone", replace(APPLICATION, writes=("/shop/evals/harness.toml",))),
    ("leave-policy-alone", replace(SOUND, change={"gate.alpha": 0.5})),
    ("leave-policy-alone", replace(SOUND, change={"gate/alpha": 0.5})),
    ("leave-policy-alone", replace(APPLICATION, writes=("/shop/loopwright.toml",))),
    ("leave-audit-alone", replace(SOUND, change={"Audit": []})),
    ("leave-audit-alone", replace(ROLLBACK, writes=("/shop/.loopwright/loopwright.db",))),
    ("leave-own-check-alone", replace(SOUND, change={"detector": "none"})),
    ("leave-own-check-alone", replace(SOUND, change={"verification": {"verdict": "helping"}})),
    ("own-parameters-only", replace(SOUND, change={"colour": "red"})),
    ("own-parameters-only", replace(SOUND, change={"mode": "enforce"})),
    ("sound-parameters", replace(SOUND, fault="limit is 0; give 1 or more")),
    ("a-person-decides", replace(APPROVAL, by=" ")),
    ("a-person-decides", replace(APPLICATION, by="")),
    ("a-person-decides", replace(ROLLBACK, by="")),
    ("in-order", replace(APPROVAL, status="applied")),
    ("in-order", replace(APPLICATION, status="verified")),
    ("in-order", replace(APPLICATION, status="open", mode="shadow")),
    ("in-order", replace(APPLICATION, status="rejected")),
    ("in-order", replace(REJECTION, status="applied")),
    ("in-order", replace(ROLLBACK, status="approved")),
    ("say-why", replace(REJECTION, why="")),
    ("say-why", replace(ROLLBACK, why=" ")),
    ("verified-first", replace(APPROVAL, verdict=None)),
    ("verified-first", replace(APPROVAL, verdict=None, despite="I know")),
    ("no-harm", replace(APPROVAL, verdict="harmful")),
    ("no-harm", replace(APPROVAL, verdict="harmful", unverified="I know")),
    ("no-harm", replace(APPLICATION, verdict="harmful")),
    ("shown-to-help", replace(APPROVAL, verdict="undecided")),
    ("shown-to-help", replace(APPROVAL, verdict="no_effect", why="I like it")),
    ("known-mode", replace(APPLICATION, mode="off")),
    ("known-mode", replace(APPLICATION, mode="")),
]


@pytest.mark.parametrize(("rule", "intent"), TRIED, ids=lambda v: v if isinstance(v, str) else "")
def test_each_rule_refuses_by_its_name(rule: str, intent: Intent) -> None:
    assert breaches(intent)[0].rule == rule
    with pytest.raises(RuleError, match=f"^refused by the rule {rule}: ") as caught:
        enforce(intent)
    assert (caught.value.rule, caught.value.exit_code) == (rule, BLOCKED)


def test_every_rule_is_tried_and_says_what_it_says() -> None:
    assert {rule.name for rule in RULES} == {name for name, _ in TRIED}
    assert all(rule.says.endswith(".") for rule in RULES)


@pytest.mark.parametrize(
    "intent",
    [
        SOUND,
        APPROVAL,
        replace(APPROVAL, verdict=None, unverified="the agent cannot be run here"),
        replace(APPROVAL, verdict="harmful", despite="success is measured wrongly"),
        replace(APPROVAL, verdict="undecided", despite="in shadow it costs nothing"),
        replace(APPROVAL, status="rejected"),
        APPLICATION,
        replace(APPLICATION, status="applied", mode="shadow"),
        REJECTION,
        ROLLBACK,
    ],
)
def test_what_is_in_order_passes(intent: Intent) -> None:
    enforce(intent)


def test_a_parameter_may_bear_a_protected_word_where_the_guard_has_it() -> None:
    enforce(Intent("propose", change={"replay": 1}, parameters=frozenset({"replay"})))


def test_a_neighbour_of_a_protected_folder_is_none() -> None:
    enforce(replace(APPLICATION, writes=("/shop/evals-harness.toml",)))


@given(st.dictionaries(st.sampled_from([*PARAMETERS, *sorted(set().union(*PROTECTED.values()))]) | st.text(), st.integers()))
def test_no_change_beyond_the_guards_own_parameters_passes(change: dict[str, Any]) -> None:
    assert bool(breaches(replace(SOUND, change=change))) == (not set(change) <= PARAMETERS)


def test_the_how_to_lists_every_rule_in_its_words() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "improve-the-harness.md"
    text = page.read_text(encoding="utf-8")
    assert [f"| `{rule.name}` | {rule.says} |" for rule in RULES if f"| `{rule.name}` | {rule.says} |" not in text] == []
