"""The backend: chosen, started, and given faster loops."""
