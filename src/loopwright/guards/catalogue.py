"""The six guards by name, and how one is built from the parameters that `harness.toml` or a proposal gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from loopwright.errors import SettingError
from loopwright.guards.check_consistency import CheckConsistency
from loopwright.guards.deduplicate_calls import DeduplicateCalls
from loopwright.guards.guard import MODES, Guard
from loopwright.guards.pin_instructions import PinInstructions
from loopwright.guards.retry_budget import RetryBudget
from loopwright.guards.scope_permissions import ScopePermissions
from loopwright.guards.validate_tool_names import ValidateToolNames

GUARDS: Mapping[str, Callable[..., Guard[Any]]] = MappingProxyType(
    {
        "pin_instructions": PinInstructions,
        "validate_tool_names": ValidateToolNames,
        "scope_permissions": ScopePermissions,
        "retry_budget": RetryBudget,
        "deduplicate_calls": DeduplicateCalls,
        "check_consistency": CheckConsistency,
    }
)
"""Every guard, in the order in which a harness asks them: what may not run at all is stopped before what was run already is
looked up, and the one that waits for results comes last, so that it is not shown calls that others stopped."""


def build(name: str, parameters: Mapping[str, Any] | None = None, mode: str = "shadow", source: str = "") -> Guard[Any]:
    """The guard of that name.

    Raises `SettingError` naming the guard, the key, the value and the cure, for a name, key, mode or value that cannot be taken;
    `source` is the file that it says they stand in.
    """
    if name not in GUARDS:
        raise SettingError(f"unknown guard {name!r}", source=source, cure=_among(name, GUARDS))
    if mode not in MODES:
        raise SettingError(f"guards.{name}.mode is {mode!r}", source=source, cure="give off, shadow or enforce")
    known = {f.name: f for f in fields(GUARDS[name]) if f.name != "mode"}  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    for key, value in (parameters or {}).items():
        if key not in known:
            raise SettingError(f"unknown key guards.{name}.{key}", source=source, cure=_among(key, known))
        take, form = _FORMS[str(known[key].type)]
        if (taken := take(value)) is None:
            raise SettingError(f"guards.{name}.{key} is {value!r}", source=source, cure=f"give {form}")
        given[key] = taken
    try:
        return GUARDS[name](mode=mode, **given)
    except ValueError as error:
        problem, _, cure = str(error).partition("; ")
        raise SettingError(f"guards.{name}.{problem}", source=source, cure=cure) from None


def parameters(guard: Guard[Any]) -> dict[str, Any]:
    """The parameters of a guard that are not its defaults, as plain values: what `build` makes it from."""
    rows: tuple[Field[Any], ...] = fields(guard)  # type: ignore[arg-type]
    held = {f.name: getattr(guard, f.name) for f in rows if f.name != "mode" and getattr(guard, f.name) != _default(f)}
    return {key: _plain(value) for key, value in held.items()}


def _default(row: Field[Any]) -> Any:
    return row.default_factory() if row.default_factory is not MISSING else row.default


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _among(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value) else None


def _text_table(value: Any) -> dict[str, str] | None:
    return _table(value, _text)


def _texts_table(value: Any) -> dict[str, tuple[str, ...]] | None:
    return _table(value, _texts)


def _table(value: Any, take: Callable[[Any], Any]) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    taken = {key: take(inner) for key, inner in value.items()}
    return None if any(inner is None or not isinstance(key, str) for key, inner in taken.items()) else taken


_FORMS: Mapping[str, tuple[Callable[[Any], Any], str]] = MappingProxyType(
    {
        "int": (_integer, "a whole number"),
        "float": (_number, "a number"),
        "bool": (_truth, "true or false"),
        "str": (_text, "text"),
        "tuple[str, ...]": (_texts, 'a list of texts, such as ["one", "two"]'),
        "Mapping[str, str]": (_text_table, 'a table of texts, such as {wrong = "right"}'),
        "Mapping[str, tuple[str, ...]]": (_texts_table, 'a table of lists of texts, such as {tool = ["one", "two"]}'),
    }
)
"""How a value of each type of parameter is taken (None where it is not of the type), and what it looks like."""
