"""Runs from someone else: no link in them may lead outside of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtrain.config import load_config
from seqtrain.errors import RunError
from seqtrain.io.atomic import drop_unfinished
from seqtrain.runs.run import Run
from seqtrain.training.launch import unfinished
from tests.conftest import REPOSITORY, Outcome, soaked

Seqtrain = Callable[..., Outcome]

CONFIG = REPOSITORY / "configs" / "quickstart.yaml"
NAMES = ("loss", "val_loss", "accuracy", "val_accuracy", "learning_rate")
ROW = {"epoch": 1.0} | dict.fromkeys(NAMES, 0.1)
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("plot",),
    ("report",),
    ("report", "--quick"),
    ("explain",),
    ("gradients",),
    ("resume",),
    ("resume", "--epochs", "99"),
    ("evaluate",),
    ("predict", "a text"),
    ("compare",),
)
FOLDERS = ("plots", "checkpoint", "tensorboard", "explained")
INSIDE = (
    "plots/loss.png",
    "checkpoint/000001-000000000-a.npz",
    "explained/a.json",
    "tensorboard/a",
)
FILES = (
    *("config.yaml", "history.csv", "metrics.json", "predictions.npz", "model.keras", "log.txt"),
    *("timing.csv", "environment.json", "gradients.json", "report.html", "of no command"),
)


@pytest.fixture
def run() -> Run:
    """A run that has finished an epoch."""
    return filled(Run.create(Path("outputs"), load_config(CONFIG)))


def filled(run: Run) -> Run:
    run.write_history([ROW])
    return run


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of the user with files named like those of a run."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("loss.png", "a.json", ".history-1.csv"):
        (folder / name).write_text("precious")
    return folder


def everything(folder: Path) -> dict[str, bytes | str]:
    """Return what each file in a folder holds, and where each link leads."""
    found: dict[str, bytes | str] = {}
    for root, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(root, name)
            if path.is_symlink():
                found[str(path)] = os.readlink(path)
            elif path.is_file():
                found[str(path)] = path.read_bytes()
            else:
                found[str(path)] = "a folder or a pipe"
    return found


def refused(seqtrain: Seqtrain, folder: Path, reason: str) -> None:
    """Check that every command refuses a run in one sentence, and changes nothing."""
    before = everything(Path())
    for command, *options in COMMANDS:
        outcome = seqtrain(command, folder, *options)
        assert outcome.exit_code == 2, command
        assert reason in " ".join(outcome.stderr.split()), command
        assert outcome.stderr.count("error: ") == 1
        assert "hint: remove it: `rm " in outcome.stderr
        assert everything(Path()) == before, command


@pytest.mark.parametrize("target", ["elsewhere", "elsewhere/loss.png", "nowhere", ".", "..", "own"])
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_a_run_is_no_link(
    name: str, target: str, run: Run, elsewhere: Path, seqtrain: Seqtrain
) -> None:
    (run.folder / "own").mkdir()
    there = elsewhere.parent / target if target.startswith(("else", "no")) else Path(target)
    (run.folder / name).symlink_to(there)
    refused(seqtrain, run.folder, f"{run.folder / name} is a link")


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_a_run_is_no_file(name: str, run: Run, seqtrain: Seqtrain) -> None:
    (run.folder / name).touch()
    refused(seqtrain, run.folder, f"{run.folder / name} is not a folder")


@pytest.mark.parametrize("name", [*FILES, *INSIDE])
def test_a_file_of_a_run_is_no_link(
    name: str, run: Run, elsewhere: Path, seqtrain: Seqtrain
) -> None:
    file = run.folder / name
    file.parent.mkdir(exist_ok=True)
    moved = elsewhere / "moved"
    if file.exists():
        file.rename(moved)
    file.symlink_to(moved)
    refused(seqtrain, run.folder, f"{file} is a link")


@pytest.mark.parametrize("name", ["log.txt", "history.csv", "plots", "checkpoint/a"])
def test_what_is_neither_a_file_nor_a_folder_is_refused(
    name: str, run: Run, seqtrain: Seqtrain
) -> None:
    file = run.folder / name
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    refused(seqtrain, run.folder, f"{file} is neither a file nor a folder")


def test_links_under_the_names_of_unfinished_files_harm_nobody(
    run: Run, elsewhere: Path, seqtrain: Seqtrain
) -> None:
    for number in (os.getpid(), 1):
        for name in ("report-{}.html", "history-{}.csv"):
            link = run.folder / f".{name.format(number)}"
            link.symlink_to(elsewhere / "loss.png")
    (run.folder / ".model-1.keras").symlink_to("nowhere")
    assert seqtrain("report", run.folder, "--quick").exit_code == 0
    assert (elsewhere / "loss.png").read_text() == "precious"
    drop_unfinished(run.folder)
    assert not any(path.is_symlink() for path in run.folder.iterdir())
    assert (elsewhere / "loss.png").read_text() == "precious"


@pytest.mark.parametrize("linked", ["outputs", soaked("outputs/quickstart"), "the run"])
def test_a_run_may_lie_behind_a_link(linked: str, run: Run, seqtrain: Seqtrain) -> None:
    folder = run.folder if linked == "the run" else Path(linked)
    folder.rename("moved")
    folder.symlink_to(Path("moved").absolute())
    for arguments in (
        ("plot", run.folder),
        ("report", "--quick"),
        ("compare",),
        ("plot", "--to", "a"),
    ):
        assert seqtrain(*arguments).exit_code == 0


@pytest.mark.parametrize("name", ["seed-1", "plots"])
def test_what_lies_in_a_group_is_no_link(
    name: str, tmp_path: Path, elsewhere: Path, seqtrain: Seqtrain
) -> None:
    config = load_config(CONFIG)
    runs = Run.create_seeds(
        Path("outputs"), [config.model_copy(update={"seed": seed}) for seed in (0, 1)]
    )
    group = filled(runs[0]).folder.parent
    filled(runs[1])
    if name == "seed-1":
        runs[1].folder.rename(tmp_path / "moved")
        (group / name).symlink_to(tmp_path / "moved")
    else:
        (group / name).symlink_to(elsewhere)
    refused(seqtrain, group, f"{group / name} is a link")


@pytest.mark.parametrize("command", ["plot", "gradients"])
def test_pictures_of_several_runs_go_into_no_link(
    command: str, run: Run, elsewhere: Path, seqtrain: Seqtrain
) -> None:
    other = filled(Run.create(Path("outputs"), load_config(CONFIG)))
    Path("outputs/plots").symlink_to(elsewhere)
    before = everything(Path())
    outcome = seqtrain(command, run.folder, other.folder)
    assert outcome.exit_code == 2
    assert "outputs/plots is a link" in outcome.stderr
    assert everything(Path()) == before


def test_a_run_that_leads_elsewhere_stops_neither_the_list_nor_others(
    run: Run, elsewhere: Path, seqtrain: Seqtrain
) -> None:
    (run.folder / "plots").symlink_to(elsewhere)
    outcome = seqtrain("list", "runs")
    assert outcome.exit_code == 0
    assert "damaged" in outcome.stdout
    assert unfinished(Path("outputs"), load_config(CONFIG), load_config(CONFIG)) is None
    other = filled(Run.create(Path("outputs"), load_config(CONFIG)))
    assert seqtrain("plot", other.folder).exit_code == 0
    with pytest.raises(RunError, match="is a link"), Run(run.folder).locked():
        raise AssertionError("it was locked")
