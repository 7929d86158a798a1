"""Commands that compute nothing import no large libraries, so they start fast."""

import json
import subprocess
import sys
from typing import NamedTuple

import pytest

from tests.conftest import REPOSITORY
from tests.factories.runs import finished

QUICKSTART = str(REPOSITORY / "configs" / "quickstart.yaml")
BROKEN = str(REPOSITORY / "tests" / "broken" / "several_in_order_of_lines.yaml")
HEAVY = {"tensorflow", "keras", "jax", "torch", "matplotlib", "sklearn", "scipy", "pandas"}
# Runs a command as `python -m seqtrain` does, then writes the imported packages to a file.
SCRIPT = """
import json, runpy, sys
code = 0
try:
    runpy.run_module("seqtrain", run_name="__main__", alter_sys=True)
except SystemExit as stop:
    code = stop.code
with open("imported.json", "w") as file:
    json.dump(sorted({name.partition(".")[0] for name in sys.modules}), file)
sys.exit(code)
"""


class Start(NamedTuple):
    """What a command in a fresh process printed and imported."""

    exit_code: int
    output: str
    imported: set[str]


def start(*arguments: str) -> Start:
    command = [sys.executable, "-W", "error", "-c", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    with open("imported.json", encoding="utf-8") as file:
        return Start(done.returncode, done.stdout + done.stderr, set(json.load(file)))


@pytest.mark.parametrize(
    ("arguments", "exit_code", "output"),
    [
        (["--help"], 0, "Usage: seqtrain"),
        (["train", "--help"], 0, "Usage: seqtrain train"),
        (["check", QUICKSTART], 0, "learning_rate: 0.003"),
        (["check", BROKEN], 2, "did you mean `max_length`?"),
        (["list", "configs"], 0, "quickstart"),
        (["schema"], 0, "draft/2020-12"),
        (["train", "nowhere.yaml"], 2, "no such file"),
        (["evaluate"], 2, "there is no run"),
        (["compare"], 2, "there is no run"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_that_computes_nothing_imports_nothing_heavy(
    arguments: list[str], exit_code: int, output: str
) -> None:
    found = start(*arguments)
    assert found.exit_code == exit_code, found.output
    assert output in found.output
    assert "seqtrain" in found.imported
    assert found.imported & HEAVY == set()


def test_comparing_runs_imports_nothing_heavy() -> None:
    finished(150)
    finished(160, **{"model.name": "gru"})
    found = start("compare")
    assert "McNemar" in found.output
    assert found.imported & HEAVY == set()


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"]], ids=" ".join)
def test_help_imports_no_validator(arguments: list[str]) -> None:
    found = start(*arguments)
    assert found.exit_code == 0
    assert found.imported & {"pydantic", "yaml", "numpy"} == set()


@pytest.mark.parametrize("arguments", [["check", QUICKSTART], ["list"]], ids=lambda value: value[0])
def test_what_needs_no_arrays_imports_none(arguments: list[str]) -> None:
    assert "numpy" not in start(*arguments).imported
