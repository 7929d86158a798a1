"""Run folders: their places and their files."""
