"""The largest numbers in configs and options: larger than any use, and safe in all libraries."""

SIZE = 65_536  # of one axis: units, steps, features
LAYERS = 64  # layers of one kind; each takes half a second to trace
EPOCHS = 1_000_000  # epochs: history.csv is rewritten after each
COUNT = 1_000_000_000  # of examples
TIME = 2**40  # absolute index of a step of a series
IDS = 10_000_000  # of a vocabulary
STEPS_AT_ONCE = 1_024  # optimizer steps in one call; signals wait for its end
THREADS = 1_024
SEED = 2**31 - 1  # valid in NumPy, TensorFlow and JAX
SEEDS = 1_000  # seeds of one config
JOBS = 64
DEVICES = 64  # of one process
CHOICES = 100  # values of one key of a search
REAL = 10**9  # its square still fits into a float32
