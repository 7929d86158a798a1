"""Search the best config: draw trials, train each as a run in a process, and end hopeless ones.

One process draws the trials and watches the `history.csv` of those that train. A trial is a run
like any other, so a killed sweep resumes its trials exactly.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from seqtrain.backend import devices, execution, memory_estimate
from seqtrain.backend.environment import cores
from seqtrain.config import CompleteConfig, ResolvedConfig, Searched
from seqtrain.data.dataset import Dataset
from seqtrain.display.numbers import readable
from seqtrain.errors import ConfigError, SeqtrainError, TrainingError
from seqtrain.runs.run import PRUNED, Run
from seqtrain.runs.sweeps import (
    BEST,
    TRIALS,
    State,
    SweepFolder,
    TrialRow,
    Trials,
    differences,
    scales,
)
from seqtrain.schema import search_space
from seqtrain.schema.yaml_writer import write_value
from seqtrain.training import seeds
from seqtrain.training.children import Children, at_once, ended, terminate
from seqtrain.training.study import EPOCHS, RUN, WHY, Study, alike, kept

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

USUAL = 20  # trials, where no number is given and there is no grid
POLL = 0.25  # seconds between two looks at a training
MOST_FRUITLESS = 100  # draws in a row that are repeated or not allowed
MOST_FAILED = 3  # trials that fail before any other ends, after which the sweep ends
SEEDS = "seeds.json"  # which runs retrain the best trial

log = logging.getLogger(__name__)


def prepare(
    searched: Searched, outputs: Path, data_dir: Path | None, new: bool = False
) -> SweepFolder:
    """Return the folder of the sweep to go on with, or of a new one.

    The data are loaded once, so that errors are shown before anything is written.

    Args:
        searched: a config with a search space.
        outputs: the folder of all runs.
        data_dir: a folder to look for data files in.
        new: begin a new sweep in any case.

    Raises:
        ConfigError: the newest sweep of this name is unfinished and searches something else.
        DataError: the data cannot be read.
    """
    found = None if new else SweepFolder.newest(outputs, searched.base.name)
    if found:
        differing = differences(found.config, searched.base)
        if not differing:
            return found
        if not (found.has(TRIALS) and found.trials().done):
            told = "\n".join(differing)
            raise ConfigError(
                f"the sweep `{found.folder}` is unfinished, and the config has changed:\n{told}",
                "change these keys back to go on with it, or begin another sweep: `--new`",
            )
    memory_estimate.check(searched.base)
    devices.require_one_process(searched.base.execution, "sweep")
    execution.resolve(searched.base, searched.base.dataset.load(data_dir))
    return SweepFolder.create(outputs, searched)


def number_of_trials(searched: Searched) -> int:
    """Return how many trials a config asks for."""
    sweep = searched.sweep
    if sweep.sampler != "grid":
        return sweep.trials or USUAL
    every = search_space.combinations(sweep.space, search_space.Domain.grid)
    return sweep.trials or sum(1 for _ in every)


def run(
    folder: SweepFolder, searched: Searched, asked: int, jobs: int, data_dir: Path | None
) -> Trials:
    """Train trials until so many have ended, and write the tables and the best config.

    Args:
        folder: a new sweep, or one to go on with.
        searched: its config.
        asked: the number of trials, with those that it already has.
        jobs: how many to train at once, each with its share of the processor cores.
        data_dir: a folder to look for data files in.

    Raises:
        TrainingError: the first trials have all failed, or no trial was trained to its end.
        KeyboardInterrupt: Ctrl-C or SIGTERM; raised after all trainings have ended with a
            checkpoint.
    """
    with folder.locked(), folder.logging(), kept(folder.folder):
        search = Search(folder, searched, asked, at_once(jobs, "trials"), data_dir)
        if search.left:
            asyncio.run(search.train())
        if stopped := search.children.asked or search.failure:
            search.write()
            raise stopped
        return search.finish()


def retrain(
    folder: SweepFolder, outputs: Path, count: int, jobs: int, data_dir: Path | None
) -> list[Run]:
    """Train the best configuration of a sweep with the seeds after that of the trials.

    The seed of the trials is left out, because chance has favoured the best of them.

    Returns:
        The runs, which are a group; those of an interrupted sweep are resumed.
    """
    best = folder.run(folder.trials().finished[0].number)
    runs: list[Run] = []
    if folder.has(SEEDS):
        kept = folder.read_json(SEEDS, dict)
        if kept.get("trial") == best.folder.name and kept.get("count") == count:
            group = folder.folder.parent / str(kept.get("group"))
            runs = [Run(group / f"seed-{best.config.seed + n}") for n in range(1, count + 1)]
            runs = runs if all(one.has("config.yaml") for one in runs) else []
    if not runs:
        config = best.config.model_copy(update={"seed": best.config.seed + 1})
        runs = seeds.prepare(config, count, outputs, data_dir)
        group_name = runs[0].folder.parent.name
        kept = {"trial": best.folder.name, "count": count, "group": group_name}
        folder.write_json(SEEDS, kept)
    left = [one for one in runs if not one.finished]
    if left:
        seeds.train(left, jobs, data_dir)
    return runs


class Search:
    """The trainings of a sweep, some at once.

    Attributes:
        failure: the error that ends the sweep, if its first trials have all failed.
    """

    def __init__(
        self,
        folder: SweepFolder,
        searched: Searched,
        asked: int,
        jobs: int,
        data_dir: Path | None,
    ) -> None:
        self.folder, self.searched, self.asked, self.jobs = folder, searched, asked, jobs
        self.data_dir = data_dir
        self.study = Study(folder.folder, searched)
        self.size = search_space.size(searched.sweep.space)
        self.children = Children(data_dir)
        self.interrupted = [one for one in self.study.trials() if not one.state.is_finished()]
        self.rows: dict[int, TrialRow] = {}  # of trials that have ended
        self.data: tuple[Any, Dataset] | None = None  # the last dataset, with its config
        self.failure: TrainingError | None = None

    @property
    def left(self) -> bool:
        """Whether there may be something to train."""
        return bool(self.interrupted) or self._begun() < self.asked

    async def train(self) -> None:
        """Train trials until enough have ended; an error ends all trainings."""
        self.children.listen()
        if self.study.trials():
            log.info("going on with %s", self.folder.folder)
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
        """Train one trial after the other."""
        while not (self.children.asked or self.failure):
            begun = self._next()
            if begun is None:
                return
            await self._train(*begun)

    def _next(self) -> tuple[Trial, Run] | None:
        """Return an interrupted trial or a new one, or None if there is none left."""
        while self.interrupted:
            frozen = self.interrupted.pop(0)
            if begun := self._begin(self.study.reopened(frozen)):
                return begun
        fruitless = 0
        while self._begun() < self.asked and not self._exhausted(fruitless):
            if begun := self._begin(self.study.draw()):
                return begun
            fruitless += 1
        return None

    def _begun(self) -> int:
        """Return how many trials have a run."""
        return sum(RUN in one.user_attrs for one in self.study.trials())

    def _exhausted(self, fruitless: int) -> bool:
        """Return whether no further combination can be found."""
        if self.study.grid:
            return len(self.study.trials()) >= len(self.study.grid)
        if self.size is not None and self._begun() >= self.size:
            log.info("all %d combinations of the space have been tried", self.size)
            return True
        if fruitless >= MOST_FRUITLESS:
            log.warning("the last %d draws gave no new combination: the sweep ends", fruitless)
            return True
        return False

    def _begin(self, trial: Trial) -> tuple[Trial, Run] | None:
        """Return a trial with its run; None if its combination cannot be trained."""
        values = self.study.values(trial)
        run = self.folder.run(trial.number)
        if RUN in trial.user_attrs:
            if run.has("config.yaml"):
                return trial, run
            self._skip(trial, f"the folder {run.folder} was deleted")
            return None
        for other in self.study.trials():
            if RUN in other.user_attrs and alike(self.study.values_of(other), values):
                self._skip(trial, f"it repeats {other.user_attrs[RUN]}")
                return None
        try:
            config = self._resolved(values)
        except SeqtrainError as error:
            self._skip(trial, f"not allowed: {error.message}")
            return None
        run = Run.create_trial(self.folder.folder, trial.number, config)
        trial.set_user_attr(RUN, run.folder.name)
        return trial, run

    def _skip(self, trial: Trial, why: str) -> None:
        log.info("trial-%d is skipped, %s", trial.number, why)
        self.study.fail(trial, why)

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
        watched = _Watched(self.study, trial, run)
        with TemporaryFile() as messages:
            code = await self._trained(watched, messages)
            if self.children.asked and not run.finished:
                return
            self._settle(watched, code, messages)
        self.write()

    async def _trained(self, watched: _Watched, messages: IO[bytes]) -> int:
        """Train the run of a trial until it ends or is hopeless; return its last exit code."""
        code = 0
        while not (watched.look() or watched.run.finished or self.children.asked):
            if watched.run.training:  # by a process that a killed sweep has left behind
                await asyncio.sleep(POLL)
                continue
            child = await self.children.start(watched.run, messages)
            code = await self._end(child, watched)
            if not (code and watched.run.training):  # else that process was faster
                return code
        return code

    async def _end(self, child: Process, watched: _Watched) -> int:
        """Wait for the end of a training, and end it if it is hopeless."""
        ending = asyncio.ensure_future(self.children.end_of(child))
        while not ending.done():
            await asyncio.wait([ending], timeout=POLL)
            if not watched.hopeless and watched.look():
                terminate(child)
        return ending.result()

    def _settle(self, watched: _Watched, code: int, messages: IO[bytes]) -> None:
        """Note how a trial has ended."""
        trial, run = watched.trial, watched.run
        name = run.folder.name
        if watched.look():
            trial.set_user_attr(EPOCHS, watched.seen)
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
        trials = Trials(
            monitor=self.searched.base.training.monitor,
            asked=self.asked,
            done=done,
            scales=scales(sweep.space),
            rows=[self._row(frozen) for frozen in self.study.trials()],
            importance=self.study.importance() if done else {},
        )
        self.folder.write_trials(trials)
        return trials

    def _row(self, frozen: FrozenTrial) -> TrialRow:
        if frozen.number in self.rows:
            return self.rows[frozen.number]
        row = row_of(frozen, self.study.values_of(frozen), self.folder.run(frozen.number))
        if frozen.state.is_finished():
            self.rows[frozen.number] = row
        return row


class _Watched:
    """A trial while its run trains: each finished epoch is reported once.

    Attributes:
        seen: the number of epochs that were reported.
        hopeless: whether the trial should be ended.
    """

    def __init__(self, study: Study, trial: Trial, run: Run) -> None:
        self.study, self.trial, self.run = study, trial, run
        self.seen = 0
        self.hopeless = False

    def look(self) -> bool:
        """Report the epochs that were finished since the last look; return whether to end it.

        Epochs after the one that was judged hopeless do not count, so that the result does not
        depend on how soon the training has ended.
        """
        if self.hopeless or not self.run.has("history.csv"):
            return self.hopeless
        for value in self.run.column(self.run.config.training.monitor)[self.seen :]:
            self.seen += 1
            if self.study.report(self.trial, self.seen, value):
                self.hopeless = True
                break
        return self.hopeless


def row_of(frozen: FrozenTrial, values: Mapping[str, Any], run: Run) -> TrialRow:
    """Return a trial as a row of the table, with what its run has reached."""
    from optuna.trial import TrialState

    names: dict[TrialState, State] = {
        TrialState.COMPLETE: "finished",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed" if RUN in frozen.user_attrs else "skipped",
    }
    state = names.get(frozen.state, "unfinished")
    row = TrialRow(frozen.number, state, values, why=frozen.user_attrs.get(WHY))
    if RUN not in frozen.user_attrs:
        return row
    try:
        counted = frozen.user_attrs.get(EPOCHS)  # of a pruned trial
        training = run.config.training
        epochs = run.history()[:counted]
        best = min(epochs, key=training.rank)
        seconds = sum(epoch["seconds"] for epoch in run.read_table("timing.csv")[:counted])
        return replace(
            row,
            value=best[training.monitor],
            best_epoch=epochs.index(best) + 1,
            epochs=len(epochs),
            seconds=seconds,
        )
    except (SeqtrainError, KeyError):  # no epoch has ended, or a file is damaged
        return row


def shown(values: Mapping[str, Any]) -> str:
    """Return the values of a trial as the arguments that `train` takes."""
    return " ".join(f"{key}={write_value(value)}" for key, value in values.items())


def last_error(messages: IO[bytes]) -> str:
    """Return the last error that a training has printed, without its hint."""
    messages.seek(0)
    lines = messages.read().decode(errors="replace").splitlines()
    found = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return found[-1] if found else ""


def draw(folder: SweepFolder) -> None:
    """Draw the pictures of a sweep, or log why not: a picture must never cost a result."""
    from seqtrain.training.loop import spared

    with spared(f"no pictures could be drawn; draw again: `seqtrain plot {folder.folder}`"):
        from seqtrain import plots

        plots.draw_sweep(folder.trials(), folder.plots)
