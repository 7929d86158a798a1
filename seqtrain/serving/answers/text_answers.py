"""What a run that reads texts can answer."""

from seqtrain.inference import network
from seqtrain.interpretation import explanation
from seqtrain.runs.run import Run
from seqtrain.serving import bodies
from seqtrain.serving.answers.base import Operation, Served, each, explained, labels, together


def served(run: Run) -> Served:
    """Load the network of a run, and return what it can answer."""
    model, fitted, dataset = network.started(run), run.fitted(), run.config.dataset
    dataset.encode_texts(["a"], fitted)  # refuses now what no request could ask
    text = " ".join(fitted.vocabulary.words[:3]) if fitted.vocabulary else ""
    predict = Operation(
        "predict",
        "Predict each text",
        bodies.Texts,
        together(model, fitted, lambda one: dataset.encode_texts(one.texts, fitted)),
        sample={"texts": [text]},
    )
    explain = Operation(
        "explain",
        "Show the prediction after each token of a text",
        bodies.TextWithGates,
        each(explained(run, lambda one: explanation.example_of_text(run, one.text))),
        sample={"text": text, "gates": False},
    )
    does = f"predicts {fitted.task.labels} of texts"
    return Served(run, "texts", does, (predict, explain), labels(fitted))
