"""The policy as a record: what a decision was made by, what changed in it since, and what is more lenient than the file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from loopwright.gate.policy import Policy
from loopwright.wording import counted

Differences = dict[str, tuple[Any, Any]]
"""Fields of a policy by name, with their values before and after."""

_LOOSER_WHEN_LOWER = frozenset({"alpha", "min_cases"})
_LOOSER_WHEN_HIGHER = frozenset({"max_missing", "max_errors"})
_MARGINS = frozenset({"cost_margin", "latency_margin", "tokens_margin"})
_STRICTNESS = {"off": 0, "warn": 1, "block": 2}


@dataclass(frozen=True, slots=True)
class Touched:
    """The files that changed since a commit: those of the policy, of the suite, and all others, as paths in the repository."""

    policy: tuple[str, ...] = ()
    suite: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def policy_record(policy: Policy) -> dict[str, Any]:
    """Every field of the policy, as a decision keeps it."""
    return asdict(policy) | {"zero_tolerance": list(policy.zero_tolerance)}


def policy_of(record: Mapping[str, Any]) -> Policy:
    """The policy that a decision kept, as far as fields of that name still are; the others at their defaults."""
    known = {f.name: record[f.name] for f in fields(Policy) if f.name in record}
    return Policy(**known | ({"zero_tolerance": tuple(known["zero_tolerance"])} if "zero_tolerance" in known else {}))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Differences:
    """What differs between two recorded policies, in the order of the fields; a field that one of them lacks says nothing."""
    return {name: (before[name], after[name]) for name in before if name in after and before[name] != after[name]}


def more_lenient(file: Policy, used: Policy) -> Differences:
    """Where the policy that is used lets more through than the one in the file. A lower alpha does: less of a fall is a block."""
    found = differences(policy_record(file), policy_record(used))
    return {name: values for name, values in found.items() if _is_looser(name, *values)}


def told_differences(found: Mapping[str, tuple[Any, Any]]) -> str:
    """The differences in words, such as `alpha from 0.05 to 0.2`."""
    return ", ".join(f"{name} from {_shown(before)} to {_shown(after)}" for name, (before, after) in found.items())


def told_touched(touched: Touched, since: str) -> str:
    """What to look at where policy or suite changed together with anything else since a commit; empty where they did not."""
    judges = [(name, files) for name, files in (("the policy", touched.policy), ("the suite", touched.suite)) if files]
    if not judges or not touched.others:
        return ""
    what = " and ".join(f"{name} ({_few(files)})" for name, files in judges)
    rest = counted(len(touched.others), "other file")
    return f"{what} changed since {since} together with {rest} ({_few(touched.others)}): see that one does not excuse the other"


def _is_looser(name: str, before: Any, after: Any) -> bool:
    if name in _LOOSER_WHEN_LOWER:
        return bool(after < before)
    if name in _LOOSER_WHEN_HIGHER:
        return bool(after > before)
    if name in _MARGINS:
        return bool(before > 0 and (after == 0 or after > before))
    if name == "zero_tolerance":
        return not set(before) <= set(after)
    return before in _STRICTNESS and after in _STRICTNESS and _STRICTNESS[after] < _STRICTNESS[before]


def _few(files: Sequence[str]) -> str:
    return ", ".join(files[:2]) + (f" and {len(files) - 2} more" if len(files) > 2 else "")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return f"{value:g}" if isinstance(value, float) else str(value)
