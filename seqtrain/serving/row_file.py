"""Rows of a request as a file, for the readers of files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqtrain.errors import DataError, SeqtrainError


@contextmanager
def as_file(rows: Sequence[dict[str, Any]] | None) -> Iterator[Path | None]:
    """Yield rows as a file, for the one reader of series; errors name it `rows`."""
    if rows is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        try:
            yield file
        except SeqtrainError as error:
            plain = [
                (text or "").replace(str(file), "rows") for text in (error.message, error.hint)
            ]
            raise DataError(plain[0], plain[1] or None) from error
