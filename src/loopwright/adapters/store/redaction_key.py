"""The key of pseudonyms: a file beside the store, which its owner alone may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from loopwright.adapters.store.folder import make_folder
from loopwright.errors import StoreError

_BYTES = 32


def read_key(file: Path) -> bytes | None:
    """The key in `file`, None where there is no such file; raises `StoreError` for a file that holds none."""
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{file} cannot be read as a key: {error}; restore it: with another key the same customer gets another name"
        ) from None
    if len(key) != _BYTES:
        raise StoreError(
            f"{file} holds {len(key)} bytes, and a key has {_BYTES}; restore it, or move it away and begin a new one"
        )
    return key


def settled_key(file: Path) -> bytes:
    """The key in `file`, made at random where there is none; of several processes that make one, all get the same."""
    found = read_key(file)
    if found is not None:
        return found
    new = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        make_folder(file.parent)
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_hex(_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(new, file)  # fails where another process was first
        except FileExistsError:
            pass
        finally:
            new.unlink()
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}; name another place with redact.key_file") from None
    made = read_key(file)
    if made is None:
        raise StoreError(f"{file} was removed while it was made; try again")
    return made
