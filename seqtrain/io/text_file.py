"""Read files of text: their encoding, their lines, the place of every invalid byte."""

import codecs
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import IO

from seqtrain.errors import DataError, reason
from seqtrain.io.npz import EXPANSION, LARGE
from seqtrain.io.regular_file import opened

SHOWN = 40  # characters of a value in a message
LONGEST_LINE = 100_000_000  # characters
NEAR = 0.75  # the least similarity of a misspelt word
MARKS = {  # byte order marks; longer ones first, because UTF-32's begins like UTF-16's
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
GZIP = b"\x1f\x8b"
MAGIC = {
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "save the sheet as CSV, or unpack it"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save the sheet as CSV"),
    b"BZh9": ("compressed", "unpack it: `bunzip2 {name}`"),
    b"\xfd7zXZ": ("compressed", "unpack it: `unxz {name}`"),
    b"\x28\xb5\x2f\xfd": ("compressed", "unpack it: `unzstd {name}`"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it: `7z x {name}`"),
    b"Rar!": ("a RAR archive", "unpack it: `unrar x {name}`"),
    b"PAR1": ("a Parquet file", "write it as CSV or JSONL"),
    b"ARROW1": ("an Arrow file", "write it as CSV or JSONL"),
    b"SQLite format 3": ("an SQLite database", "write the table as CSV or JSONL"),
    b"\x80\x04\x95": ("a pickle", "write it as CSV or JSONL"),
    b"%PDF-": ("a PDF", "write its texts as CSV or JSONL"),
    b"{\\rtf": ("an RTF document", "save it as plain text"),
    b"\x89PNG": ("a picture", "correct the path"),
    b"\xff\xd8\xff": ("a picture", "correct the path"),
}

_DAMAGED = re.compile("[\udc00-\udcff]")


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Decode an invalid byte as a lone surrogate, so that it can be located."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(0xDC00 + error.object[error.start]), error.end


codecs.register_error("seqtrain.mark", _mark)


class _Unpacked(gzip.GzipFile):
    """A `.gz` file with a limit on its unpacked size."""

    def read1(self, size: int = -1) -> bytes:
        chunk = super().read1(size)
        if (grown := self.tell()) > LARGE and grown > EXPANSION * os.stat(str(self.name)).st_size:
            raise gzip.BadGzipFile(f"it unpacks to more than {EXPANSION} times its size")
        return chunk


def suffix(file: Path) -> str:
    """Return the suffix of a file in lower case, ignoring `.gz`."""
    return Path(file.stem if file.suffix.lower() == ".gz" else file.name).suffix.lower()


def near_miss(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean …?` with the most similar of `known`, or nothing."""
    written = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), written, n=1, cutoff=NEAR)
    return f", did you mean `{written[near[0]]}`?" if near else ""


def shown(text: str) -> str:
    """Return the beginning of a text, for a message."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def told(source: object, left_out: Mapping[str, int]) -> list[str]:
    """Return sentences on what was skipped in a file."""
    sentences = []
    for what, number in left_out.items():
        plural, _, rest = what.partition(" ")
        if number:
            thing = plural if number > 1 else plural.removesuffix("s")
            sentences.append(f"{source}: left out {number:,} {thing} {rest}")
    return sentences


@dataclass(frozen=True)
class TextFile:
    """A file of text.

    Attributes:
        file: its path.
        encoding: the name of a Python codec; a byte order mark in the file takes precedence.
        settable: whether hints may suggest keys of the config.
    """

    file: Path
    encoding: str = "utf-8"
    settable: bool = field(default=True, kw_only=True)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the file with their line ends.

        Raises:
            DataError: the file is missing or not text.
        """
        encoding = self.check()
        try:
            with io.TextIOWrapper(self._binary(), encoding, newline="") as stream:
                lines = iter(
                    lambda: stream.readline(LONGEST_LINE), ""
                )  # read only the first part of a compression bomb
                for number, line in enumerate(lines if self._is_packed() else stream, start=1):
                    if "\0" in line or len(line) >= LONGEST_LINE:
                        raise self._no_line(number, line)
                    yield line
        except UnicodeError as error:
            raise self._not_decoded(encoding, error) from error
        except (OSError, EOFError, zlib.error) as error:
            raise self._not_unpacked(error) from error

    def _no_line(self, number: int, line: str) -> DataError:
        if "\0" in line:
            hint = f"save it as UTF-8{self.or_set('dataset.encoding=utf-16-le')}"
            return DataError(f"{self.file}:{number}: a zero byte is not text", hint)
        what = f"a line of more than {LONGEST_LINE:,} characters"
        return DataError(f"{self.file}:{number}: {what}", "write each example on a line")

    def _is_packed(self) -> bool:
        with opened(self.file) as stream:
            return stream.read(len(GZIP)) == GZIP

    def _binary(self) -> IO[bytes]:
        """Open the file; unpack it while reading if it is compressed."""
        packed = self._is_packed()
        return _Unpacked(self.file) if packed else opened(self.file)  # type: ignore[return-value]

    def check(self) -> str:
        """Return the encoding of the file, after checking that it is text.

        Raises:
            DataError: it is missing or a binary file.
        """
        self.check_exists()
        start = self.start()
        for magic, (what, hint) in MAGIC.items():
            if start.startswith(magic):
                raise DataError(f"{self.file} is {what}", hint.format(name=quote(str(self.file))))
        return next((name for mark, name in MARKS.items() if start.startswith(mark)), self.encoding)

    def check_exists(self) -> None:
        """Raise a DataError if the file is missing."""
        if not os.path.isfile(self.file):
            raise self._no_file()

    def start(self) -> bytes:
        """Return the first bytes; for a compressed file, the first unpacked bytes."""
        try:
            with self._binary() as stream:
                return stream.read(16)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise self._not_unpacked(error) from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            hint = f"may you read it? `ls -l {quote(str(self.file))}`"
            raise DataError(f"{self.file} cannot be read: {reason}", hint) from error

    def _not_unpacked(self, error: Exception) -> DataError:
        hint = f"is it whole? `gunzip -t {quote(str(self.file))}`"
        return DataError(f"{self.file} cannot be unpacked: {reason(error)}", hint)

    def or_set(self, *keys: str) -> str:
        """Return the end of a hint with keys of the config, if they can be set."""
        return f", or set {' or '.join(f'`{key}`' for key in keys)}" if self.settable else ""

    def _no_file(self) -> DataError:
        if os.path.isdir(self.file):
            hint = f"name a file{self.or_set('dataset.name=folder')}"
            return DataError(f"{self.file} is a folder", hint)
        if os.path.exists(self.file):
            hint = "write what it gives into a file, and name that"
            return DataError(f"{self.file} is a device or a pipe, not a file", hint)
        folder = self.file.parent
        beside = {*os.listdir(folder)} - {self.file.name} if os.path.isdir(folder) else ()
        near = near_miss(self.file.name, sorted(beside))
        return DataError(f"{self.file} does not exist{near}", "correct the path")

    def _not_decoded(self, encoding: str, error: UnicodeError) -> DataError:
        """Find the place: the error counts from the last block that was read."""
        others = ("utf-8", "utf-16-le") if encoding == "utf-16" else ("cp1252", "latin-1")
        hint = f"save it as UTF-8{self.or_set(*(f'dataset.encoding={name}' for name in others))}"
        try:
            marked = io.TextIOWrapper(self._binary(), encoding, "seqtrain.mark", newline="")
            with marked as stream:
                for number, line in enumerate(stream, start=1):
                    if found := _DAMAGED.search(line):
                        byte, place = ord(found[0]) - 0xDC00, found.start() + 1
                        return DataError(
                            f"{self.file}:{number}: byte 0x{byte:02x} at character {place} of the "
                            f"line is not {encoding.removesuffix('-sig')}",
                            hint,
                        )
        except (
            UnicodeError
        ) as found_again:  # about the whole file, such as a missing byte order mark
            error = found_again
        except (OSError, EOFError, zlib.error) as damage:
            return self._not_unpacked(damage)
        reason = getattr(error, "reason", str(error)).removeprefix("UTF-16 ").lower()
        return DataError(f"{self.file} is not {encoding}: {reason}", hint)
