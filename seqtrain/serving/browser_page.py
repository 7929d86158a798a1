"""The page for a browser: one file, whose style and script are inside."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Page:
    """A page, and the content security policy under which it works."""

    html: str
    policy: str


def page() -> Page:
    """Return the page with the style of reports and its own; it is the same for every run."""
    style = _shipped("report", "page.css") + _shipped("serving", "page.css")
    script = _shipped("serving", "page.js")
    html = _shipped("serving", "page.html")
    html = html.replace("/* style */", style).replace("/* script */", script)
    policy = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return Page(html, "; ".join(f"{name} {value}" for name, value in policy.items()))


def _shipped(package: str, name: str) -> str:
    """Return a text file that comes with a package of seqtrain."""
    return (files(f"seqtrain.{package}") / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
