"""The errors that the library raises.

Library code raises a `SeqtrainError`; the command line catches it once and prints it.
Any other exception is a bug and keeps its traceback.
"""

LONGEST_REASON = 300  # letters of the message of another library


class SeqtrainError(Exception):
    """A problem that the user can solve.

    Args:
        message: what is wrong, where, and what was allowed; one sentence, or several lines.
        hint: what to type or do next.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        """Keep the message and the hint."""
        super().__init__(message)
        self.message = message
        self.hint = hint


def reason(error: BaseException) -> str:
    """Return why another library failed: the first line of its message, cut if long."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= LONGEST_REASON else f"{lines[0][:LONGEST_REASON]}…"


class ConfigError(SeqtrainError):
    """The config or an override is wrong."""


class DataError(SeqtrainError):
    """A data file is missing, damaged or of another type than its name says."""


class RunError(SeqtrainError):
    """A run folder is missing, or lacks a file that a command needs."""


class TrainingError(SeqtrainError):
    """The training failed, although its input was valid."""

    exit_code = 1


class DrawingError(SeqtrainError):
    """A picture could not be drawn, although its numbers exist."""

    exit_code = 1


class OutputError(SeqtrainError):
    """A result could not be printed."""

    exit_code = 1


class ServingError(SeqtrainError):
    """A run cannot be served at this address, or not without a token."""


class Terminated(KeyboardInterrupt):
    """SIGTERM ended the process, as batch schedulers do; otherwise like Ctrl-C."""


def stopped_by(error: KeyboardInterrupt) -> str:
    """Return how a user or a scheduler stopped the process: `interrupted` or `terminated`."""
    return "terminated" if isinstance(error, Terminated) else "interrupted"
