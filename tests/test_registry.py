"""Names for plug-ins."""

from __future__ import annotations

import pytest

from loopwright.errors import DuplicateNameError, UsageError
from loopwright.registry import Registry, known_id


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


def test_an_id_is_known_by_its_beginning() -> None:
    ids = ["mode-12ab", "mode-12cd", "mode-9f", "mode-9"]
    assert known_id("failure mode", "mode-12ab", ids, "mode-") == "mode-12ab"
    assert known_id("failure mode", "mode-12c", ids, "mode-") == "mode-12cd"
    assert known_id("failure mode", "12a", ids, "mode-") == "mode-12ab"
    assert known_id("failure mode", "mode-9", ids, "mode-") == "mode-9"
    with pytest.raises(UsageError, match=r"failure mode '12' is ambiguous: 2 ids begin so \(mode-12ab, mode-12cd\)"):
        known_id("failure mode", "12", ids, "mode-")
    with pytest.raises(UsageError, match="did you mean 'mode-12ab'"):
        known_id("failure mode", "mode-12ax", ids, "mode-")
    with pytest.raises(UsageError, match="unknown failure mode ''"):
        known_id("failure mode", "", ids, "mode-")
    with pytest.raises(UsageError, match="there are none"):
        known_id("failure mode", "x", [])
