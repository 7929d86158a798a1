"""`python -m benchmarks.translation`: what encoder–decoders reach, beside simple models.

`SEQTRAIN_DATA_DIR` names the folder of `cmudict_*.tsv` and `verses-eng-spa.tsv`.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import machine
from seqtrain.evaluation import sequence_metrics
from seqtrain.inference.translating import Interpreter
from seqtrain.runs import lookup
from seqtrain.runs.run import Run

CONFIGS = Path(__file__).parent.parent / "configs"
HEADER = ("data", "exact match", "edit rate", "chrF", "best baseline", "CPU time, s")
PARTS = {"path": "train", "validation_path": "validation", "test_path": "test"}


def train(name: str, config: Path, *overrides: str) -> tuple[Run, float]:
    """Train a config; return the run and its CPU time."""
    before = _processor_seconds()
    command = [sys.executable, "-m", "seqtrain", "train", str(config), f"name={name}", *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return lookup.newest(Path(name), Path("outputs"))[0], _processor_seconds() - before


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(title: str, run: Run, seconds: float) -> list[str]:
    """Return a row of the table."""
    found = run.metrics()
    chosen = "chrf" if found.get("test_chrf") is not None else "exact_match"
    best = max(found["baselines"].items(), key=lambda item: item[1][f"test_{chosen}"] or 0)
    chrf = found.get("test_chrf")
    return [
        title,
        f"{found['test_exact_match']:.2%}",
        f"{found['test_edit_rate']:.2%}",
        "–" if chrf is None else f"{chrf:.1f}",
        f"{best[0]} {best[1][f'test_{chosen}']:.3g}",
        f"{seconds:.0f}",
    ]


def with_beams(title: str, run: Run, beams: int) -> list[str]:
    """Return a row with the share of test sources whose best of several beams is right."""
    dataset = run.config.dataset.load()
    texts: Any = getattr(dataset.test, "texts", ())
    interpreter = Interpreter.of(run)
    answers = interpreter.answers(texts, beams)
    steps = dataset.test.labels["targets"].shape[2]
    predictions = _as_predictions([some[0].text for some in answers], interpreter, steps)
    found = sequence_metrics.compared(dataset.test.labels, predictions)
    rate = found.errors.sum() / found.tokens.sum()
    return [f"{title}, {beams} beams", f"{found.right.mean():.2%}", f"{rate:.2%}", "–", "", ""]


def _as_predictions(texts: list[str], interpreter: Interpreter, steps: int) -> Any:
    from seqtrain.evaluation.pair_baselines import cut, of_ids

    return of_ids(cut(interpreter.writer.sequences(texts), steps))


def without_stress(folder: Path) -> dict[str, str]:
    """Write the tables of CMUdict without stress; return the keys that name them."""
    keys = {}
    for key, part in PARTS.items():
        lines = (folder / f"cmudict_{part}.tsv").read_text(encoding="utf-8").splitlines()
        plain = dict.fromkeys(re.sub(r"(?<=[A-Z])\d", "", line) for line in lines)
        Path(f"{part}.tsv").write_text("\n".join(plain) + "\n", encoding="utf-8")
        keys[key] = f"{part}.tsv"
    return keys


def main() -> None:
    """Print the table."""
    folder = Path(os.environ["SEQTRAIN_DATA_DIR"]).absolute()
    print(machine.described())
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        rows = [row("additions", *train("additions", CONFIGS / "additions_lstm.yaml"))]
        attention = CONFIGS / "additions_attention.yaml"
        rows.append(row("additions with attention", *train("attention", attention)))
        rows.append(row("dates", *train("dates", CONFIGS / "dates_gru.yaml")))
        for title, keys in (
            ("words → phonemes", without_stress(folder)),
            (
                "the same with stress",
                {key: str(folder / f"cmudict_{part}.tsv") for key, part in PARTS.items()},
            ),
        ):
            said = [f"dataset.{key}={value}" for key, value in keys.items()]
            run, seconds = train(f"cmudict{len(rows)}", CONFIGS / "cmudict_lstm.yaml", *said)
            rows += [row(title, run, seconds), with_beams(title, run, 5)]
        said = f"dataset.path={folder / 'verses-eng-spa.tsv'}"
        rows.append(
            row("verses English → Spanish", *train("verses", CONFIGS / "verses_gru.yaml", said))
        )
    for cells in (HEADER, ["---"] * len(HEADER), *rows):
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
