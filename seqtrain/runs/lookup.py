"""Where runs lie: `outputs/<name>/<run>/`, and seeds in `outputs/<name>/<group>/seed-<seed>/`."""

import logging
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seqtrain.display.escape import argument
from seqtrain.errors import RunError
from seqtrain.io import naming
from seqtrain.io.atomic import not_own, sync
from seqtrain.io.text_file import near_miss

TIME = "%Y%m%dT%H%M%SZ"
GROUP = "-seeds"  # what the name of a group ends with
STARTED = re.compile(rf"(?P<time>\d{{8}}T\d{{6}}Z)-[0-9a-f]{{4}}({GROUP})?")  # a run or a group
SEED = re.compile(r"seed-(?P<seed>\d+)")  # a run of a group
LEVELS = 2  # of folders above a run that is not in a group
PLOTS, EXPLAINED, CHECKPOINT = "plots", "explained", "checkpoint"
TENSORBOARD = "tensorboard"
FOLDERS = (PLOTS, EXPLAINED, CHECKPOINT, TENSORBOARD)  # those in a run

log = logging.getLogger(__name__)


def folders(place: Path) -> list[Path]:
    """Return the folders of all runs in a place, in the order in which they were started.

    What a person renamed comes first, and the seeds of a group stand in their own order.

    Args:
        place: a run, a group, or the folder of the runs of one name or of all.
    """
    return sorted(_inside(place, LEVELS), key=_order)


def within(place: Path, outputs: Path) -> list[Path]:
    """Return the folders of all runs in a place, in the order in which they were started.

    Args:
        place: a run, a file in it, a group, or a folder of runs; also as it lies under `outputs`,
            so that the name of a run will do.
        outputs: the folder of all runs.

    Raises:
        RunError: there is none.
    """
    ways = [place.parent if place.is_file() else place, outputs / place]
    if len(place.parts) == 1 and not place.exists():  # a config's name, as `train` calls its runs
        ways.append(outputs / naming.folder(place.name))
    for folder in ways:
        if found := folders(folder):
            return found
    what = "is not a run: it has no config.yaml"
    if not place.exists():
        what = "does not exist" + near_miss(place.name, _names(outputs))
    raise RunError(f"the run `{place}` {what}", "`seqtrain list runs` shows the runs")


def _names(outputs: Path) -> list[str]:
    """Return what the runs of a folder are called, as `train` calls them."""
    return sorted(path.name for path in outputs.iterdir()) if outputs.is_dir() else []


def newest(place: Path | None, outputs: Path, needs: str | None = None) -> list[Path]:
    """Return the folder of the newest run in a place, or those of the newest group's seeds.

    Args:
        place: as `within` takes it; None is `outputs`.
        outputs: the folder of all runs.
        needs: a file without which a run is passed over, as long as another in the place has it.

    Raises:
        RunError: there is none, or `require_own` refuses it.
    """
    found = within(place, outputs) if place else folders(outputs)
    if not found:
        hint = "train one: `seqtrain init quickstart`, `seqtrain train quickstart.yaml`"
        raise RunError(f"there is no run under `{outputs}`", hint)
    usable = [folder for folder in found if needs is None or (folder / needs).is_file()] or found
    last = group(usable[-1]) or usable[-1]
    for folder in found[found.index(usable[-1]) + 1 :]:
        log.info("passing over the run %s, which has no %s: taking %s", folder, needs, last)
    chosen = [folder for folder in usable if last in (folder, group(folder))]
    for folder in chosen:
        require_own(folder)
    return chosen


def several(given: Sequence[Path], outputs: Path) -> list[Path]:
    """Return the folders of all runs in places, each once; without places, of the newest name.

    Args:
        given: as `within` takes each.
        outputs: the folder of all runs.

    Raises:
        RunError: in one of them is none, or `require_own` refuses one.
    """
    if not given:
        last = newest(None, outputs)[-1]
        given = [(group(last) or last).parent]
    given = holding(given, outputs)
    found = list(dict.fromkeys(folder for place in given for folder in within(place, outputs)))
    for folder in found:
        require_own(folder)
    return found


def require_own(folder: Path) -> None:
    """Make sure that what lies in a run is its own: that nothing in it leads out of it.

    A run, its name and `outputs` may lie behind links, for these a person makes. A seed of a
    group may not, nor the pictures of the group.

    Raises:
        RunError: something in it is a link, or no file and no folder, or a file in the place of
            a folder.
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
    """Make sure that a folder, where it exists, is one, and that nothing in it leads out of it.

    Raises:
        RunError: it is not, or something does.
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


def holding(given: Sequence[Path], outputs: Path) -> Sequence[Path]:
    """Return the places without those folders that hold no run, such as `plots` among `outputs/*`.

    Where none holds a run, and where a place does not exist, they stay, to be refused.
    """
    found = [
        place for place in given if not place.is_dir() or folders(place) or folders(outputs / place)
    ]
    return found or given


def _inside(place: Path, levels: int) -> Iterator[Path]:
    """Yield the runs in a place; those of a group lie one level deeper than others."""
    if (place / "config.yaml").is_file():
        yield place
        return
    for inner in _subfolders(place):
        if levels > 0 or (levels == 0 and SEED.fullmatch(inner.name)):
            yield from _inside(inner, levels - 1)


def _subfolders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as entries:
            return [place / entry.name for entry in entries if entry.is_dir()]
    except OSError:  # no folder, or none that may be read
        return []


def group(folder: Path) -> Path | None:
    """Return the group in which the folder of a run lies, if it is in one."""
    return folder.parent if SEED.fullmatch(folder.name) else None


def _order(folder: Path) -> tuple[bool, str, int]:
    seed = SEED.fullmatch(folder.name)
    dated = folder.parent.name if seed else folder.name
    return bool(STARTED.fullmatch(dated)), dated, int(seed["seed"]) if seed else 0


def new_folder(parent: Path, ending: str = "") -> Path:
    """Make a folder that is named by the time, and did not exist.

    Args:
        parent: `outputs/<name>/`.
        ending: `GROUP` for a group.

    Raises:
        OSError: it cannot be made.
    """
    for _ in range(100):
        folder = parent / f"{_start(parent.parent):{TIME}}-{secrets.token_hex(2)}{ending}"
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


@contextmanager
def made_in(outputs: Path) -> Iterator[None]:
    """Turn what the disk says to new folders into a sentence.

    Raises:
        RunError: they cannot be made.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"no run folder can be made in `{outputs}`: {reason}", "choose another `--output`"
        ) from error


def _start(outputs: Path) -> datetime:
    """Return the time, or where a run was started then or later, a second after that.

    That a run was started later is so after a clock is set back.

    So the newest run is always the last by name.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    latest = folders(outputs)[-1:]
    started = STARTED.fullmatch(_order(latest[0])[1]) if latest else None
    if started is None:
        return now
    try:
        last = datetime.strptime(started["time"], TIME).replace(tzinfo=UTC)
        return last + timedelta(seconds=1) if last >= now else now
    except (ValueError, OverflowError):  # no time at all, as a person may have named a folder
        return now
