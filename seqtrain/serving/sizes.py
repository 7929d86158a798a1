"""How large a request may be, and how many may wait."""

BYTES = 1_000_000  # of a body
EXAMPLES = 256  # in a request
CHARACTERS = 100_000  # of a text
STEPS = 10_000  # of a sequence of numbers
FEATURES = 10_000  # of a step
ROWS = 20_000  # of series
HORIZON = 1_000  # steps of a forecast
TOKENS = 2_000  # to write
WRITTEN = 16  # texts to write
BEAMS = 16
WAITING = 2_000  # requests; more are told to come back
AT_ONCE = 64  # requests that are answered together
SECONDS = 30  # that requests in flight have when the server ends
