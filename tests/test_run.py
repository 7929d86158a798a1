"""The run folder."""

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from seqtrain.errors import RunError
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from tests.factories.runs import config


def rows(*losses: float) -> list[dict[str, float]]:
    return [
        {"epoch": epoch, "val_loss": loss, "val_accuracy": loss}
        for epoch, loss in enumerate(losses, start=1)
    ]


def test_a_run_lies_in_a_folder_of_its_name_and_time(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config())
    assert run.folder.parent == tmp_path / "quickstart"
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{4}", run.folder.name)


def test_the_config_is_there_first_and_reads_back_equal(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config())
    assert [file.name for file in run.folder.iterdir()] == ["config.yaml"]
    kept = lookup.best(run.folder).config
    apart = {"execution"}  # in which no `auto` is left
    assert kept.model_dump(exclude=apart) == config().model_dump(exclude=apart)
    assert "auto" not in dict(kept.execution, threads=1).values()


def test_runs_of_the_same_second_lie_apart_in_their_order(tmp_path: Path) -> None:
    folders = [Run.create(tmp_path, config()).folder for _ in range(20)]
    assert len(set(folders)) == 20
    assert [run.folder for run in lookup.all_in(tmp_path)] == folders


def test_a_name_that_is_taken_meanwhile_is_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if another process made it in the same second, and has not written its config yet."""
    drawn = iter(["0000", "0000", "0001"])
    monkeypatch.setattr("seqtrain.runs.folders.secrets.token_hex", lambda size: next(drawn))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr("seqtrain.runs.folders._start", lambda outputs: now)
    names = [Run.create(tmp_path, config()).folder.name[-4:] for _ in range(2)]
    assert names == ["0000", "0001"]


@pytest.mark.parametrize("name", ["99999999T999999Z-0000", "99991231T235959Z-0000"])
def test_a_folder_that_is_named_by_no_time_stops_nobody(name: str, tmp_path: Path) -> None:
    (tmp_path / "quickstart" / name).mkdir(parents=True)
    (tmp_path / "quickstart" / name / "config.yaml").write_text(config().to_yaml())
    assert Run.create(tmp_path, config()).folder.is_dir()


def test_links_that_lead_back_are_not_followed_for_ever(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"seed-{number}").symlink_to(".")
    assert lookup.all_in(tmp_path) == []


def test_the_latest_run_is_the_last_started_of_any_name(tmp_path: Path) -> None:
    for name, time in [("b", "20250101T000000Z"), ("a", "20260101T000000Z")]:
        (tmp_path / name / f"{time}-0000").mkdir(parents=True)
        (tmp_path / name / f"{time}-0000" / "config.yaml").write_text(config().to_yaml())
    assert lookup.latest(tmp_path).folder.parent.name == "a"


def test_without_runs_there_is_no_latest(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run under"):
        lookup.latest(tmp_path)


def test_a_folder_without_config_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is not a run: it has no config\.yaml"):
        lookup.best(tmp_path)


@pytest.mark.parametrize("place", ["", "quickstart", "outputs/quickstart", "config.yaml"])
def test_a_run_is_found_by_its_name_its_group_or_a_file_in_it(place: str, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    run = Run.create(outputs, config())
    places = {"": run.folder, "config.yaml": run.folder / "config.yaml"}
    found = lookup.best(places.get(place, Path(place)), outputs)
    assert found.folder.resolve() == run.folder


def test_of_runs_of_one_name_the_newest_is_opened(tmp_path: Path) -> None:
    for name in ("20260101T000000Z-0000", "20250101T000000Z-ffff", "renamed"):
        (tmp_path / "a" / name).mkdir(parents=True)
        (tmp_path / "a" / name / "config.yaml").write_text(config().to_yaml())
    assert lookup.best(Path("a"), tmp_path).folder.name == "20260101T000000Z-0000"
    assert lookup.latest(tmp_path).folder.name == "20260101T000000Z-0000"


def seeds(outputs: Path, *numbers: int) -> list[Run]:
    return Run.create_seeds(outputs, [config(seed=number) for number in numbers])


def test_the_seeds_of_a_group_lie_in_a_folder_of_their_name_and_time(tmp_path: Path) -> None:
    runs = seeds(tmp_path, 0, 1)
    group = tmp_path / "quickstart" / runs[0].folder.parent.name
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{4}-seeds", group.name)
    assert [run.folder for run in runs] == [group / "seed-0", group / "seed-1"]
    assert [run.group for run in runs] == [group, group]
    assert runs[1].label == f"quickstart/{group.name}/seed-1"


def test_seeds_stand_among_all_runs_in_their_own_order(tmp_path: Path) -> None:
    first = Run.create(tmp_path, config(name="other"))
    group = seeds(tmp_path, 8, 9, 10)
    last = Run.create(tmp_path, config())
    ordered = [first, *group, last]
    assert [run.folder for run in sorted(lookup.all_in(tmp_path), key=ordered.index)] == [
        run.folder for run in ordered
    ]
    assert [run.folder.name for run in lookup.all_in(tmp_path) if run.group] == [
        "seed-8",
        "seed-9",
        "seed-10",
    ]


def test_a_group_is_opened_as_the_seed_that_validation_finds_best(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    runs = seeds(outputs, 0, 1, 2)
    runs[0].write_history(rows(0.5, 0.3))
    runs[1].write_history(rows(0.9, 0.2))
    assert lookup.latest(outputs) == runs[1]
    assert lookup.best(runs[0].group or outputs) == runs[1]
    assert lookup.best(Path("quickstart"), outputs) == runs[1]
    assert lookup.best(runs[0].folder) == runs[0]


def test_a_place_stands_for_the_seeds_of_its_newest_group_or_for_a_run(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    group = seeds(outputs, 0, 1)
    assert lookup.newest(None, outputs) == group
    assert lookup.newest(Path("quickstart"), outputs) == group
    assert lookup.newest(group[1].folder, outputs) == group[1:]
    newest = outputs / "quickstart" / "29990101T000000Z-0000"
    newest.mkdir()
    (newest / "config.yaml").write_text(config().to_yaml())
    assert lookup.newest(None, outputs) == [Run(newest)]


def with_model(outputs: Path) -> Run:
    good = Run.create(outputs, config())
    good.write_text("model.keras", "")
    good.write_history(rows(0.5))
    return good


@pytest.mark.parametrize("place", [None, Path("quickstart")])
def test_a_run_without_a_model_is_passed_over_with_a_note(
    place: Path | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seqtrain")
    outputs = tmp_path / "outputs"
    good, diverged = with_model(outputs), Run.create(outputs, config())
    assert lookup.newest(place, outputs, "model.keras") == [good]
    note = f"passing over the run {diverged.folder}, which has no model.keras"
    assert f"{note}: taking {good.folder}" in caplog.text
    assert lookup.best(place or outputs, outputs) == good
    assert lookup.newest_of_each([place] if place else [], outputs) == [good]
    assert lookup.newest(place, outputs) == [diverged]  # which `resume` takes


def test_a_run_without_a_model_can_be_named(tmp_path: Path) -> None:
    with_model(tmp_path)
    diverged = Run.create(tmp_path, config())
    assert lookup.best(diverged.folder, tmp_path) == diverged
    assert lookup.newest_of_each([diverged.folder], tmp_path) == [diverged]


def test_of_a_group_those_seeds_are_taken_that_have_a_model(tmp_path: Path) -> None:
    with_model(tmp_path)
    group = seeds(tmp_path, 0, 1, 2)
    assert lookup.newest(None, tmp_path, "model.keras") != group
    for run in group[:2]:
        run.write_text("model.keras", "")
    assert lookup.newest(None, tmp_path, "model.keras") == group[:2]


def test_several_places_stand_for_each_of_their_runs_once(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    group = seeds(outputs, 0, 1)
    other = Run.create(outputs, config(name="other"))
    (outputs / "plots").mkdir()
    everything = [outputs / "other", outputs / "plots", outputs / "quickstart", group[0].folder]
    assert lookup.newest_of_each(everything, outputs) == [other, *group]
    assert lookup.newest_of_each([], outputs) == lookup.newest(None, outputs)
    with pytest.raises(RunError, match="is not a run"):
        lookup.newest_of_each([outputs / "plots"], outputs)


def test_a_group_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(run: Run, name: str, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "write_text", full)
    with pytest.raises(RunError, match="No space left on device"):
        seeds(tmp_path, 0, 1)
    assert list((tmp_path / "quickstart").iterdir()) == []


def test_a_name_that_is_misspelt_is_told_the_right_one(tmp_path: Path) -> None:
    Run.create(tmp_path, config(name="leaves"))
    with pytest.raises(RunError, match="does not exist, did you mean `leaves`"):
        lookup.best(Path("leavs"), tmp_path)


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("own.yaml", "a run is named as its config, without `.yaml`: `own`"),
        ("a fine film", "name the run first, then the text: `RUN 'a fine film'`"),
        ("nowhere", "`seqtrain list runs` shows the runs"),
    ],
)
def test_what_is_no_run_is_told_what_to_type(place: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(RunError) as raised:
        lookup.best(Path(place), tmp_path)
    assert str(raised.value.hint).startswith(hint)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not exist"):
        lookup.best(tmp_path / "nowhere")


def test_a_run_is_found_by_the_name_of_its_config(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config().model_copy(update={"name": "größe_数据"}))
    (run.folder / "model.keras").touch()
    assert lookup.best(Path("größe 数据"), tmp_path).folder == run.folder
    with pytest.raises(RunError, match="does not exist"):
        lookup.best(Path("elsewhere/größe 数据"), tmp_path)


def test_a_run_is_finished_once_it_has_metrics(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config())
    assert not run.finished
    run.write_metrics({"test_loss": 0.5})
    assert run.finished
    assert run.metrics() == {"test_loss": 0.5}


def test_history_reads_back_to_the_bit(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config())
    written = rows(0.1 + 0.2, 1 / 3)
    run.write_history(written)
    assert run.history() == written


@pytest.mark.parametrize(("monitor", "best"), [("val_loss", 2), ("val_accuracy", 1)])
def test_the_best_epoch_is_the_first_that_monitor_finds_best(
    tmp_path: Path, monitor: str, best: int
) -> None:
    run = Run.create(tmp_path, config(**{"training.monitor": monitor}))
    run.write_history(rows(0.9, 0.2, 0.9, 0.2))
    assert run.best_epoch() == best


def test_predictions_read_back(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config())
    run.write_predictions(np.array([1, 0]), np.array([[0.1, 0.9], [0.8, 0.2]]))
    labels, probabilities = run.predictions()
    assert labels.tolist() == [1, 0]
    assert probabilities.tolist() == [[0.1, 0.9], [0.8, 0.2]]


def test_predictions_that_are_not_there_yet_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"has no predictions\.npz: it has not got so far"):
        Run.create(tmp_path, config()).predictions()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"text"])
def test_damaged_predictions_are_an_error(tmp_path: Path, content: bytes) -> None:
    run = Run.create(tmp_path, config())
    (run.folder / "predictions.npz").write_bytes(content)
    with pytest.raises(RunError, match="is damaged"):
        run.predictions()


@pytest.mark.parametrize("content", ["", "{", "[1]", '"text"'])
def test_damaged_metrics_are_an_error(tmp_path: Path, content: str) -> None:
    run = Run.create(tmp_path, config())
    (run.folder / "metrics.json").write_text(content)
    with pytest.raises(RunError, match="is damaged"):
        run.metrics()


@pytest.mark.parametrize("content", ["", "epoch,val_loss\n1,x\n", "epoch,loss\n1\n", "\x00"])
def test_a_damaged_history_is_an_error(tmp_path: Path, content: str) -> None:
    run = Run.create(tmp_path, config())
    (run.folder / "history.csv").write_text(content)
    with pytest.raises(RunError, match="is damaged"):
        run.best_epoch()


def test_the_log_goes_into_the_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config())
    logger = logging.getLogger("seqtrain.test")
    with run.logging():
        logger.warning("inside")
    logger.warning("outside")
    text = (run.folder / "log.txt").read_text()
    assert "WARNING inside" in text
    assert "outside" not in text


def test_optimistic_is_what_was_chosen_on_test(tmp_path: Path) -> None:
    assert Run.create(tmp_path, config(**{"dataset.validation": "test"})).optimistic
    assert not Run.create(tmp_path, config()).optimistic


def test_json_files_are_readable_by_others(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config())
    run.write_json("classes.json", ["ä", "b"])
    assert json.loads((run.folder / "classes.json").read_text(encoding="utf-8")) == ["ä", "b"]
