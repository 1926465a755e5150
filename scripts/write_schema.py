"""Write docs/reference/store-schema.sql: the schema as the migrations make it. `--check` compares and writes nothing."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from loopwright.adapters.store.database import Database

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "store-schema.sql"
HEADER = "-- Written by scripts/write_schema.py from the migrations; add a migration, and do not change this file.\n\n"


def schema() -> str:
    """The statements of a new store, tables and indexes in the order in which they were made."""
    shadows = "name NOT LIKE 'sqlite_%' AND name NOT LIKE 'trace_words_%'"  # SQLite's own, and those of the full-text index
    query = f"SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND {shadows} ORDER BY rowid"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "new.db"
        with closing(Database(file, create=True)) as database, database.write() as connection:
            return HEADER + "".join(f"{row.sql.strip()};\n" for row in connection.exec_driver_sql(query))


def main() -> int:
    """Write or compare; returns 1 when the file differs from the migrations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    if not parser.parse_args().check:
        PAGE.write_text(schema(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != schema():
        print("docs/reference/store-schema.sql differs from the migrations; run: python scripts/write_schema.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
