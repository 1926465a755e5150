"""The templates of the pages, and the files beside them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from loopwright.surfaces.reports.text import counted, line, moment, number, percent, signal_name, visible, whole_percent

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> Environment:
    """The templates of the pages: everything is escaped, and what is hidden in a text is shown."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (few commands make a page)

    made = Environment(
        loader=PackageLoader("loopwright.surfaces.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    for named in (percent, whole_percent, number, moment, counted, line, signal_name):
        made.filters[named.__name__] = named
    return made


def _finalize(value: Any) -> Any:
    """Every value that enters the page passes here: plain text is made visible before it is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def source(name: str) -> str:
    """The text of a file beside the templates."""
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), name)[0]


def csp_hash(text: str) -> str:
    """What lets a page's own style or script through its content security policy."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
