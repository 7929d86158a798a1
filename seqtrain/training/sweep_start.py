"""Which folder and which study a sweep goes on with, and which trials it asks for."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from seqtrain.backend import devices, execution, memory_estimate
from seqtrain.config import Searched, validated
from seqtrain.errors import ConfigError
from seqtrain.runs import folders
from seqtrain.runs.sweeps import CONFIG, SHARED, TRIALS, SweepFolder, differences
from seqtrain.schema import search_space
from seqtrain.schema.yaml_file import parse_document
from seqtrain.training.shared_storage import VARIABLE, SharedStorage
from seqtrain.training.storage import LocalStorage
from seqtrain.training.study import RUN, quiet

USUAL = 20  # trials, where no number is given and there is no grid
# What a shared study notes: its config, the hash of its data, the most trials that were asked for.
SEARCHED, DATA, ASKED = "config", "data", "asked"

log = logging.getLogger(__name__)


def prepare(
    searched: Searched, outputs: Path, data_dir: Path | None, new: bool = False
) -> tuple[SweepFolder, LocalStorage]:
    """Return the folder and the study of the sweep to go on with, or of a new one.

    The data are loaded once, so that errors are shown before anything is written.

    Args:
        searched: a config with a search space.
        outputs: the folder of all runs.
        data_dir: a folder to look for data files in.
        new: begin a new sweep in any case.

    Raises:
        ConfigError: the newest sweep of this name is unfinished and searches something else, or
            its study is in a database that several machines share.
        DataError: the data cannot be read.
    """
    found = None if new else SweepFolder.newest(outputs, searched.base.name)
    if found:
        if found.has(SHARED):
            database = found.read_json(SHARED, dict).get("database")
            raise ConfigError(
                f"the sweep `{found.folder}` is kept in the database {database}",
                f"go on with it: set {VARIABLE}; or begin another one on this machine: `--new`",
            )
        differing = differences(found.config, searched.base)
        if not differing:
            return found, LocalStorage(found.folder)
        if not (found.has(TRIALS) and found.trials().done):
            raise _changed(str(found.folder), differing)
    _data_sha256(searched, data_dir)
    made = SweepFolder.create(outputs, searched)
    return made, LocalStorage(made.folder)


def join(
    storage: SharedStorage,
    searched: Searched,
    outputs: Path,
    data_dir: Path | None,
    asked: int,
    new: bool = False,
) -> SweepFolder:
    """Join the newest sweep of this name in a database, or begin one, and return its folder here.

    Args:
        storage: the database; it is told which study and which folder it is about.
        searched: a config with a search space.
        outputs: the folder of all runs, which the machines may share.
        data_dir: a folder to look for data files in.
        asked: the number of trials.
        new: begin a new sweep in any case.

    Raises:
        ConfigError: the newest sweep of this name is unfinished and searches something else, or
            other data.
        DataError: the data cannot be read.
        RunError: the database cannot be used.
    """
    data = _data_sha256(searched, data_dir)
    try:
        tables = storage.opened()
        with quiet(), storage.locked("seqtrain"):
            name, noted = ("", {}) if new else _unchanged(storage, searched, outputs, data)
            if not name:
                name = f"{searched.base.name}/{folders.new_name(outputs, folders.SWEEP)}"
                noted = {ASKED: 0, SEARCHED: searched.to_yaml()}
                study = tables.create_new_study([_direction(searched)], name)
                tables.set_study_user_attr(study, DATA, data)
                # last: now it can be joined
                tables.set_study_user_attr(study, SEARCHED, noted[SEARCHED])
            storage.study = name
            most = max(asked, int(noted[ASKED]))
            tables.set_study_user_attr(storage.study_id, ASKED, most)
    except storage.passing as error:
        raise storage.broken(error) from error
    made = SweepFolder.joined(outputs, name, storage.named, noted[SEARCHED])
    storage.folder, storage.place = made.folder, made.place
    return made


def _unchanged(
    storage: SharedStorage, searched: Searched, outputs: Path, data: str
) -> tuple[str, dict[str, Any]]:
    """Return the newest study of a config's name, and what it notes.

    The name is empty if there is none, or if it is done and searched something else.

    Args:
        storage: the database.
        searched: the config.
        outputs: the folder of all runs.
        data: the hash of the data.

    Raises:
        ConfigError: it is unfinished, and searches something else or other data.
    """
    name, noted = _newest(storage, searched.base.name)
    if not name:
        return "", {}
    path = outputs / name / CONFIG
    before = validated(parse_document(path, noted[SEARCHED]), path)
    differing = differences(before, searched.base)
    if noted[DATA] != data:
        differing += [f"the data: {noted[DATA][:12]}… before, {data[:12]}… now"]
    if not differing:
        return name, noted
    if not _done(storage, name, noted):
        raise _changed(f"{name}` in `{storage.named}", differing)
    return "", {}


def number_of_trials(searched: Searched) -> int:
    """Return how many trials a config asks for."""
    sweep = searched.sweep
    if sweep.sampler != "grid":
        return sweep.trials or USUAL
    every = search_space.combinations(sweep.space, search_space.Domain.grid)
    return sweep.trials or sum(1 for _ in every)


def _data_sha256(searched: Searched, data_dir: Path | None) -> str:
    """Return the hash of the data, once the base config can be trained with them here."""
    memory_estimate.check(searched.base)
    devices.require_one_process(searched.base.execution, "sweep")
    dataset = searched.base.dataset.load(data_dir)
    execution.resolve(searched.base, dataset)
    return dataset.compared_by


def _changed(sweep: str, differing: list[str]) -> ConfigError:
    told = "\n".join(differing)
    return ConfigError(
        f"the sweep `{sweep}` is unfinished, and the config has changed:\n{told}",
        "change these keys back to go on with it, or begin another sweep: `--new`",
    )


def _newest(storage: SharedStorage, name: str) -> tuple[str, dict[str, Any]]:
    """Return the newest study of a name, and what it notes; an empty name if there is none."""
    every = storage.opened().get_all_studies()
    found = {
        one.study_name: one.user_attrs
        for one in every
        if one.study_name.rpartition("/")[0] == name and SEARCHED in one.user_attrs
    }
    newest = max(found, default="")
    return newest, found.get(newest, {})


def _done(storage: SharedStorage, name: str, noted: dict[str, Any]) -> bool:
    """Return whether a study has all the trials that were asked for."""
    trials = storage.opened().get_all_trials(
        storage.opened().get_study_id_from_name(name), deepcopy=False
    )
    ended = sum(RUN in one.user_attrs for one in trials)
    return ended >= int(noted[ASKED]) and all(one.state.is_finished() for one in trials)


def _direction(searched: Searched) -> Any:
    from optuna.study import StudyDirection

    higher = searched.base.training.mode == "max"
    return StudyDirection.MAXIMIZE if higher else StudyDirection.MINIMIZE
