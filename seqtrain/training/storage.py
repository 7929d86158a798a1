"""Where the study of a sweep is kept: a database in its folder, which one process writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain.errors import RunError, TrainingError, reason

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, Trial

DATABASE = "study.db"
BY_THE_SAME = "fix that, then go on with the sweep by the same command"


class LocalStorage:
    """An SQLite database in the folder of a sweep.

    Attributes:
        shared: whether workers on other machines write it too.
        study: the name of the study in it.
        held: the trials that this process trains: their number in the study, and in the database.
    """

    shared = False
    # Errors of a database that may be there again after a while, so that it is tried again.
    passing: tuple[type[Exception], ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study = "sweep"
        self.held: dict[int, int] = {}

    @property
    def named(self) -> str:
        """What a message calls it."""
        return str(self.folder / DATABASE)

    def opened(self) -> BaseStorage:
        """Return it as Optuna's storage."""
        from optuna.storages import RDBStorage

        return RDBStorage(f"sqlite:///{(self.folder / DATABASE).absolute()}")

    def close(self) -> None:
        """Close the connections to it."""

    def broken(self, error: Exception) -> RunError:
        """Return the error for a database that cannot be opened."""
        hint = "begin another sweep: add `--new` to the command"
        return RunError(f"{self.named} is damaged: {reason(error)}", hint)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn an error of the database while the body runs into a sentence.

        Raises:
            TrainingError: it cannot be read or written.
        """
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (StorageInternalError, SQLAlchemyError) as error:
            raise self.away(error) from error

    def away(self, error: Exception) -> TrainingError:
        """Return the error for a database that stays unusable."""
        why = reason(error.__cause__ or error)
        return TrainingError(f"{self.named} cannot be written: {why}", BY_THE_SAME)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other workers from drawing and settling trials while the body runs."""
        return nullcontext()

    def beating(self) -> AbstractContextManager[None]:
        """Show other workers that this one lives while the body runs."""
        return nullcontext()

    def free(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return those of unfinished trials that no living worker trains."""
        return [one for one in trials if one.number not in self.held]

    def hold(self, trial: FrozenTrial) -> None:
        """Note that this worker trains a trial."""
        self.held[trial.number] = trial._trial_id

    def release(self, trial: FrozenTrial | Trial) -> None:
        """Note that this worker no longer trains a trial, which has not ended."""
        self.held.pop(trial.number, None)

    def mine(self, frozen: FrozenTrial) -> bool:
        """Return whether this worker is the one that trains a trial, or has trained it."""
        return True

    def here(self, frozen: FrozenTrial) -> bool:
        """Return whether the run of a trial is in the folder of this worker."""
        return True

    def lost(self, number: int) -> bool:
        """Return whether another worker has taken over a trial that this one trains."""
        return False

    def machines(self, trials: Sequence[FrozenTrial]) -> dict[int, tuple[str, str]]:
        """Return the machine and the folder of each trial, where these are several."""
        return {}
