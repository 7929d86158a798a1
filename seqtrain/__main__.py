"""`python -m seqtrain` is the `seqtrain` command."""

from seqtrain.cli import main

if __name__ == "__main__":
    main()
