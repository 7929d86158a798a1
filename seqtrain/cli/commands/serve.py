"""`seqtrain serve`: the network of a run over HTTP."""

import logging
from importlib.util import find_spec
from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA_DIR, OUTPUT, command


@command("seqtrain serve reviews --port 8000")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="File with the token that requests must bring  [env: SEQTRAIN_TOKEN].",
)
@OUTPUT
@DATA_DIR
def serve(
    run: Path | None,
    host: str,
    port: int,
    token_file: Path | None,
    outputs: Path,
    data_dir: Path | None,
) -> None:
    """Serve a network over HTTP: as JSON, and as a page.

    RUN is a folder, or a name under --output (default: the newest). Only this machine reaches it;
    another --host needs a token. Ctrl-C ends it.
    """
    from seqtrain.errors import ServingError
    from seqtrain.runs import lookup

    if not (find_spec("fastapi") and find_spec("uvicorn")):
        raise ServingError("FastAPI or uvicorn is not installed", "`pip install 'seqtrain[serve]'`")
    from seqtrain.serving import server

    console.show_log()
    chosen = lookup.best(run, outputs)
    token = server.token_of(token_file)
    listening = server.bind(host, port, token)

    def ready() -> None:
        logging.getLogger("seqtrain").setLevel(logging.ERROR)  # no texts of requests in the log
        console.message(f"serving {chosen.folder}; Ctrl-C ends it")
        console.result(server.url(listening))

    server.serve(chosen, listening, token, data_dir, ready)
