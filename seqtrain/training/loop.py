"""The training itself: from a config and its data to a finished run."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import numpy as np

from seqtrain import memory
from seqtrain.backend import devices, environment, execution
from seqtrain.config import ResolvedConfig
from seqtrain.data.dataset import Dataset
from seqtrain.display.sentences import counted
from seqtrain.errors import DrawingError, RunError, SeqtrainError, TrainingError, reason
from seqtrain.evaluation import mistakes
from seqtrain.inference.network import BATCH_SIZE, load_model, outputs, predictions
from seqtrain.runs.run import Run
from seqtrain.training import processes, verdict
from seqtrain.training.diagnosis import TrainingRecord
from seqtrain.training.signals import listening

log = logging.getLogger(__name__)


def train(
    config: ResolvedConfig, dataset: Dataset, run: Run, callbacks: Sequence[Any] = ()
) -> None:
    """Train the network of a config on a dataset, and write everything into the run.

    A run with checkpoints resumes from the newest; the result is bit-identical to an
    uninterrupted run. On Ctrl-C and SIGTERM, history, plots, the best model and a checkpoint are
    saved.

    Args:
        config: the resolved config; `execution.start` must have been called with its execution.
        dataset: the result of `config.dataset.load`.
        run: a new or an interrupted run of the config.
        callbacks: further Keras callbacks, such as a progress bar.

    Raises:
        TrainingError: the loss is not finite, memory ran out, or the folder of the run is gone.
        RunError: all checkpoints of the run are damaged.
        KeyboardInterrupt: after everything was saved.
    """
    from seqtrain.training.callbacks import KeepBest, WriteHistory, of_each_epoch
    from seqtrain.training.checkpointing import SaveCheckpoints, variables
    from seqtrain.training.tensorboard import event_logs

    length = getattr(config.dataset, "max_length", None)
    told = memory.lack_told(config.training.batch_size, length)
    at = devices.place(config.execution)
    listened = listening(follows=not at.first)
    with run.logging(), listened as signals, told, processes.together(at, run, signals):
        elsewhere = conditions(config, dataset, run)
        model = compiled(config, dataset)
        if not run.begun:
            config.model.prepare(model, dataset, weighed=config.training.class_weight is not None)
        after_epoch = of_each_epoch(config.training, run)
        history = next(item for item in after_epoch if isinstance(item, WriteHistory))
        keeper = next(item for item in after_epoch if isinstance(item, KeepBest))
        saver = SaveCheckpoints(run, config.training, model, after_epoch, signals)
        with kept_when_cut_short(run, keeper) if at.first else nullcontext():
            saver.begin()
            describe(model, dataset, run)
            go_on(saver, elsewhere)
            fit(config, dataset, [*after_epoch, *event_logs(config, run), *callbacks], saver, run)
            devices.leave(variables(model).values())
            if not at.first:
                return
            if len(history.rows) < config.training.epochs:
                log.info("stopped early: %s", stopping_reason(config))
            trained = TrainingRecord(
                config.training, dataset, history.rows, keeper.best_epoch, config, saver.stopped
            )
            finish(model, trained, run)


def conditions(config: ResolvedConfig, dataset: Dataset, run: Run) -> bool:
    """Record the environment of a new run, or log the differences to it on resume.

    Returns:
        Whether anything differs, so that results may differ; also true if unknown.
    """
    now = environment.environment(dataset, config.model.embedding_file)
    try:
        before = run.environment() if run.begun else None
    except RunError:  # `launch` has logged it
        before = {}
    if not before:
        run.write_json("environment.json", now)
        return before is not None
    differing = environment.differences(before, now)
    for difference in differing:
        log.warning("the last digits may differ from an uninterrupted run: %s", difference)
    return bool(differing)


def compiled(config: ResolvedConfig, dataset: Dataset) -> Any:
    """Return the compiled network, with the variables of its optimizer and metrics."""
    from seqtrain.training.batches import Batches
    from seqtrain.training.callbacks import optimizer
    from seqtrain.training.checkpointing import build

    batches = Batches(dataset.train, config.training.batch_size, config.seed)
    model = config.model.build(dataset, unroll=config.execution.unroll is True)
    steps = optimizer(config.training, len(batches))
    execution.compile(model, steps, dataset, config)
    build(model, dataset.task.learned(dataset.train.labels[:1])[:])
    return model


def describe(model: Any, dataset: Dataset, run: Run) -> None:
    """Write the files that are known before the first step."""
    run.write_fitted(dataset.fitted)
    run.write_trained_on(dataset.train.fingerprints())
    if dataset.series:
        run.write_series(dataset.series)
    lines: list[str] = []
    model.summary(line_length=80, print_fn=lambda text, **_: lines.append(text))
    run.write_text("summary.txt", "\n".join(lines) + "\n")
    log.info("data: %s", dataset.source)
    log.info(
        "%s: %s parameters, %s train, %s validation and %s",
        *(model.name, f"{model.count_params():,}"),
        *(f"{part.scored:,}" for part in (dataset.train, dataset.validation)),
        counted(dataset.test.scored, f"test {dataset.task.example}"),
    )


def go_on(saver: Any, elsewhere: bool) -> None:
    """Restore the files of a run from the checkpoint where it resumes, if there is one."""
    from seqtrain.training.checkpointing import write_files

    saver.run.reopen()
    if saver.start:
        write_files(saver.run, saver.start, elsewhere)
        part = f" and {saver.batch} batches" if saver.batch else ""
        log.info("resuming after %s epochs%s", saver.epoch, part)


def fit(
    config: ResolvedConfig, dataset: Dataset, callbacks: Sequence[Any], saver: Any, run: Run
) -> None:
    """Train the remaining epochs.

    The rest of an interrupted epoch is a separate call of `fit`, because Keras reads the number of
    batches only once.
    """
    from seqtrain.training.batches import Batches, CountEpochs, read_by
    from seqtrain.training.callbacks import (
        AverageWeights,
        ScoresOfFirst,
        ScoreWhole,
        TrainedWeights,
        WithoutWaiting,
    )
    from seqtrain.training.compiling import TellCompiling
    from seqtrain.training.samples import WriteSamples

    whole = dataset.task.of_steps or dataset.task.decodes
    learned = config.dataset.in_training(dataset.learned_split("train"))
    train = read_by(saver.model, learned)
    held_out = train if whole else dataset.learned_split("validation")
    weights = class_weight(config, dataset)
    hidden = dataset.mask and dataset.padding == "post"
    hidden = hidden and not dataset.task.decodes  # not read: what is decoded is scored
    at = devices.place(config.execution)
    size, by_length = config.training.batch_size, config.training.bucket_by_length

    def fit_until(epochs: int) -> None:
        batches = Batches(train, size, config.seed, by_length, saver.batch)
        validation = Batches(held_out, BATCH_SIZE, config.seed, hidden)
        averages = [AverageWeights()] if config.training.weight_averaging else []
        called: Any = [
            *averages,
            *([ScoreWhole(dataset)] if whole and at.first else []),
            *([ScoresOfFirst()] if at.processes > 1 else []),
            *([WriteSamples(run, dataset)] if dataset.task.of_steps and at.first else []),
            CountEpochs(batches, validation),
            TellCompiling(config.execution.backend, batches, validation),
            *callbacks,
            *map(TrainedWeights, averages),
            saver,
        ]
        unsearched = ExitStack()
        if config.execution.backend == "jax":  # TensorFlow has always waited when it returns
            known = {"model": saver.model, "epochs": epochs, "steps": len(batches)}
            called = WithoutWaiting(called, add_history=True, **known)
            unsearched = called.unsearched
        with unsearched:
            saver.model.fit(
                execution.feed(batches, config.execution),
                initial_epoch=saver.epoch,
                epochs=epochs,
                validation_data=None if whole else execution.feed(validation, config.execution),
                class_weight=weights,
                callbacks=called,
                shuffle=False,
                verbose=0,
            )

    if saver.batch:
        fit_until(saver.epoch + 1)
        saver.begin()
    if saver.epoch < config.training.epochs and not saver.stopped:
        fit_until(config.training.epochs)


@contextmanager
def kept_when_cut_short(run: Run, keeper: Any) -> Iterator[None]:
    """If the body is interrupted, draw the plots; on Ctrl-C save a model if there is none."""
    try:
        yield
    except (KeyboardInterrupt, TrainingError, OSError) as error:
        if not run.folder.is_dir():
            raise TrainingError(f"the run `{run.folder}` was deleted while it trained") from error
        with suppress(OSError, SeqtrainError):  # the disk may be full, a file damaged
            if isinstance(error, KeyboardInterrupt):
                keeper.on_interrupt()
            if not run.finished:
                draw(run)
        if not isinstance(error, OSError):
            raise
        raise TrainingError(
            f"{error.filename or run.folder}: {error.strerror or error}",
            f"fix that, then resume it: `seqtrain resume {run.folder}`",
        ) from error


def stopping_reason(config: ResolvedConfig) -> str:
    """Return why early stopping ends a training, for the log."""
    stopping = config.training.early_stopping
    patience = stopping.patience if stopping else 0
    monitor = config.training.monitor
    ties = f", and at equal {monitor} val_loss," if config.training.mode == "max" else ""
    return f"{monitor}{ties} has not improved for {patience} epochs"


def finish(model: Any, trained: TrainingRecord, run: Run) -> None:
    """Evaluate the best and the last model on the test examples, and draw all plots."""
    dataset, rows, best_epoch = trained.dataset, trained.rows, trained.best_epoch
    model.optimizer.finalize_variable_values(model.trainable_variables)  # to their averages
    run.config.model.settle(model, dataset, outputs)  # like the best, to be comparable
    last = predictions(model, dataset.test, dataset.task)
    if not np.isfinite(last).all():
        raise TrainingError(
            "the predictions of some test examples are not finite: the training diverged",
            "what usually helps: a lower `training.learning_rate`, or `training.clipnorm=1`",
        )
    last_scores = dataset.task.scores("test", dataset.test.labels, last)
    del last  # of many forecasts it takes much memory
    kept, chosen = model, ""
    if best_epoch != len(rows) or run.config.model.wide:
        kept, chosen = settled(run, dataset)
    trained = calibrated(kept, trained, run)
    dataset = trained.dataset
    best = predictions(kept, dataset.test, dataset.task)
    run.write_predictions(dataset.test.labels, best)
    with spared("the run has no mistakes.csv"):
        run.write_text("mistakes.csv", mistakes.as_csv(dataset, best))
    if dataset.task.of_steps:
        with spared("the run has no samples of its best epoch"):
            sample(kept, dataset, run, best_epoch)
    validation = [name for name in rows[0] if name.startswith("val_")]
    run.write_metrics(
        {
            **dataset.task.evaluate("test", dataset.test.labels, best),
            **verdict.judged(best, trained),
            **{name: rows[best_epoch - 1][name] for name in validation},
            "optimistic": run.optimistic,
            "best_epoch": best_epoch,
            "last_epoch": {"epoch": len(rows), **last_scores},
            "parameters": model.count_params(),
            **({"chosen": chosen} if chosen else {}),
        }
    )
    del best  # the plots read it from its file
    draw(run)


def sample(model: Any, dataset: Dataset, run: Run, best_epoch: int) -> None:
    """Write texts of the best network, and what it costs to know little of what came before."""
    from seqtrain.training import samples

    samples.of_best_epoch(run, model, dataset, best_epoch)
    samples.by_context(run, model, dataset)


def calibrated(model: Any, trained: TrainingRecord, run: Run) -> TrainingRecord:
    """Return the training with its task calibrated on the validation examples, and save that."""
    dataset = trained.dataset
    if not dataset.task.calibrates:
        return trained
    found = outputs(model, dataset.validation.x)
    task = dataset.task.calibrate(dataset.validation.labels, found)
    dataset = replace(dataset, task=task)
    run.write_fitted(dataset.fitted)
    return replace(trained, dataset=dataset)


def settled(run: Run, dataset: Dataset) -> tuple[Any, str]:
    """Return the best model of a run, after the final choices on validation."""
    from seqtrain.training.callbacks import save

    model = load_model(run)
    if chosen := run.config.model.settle(model, dataset, outputs):
        log.info("%s", chosen)
        save(model, run)
    return model, chosen


def draw(run: Run) -> None:
    """Draw all plots, or log why not: a picture must never cost a training.

    Matplotlib takes half a second to import, so it is imported last.
    """
    again = f"draw again: `seqtrain plot {run.folder}`"
    try:
        with spared(f"no pictures could be drawn; {again}"):
            from seqtrain import plots

            plots.draw([run], run.plots)
    except DrawingError as error:
        log.warning("%s; %s", error, again)


@contextmanager
def spared(lack: str) -> Iterator[None]:
    """Log an error of the body as a warning, so that an extra cannot cost a result.

    Raises:
        DrawingError: raised by the body; it already names what is missing.
    """
    try:
        yield
    except DrawingError:
        raise
    except Exception as error:
        log.warning("%s: %s", lack, reason(error))


def class_weight(config: ResolvedConfig, dataset: Dataset) -> dict[int, float] | None:
    """Return the weight of each class, or None for equal weights of all examples."""
    if config.training.class_weight is None:
        return None
    return dataset.task.class_weights(dataset.train.labels)
