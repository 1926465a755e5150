from __future__ import annotations

import pytest

from loopwright.guards.scope_permissions import ScopePermissions
from shown_guard import Shown

DENIED = "Error: permission denied"


def test_what_has_to_come_first_is_said() -> None:
    session = Shown(ScopePermissions(requires={"refund": ("verify_identity", "get_order")}))
    session.both("get_order", "{}")
    assert (
        session.call("refund").reason
        == "not run by the harness: refund is permitted only after verify_identity succeeded: call that first"
    )
    session.both("verify_identity", "ok")
    assert session.call("refund").action == "allow"


def test_a_precondition_that_failed_is_none() -> None:
    session = Shown(ScopePermissions(requires={"refund": ("verify_identity",)}))
    session.both("verify_identity", "Error: wrong birthday")
    assert session.call("refund").action == "block"


def test_what_is_never_permitted_is_stopped() -> None:
    assert Shown(ScopePermissions(denied=("drop_table",))).call("drop_table").action == "block"


def test_a_denied_call_is_not_hammered() -> None:
    session = Shown(ScopePermissions(denials=2))
    session.both("refund", DENIED, {"id": 1})
    assert session.call("refund", {"id": 1}).action == "block"
    assert session.both("refund", DENIED, {"id": 2}).action == "allow"
    assert session.call("refund", {"id": 3}).action == "block"


def test_what_it_requires_lifts_the_denial() -> None:
    session = Shown(ScopePermissions(requires={"refund": ("login",)}, denials=1))
    session.both("login", "ok")
    session.both("refund", DENIED)
    session.both("search", "found")
    assert session.call("refund").action == "block"
    session.both("login", "ok")
    assert session.call("refund").action == "allow"


def test_without_requirements_something_new_that_works_lifts_it() -> None:
    session = Shown(ScopePermissions(denials=1))
    session.both("search", "found")
    session.both("refund", DENIED)
    session.both("search", "found")
    assert session.call("refund").action == "block"
    session.both("login", "ok")
    assert session.call("refund").action == "allow"


def test_other_errors_are_not_its_matter() -> None:
    session = Shown(ScopePermissions(denials=1))
    session.both("refund", None, error="timeout")
    assert session.call("refund").action == "allow"


def test_no_denials_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="give 1 or more"):
        ScopePermissions(denials=0)
