"""What redacts all that comes in, as the settings say."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from loopwright.errors import InputError, SettingError
from loopwright.settings import Settings

if TYPE_CHECKING:
    from loopwright.collect.redaction.redactor import Redactor
    from loopwright.collect.redaction.rules import Plugin

_PATTERN = "re:"


def redactor(settings: Settings, *, keep_key: bool = True) -> Redactor:
    """Takes secrets out of text, and personal data, the user's words and what their plug-in finds where settings say so.

    The key of pseudonyms is made with the first use and kept beside the store. With `keep_key` False, as in commands that leave
    nothing behind, a key that is there is used; without one, marks name the kind alone, as `<email>`.
    """
    from loopwright.adapters.store.redaction_key import read_key, settled_key
    from loopwright.collect.redaction.redactor import Redactor
    from loopwright.collect.redaction.rules import RedactionRules

    file = key_file(settings)
    words, patterns = _words(settings)
    return Redactor(
        RedactionRules(
            personal=_personal(settings),
            words=words,
            patterns=patterns,
            key=settled_key(file) if keep_key else read_key(file),
            plugin=_plugin(settings),
        )
    )


def key_file(settings: Settings) -> Path:
    """Where the key of pseudonyms is: in a file that is named, or beside the store."""
    if settings["redact.key_file"]:
        return settings.path("redact.key_file")
    place = str(settings["store.url"]).partition("sqlite:///")[2]
    folder = settings.folder / Path(unquote(place)).parent if place else settings.folder / ".loopwright"
    return folder / "redaction.key"


def _personal(settings: Settings) -> frozenset[str]:
    from loopwright.collect.redaction.rules import PERSONAL

    given = str(settings["redact.personal"]).strip()
    if given in {"none", ""}:
        return frozenset()
    if given == "all":
        return frozenset(PERSONAL)
    kinds = frozenset(kind.strip() for kind in given.split(",") if kind.strip())
    if not kinds <= frozenset(PERSONAL):
        raise SettingError(
            f"redact.personal is {given!r}",
            source=settings.sources.get("redact.personal", ""),
            cure=f"give none, all, or some of {', '.join(PERSONAL)}, with commas between them",
        )
    return kinds


def _words(settings: Settings) -> tuple[tuple[str, ...], tuple[re.Pattern[str], ...]]:
    """Words and patterns of the user's file: one a line; a line that begins with `re:` is a pattern, one with `#` a remark."""
    if not settings["redact.words_file"]:
        return (), ()
    file = settings.path("redact.words_file")
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", source=str(file), cure="name another file with redact.words_file") from None
    words, patterns = [], []
    for number, line in enumerate((line.strip() for line in lines), start=1):
        if line.startswith(_PATTERN):
            patterns.append(_pattern(line.removeprefix(_PATTERN).strip(), file, number))
        elif line and not line.startswith("#"):
            words.append(line)
    return tuple(words), tuple(patterns)


def _pattern(text: str, file: Path, number: int) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InputError(f"is no regular expression: {error}", source=str(file), line=number, cure="mend the pattern") from None
    if pattern.match(""):
        raise InputError(
            "matches nothing at all, so everywhere", source=str(file), line=number, cure="let it match at least one sign"
        )
    return pattern


def _plugin(settings: Settings) -> Plugin | None:
    """The user's function, or an instance of their class, by its dotted path; the settings' folder is looked in too."""
    path = str(settings["redact.plugin"]).strip()
    if not path:
        return None
    import sys

    folder = str(settings.folder.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        found: Any = getattr(import_module(module), name)
        found = found() if isinstance(found, type) else found
    except Exception as error:  # the user's module may raise anything; without their plug-in nothing may be stored
        raise SettingError(
            f"redact.plugin is {path!r}: {type(error).__name__}: {error}",
            source=settings.sources.get("redact.plugin", ""),
            cure="name a function that takes a text, such as package.module:function",
        ) from None
    if not callable(found):
        raise SettingError(f"redact.plugin is {path!r}, which cannot be called", cure="name a function that takes a text")
    return cast("Plugin", found)
