"""Files of text, such as CSV, by line."""

from __future__ import annotations

import io
from collections.abc import Iterator

from loopwright.adapters.importers.sources import BrokenSourceError, Source, find_files
from loopwright.errors import InputError


class FileTextReader:
    """The `TextReader` port over files, read whole."""

    def lines(self, path: str) -> Iterator[str]:
        """The lines of a file, unpacked where it is gzip, or of standard input (`-`), without a byte order mark."""
        found = find_files([path])
        if len(found) != 1:
            raise InputError("is a folder", source=path, cure="name one file")
        source = Source(found[0])
        try:
            text = b"".join(source.chunks()).decode("utf-8-sig")
        except BrokenSourceError as broken:
            raise InputError(broken.problem, source=source.name, line=broken.line, cure=broken.cure) from None
        except UnicodeDecodeError as error:
            raise InputError(f"byte {error.start} is not UTF-8", source=source.name, cure="save the file as UTF-8") from None
        return io.StringIO(text, newline=None)
