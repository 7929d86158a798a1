"""The commands: parse, call, print. Heavy imports stand inside the bodies."""

import sys
from pathlib import Path
from typing import Any

import click

from seqtrain import __version__, console
from seqtrain.errors import SeqtrainError, Terminated
from seqtrain.options import CONFIG, DATA, DATA_DIR, JSON, OUTPUT, OVERRIDES, Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seqtrain")
@click.option("--debug", is_flag=True, help="Show the traceback of every error.")
def cli(debug: bool) -> None:
    """Train recurrent networks from a YAML file, and see what they learned.

    \b
    seqtrain init quickstart          copy a config
    seqtrain train quickstart.yaml    train it into outputs/
    seqtrain evaluate                 judge the newest run
    """  # noqa: D301 - click keeps the lines after a backspace as they are


@cli.command("list", epilog="seqtrain list configs")
@click.argument(
    "what", type=click.Choice(["datasets", "models", "configs", "runs"]), required=False
)
@OUTPUT
@JSON
def list_(what: str | None, outputs: Path, as_json: bool) -> None:
    """Show the datasets, models, shipped configs and runs."""
    from seqtrain import listing

    found = listing.everything(outputs)
    chosen = {what: found[what]} if what else found
    if as_json:
        console.result_json(chosen)
    else:
        console.result(console.format_listing(chosen))


@cli.command(epilog="seqtrain init imdb_lstm")
@click.argument("name", required=False)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Your own file, to draft a config for."
)
@click.option("--to", type=click.Path(path_type=Path), help="File to write  [default: NAME.yaml].")
def init(name: str | None, data: Path | None, to: Path | None) -> None:
    """Copy the shipped config NAME to here, or draft one for your own data. Overwrites nothing."""
    from seqtrain import shipped

    if data:
        from seqtrain.draft import draft

        written = to or Path(f"{data.stem}.yaml")
        shipped.write_new(written, draft(data, written))
        console.message(f"look at it: `seqtrain check {written} --load`")
    elif name:
        written = shipped.copy(name, to or Path(f"{name}.yaml"))
    else:
        raise click.UsageError("Name a shipped config, or your own file with --data.")
    console.message(f"train it: `seqtrain train {written}`")
    console.result(str(written))


@cli.command(epilog="seqtrain check configs/imdb_lstm.yaml training.epochs=3")
@CONFIG
@OVERRIDES
@click.option("--load", is_flag=True, help="Load the data too, and tell what training would cost.")
@DATA_DIR
@JSON
def check(
    config: Path, overrides: tuple[str, ...], load: bool, data_dir: Path | None, as_json: bool
) -> None:
    """Validate a config, and print it with every default filled in, or what it would train on."""
    from seqtrain.config import load_config

    checked = load_config(config, overrides)
    if not load:
        tree = checked.model_dump(mode="json")
        console.result_json(tree) if as_json else console.result(checked.to_yaml().rstrip())
        return
    console.show_log()
    from seqtrain.inspection import inspect

    found = inspect(checked, data_dir)
    console.result_json(found) if as_json else console.result(console.format_inspection(found))


@cli.command(epilog="seqtrain schema > seqtrain.schema.json")
@click.option("--markdown", is_flag=True, help="Print the reference of all keys instead.")
def schema(markdown: bool) -> None:
    """Print the JSON schema of configs, for editors."""
    from seqtrain import schema as schemas
    from seqtrain.config import config_schema

    if markdown:
        console.result(schemas.markdown(config_schema()).rstrip())
    else:
        console.result_json(config_schema())


@cli.command(epilog="seqtrain train configs/mnist_rnn.yaml training.epochs=5 --data-dir data")
@CONFIG
@OVERRIDES
@click.option(
    "--resume", is_flag=True, help="Go on with the newest unfinished run of CONFIG, if any."
)
@OUTPUT
@DATA_DIR
def train(
    config: Path, overrides: tuple[str, ...], resume: bool, outputs: Path, data_dir: Path | None
) -> None:
    """Train the network of CONFIG into a new run folder."""
    from seqtrain.config import load_config

    checked = load_config(config, overrides)
    console.show_log()
    from seqtrain import launch

    run, dataset = launch.prepare(checked, outputs, data_dir, resume)
    with console.ending_with(run):
        launch.train(run, dataset, console.progress)


