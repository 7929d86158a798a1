"""Sweeps on several machines: workers that share a study in PostgreSQL, and what they survive."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import pytest

from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from seqtrain.runs.sweeps import SweepFolder
from seqtrain.training import search, shared_storage
from seqtrain.training.shared_storage import SharedStorage
from tests.conftest import Outcome
from tests.factories.postgres import PASSWORD, Server, serving
from tests.factories.searched import CONFIG, process, written

Patch = pytest.MonkeyPatch
Seqtrain = Callable[..., Outcome]

PATIENCE = 120  # seconds in which a process gets somewhere, on a machine that is busy
HASTY = """
from seqtrain.training import search, shared_storage, study
study.Study.importance = lambda self: {}  # scikit-learn is slow to load
shared_storage.HEARTBEAT, shared_storage.GRACE = 1, 4
search.POLL, search.WAIT, search.AGAIN, search.PATIENCE = 0.02, 0.2, 0.2, 60
search.draw = lambda folder: None
"""
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that no other test uses."""
    with serving() as started:
        yield started


@pytest.fixture(autouse=True)
def known(request: pytest.FixtureRequest, monkeypatch: Patch) -> None:
    """Name the server in the environment, and give each test studies of its own."""
    monkeypatch.setattr(search, "draw", lambda folder: None)
    if "server" in request.fixturenames:
        server = request.getfixturevalue("server")
        monkeypatch.setenv("SEQTRAIN_STORAGE", server.url)


