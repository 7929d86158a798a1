"""The commands that need neither data nor TensorFlow."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from seqtrain.cli.main import cli
from seqtrain.config import load_config
from seqtrain.runs.run import Run
from seqtrain.schema import shipped
from tests.conftest import CONFIGS, REPOSITORY, Outcome
from tests.factories.runs import PICTURES, config, finished_run

Seqtrain = Callable[..., Outcome]
COMMANDS = sorted(cli.commands)


def test_each_file_of_commands_is_a_command() -> None:
    files = (REPOSITORY / "seqtrain" / "cli" / "commands").glob("[!_]*.py")
    assert sorted(file.stem for file in files) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_ends_with_an_example_of_its_command(command: str, seqtrain: Seqtrain) -> None:
    outcome = seqtrain(command, "--help")
    assert outcome.exit_code == 0
    assert outcome.stdout.splitlines()[-2] == "Example:"
    assert outcome.stdout.splitlines()[-1].startswith(f"  seqtrain {command}")


NUMBERS = [
    (command, param.opts[0])
    for command in COMMANDS
    for param in cli.commands[command].params
    if isinstance(param.type, click.types.IntParamType | click.types.FloatParamType)
]


SENSIBLE = {("--port", "0"), ("--temperature", "0"), ("--seed", "0"), ("--length-penalty", "0")}


def test_some_options_are_numbers() -> None:
    assert NUMBERS


@pytest.mark.parametrize(("command", "option"), NUMBERS)
@pytest.mark.parametrize("number", ["-1", "0", str(2**31), str(2**64), "9" * 5_000, "1e3", "inf"])
def test_an_option_takes_no_number_without_sense(
    command: str, option: str, number: str, seqtrain: Seqtrain
) -> None:
    if (option, number) in SENSIBLE:
        return
    outcome = seqtrain(command, "x", option, number)
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith(f"error: Invalid value for '{option}': ")


def test_help_lists_the_commands_in_the_order_of_use(seqtrain: Seqtrain) -> None:
    lines = seqtrain("--help").stdout.partition("Commands:\n")[2].splitlines()
    listed = [line.split()[0] for line in lines]
    assert sorted(listed) == COMMANDS
    assert listed.index("init") < listed.index("train") < listed.index("evaluate")


def test_a_bare_command_shows_the_help(seqtrain: Seqtrain) -> None:
    outcome = seqtrain()
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("Usage: seqtrain")
    assert "error:" not in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "No such command 'trian'. Did you mean 'train'?"),
        (["train"], "Missing argument 'CONFIG'."),
        (["train", "nope.yaml"], "cannot read the config `nope.yaml`: no such file"),
        (["train", "imdb_lstm"], "`seqtrain init imdb_lstm`"),
        (["evaluate"], "there is no run under `outputs`"),
        (["evaluate", "nowhere"], "the run `nowhere` does not exist"),
        (["evaluate", "--split", "tset"], "'tset' is not one of 'train', 'validation', 'test'"),
        (["plot"], "there is no run under `outputs`"),
        (["plot", "--format", "gif"], "'gif' is not one of 'png', 'svg', 'pdf'"),
        (["predict"], "Missing argument 'RUN'."),
        (["init", "imdb_lsm"], "did you mean `imdb_lstm`?"),
        (["list", "rums"], "'rums' is not one of"),
        (["check", "."], "cannot read the config `.`: Is a directory"),
    ],
)
def test_what_is_mistyped_ends_in_one_error_with_a_hint(
    arguments: list[str], message: str, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain(*arguments)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("error: ")
    assert "\nhint: " in outcome.stderr
    assert message in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("text", ["-1 stars", "--- no ---", "-_-", "-h2o is water", "-5", "-"])
def test_a_text_may_begin_with_a_dash(
    text: str, seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []
    monkeypatch.setattr(cli.commands["predict"], "callback", lambda **given: taken.append(given))
    order = ["predict", "--format", "csv", "run", "good", text, "--output", "-my runs", "bad"]
    assert seqtrain(*order).exit_code == 0
    assert seqtrain("predict", "run", "--", text, "--format").exit_code == 0
    first, second = taken
    assert first["texts"] == ("good", text, "bad")  # type: ignore[index]
    assert (first["form"], str(first["outputs"])) == ("csv", "-my runs")  # type: ignore[index]
    assert second["texts"] == (text, "--format")  # type: ignore[index]


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_a_misspelt_option_is_no_text(command: str, seqtrain: Seqtrain) -> None:
    outcome = seqtrain(command, "run", "--dta", "own.csv")
    assert outcome.exit_code == 2
    assert "No such option '--dta'." in outcome.stderr
    outcome = seqtrain(command, "run", "-awful")
    assert outcome.exit_code == 2
    assert (
        f"hint: a text that begins with a dash comes after `--`: `seqtrain {command} RUN -- …`"
        in (outcome.stderr)
    )


@pytest.mark.parametrize("text", ["", "\n", "# a comment\n", "\ufeff", "---\n"])
def test_an_empty_config_is_called_so(text: str, seqtrain: Seqtrain) -> None:
    Path("a.yaml").write_text(text, encoding="utf-8")
    outcome = seqtrain("check", "a.yaml")
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("error: a.yaml: empty, so not a config")
    assert "seqtrain init quickstart" in outcome.stderr


def test_an_option_that_is_a_key_is_told_as_one(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("train", "quickstart.yaml", "--epochs", "5")
    assert outcome.exit_code == 2
    assert "hint: keys are set without dashes" in outcome.stderr
    assert "`training.epochs=VALUE`" in outcome.stderr


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from seqtrain.cli import console

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stderr", coloured := Terminal())
    console.error("wrong", "right")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stderr", plain := Terminal())
    console.error("wrong", "right")
    assert "\x1b[" in coloured.getvalue()
    assert plain.getvalue() == "error: wrong\n\nhint: right\n"


def test_debug_shows_the_traceback(seqtrain: Seqtrain) -> None:
    from seqtrain.errors import RunError

    with pytest.raises(RunError):
        seqtrain("--debug", "evaluate", "nowhere")


@pytest.mark.parametrize("name", shipped.names())
def test_init_copies_a_config_that_checks(name: str, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("init", name)
    assert outcome.stdout.splitlines() == [f"{name}.yaml"]
    assert seqtrain("check", f"{name}.yaml").exit_code == 0


def test_init_overwrites_nothing(seqtrain: Seqtrain) -> None:
    Path("quickstart.yaml").write_text("mine")
    outcome = seqtrain("init", "quickstart")
    assert outcome.exit_code == 2
    assert "exists" in outcome.stderr
    assert Path("quickstart.yaml").read_text() == "mine"


def test_init_writes_where_it_is_told(seqtrain: Seqtrain) -> None:
    assert seqtrain("init", "quickstart", "--to", "new/mine.yaml").exit_code == 0
    assert Path("new/mine.yaml").exists()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_config_opens_with_what_it_shows_and_its_command(config: Path) -> None:
    comment = config.read_text(encoding="utf-8").partition("dataset:")[0]
    assert comment.startswith("# ")
    assert f"seqtrain train {config.relative_to(REPOSITORY)}" in comment
    assert load_config(config).name == config.stem


def test_check_prints_a_config_that_checks_to_the_same(seqtrain: Seqtrain) -> None:
    seqtrain("init", "imdb_lstm")
    first = seqtrain("check", "imdb_lstm.yaml", "training.epochs=3").stdout
    Path("again.yaml").write_text(first)
    assert "epochs: 3" in first
    assert seqtrain("check", "again.yaml").stdout == first


def test_schema_prints_a_json_schema(seqtrain: Seqtrain) -> None:
    schema = json.loads(seqtrain("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"dataset", "model", "training", "execution"} <= set(schema["properties"])


def test_list_shows_everything(seqtrain: Seqtrain) -> None:
    finished_run(Path("outputs"))
    found = json.loads(seqtrain("list", "--json").stdout)
    assert {"digits", "mnist", "imdb"} <= {row["name"] for row in found["datasets"]}
    assert {"rnn", "lstm", "gru"} <= {row["name"] for row in found["models"]}
    assert [row["name"] for row in found["configs"]] == shipped.names()
    assert [row["state"] for row in found["runs"]] == ["unfinished"]


def test_list_shows_one_kind_as_a_table(seqtrain: Seqtrain) -> None:
    lines = seqtrain("list", "configs").stdout.splitlines()
    assert lines[0].split()[0] == "configs"
    assert len(lines) == 1 + len(shipped.names())


def test_list_shows_a_damaged_run_as_damaged(seqtrain: Seqtrain) -> None:
    run = finished_run(Path("outputs"))
    (run.folder / "metrics.json").write_text("{")
    assert "damaged" in seqtrain("list", "runs").stdout


def test_list_shows_the_seeds_of_a_group_as_one(seqtrain: Seqtrain) -> None:
    runs = Run.create_seeds(Path("outputs"), [config(seed=seed) for seed in range(3)])
    for run, score in zip(runs, (0.5, 0.7), strict=False):
        run.write_metrics({"test_accuracy": score, "parameters": 1})
    (row,) = json.loads(seqtrain("list", "runs", "--json").stdout)["runs"]
    assert row["folder"] == str(runs[0].group)
    assert row["state"] == "2 of 3 finished"
    assert row["test score"] == "accuracy 0.6000 ± 0.1414"


def test_plot_prints_the_pictures_of_the_newest_run(seqtrain: Seqtrain) -> None:
    run = finished_run(Path("outputs"))
    outcome = seqtrain("plot")
    assert outcome.exit_code == 0
    assert [Path(line) for line in outcome.stdout.splitlines()] == [
        run.plots / f"{name}.png" for name in PICTURES
    ]


def test_plot_of_several_runs_goes_beside_them(seqtrain: Seqtrain) -> None:
    runs = [finished_run(Path("outputs"), name=name).folder for name in ("a", "b")]
    outcome = seqtrain("plot", *runs, "--format", "svg")
    assert Path(outcome.stdout.splitlines()[0]) == Path("outputs/plots/loss.svg")


def test_plot_of_a_group_goes_into_it(seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Run.create_seeds(Path("outputs"), [config(seed=seed) for seed in range(2)])
    monkeypatch.setattr("seqtrain.plots.draw", lambda drawn, folder, suffix: [folder, len(drawn)])
    assert seqtrain("plot").stdout.splitlines() == [f"{runs[0].group}/plots", "2"]
    assert seqtrain("plot", runs[1].folder).stdout.splitlines() == [str(runs[1].plots), "1"]


def test_plot_of_a_run_without_an_epoch_says_so(seqtrain: Seqtrain) -> None:
    run = finished_run(Path("outputs"))
    (run.folder / "history.csv").unlink()
    (run.folder / "predictions.npz").unlink()
    outcome = seqtrain("plot")
    assert outcome.exit_code == 2
    assert "nothing to draw" in outcome.stderr


def test_control_characters_reach_no_terminal(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("evaluate", "\x1b[31mred")
    assert "\x1b" not in outcome.stderr
    assert "\\x1b[31mred" in outcome.stderr


def test_a_full_disk_is_one_sentence(seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    def full(source: object, target: object, **_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    finished_run(Path("outputs"))
    monkeypatch.setattr(os, "replace", full)
    outcome = seqtrain("plot")
    assert outcome.exit_code == 1
    assert "No space left on device" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_predict_takes_texts_or_a_file(seqtrain: Seqtrain) -> None:
    run = finished_run(Path("outputs"))
    outcome = seqtrain("predict", run.folder, "a text", "--data", "new.csv")
    assert outcome.exit_code == 2
    assert "Give texts or --data, not both." in outcome.stderr


def test_evaluate_takes_a_split_or_a_file(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("evaluate", "--data", "new.csv", "--split", "test")
    assert outcome.exit_code == 2
    assert "Give --data or --split, not both." in outcome.stderr
