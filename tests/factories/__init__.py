"""Makers of data, networks, configs and runs that several test modules share."""
