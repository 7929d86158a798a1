"""A PostgreSQL server of its own for tests: on a free port, with its data in a temporary folder."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER, PASSWORD = "sweeper", "correct-horse-battery"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class Server:
    """A server, which tests stop and start.

    Attributes:
        url: its address with the password.
        public: the same without it.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.data = programs, folder / "data"
        self.log = folder / "log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.public = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"
        self.url = self.public.replace(USER, f"{USER}:{PASSWORD}")
        secret = folder / "password"
        secret.write_text(PASSWORD)
        login = ("-U", USER, "--pwfile", str(secret), "-A", "scram-sha-256")
        self._run("initdb", "-D", str(self.data), *login, "--no-sync", "--no-locale", "-E", "UTF8")
        secret.unlink()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.log), "-o", options, "start")

    def stop(self) -> None:
        """Stop it, as a machine that loses power."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        user = ["setpriv", "--reuid", UNPRIVILEGED, "--regid", "nogroup", "--clear-groups"]
        command = [str(self.programs / program), *arguments]
        command = [*user, *command] if os.getuid() == 0 else command
        done = subprocess.run(
            command,
            cwd=self.data.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, which Debian keeps out of the PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    candidates = [*([Path(found).parent] if found else []), *places]
    return next((one for one in candidates if (one / "initdb").exists()), None)


@contextmanager
def serving() -> Iterator[Server]:
    """Yield a running server; skip the tests where PostgreSQL is not installed."""
    pytest.importorskip("psycopg")
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: `apt-get install postgresql`)")
    folder = Path(tempfile.mkdtemp(prefix="seqtrain-postgres-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        server = Server(found, folder)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
