"""The folder of a sweep: its trials as runs, and plain files about all of them."""

from __future__ import annotations

import itertools
import json
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from seqtrain.config import CompleteConfig, Searched, load_config
from seqtrain.display.sentences import counted
from seqtrain.errors import RunError
from seqtrain.io import naming
from seqtrain.io.atomic import adding, drop_unfinished
from seqtrain.runs import folders, run_log
from seqtrain.runs.run import Run
from seqtrain.runs.run_files import Artifacts
from seqtrain.schema import search_space
from seqtrain.tasks import Metric, metric

CONFIG, TRIALS, BEST = "sweep.yaml", "sweep.json", "best.yaml"
SHARED = "shared.json"  # of a sweep whose study is in a database that several workers share

State = Literal["finished", "pruned", "failed", "unfinished", "skipped"]


@dataclass(frozen=True)
class TrialRow:
    """A trial of a sweep, as `sweep.json` holds it.

    Attributes:
        number: from 0, in the order in which the trials were drawn.
        state: `skipped` trials were not trained: their combination is not allowed, or repeated.
        values: of the keys of the search space.
        value: the objective in the best epoch so far.
        best_epoch: that epoch, from 1.
        epochs: how many epochs were trained.
        seconds: what all these epochs took.
        why: why it failed, or was skipped.
        machine: where its run is, if the machines of a sweep have folders of their own.
    """

    number: int
    state: State
    values: Mapping[str, Any]
    value: float | None = None
    best_epoch: int | None = None
    epochs: int | None = None
    seconds: float | None = None
    why: str | None = None
    machine: str | None = None

    @property
    def score(self) -> float:
        """The objective; not a number if no epoch has ended."""
        return math.nan if self.value is None else self.value


@dataclass(frozen=True)
class Trials:
    """The trials of a sweep, best first, as `sweep.json` holds them.

    Attributes:
        monitor: the objective, such as `val_accuracy`.
        asked: how many trials were asked for.
        done: whether the sweep has ended, so that no trial is left.
        scales: `choice`, `linear` or `log` for each key of the search space.
        rows: of all trials.
        importance: which share of the variance of the objective each key explains.
        folders: the folder of the sweep on each machine, if they have folders of their own.
    """

    monitor: str
    asked: int
    done: bool
    scales: Mapping[str, str]
    rows: Sequence[TrialRow]
    importance: Mapping[str, float] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)

    @property
    def metric(self) -> Metric:
        """The metric of the objective."""
        return metric(self.monitor.removeprefix("val_"))

    @property
    def trained(self) -> list[TrialRow]:
        """The trials that are runs, best first: finished ones before others."""
        found = [row for row in self.rows if row.state != "skipped"]
        return sorted(found, key=self._rank)

    @property
    def finished(self) -> list[TrialRow]:
        """The trials that were trained to their end, best first."""
        return [row for row in self.trained if row.state == "finished"]

    def _rank(self, row: TrialRow) -> tuple[bool, float, int]:
        signed = -row.score if self.metric.higher else row.score
        return row.state != "finished", math.inf if math.isnan(signed) else signed, row.number

    def count(self) -> str:
        """Return how many trials ended in which way, as a sentence."""
        states = [row.state for row in self.rows]
        words = [counted(len(self.trained), "trial")]
        others = {word: states.count(word) for word in ("pruned", "failed", "unfinished")}
        words += [f"{number} {word}" for word, number in others.items() if number]
        if skipped := states.count("skipped"):
            words.append(f"{counted(skipped, 'combination')} skipped")
        return ", ".join(words)


