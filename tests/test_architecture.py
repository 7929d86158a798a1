"""Rules about the code: imports, names and layout."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqtrain

PACKAGE = Path(seqtrain.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
# A module imports only from packages and modules named before its own.
ORDER = (
    "errors memory display io schema data evaluation tasks sources datasets models config scaffold "
    "backend runs inference comparison drawing plots report training interpretation serving cli"
).split()


# The same within packages of many modules.
WITHIN = {
    "evaluation": "metric uncertainty calibration significance classification_metrics confusion "
    "regression_metrics linear_models ngrams ngram_weights baselines conformal forecast_metrics "
    "forecast_excerpts forecast_baselines language_metrics count_models sequence_metrics "
    "pair_baselines mistakes".split(),
    "tasks": "base keras_metrics labelled_task classification regression forecasting writing_task "
    "language_model translation".split(),
    "config": "training_section execution_section config validation searched loading".split(),
    "serving.answers": "base text_answers sequence_answers writing_answers translation_answers "
    "series_answers".split(),
    "interpretation": "trace autodiff prefixes explanation gradient_norms gradient_flow surprise "
    "unit_meanings figure_files prefix_plots gate_plots text_plots gradient_plots "
    "explanation_text explanation_files text_findings gradient_table "
    "window_effects attention_maps findings".split(),
}


COMMON = {"base"}


def imports(module: Path, inside: str = "seqtrain") -> set[str]:
    """Return the first names after `<inside>.` that a module imports, wherever it does so."""
    names = set()
    for node in at_run_time(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == inside:
            dotted = [f"{inside}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dotted = [node.module or ""]
        else:
            continue
        rest = (name.removeprefix(f"{inside}.") for name in dotted if name.startswith(f"{inside}."))
        names |= {name.split(".")[0] for name in rest}
    return names


def at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those under `if TYPE_CHECKING`, where only types are named."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        yield from at_run_time(node)


def place(module: Path) -> str:
    """Return the name of a module or of the package in which it lies."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_stands_before_it(module: Path) -> None:
    name = place(module)
    if name in ("__init__", "__main__"):
        return
    allowed = {*ORDER[: ORDER.index(name) + 1], "__version__"}
    assert imports(module) - {"seqtrain"} <= allowed


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in WITHIN for name in WITHIN[package]]
)
def test_a_module_of_a_package_imports_only_what_stands_before_it(package: str, name: str) -> None:
    order = WITHIN[package]
    folder = PACKAGE.joinpath(*package.split("."))
    found = imports(folder / f"{name}.py", f"seqtrain.{package}")
    assert found <= set(order[: order.index(name)])
    assert {file.stem for file in folder.glob("*.py")} == {"__init__", *order}


def test_every_module_has_its_place_in_the_order() -> None:
    assert {place(module) for module in MODULES} - {"__init__", "__main__"} == set(ORDER)


def test_no_two_modules_have_one_name() -> None:
    """Except names that every such package has, such as its base."""
    names = Counter(module.stem for module in MODULES if module.stem != "__init__")
    assert {name for name, count in names.items() if count > 1} <= COMMON


def test_only_the_console_prints() -> None:
    printing = {
        str(module.relative_to(PACKAGE))
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Name) and node.id == "print")
        or (isinstance(node, ast.Attribute) and node.attr in ("echo", "secho"))
    }
    assert printing == {"cli/console.py"}


BACKENDS = {"tensorflow", "jax", "torch"}
KNOW_BACKENDS = {
    "backend/devices.py",
    *("backend/execution.py", "interpretation/autodiff.py", "inference/conversion.py"),
    "inference/text_signature.py",
    *("backend/kernels/on_jax.py", "backend/kernels/on_tensorflow.py"),
}


def test_few_modules_know_a_backend() -> None:
    found = {
        str(module.relative_to(PACKAGE))
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if BACKENDS & {name.partition(".")[0] for name in imported(node)}
    }
    assert found == KNOW_BACKENDS


def imported(node: ast.AST) -> list[str]:
    """Return the dotted names that a statement imports, if it does."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_no_test_module_imports_another() -> None:
    """Shared code belongs in `tests/factories/`."""
    found = {
        module.name
        for module in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.test_")
    }
    assert not found
