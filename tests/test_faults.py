"""Full disks, folders that are gone or read-only, damaged files, clocks and memory."""

import errno
import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seqtrain import memory
from seqtrain.errors import TrainingError
from seqtrain.runs import folders, lookup, run_log
from seqtrain.runs.run import Run
from tests.conftest import REPOSITORY, Outcome, soaked
from tests.cutting import DROPS, QUICKSTART, RNN, SMALL, go_on, results, start, uninterrupted
from tests.factories.runs import config

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An uninterrupted run."""
    return uninterrupted(tmp_path_factory)


@pytest.mark.tf
@pytest.mark.parametrize(
    "name",
    ["model.keras", "metrics.json", *(soaked(name) for name in ("history.csv", "unnamed.npz"))],
)
def test_a_disk_that_fills_up_costs_nothing_that_was_whole(
    name: str, whole: Run, tmp_path: Path, monkeypatch: Patch
) -> None:
    replace, written = os.replace, []

    def fills(source: Any, target: Any, **folders: Any) -> None:
        written.append(Path(target).name)
        if written.count(name) == (1 if name == "metrics.json" else 3):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source))
        replace(source, target, **folders)

    run = start(tmp_path, *RNN)
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fills)
        with pytest.raises(TrainingError, match=f"{name}: No space left on device") as raised:
            go_on(run)
    assert f"`seqtrain resume {run.folder}`" in str(raised.value.hint)
    assert "No space left on device" in run.log_file.read_text()
    assert not run.finished
    assert results(go_on(run)) == results(whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("this process may not mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize("filled", [soaked(170_000), 250_000])
def test_a_disk_that_is_really_full_is_one_sentence(
    filled: int, small_disk: Path, whole: Run, tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"0" * filled)
    outcome = seqtrain("train", QUICKSTART, *SMALL, *DROPS, *RNN, "--output", small_disk)
    assert "Traceback" not in outcome.stderr
    errors = [line for line in outcome.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "No space left on device" in errors[0]
    assert outcome.exit_code == 1
    ballast.unlink()
    left = lookup.latest(small_disk)
    there = tmp_path / "outputs" / "quickstart" / left.folder.name
    assert results(go_on(Run(shutil.copytree(left.folder, there)))) == results(whole)


@pytest.fixture
def read_only(small_disk: Path) -> Iterator[Path]:
    """A disk that may not be written to, with a run that is not finished."""
    run = Run.create(small_disk, config())
    run.write_history(
        [{"epoch": 1, "loss": 1.0, "val_loss": 1.0, "accuracy": 0.1, "val_accuracy": 0.1}]
    )
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True, capture_output=True)
    yield small_disk


@pytest.mark.tf
def test_a_folder_that_may_not_be_written_to_is_one_sentence(
    read_only: Path, seqtrain: Callable[..., Outcome]
) -> None:
    for arguments in (["train", QUICKSTART, *SMALL], ["resume"], ["plot"]):
        outcome = seqtrain(*arguments, "--output", read_only)
        assert outcome.exit_code in (1, 2)
        assert outcome.stderr.count("error: ") == 1
        assert "Read-only file system" in outcome.stderr
        assert "Traceback" not in outcome.stderr
    assert seqtrain("list", "runs", "--output", read_only).exit_code == 0


def test_what_is_no_folder_takes_no_runs(seqtrain: Callable[..., Outcome]) -> None:
    Path("file").touch()
    outcome = seqtrain("train", QUICKSTART, *SMALL, "--output", "file/runs")
    assert outcome.exit_code == 2
    assert outcome.stderr.count("error: ") == 1


@pytest.mark.parametrize("lack", [MemoryError("x"), RuntimeError("OOM when allocating tensor")])
def test_a_lack_of_memory_says_what_to_lower(lack: Exception) -> None:
    told = memory.lack_told(32, None)
    with pytest.raises(TrainingError, match="not enough memory") as raised, told:
        raise lack
    assert "`training.batch_size` (32)" in str(raised.value.hint)
    assert "`model.units`" in str(raised.value.hint)


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="a bug"), memory.lack_told(32, None):
        raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "said",
    [
        "libtensorflow_cc.so.2: failed to map segment from shared object",
        "libx.so: cannot allocate: Cannot allocate memory",
        "can't start new thread",
        "std::bad_alloc",
    ],
)
def test_imports_and_threads_for_which_memory_lacks_are_known(said: str) -> None:
    error = ImportError("numpy could not be imported")
    error.__cause__ = RuntimeError(said)
    assert memory.is_lack(error)
    assert not memory.is_lack(ImportError("there is no module x"))


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_limit_too_low_for_a_backend_is_one_sentence(backend: str, monkeypatch: Patch) -> None:
    limit = 1_000_000_000
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (limit, limit))
    memory.require_room(-limit * 1000, backend)
    with pytest.raises(TrainingError, match=f"{backend} needs about .* GB more") as raised:
        memory.require_room(2e9, backend)
    assert raised.value.exit_code == 1
    assert raised.value.hint == "`ulimit -v` allows 1.0 GB, so allow more: `ulimit -v unlimited`"


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "kilobytes"),
    [
        soaked("tensorflow", 500_000),
        ("tensorflow", 2_000_000),
        ("jax", 500_000),
        soaked("jax", 700_000),
    ],
)
def test_under_a_limit_of_memory_a_training_is_refused(
    backend: str, kilobytes: int, tmp_path: Path
) -> None:
    arguments = [*("-m", "seqtrain", "train"), str(QUICKSTART), f"execution.backend={backend}"]
    done = subprocess.run(
        ["bash", "-c", f'ulimit -v {kilobytes}; exec "$0" "$@"', sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "error: there is not enough memory" in done.stderr
    assert "`ulimit -v unlimited`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("collects", [True, False])
@pytest.mark.parametrize("imports", [True, False])
def test_imports_are_never_looked_through_for_garbage(
    collects: bool, imports: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not collects:
        gc.disable()
    try:
        with memory.uncollected():
            assert not gc.isenabled()
            kept: list[list[int]] = [[]]
            if imports:
                monkeypatch.setitem(sys.modules, "imported", ModuleType("imported"))
        assert gc.isenabled() is collects
        assert any(found is kept for found in gc.get_objects()) is not imports
    finally:
        gc.enable()


def test_after_a_clock_is_set_back_the_newest_run_is_still_the_last(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    first = Run.create(tmp_path, config())

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2001, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(folders, "datetime", Earlier)
    later = [Run.create(tmp_path, config()) for _ in range(3)]
    assert [run.folder for run in lookup.all_in(tmp_path)] == [
        run.folder for run in [first, *later]
    ]


def test_a_log_on_a_full_disk_prints_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    import logging

    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with run_log.recording(Path("/dev/full")):
        logging.getLogger("seqtrain").info("much")
    assert "Traceback" not in capfd.readouterr().err


FILES = (
    "config.yaml environment.json history.csv timing.csv model.keras metrics.json predictions.npz "
    "classes.json trained_on.npz summary.txt log.txt mistakes.csv"
).split()
COMMANDS = (
    ["evaluate"],
    ["plot"],
    ["list", "runs"],
    ["compare"],
    ["resume"],
    ["report", "--quick"],
    ["resume", "--epochs", "5"],
)
READING = (["evaluate"], ["list", "runs"], ["compare"], ["report", "--quick"])


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_a_run_is_one_sentence_in_every_command(
    name: str, whole: Run, tmp_path: Path, seqtrain: Callable[..., Outcome], monkeypatch: Patch
) -> None:
    monkeypatch.setattr("seqtrain.plots.base.save", lambda figure, path: path)
    monkeypatch.setattr("seqtrain.training.loop.fit", lambda *_: None)  # it is read all the same
    group = tmp_path / "outputs" / "quickstart"
    cases = [(b"\x00damaged\xff", arguments) for arguments in COMMANDS]
    if name.endswith(".json"):  # JSON still, but something else
        cases += [(json, arguments) for json in (b"{}", b"[3]", b"3") for arguments in READING]
    for content, arguments in cases:
        shutil.rmtree(group, ignore_errors=True)
        folder = shutil.copytree(whole.folder, group / whole.folder.name)
        (folder / name).write_bytes(content)
        outcome = seqtrain(*arguments)
        assert outcome.exit_code in (0, 1, 2), arguments
        assert "Traceback" not in outcome.stderr
        assert outcome.stderr.count("error: ") == (outcome.exit_code != 0)
