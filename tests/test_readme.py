"""The commands of the documentation do what it says, with one epoch and few examples."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from socket import socket

import click
import pytest

from seqtrain.cli.main import cli
from seqtrain.config import config_schema, load_config
from seqtrain.runs.run import Run
from seqtrain.schema import json_schema as schemas
from tests.conftest import CONFIGS, REPOSITORY, Outcome
from tests.cutting import go_on

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def commands_of(text: str) -> list[str]:
    """Return the commands in the consoles of a document, without their prompt."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = (line for block in blocks for line in block.splitlines())
    return [line[2:] for line in lines if line.startswith("$ seqtrain")]


COMMANDS = commands_of(README)
UNLIMITED = ("airline", "grammar")  # datasets without `limit`
FEW = {  # what makes a command take less time
    # one process has one backend
    "train": ["training.epochs=1", "dataset.limit=40", "execution.backend=tensorflow"],
    "resume": ["--epochs", "2"],
    "serve": ["--port", "0"],
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_the_documentation_can_be_typed(document: Path) -> None:
    """Its options are known to the program, and its keys to the config."""
    known = {".".join(keys) for keys in schemas.key_paths(config_schema())}
    for line in commands_of(document.read_text(encoding="utf-8")):
        _, name, *arguments = shlex.split(line, comments=True)
        command = cli.get_command(click.Context(cli), name)
        assert command, line
        command.make_parser(click.Context(command)).parse_args(arguments)
        keys = re.findall(r"(?<!\S)([a-z]+\.[a-z_]+)=", line)
        assert set(keys) <= known, line


def announce(run: Run, listening: socket, token: None, data_dir: None, ready: Callable) -> None:
    """Be ready, and end at once, where `seqtrain serve` would go on."""
    ready()
    listening.close()


@pytest.mark.tf
@pytest.mark.docs
def test_the_commands_of_the_readme_work_one_after_another(
    seqtrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(COMMANDS) >= 8
    monkeypatch.setattr(
        "seqtrain.training.seeds.train", lambda runs, *_: [go_on(run) for run in runs]
    )
    monkeypatch.setattr("seqtrain.serving.server.serve", announce)
    for command in COMMANDS:
        program, *arguments = shlex.split(command, comments=True)
        assert program == "seqtrain"
        fewer = [
            key
            for key in FEW.get(arguments[0], [])
            if "limit" not in key or not any(name in command for name in UNLIMITED)
        ]
        outcome = seqtrain(*arguments, *fewer)
        assert outcome.exit_code == 0, f"{command}: {outcome.stderr}"
        assert outcome.stdout


def test_the_config_of_the_readme_checks(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "readme.yaml").write_text(block, encoding="utf-8")
    assert load_config(tmp_path / "readme.yaml").model.name == "bilstm"


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_tutorial_stands_in_the_table(config: Path) -> None:
    if config.stem != "quickstart":
        table = (REPOSITORY / "docs" / "tutorials.md").read_text(encoding="utf-8")
        table += (REPOSITORY / "docs" / "performance.md").read_text(encoding="utf-8")
        table += (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
        assert str(config.relative_to(REPOSITORY)) in table


@pytest.mark.parametrize("document", [*DOCUMENTS, REPOSITORY / "CONTRIBUTING.md"])
def test_links_lead_to_files(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_every_module_is_explained_to_contributors() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    package = REPOSITORY / "seqtrain"
    found = [*package.glob("[!_]*.py"), *package.glob("*/[!_]*.py"), *package.glob("[!_]*/")]
    known = {"datasets", "plots", "report", "tasks"}  # whose files are explained together
    for path in found:
        name = f"{path.name}/" if path.is_dir() else path.name
        assert f"`{name}`" in text or path.parent.name in known
