"""What a run that forecasts series can answer."""

from pathlib import Path
from typing import Any

from seqtrain.inference import network
from seqtrain.inference.next_values import forecast
from seqtrain.interpretation import window_effects
from seqtrain.runs.run import Run
from seqtrain.serving import bodies
from seqtrain.serving.answers.base import Answer, Operation, Served, each
from seqtrain.serving.row_file import as_file


def served(run: Run, data_dir: Path | None) -> Served:
    """Load the network of a run, and return what it can answer."""
    model, reads_files = network.started(run), hasattr(run.config.dataset, "path")

    def ahead(request: Any) -> Answer:
        with as_file(getattr(request, "rows", None)) as file:
            found = forecast(run, file, request.steps, data_dir, model)
        return {"forecasts": found.rows()}

    def explained(request: Any) -> Answer:
        with as_file(getattr(request, "rows", None)) as file:
            if file:
                found = window_effects.effects_at_end(run, file, request.example, model)
            else:
                found = window_effects.effects(run, "test", request.example, data_dir, model)
        return window_effects.numbers(found)

    next_values = Operation(
        "forecast",
        "Forecast the next values of each series",
        bodies.NewerSeries if reads_files else bodies.Horizon,
        each(ahead),
        sample={},
    )
    explain = Operation(
        "explain",
        "Show which steps of a window moved its forecast",
        bodies.OriginOrRows if reads_files else bodies.Origin,
        each(explained),
        sample={},
    )
    facts = {"reads_rows": reads_files}
    return Served(run, "series", "forecasts series", (next_values, explain), facts)
