"""The report: one self-contained HTML page about runs, made from their folders.

A section is a function of runs, a template of the same name in `sections/`, and a line in
`page.SHOWN`. It is left out if its function returns nothing.
"""

from seqtrain.report.page import write

__all__ = ["write"]
