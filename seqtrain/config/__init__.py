"""The config: a class for each section, and the way from a YAML file to a valid `Config`."""

from seqtrain.config.config import CompleteConfig, Config, ResolvedConfig, config_schema
from seqtrain.config.execution_section import ExecutionConfig, ResolvedExecutionConfig
from seqtrain.config.loading import load_config, load_resolved, load_searched, refused, validated
from seqtrain.config.searched import Searched
from seqtrain.config.training_section import (
    CompleteTrainingConfig,
    EarlyStoppingConfig,
    Optimizer,
    TrainingConfig,
)

__all__ = [
    "CompleteConfig",
    "CompleteTrainingConfig",
    "Config",
    "EarlyStoppingConfig",
    "ExecutionConfig",
    "Optimizer",
    "ResolvedConfig",
    "ResolvedExecutionConfig",
    "Searched",
    "TrainingConfig",
    "config_schema",
    "load_config",
    "load_resolved",
    "load_searched",
    "refused",
    "validated",
]
