"""Sweeps whose trainings are pretended: each writes a history that follows from its config."""

import sys
from pathlib import Path

# Stands for a training: the score is best at units 8 and a learning rate of 1e-2. It goes on from
# the epochs that it has, diverges where the learning rate is above 0.5, and ends on SIGTERM.
CHILD = """
import fcntl, json, math, os, signal, sys, time
from pathlib import Path
import yaml

folder = Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
lock = (folder / "log.txt").open("ab")
fcntl.flock(lock, fcntl.LOCK_EX)
config = yaml.safe_load((folder / "config.yaml").read_text())
rate = float(config["training"]["learning_rate"])
(units,) = config["model"].get("units") or config["model"]["filters"]
if rate > 0.5:
    print("error: the loss is not finite", file=sys.stderr)
    sys.exit(1)
header = "epoch,loss,mae,val_loss,val_mae,learning_rate"
history = folder / "history.csv"
lines = history.read_text().splitlines()[1:] if history.exists() else []
score = float(lines[-1].split(",")[3]) if lines else 0.0
with (folder / "started").open("a") as started:
    started.write(f"{len(lines)}\\n")
for epoch in range(len(lines) + 1, config["training"]["epochs"] + 1):
    time.sleep(SECONDS)
    score = abs(math.log10(rate) + 2) + abs(math.log2(units) - 3) + 1 / epoch
    score += config["seed"] / 100
    lines.append(f"{epoch},1.0,1.0,{score},{score},{rate}")
    for name, rows in (("timing.csv", ["epoch,seconds", *(f"{n},1.0" for n in range(epoch))]),
                       ("history.csv", [header, *lines])):
        beside = folder / f"beside-{name}"
        beside.write_text("\\n".join(rows) + "\\n")
        os.replace(beside, folder / name)
best = {"test_loss": score, "test_mae": score, "val_loss": score, "val_mae": score}
(folder / "metrics.json").write_text(json.dumps({
    **best, "intervals": {}, "optimistic": False, "best_epoch": len(lines), "parameters": 1,
    "last_epoch": {"epoch": len(lines), **best},
}))
"""


def pretended(seconds: float = 0.0) -> list[str]:
    """Return the command of a pretended training, which waits in each epoch."""
    return [sys.executable, "-c", CHILD.replace("SECONDS", str(seconds))]


CONFIG = """\
name: search
dataset: {name: adding, examples: 40, test_examples: 20, steps: 8}
model: {name: rnn, units: 4}
training: {epochs: 3, baselines: false}
sweep:
  trials: 4
  space:
    model.units: [2, 4, 8]
    training.learning_rate: {log_range: [1e-4, 1e-1]}
"""
# Runs a command line with pretended trainings, in a process that can be killed.
PROCESS = """
import signal
from seqtrain.cli.main import main
from seqtrain.training import children
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
children.COMMAND = {command!r}
{settings}
main()
"""


def process(*arguments: object, seconds: float = 0.0, settings: str = "") -> list[str]:
    """Return the command of a process that runs a command line with pretended trainings.

    Args:
        arguments: of the command line.
        seconds: of each epoch.
        settings: lines of Python that come first.
    """
    script = PROCESS.format(command=pretended(seconds), settings=settings)
    return [sys.executable, "-c", script, *map(str, arguments)]


def written(text: str = CONFIG, name: str = "search.yaml") -> Path:
    """Write a config into the working folder, and return its path."""
    file = Path(name)
    file.write_text(text)
    return file
