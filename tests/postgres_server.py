"""A PostgreSQL server of the tests' own, where PostgreSQL is installed: it listens on a socket in a folder, and keeps nothing."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SWIFT = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c listen_addresses="


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None where there is none, or nobody to run them as: they refuse root."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folder = next((folder for folder in folders if (folder / "pg_ctl").exists()), None)
    return folder if folder is not None and (os.geteuid() != 0 or _other_user() is not None) else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run a server; yields the address of its database, to which `?options=...` may be added."""
    user = _other_user() if os.geteuid() == 0 else None
    place = Path(tempfile.mkdtemp(prefix="pg-"))
    if user is not None:
        shutil.chown(place, user)
    data = place / "data"
    control = [folder / "pg_ctl", "-D", data, "-w", "-l", place / "log"]

    def run(*command: object) -> None:
        words = [str(word) for word in command]
        subprocess.run(words, user=user, cwd=place, check=True, stdout=subprocess.DEVNULL, timeout=120)

    try:
        run(folder / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run(*control, "-o", f"-k {place} {_SWIFT}", "start")
        try:
            yield f"postgresql://tests@/postgres?host={place}"
        finally:
            run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _other_user() -> str | None:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None
