"""Compare runs: rows, significance tests, tables."""
