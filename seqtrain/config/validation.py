"""From what a YAML file holds to a valid config, or to what is wrong with it."""

from pathlib import Path

from pydantic import ValidationError

from seqtrain.config.config import CompleteConfig, Config, config_schema
from seqtrain.config.training_section import CompleteTrainingConfig
from seqtrain.io import naming
from seqtrain.schema.yaml_file import Document, Problem


def completed(config: Config, path: Path) -> CompleteConfig:
    """Return the config with the defaults that depend on other keys or on the file's name."""
    model, training = config.model, config.training
    task = config.dataset.new_task()
    model = model.completed(config.dataset.holds_tokens, task.of_steps)
    metric = task.primary(weighed=training.class_weight is not None)
    monitor = training.monitor or f"val_{metric.name}"
    changes = {
        "name": config.name or naming.folder(path.stem),
        "model": model,
        "training": CompleteTrainingConfig.model_construct(
            **{**dict(training), "monitor": monitor}
        ),
    }
    return CompleteConfig.model_construct(**{**dict(config), **changes})


def validate(document: Document, folder: Path) -> tuple[Config | None, list[Problem]]:
    """Validate the tree; if a section's `name` is misspelt, also check that section's keys."""
    try:
        return Config.model_validate(document.data, context=document.folders(folder)), []
    except ValidationError as error:
        from seqtrain.schema.messages import problems, with_likely_names

        found = problems(error, document, config_schema())
    likely = [validate(guess, folder)[1] for guess in with_likely_names(document, config_schema())]
    refused_by_all = [{item.path for item in problems} for problems in likely]
    first = likely[0] if likely else []
    return None, found + [item for item in first if all(item.path in x for x in refused_by_all)]
