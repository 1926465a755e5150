from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builders import case, trace, user
from loopwright.adapters.store.database import Database, locate
from loopwright.adapters.store.migrate import migrations
from loopwright.adapters.store.store import SqlStore, open_store
from loopwright.audit.trail import breaks
from loopwright.errors import StoreError, UsageError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
URL = "sqlite:///.loopwright/loopwright.db"


def test_a_relative_path_counts_from_the_folder(tmp_path: Path) -> None:
    assert locate(URL, tmp_path) == tmp_path / ".loopwright" / "loopwright.db"
    assert locate("sqlite:////data/s.db", tmp_path) == Path("/data/s.db")
    assert locate("sqlite:///my folder/100%25.db", tmp_path) == tmp_path / "my folder" / "100%.db"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://ann:secret@db", "names no database"),
        ("mysql://x", "begins with mysql://"),
        ("loopwright.db", "store.url is 'loopwright.db'; give sqlite:///PATH"),
        ("", "store.url is ''"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///s.db?mode=ro", "names no file"),
        ("sqlite:///a%00b", "names no file"),
        ("sqlite://host/s.db", "names no file"),
        ("postgresql://ann:secret@db:port/x", "is no address"),
    ],
)
def test_another_url_is_refused_without_showing_secrets(url: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give (sqlite|postgresql)://") as caught:
        open_store(url, tmp_path)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_reading_a_store_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store at .*loopwright\.db; import traces first: loopwright import FILE") as caught:
        open_store(URL, tmp_path, create=False)
    assert caught.value.exit_code == 64
    assert list(tmp_path.iterdir()) == []


def test_reading_makes_nothing_and_the_first_write_makes_the_folder(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        assert store.count_traces() == 0
        assert (list(store.traces()), store.failures(), store.modes(), store.runs(), store.audit()) == ([], [], [], [], [])
        assert list(tmp_path.iterdir()) == []
        store.put_traces([trace(id="t1")])
        assert store.count_traces() == 1
    with open_store(URL, tmp_path, create=False) as store:
        assert store.count_traces() == 1


def test_a_store_that_another_process_made_meanwhile_is_seen(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as early, open_store(URL, tmp_path) as other:
        assert early.count_traces() == 0
        other.put_traces([trace(id="t1")])
        assert early.count_traces() == 1


def test_a_closed_store_leaves_one_file_in_a_folder_that_git_passes_by(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.put_traces([trace(id="t1")])
    assert sorted(p.name for p in (tmp_path / ".loopwright").iterdir()) == [".gitignore", "loopwright.db"]
    assert (tmp_path / ".loopwright" / ".gitignore").read_text() == "*\n"


def test_a_folder_of_the_users_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".data").mkdir()
    for url in ("sqlite:///.data/s.db", "sqlite:///assets/s.db"):
        with open_store(url, tmp_path) as store:
            store.put_traces([trace(id="t1")])
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == [".data", ".data/s.db", "assets/s.db"]


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(URL, tmp_path)
    store.put_traces([trace(id=f"t{number}") for number in range(2)])
    store.close()
    store.close()
    with pytest.raises(StoreError, match=r"loopwright\.db was closed; open it again"):
        store.count_traces()
    with pytest.raises(StoreError, match="was closed"):
        store.replace_failures([])


def test_threads_share_a_store(store: SqlStore) -> None:
    def write(name: str) -> int:
        return sum(store.put_traces([trace(id=f"{name}-{number}")]).new for number in range(25))

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(write, "abcd")) == 100
    assert store.count_traces() == 100


def test_what_is_acknowledged_is_on_the_disk(sqlite_store: SqlStore) -> None:
    with sqlite_store.database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, create: bool) -> None:
    (tmp_path / "s.db").write_text("these are my notes\n" * 100)
    with pytest.raises(StoreError, match=r"s\.db: the file is not a Loopwright store; set store\.url to another file"):
        open_store("sqlite:///s.db", tmp_path, create=create)
    assert (tmp_path / "s.db").read_text().startswith("these are my notes")


@pytest.mark.parametrize("create", [True, False])
def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path, create: bool) -> None:
    with closing(sqlite3.connect(tmp_path / "s.db")) as raw:
        raw.execute("CREATE TABLE invoices (id TEXT)")
    before = (tmp_path / "s.db").read_bytes()
    with pytest.raises(StoreError, match=r"holds other tables \(invoices\); set store.url to a file of its own"):
        open_store("sqlite:///s.db", tmp_path, create=create)
    assert (tmp_path / "s.db").read_bytes() == before


def test_an_empty_file_is_no_store_to_read_and_one_to_write(tmp_path: Path) -> None:
    (tmp_path / "s.db").touch()
    with pytest.raises(StoreError, match="no store at"):
        open_store("sqlite:///s.db", tmp_path, create=False)
    with open_store("sqlite:///s.db", tmp_path) as store:
        store.put_traces([trace(id="t1")])
        assert store.count_traces() == 1


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.db").mkdir()
    with pytest.raises(StoreError, match=r"s\.db: it is not a file"):
        open_store("sqlite:///s.db", tmp_path, create=False)
    with open_store("sqlite:///s.db", tmp_path) as store:
        with pytest.raises(StoreError, match=r"s\.db: it is not a file"):
            store.failures()
        with pytest.raises(StoreError, match=r"s\.db: it cannot be opened"):
            store.replace_failures([])


