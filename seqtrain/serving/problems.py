"""Errors as JSON, `{"error": …, "hint": …}`."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from seqtrain.display.escape import printable

LONGEST = 300  # letters of a value that an error shows


class Json(Response):
    """A value as JSON in UTF-8."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the value as bytes.

        Raises:
            ValueError: a number is not finite.
        """
        return encoded(content)


def encoded(content: Any) -> bytes:
    """Return a value as JSON; a lone surrogate becomes a question mark."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def problem(status: int, error: str, hint: str | None = None) -> Json:
    """Return an error as an answer."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    headers = {"Retry-After": "1"} if status == 503 else headers
    return Json({"error": printable(error), "hint": hint and printable(hint)}, status, headers)


def invalid(errors: list[dict[str, Any]]) -> tuple[int, str, str]:
    """Return the status, the error and the hint of a body that is not as it must be.

    Args:
        errors: of pydantic, of which the first is told.
    """
    first = errors[0]
    place = ".".join(map(str, first["loc"][1:])) or "the body"
    if first["type"] == "json_invalid":
        where = first["loc"][-1]
        return 400, f"the body is not JSON: {first['ctx']['error']}", f"at character {where}"
    if first["type"] == "extra_forbidden":
        return 422, f"{place[:LONGEST]}: unknown key", "GET /openapi.json lists the keys"
    said = first["msg"][0].lower() + first["msg"][1:]
    return 422, f"{place}: {said}"[:LONGEST], "GET /openapi.json describes the body"
