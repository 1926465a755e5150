"""Names for plug-ins."""

from __future__ import annotations

import pytest

from loopwright.errors import DuplicateNameError, UsageError
from loopwright.registry import Registry


def test_items_come_back_by_name_in_order() -> None:
    registry: Registry[int] = Registry("detector")
    registry.add("b", 1)
    registry.add("a", 2)
    assert registry.names() == ["b", "a"]
    assert list(registry) == [1, 2]
    assert registry.get("a") == 2
    assert len(registry) == 2
    assert "a" in registry


def test_one_name_is_one_item() -> None:
    registry: Registry[object] = Registry("check")
    first = object()
    registry.add("x", first)
    assert registry.add("x", first) is first
    with pytest.raises(DuplicateNameError, match="two checks are named 'x'"):
        registry.add("x", object())


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    registry: Registry[int] = Registry("check")
    registry.add("contains", 1)
    with pytest.raises(UsageError, match="unknown check 'contain'; did you mean 'contains'"):
        registry.get("contain")
    with pytest.raises(UsageError, match="known: contains"):
        registry.get("zzz")
