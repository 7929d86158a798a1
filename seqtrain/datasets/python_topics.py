"""`python_topics`: the help texts of Python's language, which come with its standard library."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Literal

from seqtrain.sources.running_text import Documents, RunningTextConfig


class PythonTopics(RunningTextConfig):
    """Python's own help on its language, 465,000 characters: running text without a download."""

    name: Literal["python_topics"]

    def documents(self, data_dir: Path | None) -> Documents:
        """Return the topics in the order of their names, each a document."""
        from pydoc_data.topics import topics

        texts = [topics[name].strip("\n") + "\n" for name in sorted(topics)]
        digest = hashlib.sha256(repr(texts).encode()).hexdigest()
        return Documents(texts, f"help topics of Python {platform.python_version()}", digest)
