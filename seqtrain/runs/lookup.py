"""Find the runs that a person names: a run, a group of seeds, a config's name, a file in a run."""

import logging
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from seqtrain.errors import RunError, SeqtrainError
from seqtrain.io import naming
from seqtrain.io.text_file import near_miss
from seqtrain.runs import folders
from seqtrain.runs.run import HISTORY, MODEL, Run

MOST_TRIALS = 7  # of a sweep on one page or in one picture: as many as there are colours

log = logging.getLogger(__name__)


def all_in(place: Path) -> list[Run]:
    """Return the runs in a folder, in the order in which they were started."""
    return [Run(folder) for folder in folders.of_runs(place)]


def newest(place: Path | None, outputs: Path, needs: str | None = None) -> list[Run]:
    """Return the newest run in a place, or the seeds of its newest group.

    Args:
        place: a run, a file in it, a group, a folder of runs, or the name of a config; None is
            `outputs`.
        outputs: the folder of all runs.
        needs: skip a run without this file, as long as the place has another run.

    Raises:
        RunError: there is no run, or `folders.require_own` refuses it.
    """
    found = _within(place, outputs) if place else folders.of_runs(outputs)
    if not found:
        hint = "train one: `seqtrain init quickstart`, `seqtrain train quickstart.yaml`"
        raise RunError(f"there is no run under `{outputs}`", hint)
    usable = [folder for folder in found if needs is None or (folder / needs).is_file()] or found
    last = folders.group(usable[-1]) or usable[-1]
    for folder in found[found.index(usable[-1]) + 1 :]:
        log.info("passing over the run %s, which has no %s: taking %s", folder, needs, last)
    return _own([folder for folder in usable if last in (folder, folders.group(folder))])


def newest_of_each(places: Sequence[Path], outputs: Path) -> list[Run]:
    """Return the newest run of each place that has finished an epoch; without places, of all.

    A group counts as one run: all its seeds are returned, but of a sweep only the best trials.

    Raises:
        RunError: one of the places holds no run.
    """
    held: Sequence[Path | None] = _holding(places, outputs) or [None]
    found = [_few(newest(place, outputs, HISTORY)) for place in held]
    return list(dict.fromkeys(run for runs in found for run in runs))


def evaluated(place: Path | None, outputs: Path) -> list[Run]:
    """Return the newest run with a model, the seeds of its group, or the best trial of its sweep.

    Raises:
        RunError: there is none.
    """
    found = newest(place, outputs, MODEL)
    return [best_of(found)] if is_trial(found[0]) else found


def is_trial(run: Run) -> bool:
    """Return whether a run is a trial of a sweep."""
    return folders.trial_number(run.folder) is not None


def _few(runs: list[Run]) -> list[Run]:
    """Return the runs, but of a sweep at most so many as can be told apart: the best."""
    if len(runs) <= MOST_TRIALS or not is_trial(runs[0]):
        return runs
    log.info("of %s trials, the %s that validation finds best", len(runs), MOST_TRIALS)
    return sorted(_by_score(runs)[:MOST_TRIALS], key=runs.index)


def every(places: Sequence[Path], outputs: Path) -> list[Run]:
    """Return all runs in places, each once; without places, of the name that ran last.

    Raises:
        RunError: one of the places holds no run, or `folders.require_own` refuses one.
    """
    if not places:
        last = newest(None, outputs)[-1]
        places = [(last.group or last.folder).parent]
    found = [folder for place in _holding(places, outputs) for folder in _within(place, outputs)]
    return _own(list(dict.fromkeys(found)))


def best(place: Path | None, outputs: Path = Path("outputs")) -> Run:
    """Return the newest run with a model in a place; of a group, the seed best on validation.

    Args:
        place: see `newest`.
        outputs: the folder of all runs.

    Raises:
        RunError: there is no run.
    """
    chosen = best_of(newest(place, outputs, MODEL))
    if not chosen.finished:
        log.warning("%s is unfinished: what follows is of its best model so far", chosen.folder)
    return chosen


def latest(outputs: Path) -> Run:
    """Return the run that was started last, finished or not; of a group, as `best` does.

    Raises:
        RunError: there is none.
    """
    return best_of(newest(None, outputs))


def best_of(runs: Sequence[Run]) -> Run:
    """Return the run that validation finds best; where none has finished an epoch, the last."""
    if len(runs) == 1:
        return runs[0]
    chosen = next(iter(_by_score(runs)), runs[-1])
    what = "trials" if is_trial(chosen) else "seeds"
    log.info("of %s %s, validation finds %s best", len(runs), what, chosen.folder)
    return chosen


def _by_score(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that have a score, the best on validation first; finished trials first.

    A pruned trial may have trained on after it was judged, so it comes after those that finished.
    """
    scores: dict[Run, tuple[bool, float]] = {}
    for run in runs:
        with suppress(SeqtrainError):  # it is damaged, or has not begun
            score = run.best_score() * (1 if run.config.training.mode == "min" else -1)
            scores[run] = is_trial(run) and not run.finished, score
    return sorted(scores, key=scores.__getitem__)


def _own(found: Sequence[Path]) -> list[Run]:
    """Return the runs of folders, once nothing in them leads out of them."""
    for folder in found:
        folders.require_own(folder)
    return [Run(folder) for folder in found]


def _within(place: Path, outputs: Path) -> list[Path]:
    """Return the folders of all runs in a place, in the order in which they were started.

    Args:
        place: a run, a file in it, a group, or a folder of runs, as a path or as it lies under
            `outputs`; or the name of a config.
        outputs: the folder of all runs.

    Raises:
        RunError: there is none.
    """
    candidates = [place.parent if place.is_file() else place, outputs / place]
    if len(place.parts) == 1 and not place.exists():  # a config's name, as `train` calls its runs
        candidates.append(outputs / naming.folder(place.name))
    for folder in candidates:
        if found := folders.of_runs(folder):
            return found
    what = "is not a run: it has no config.yaml"
    if not place.exists():
        names = sorted(path.name for path in outputs.iterdir()) if outputs.is_dir() else []
        what = "does not exist" + near_miss(place.name, names)
    raise RunError(f"the run `{place}` {what}", _hint(place))


def _hint(place: Path) -> str:
    """Return what to type instead of a place without a run: it may be a config, or a text."""
    shows = "`seqtrain list runs` shows the runs"
    if place.suffix in (".yaml", ".yml"):
        return f"a run is named as its config, without `{place.suffix}`: `{place.stem}`; {shows}"
    if " " in str(place):
        return f"name the run first, then the text: `RUN {shlex.quote(str(place))}`; {shows}"
    return shows


def _holding(places: Sequence[Path], outputs: Path) -> Sequence[Path]:
    """Return the places without folders that hold no run, such as `plots` among `outputs/*`.

    Where none holds a run, and where a place does not exist, they stay, to be refused.
    """
    found = [
        place
        for place in places
        if not place.is_dir() or folders.of_runs(place) or folders.of_runs(outputs / place)
    ]
    return found or places
