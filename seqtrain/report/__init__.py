"""One page that shows runs to a person: a file that needs no network, made from their folders.

A section is a function of runs, a template of the same name in `sections/`, and a line in
`page.SHOWN`. It is left out where its function returns nothing.
"""

from seqtrain.report.page import write

__all__ = ["write"]
