"""`seqtrain schema`: the JSON schema of configs."""

import click

from seqtrain.cli import console
from seqtrain.cli.options import command


@command("seqtrain schema > seqtrain.schema.json")
@click.option("--markdown", is_flag=True, help="Print the reference of all keys instead.")
def schema(markdown: bool) -> None:
    """Print the JSON schema of configs, for editors."""
    from seqtrain.config import config_schema
    from seqtrain.schema import json_schema as schemas

    if markdown:
        console.result(schemas.markdown(config_schema()).rstrip())
    else:
        console.result_json(config_schema())