@pytest.mark.parametrize("path", ["file/s.db", "file/under/s.db"])
def test_a_file_where_a_folder_should_be_is_no_empty_store(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("mine")
    with open_store(f"sqlite:///{path}", tmp_path) as store:
        with pytest.raises(StoreError, match="file is a file, not a folder; move it, or set store.url to a file elsewhere"):
            store.count_traces()
        with pytest.raises(StoreError, match="set store.url to a file"):
            store.put_traces([trace(id="t1")])
    with pytest.raises(StoreError, match="is a file, not a folder"):
        open_store(f"sqlite:///{path}", tmp_path, create=False)
    assert (tmp_path / "file").read_text() == "mine"


class CutError(Exception):
    """Something that goes wrong in the middle."""


def test_what_is_written_in_one_transaction_is_there_whole_or_not_at_all(store: SqlStore) -> None:
    for fail in (True, False):
        with suppress(CutError), store.transaction():
            store.put_cases([case("case-1")])
            store.set_case_status("case-1", "approved", "Ann", NOW)
            store.append_audit(NOW, "Ann", "did", "case-1", {})
            assert len(store.audit()) == 2
            if fail:
                raise CutError
        assert (len(store.cases()), len(store.audit())) == ((0, 0) if fail else (1, 2))
    assert breaks(store.trail()) == ()


def test_a_write_that_fails_within_a_transaction_is_undone_alone(store: SqlStore) -> None:
    with store.transaction():
        store.put_traces([trace(id="t1")])
        with suppress(CutError), store.transaction():
            store.put_traces([trace(id="t2")])
            store.append_audit(NOW, "Ann", "undid", "it", {})
            raise CutError
        store.append_audit(NOW, "Ann", "did", "it", {})
    assert [one.trace_id for one in store.traces()] == ["t1"]
    assert [entry.action for entry in store.audit()] == ["did"]


def test_what_goes_wrong_elsewhere_is_not_laid_on_the_store(store: SqlStore, tmp_path: Path) -> None:
    def write() -> None:
        with store.transaction():
            store.put_traces([trace(id="t1")])
            (tmp_path / "no-such-folder" / "case.yaml").write_text("")

    with pytest.raises(FileNotFoundError):
        write()
    assert store.count_traces() == 0


def test_a_transaction_belongs_to_its_thread(store: SqlStore) -> None:
    store.put_traces([trace(id="t1")])
    with ThreadPoolExecutor(1) as other, store.transaction():
        store.put_traces([trace(id="t2")])
        assert store.count_traces() == 2
        assert other.submit(store.count_traces).result() == 1
    assert store.count_traces() == 2


def test_a_folder_without_write_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    root = os.geteuid() == 0
    migrations()  # nobody may not be let into the folder that they are read from
    if root:  # root may write anywhere; nobody may not
        os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match="(?i)permission"), open_store("sqlite:///s.db", tmp_path) as store:
            store.put_traces([trace(id="t1")])
    finally:
        if root:
            os.seteuid(0)


def test_a_store_that_may_not_be_written_says_so(sqlite_store: SqlStore) -> None:
    sqlite_store.put_traces([trace(id="t1")])
    with sqlite_store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreError, match="it is not writable; give yourself write permission"):
        sqlite_store.put_traces([trace(id="t2")])
    with sqlite_store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield


def test_a_store_that_stays_locked_says_so_and_can_still_be_read(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.put_traces([trace(id="t1")])
    file = locate(URL, tmp_path)
    with closing(Database(file, create=True, wait_s=0.05)) as database, locked(file):
        store = SqlStore(database)
        with pytest.raises(StoreError, match=r"loopwright\.db: it is locked by another process; wait for that process"):
            store.put_traces([trace(id="t2")])
        assert store.count_traces() == 1


def test_a_full_disk_says_so_and_keeps_what_was_stored(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.put_traces([trace(id="t1")])
        with store.database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreError, match="the disk is full; free some space"):
            store.put_traces([trace(user(str(n) * 5000), id=f"big{n}", attributes={"x": os.urandom(9000)}) for n in range(20)])
        assert [t.trace_id for t in store.traces()] == ["t1"]


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.put_traces([trace(user("hello " * 50), id=f"t{n}") for n in range(500)])
    file = locate(URL, tmp_path)
    content = bytearray(file.read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="the file is damaged; restore it from a copy"), open_store(URL, tmp_path) as store:
        list(store.traces())


def test_an_exception_undoes_the_transaction(store: SqlStore) -> None:
    def fail_halfway() -> None:
        with store.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM audit_head")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert store.trail().head is not None


def test_file_mode_needs_no_database_library() -> None:
    code = "import sys, loopwright.wiring; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