@dataclass(frozen=True)
class SweepFolder(Artifacts):
    """The folder of a sweep: `outputs/<name>/<UTC time>-<4 hex>-sweep/`.

    It holds `trial-<number>/` for each run, `sweep.yaml` (what is searched), `study.db` (the state
    of the search), `sweep.json` (the trials as a table), `best.yaml` (the config of the best
    trial), and `plots/`. Where several workers share a sweep, a database holds its state, and each
    folder that they have holds `shared.json`.
    """

    @classmethod
    def create(cls, outputs: Path, searched: Searched) -> SweepFolder:
        """Create a new folder, and write into it what is searched.

        Raises:
            RunError: the folder cannot be created.
        """
        with folders.made_in(outputs):
            made = cls(folders.new_folder(outputs / searched.base.name, folders.SWEEP))
            made.write_text(CONFIG, searched.to_yaml())
        return made

    @classmethod
    def joined(cls, outputs: Path, study: str, database: str, config: str) -> SweepFolder:
        """Return the folder of a sweep that several workers share, which is made if it is missing.

        Args:
            outputs: the folder of all runs, which the machines may share.
            study: `<name>/<folder>`, as the database calls it.
            database: what a message calls the database; it holds no password.
            config: what is searched, as YAML.

        Raises:
            RunError: the folder cannot be created.
        """
        made = cls(outputs / study)
        with folders.made_in(outputs):
            made.folder.mkdir(parents=True, exist_ok=True)
            if not made.has(CONFIG):
                made.write_text(CONFIG, config)
            with suppress(FileExistsError), adding(made.folder / SHARED) as beside:
                place = {"study": study, "database": database, "place": secrets.token_hex(8)}
                beside.write_text(json.dumps(place, indent=2) + "\n", encoding="utf-8")
        return made

    @property
    def place(self) -> str:
        """What tells this folder from that of the same sweep on another machine."""
        return str(self.read_json(SHARED, dict).get("place"))

    @classmethod
    def newest(cls, outputs: Path, name: str) -> SweepFolder | None:
        """Return the newest sweep of a name, if there is one."""
        every = map(cls, folders.sweeps_in(outputs / name))
        return next((found for found in [*every][::-1] if found.has(CONFIG)), None)

    @property
    def again(self) -> str:
        """The hint for a folder with a missing or damaged file."""
        return "run the sweep again: `seqtrain sweep CONFIG`"

    @property
    def plots(self) -> Path:
        """The folder of the pictures."""
        return self.folder / folders.PLOTS

    @property
    def config(self) -> CompleteConfig:
        """What is searched, as it was when the sweep began.

        Raises:
            ConfigError: it is damaged.
        """
        return load_config(self.folder / CONFIG)

    def run(self, number: int) -> Run:
        """Return the run of a trial, which may not exist yet."""
        return Run(self.folder / f"trial-{number}")

    def trials(self) -> Trials:
        """Return the trials, as they were last written.

        Raises:
            RunError: there are none yet, or the file is damaged.
        """
        found = self.read_json(TRIALS, dict)
        try:
            return Trials(**{**found, "rows": [TrialRow(**row) for row in found["rows"]]})
        except (KeyError, TypeError) as error:
            raise self.damaged(TRIALS, error) from error

    def write_trials(self, trials: Trials) -> None:
        """Write the trials."""
        rows = [asdict(row) for row in trials.rows]
        self.write_json(TRIALS, {**asdict(trials), "rows": rows})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from drawing trials of this sweep while the body runs.

        Its log records are appended to log.txt, and the error that ends it.

        Raises:
            RunError: another process does so, or something in the folder is a link.
        """
        folders.require_own_folder(self.folder)
        log = self.folder / "log.txt"
        with run_log.locked(log) as alone:
            if not alone:
                raise RunError(
                    f"the sweep `{self.folder}` is being run by another process",
                    "wait until it ends, or end it first; `--new` begins another sweep",
                )
            drop_unfinished(self.plots)
            with run_log.recording(log):
                yield

    @contextmanager
    def working(self, machine: str) -> Iterator[None]:
        """Append the log records of one of several workers to a log of its own in the body.

        It is `log-<machine>.txt`, and of the second worker on a machine `log-<machine>-2.txt`.

        Raises:
            RunError: something in the folder is a link.
        """
        folders.require_own_folder(self.folder)
        for number in itertools.count(1):
            ending = f"-{number}" if number > 1 else ""
            log = self.folder / f"log-{naming.folder(machine)}{ending}.txt"
            with run_log.locked(log) as alone:
                if alone:
                    with run_log.recording(log):
                        yield
                    return

    def set_aside(self, run: Run) -> Path:
        """Rename the folder of a trial that another machine has trained anew, and return it."""
        return run.folder.rename(
            self.folder / f"taken-over-{run.folder.name}-{secrets.token_hex(2)}"
        )


def scales(space: search_space.Space) -> dict[str, str]:
    """Return how the values of each key are drawn in a picture."""
    return {
        key: "choice" if one.kind == "choice" else "log" if one.log else "linear"
        for key, one in space.items()
    }


def differences(before: CompleteConfig, now: CompleteConfig) -> list[str]:
    """Return how two configs of sweeps differ, one line for each key, but not in `sweep.trials`."""
    old, new = (dict(_flat(config.model_dump(mode="json"))) for config in (before, now))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return [
        f"{key}: {old.get(key, 'absent')} before, {new.get(key, 'absent')} now"
        for key in keys
        if key != "sweep.trials"
    ]


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted keys of a tree with their values as text; a key of a space is one value."""
    from seqtrain.schema.yaml_writer import write_value

    for key, value in tree.items():
        if isinstance(value, dict) and above != "sweep.space.":
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", write_value(value)