@cli.command(epilog="seqtrain resume imdb_lstm --epochs 20")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Train so many epochs in all  [default: as many as RUN was to have].",
)
@OUTPUT
@DATA_DIR
def resume(run: Path | None, epochs: int | None, outputs: Path, data_dir: Path | None) -> None:
    """Go on with the training of RUN (default: the newest) where it was cut short."""
    from seqtrain.run import Run

    console.show_log()
    chosen = Run.open(run, outputs) if run else Run.latest(outputs)
    if chosen.finished and epochs in (None, chosen.config.training.epochs):
        console.message(f"{chosen.folder} is finished; `--epochs N` trains more epochs")
        console.result(str(chosen.folder))
        return
    from seqtrain import launch

    dataset = launch.load_again(chosen, data_dir)
    with console.ending_with(chosen):
        launch.train(chosen, dataset, console.progress, epochs)


@cli.command(epilog="seqtrain evaluate --split validation --json")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Examples to judge by.",
)
@DATA
@OUTPUT
@DATA_DIR
@JSON
def evaluate(
    run: Path | None,
    split: Any,
    data: Path | None,
    outputs: Path,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Judge the saved model of RUN: a folder, or a name under --output (default: the newest)."""
    from seqtrain import inference
    from seqtrain.run import Run

    console.show_log()
    chosen = Run.open(run, outputs) if run else Run.latest(outputs)
    if data:
        found = inference.evaluate_given(chosen, data)
    else:
        found = inference.evaluate(chosen, split, data_dir)
    if as_json:
        console.result_json(found)
    else:
        console.result(console.format_evaluation(found))


@cli.command(epilog='seqtrain predict imdb_lstm "not bad at all"')
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@DATA
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="Form of the answers.",
)
@OUTPUT
def predict(run: Path, texts: tuple[str, ...], data: Path | None, form: str, outputs: Path) -> None:
    """Say the class of each TEXT, of the examples in a file, or of each line of standard input."""
    from seqtrain import inference
    from seqtrain.run import Run

    console.show_log()
    chosen = Run.open(run, outputs)
    learned = chosen.learned()
    if data and texts:
        raise click.UsageError("Give texts or --data, not both.")
    if data:
        given = chosen.config.dataset.read_given(data, learned)
    else:
        given = chosen.config.dataset.encode_texts(texts or console.lines(), learned)
    found = inference.described(given, inference.predict(chosen, given), learned.classes)
    console.result(console.format_predictions(found, form))


@cli.command(epilog="seqtrain plot outputs/imdb_lstm/* --format svg --to pictures")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--format",
    "suffix",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    show_default=True,
    help="Format of the pictures.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pictures  [default: plots/ in the run; for several, in --output].",
)
@OUTPUT
def plot(runs: tuple[Path, ...], suffix: str, folder: Path | None, outputs: Path) -> None:
    """Draw the plots of RUNS (default: the newest). Several are laid over one another."""
    from seqtrain import plots
    from seqtrain.errors import RunError
    from seqtrain.run import Run

    chosen = [Run.open(run, outputs) for run in runs] or [Run.latest(outputs)]
    target = folder or (chosen[0].plots if len(chosen) == 1 else outputs / "plots")
    target.parent.mkdir(parents=True, exist_ok=True)
    pictures = plots.draw(chosen, target, suffix)
    if not pictures:
        raise RunError(f"{chosen[0].folder} has nothing to draw: no epoch was finished")
    console.result("\n".join(map(str, pictures)))


def main() -> None:
    """Run the command line; every expected error ends in one message and an exit code."""
    try:
        cli.main(prog_name="seqtrain", standalone_mode=False)
    except SeqtrainError as error:
        _fail(error.message, error.hint, error.exit_code, error)
    except click.exceptions.NoArgsIsHelpError as error:
        console.message(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message(), _usage_hint(error), 2, error)
    except (KeyboardInterrupt, click.Abort) as error:  # click makes the one into the other
        terminated = isinstance(error.__cause__ or error, Terminated)
        sys.exit(143 if terminated else 130)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", None, 1, error)


def _usage_hint(error: click.ClickException) -> str:
    """Return the key that a mistyped option stands for, or else where the options are listed."""
    if isinstance(error, click.NoSuchOption):
        from seqtrain import schema as schemas
        from seqtrain.config import config_schema

        typed = error.option_name.lstrip("-").replace("-", "_")
        for keys in schemas.key_paths(config_schema()):
            if keys[-1] == typed or ".".join(keys) == typed:
                return f"keys are set without dashes, after the config: `{'.'.join(keys)}=VALUE`"
    context = getattr(error, "ctx", None)
    return f"`{context.command_path if context else 'seqtrain'} --help` shows what can be typed"


def _fail(message: str, hint: str | None, exit_code: int, error: Exception) -> None:
    if "--debug" in sys.argv:
        raise error
    console.error(message, hint)
    sys.exit(exit_code)