@pytest.fixture
def workers() -> Iterator[list[subprocess.Popen[str]]]:
    """The started workers, which end with the test."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for one in started:
        if one.poll() is None:
            one.send_signal(signal.SIGCONT)
            one.kill()
        one.communicate()


Workers = list[subprocess.Popen[str]]


def named(name: str) -> Path:
    """Write a config whose sweep has this name."""
    return written(CONFIG.replace("name: search", f"name: {name}"), f"{name}.yaml")


def begin(
    workers: Workers, *arguments: object, seconds: float = 0.1, settings: str = ""
) -> subprocess.Popen[str]:
    """Start a worker with hasty heartbeats."""
    command = process("sweep", *arguments, seconds=seconds, settings=HASTY + settings)
    pipe = subprocess.PIPE
    workers.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))
    return workers[-1]


def ended(worker: subprocess.Popen[str], code: int = 0) -> tuple[SweepFolder, str]:
    """Wait for a worker, and return its folder and what it has told."""
    out, err = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == code, err
    return SweepFolder(Path(out.strip())), err


def until(reached: Callable[[], object], worker: subprocess.Popen[str] | None = None) -> None:
    """Wait until something is so."""
    limit = time.monotonic() + PATIENCE
    while not reached():
        if worker and worker.poll() is not None:
            raise AssertionError(worker.communicate())
        assert time.monotonic() < limit
        time.sleep(0.02)


def children(worker: subprocess.Popen[str]) -> list[int]:
    """Return the trainings of a worker."""
    found = subprocess.run(
        ["ps", "--ppid", str(worker.pid), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return [int(number) for number in found.stdout.split()]


def trained_by(worker: subprocess.Popen[str]) -> list[Run]:
    """Return the runs that a worker trains now."""
    words = [title(Path(f"/proc/{number}/cmdline")).split("\0") for number in children(worker)]
    return [Run(Path(word)) for line in words for word in line if "-sweep/trial-" in word]


def history(run: Run) -> list[dict[str, float]]:
    """Return the epochs of a run so far."""
    return run.history() if run.has("history.csv") else []


def epochs_in(place: str) -> int:
    """Return how many epochs the unfinished runs in a place have."""
    runs = [run for run in lookup.all_in(Path(place)) if not run.finished and run.has("started")]
    return sum(len(history(run)) for run in runs)


def starts(run: Run) -> list[int]:
    """Return after how many epochs the trainings of a run have begun."""
    return [int(line) for line in (run.folder / "started").read_text().split()]


@slow
@pytest.mark.parametrize(
    "places",
    [
        pytest.param(("all", "all", "all"), marks=pytest.mark.soak, id="one"),
        pytest.param(("a", "b", "c"), id="apart"),
    ],
)
def test_a_killed_worker_loses_no_trial(
    places: tuple[str, str, str], server: Server, workers: Workers
) -> None:
    """Its training is killed too, as when a machine dies; the password is nowhere."""
    file = named(f"killed-{places[0]}")
    arguments = (file, "--trials", 9, "training.epochs=6")
    for place in places:
        begin(workers, *arguments, "--output", place, seconds=0.25)
    first = workers[0]
    until(lambda: trained_by(first), first)
    titles = [text for text in map(title, Path("/proc").glob("[0-9]*/cmdline")) if text]
    assert any(f"killed-{places[0]}" in text for text in titles)
    assert not any(PASSWORD in text for text in titles)
    until(lambda: any(0 < len(history(run)) < 3 for run in trained_by(first)), first)
    first.send_signal(signal.SIGSTOP)  # so that its training has no time to end
    for number in children(first):
        os.kill(number, signal.SIGKILL)
    first.kill()
    first.communicate()
    ends = [ended(worker) for worker in workers[1:]]
    for folder, told in ends:
        rows = folder.trials().rows
        assert [row.state for row in rows] == ["finished"] * 9
        assert len({json.dumps(dict(row.values), sort_keys=True) for row in rows}) == 9
        assert all(row.epochs == 6 for row in rows)
        assert PASSWORD not in told
    told = "".join(told for _, told in ends)
    assert "is taken over" in told
    finished = [run for place in {*places} for run in lookup.all_in(Path(place)) if run.finished]
    assert sorted(run.folder.name for run in finished) == [f"trial-{n}" for n in range(9)]
    again = [run for run in finished if len(starts(run)) > 1]
    if places[0] == "all":
        assert all(starts(run)[0] == 0 and min(starts(run)[1:]) > 0 for run in again)
        assert len(again) == 1
        assert not ends[0][0].trials().folders
    else:
        assert not again and "and starts anew" in told
        trials = ends[0][0].trials()
        assert len(trials.folders) in (2, 3)  # the first may have finished none
        for row in trials.rows:
            where = Path(trials.folders[str(row.machine)].partition(":")[2])
            assert Run(where / f"trial-{row.number}").finished
        assert "the runs of" in told
    for text in read_all({*places}):
        assert PASSWORD not in text


def title(file: Path) -> str:
    """Return the title of a process, if it has not ended."""
    with suppress(OSError):
        return file.read_text(errors="replace")
    return ""


def read_all(places: set[str]) -> Iterator[str]:
    """Yield the content of every file in some places."""
    for place in places:
        for file in Path(place).rglob("*"):
            if file.is_file():
                yield file.read_bytes().decode("latin-1")


@slow
def test_a_worker_that_was_thought_dead_yields(server: Server, workers: Workers) -> None:
    arguments = (named("asleep"), "--trials", 1, "training.epochs=8")
    asleep = begin(workers, *arguments, "--output", "a", seconds=0.2)
    until(lambda: epochs_in("a") > 0, asleep)
    (training,) = children(asleep)
    for number in (training, asleep.pid):
        os.kill(number, signal.SIGSTOP)
    awake = begin(workers, *arguments, "--output", "b", seconds=0.2)
    until(lambda: epochs_in("b") > 0, awake)
    for number in (training, asleep.pid):
        os.kill(number, signal.SIGCONT)
    folder, _ = ended(asleep)
    other, _ = ended(awake)
    # Whoever has finished first has the trial, and the other keeps what it has under another name.
    (done,) = [one for one in (folder, other) if one.has("trial-0/metrics.json")]
    (kept,) = [one for one in (folder, other) if one is not done]
    assert list(kept.folder.glob("taken-over-trial-0-*"))
    assert len(lookup.all_in(Path("a")) + lookup.all_in(Path("b"))) == 1
    assert [row.state for row in folder.trials().rows] == ["finished"]


@slow
def test_an_interrupted_worker_leaves_its_trial_to_others_at_once(
    server: Server, workers: Workers
) -> None:
    arguments = (named("interrupted"), "--trials", 2, "training.epochs=6")
    patient = "shared_storage.GRACE = 1000"
    first = begin(workers, *arguments, seconds=0.2, settings=patient)
    until(lambda: epochs_in("outputs") > 0, first)
    second = begin(workers, *arguments, settings=patient)
    first.send_signal(signal.SIGINT)
    _, told = ended(first, 130)
    assert "go on with it by the same command" in told
    folder, told = ended(second)
    assert "is taken over from" in told and "and goes on in" in told
    assert [row.state for row in folder.trials().rows] == ["finished"] * 2


@slow
def test_a_lost_database_costs_nothing(server: Server, workers: Workers) -> None:
    """It is away while a trial ends; what was trained is reported once it is back."""
    arguments = (named("lost"), "--trials", 2)
    worker = begin(workers, *arguments, seconds=0.4)
    until(lambda: epochs_in("outputs") > 0, worker)
    server.stop()
    try:
        (run,) = lookup.all_in(Path("outputs"))
        until(lambda: run.finished, worker)
    finally:
        server.start()
    folder, told = ended(worker)
    assert "does not answer" in told and "trying again every" in told
    assert [row.state for row in folder.trials().rows] == ["finished"] * 2
    assert all(starts(one) == [0] for one in lookup.all_in(folder.folder))


@slow
def test_a_database_that_stays_away_is_told_and_the_same_command_goes_on(
    server: Server, workers: Workers
) -> None:
    arguments = (named("away"), "--trials", 2)
    worker = begin(workers, *arguments, seconds=0.3, settings="search.PATIENCE = 0.5")
    until(lambda: epochs_in("outputs") > 0, worker)
    server.stop()
    try:
        out, told = worker.communicate(timeout=PATIENCE)
    finally:
        server.start()
    assert worker.returncode == 1
    (run,) = lookup.all_in(Path("outputs"))
    assert run.finished
    assert f"error: the database postgresql://127.0.0.1:{server.port}/postgres does not" in told
    assert f"by the same command; what was trained is in {run.group}" in told
    assert PASSWORD not in told
    folder, _ = ended(begin(workers, *arguments))
    assert folder.folder == run.group
    assert starts(run) == [0]
    assert [row.state for row in folder.trials().rows] == ["finished"] * 2


@slow
def test_another_search_or_other_data_are_refused(
    server: Server, workers: Workers, seqtrain: Seqtrain
) -> None:
    file = named("edited")
    worker = begin(workers, file, "training.epochs=50")
    until(lambda: epochs_in("outputs") > 0, worker)
    for edited in (["--output", "other"], []):
        outcome = seqtrain("sweep", file, "training.epochs=5", "dataset.examples=50", *edited)
        assert outcome.exit_code == 2
        assert "is unfinished, and the config has changed:" in outcome.stderr
        assert "training.epochs: 50 before, 5 now" in outcome.stderr
        assert "the data: " in outcome.stderr
        assert "`--new`" in outcome.stderr
    assert not Path("other").exists()
    assert len(list(Path("outputs/edited").iterdir())) == 1


@slow
def test_gathered_runs_stay_where_they_are(server: Server, workers: Workers) -> None:
    arguments = (named("gathered"), "--output")
    folder, _ = ended(begin(workers, *arguments, "a", "--trials", 1, seconds=0))
    other, _ = ended(begin(workers, *arguments, "b", "--trials", 2, seconds=0))
    assert [run.folder.name for run in lookup.all_in(other.folder)] == ["trial-1"]
    shutil.copytree(other.folder / "trial-1", folder.folder / "trial-1")
    again, told = ended(begin(workers, *arguments, "a", "--trials", 3, seconds=0))
    assert again == folder
    assert len(lookup.all_in(folder.folder)) == 3
    assert len(folder.trials().folders) == 2 and "the runs of" in told


@slow
def test_without_the_database_a_shared_sweep_is_not_begun_anew(
    server: Server, workers: Workers, seqtrain: Seqtrain, monkeypatch: Patch
) -> None:
    file = named("forgotten")
    folder, _ = ended(begin(workers, file, "--trials", 1, seconds=0))
    monkeypatch.delenv("SEQTRAIN_STORAGE")
    outcome = seqtrain("sweep", file)
    assert outcome.exit_code == 2
    assert f"`{folder.folder}` is kept in the database postgresql://127.0.0.1" in outcome.stderr
    assert "SEQTRAIN_STORAGE" in outcome.stderr and "`--new`" in outcome.stderr


def test_seeds_are_for_one_machine(seqtrain: Seqtrain, monkeypatch: Patch) -> None:
    monkeypatch.setenv("SEQTRAIN_STORAGE", "postgresql://nowhere.invalid/")
    outcome = seqtrain("sweep", written(), "--seeds", 3)
    assert outcome.exit_code == 2
    assert "`seqtrain train OUTPUTS/best.yaml seed=1 --seeds 3`" in outcome.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sesame@db/sweeps",
        "postgresql://me@db/sweeps?password=sesame",
        "postgresql+psycopg://me:sesame@db/sweeps",
    ],
)
def test_a_password_in_the_arguments_is_refused(url: str, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("sweep", written(), "--storage", url)
    assert outcome.exit_code == 2
    assert "`--storage` holds a password, which everyone" in outcome.stderr
    assert "SEQTRAIN_STORAGE" in outcome.stderr and "PGPASSFILE" in outcome.stderr
    assert "sesame" not in outcome.stderr
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("me:ses@me@db", "SEQTRAIN_STORAGE is no address of a database"),
        ("postgresql://me:5432:sesame@db:sesame/x", "SEQTRAIN_STORAGE is no address"),
        ("mysql://db/sesame", "must be a PostgreSQL database, not mysql"),
        ("postgresql://me:sesame@127.0.0.1:1/x", "postgresql://127.0.0.1:1/x cannot be used:"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence(
    url: str, message: str, seqtrain: Seqtrain, monkeypatch: Patch
) -> None:
    monkeypatch.setenv("SEQTRAIN_STORAGE", url)
    outcome = seqtrain("sweep", written())
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert "hint:" in outcome.stderr and "sesame" not in outcome.stderr
    assert not Path("outputs").exists()


def test_a_wrong_password_is_told_without_it(
    server: Server, seqtrain: Seqtrain, monkeypatch: Patch
) -> None:
    monkeypatch.setenv("SEQTRAIN_STORAGE", server.url.replace(PASSWORD, "sesame"))
    outcome = seqtrain("sweep", written())
    assert outcome.exit_code == 2
    assert "password authentication failed" in outcome.stderr
    assert "sesame" not in outcome.stderr


def test_without_the_driver_one_sentence_says_what_to_install(
    seqtrain: Seqtrain, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(shared_storage, "find_spec", lambda name: None)
    outcome = seqtrain("sweep", written(), "--storage", "postgresql://db/sweeps")
    assert outcome.exit_code == 2
    assert "`pip install 'seqtrain[postgres]'`" in outcome.stderr


def test_a_lock_is_held_by_one_worker(server: Server) -> None:
    order = []
    with closing(SharedStorage(server.url)) as first, closing(SharedStorage(server.url)) as second:
        first.opened(), second.opened()

        def wait() -> None:
            with second.locked("study"):
                order.append("second")

        with first.locked("study"):
            thread = Thread(target=wait)
            thread.start()
            time.sleep(0.2)
            order.append("first")
        thread.join()
    assert order == ["first", "second"]
