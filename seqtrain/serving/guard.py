"""What is checked of every request before it is read: its host, its token, its type."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from seqtrain.serving import sizes
from seqtrain.serving.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN = ("/", "/health")  # hold nothing of the run
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Guard:
    """Answers what must not be read with an error; ASGI middleware."""

    def __init__(self, app: ASGIApp, token: str | None, hosts: tuple[str, ...] | None) -> None:
        """Guard an application.

        Args:
            app: the application.
            token: that each request must bring; None asks for none.
            hosts: names under which the server may be called; None allows all. A page of another
                site whose name was made to lead here (DNS rebinding) calls it by its own name.
        """
        self.app, self.hosts = app, hosts
        self.authorization = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an error, or pass the request on."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        if scope["type"] != "http":
            return
        wrong = self._wrong(scope, Headers(scope=scope))
        await (problem(*wrong) if wrong else self.app)(scope, receive, sent)

    def _wrong(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        """Return the status, the error and the hint of a request that is not passed on."""
        if self.hosts and _name(headers.get("host", "")) not in self.hosts:
            said = "this server is called by another name than its own"
            return 403, said, f"call it by one of: {', '.join(self.hosts)}"
        if self.authorization and scope["path"] not in OPEN:
            given = headers.get("authorization", "").encode("latin-1")
            if not hmac.compare_digest(given, self.authorization):
                said = "the token is missing or wrong"
                return 401, said, "send the header `Authorization: Bearer TOKEN`"
        if scope["method"] == "POST":
            kind, _, rest = headers.get("content-type", "").partition(";")
            charset = rest.strip().lower().removeprefix("charset=").strip('"')
            if kind.strip().lower() != "application/json" or charset not in ("", "utf-8"):
                said = "the body must be JSON in UTF-8"
                return 415, said, "send the header `Content-Type: application/json`"
            length = headers.get("content-length")
            if length is None:
                return 411, "the length of the body is not given", "send `Content-Length`"
            if int(length) > sizes.BYTES:  # the server has checked that it is a number
                said = f"the body has {length} bytes, more than {sizes.BYTES:,}"
                return 413, said, "send several smaller requests"
        return None


def _name(host: str) -> str:
    """Return the name of a host without its port."""
    end = host.find("]")
    return host[: end + 1] if end >= 0 else host.partition(":")[0].lower()
