"""A trial while its run trains, and as a row of the table of all trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from seqtrain.errors import SeqtrainError
from seqtrain.runs.run import Run
from seqtrain.runs.sweeps import State, TrialRow
from seqtrain.schema.yaml_writer import write_value
from seqtrain.training.study import REACHED, RUN, WHY, Study

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial


class Watched:
    """A trial while its run trains: each finished epoch is reported once.

    Attributes:
        seen: the number of epochs that were reported.
        hopeless: whether the trial should be ended.
        patient_until: when to look again, because the database did not answer.
    """

    def __init__(self, study: Study, trial: Trial, run: Run) -> None:
        self.study, self.trial, self.run = study, trial, run
        self.seen = 0
        self.hopeless = False
        self.patient_until = 0.0

    @property
    def lost(self) -> bool:
        """Whether another worker has taken the trial over."""
        return self.study.storage.lost(self.trial.number)

    def look(self) -> bool:
        """Report the epochs that were finished since the last look; return whether to end it.

        Epochs after the one that was judged hopeless do not count, so that the result does not
        depend on how soon the training has ended.
        """
        if self.hopeless or self.lost or not self.run.has("history.csv"):
            return self.hopeless
        for value in self.run.column(self.run.config.training.monitor)[self.seen :]:
            self.hopeless = self.study.report(self.trial, self.seen + 1, value)
            self.seen += 1
            if self.hopeless:
                break
        return self.hopeless


def row_of(frozen: FrozenTrial, values: Mapping[str, Any], run: Run | None) -> TrialRow:
    """Return a trial as a row of the table, with what its run has reached.

    Args:
        frozen: the trial.
        values: of the keys of the search space.
        run: its run, if that is on this machine.
    """
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
    found = frozen.user_attrs.get(REACHED) or (reached(run) if run else {})
    return replace(row, **found)


def reached(run: Run, epochs: int | None = None) -> dict[str, Any]:
    """Return the score, the best epoch, the epochs and the seconds of a run, as of a `TrialRow`.

    Args:
        run: of a trial.
        epochs: how many of its epochs count, or None for all.
    """
    try:
        training = run.config.training
        rows = run.history()[:epochs]
        best = min(rows, key=training.rank)
        return {
            "value": best[training.monitor],
            "best_epoch": rows.index(best) + 1,
            "epochs": len(rows),
            "seconds": sum(row["seconds"] for row in run.read_table("timing.csv")[:epochs]),
        }
    except (SeqtrainError, KeyError, ValueError):  # no epoch has ended, or a file is damaged
        return {}


def shown(values: Mapping[str, Any]) -> str:
    """Return the values of a trial as the arguments that `train` takes."""
    return " ".join(f"{key}={write_value(value)}" for key, value in values.items())


def last_error(messages: IO[bytes]) -> str:
    """Return the last error that a training has printed, without its hint."""
    messages.seek(0)
    lines = messages.read().decode(errors="replace").splitlines()
    found = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return found[-1] if found else ""
