"""Folders of runs: `outputs/<name>/<run>/`, and groups of several.

A group holds the seeds of one config, `outputs/<name>/<group>/seed-<seed>/`, or the trials of a
sweep, `outputs/<name>/<group>/trial-<number>/`.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seqtrain.display.escape import argument
from seqtrain.errors import RunError
from seqtrain.io.atomic import not_own, sync

TIME = "%Y%m%dT%H%M%SZ"
SEEDS, SWEEP = "-seeds", "-sweep"  # what the name of a group ends with
# A run or a group.
STARTED = re.compile(rf"(?P<time>\d{{8}}T\d{{6}}Z)-[0-9a-f]{{4}}({SEEDS}|{SWEEP})?")
MEMBER = re.compile(r"(?P<kind>seed|trial)-(?P<number>\d+)")  # a run of a group
LEVELS = 2  # of folders above a run that is not in a group
PLOTS, EXPLAINED, CHECKPOINT = "plots", "explained", "checkpoint"
TENSORBOARD = "tensorboard"
FOLDERS = (PLOTS, EXPLAINED, CHECKPOINT, TENSORBOARD)  # those in a run


def of_runs(place: Path) -> list[Path]:
    """Return the folders of all runs in a place, in the order in which they were started.

    Renamed folders come first; the runs of a group are sorted by number.

    Args:
        place: a run, a group, or the folder of the runs of one name or of all.
    """
    return sorted(_inside(place, LEVELS), key=_order)


def require_own(folder: Path) -> None:
    """Check that a run contains only its own files and folders, and no link out of it.

    The run itself, the folder of its name and `outputs` may be links, because users make these. A
    run of a group and the pictures of a group may not.

    Raises:
        RunError: something in it is a link, a device, or a file in the place of a folder.
    """
    above = group(folder)
    if above and folder.is_symlink():
        raise _foreign(folder)
    for foreign in not_own(folder.resolve()):
        raise _foreign(folder / foreign.relative_to(folder.resolve()))
    for name in FOLDERS:
        _require_folder(folder / name)
    if above:
        require_own_folder(above / PLOTS)


def require_own_folder(folder: Path) -> None:
    """Check that a path is a folder or does not exist, and that nothing in it is a link.

    Raises:
        RunError: it is not a folder, or contains a link.
    """
    for foreign in not_own(folder):
        raise _foreign(foreign)
    _require_folder(folder)


def _require_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is not a folder", f"remove it: `rm {argument(folder)}`")


def _foreign(path: Path) -> RunError:
    what = "is a link" if path.is_symlink() else "is neither a file nor a folder"
    return RunError(
        f"{path} {what}: a run holds only files and folders of its own",
        f"remove it: `rm {argument(path)}`",
    )


def _inside(place: Path, levels: int) -> Iterator[Path]:
    """Yield the runs in a place; runs of a group are one level deeper."""
    if (place / "config.yaml").is_file():
        yield place
        return
    for inner in _subfolders(place):
        if levels > 0 or (levels == 0 and MEMBER.fullmatch(inner.name)):
            yield from _inside(inner, levels - 1)


def _subfolders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as entries:
            return [place / entry.name for entry in entries if entry.is_dir()]
    except OSError:  # not a folder, or not readable
        return []


def group(folder: Path) -> Path | None:
    """Return the group of the folder of a run, if it is in one."""
    return folder.parent if MEMBER.fullmatch(folder.name) else None


def trial_number(folder: Path) -> int | None:
    """Return the number of a trial; None if the folder is that of another run."""
    member = MEMBER.fullmatch(folder.name)
    return int(member["number"]) if member and member["kind"] == "trial" else None


def sweeps_in(parent: Path) -> list[Path]:
    """Return the groups of sweeps in the folder of a name, in the order of their start."""
    found = [folder for folder in _subfolders(parent) if folder.name.endswith(SWEEP)]
    return sorted(found, key=lambda folder: (bool(STARTED.fullmatch(folder.name)), folder.name))


def _order(folder: Path) -> tuple[bool, str, int]:
    member = MEMBER.fullmatch(folder.name)
    dated = folder.parent.name if member else folder.name
    return bool(STARTED.fullmatch(dated)), dated, int(member["number"]) if member else 0


def new_folder(parent: Path, ending: str = "") -> Path:
    """Create a new folder with the time as its name.

    Args:
        parent: `outputs/<name>/`.
        ending: `SEEDS` or `SWEEP` for a group.

    Raises:
        OSError: it cannot be created.
    """
    for _ in range(100):
        folder = parent / new_name(parent.parent, ending)
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if folder.is_dir():
                continue
            raise
        for made in missing:
            sync(made.parent)
        return folder
    raise FileExistsError(f"{parent} is full of runs of this second")


def new_name(outputs: Path, ending: str = "") -> str:
    """Return a name for a new run or group, which begins with the time."""
    return f"{_start(outputs):{TIME}}-{secrets.token_hex(2)}{ending}"


@contextmanager
def made_in(outputs: Path) -> Iterator[None]:
    """Turn an OSError of creating folders into a sentence.

    Raises:
        RunError: they cannot be created.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"no run folder can be made in `{outputs}`: {reason}", "choose another `--output`"
        ) from error


def _start(outputs: Path) -> datetime:
    """Return the time, but at least one second after the last run started.

    So the newest run is always the last by name, also after the clock was set back.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    latest = of_runs(outputs)[-1:]
    started = STARTED.fullmatch(_order(latest[0])[1]) if latest else None
    if started is None:
        return now
    try:
        last = datetime.strptime(started["time"], TIME).replace(tzinfo=UTC)
        return last + timedelta(seconds=1) if last >= now else now
    except (ValueError, OverflowError):  # not a valid time: someone renamed the folder
        return now
