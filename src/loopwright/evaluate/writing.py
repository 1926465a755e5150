"""Cases as YAML that a person likes to read: block style, long text as it is spoken, short lists on one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.document import is_plain_text
from loopwright.evaluate.suite import plain

_WIDTH = 110
_SHORT = 80
_OTHER_LINE_ENDS = "\x85\u2028\u2029"
"""What YAML takes for the end of a line: only double quotes keep it."""


def render(cases: Sequence[EvalCase]) -> str:
    """The text of a suite file with these cases; `parse` reads it back to the same cases."""
    return yaml.dump(
        {"cases": [plain(case) for case in cases]},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=_WIDTH,
    )


class _Dumper(yaml.SafeDumper):
    """Block style with indented lists, and no anchors: equal values are written twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists inside mappings too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Never write an anchor."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if any(char in value for char in _OTHER_LINE_ENDS):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')
    style = "|" if "\n" in value else None if is_plain_text(value) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
    short = all(isinstance(v, str) and "\n" not in v for v in value) and sum(len(v) + 2 for v in value) <= _SHORT
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=short)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
