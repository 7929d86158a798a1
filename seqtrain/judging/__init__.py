"""How good the answers of a network are, and whether it has learned anything."""
