"""Files: safe reading, atomic writing, errors with a place."""
