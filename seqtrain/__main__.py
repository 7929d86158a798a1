"""The `seqtrain` command, also as `python -m seqtrain`."""

import os
import signal


def main() -> None:
    """Run the command line; during the imports Ctrl-C ends the process at once."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not in the background
    if heard:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from seqtrain.cli.main import main as run

    try:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        os._exit(130)


if __name__ == "__main__":
    main()
