"""The study of a sweep: Optuna draws the trials, and says which of them are hopeless.

Optuna keeps a study in a database, so a killed sweep goes on with everything it knew. A sampler
is created anew for each trial, with a seed that depends on the trial's number. So a sweep that
goes on draws what it would have drawn without the interruption.
"""

from __future__ import annotations

import json
import math
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from seqtrain.config import Searched
from seqtrain.errors import ConfigError
from seqtrain.schema import search_space
from seqtrain.training.storage import LocalStorage

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

# What is noted of a trial: the folder of its run, why it has no result, what its run has reached.
RUN, WHY, REACHED = "run", "why", "reached"
REDUCTION = 4  # one of so many trials goes on at each halving


def require_installed() -> None:
    """Check that Optuna is installed.

    Raises:
        ConfigError: it is not.
    """
    if find_spec("optuna") is None:
        raise ConfigError(
            "`seqtrain sweep` draws its trials with Optuna, which is not installed",
            "`pip install 'seqtrain[sweep]'`",
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Drop Optuna's messages and its warnings about new features while the body runs."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Study:
    """The trials of a sweep so far, and the next one.

    Args:
        storage: where it is kept.
        searched: its config.

    Raises:
        RunError: its database is damaged, or cannot be reached.
    """

    def __init__(self, storage: LocalStorage, searched: Searched) -> None:
        import optuna

        self.storage = storage
        self.sweep, self.seed = searched.sweep, searched.base.seed
        self.space = self.sweep.space
        self.keys = search_space.ordered(self.space)
        self.grid: list[search_space.Values] = []
        if self.sweep.sampler == "grid":
            self.grid = [*search_space.combinations(self.space, search_space.Domain.grid)]
        higher = searched.base.training.mode == "max"
        try:
            with quiet():
                self.study = optuna.create_study(
                    storage=storage.opened(),
                    study_name=storage.study,
                    direction="maximize" if higher else "minimize",
                    pruner=self._pruner(),
                    load_if_exists=True,
                )
        except Exception as error:  # SQLAlchemy's and Optuna's
            raise storage.broken(error) from error

    def trials(self) -> list[FrozenTrial]:
        """Return all trials so far, in the order of their numbers."""
        return self.study.get_trials(deepcopy=False)

    def now(self, trial: Trial) -> FrozenTrial:
        """Return a trial as it stands in the storage."""
        return self.study._storage.get_trial(trial._trial_id)

    def draw(self) -> Trial:
        """Begin the next trial, and hold it; `values` then draws its values."""
        from optuna.samplers import RandomSampler

        with quiet():
            self.study.sampler = RandomSampler()  # TPE would read all trials before it draws
            trial = self.study.ask()
            self.storage.hold(self.now(trial))
            return trial

    def reopened(self, frozen: FrozenTrial) -> Trial:
        """Return a trial of before, and hold it, to go on with it."""
        from optuna.trial import Trial

        with quiet():
            self.storage.hold(frozen)
            return Trial(self.study, frozen._trial_id)

    def values(self, trial: Trial) -> dict[str, Any]:
        """Return the values of a trial by key: those that it has, or else newly drawn ones."""
        values: dict[str, Any] = {}
        with quiet():
            self.study.sampler = self._sampler(trial.number)
            for key in self.keys:
                if search_space.active(self.space[key], values):
                    values[key] = _value(trial, key, self.space[key])
        return values

    def values_of(self, frozen: FrozenTrial) -> dict[str, Any]:
        """Return the values of a trial of before by key."""
        return {
            key: _read(self.space[key], frozen.params[key])
            for key in self.keys
            if key in frozen.params
        }

    def report(self, trial: Trial, epoch: int, value: float) -> bool:
        """Note the objective after an epoch, and return whether the trial is hopeless."""
        from optuna.exceptions import UpdateFinishedTrialError

        with quiet():
            if math.isfinite(value):
                try:
                    trial.report(value, epoch)
                except UpdateFinishedTrialError:  # by a worker that has taken it over
                    return False
            return bool(trial.should_prune())

    def finish(self, trial: Trial, value: float) -> None:
        """Note the objective of a trial that was trained to its end."""
        with quiet():
            self.study.tell(trial, value)

    def prune(self, trial: Trial) -> None:
        """Note that a trial was ended early."""
        from optuna.trial import TrialState

        with quiet():
            self.study.tell(trial, state=TrialState.PRUNED)

    def fail(self, trial: Trial, why: str) -> None:
        """Note that a trial has no result, and why."""
        from optuna.trial import TrialState

        trial.set_user_attr(WHY, why)
        with quiet():
            self.study.tell(trial, state=TrialState.FAIL)

    def importance(self) -> dict[str, float]:
        """Return which share of the variance of the objective each key explains, by fANOVA.

        Of pruned trials nothing counts; a key that not every trial sets is left out. Empty if
        there are too few trials, if all are equally good, or if there is only one key.

        Source: Hutter, Hoos & Leyton-Brown (2014), An Efficient Approach for Assessing
        Hyperparameter Importance.
        """
        if len(self.keys) == 1:
            return {}
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        with quiet():
            try:
                found = get_param_importances(
                    self.study, evaluator=FanovaImportanceEvaluator(seed=self.seed)
                )
            except (RuntimeError, ValueError):
                return {}
        return {key: value for key, value in found.items() if math.isfinite(value)}

    def _pruner(self) -> optuna.pruners.BasePruner:
        from optuna import pruners

        if self.sweep.pruning == "median":
            return pruners.MedianPruner(self.sweep.pruning_trials, self.sweep.pruning_epochs)
        if self.sweep.pruning == "halving":
            return pruners.SuccessiveHalvingPruner(self.sweep.pruning_epochs, REDUCTION)
        return pruners.NopPruner()

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        """Return the sampler of the trial with this number."""
        from optuna import samplers

        seed = random.Random(f"trial {number} of seed {self.seed}").getrandbits(32)
        if self.sweep.sampler == "tpe":
            return samplers.TPESampler(seed=seed)
        drawing = samplers.RandomSampler(seed=seed)
        if self.sweep.sampler == "random":
            return drawing
        values = self.grid[number]
        params = {key: _written(self.space[key], value) for key, value in values.items()}
        return samplers.PartialFixedSampler(params, drawing)


def unfinished(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that have not ended, whoever trains them."""
    return [one for one in trials if not one.state.is_finished()]


def begun(trials: Iterable[FrozenTrial]) -> int:
    """Return how many trials have a run, or will have one."""
    return sum(RUN in one.user_attrs or not one.state.is_finished() for one in trials)


def _value(trial: Trial, key: str, domain: search_space.Domain) -> Any:
    """Return the value of a key in a trial, drawn by Optuna."""
    if domain.kind == "choice":
        options = [_written(domain, value) for value in domain.choice or ()]
        return _read(domain, trial.suggest_categorical(key, options))
    if domain.kind in search_space.WHOLE:
        low, high = map(int, domain.ends)
        drawn: float = trial.suggest_int(key, low, high, step=domain.step or 1, log=domain.log)
    else:
        drawn = trial.suggest_float(key, *domain.ends, log=domain.log)
    return _read(domain, drawn)


def _written(domain: search_space.Domain, value: Any) -> Any:
    """Return a value as Optuna keeps it: what is chosen as JSON, because it may be a list."""
    return json.dumps(value) if domain.kind == "choice" else value


def _read(domain: search_space.Domain, kept: Any) -> Any:
    """Return a value that Optuna keeps as it stands in a config."""
    return json.loads(kept) if domain.kind == "choice" else domain.rounded(kept)


def alike(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether two trials have the same values."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
