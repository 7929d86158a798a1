"""The tutorial's plain Keras script."""

import os
import sys
import time

from benchmarks import sides

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}

import keras  # noqa: E402
from keras import layers  # noqa: E402

CELLS = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}


def main(folder: str, seed: str) -> None:
    """Build, compile and fit as the tutorials do."""
    work, arrays = sides.workload(folder)
    keys = work["model"]
    keras.utils.set_random_seed(int(seed))
    tokens = work["vocabulary_size"]
    model = keras.Sequential([keras.Input(tuple(work["shape"]))])
    if tokens:
        model.add(layers.Embedding(tokens, keys["embedding_dim"], mask_zero=work["mask"]))
    for depth, units in enumerate(keys["units"], start=1):
        cell = CELLS[work["cell"]](
            units, activation=keys["activation"], return_sequences=depth < len(keys["units"])
        )
        model.add(layers.Bidirectional(cell) if work["both_ways"] else cell)
        model.add(layers.Dropout(keys["dropout"]))
    for units in keys["dense_units"]:
        model.add(layers.Dense(units, activation="relu"))
        model.add(layers.Dropout(keys["dropout"]))
    two = work["classes"] == 2
    model.add(
        layers.Dense(1, activation="sigmoid")
        if two
        else layers.Dense(work["classes"], activation="softmax")
    )
    loss = "binary_crossentropy" if two else "sparse_categorical_crossentropy"
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    ends: list[float] = []
    held: list[int] = []

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            ends.append(time.perf_counter())
            held.append(sides.peak())

    history = model.fit(
        arrays["x_train"],
        arrays["y_train"],
        batch_size=work["batch_size"],
        epochs=work["epochs"],
        validation_data=(arrays["x_val"], arrays["y_val"]),
        callbacks=[Clock()],
        verbose=0,
    )
    if work["whole"]:
        test = model.evaluate(arrays["x_test"], arrays["y_test"], verbose=0, return_dict=True)
        print(f"test accuracy {test['accuracy']:.4f}")
    sides.report(ends, history.history["val_loss"], model.count_params(), held[-1])


main(*sys.argv[1:])
