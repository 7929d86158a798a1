"""Make text from files safe for terminals, tables, spreadsheets, and names of files."""

import hashlib
import re
from pathlib import Path
from shlex import quote
from typing import Any

# Characters that move the cursor, hide or reorder letters, are invisible, or are half a letter.
_CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064"
    r"\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
# Full-width signs count too; a text that begins with our quote gets one more.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
# A backslash as a number, for tables end their cells before they read escapes of it.
_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\\": "&#92;", "$": "&#36;"}
    | {sign: f"\\{sign}" for sign in "|`*~"}
)
_PLAIN = re.compile(r"[\w@%+=:,./-]+")  # in letters of any script, unlike shlex
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def printable(text: str) -> str:
    """Write control characters out, so that none reaches a terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """Write control characters and line breaks out."""
    return printable(text).replace("\n", "\\n")


def visible(token: str) -> str:
    """Return a token as a label: spaces at its ends, which nobody would see, become `␣`."""
    shown = one_line(token)
    return re.sub(r"\s", "␣", shown) if token.strip() != token else shown


def slug(title: str, content: bytes) -> str:
    """Return a name of a file from a title; a hash of the content makes it unique."""
    letters = "-".join(re.findall(r"[a-z0-9]+", title.lower())[:6])[:40]
    return f"{letters}-{hashlib.blake2b(content, digest_size=2).hexdigest()}".lstrip("-")


def in_json(text: str) -> str:
    """Return JSON with control characters as JSON escapes."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_markdown(text: str) -> str:
    """Return text for a cell of a Markdown table, in which nothing is markup, HTML or a link."""
    escaped = one_line(text).translate(_MARKDOWN)
    escaped = escaped.replace("](", r"]\(").replace("://", ":&#47;/")
    escaped = re.sub(r"(?i)(www)\.", r"\1&#46;", escaped)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\_", escaped)


def cell(value: Any) -> Any:
    """Return a cell that no spreadsheet reads as a formula: such a text gets a quote `'`.

    Numbers stay as they are. Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    if not isinstance(value, str) or not _FORMULA.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def argument(value: str | Path) -> str:
    """Quote a name for a shell; a file name that begins with a dash gets `./`."""
    text = str(value)
    text = f"./{text}" if isinstance(value, Path) and text.startswith("-") else text
    return text if _PLAIN.fullmatch(text) else quote(text)


def uncell(value: str) -> str:
    """Return the text of a cell that `cell` made."""
    return value[1:] if value.startswith("'") and _FORMULA.match(value) else value
