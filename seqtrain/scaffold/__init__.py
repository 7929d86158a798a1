"""A config that is drafted for a person's data."""
