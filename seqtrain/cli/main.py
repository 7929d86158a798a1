"""The command line: its commands, its errors and its exit codes."""

import sys

import click

from seqtrain import __version__
from seqtrain.cli import console
from seqtrain.cli.commands.check import check
from seqtrain.cli.commands.compare import compare
from seqtrain.cli.commands.evaluate import evaluate
from seqtrain.cli.commands.explain import explain
from seqtrain.cli.commands.export import export
from seqtrain.cli.commands.forecast import forecast
from seqtrain.cli.commands.generate import generate
from seqtrain.cli.commands.gradients import gradients
from seqtrain.cli.commands.init import init
from seqtrain.cli.commands.list import list_
from seqtrain.cli.commands.plot import plot
from seqtrain.cli.commands.predict import predict
from seqtrain.cli.commands.report import report
from seqtrain.cli.commands.resume import resume
from seqtrain.cli.commands.schema import schema
from seqtrain.cli.commands.score import score
from seqtrain.cli.commands.serve import serve
from seqtrain.cli.commands.sweep import sweep
from seqtrain.cli.commands.train import train
from seqtrain.cli.commands.translate import translate
from seqtrain.cli.options import Group
from seqtrain.errors import SeqtrainError, Terminated
from seqtrain.io import streams

TAKE_TEXTS = ("predict", "explain", "generate", "score", "translate")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seqtrain")
@click.option("--debug", is_flag=True, help="Show the traceback of every error.")
def cli(debug: bool) -> None:
    """Train recurrent networks from a YAML file, and see what they learned.

    \b
    seqtrain init quickstart          copy a config
    seqtrain train quickstart.yaml    train it into outputs/
    seqtrain evaluate                 evaluate the newest run
    """  # noqa: D301 - click keeps the lines after a backspace as they are


# In the order in which a person needs them.
for command in (
    list_,
    init,
    check,
    schema,
    train,
    resume,
    sweep,
    evaluate,
    predict,
    forecast,
    generate,
    score,
    translate,
    plot,
    explain,
    gradients,
    compare,
    report,
    export,
    serve,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; each expected error prints one message and sets the exit code."""
    with streams.standing():
        _run()


def _run() -> None:
    try:
        cli.main(prog_name="seqtrain", standalone_mode=False)
        sys.stdout.flush()
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
    except Exception as error:
        from seqtrain import memory

        if not memory.is_lack(error):
            raise
        fewer = "take fewer examples (`dataset.limit`) or shorter ones (`dataset.max_length`)"
        _fail("there is not enough memory", memory.raise_limit() or fewer, 1, error)


def _usage_hint(error: click.ClickException) -> str:
    """Return a hint for a mistyped option: a config key like it, or where options are listed."""
    if isinstance(error, click.NoSuchOption):
        from seqtrain.config import config_schema
        from seqtrain.schema import json_schema as schemas

        typed = error.option_name.lstrip("-").replace("-", "_")
        for keys in schemas.key_paths(config_schema()):
            if keys[-1] == typed or ".".join(keys) == typed:
                return f"keys are set without dashes, after the config: `{'.'.join(keys)}=VALUE`"
    context = getattr(error, "ctx", None)
    unlike = isinstance(error, click.NoSuchOption) and not error.possibilities
    if unlike and context and context.info_name in TAKE_TEXTS:
        return f"a text that begins with a dash comes after `--`: `{context.command_path} RUN -- …`"
    return f"`{context.command_path if context else 'seqtrain'} --help` shows what can be typed"


def _fail(message: str, hint: str | None, exit_code: int, error: Exception) -> None:
    if "--debug" in sys.argv:
        raise error
    console.error(message, hint)
    sys.exit(exit_code)
