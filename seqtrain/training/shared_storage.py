"""A PostgreSQL database in which the workers of a sweep, on several machines, share its study.

Each trial names the worker that holds it, and a heartbeat shows that the worker lives: a trial
whose heart has stopped is taken over. What must happen once happens under a lock of the database.
"""

from __future__ import annotations

import logging
import random
import secrets
import socket
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtrain.errors import ConfigError, RunError, TrainingError, reason
from seqtrain.training.storage import BY_THE_SAME, LocalStorage

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial, Trial
    from sqlalchemy import URL, Engine

VARIABLE = "SEQTRAIN_STORAGE"
EXAMPLE = "postgresql://USER@HOST/DATABASE"
SAFELY = (
    f"set the environment variable {VARIABLE}, or leave the password away: libpq takes it from "
    "~/.pgpass, or from the file that PGPASSFILE names"
)
HEARTBEAT = 10  # seconds between two heartbeats of a trial
GRACE = 60  # seconds without a heartbeat after which a trial is taken over
CONNECTING = 10  # seconds to wait for a connection
LONGEST_LOCK = "60s"  # then the server takes the lock from a worker that hangs
TRIES = (0.005, 0.05)  # seconds between two tries to get the lock
HOLDER = "holder"  # the attribute of a trial that names its worker
OPTIONS: Mapping[str, Any] = {
    "connect_timeout": CONNECTING,
    "application_name": "seqtrain sweep",
    "prepare_threshold": None,  # PgBouncer gives each transaction another connection
    # A connection whose other end is gone without a word is noticed within half a minute.
    **{"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4},
}

log = logging.getLogger(__name__)


class SharedStorage(LocalStorage):
    """A database that several workers write, each from a process of its own.

    Args:
        url: `postgresql://[USER[:PASSWORD]@][HOST[:PORT]][/DATABASE]`; what it lacks, libpq takes
            from its environment variables and files.
        public: whether others can read it, so that it must hold no password.

    Raises:
        ConfigError: it is no such address, holds a password that others can read, or the driver is
            not installed.
    """

    shared = True

    def __init__(self, url: str, public: bool = False) -> None:
        super().__init__(Path())
        self.url = _parsed(url, public)
        self.token, self.place = secrets.token_hex(8), ""
        self.machine = socket.gethostname()
        self.taken: set[int] = set()  # held trials that another worker has taken over
        self.engine: Engine | None = None

    @property
    def passing(self) -> tuple[type[Exception], ...]:  # type: ignore[override]
        """Errors of a database that may be there again after a while."""
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        return (StorageInternalError, SQLAlchemyError)

    @property
    def named(self) -> str:
        """What a message calls it: its address, without user and password."""
        port = f":{self.url.port}" if self.url.port else ""
        return f"postgresql://{self.url.host or ''}{port}/{self.url.database or ''}"

    @cached_property
    def tables(self) -> RDBStorage:
        """Optuna's storage, whose tables are made where they are missing."""
        from optuna.storages import RDBStorage
        from sqlalchemy import create_engine

        options = {"connect_args": OPTIONS, "pool_pre_ping": True, "pool_size": 1}
        address = self.url.render_as_string(hide_password=False)
        self.engine = create_engine(address, **options)
        with closing(self), self.locked("seqtrain"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # two workers cannot make the tables at once
            made = RDBStorage(
                address,
                engine_kwargs=options,
                heartbeat_interval=HEARTBEAT,
                grace_period=GRACE,
            )
        self.engine = made.engine
        return made

    def opened(self) -> RDBStorage:
        """Return it as Optuna's storage."""
        return self.tables

    def close(self) -> None:
        """Close the connections to it."""
        if self.engine:
            self.engine.dispose()

    def broken(self, error: Exception) -> RunError:
        """Return the error for a database that cannot be opened."""
        return RunError(
            f"the database {self.named} cannot be used: {why(error)}",
            f"try the address: `psql {self.named}`; for a password, {SAFELY}",
        )

    def away(self, error: Exception) -> TrainingError:
        """Return the error for a database that does not come back."""
        return TrainingError(
            f"the database {self.named} does not answer: {why(error)}",
            f"{BY_THE_SAME}; what was trained is in {self.folder}, and is reported then",
        )

    @contextmanager
    def locked(self, name: str | None = None) -> Iterator[None]:
        """Keep other workers of the study, or of all studies, out of the body.

        A worker waits without a transaction, so that many of them need few connections of
        PgBouncer. The lock ends with the worker, its connection, or after `LONGEST_LOCK`.
        """
        from sqlalchemy import text

        tried = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
        limit = text(f"SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_LOCK}'")
        engine = self.engine or self.tables.engine
        with engine.connect() as connection:
            while not connection.scalar(tried, {"name": name or self.study}):
                connection.rollback()
                time.sleep(random.uniform(*TRIES))
            connection.execute(limit)
            yield

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Record a heartbeat for each held trial, from a thread, while the body runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._beat, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(HEARTBEAT)

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(HEARTBEAT):
            for number, identity in [*self.held.items()]:
                with suppress(*self.passing):  # the next beat tries again
                    noted = self.tables.get_trial_user_attrs(identity)
                    if noted.get(HOLDER, {}).get("token") == self.token:
                        self.tables.record_heartbeat(identity)
                    elif number in self.held:
                        self.taken.add(number)

    @cached_property
    def study_id(self) -> int:
        """The number of the study in the database."""
        return self.tables.get_study_id_from_name(self.study)

    def free(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return those of unfinished trials that no living worker trains, ours first."""
        stale = {*self.tables._get_stale_trial_ids(self.study_id)}
        found = [
            one
            for one in trials
            if one.number not in self.held
            and (one._trial_id in stale or not holder(one).get("token"))
        ]
        return sorted(found, key=lambda one: (not self.here(one), one.number))

    def hold(self, trial: FrozenTrial) -> None:
        """Note in the database that this worker trains a trial."""
        self._name_holder(trial, self.token)
        self.tables.record_heartbeat(trial._trial_id)
        self.taken.discard(trial.number)
        self.held[trial.number] = trial._trial_id

    def release(self, trial: FrozenTrial | Trial) -> None:
        """Let any worker go on with a trial at once, or after a while if the database is away."""
        from optuna.exceptions import UpdateFinishedTrialError

        self.held.pop(trial.number, None)
        if not self.lost(trial.number):
            with suppress(*self.passing, UpdateFinishedTrialError):
                self._name_holder(trial, "")

    def _name_holder(self, trial: FrozenTrial | Trial, token: str) -> None:
        value = {"token": token, "machine": self.machine, "place": self.place}
        value["folder"] = str(self.folder.absolute())
        self.tables.set_trial_user_attr(trial._trial_id, HOLDER, value)

    def mine(self, frozen: FrozenTrial) -> bool:
        """Return whether this worker is the one that trains a trial, or has trained it."""
        return holder(frozen).get("token") == self.token

    def here(self, frozen: FrozenTrial) -> bool:
        """Return whether the run of a trial is in the folder of this worker."""
        return holder(frozen).get("place") == self.place

    def lost(self, number: int) -> bool:
        """Return whether another worker has taken over a trial that this one trains."""
        return number in self.taken

    def machines(self, trials: Sequence[FrozenTrial]) -> dict[int, tuple[str, str]]:
        """Return the machine and the folder of each trial; nothing if all share one folder.

        Of machines of one name, the second is called `name (2)`.
        """
        held = {one.number: one.user_attrs[HOLDER] for one in trials if HOLDER in one.user_attrs}
        names: dict[str, str] = {}
        for one in held.values():
            number = sum(name.split(" ")[0] == one["machine"] for name in names.values()) + 1
            numbered = one["machine"] + (f" ({number})" if number > 1 else "")
            names.setdefault(one["place"], numbered)
        if len(names) < 2:
            return {}
        return {
            number: (names[one["place"]], f"{one['machine']}:{one['folder']}")
            for number, one in held.items()
        }


def holder(frozen: FrozenTrial) -> Mapping[str, str]:
    """Return the worker of a trial: `token`, `machine`, `place` (of its folder) and `folder`."""
    found: Mapping[str, str] = frozen.user_attrs.get(HOLDER, {})
    return found


def why(error: BaseException) -> str:
    """Return the reason of the server or of libpq, without SQL around it."""
    from optuna.exceptions import StorageInternalError

    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    return reason(getattr(cause, "orig", None) or cause or error)


def _parsed(text: str, public: bool) -> URL:
    """Return an address that SQLAlchemy takes; no message may repeat it, for it may be secret."""
    if find_spec("psycopg") is None or find_spec("optuna") is None:
        raise ConfigError(
            "a sweep on several machines needs Optuna and psycopg, which are not installed",
            "`pip install 'seqtrain[postgres]'`",
        )
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    where = "`--storage`" if public else VARIABLE
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # whose messages may hold parts of a password
        raise ConfigError(f"{where} is no address of a database", f"`{EXAMPLE}`") from None
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ConfigError(
            f"{where} must be a PostgreSQL database, not {url.get_backend_name()}",
            f"`{EXAMPLE}`; without it, a sweep on one machine keeps its study in its own folder",
        )
    if public and (url.password or any("password" in key for key in url.query)):
        raise ConfigError(
            "`--storage` holds a password, which everyone on this machine can read there", SAFELY
        )
    return url.set(drivername="postgresql+psycopg")
