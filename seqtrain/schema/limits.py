"""The largest numbers that configs and options take: beyond any use, and within any library."""

SIZE = 65_536  # of one axis: units, steps, features
LAYERS = 64  # of one kind, one behind the other; each takes half a second to trace
EPOCHS = 1_000_000  # each has a row in history.csv, which is written anew after it
COUNT = 1_000_000_000  # of examples
IDS = 10_000_000  # of a vocabulary
STEPS_AT_ONCE = 1_024  # of the optimizer; a signal waits until they are done
THREADS = 1_024
SEED = 2**31 - 1  # NumPy, TensorFlow and JAX all take it
SEEDS = 1_000  # of one config, each with a run of its own
JOBS = 64
REAL = 10**9  # its square, too, is a float32
