"""Hypothesis strategies for the vocabulary, derived from its type hints: a field that is added is tested at once."""

from __future__ import annotations

import dataclasses
import types
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from loopwright.gate.decision import GateDecision, Outcome

texts = st.text(st.characters(codec=None), max_size=12)  # lone surrogates and NUL among them
times = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(fold=0))
numbers = st.integers() | st.integers(-(2**63), 2**64) | st.integers(2**64, 2**90)
scalars = st.none() | st.booleans() | numbers | st.floats() | texts
plain_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from(["$", "$map", "v"]), inner, max_size=3),
    max_leaves=8,
)
values = st.recursive(
    scalars | times | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(texts | st.integers() | st.sampled_from(["$", "v"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def record(kind: Any, **narrowed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any record of this type; `narrowed` replaces the strategies of some of its fields."""
    hints = get_type_hints(kind)
    fields = {f.name: _of(hints[f.name]) for f in dataclasses.fields(kind)} | narrowed
    if kind is GateDecision:
        del fields["approved"], fields["decision"]
        return st.tuples(st.sampled_from(Outcome), st.fixed_dictionaries(fields)).map(_decision)
    return st.builds(kind, **fields)


def _decision(drawn: tuple[Outcome, dict[str, Any]]) -> GateDecision:
    outcome, fields = drawn
    return GateDecision(approved=outcome is Outcome.APPROVED, decision=outcome, **fields)


_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(-(2**62), 2**62),
    float: st.floats(),
    bool: st.booleans(),
    datetime: times,
    type(None): st.none(),
    Any: values,
}


def _of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type hint."""
    if hint in _LEAVES:
        return _LEAVES[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, types.UnionType):
        return st.one_of([_of(a) for a in args])
    if origin in (tuple, list, dict):
        return _of_many(origin, args)
    return st.sampled_from(hint) if issubclass(hint, Enum) else record(hint)


def _of_many(origin: Any, args: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is dict:
        return st.dictionaries(_of(args[0]), _of(args[1]), max_size=2)
    if origin is tuple and args[-1] is not Ellipsis:
        return st.tuples(*(_of(a) for a in args))
    return st.lists(_of(args[0]), max_size=2).map(origin)
