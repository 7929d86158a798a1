"""The configs that come with seqtrain."""

import os
from difflib import get_close_matches
from pathlib import Path

from seqtrain.display.escape import argument
from seqtrain.errors import ConfigError
from seqtrain.io.atomic import adding


def folder() -> Path:
    """Return the folder of the shipped configs: in the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def names() -> list[str]:
    """Return the names that `seqtrain init` takes."""
    root = folder()
    return sorted(str(file.relative_to(root).with_suffix("")) for file in root.rglob("*.yaml"))


def headline(name: str) -> str:
    """Return the first line of a config's opening comment."""
    text = (folder() / f"{name}.yaml").read_text(encoding="utf-8")
    return text.partition("\n")[0].lstrip("# ")


def copy(name: str, target: Path) -> Path:
    """Copy the config `name` to the new file `target`.

    Raises:
        ConfigError: there is no such config, or the target exists.
    """
    known = names()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        guess = f", did you mean `{near[0]}`?" if near else ""
        raise ConfigError(
            f"no shipped config is called `{name}`{guess}", f"there are: {', '.join(known)}"
        )
    write_new(target, (folder() / f"{name}.yaml").read_text(encoding="utf-8"))
    return target


def check_new(target: Path, option: str = "--to") -> None:
    """Raise a ConfigError if `init` would overwrite a file; `option` names another."""
    if os.path.lexists(target):
        other = argument(target.with_name(f"my_{target.name}"))
        raise ConfigError(
            f"`{target}` exists, and `init` overwrites nothing",
            f"name another file: `{option} {other}`",
        )


def write_new(target: Path, text: str, option: str = "--to") -> None:
    """Write a text to a new file, atomically.

    Args:
        target: the file.
        text: its content.
        option: that of `init` which names the file.

    Raises:
        ConfigError: it exists.
    """
    check_new(target, option)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with adding(target) as beside:
            beside.write_text(text, encoding="utf-8")
    except FileExistsError:
        check_new(target, option)
        raise
