"""`seqtrain export`: the network of a run for other programs."""

from dataclasses import asdict
from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA_DIR, JSON, OUTPUT, command


@command("seqtrain export reviews --format onnx --to reviews.onnx")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["onnx", "saved_model", "litert"]),
    default="onnx",
    show_default=True,
    help="onnx for ONNX Runtime, a folder for TensorFlow (Serving), or litert for phones.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    help="New file or folder  [default: the name of the config].",
)
@JSON
@OUTPUT
@DATA_DIR
def export(
    run: Path | None,
    form: str,
    to: Path | None,
    as_json: bool,
    outputs: Path,
    data_dir: Path | None,
) -> None:
    """Export a network for ONNX Runtime, TensorFlow or LiteRT.

    RUN is a folder, or a name under --output (default: the newest). The exported network must give
    the answers of the run for 100 test examples; else nothing is written. A saved_model of a run on
    texts takes texts as well, if TensorFlow gives its test texts the ids of the run.
    """
    from seqtrain.inference import exporting
    from seqtrain.runs import lookup

    console.show_log()
    found = exporting.export(lookup.best(run, outputs), form, to, data_dir)
    if as_json:
        console.result_json(
            {
                "file": str(found.path),
                "examples": found.examples,
                "largest_difference": found.difference,
                "inputs": found.inputs,
                "texts": found.texts and asdict(found.texts),
            }
        )
        return
    for name, one in found.inputs.items():
        shape = " × ".join("N" if size is None else str(size) for size in one["shape"])
        console.result(f"input {name}: {one['type']}, {shape}")
    if texts := found.texts:
        compared = f"{texts.same_ids:,} of {texts.compared:,} texts get the ids of seqtrain"
        console.result(
            f"signature {texts.signature}: string, N; {compared}"
            if texts.signature
            else f"no signature for texts, so send ids (docs/runs.md): {texts.missing}"
        )
    same = f"the answers for {found.examples} examples differ by at most {found.difference:.1g}"
    console.result(same)
    console.result(str(found.path))
