"""Search the best config: draw trials, train each as a run in a process, and end hopeless ones.

One process draws the trials and watches the `history.csv` of those that train. A trial is a run
like any other, so a killed sweep resumes its trials exactly. Where several workers share a study,
each does so for its own trials, and for those of workers that have died.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, TypeVar

from seqtrain.backend import execution, memory_estimate
from seqtrain.backend.environment import cores
from seqtrain.config import CompleteConfig, ResolvedConfig, Searched
from seqtrain.data.dataset import Dataset
from seqtrain.display.numbers import readable
from seqtrain.display.sentences import listed
from seqtrain.errors import SeqtrainError, TrainingError
from seqtrain.runs.run import PRUNED, Run
from seqtrain.runs.sweeps import BEST, TRIALS, SweepFolder, TrialRow, Trials, scales
from seqtrain.schema import search_space
from seqtrain.training.children import Children, at_once, ended, terminate
from seqtrain.training.shared_storage import holder
from seqtrain.training.storage import LocalStorage
from seqtrain.training.study import REACHED, RUN, WHY, Study, alike, begun, unfinished
from seqtrain.training.trial_watch import Watched, last_error, reached, row_of, shown

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

POLL = 0.25  # seconds between two looks at a training
WAIT = 5.0  # seconds between two looks at the trials of others
AGAIN = 5.0  # seconds between two tries to reach a database that does not answer
PATIENCE = 600.0  # seconds of such tries, after which a worker that trains nothing ends
MOST_FRUITLESS = 100  # draws in a row that are repeated or not allowed
MOST_FAILED = 3  # trials that fail before any other ends, after which the sweep ends

T = TypeVar("T")

log = logging.getLogger(__name__)


class _GivenUpError(Exception):
    """The database does not answer, and this worker ends."""


@dataclass
class Search:
    """The trainings of a sweep, some at once.

    Attributes:
        folder: a new sweep, or one to go on with.
        storage: where its study is kept.
        searched: its config.
        asked: the number of trials, with those that it already has.
        jobs: how many to train at once, each with its share of the processor cores.
        data_dir: a folder to look for data files in.
        failure: the error that ends the sweep, if its first trials have all failed, or if its
            database does not answer.
    """

    folder: SweepFolder
    storage: LocalStorage
    searched: Searched
    asked: int
    jobs: int
    data_dir: Path | None
    failure: TrainingError | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Begin with no trial known."""
        self.jobs = at_once(self.jobs, "trials")
        self.size = search_space.size(self.searched.sweep.space)
        self.children = Children(self.data_dir)
        self.exhausted = False  # whether no further combination can be found
        self.told: set[object] = set()  # what was logged, to log it only once
        self.rows: dict[int, TrialRow] = {}  # of trials that have ended
        self.data: tuple[Any, Dataset] | None = None  # the last dataset, with its config

    @cached_property
    def study(self) -> Study:
        """The trials so far; opened only once this process may write it."""
        return Study(self.storage, self.searched)

    def run(self) -> Trials:
        """Train trials until so many have ended, and write the tables and the best config.

        Raises:
            TrainingError: the first trials have all failed, no trial was trained to its end, or
                the database does not answer.
            KeyboardInterrupt: Ctrl-C or SIGTERM; raised after all trainings have ended with a
                checkpoint.
        """
        shared = self.storage.shared
        alone = self.folder.working(socket.gethostname()) if shared else self.folder.locked()
        with alone, self.storage.guarded():
            if self.left:
                with self.storage.beating():
                    asyncio.run(self.train())
            if stopped := self.children.asked or self.failure:
                with suppress(*self.storage.passing):
                    self.write()
                raise stopped
            return self.finish()

    @property
    def left(self) -> bool:
        """Whether there may be something to train."""
        trials = self.study.trials()
        return bool(unfinished(trials)) or begun(trials) < self.asked

    async def train(self) -> None:
        """Train trials until enough have ended; an error ends all trainings."""
        self.children.listen()
        if self.study.trials():
            log.info("going on with %s", self.folder.folder)
        for frozen in self.study.trials():
            run = self.folder.run(frozen.number)
            # Others are gathered from another machine.
            if not (run.finished or run.has(PRUNED) or WHY in frozen.user_attrs):
                self._set_aside(frozen)
        try:
            await asyncio.gather(*(self._work() for _ in range(self.jobs)))
        finally:
            self.children.end()

    def finish(self) -> Trials:
        """Write the table, the best config and the pictures, and return the trials."""
        trials = self.write(done=True)
        if not trials.finished:
            raise TrainingError(
                f"no trial was trained to its end: {trials.count()}",
                f"the reasons are in {self.folder.folder / TRIALS}",
            )
        best = trials.finished[0]
        score = f"{trials.monitor} {readable(best.score)} in epoch {best.best_epoch}"
        title = f"# The best of {trials.count()}: trial-{best.number}, {score}.\n"
        self.folder.write_text(BEST, title + self.searched.trial(best.values).to_yaml())
        draw(self.folder)
        return trials

    async def _work(self) -> None:
        """Train one trial after the other, and wait for the trials of other workers."""
        try:
            while not (self.children.asked or self.failure):
                trial = await self._answered(self._take)
                if trial is not None:
                    if run := await self._begin(trial):
                        await self._train(trial, run)
                elif self.storage.shared and (others := await self._answered(self._waiting_for)):
                    if others not in self.told:
                        log.info("waiting for %s", others)
                        self.told.add(others)
                    await asyncio.sleep(WAIT)
                else:
                    return
        except _GivenUpError:
            return

    async def _answered(self, action: Callable[..., T], *arguments: Any) -> T:
        """Return what an action on the study returns; try again while the database is away.

        Raises:
            _GivenUpError: it has been away for too long, or this worker shall end.
        """
        since = time.monotonic()
        while True:
            try:
                return action(*arguments)
            except self.storage.passing as error:
                away = self.storage.away(error)
                if time.monotonic() - since > PATIENCE:
                    self.failure = self.failure or away
                if self.children.asked or self.failure:
                    raise _GivenUpError from error
                self._warn(away.message)
            await asyncio.sleep(AGAIN)

    def _warn(self, message: str) -> None:
        """Log once that the database is away."""
        if message not in self.told:
            log.warning("%s; trying again every %g seconds", message, AGAIN)
            self.told.add(message)

    def _waiting_for(self) -> str:
        """Return the trials that other workers train, as a text."""
        others = [
            one for one in unfinished(self.study.trials()) if one.number not in self.storage.held
        ]
        names = [f"trial-{one.number} on {holder(one).get('machine')}" for one in others]
        return listed(names, "and") if names else ""

    def _take(self) -> Trial | None:
        """Return an interrupted trial or a new one, which is now ours; None if none is left."""
        trials = self.study.trials()
        if not (self.storage.free(unfinished(trials)) or self._more(trials)):
            return None  # a thousand waiting workers must not ask for the lock
        with self.storage.locked():
            trials = self.study.trials()  # once, because of a thousand workers it is long
            for frozen in self.storage.free(unfinished(trials)):
                self._tell_takeover(frozen)
                return self.study.reopened(frozen)
            return self.study.draw() if self._more(trials) else None

    def _more(self, trials: Sequence[FrozenTrial]) -> bool:
        """Return whether there are trials to draw."""
        return begun(trials) < self.asked and not self._exhausted(trials)

    def _tell_takeover(self, frozen: FrozenTrial) -> None:
        """Log that a trial of another worker goes on here, and from where."""
        if not self.storage.shared or RUN not in frozen.user_attrs:
            return
        name, run = f"trial-{frozen.number}", self.folder.run(frozen.number)
        machine = holder(frozen).get("machine")
        if run.has("config.yaml"):
            how = f"goes on in {run.folder}" if run.begun else "had not trained an epoch"
            log.info("%s is taken over from %s, and %s", name, machine, how)
        else:
            where = f"{machine}:{holder(frozen).get('folder')}"
            log.info("%s is taken over, and starts anew: its run is in %s", name, where)

    def _exhausted(self, trials: Sequence[FrozenTrial]) -> bool:
        """Return whether no further combination can be found."""
        if self.exhausted:
            return True
        if self.study.grid:
            return len(trials) >= len(self.study.grid)
        if self.size is not None and begun(trials) >= self.size:
            log.info("all %d combinations of the space have been tried", self.size)
            self.exhausted = True
        elif len(trials) >= MOST_FRUITLESS and not begun(trials[-MOST_FRUITLESS:]):
            told = "the last %d draws gave no new combination: the sweep ends"
            log.warning(told, MOST_FRUITLESS)
            self.exhausted = True
        return self.exhausted

    async def _begin(self, trial: Trial) -> Run | None:
        """Return the run of a trial; None if its combination cannot be trained."""
        values = await self._answered(self.study.values, trial)
        run = self.folder.run(trial.number)
        if run.has("config.yaml"):
            await self._answered(trial.set_user_attr, RUN, run.folder.name)
            return run
        frozen = await self._answered(self.study.now, trial)
        if RUN in frozen.user_attrs and not self.storage.shared:
            await self._answered(self._skip, trial, f"the folder {run.folder} was deleted")
            return None
        try:
            config = self._resolved(values)
        except SeqtrainError as error:
            await self._answered(self._skip, trial, f"not allowed: {error.message}")
            return None
        return await self._answered(self._create, trial, values, config)

    def _create(
        self, trial: Trial, values: Mapping[str, Any], config: ResolvedConfig
    ) -> Run | None:
        """Return the new run of a trial; None if another trial has the same values."""
        with self.storage.locked():
            for other in self.study.trials():
                different = other.number != trial.number and RUN in other.user_attrs
                if different and alike(self.study.values_of(other), values):
                    self._skip(trial, f"it repeats {other.user_attrs[RUN]}")
                    return None
            run = Run.create_trial(self.folder.folder, trial.number, config)
            trial.set_user_attr(RUN, run.folder.name)
            return run

    def _skip(self, trial: Trial, why: str) -> None:
        log.info("trial-%d is skipped, %s", trial.number, why)
        self.study.fail(trial, why)
        self.storage.held.pop(trial.number, None)

    def _resolved(self, values: Mapping[str, Any]) -> ResolvedConfig:
        """Return the config of a trial, whose threads are its share of the cores.

        Raises:
            ConfigError: the combination is not allowed, or needs too much memory.
            DataError: the data cannot be read with it.
        """
        config = self.searched.trial(values)
        memory_estimate.check(config)
        resolved = execution.resolve(config, self._dataset(config))
        share = max(cores() // self.jobs, 1)
        threads = resolved.execution.threads
        if config.execution.threads != "auto" or threads == "auto" or threads <= share:
            return resolved
        shared = resolved.execution.model_copy(update={"threads": share})
        return resolved.model_copy(update={"execution": shared})

    def _dataset(self, config: CompleteConfig) -> Dataset:
        """Load the data of a trial, or return those of the trial before if they are the same."""
        if self.data is None or self.data[0] != config.dataset:
            self.data = None  # not two at once
            self.data = (config.dataset, config.dataset.load(self.data_dir))
        return self.data[1]

    async def _train(self, trial: Trial, run: Run) -> None:
        """Train a trial from where it is, unless it is hopeless, and note how it ended."""
        log.info("trial-%d: %s", trial.number, shown(self.study.values(trial)))
        watched = Watched(self.study, trial, run)
        with TemporaryFile() as messages:
            code = await self._trained(watched, messages)
            if self.children.asked and not run.finished:
                self.storage.release(trial)
                return
            await self._answered(self._settle, watched, code, messages)
        self.storage.held.pop(trial.number, None)
        await self._answered(self.write)

    async def _trained(self, watched: Watched, messages: IO[bytes]) -> int:
        """Train the run of a trial until it ends or is hopeless; return its last exit code."""
        code = 0
        while not (self._glance(watched) or watched.run.finished or self.children.asked):
            if watched.run.training:  # by a process that a killed sweep has left behind
                await asyncio.sleep(POLL)
                continue
            child = await self.children.start(watched.run, messages)
            code = await self._end(child, watched)
            if not (code and watched.run.training):  # else that process was faster
                return code
        return code

    async def _end(self, child: Process, watched: Watched) -> int:
        """Wait for the end of a training, and end it if it is hopeless, or no longer ours."""
        ending = asyncio.ensure_future(self.children.end_of(child))
        asked = False
        while not ending.done():
            await asyncio.wait([ending], timeout=POLL)
            if not asked and self._glance(watched):
                terminate(child)
                asked = True
        return ending.result()

    def _glance(self, watched: Watched) -> bool:
        """Return whether to end a training; without a database it goes on."""
        if watched.lost or time.monotonic() < watched.patient_until:
            return watched.lost
        try:
            return watched.look()
        except self.storage.passing as error:
            watched.patient_until = time.monotonic() + AGAIN
            self._warn(f"{self.storage.away(error).message}, but the training goes on")
            return False

    def _settle(self, watched: Watched, code: int, messages: IO[bytes]) -> None:
        """Note how a trial has ended, unless another worker has noted it already."""
        with self.storage.locked():
            now = self.study.now(watched.trial)
            if now.state.is_finished() or not (self.storage.mine(now) or watched.run.finished):
                if not self.storage.mine(now):
                    machine = holder(now).get("machine")
                    log.warning("trial-%d was taken over by %s", now.number, machine)
                    self._set_aside(now)
                return
            if not self.storage.mine(now):
                self.storage.hold(now)  # we were faster than the worker that has taken it over
            self._note(watched, code, messages)

    def _note(self, watched: Watched, code: int, messages: IO[bytes]) -> None:
        """Note how a trial has ended."""
        trial, run = watched.trial, watched.run
        name = run.folder.name
        hopeless = watched.look()
        trial.set_user_attr(REACHED, reached(run, watched.seen if hopeless else None))
        if hopeless:
            run.write_json(PRUNED, {"epoch": watched.seen})
            self.study.prune(trial)
            log.info("%s: pruned after epoch %d", name, watched.seen)
            return
        why = last_error(messages) or (ended(code) if code else "")
        try:
            if run.finished:
                self.study.finish(trial, run.best_score())
                log.info("%s: %s", name, self._reached(run))
                return
        except SeqtrainError as error:
            why = error.message
        self.study.fail(trial, why or "it has not finished")
        log.warning("%s failed: %s", name, why)
        others = [one for one in self.study.trials() if RUN in one.user_attrs]
        failed = [one for one in others if WHY in one.user_attrs]
        if len(failed) >= MOST_FAILED and all(
            one in failed for one in others if one.state.is_finished()
        ):
            self.failure = TrainingError(
                f"all {len(failed)} trials so far have failed; the last, {name}: {why}",
                f"look at it: `seqtrain resume {run.folder}`; then begin anew with `--new`",
            )

    def _set_aside(self, frozen: FrozenTrial) -> None:
        """Rename the folder of a trial that another machine has begun anew."""
        run = self.folder.run(frozen.number)
        if run.has("config.yaml") and not (self.storage.here(frozen) or run.training):
            log.info("%s is kept as %s", run.folder.name, self.folder.set_aside(run))

    def _reached(self, run: Run) -> str:
        monitor = self.searched.base.training.monitor
        best = self.study.study.best_trial
        score = f"{monitor} {readable(run.best_score())} in epoch {run.best_epoch()}"
        if best.user_attrs[RUN] == run.folder.name:
            return f"{score}, the best so far"
        return f"{score}; the best so far is {best.user_attrs[RUN]}, {readable(best.value or 0.0)}"

    def write(self, done: bool = False) -> Trials:
        """Write the table of all trials, and return it."""
        sweep = self.searched.sweep
        every = self.study.trials()
        machines = self.storage.machines(every)
        trials = Trials(
            monitor=self.searched.base.training.monitor,
            asked=self.asked,
            done=done,
            scales=scales(sweep.space),
            rows=[
                replace(self._row(one), machine=machines.get(one.number, (None,))[0])
                for one in every
            ],
            importance=self.study.importance() if done else {},
            folders=dict(machines.values()),
        )
        self.folder.write_trials(trials)
        return trials

    def _row(self, frozen: FrozenTrial) -> TrialRow:
        if frozen.number in self.rows:
            return self.rows[frozen.number]
        run = self.folder.run(frozen.number) if self.storage.here(frozen) else None
        row = row_of(frozen, self.study.values_of(frozen), run)
        if frozen.state.is_finished():
            self.rows[frozen.number] = row
        return row


def draw(folder: SweepFolder) -> None:
    """Draw the pictures of a sweep, or log why not: a picture must never cost a result."""
    from seqtrain.training.loop import spared

    with spared(f"no pictures could be drawn; draw again: `seqtrain plot {folder.folder}`"):
        from seqtrain import plots

        plots.draw_sweep(folder.trials(), folder.plots)
