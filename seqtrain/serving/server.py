"""Serve the application: the address, the token, and the end by a signal."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from seqtrain.errors import ServingError
from seqtrain.io.regular_file import opened
from seqtrain.runs.run import Run
from seqtrain.serving import answers, app, guard, sizes

TOKEN = "SEQTRAIN_TOKEN"  # the variable of the token
LEAST = 16  # letters of a token
NEW = 'python -c "import secrets; print(secrets.token_urlsafe())"'


def token_of(file: Path | None) -> str | None:
    """Return the token that requests must bring: of a file, or else of the environment.

    Raises:
        ServingError: it is too short, or cannot be sent in a header.
    """
    where, token = f"`{TOKEN}`", os.environ.get(TOKEN)
    if file:
        where = str(file)
        try:
            with opened(file) as read:
                token = read.read(10_000).decode("utf-8", "replace").strip()
        except OSError as error:
            raise ServingError(f"{file}: {error.strerror}", "`--token-file FILE`") from error
    if token is None:
        return None
    if not re.fullmatch(rf"[!-~]{{{LEAST},}}", token):
        said = f"the token in {where} must be at least {LEAST} letters, digits or signs of ASCII"
        raise ServingError(said, f"make one: `{NEW}`")
    return token


def bind(host: str, port: int, token: str | None) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ServingError: others could reach it without a token; or the address cannot be had.
    """
    if not is_loopback(host) and token is None:
        raise ServingError(
            f"`--host {host}` lets others reach the network of the run, so a token is needed",
            f"set {TOKEN}, or give `--token-file FILE`; make one: `{NEW}`",
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address, family=family, backlog=sizes.WAITING)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            said = f"port {port} is in use"
            raise ServingError(said, "choose another, or a free one: `--port 0`") from error
        if error.errno == errno.EACCES:
            said = f"port {port} is for the superuser"
            raise ServingError(said, "choose one from 1024: `--port 8000`") from error
        said = f"the address {host} cannot be had: {error.strerror or error}"
        raise ServingError(said, "leave out `--host` to serve this machine only") from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url(listening: socket.socket) -> str:
    """Return the address of a socket, as it is typed into a browser."""
    host, port, *_ = listening.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    """A server that announces when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def serve(
    run: Run,
    listening: socket.socket,
    token: str | None,
    data_dir: Path | None,
    ready: Callable[[], None],
) -> None:
    """Serve a run until SIGTERM or Ctrl-C; what is in flight is answered first.

    Args:
        run: the run.
        listening: of `bind`.
        token: that requests must bring.
        data_dir: a folder to look for data files in.
        ready: called when requests are answered.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
        SystemExit: SIGTERM came; the code is 0.
    """
    host = listening.getsockname()[0]
    names = (*guard.LOOPBACK, f"[{host}]" if ":" in host else host)
    hosts = tuple(dict.fromkeys(names)) if is_loopback(host) else None
    application: Any = app.create(answers.of_run(run, data_dir), token, hosts)
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        timeout_graceful_shutdown=sizes.SECONDS,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it anew at its end
    _Server(config, ready).run([listening])
