"""The program: its commands, and what it prints."""
